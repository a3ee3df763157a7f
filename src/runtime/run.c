/* SPDX-License-Identifier: Apache-2.0 */
/* create, start, wait and delete in one. */
#include <string.h>
#include <sys/prctl.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "kernel/process.h"
#include "kernel/sys.h"
#include "runtime/create.h"
#include "runtime/foreground.h"
#include "runtime/listener.h"
#include "runtime/state.h"

void creation_end(struct creation *c)
{
	struct err why = {0};
	bool is_clean;

	is_clean = cgroup_destroy(&c->cgroup, &why) >= 0;
	if (is_clean)
		is_clean = rdt_remove(&c->plan.container.rdt, c->q->id, &why) >= 0;
	if (!is_clean)
		log_warning("%s", why.text);
	container_run_poststop(&c->plan.container, &c->plan.spec.hooks.poststop);
	why.code = 0;
	/* The state names the groups: it stays for who deletes what is left. */
	if (is_clean && state_remove(c->rt, c->q->id, &why) < 0)
		log_warning("%s", why.text);
}

int creation_go(struct creation *c, struct err *e)
{
	struct listener listener = {&c->plan.spec.linux_.seccomp, &c->plan.container};
	struct launch_table table = {.handler = {[STEP_LISTENER] = listener_on_step},
				     .arg = &listener};
	int r = launch_serve(&c->launch, &table, STEP_EXEC, e);
	if (r < 0)
		return r;
	close(TAKE_FD(c->launch.socket));
	return container_run_hooks(&c->plan.container, &c->plan.spec.hooks.poststart, "poststart",
				   STATUS_RUNNING, e);
}

int creation_wait(struct creation *c, int signal_fd, bool is_reaper, int *ret_code, struct err *e)
{
	const struct create_request *q = c->q;
	int r;

	if (q->is_detached) {
		*ret_code = 0;
		creation_close(c);
		return 0;
	}
	r = foreground_wait(signal_fd, c->launch.pidfd, c->plan.container.pid, TAKE_FD(c->master),
			    is_reaper, e);
	if (!q->keeps)
		creation_end(c);
	creation_close(c);
	if (r >= 0)
		*ret_code = r;
	return r < 0 ? r : 0;
}

static int run_container(struct creation *c, int signal_fd, bool is_reaper, int *ret_code,
			 struct err *e)
{
	const struct create_request *q = c->q;
	int r;

	r = pid_file_write(q->pid_file, c->plan.container.pid, e);
	if (r == 0)
		r = pidfd_socket_send(q->pidfd_socket, c->launch.pidfd, e);
	if (r == 0)
		r = creation_go(c, e);
	if (r < 0) {
		creation_abort(c);
		return r;
	}
	return creation_wait(c, signal_fd, is_reaper, ret_code, e);
}

int runtime_run(const struct runtime *rt, const struct create_request *q, int *ret_code,
		struct err *e)
{
	auto_close int signal_fd = -EBADF;
	struct creation c;
	sigset_t old;
	bool is_reaper = false;
	int r;

	if (!q->is_detached) {
		signal_fd = foreground_begin(&old, e);
		if (signal_fd < 0)
			return signal_fd;
		is_reaper = !q->no_subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
	}
	r = creation_make(&c, rt, q, true, e);
	if (r == 0)
		r = run_container(&c, signal_fd, is_reaper, ret_code, e);
	if (!q->is_detached)
		sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}
