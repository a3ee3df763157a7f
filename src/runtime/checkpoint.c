/* SPDX-License-Identifier: Apache-2.0 */
/* Containers written into files, and what must be said of them so that they can be made anew. */
#include "runtime/checkpoint.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/fd.h"
#include "kernel/path.h"
#include "kernel/sys.h"
#include "runtime/plan.h"
#include "runtime/state.h"

/* ---- what lies outside of the container ------------------------------------------------------- */

/* The kinds of joined namespaces that criu can leave to others. */
static const struct {
	enum ns_type type;
	const char *word, *key;
} outer_kinds[] = {{NS_NET, "net", "extRootNetNS"}, {NS_PID, "pid", "extRootPidNS"}};

const char *checkpoint_outer_key(enum ns_type type)
{
	for (size_t i = 0; i < ARRAY_LEN(outer_kinds); i++)
		if (outer_kinds[i].type == type)
			return outer_kinds[i].key;
	return NULL;
}

bool checkpoint_is_bind(const struct oci_mount *m)
{
	if (str_eq(m->type, "bind"))
		return true;
	for (size_t i = 0; i < m->options.n; i++)
		if (str_eq(m->options.v[i], "bind") || str_eq(m->options.v[i], "rbind"))
			return true;
	return false;
}

bool checkpoint_shows_groups(const struct oci_mount *m, const struct oci_spec *spec)
{
	const struct oci_linux *l = &spec->linux_;

	if (!str_eq(m->type, "cgroup") && !str_eq(m->type, "cgroup2"))
		return false;
	for (size_t i = 0; i < l->namespaces.n; i++)
		if (str_eq(l->namespaces.v[i].type, "cgroup"))
			return false;
	return true;
}

const char *checkpoint_mount_point(int root_fd, const char *root, const char *path, struct arena *a)
{
	auto_close int fd = path_open_in_root(root_fd, path, O_PATH, 0);
	const char *clean = str_clean_path(a, arena_printf(a, "/%s", path));
	char link[64], real[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = fd < 0 ? -1 : readlink(link, real, sizeof(real) - 1);
	if (n <= 0)
		return clean;
	real[n] = '\0';
	if (!str_starts(real, root) || real[strlen(root)] != '/')
		return clean;
	return arena_strdup(a, real + strlen(root));
}

static void put_mount(struct criu_call *c, const char *path)
{
	pb_put_string(&c->message, CRIU_EXTERNAL, arena_printf(c->arena, "mnt[%s]:%s", path, path));
}

/* Without a cgroup namespace a `cgroup` mount shows the groups by binds. */
static void put_cgroup_mount(struct criu_call *c, const struct container *container,
			     const char *path)
{
	const struct cgroup_saved *saved = &container->cgroup;

	if (saved->n == 1 && saved->v[0].v2) {
		put_mount(c, path);
		return;
	}
	for (size_t i = 0; i < saved->n; i++) {
		const char *slash = strrchr(saved->v[i].mount, '/');

		put_mount(c, arena_printf(c->arena, "%s%s", path, slash ? slash : ""));
	}
}

/* A masked file is covered by the host's /dev/null; a masked folder by a tmpfs, which criu knows. */
static void put_masked(struct criu_call *c, pid_t pid, const struct str_slice *masked)
{
	char path[64];
	auto_close int root = -EBADF;

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; root >= 0 && i < masked->n; i++) {
		auto_close int fd = path_open_in_root(root, masked->v[i], O_PATH, 0);
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode))
			put_mount(c, str_clean_path(c->arena, masked->v[i]));
	}
}

static int put_mounts(struct criu_call *c, const struct container *container,
		      const struct oci_spec *spec, struct err *e)
{
	auto_close int root = open(container->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_sys(e, -errno, "open the root %s", container->rootfs);
	for (size_t i = 0; i < spec->mounts.n; i++) {
		const struct oci_mount *m = &spec->mounts.v[i];
		const char *path =
			checkpoint_mount_point(root, container->rootfs, m->destination, c->arena);

		if (checkpoint_is_bind(m))
			put_mount(c, path);
		else if (checkpoint_shows_groups(m, spec))
			put_cgroup_mount(c, container, path);
	}
	put_masked(c, container->pid, &spec->linux_.masked_paths);
	return 0;
}

static int put_namespaces(struct criu_call *c, const struct oci_spec *spec, struct err *e)
{
	const struct oci_linux *l = &spec->linux_;

	for (size_t i = 0; i < l->namespaces.n; i++) {
		const char *path = l->namespaces.v[i].path, *type = l->namespaces.v[i].type;
		struct stat st;

		for (size_t k = 0; path && k < ARRAY_LEN(outer_kinds); k++) {
			if (!str_eq(type, ns_kinds[outer_kinds[k].type]->oci_name))
				continue;
			if (stat(path, &st) < 0)
				return err_sys(e, -errno, "linux.namespaces: %s %s", type, path);
			pb_put_string(&c->message, CRIU_EXTERNAL,
				      arena_printf(c->arena, "%s[%llu]:%s", outer_kinds[k].word,
						   (unsigned long long)st.st_ino,
						   outer_kinds[k].key));
		}
	}
	return 0;
}

/* ---- standard streams ------------------------------------------------------------------------- */

/* The mount of an open file; -1 where /proc does not tell. */
static long stream_mount(pid_t pid, int fd)
{
	char path[64], text[1024], *found;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	if (file_read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return -1;
	found = strstr(text, "mnt_id:");
	return found ? strtol(found + 7, NULL, 10) : -1;
}

static bool has_mount(const char *mountinfo, long id)
{
	for (const char *line = mountinfo; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strtol(line, NULL, 10) == id)
			return true;
	}
	return false;
}

/* Of outside: only --shell-job lets it pass. Majors: Documentation/admin-guide/devices.txt. */
static bool is_terminal(const struct stat *st)
{
	unsigned number = major(st->st_rdev);

	return S_ISCHR(st->st_mode) &&
	       (number == 4 || number == 5 || (number >= 136 && number <= 143));
}

/* Pipes have names of their own; a file of the host is to be given by who restores, but for /dev/null, which every
 * host has: criu wants the same kind and mode again. */
static const char *stream_name(struct criu_call *c, pid_t pid, int fd, const char *mountinfo)
{
	char path[64], target[4096];
	struct stat st;
	long mount;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0 || stat(path, &st) < 0)
		return "";
	target[n] = '\0';
	if (str_starts(target, "pipe:"))
		return arena_strdup(c->arena, target);
	mount = stream_mount(pid, fd);
	if (target[0] != '/' || is_terminal(&st) || mount < 0 || has_mount(mountinfo, mount))
		return "";
	return arena_printf(c->arena, "%sfile[%lx:%llx]",
			    st.st_rdev == makedev(1, 3) && S_ISCHR(st.st_mode) ? CHECKPOINT_NULL
									       : "",
			    (unsigned long)mount, (unsigned long long)st.st_ino);
}

/* Writes the names of the three streams beside the images, as runc does. */
static int save_streams(struct criu_call *c, pid_t pid, struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	char path[64], *mountinfo;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	r = file_read_at(AT_FDCWD, path, c->arena, 16 << 20, &mountinfo, NULL);
	if (r < 0)
		return err_sys(e, r, "read %s", path);
	json_begin_array(&w);
	for (int fd = 0; fd < 3; fd++) {
		const char *name = stream_name(c, pid, fd, mountinfo);

		if (str_starts(name, "file["))
			pb_put_string(&c->message, CRIU_EXTERNAL, name);
		else if (str_starts(name, CHECKPOINT_NULL))
			pb_put_string(&c->message, CRIU_EXTERNAL, name + strlen(CHECKPOINT_NULL));
		json_string(&w, name);
	}
	json_end_array(&w);
	r = file_replace_at(c->image_fd, CHECKPOINT_STREAMS, w.buf, w.len, 0600);
	return r < 0 ? err_sys(e, r, "write " CHECKPOINT_STREAMS " into the image folder") : 0;
}

/* ---- the dump --------------------------------------------------------------------------------- */

/* The group to freeze while its processes are looked at: else they could fork away. */
static void put_freezer(struct criu_call *c, const struct container *container)
{
	for (size_t i = 0; i < container->cgroup.n; i++) {
		__typeof__(container->cgroup.v) g = &container->cgroup.v[i];

		if (!(g->controllers & 1U << CG_FREEZER) && !(g->v2 && container->cgroup.n == 1))
			continue;
		pb_put_string(&c->message, CRIU_FREEZE_CGROUP,
			      arena_printf(c->arena, "%s%s", g->mount, g->path));
		return;
	}
}

static int put_parent(struct criu_call *c, struct err *e)
{
	const struct criu_options *o = c->options;

	if (o->parent_path && o->parent_path[0] == '/')
		return err_say(
			e, -EINVAL,
			"--parent-path %s: it must be relative to the image folder, which may move",
			o->parent_path);
	if (o->parent_path && faccessat(c->image_fd, o->parent_path, F_OK, 0) < 0)
		return err_sys(e, -errno, "--parent-path %s (from the image folder)",
			       o->parent_path);
	pb_put_string(&c->message, CRIU_PARENT_IMG, o->parent_path);
	if (o->parent_path || o->is_pre_dump)
		pb_put_uint(&c->message, CRIU_TRACK_MEM, 1);
	return 0;
}

static int put_dump(struct criu_call *c, int dir_fd, const struct container *container,
		    struct err *e)
{
	const struct criu_options *o = c->options;
	struct oci_spec spec;
	int r;

	pb_put_uint(&c->message, CRIU_PID, (uint64_t)container->pid);
	pb_put_string(&c->message, CRIU_ROOT, container->rootfs);
	if (o->leave_running || o->is_pre_dump)
		pb_put_uint(&c->message, CRIU_LEAVE_RUNNING, 1);
	if (o->has_status_fd)
		pb_put_uint(&c->message, CRIU_STATUS_FD, (uint64_t)o->status_fd);
	put_freezer(c, container);
	if ((r = put_parent(c, e)) < 0 ||
	    (r = plan_read_config(dir_fd, container->id, c->arena, &spec, NULL, NULL, e)) < 0 ||
	    (r = put_mounts(c, container, &spec, e)) < 0)
		return r;
	r = put_namespaces(c, &spec, e);
	return r < 0 || o->is_pre_dump ? r : save_streams(c, container->pid, e);
}

int runtime_checkpoint(const struct runtime *rt, const char *id, const struct criu_options *o,
		       struct err *e)
{
	auto_arena struct arena a = {0};
	auto_close int dir = state_open(rt, id, e);
	struct criu_call call = {CRIU_CALL_INIT, .arena = &a, .options = o};
	struct err why = {0};
	struct container c;
	int r;

	if (dir < 0)
		return dir;
	r = state_load(dir, id, &a, &c, e);
	if (r < 0)
		return r;
	if (c.status != STATUS_RUNNING && c.status != STATUS_PAUSED)
		return err_say(e, -EINVAL,
			       "cannot checkpoint a container that is not running or paused: %s",
			       runtime_status_names[c.status]);
	if (rt->is_rootless)
		return err_say(e, -EPERM, "checkpoint needs root: criu does not work rootless");
	r = criu_prepare(&call, true, e);
	if (r == 0)
		r = put_dump(&call, dir, &c, e);
	if (r == 0)
		r = criu_run(&call, o->is_pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP, e);
	criu_close(&call);
	if (r < 0 || o->leave_running || o->is_pre_dump)
		return r;
	/* As runc: what was written away is gone here, and its name free for `restore`. */
	if (runtime_delete(rt, id, true, &why) < 0)
		log_warning("%s", why.text);
	return 0;
}
