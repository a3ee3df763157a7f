/* SPDX-License-Identifier: Apache-2.0 */
/* From "created" to "running". */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "kernel/sys.h"
#include "runtime/create.h"
#include "runtime/listener.h"
#include "runtime/state.h"

/* Asks the waiting process to go on; returns once its program runs. */
static int ask_to_exec(int dir_fd, const struct container *c, const struct oci_spec *spec,
		       struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct listener listener = {&spec->linux_.seccomp, c};
	struct launch_table table = {.handler = {[STEP_LISTENER] = listener_on_step},
				     .arg = &listener};
	struct launch l = {LAUNCH_INIT, .pid = c->pid};
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r;

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" STATE_SOCKET,
		 dir_fd);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_sys(e, -errno, "reach the container's first process");
	r = handshake_send(fd, STEP_EXEC, 0, -1, NULL);
	if (r < 0)
		return err_sys(e, r, "ask the container's first process to start");
	l.socket = fd;
	r = launch_serve(&l, &table, STEP_EXEC, e);
	if (r < 0)
		return r;
	unlinkat(dir_fd, STATE_SOCKET, 0);
	return 0;
}

static int check_startable(const struct container *c, struct err *e)
{
	switch (c->status) {
	case STATUS_CREATED:
		return 0;
	case STATUS_STOPPED:
		return err_say(e, -EINVAL, "cannot start a container that has stopped");
	case STATUS_RUNNING:
		return err_say(e, -EINVAL, "cannot start an already running container");
	default:
		return err_say(e, -EINVAL, "cannot start a container in the %s state",
			       runtime_status_names[c->status]);
	}
}

int runtime_start(const struct runtime *rt, const char *id, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_close int dir = state_open(rt, id, e);
	struct container c;
	struct oci_spec spec;
	int r;

	if (dir < 0)
		return dir;
	if ((r = state_load(dir, id, &a, &c, e)) < 0 || (r = check_startable(&c, e)) < 0 ||
	    (r = plan_read_config(dir, id, &a, &spec, NULL, NULL, e)) < 0)
		return r;
	if (!spec.process.is_set)
		return err_say(e, -EINVAL, "container %s: config.json has no process to start", id);
	r = ask_to_exec(dir, &c, &spec, e);
	if (r < 0)
		return r;
	r = container_run_hooks(&c, &spec.hooks.poststart, "poststart", STATUS_RUNNING, e);
	if (r < 0) {
		/* The specification: a failed hook stops the container. */
		struct err why = {0};

		if (runtime_kill(rt, id, SIGKILL, true, &why) < 0)
			log_warning("%s", why.text);
	}
	return r;
}
