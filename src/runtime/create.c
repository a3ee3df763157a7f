/* SPDX-License-Identifier: Apache-2.0 */
/* A container from its bundle to a first process that waits for its start. */
#include "runtime/create.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/json.h"
#include "base/log.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/sys.h"
#include "runtime/child.h"
#include "runtime/console.h"
#include "runtime/hooks.h"
#include "runtime/state.h"

/* ---- what the container's owner asked to be told ------------------------------------------------ */

int pid_file_write(const char *path, pid_t pid, struct err *e)
{
	char text[16], name[256], dir[4096];
	const char *slash = path ? strrchr(path, '/') : NULL;
	auto_close int fd = -EBADF;
	int n, r;

	if (!path)
		return 0;
	n = snprintf(text, sizeof(text), "%d", pid);
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	snprintf(name, sizeof(name), "%s", slash ? slash + 1 : path);
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : file_replace_at(fd, name, text, (size_t)n, 0644);
	return r < 0 ? err_sys(e, r, "write pid file %s", path) : 0;
}

int pidfd_socket_send(const char *path, int pidfd, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_close int fd = -EBADF;
	int r;

	if (!path)
		return 0;
	if (strlen(path) >= sizeof(address.sun_path))
		return err_say(e, -ENAMETOOLONG, "pidfd socket %s: the path is too long", path);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_sys(e, -errno, "connect to pidfd socket %s", path);
	r = fd_send(fd, "pidfd", 5, pidfd);
	return r < 0 ? err_sys(e, r, "send the pidfd to %s", path) : 0;
}

int container_run_hooks(const struct container *c, const struct oci_hook_list *hooks,
			const char *name, enum runtime_status status, struct err *e)
{
	struct container shown = *c;
	auto_json_writer struct json_writer w = {0};
	auto_close int bundle = -EBADF;

	if (!hooks->n)
		return 0;
	shown.status = status;
	runtime_state_print(&shown, &w);
	bundle = open(c->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return hooks_run(hooks, name, w.buf, w.len, bundle, e);
}

void container_run_poststop(const struct container *c, const struct oci_hook_list *hooks)
{
	struct container shown = *c;
	auto_json_writer struct json_writer w = {0};
	auto_close int bundle = -EBADF;

	if (!hooks->n)
		return;
	shown.status = STATUS_STOPPED;
	shown.pid = 0;
	runtime_state_print(&shown, &w);
	bundle = open(c->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	hooks_run_poststop(hooks, w.buf, w.len, bundle);
}

/* ---- answers to the child ----------------------------------------------------------------------- */

static int on_userns(void *arg, struct request *q, struct err *e)
{
	struct creation *c = arg;
	const struct maybe_i64 *oom = &c->plan.spec.process.oom_score_adj;
	char path[64], value[16];
	int r = ns_user_write_maps(&c->plan.ns, q->launch->pid, e);

	if (r < 0 || !oom->is_set)
		return r;
	/* The child has no rights over the machine any more, so it is done for it. */
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", q->launch->pid);
	snprintf(value, sizeof(value), "%d", (int)oom->value);
	r = file_write_at(AT_FDCWD, path, value);
	return r < 0 ? err_sys(e, r, "set process.oomScoreAdj %s (lowering needs CAP_SYS_RESOURCE)",
			       value)
		     : 0;
}

int creation_take_pid(struct creation *c, pid_t pid, struct err *e)
{
	int r;

	if (c->plan.container.pid)
		return 0;
	r = process_start_time(pid, &c->plan.container.start_ticks, NULL);
	if (r < 0)
		return err_sys(e, r, "find the start time of process %d", pid);
	c->plan.container.pid = pid;
	return 0;
}

static int on_born(void *arg, struct request *q, struct err *e)
{
	struct creation *c = arg;
	const struct oci_hooks *hooks = &c->plan.spec.hooks;
	int r = creation_take_pid(c, q->launch->pid, e);

	if (r < 0 || (r = ns_net_devices_move(&c->plan.ns, q->launch->pid, e)) < 0)
		return r;
	c->owes_poststop = true;
	r = container_run_hooks(&c->plan.container, &hooks->prestart, "prestart", STATUS_CREATING,
				e);
	return r < 0 ? r
		     : container_run_hooks(&c->plan.container, &hooks->create_runtime,
					   "createRuntime", STATUS_CREATING, e);
}

static int on_source(void *arg, struct request *q, struct err *e)
{
	struct creation *c = arg;
	auto_close int userns = -EBADF;
	char path[64];
	int fd;

	if (q->value < -1 || q->value >= (int32_t)c->plan.rootfs.mounts.n)
		return err_say(e, -EPROTO, "the child asked for mount %d", q->value);
	if (c->plan.ns.action[NS_USER] != NS_INHERIT) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", q->launch->pid);
		userns = open(path, O_RDONLY | O_CLOEXEC);
	}
	fd = rootfs_open_source(&c->plan.rootfs, q->value, userns, e);
	if (fd < 0)
		return fd;
	q->answer_fd = fd;
	return 0;
}

static int on_console(void *arg, struct request *q, struct err *e)
{
	struct creation *c = arg;

	if (q->fd < 0)
		return err_say(e, -EPROTO, "the child sent no terminal");
	if (c->q->console_socket)
		return console_send(c->q->console_socket, q->fd, e);
	c->master = TAKE_FD(q->fd);
	if (!c->q->keeps_onlcr)
		console_clear_onlcr(c->master);
	return 0;
}

static int on_hooks(void *arg, struct request *q, struct err *e)
{
	struct creation *c = arg;

	(void)e;
	c->owes_poststop = true;
	q->answer_value = q->launch->pid;
	return 0;
}

static const struct launch_table answers = {
	.handler =
		{
			[STEP_USERNS] = on_userns,
			[STEP_BORN] = on_born,
			[STEP_SOURCE] = on_source,
			[STEP_CONSOLE] = on_console,
			[STEP_HOOKS] = on_hooks,
		},
};

/* ---- making -------------------------------------------------------------------------------------- */

/* The socket's path may be longer than sockaddr_un holds, so it is named by its folder's descriptor. */
static int make_start_socket(int dir_fd, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" STATE_SOCKET,
		 dir_fd);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 8) < 0)
		return err_sys(e, -errno, "make the socket that waits for start");
	return TAKE_FD(fd);
}

static int claim(struct creation *c, bool is_run, struct err *e)
{
	struct container *container = &c->plan.container;
	struct timespec now;
	auto_close int config = -EBADF;
	int r;

	c->dir_fd = state_claim(c->rt, c->q->id, e);
	if (c->dir_fd < 0)
		return c->dir_fd;
	c->is_claimed = true;
	clock_gettime(CLOCK_REALTIME, &now);
	container->created_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	config = openat(c->dir_fd, STATE_CONFIG, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = config < 0 ? -errno : fd_write_all(config, c->plan.config, c->plan.config_n);
	if (r < 0)
		return err_sys(e, r, "keep a copy of config.json");
	if (is_run)
		return 0;
	c->listen_fd = make_start_socket(c->dir_fd, e);
	return c->listen_fd < 0 ? c->listen_fd : 0;
}

/* The groups as the state keeps them: named before they are made, so that a killed `create` can be
 * cleaned up after. */
static void name_groups(struct creation *c)
{
	const struct plan *p = &c->plan;
	struct cgroup_saved *saved = &c->plan.container.cgroup;

	saved->unit = p->cgroup.unit;
	saved->v = arena_array(&c->arena, p->layout.n + 1, sizeof(*saved->v));
	for (unsigned i = 0; i < p->layout.n; i++) {
		const struct cgroup_hierarchy *h = &p->layout.hierarchy[i];

		if (!p->cgroup.group_path[i])
			continue;
		saved->v[saved->n].v2 = h->is_v2;
		saved->v[saved->n].controllers = h->controllers;
		saved->v[saved->n].mount = h->mount;
		saved->v[saved->n].path = p->cgroup.group_path[i];
		saved->n++;
	}
}

static int launch_child(struct creation *c, struct child *child, struct err *e)
{
	const struct ns_plan *ns = &c->plan.ns;
	auto_close int own_pid_ns = ns->action[NS_PID] == NS_JOIN ? ns_own_pid() : -EBADF;
	int r;

	c->launch.flags = ns_clone_flags(ns);
	c->launch.cgroup_fd = cgroup_clone_fd(&c->cgroup);
	c->launch.child = child_main;
	c->launch.arg = child;
	child->is_staged = ns_needs_stage(ns, own_pid_ns >= 0);
	if (child->is_staged)
		c->launch.stage = child_stage;
	if (ns->action[NS_PID] != NS_JOIN || child->is_staged)
		return launch_start(&c->launch, e);
	/* Joining a pid namespace takes effect for children only: enter it for one clone. */
	r = ns_join(ns, NS_PID, c->ns_fds, e);
	if (r == 0)
		r = launch_start(&c->launch, e);
	if (setns(own_pid_ns, CLONE_NEWPID) < 0 && r == 0)
		r = err_sys(e, -errno, "return to our own pid namespace");
	return r;
}

int creation_prepare(struct creation *c, bool is_run, struct err *e)
{
	struct plan *p = &c->plan;
	int r;

	if ((r = state_check_id(c->q->id, e)) < 0 ||
	    (r = plan_make(c->rt, c->q, &c->arena, p, e)) < 0)
		return r;
	if (is_run && !p->spec.process.is_set)
		return err_say(e, -EINVAL, "config.json has no process to run");
	if ((r = ns_open(&p->ns, c->ns_fds, e)) < 0 ||
	    (r = rdt_plan(&p->spec.linux_.intel_rdt, c->q->id, &p->container.rdt, e)) < 0 ||
	    (r = claim(c, is_run, e)) < 0)
		return r;
	name_groups(c);
	if ((r = state_save(c->dir_fd, &p->container, e)) < 0)
		return r;
	r = cgroup_create(&p->cgroup, &c->cgroup, e);
	if (r < 0)
		return r;
	c->has_cgroup = true;
	r = rdt_create(&p->spec.linux_.intel_rdt, c->q->id, &p->container.rdt, e);
	if (r < 0)
		return r;
	c->has_rdt = true;
	return 0;
}

static int creation_steps(struct creation *c, bool is_run, struct err *e)
{
	struct plan *p = &c->plan;
	struct child child = {
		.plan = p, .arena = &c->arena, .cgroup = &c->cgroup, .ns_fds = c->ns_fds};
	struct launch_table table = answers;
	int r = creation_prepare(c, is_run, e);

	if (r < 0)
		return r;
	child.listen_fd = c->listen_fd;
	child.waits_ready = is_run && c->q->on_born;
	r = launch_child(c, &child, e);
	c->launch.arg = NULL; /* the child has its copy */
	/* Order: before it is served, so that its cgroup namespace begins in its group. */
	if (r < 0 || (r = cgroup_attach(&c->cgroup, c->launch.pid, e)) < 0 ||
	    (r = rdt_enter(&p->container.rdt, c->q->id, c->launch.pid, e)) < 0)
		return r;
	/* While the child makes its mounts. */
	if (c->q->on_born && (r = c->q->on_born(c->q->on_born_arg, c->launch.pid, e)) < 0)
		return r;
	table.arg = c;
	r = launch_serve(&c->launch, &table, STEP_READY, e);
	if (r < 0)
		return r;
	cgroup_settle(&c->cgroup);
	if (child.waits_ready &&
	    (r = handshake_send(c->launch.socket, STEP_READY, 0, -1, NULL)) < 0)
		return err_sys(e, r, "let the program run");
	if ((r = creation_take_pid(c, c->launch.pid, e)) < 0)
		return r;
	c->owes_poststop = true;
	return state_save(c->dir_fd, &p->container, e);
}

void creation_init(struct creation *c, const struct runtime *rt, const struct create_request *q)
{
	memset(c, 0, sizeof(*c));
	c->rt = rt;
	c->q = q;
	c->launch = (struct launch){LAUNCH_INIT};
	c->dir_fd = c->bundle_fd = c->listen_fd = c->master = -EBADF;
	for (size_t i = 0; i < NS_TYPE_COUNT; i++)
		c->ns_fds[i] = -EBADF;
}

int creation_make(struct creation *c, const struct runtime *rt, const struct create_request *q,
		  bool is_run, struct err *e)
{
	int r;

	creation_init(c, rt, q);
	r = creation_steps(c, is_run, e);
	if (r < 0)
		creation_abort(c);
	return r;
}

void creation_abort(struct creation *c)
{
	struct err why = {0};
	bool is_clean;

	launch_abort(&c->launch);
	cgroup_settle(&c->cgroup);
	is_clean = !c->has_cgroup || cgroup_destroy(&c->cgroup, &why) >= 0;
	if (is_clean && c->has_rdt)
		is_clean = rdt_remove(&c->plan.container.rdt, c->q->id, &why) >= 0;
	if (!is_clean)
		log_warning("%s", why.text);
	if (c->owes_poststop)
		container_run_poststop(&c->plan.container, &c->plan.spec.hooks.poststop);
	why.code = 0;
	/* The state names the groups: it stays for `delete --force` where they do. */
	if (is_clean && c->is_claimed && state_remove(c->rt, c->q->id, &why) < 0)
		log_warning("%s", why.text);
	creation_close(c);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -EBADF;
}

void creation_close(struct creation *c)
{
	for (size_t i = 0; i < NS_TYPE_COUNT; i++)
		close_fd(&c->ns_fds[i]);
	close_fd(&c->dir_fd);
	close_fd(&c->bundle_fd);
	close_fd(&c->listen_fd);
	close_fd(&c->master);
	close_fd(&c->launch.socket);
	close_fd(&c->launch.pidfd);
	if (c->has_cgroup)
		cgroup_close(&c->cgroup);
	c->has_cgroup = false;
	arena_free(&c->arena);
}

int runtime_create(const struct runtime *rt, const struct create_request *q, struct err *e)
{
	struct creation c;
	struct create_request request = *q;
	int r;

	request.is_detached = true; /* nobody stays to pump a terminal */
	r = creation_make(&c, rt, &request, false, e);
	if (r < 0)
		return r;
	if ((r = pid_file_write(q->pid_file, c.plan.container.pid, e)) < 0 ||
	    (r = pidfd_socket_send(q->pidfd_socket, c.launch.pidfd, e)) < 0 ||
	    (r = handshake_send(c.launch.socket, STEP_READY, 0, -1, NULL)) < 0) {
		err_sys(e, r, "let the container wait for its start");
		creation_abort(&c);
		return r;
	}
	creation_close(&c);
	return 0;
}
