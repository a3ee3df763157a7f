/* SPDX-License-Identifier: Apache-2.0 */
/* One more process in a running container. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "kernel/proc.h"
#include "kernel/process.h"
#include "kernel/sys.h"
#include "oci/decode.h"
#include "runtime/console.h"
#include "runtime/create.h"
#include "runtime/foreground.h"
#include "runtime/listener.h"
#include "runtime/state.h"

/* What both sides know. */
struct joining {
	const struct exec_request *q;
	struct arena arena;
	struct container container;
	struct oci_spec spec; /* the container's stored configuration */
	struct ns_plan ns;
	struct process_plan process;
	struct cgroup cgroup;
	int init_pidfd, root_fd; /* root_fd: the container's root where it has no mount namespace */
	bool is_staged;
	bool is_gated; /* the child waits until the parent has put it where it belongs */
	int master;
	struct launch launch;
};

/* ---- the child --------------------------------------------------------------------------------- */

/* Joins those of the kinds (bits by enum ns_type) that the container does not share with its creator. */
static int join_kinds(const struct joining *j, unsigned kinds, struct err *e)
{
	int flags = 0;

	for (int i = 0; i < NS_TYPE_COUNT; i++)
		if (j->ns.action[i] != NS_INHERIT && kinds & 1U << i)
			flags |= (int)ns_kinds[i]->clone_flag;
	if (flags && setns(j->init_pidfd, flags) < 0)
		return err_sys(e, -errno, "join the namespaces of container %s", j->container.id);
	return 0;
}

static int exec_stage(void *arg, struct err *e)
{
	/* Security: it is seen from inside as soon as it has joined. */
	prctl(PR_SET_DUMPABLE, 0);
	/* Order: with "nsdelegate" nobody enters a group from another cgroup namespace. */
	return join_kinds(arg, ~(1U << NS_CGROUP), e);
}

/* Inside: what the user namespace allows, and its root's ids. */
static int become_root(const struct joining *j, bool *ret_can_setgroups, struct err *e)
{
	auto_close int proc = -EBADF;

	*ret_can_setgroups = true;
	if (j->ns.action[NS_USER] == NS_INHERIT && !j->container.is_rootless)
		return 0;
	proc = proc_open();
	if (proc < 0)
		return err_sys(e, proc, "open a private procfs for setgroups");
	*ret_can_setgroups = ns_user_can_setgroups(proc);
	if (j->ns.action[NS_USER] == NS_INHERIT)
		return 0;
	/* EINVAL: it maps no root; the process goes on as who it is, until it becomes its user. */
	if ((setresgid(0, 0, 0) < 0 && errno != EINVAL) ||
	    (setresuid(0, 0, 0) < 0 && errno != EINVAL))
		return err_sys(e, -errno, "become root of the container's user namespace");
	return 0;
}

static int set_console(const struct joining *j, int socket, struct err *e)
{
	auto_close int dev = open("/dev", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int peer = -EBADF;
	auto_close int master = console_open(dev, &j->q->process, &peer, e);
	int r;

	if (master < 0)
		return master;
	r = handshake_ask(socket, STEP_CONSOLE, 0, master, NULL, NULL, e);
	return r < 0 ? r : console_adopt(peer, e);
}

static int enter_container(struct joining *j, struct err *e)
{
	int r;

	/* Before anything of the container's can reach us: through our own, still clean /proc. */
	if (j->q->process.oom_score_adj.is_set) {
		auto_close int proc = proc_open();

		r = proc < 0 ? proc : oom_score_apply(j->q->process.oom_score_adj.value, proc, e);
		if (r < 0)
			return err_sys(e, r, "set oom_score_adj");
	}
	/* Security: nobody inside may trace us or open our files (CVE-2016-9962). */
	prctl(PR_SET_DUMPABLE, 0);
	/* pid was entered before the clone */
	r = join_kinds(j, j->is_staged ? 1U << NS_CGROUP : ~(1U << NS_PID), e);
	if (r < 0)
		return r;
	if (j->root_fd >= 0 && (fchdir(j->root_fd) < 0 || chroot(".") < 0))
		return err_sys(e, -errno, "enter the root of container %s", j->container.id);
	setsid();
	return 0;
}

static void __attribute__((noreturn)) exec_child(void *arg, int socket)
{
	struct joining *j = arg;
	const char *program = NULL;
	bool can_setgroups = true;
	struct err e = {0};

	/* Order: nothing of it may run, or be made, outside its group. */
	if (j->is_gated && handshake_ask(socket, STEP_BORN, 0, -1, NULL, NULL, &e) < 0)
		launch_fail(socket, &e);
	if (cgroup_enter_self(&j->cgroup, &e) < 0 || enter_container(j, &e) < 0 ||
	    become_root(j, &can_setgroups, &e) < 0)
		launch_fail(socket, &e);
	prctl(PR_SET_DUMPABLE, 0); /* the change of ids may have reset it */
	if (j->q->process.terminal && set_console(j, socket, &e) < 0)
		launch_fail(socket, &e);
	if (process_prepare(&j->process, &j->arena, &program, &e) < 0)
		launch_fail(socket, &e);
	process_exec(&j->process, program, can_setgroups, socket, &e);
	launch_fail(socket, &e);
}

/* ---- the parent -------------------------------------------------------------------------------- */

static int on_born(void *arg, struct request *q, struct err *e)
{
	const struct joining *j = arg;
	int r = rdt_enter(&j->container.rdt, j->q->id, q->launch->pid, e);

	return r < 0 ? r : cgroup_attach(&j->cgroup, q->launch->pid, e);
}

static int on_console(void *arg, struct request *q, struct err *e)
{
	struct joining *j = arg;

	if (q->fd < 0)
		return err_say(e, -EPROTO, "the child sent no terminal");
	if (j->q->console_socket)
		return console_send(j->q->console_socket, q->fd, e);
	j->master = TAKE_FD(q->fd);
	console_clear_onlcr(j->master);
	return 0;
}

static int on_listener(void *arg, struct request *q, struct err *e)
{
	struct joining *j = arg;
	struct listener listener = {&j->spec.linux_.seccomp, &j->container};

	return listener_on_step(&listener, q, e);
}

static int check_status(const struct joining *j, struct err *e)
{
	switch (j->container.status) {
	case STATUS_RUNNING:
	case STATUS_CREATED:
		return 0;
	case STATUS_PAUSED:
		if (j->q->ignore_paused)
			return 0;
		return err_say(e, -EBUSY,
			       "cannot exec in a paused container (use --ignore-paused to "
			       "override)");
	case STATUS_STOPPED:
		return err_say(e, -ESRCH, "cannot exec in a stopped container");
	default:
		return err_say(e, -EBUSY, "cannot exec in a container that is being created");
	}
}

static int check_terminal(const struct exec_request *q, struct err *e)
{
	if (q->console_socket && !q->process.terminal)
		return err_say(e, -EINVAL,
			       "cannot use console socket if the process has no terminal");
	if (q->process.terminal && q->is_detached && !q->console_socket)
		return err_say(e, -EINVAL,
			       "cannot allocate tty if the runtime will detach without "
			       "setting console socket");
	return 0;
}

/* A user namespace that was joined by path may be our own, which setns(2) refuses to enter again. */
static int skip_own_user(struct joining *j, struct err *e)
{
	auto_close int fd = -EBADF;
	char path[64];

	if (j->ns.action[NS_USER] != NS_JOIN)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", j->container.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, -errno, "open the user namespace of container %s",
			       j->container.id);
	if (ns_is_own(ns_kinds[NS_USER], fd))
		j->ns.action[NS_USER] = NS_INHERIT;
	return 0;
}

static int open_init(struct joining *j, struct err *e)
{
	const struct container *c = &j->container;
	uint64_t ticks;
	char path[64];

	j->init_pidfd = sys_pidfd_open(c->pid, 0);
	if (j->init_pidfd < 0)
		return err_sys(e, j->init_pidfd, "reach the first process of container %s", c->id);
	if (process_start_time(c->pid, &ticks, NULL) < 0 || ticks != c->start_ticks)
		return err_say(e, -ESRCH, "cannot exec in a stopped container");
	if (j->ns.action[NS_MOUNT] != NS_INHERIT)
		return skip_own_user(j, e);
	snprintf(path, sizeof(path), "/proc/%d/root", c->pid);
	j->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (j->root_fd < 0)
		return err_sys(e, -errno, "open the root of container %s", c->id);
	return skip_own_user(j, e);
}

static int launch(struct joining *j, struct err *e)
{
	static const struct launch_table table = {
		.handler = {[STEP_BORN] = on_born,
			    [STEP_CONSOLE] = on_console,
			    [STEP_LISTENER] = on_listener},
	};
	struct launch_table answers = table;
	bool joins_pid = j->ns.action[NS_PID] != NS_INHERIT;
	auto_close int own_pid_ns = joins_pid ? ns_own_pid() : -EBADF;
	int r;

	j->launch = (struct launch){LAUNCH_INIT};
	j->launch.cgroup_fd = cgroup_clone_fd(&j->cgroup);
	j->launch.child = exec_child;
	j->launch.arg = j;
	j->is_staged = joins_pid && own_pid_ns < 0;
	j->is_gated = j->cgroup.unit.is_user || j->container.rdt.clos;
	if (j->is_staged)
		j->launch.stage = exec_stage;
	if (j->ns.action[NS_PID] != NS_INHERIT && !j->is_staged &&
	    setns(j->init_pidfd, CLONE_NEWPID) < 0)
		return err_sys(e, -errno, "join the pid namespace of container %s",
			       j->container.id);
	r = launch_start(&j->launch, e);
	if (own_pid_ns >= 0 && setns(own_pid_ns, CLONE_NEWPID) < 0 && r == 0)
		r = err_sys(e, -errno, "return to our own pid namespace");
	if (r < 0)
		return r;
	answers.arg = j;
	return launch_serve(&j->launch, &answers, STEP_EXEC, e);
}

static int exec_steps(struct joining *j, const struct runtime *rt, struct err *e)
{
	auto_close int dir = state_open(rt, j->q->id, e);
	int r;

	if (dir < 0)
		return dir;
	if ((r = state_load(dir, j->q->id, &j->arena, &j->container, e)) < 0 ||
	    (r = check_status(j, e)) < 0 || (r = check_terminal(j->q, e)) < 0 ||
	    (r = oci_check_process(&j->q->process, e)) < 0 ||
	    (r = plan_read_config(dir, j->q->id, &j->arena, &j->spec, NULL, NULL, e)) < 0 ||
	    (r = ns_plan_make(&j->spec, j->container.is_rootless, &j->ns, e)) < 0)
		return r;
	/* Scheduling and memory policy of the container are its first process's own. */
	j->spec.linux_.memory_policy.mode = NULL;
	r = process_plan_make(&j->q->process, &j->spec.linux_, NULL, &j->arena, &j->process, e);
	if (r < 0)
		return r;
	j->process.preserve_fds = j->q->preserve_fds;
	if (!j->container.no_new_keyring)
		j->process.keyring = plan_keyring(j->q->id, &j->arena);
	if ((r = open_init(j, e)) < 0 ||
	    (r = cgroup_open_for_exec(&j->container.cgroup, j->q->cgroup, &j->arena, &j->cgroup,
				      e)) < 0)
		return r;
	r = launch(j, e);
	if (r == 0)
		r = pid_file_write(j->q->pid_file, j->launch.pid, e);
	return r < 0 ? r : pidfd_socket_send(j->q->pidfd_socket, j->launch.pidfd, e);
}

static void joining_close(struct joining *j)
{
	int *const fds[] = {&j->init_pidfd, &j->root_fd, &j->master, &j->launch.pidfd,
			    &j->launch.socket};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
	cgroup_close(&j->cgroup);
	arena_free(&j->arena);
}

int runtime_exec(const struct runtime *rt, const struct exec_request *q, int *ret_code,
		 struct err *e)
{
	auto_close int signal_fd = -EBADF;
	struct joining j = {.q = q,
			    .init_pidfd = -EBADF,
			    .root_fd = -EBADF,
			    .master = -EBADF,
			    .launch = {LAUNCH_INIT}};
	sigset_t old;
	bool is_reaper = false;
	int r;

	if (!q->is_detached) {
		signal_fd = foreground_begin(&old, e);
		if (signal_fd < 0)
			return signal_fd;
		is_reaper = !q->no_subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
	}
	r = exec_steps(&j, rt, e);
	if (r < 0) {
		launch_abort(&j.launch);
	} else if (q->is_detached) {
		*ret_code = 0;
	} else {
		r = foreground_wait(signal_fd, j.launch.pidfd, j.launch.pid, TAKE_FD(j.master),
				    is_reaper, e);
		if (r >= 0)
			*ret_code = r;
	}
	joining_close(&j);
	if (!q->is_detached)
		sigprocmask(SIG_SETMASK, &old, NULL);
	return r < 0 ? r : 0;
}

int runtime_exec_defaults(const struct runtime *rt, const char *id, struct arena *a,
			  struct oci_process *ret, struct err *e)
{
	auto_close int dir = state_open(rt, id, e);
	struct oci_spec spec;
	int r;

	if (dir < 0)
		return dir;
	r = plan_read_config(dir, id, a, &spec, NULL, NULL, e);
	if (r < 0)
		return r;
	if (!spec.process.is_set)
		return err_say(e, -EINVAL, "container %s: config.json has no process", id);
	*ret = spec.process;
	return 0;
}
