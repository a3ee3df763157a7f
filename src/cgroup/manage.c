/* SPDX-License-Identifier: Apache-2.0 */
/* Later commands: opens the groups again, freezes, kills, lists and removes them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "cgroup/group.h"
#include "cgroup/limits.h"
#include "cgroup/systemd.h"
#include "kernel/fd.h"

void cgroup_save(const struct cgroup *c, struct json_writer *w)
{
	json_begin_array(w);
	for (unsigned i = 0; i < c->n; i++) {
		json_begin_object(w);
		json_put_string(w, "mount", c->group[i].mount);
		json_put_string(w, "path", c->group[i].path);
		json_put_bool(w, "v2", c->group[i].is_v2);
		json_put_uint(w, "controllers", c->group[i].controllers);
		json_end_object(w);
	}
	json_end_array(w);
}

int cgroup_open(const struct cgroup_saved *saved, struct cgroup *ret, struct err *e)
{
	struct cgroup c = {0};

	if (saved->n > CGROUP_HIERARCHY_MAX)
		return err_say(e, -EINVAL,
			       "the container's state names %zu cgroups, more than"
			       " there can be",
			       saved->n);
	for (unsigned i = 0; i < saved->n; i++) {
		char whole[GROUP_PATH_MAX];
		int r = group_path(whole, sizeof(whole), saved->v[i].mount, saved->v[i].path);

		c.n = i + 1;
		c.group[i].is_v2 = saved->v[i].v2;
		c.group[i].controllers = (uint32_t)saved->v[i].controllers;
		c.group[i].mount = saved->v[i].mount;
		c.group[i].path = saved->v[i].path;
		c.group[i].tasks_fd = c.group[i].dir_fd = -EBADF;
		if (r >= 0) {
			c.group[i].dir_fd =
				openat(AT_FDCWD, whole, O_PATH | O_DIRECTORY | O_CLOEXEC);
			r = c.group[i].dir_fd < 0 ? -errno : 0;
		}
		if (r < 0) {
			c.group[i].dir_fd = -EBADF;
			if (r != -ENOENT) {
				cgroup_close(&c);
				return err_sys(e, r, "opening cgroup %s%s", saved->v[i].mount,
					       saved->v[i].path);
			}
		}
	}
	c.unit = saved->unit;
	*ret = c;
	return 0;
}

/* "LIST:PATH" or "PATH", as runc's --cgroup: *ret_bits are the v1 controllers it is about. */
static const char *parse_sub(const char *sub, uint32_t *ret_bits)
{
	const char *colon = strchr(sub, ':');
	uint32_t bits = 0;

	*ret_bits = ~0U;
	if (!colon)
		return sub;
	for (unsigned c = 0; c < CG_CONTROLLER_COUNT; c++) {
		const char *name = controller_names[c].v1, *at = strstr(sub, name);
		size_t n = strlen(name);

		if (at && at < colon && (at == sub || at[-1] == ',') &&
		    (at[n] == ',' || at[n] == ':'))
			bits |= 1U << c;
	}
	*ret_bits = bits;
	return colon + 1;
}

static int open_sub(struct cgroup *c, unsigned i, const char *path, struct err *e)
{
	int fd = openat(c->group[i].dir_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, -errno, "opening cgroup %s%s/%s", c->group[i].mount,
			       c->group[i].path, path);
	close(c->group[i].dir_fd);
	c->group[i].dir_fd = fd;
	return 0;
}

static int open_tasks(struct cgroup *c, unsigned i, struct err *e)
{
	if (c->group[i].is_v2)
		return 0;
	c->group[i].tasks_fd = openat(c->group[i].dir_fd, "tasks", O_WRONLY | O_CLOEXEC);
	if (c->group[i].tasks_fd < 0)
		return err_sys(e, -errno, "opening %s%s/tasks", c->group[i].mount,
			       c->group[i].path);
	return 0;
}

/*
 * A container that manages groups itself (systemd inside) has enabled controllers for its
 * sub-groups, and then nothing may enter its own group any more. As runc does: into the group of
 * its first process.
 */
static int follow_v2(struct cgroup *c, unsigned i, struct arena *a, struct err *e)
{
	auto_pid_list struct pid_list list = {0};
	const char *own = c->group[i].path, *at;
	char text[1024], *line;
	pid_t first = 0;

	if (file_read_small(c->group[i].dir_fd, "cgroup.subtree_control", text, sizeof(text)) <= 0)
		return 0;
	if (group_list_pids(c->group[i].dir_fd, &list) < 0)
		return 0;
	for (size_t k = 0; k < list.n; k++)
		first = !first || list.v[k] < first ? list.v[k] : first;
	if (!first || file_read_at(AT_FDCWD, arena_printf(a, "/proc/%d/cgroup", first), a, 64 << 10,
				   &line, NULL) < 0)
		return 0;
	line = str_starts(line, "0::") ? line : strstr(line, "\n0::");
	if (!line)
		return 0;
	line += line[0] == '\n' ? 4 : 3;
	line[strcspn(line, "\n")] = '\0';
	at = str_starts(line, own) && line[strlen(own)] == '/' ? line + strlen(own) + 1 : NULL;
	return at ? open_sub(c, i, at, e) : 0;
}

int cgroup_open_for_exec(const struct cgroup_saved *saved, const char *sub, struct arena *a,
			 struct cgroup *ret, struct err *e)
{
	uint32_t bits = 0;
	const char *path = NULL;
	struct cgroup c = {0};
	int r = cgroup_open(saved, &c, e);

	if (r < 0)
		return r;
	if (sub) {
		/* Security: cleaned as an absolute path, so that ".." ends at the container's
		 * group. */
		path = str_clean_path(a, arena_printf(a, "/%s", parse_sub(sub, &bits))) + 1;
		if (!bits)
			r = err_say(e, -EINVAL, "--cgroup %s: no such controller", sub);
	}
	for (unsigned i = 0; i < c.n && r >= 0; i++) {
		if (c.group[i].dir_fd < 0)
			continue;
		if (path && *path && (c.group[i].is_v2 || (c.group[i].controllers & bits)))
			r = open_sub(&c, i, path, e);
		else if (!sub && c.group[i].is_v2)
			r = follow_v2(&c, i, a, e);
		if (r >= 0)
			r = open_tasks(&c, i, e);
	}
	if (r < 0) {
		cgroup_close(&c);
		return r;
	}
	*ret = c;
	return 0;
}

/* What leads the container, with its path for messages. */
struct leader {
	const struct group_ops *ops;
	int dir_fd;
	char path[GROUP_PATH_MAX];
};

static void find_leader(const struct cgroup *c, struct leader *ret)
{
	int i = group_leader(c);

	ret->ops = &group_ops_none;
	ret->dir_fd = -EBADF;
	ret->path[0] = '\0';
	if (i < 0)
		return;
	ret->ops = group_ops_of(c, (unsigned)i);
	ret->dir_fd = c->group[i].dir_fd;
	if (group_path(ret->path, sizeof(ret->path), c->group[i].mount, c->group[i].path) < 0)
		ret->path[0] = '\0';
}

static int set_frozen(const struct cgroup *c, bool is_on, struct err *e)
{
	int i = group_leader(c);
	struct leader l;

	find_leader(c, &l);
	if (i >= 0 && !c->group[i].is_v2 && !(c->group[i].controllers & 1U << CG_FREEZER))
		l.ops = &group_ops_none;
	return l.ops->freeze(l.dir_fd, is_on, l.path, e);
}

int cgroup_freeze(const struct cgroup *c, struct err *e)
{
	return set_frozen(c, true, e);
}

int cgroup_thaw(const struct cgroup *c, struct err *e)
{
	return set_frozen(c, false, e);
}

int cgroup_is_frozen(const struct cgroup_saved *saved)
{
	char path[GROUP_PATH_MAX];
	auto_close int dir = -EBADF;
	const struct group_ops *ops;
	size_t at = saved->n;
	int r;

	for (size_t i = 0; i < saved->n; i++)
		if (saved->v[i].controllers & 1U << CG_FREEZER ||
		    (saved->v[i].v2 && at == saved->n))
			at = i;
	if (at == saved->n)
		return 0;
	r = group_path(path, sizeof(path), saved->v[at].mount, saved->v[at].path);
	if (r < 0)
		return r;
	dir = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	ops = saved->v[at].v2 ? &group_ops_v2 : &group_ops_v1;
	r = ops->is_frozen(dir);
	/* ENOENT: a v2 root has no such file; ENODEV: removed meanwhile */
	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

int cgroup_pids(const struct cgroup *c, struct arena *a, pid_t **ret, size_t *ret_n, struct err *e)
{
	auto_pid_list struct pid_list list = {0};
	struct leader l;
	int r;

	find_leader(c, &l);
	r = l.dir_fd < 0 ? 0 : group_list_pids(l.dir_fd, &list);
	if (r < 0 && r != -ENOENT && r != -ENODEV)
		return err_sys(e, r, "reading the processes of %s", l.path);
	*ret = arena_array(a, list.n + 1, sizeof(pid_t));
	if (list.n)
		memcpy(*ret, list.v, list.n * sizeof(pid_t));
	*ret_n = list.n;
	return 0;
}

int cgroup_kill(const struct cgroup *c, int signo, struct err *e)
{
	struct leader l;

	find_leader(c, &l);
	return l.ops->kill(l.dir_fd, signo, l.path, e);
}

static int destroy_one(const struct cgroup *c, unsigned i, struct err *e)
{
	const struct group_ops *ops = group_ops_of(c, i);
	int64_t end = group_now_ms() + GROUP_WAIT_MS;
	auto_close int dir_fd = -EBADF;
	char path[GROUP_PATH_MAX];
	int r = group_path(path, sizeof(path), c->group[i].mount, c->group[i].path);

	if (r < 0)
		return err_sys(e, r, "cgroup %s", c->group[i].path);
	if (rmdir(path) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY)
		return err_sys(e, -errno, "removing cgroup %s", path);
	dir_fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, -errno, "opening cgroup %s", path);
	r = ops->kill(dir_fd, SIGKILL, path, e);
	if (r >= 0)
		r = ops->wait_empty(dir_fd, path, e);
	if (r < 0)
		return r;
	while ((r = group_remove_tree(path)) == -EBUSY && group_now_ms() < end) {
		/* Empty and yet busy: its last task is between the event and its end. */
		(void)ops->wait_empty(dir_fd, path, NULL);
		usleep(500);
	}
	return r < 0 ? err_sys(e, r, "removing cgroup %s", path) : 0;
}

int cgroup_destroy(const struct cgroup *c, struct err *e)
{
	int i = group_leader(c), r, first = 0;

	/* Order: the leader first. It has every process, also those that are frozen. */
	if (i >= 0)
		first = destroy_one(c, (unsigned)i, e);
	for (unsigned k = 0; k < c->n; k++) {
		if ((int)k == i)
			continue;
		r = destroy_one(c, k, e);
		if (r < 0 && first >= 0)
			first = r;
	}
	if (first >= 0 && c->unit.name)
		first = systemd_stop(&c->unit, e);
	return first < 0 ? first : 0;
}
