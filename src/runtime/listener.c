/* SPDX-License-Identifier: Apache-2.0 */
/* The hand-over of a seccomp listener to the agent that answers its notifications. */
#include "runtime/listener.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/auto.h"
#include "base/json.h"
#include "kernel/fd.h"

static void print_process_state(const struct listener *l, pid_t pid, struct json_writer *w)
{
	struct container shown = *l->container;

	if (!shown.pid) {
		shown.pid = pid;
		shown.status = STATUS_CREATING;
	}
	json_begin_object(w);
	json_put_string(w, "ociVersion", shown.oci_version);
	json_key(w, "fds");
	json_begin_array(w);
	json_string(w, "seccompFd");
	json_end_array(w);
	json_put_int(w, "pid", pid);
	if (l->seccomp->listener_metadata)
		json_put_string(w, "metadata", l->seccomp->listener_metadata);
	json_key(w, "state");
	runtime_state_print(&shown, w);
	json_end_object(w);
}

int listener_send(const struct listener *l, pid_t pid, int fd, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = l->seccomp->listener_path;
	auto_json_writer struct json_writer w = {0};
	auto_close int to = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (!path || strlen(path) >= sizeof(address.sun_path))
		return err_say(e, -EINVAL, "linux.seccomp.listenerPath: missing or too long");
	strcpy(address.sun_path, path);
	if (to < 0 || connect(to, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_sys(e, -errno, "connect to linux.seccomp.listenerPath %s", path);
	print_process_state(l, pid, &w);
	r = fd_send(to, w.buf, w.len, fd);
	return r < 0 ? err_sys(e, r, "send the seccomp listener to %s", path) : 0;
}

int listener_on_step(void *arg, struct request *q, struct err *e)
{
	if (q->fd < 0)
		return err_say(e, -EPROTO, "the child sent no seccomp listener");
	return listener_send(arg, q->launch->pid, q->fd, e);
}
