/* SPDX-License-Identifier: Apache-2.0 */
/* The container's first process, from its birth to the exec of its program. */
#include "runtime/child.h"

#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "kernel/proc.h"
#include "kernel/sys.h"
#include "runtime/console.h"
#include "runtime/hooks.h"
#include "runtime/launch.h"

enum { ACCEPT_FAILURES_MAX = 1000 };

struct birth { /* one child's way through the steps */
	const struct child *c;
	const struct plan *plan;
	int socket;
	struct rootfs rootfs;
	bool can_setgroups;
	pid_t host_pid; /* our pid as the host sees it; known once hooks need it */
	const char *program;
};

/* ---- namespaces ------------------------------------------------------------------------------ */

/* Joins what may be joined with the rights over the host that go with entering the user namespace:
 * a network that belongs to the host, for one. What belongs to the user namespace itself is refused
 * before (EPERM) and joined after it. Mount is always last. */
static int join_before_user(const struct child *c, bool is_in_group, unsigned *joined,
			    struct err *e)
{
	for (size_t i = 0; i < NS_TYPE_COUNT; i++) {
		enum ns_type type = ns_join_order[i];
		struct err why = {0};
		int r;

		if (c->plan->ns.action[type] != NS_JOIN || type == NS_USER || type == NS_MOUNT ||
		    (type == NS_PID && is_in_group))
			continue;
		/* Order: with "nsdelegate" nobody enters a group from another cgroup namespace. */
		if (type == NS_CGROUP && !is_in_group)
			continue;
		r = ns_join(&c->plan->ns, type, c->ns_fds, &why);
		if (r == 0)
			*joined |= 1U << type;
		if (r < 0 && r != -EPERM) {
			*e = why;
			return r;
		}
	}
	return 0;
}

int child_stage(void *arg, struct err *e)
{
	struct child *c = arg;
	int r = join_before_user(c, false, &c->joined, e);

	if (r >= 0)
		r = ns_join(&c->plan->ns, NS_USER, c->ns_fds, e);
	if (r < 0 || c->joined & 1U << NS_PID)
		return r;
	return ns_join(&c->plan->ns, NS_PID, c->ns_fds, e);
}

/* A pid namespace was joined before the clone: by the process in between or by the parent. */
static int join_namespaces(const struct child *c, struct err *e)
{
	unsigned joined = c->joined | 1U << NS_PID;
	int r = 0;

	if (c->is_staged)
		joined |= 1U << NS_USER;
	else if (c->plan->ns.action[NS_USER] == NS_JOIN)
		r = join_before_user(c, true, &joined, e);
	for (size_t i = 0; r >= 0 && i < NS_TYPE_COUNT; i++)
		if (!(joined & 1U << ns_join_order[i]))
			r = ns_join(&c->plan->ns, ns_join_order[i], c->ns_fds, e);
	return r < 0 ? r : 0;
}

/* An ordinary user's namespace may have given up setgroups(2) for its id map. */
static int find_setgroups(struct birth *b, struct err *e)
{
	auto_close int proc = -EBADF;

	b->can_setgroups = true;
	if (b->plan->ns.action[NS_USER] == NS_INHERIT && !b->plan->ns.is_rootless)
		return 0;
	proc = proc_open();
	if (proc < 0)
		return err_sys(e, proc, "open a private procfs for setgroups");
	b->can_setgroups = ns_user_can_setgroups(proc);
	return 0;
}

static int step_namespaces(struct birth *b, struct err *e)
{
	const struct plan *p = b->plan;
	const struct oci_hooks *hooks = &p->spec.hooks;
	int r;

	if (p->spec.process.oom_score_adj.is_set && p->ns.action[NS_USER] != NS_CREATE) {
		auto_close int proc = proc_open();

		if (proc < 0)
			return err_sys(e, proc, "open a private procfs for oom_score_adj");
		r = oom_score_apply(p->spec.process.oom_score_adj.value, proc, e);
		if (r < 0)
			return r;
	}
	if (p->ns.action[NS_USER] == NS_CREATE &&
	    (r = handshake_ask(b->socket, STEP_USERNS, 0, -1, NULL, NULL, e)) < 0)
		return r;
	if ((r = join_namespaces(b->c, e)) < 0 || (r = find_setgroups(b, e)) < 0 ||
	    (r = ns_prepare(&p->ns, e)) < 0 || (r = ns_cgroup_create(&p->ns, e)) < 0)
		return r;
	/* Security: nobody else may look into us while we hold the host's descriptors
	 * (CVE-2016-9962). Not earlier: our /proc files would belong to the host's root, and the
	 * id maps and time offsets could not be written. */
	prctl(PR_SET_DUMPABLE, 0);
	setsid();
	/* The answer comes after the parent has put us into the resctrl group. */
	if (p->ns.n_net_devices || p->container.rdt.clos ||
	    hooks->prestart.n + hooks->create_runtime.n)
		return handshake_ask(b->socket, STEP_BORN, 0, -1, NULL, NULL, e);
	return 0;
}

/* ---- root file system ------------------------------------------------------------------------ */

static int ask_source(void *arg, int index, struct err *e)
{
	struct birth *b = arg;
	int fd = -EBADF, r = handshake_ask(b->socket, STEP_SOURCE, index, -1, NULL, &fd, e);

	return r < 0 ? r : fd;
}

static int run_hooks(struct birth *b, const struct oci_hook_list *hooks, const char *name,
		     enum runtime_status status, struct err *e)
{
	struct container c = b->plan->container;
	auto_json_writer struct json_writer w = {0};
	int r;

	if (!hooks->n)
		return 0;
	if (!b->host_pid) {
		int32_t pid = 0;

		r = handshake_ask(b->socket, STEP_HOOKS, 0, -1, &pid, NULL, e);
		if (r < 0)
			return r;
		b->host_pid = pid;
	}
	c.pid = b->host_pid;
	c.status = status;
	runtime_state_print(&c, &w);
	return hooks_run(hooks, name, w.buf, w.len, -EBADF, e);
}

static int set_console(struct birth *b, struct err *e)
{
	auto_close int peer = -EBADF;
	auto_close int master = console_open(b->rootfs.dev_fd, &b->plan->spec.process, &peer, e);
	int r;

	if (master < 0)
		return master;
	r = handshake_ask(b->socket, STEP_CONSOLE, 0, master, NULL, NULL, e);
	if (r < 0)
		return r;
	r = rootfs_bind_console(&b->plan->rootfs, &b->rootfs, peer, e);
	return r < 0 ? r : console_adopt(peer, e);
}

static int write_sysctls(struct birth *b, struct err *e)
{
	auto_close int proc = -EBADF;

	if (!b->plan->ns.sysctl.n)
		return 0;
	proc = proc_open();
	if (proc < 0)
		return err_sys(e, proc, "open a private procfs for sysctls");
	return ns_write_sysctls(&b->plan->ns, proc, e);
}

static int step_rootfs(struct birth *b, struct err *e)
{
	const struct plan *p = b->plan;
	struct rootfs_helper helper = {ask_source, b};
	int r = rootfs_mount_all(&p->rootfs, &helper, &b->rootfs, e);

	if (r < 0)
		return r;
	if (p->spec.process.is_set && p->spec.process.terminal && (r = set_console(b, e)) < 0)
		return r;
	r = run_hooks(b, &p->spec.hooks.create_container, "createContainer", STATUS_CREATING, e);
	if (r < 0 || (r = rootfs_pivot(&p->rootfs, &b->rootfs, e)) < 0 ||
	    (r = write_sysctls(b, e)) < 0)
		return r;
	return rootfs_finish(&p->rootfs, &b->rootfs, e);
}

/* ---- start ----------------------------------------------------------------------------------- */

/* `start` connects; from then on its connection is where errors go. */
static int await_start(struct birth *b, struct err *e)
{
	auto_close int fd = accept4(b->c->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	struct message m;
	int r;

	if (fd < 0)
		return err_sys(e, -errno, "wait for start");
	r = handshake_receive(fd, &m, NULL);
	if (r <= 0 || m.step != STEP_EXEC) {
		err_say(e, -EPROTO, "whoever connected did not ask for a start");
		handshake_send(fd, STEP_FAILED, 0, -1, e);
		return -EPROTO;
	}
	close(b->socket);
	b->socket = TAKE_FD(fd);
	return 0;
}

static int step_start(struct birth *b, struct err *e)
{
	bool waits = b->c->listen_fd >= 0;
	bool asks = waits || b->c->waits_ready;
	int r;

	/* `run` writes its state while we go on: an answer would cost two changes of process. */
	r = asks ? handshake_ask(b->socket, STEP_READY, 0, -1, NULL, NULL, e)
		 : handshake_send(b->socket, STEP_READY, 0, -1, NULL);
	if (r < 0)
		return r;
	for (int failures = 0; waits; failures++) {
		/* A caller that went away is no reason to give up the container, nor is a moment without
		 * memory or descriptors: who connects stays in the queue. */
		struct err why = {0};

		r = await_start(b, &why);
		if (r == 0)
			break;
		if (r != -EPROTO && failures > ACCEPT_FAILURES_MAX) {
			*e = why;
			return r;
		}
	}
	return run_hooks(b, &b->plan->spec.hooks.start_container, "startContainer", STATUS_CREATED,
			 e);
}

/* The start step asks the creator for our pid, which has gone by then: ask while it is there. */
static int learn_pid(struct birth *b, struct err *e)
{
	int32_t pid = 0;
	int r;

	if (!b->plan->spec.hooks.start_container.n || b->host_pid)
		return 0;
	r = handshake_ask(b->socket, STEP_HOOKS, 0, -1, &pid, NULL, e);
	b->host_pid = pid;
	return r;
}

void child_main(void *arg, int socket)
{
	const struct child *c = arg;
	const struct plan *p = c->plan;
	struct birth b = {.c = c, .plan = p, .socket = socket, .rootfs = ROOTFS_INIT};
	struct err e = {0};

	if (cgroup_enter_self(c->cgroup, &e) < 0 || step_namespaces(&b, &e) < 0 ||
	    step_rootfs(&b, &e) < 0)
		launch_fail(b.socket, &e);
	if (p->spec.process.is_set && process_prepare(&p->process, c->arena, &b.program, &e) < 0)
		launch_fail(b.socket, &e);
	if (learn_pid(&b, &e) < 0 || step_start(&b, &e) < 0)
		launch_fail(b.socket, &e);
	process_exec(&p->process, b.program, b.can_setgroups, b.socket, &e);
	launch_fail(b.socket, &e);
}
