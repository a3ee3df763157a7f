/* SPDX-License-Identifier: Apache-2.0 */
/* Containers made anew from the files of a checkpoint. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "kernel/fd.h"
#include "kernel/path.h"
#include "kernel/sys.h"
#include "runtime/checkpoint.h"
#include "runtime/console.h"
#include "runtime/create.h"
#include "runtime/foreground.h"
#include "runtime/state.h"

struct restore {
	struct creation *creation;
	struct criu_call call;
	int kept[NS_TYPE_COUNT + 1];
	int null_fd;
};

/* ---- what is given to it ---------------------------------------------------------------------- */

static void put_inherited(struct criu_call *c, const char *key, int fd)
{
	struct pb_message inner = {.arena = c->arena};

	pb_put_string(&inner, 1, key);
	pb_put_uint(&inner, 2, (uint64_t)fd);
	pb_put_message(&c->message, CRIU_INHERIT_FD, &inner);
}

/* Our own streams take the places of those of the checkpoint. */
static int put_streams(struct restore *s, struct err *e)
{
	struct criu_call *c = &s->call;
	struct str_slice names;
	char *text;
	size_t n;
	int r = file_read_at(c->image_fd, CHECKPOINT_STREAMS, c->arena, 1 << 16, &text, &n);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_sys(e, r, "read " CHECKPOINT_STREAMS " of the image folder");
	r = json_decode(text, n, &json_strings_type, &names, c->arena, CHECKPOINT_STREAMS, e);
	if (r < 0)
		return r;
	s->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (s->null_fd < 0)
		return err_sys(e, -errno, "open /dev/null");
	s->kept[c->n_kept++] = s->null_fd;
	for (size_t i = 0; i < names.n && i < 3; i++) {
		if (str_starts(names.v[i], "pipe:") || str_starts(names.v[i], "file["))
			put_inherited(c, names.v[i], (int)i);
		else if (str_starts(names.v[i], CHECKPOINT_NULL))
			put_inherited(c, names.v[i] + strlen(CHECKPOINT_NULL), s->null_fd);
	}
	return 0;
}

static void put_namespaces(struct restore *s)
{
	struct criu_call *c = &s->call;

	for (size_t i = 0; i < NS_TYPE_COUNT; i++) {
		const char *key = checkpoint_outer_key((enum ns_type)i);
		int fd = s->creation->ns_fds[i];

		if (fd < 0 || !key)
			continue;
		put_inherited(c, key, fd);
		s->kept[c->n_kept++] = fd;
	}
	c->kept = s->kept;
}

/* True where the mount point of mount i is made by another mount, not by the root. */
static bool is_covered(const struct oci_spec *spec, size_t i)
{
	const char *path = spec->mounts.v[i].destination;

	for (size_t k = 0; k < i; k++) {
		const char *other = spec->mounts.v[k].destination;
		size_t n = strlen(other);

		if (n > 1 && str_starts(path, other) && path[n] == '/')
			return true;
	}
	return false;
}

static int make_mount_point(int root, const struct oci_mount *m, struct err *e)
{
	struct stat st;
	bool is_file = checkpoint_is_bind(m) && stat(m->source, &st) == 0 && !S_ISDIR(st.st_mode);
	int fd = path_open_in_root(root, m->destination, O_PATH, 0);

	if (fd < 0)
		fd = is_file ? path_mkfile_in_root(root, m->destination, 0755)
			     : path_mkdirs_in_root(root, m->destination, 0755);
	if (fd < 0)
		return err_sys(e, fd, "make the mount point %s", m->destination);
	close(fd);
	return 0;
}

static void put_mount(struct criu_call *c, const char *path, const char *source)
{
	pb_put_string(&c->message, CRIU_EXTERNAL,
		      arena_printf(c->arena, "mnt[%s]:%s", path, source));
}

static void put_cgroup_mount(struct criu_call *c, const struct plan *p, const char *path)
{
	for (unsigned i = 0; i < p->layout.n; i++) {
		const struct cgroup_hierarchy *h = &p->layout.hierarchy[i];
		const char *group = p->cgroup.group_path[i];
		const char *source = arena_printf(c->arena, "%s%s", h->mount, group ? group : "");

		if (p->layout.mode == CGROUP_V2)
			put_mount(c, path, source);
		else
			put_mount(c, arena_printf(c->arena, "%s/%s", path, h->name), source);
	}
}

static int put_mounts(struct restore *s, struct err *e)
{
	const struct plan *p = &s->creation->plan;
	const struct oci_spec *spec = &p->spec;
	const struct str_slice *masked = &spec->linux_.masked_paths;
	struct criu_call *c = &s->call;
	auto_close int root = open(p->container.rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (root < 0)
		return err_sys(e, -errno, "open the root %s", p->container.rootfs);
	for (size_t i = 0; i < spec->mounts.n; i++) {
		const struct oci_mount *m = &spec->mounts.v[i];
		const char *path;

		if (!is_covered(spec, i) && (r = make_mount_point(root, m, e)) < 0)
			return r;
		path = checkpoint_mount_point(root, p->container.rootfs, m->destination, c->arena);
		if (checkpoint_is_bind(m))
			put_mount(c, path, m->source);
		else if (checkpoint_shows_groups(m, spec))
			put_cgroup_mount(c, p, path);
	}
	for (size_t i = 0; i < masked->n; i++)
		put_mount(c, str_clean_path(c->arena, masked->v[i]), "/dev/null");
	return 0;
}

/* On v1 the paths of the groups are in the image, and ours may have other names. */
static void put_groups(struct criu_call *c, const struct plan *p)
{
	for (unsigned i = 0; i < p->layout.n; i++) {
		const struct cgroup_hierarchy *h = &p->layout.hierarchy[i];
		struct pb_message inner = {.arena = c->arena};

		if (!p->cgroup.group_path[i])
			continue;
		pb_put_string(&inner, 1, h->name);
		pb_put_string(&inner, 2, p->cgroup.group_path[i]);
		pb_put_message(&c->message, CRIU_CG_ROOT, &inner);
	}
}

/* ---- while it works --------------------------------------------------------------------------- */

static int on_setup(struct creation *c, pid_t pid, struct err *e)
{
	const struct oci_hooks *hooks = &c->plan.spec.hooks;
	struct container shown = c->plan.container;
	int r;

	shown.pid = pid;
	c->owes_poststop = true;
	r = container_run_hooks(&shown, &hooks->prestart, "prestart", STATUS_CREATING, e);
	return r < 0 ? r
		     : container_run_hooks(&shown, &hooks->create_runtime, "createRuntime",
					   STATUS_CREATING, e);
}

static int on_restored(struct creation *c, pid_t pid, struct err *e)
{
	int r = creation_take_pid(c, pid, e);

	if (r < 0)
		return r;
	c->launch.pid = pid;
	c->launch.pidfd = sys_pidfd_open(pid, 0);
	if (c->launch.pidfd < 0)
		return err_sys(e, c->launch.pidfd, "open the restored process %d", pid);
	r = rdt_enter(&c->plan.container.rdt, c->q->id, pid, e);
	return r < 0 ? r : state_save(c->dir_fd, &c->plan.container, e);
}

static int on_terminal(struct creation *c, int *fd, struct err *e)
{
	if (*fd < 0)
		return err_say(e, -EPROTO, "criu sent no terminal");
	if (c->q->console_socket)
		return console_send(c->q->console_socket, *fd, e);
	c->master = TAKE_FD(*fd);
	return 0;
}

static int on_notify(void *arg, const char *script, pid_t pid, int *fd, struct err *e)
{
	struct creation *c = arg;

	if (str_eq(script, "setup-namespaces"))
		return on_setup(c, pid, e);
	if (str_eq(script, "post-restore"))
		return on_restored(c, pid, e);
	if (str_eq(script, "orphan-pts-master"))
		return on_terminal(c, fd, e);
	return 0;
}

/* ---- the order -------------------------------------------------------------------------------- */

static int restore_steps(struct restore *s, struct err *e)
{
	struct creation *c = s->creation;
	struct criu_call *call = &s->call;
	int r = criu_prepare(call, false, e);

	if (r < 0 || (r = creation_prepare(c, true, e)) < 0)
		return r;
	call->root = c->plan.container.rootfs;
	call->group = &c->cgroup;
	call->on_notify = on_notify;
	call->arg = c;
	pb_put_string(&call->message, CRIU_ROOT, call->root);
	pb_put_uint(&call->message, CRIU_RST_SIBLING, 1);
	pb_put_uint(&call->message, CRIU_NOTIFY_SCRIPTS, 1);
	put_namespaces(s);
	put_groups(call, &c->plan);
	if ((r = put_mounts(s, e)) < 0 || (r = put_streams(s, e)) < 0)
		return r;
	r = criu_run(call, CRIU_RESTORE, e);
	cgroup_settle(&c->cgroup);
	if (r == 0 && c->launch.pidfd < 0)
		return err_say(e, -EPROTO, "criu did not say which process it restored");
	return r;
}

static int restore_finish(struct creation *c, struct err *e)
{
	const struct create_request *q = c->q;
	int r = pid_file_write(q->pid_file, c->plan.container.pid, e);

	if (r == 0)
		r = pidfd_socket_send(q->pidfd_socket, c->launch.pidfd, e);
	return r < 0 ? r
		     : container_run_hooks(&c->plan.container, &c->plan.spec.hooks.poststart,
					   "poststart", STATUS_RUNNING, e);
}

int runtime_restore(const struct runtime *rt, const struct create_request *q,
		    const struct criu_options *o, int *ret_code, struct err *e)
{
	struct creation c;
	struct restore s = {.creation = &c,
			    .call = {CRIU_CALL_INIT, .arena = &c.arena, .options = o},
			    .null_fd = -EBADF};
	auto_close int signal_fd = -EBADF;
	bool is_reaper = false;
	sigset_t old;
	int r;

	if (rt->is_rootless)
		return err_say(e, -EPERM, "restore needs root: criu does not work rootless");
	if (!q->is_detached) {
		signal_fd = foreground_begin(&old, e);
		if (signal_fd < 0)
			return signal_fd;
		is_reaper = !q->no_subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
	}
	creation_init(&c, rt, q);
	r = restore_steps(&s, e);
	if (r == 0)
		r = restore_finish(&c, e);
	criu_close(&s.call);
	if (s.null_fd >= 0)
		close(s.null_fd);
	if (r < 0)
		creation_abort(&c);
	else
		r = creation_wait(&c, signal_fd, is_reaper, ret_code, e);
	if (!q->is_detached)
		sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}
