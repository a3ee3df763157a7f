/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the groups of a container, and enters them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "cgroup/apply.h"
#include "cgroup/cpuset.h"
#include "cgroup/create.h"
#include "cgroup/devices.h"
#include "cgroup/group.h"
#include "cgroup/systemd.h"
#include "kernel/fd.h"

/*
 * Theory of operation
 *
 * For each hierarchy in use: mkdir of the whole path (parents only where that fails), one O_PATH
 * descriptor for everything later, the descriptor of `tasks` for the child. A group that was there
 * before must be empty and thawed. Order: all groups are made before the first value is written,
 * and a v1 cpuset gets its parents' cpus and mems at once, since nothing can enter it without.
 */

static int check_empty(const struct cgroup *c, unsigned i, struct err *e)
{
	int n = group_count_pids(c->group[i].dir_fd);

	if (n < 0)
		return err_sys(e, n, "reading %s%s/cgroup.procs", c->group[i].mount,
			       c->group[i].path);
	if (n > 0)
		return err_say(e, -EBUSY,
			       "container's cgroup is not empty: %d process(es) found in"
			       " %s%s",
			       n, c->group[i].mount, c->group[i].path);
	return 0;
}

static int open_dir(const char *path)
{
	/* openat: musl adds an fcntl(2) to open */
	int fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int create_group(struct cgroup *c, unsigned i, uint32_t controllers, uint32_t needed,
		 unsigned *ret_made, struct err *e)
{
	const struct group_ops *ops = group_ops_of(c, i);
	const char *mount = c->group[i].mount, *path = c->group[i].path;
	char whole[GROUP_PATH_MAX];
	unsigned made = 0;
	int r = ops->make(mount, path, controllers, needed, &made, e);

	if (r < 0)
		return r;
	r = group_path(whole, sizeof(whole), mount, path);
	if (r >= 0)
		c->group[i].dir_fd = r = open_dir(whole);
	if (r < 0)
		r = err_sys(e, r, "opening cgroup %s%s", mount, path);
	if (r >= 0 && !made && !c->unit.name) /* systemd knows whose it is */
		r = check_empty(c, i, e);
	/* Also a new group can be frozen: by a group above it. */
	if (r >= 0 && (c->group[i].is_v2 || c->group[i].controllers & 1U << CG_FREEZER))
		r = ops->check(c->group[i].dir_fd, whole, e);
	if (r >= 0 && !c->group[i].is_v2 && (c->group[i].controllers & 1U << CG_CPUSET))
		r = cpuset_inherit_v1(mount, path, e);
	if (r >= 0 && !c->group[i].is_v2) {
		c->group[i].tasks_fd = openat(c->group[i].dir_fd, "tasks", O_WRONLY | O_CLOEXEC);
		if (c->group[i].tasks_fd < 0)
			r = err_sys(e, -errno, "opening %s/tasks", whole);
	}
	if (r < 0) {
		group_remove_dirs(mount, path, made);
		return r;
	}
	*ret_made = made;
	return 0;
}

static void fill_groups(const struct cgroup_plan *p, struct cgroup *c)
{
	*c = (struct cgroup){.n = p->layout->n, .unit = p->unit};
	for (unsigned i = 0; i < c->n; i++) {
		const struct cgroup_hierarchy *h = &p->layout->hierarchy[i];

		c->group[i].is_v2 = h->is_v2;
		c->group[i].controllers = h->controllers;
		c->group[i].mount = h->mount;
		c->group[i].path = p->group_path[i];
		c->group[i].dir_fd = -EBADF;
		c->group[i].tasks_fd = -EBADF;
	}
}

static int make_groups(const struct cgroup_plan *p, struct cgroup *c, unsigned *made, struct err *e)
{
	for (unsigned i = 0; i < c->n; i++) {
		int r;

		if (!(p->used & 1U << i))
			continue;
		r = create_group(c, i, p->controllers, p->needed, &made[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The files of the group that its owner may use: the kernel's list, or the one of old kernels. */
static int delegate(const struct cgroup *c, unsigned i, uid_t uid, struct err *e)
{
	char list[1024], *save = NULL;
	int fd = c->group[i].dir_fd;

	if (fchownat(fd, "", uid, (gid_t)-1, AT_EMPTY_PATH) < 0)
		return err_sys(e, -errno, "giving %s%s to uid %u", c->group[i].mount,
			       c->group[i].path, uid);
	if (file_read_small(AT_FDCWD, "/sys/kernel/cgroup/delegate", list, sizeof(list)) < 0)
		strcpy(list, "cgroup.procs\ncgroup.subtree_control\ncgroup.threads");
	for (char *f = strtok_r(list, "\n", &save); f; f = strtok_r(NULL, "\n", &save))
		if (fchownat(fd, f, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return err_sys(e, -errno, "giving %s%s/%s to uid %u", c->group[i].mount,
				       c->group[i].path, f, uid);
	return 0;
}

static int set_v2_extras(const struct cgroup_plan *p, const struct cgroup *c, struct err *e)
{
	for (unsigned i = 0; i < c->n; i++) {
		int r = 0;

		if (!c->group[i].is_v2 || c->group[i].dir_fd < 0)
			continue;
		if (p->device_rules.n)
			r = devices_attach(c->group[i].dir_fd, p->device_rules.v, p->device_rules.n,
					   c->group[i].path, e);
		if (r >= 0 && p->owner_uid.is_set)
			r = delegate(c, i, (uid_t)p->owner_uid.value, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A rootless caller that asked for no group and no limit can do without. */
static bool may_do_without(const struct cgroup_plan *p, int r)
{
	return p->is_rootless && p->is_default_path && !p->writes.n &&
	       (r == -EACCES || r == -EPERM || r == -EROFS || r == -ENOENT || r == -EBUSY);
}

int cgroup_create(const struct cgroup_plan *p, struct cgroup *ret, struct err *e)
{
	unsigned made[CGROUP_HIERARCHY_MAX] = {0};
	struct err why = {0};
	bool has_unit;
	struct cgroup c;
	int r;

	fill_groups(p, &c);
	r = p->unit.name ? systemd_start(p, &c.keeper, &why) : 0;
	has_unit = p->unit.name && r >= 0;
	if (r >= 0)
		r = make_groups(p, &c, made, &why);
	if (r >= 0)
		r = apply_writes(&c, p->writes.v, p->writes.n, NULL, NULL, &why);
	if (r >= 0)
		r = set_v2_extras(p, &c, &why);
	if (r >= 0) {
		*ret = c;
		return 0;
	}
	for (unsigned i = c.n; i-- > 0;)
		group_remove_dirs(c.group[i].mount, c.group[i].path, made[i]);
	cgroup_settle(&c);
	if (has_unit)
		(void)systemd_stop(&c.unit, NULL);
	cgroup_close(&c);
	if (may_do_without(p, r)) {
		*ret = (struct cgroup){0};
		return 0;
	}
	if (e && !e->code)
		*e = why;
	return r;
}

int cgroup_clone_fd(const struct cgroup *c)
{
	if (c->unit.is_user)
		return -EBADF;
	for (unsigned i = 0; i < c->n; i++)
		if (c->group[i].is_v2)
			return c->group[i].dir_fd;
	return -EBADF;
}

int cgroup_enter_self(const struct cgroup *c, struct err *e)
{
	for (unsigned i = 0; i < c->n; i++) {
		int fd = c->group[i].tasks_fd;

		if (fd >= 0 && write(fd, "0", 1) != 1)
			return err_sys(e, -errno, "entering cgroup %s%s", c->group[i].mount,
				       c->group[i].path);
	}
	return 0;
}

void cgroup_close(struct cgroup *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (c->group[i].dir_fd >= 0)
			close(c->group[i].dir_fd);
		if (c->group[i].tasks_fd >= 0)
			close(c->group[i].tasks_fd);
		c->group[i].dir_fd = c->group[i].tasks_fd = -EBADF;
	}
}
