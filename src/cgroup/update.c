/* SPDX-License-Identifier: Apache-2.0 */
/* Changes the limits of a running container: all of them or none. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "cgroup/apply.h"
#include "cgroup/create.h"
#include "cgroup/detect.h"
#include "cgroup/devices.h"
#include "cgroup/group.h"
#include "cgroup/limits.h"
#include "cgroup/systemd.h"
#include "kernel/fd.h"

/*
 * Theory of operation
 *
 * The same controllers' files make the list of writes, now with the present groups to read from.
 * Then, in this order: groups that were not in use are made, values are written (each old one
 * kept), the device rules change, the processes enter the new groups. Whatever fails, the steps
 * before are taken back.
 */

struct update {
	struct cgroup c;             /* a copy; new groups are opened in it */
	struct cgroup_layout layout; /* hierarchy i is group i */
	unsigned made[CGROUP_HIERARCHY_MAX];
	bool is_opened[CGROUP_HIERARCHY_MAX]; /* by this update: its processes may be elsewhere */
	struct limits limits;
};

static void fill_layout(const struct cgroup *c, struct cgroup_layout *ret)
{
	bool has_v1 = false, has_v2 = false;

	memset(ret->of, -1, sizeof(ret->of));
	ret->n = c->n;
	for (unsigned i = 0; i < c->n; i++) {
		struct cgroup_hierarchy *h = &ret->hierarchy[i];

		h->is_v2 = c->group[i].is_v2;
		h->mount = c->group[i].mount;
		h->name = h->own = "";
		h->controllers = c->group[i].controllers;
		*(h->is_v2 ? &has_v2 : &has_v1) = true;
		for (unsigned k = 0; k < CG_CONTROLLER_COUNT; k++)
			if ((h->controllers & 1U << k) && ret->of[k] < 0)
				ret->of[k] = (int8_t)i;
	}
	ret->mode =
		has_v1 ? (has_v2 ? CGROUP_HYBRID : CGROUP_V1) : (has_v2 ? CGROUP_V2 : CGROUP_NONE);
}

static bool is_written(const struct update *u, unsigned i)
{
	for (size_t k = 0; k < u->limits.n; k++)
		if (u->limits.v[k].hierarchy == i)
			return true;
	return false;
}

/* Makes what the writes need: groups not in use so far, v2 controllers not yet enabled. */
static int prepare_groups(struct update *u, struct err *e)
{
	for (unsigned i = 0; i < u->c.n; i++) {
		uint32_t bits = u->limits.controllers & u->c.group[i].controllers;
		unsigned none;
		int r = 0;

		if (!is_written(u, i))
			continue;
		if (u->c.group[i].dir_fd < 0) {
			u->is_opened[i] = true;
			r = create_group(&u->c, i, bits, bits, &u->made[i], e);
		} else if (u->c.group[i].is_v2 && bits) {
			r = group_ops_v2.make(u->c.group[i].mount, u->c.group[i].path, bits, bits,
					      &none, e);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int move_pid(int dir_fd, pid_t pid)
{
	char text[16];
	int r;

	snprintf(text, sizeof(text), "%d", pid);
	r = file_write_at(dir_fd, "cgroup.procs", text);
	return r == -ESRCH ? 0 : r; /* it ended meanwhile */
}

/* Moves all of the leader's processes; again while a round finds one that was forked meanwhile in
 * the old group. */
static int move_all(const struct update *u, unsigned to, struct err *e)
{
	int leader = group_leader(&u->c), r = 0;
	size_t last = 0;

	if (leader < 0 || (unsigned)leader == to)
		return 0;
	for (unsigned round = 0; round < 16; round++) {
		auto_pid_list struct pid_list all = {0}, in = {0};

		r = group_list_pids(u->c.group[leader].dir_fd, &all);
		if (r >= 0)
			r = group_list_pids(u->c.group[to].dir_fd, &in);
		if (r < 0 || in.n >= all.n || (round && in.n == last))
			break;
		last = in.n;
		for (size_t i = 0; i < all.n && r >= 0; i++)
			r = move_pid(u->c.group[to].dir_fd, all.v[i]);
		if (r < 0)
			break;
	}
	return r < 0 ? err_sys(e, r, "moving the container into cgroup %s%s", u->c.group[to].mount,
			       u->c.group[to].path)
		     : 0;
}

/* The group from which the processes came is the one that a new group's parents lead to: the
 * caller's own is not known any more, so they go to the nearest group that stays. */
static void take_back_group(struct update *u, unsigned i)
{
	auto_pid_list struct pid_list list = {0};
	char path[GROUP_PATH_MAX];
	auto_close int parent_fd = -EBADF;

	if (!u->made[i] || u->c.group[i].dir_fd < 0 ||
	    group_path(path, sizeof(path), u->c.group[i].mount, u->c.group[i].path) < 0)
		return;
	for (unsigned n = 0; n < u->made[i]; n++)
		*strrchr(path, '/') = '\0';
	parent_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent_fd >= 0 && group_list_pids(u->c.group[i].dir_fd, &list) >= 0)
		for (size_t k = 0; k < list.n; k++)
			(void)move_pid(parent_fd, list.v[k]);
	group_remove_dirs(u->c.group[i].mount, u->c.group[i].path, u->made[i]);
}

static void close_opened(struct update *u)
{
	for (unsigned i = 0; i < u->c.n; i++) {
		if (!u->is_opened[i])
			continue;
		if (u->c.group[i].dir_fd >= 0)
			close(u->c.group[i].dir_fd);
		if (u->c.group[i].tasks_fd >= 0)
			close(u->c.group[i].tasks_fd);
	}
}

static int change_device_program(struct update *u, const struct oci_resources *r, struct err *e)
{
	struct oci_device_rule *v;
	size_t n;
	int bad;

	if (!r->devices.n || u->layout.mode != CGROUP_V2)
		return 0;
	bad = devices_effective(r, u->limits.arena, &v, &n, e);
	return bad < 0 ? bad : devices_attach(u->c.group[0].dir_fd, v, n, u->c.group[0].path, e);
}

static int carry_out(struct update *u, const struct oci_resources *r, const char **olds,
		     struct err *e)
{
	int bad = apply_writes(&u->c, u->limits.v, u->limits.n, u->limits.arena, olds, e);

	for (unsigned i = 0; i < u->c.n && bad >= 0; i++)
		if (u->is_opened[i] && is_written(u, i))
			bad = move_all(u, i, e);
	return bad < 0 ? bad : change_device_program(u, r, e);
}

static int change_all(struct update *u, const struct oci_resources *r, struct cgroup_undo *ret,
		      struct err *e)
{
	const char **olds = arena_array(u->limits.arena, u->limits.n + 1, sizeof(*olds));
	int bad = u->c.unit.name
			  ? systemd_update(&u->c.unit, &u->layout, u->limits.v, u->limits.n, e)
			  : 0;

	/* Order: systemd writes its own rounding, we the exact values over it. */
	if (bad >= 0)
		bad = prepare_groups(u, e);
	if (bad >= 0)
		bad = carry_out(u, r, olds, e);
	if (bad >= 0) {
		*ret = (struct cgroup_undo){u->limits.v, olds, u->limits.n};
		return 0;
	}
	apply_undo(&u->c, u->limits.v, u->limits.n, olds);
	for (unsigned i = 0; i < u->c.n; i++)
		take_back_group(u, i);
	return bad;
}

/* A group that an earlier update made is not in the caller's descriptors. */
static void open_groups(struct update *u)
{
	for (unsigned i = 0; i < u->c.n; i++) {
		char path[GROUP_PATH_MAX];

		if (u->c.group[i].dir_fd >= 0 ||
		    group_path(path, sizeof(path), u->c.group[i].mount, u->c.group[i].path) < 0)
			continue;
		u->c.group[i].dir_fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (u->c.group[i].dir_fd >= 0)
			u->is_opened[i] = true;
		else
			u->c.group[i].dir_fd = -EBADF;
	}
}

static bool has_group(const struct cgroup *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->group[i].dir_fd >= 0)
			return true;
	return false;
}

/* The list of writes. Returns 0 or -errno. */
static int plan_update(struct update *u, const struct oci_resources *r, struct arena *a,
		       struct err *e)
{
	int bad;

	if (!has_group(&u->c))
		return err_say(e, -EOPNOTSUPP, "the container has no cgroup: limits cannot be set");
	open_groups(u);
	fill_layout(&u->c, &u->layout);
	u->limits = (struct limits){.layout = &u->layout, .current = &u->c, .arena = a, .err = e};
	bad = limits_collect(&u->limits, r);
	if (bad >= 0 && r->devices.n && u->layout.mode != CGROUP_V2)
		bad = devices_update_v1(&u->limits, r);
	return bad < 0 ? bad : 0;
}

int cgroup_update_undoable(const struct cgroup *c, const struct oci_resources *r, struct arena *a,
			   struct cgroup_undo *ret, struct err *e)
{
	struct update u = {.c = *c};
	int bad = plan_update(&u, r, a, e);

	if (bad >= 0)
		bad = change_all(&u, r, ret, e);
	close_opened(&u);
	return bad < 0 ? bad : 0;
}

void cgroup_undo(const struct cgroup *c, const struct cgroup_undo *undo)
{
	struct update u = {.c = *c};

	open_groups(&u);
	apply_undo(&u.c, undo->v, undo->n, undo->olds);
	close_opened(&u);
}

int cgroup_update(const struct cgroup *c, const struct oci_resources *r, struct err *e)
{
	auto_arena struct arena a = {0};
	struct cgroup_undo undo;

	return cgroup_update_undoable(c, r, &a, &undo, e);
}

int cgroup_update_plan(const struct cgroup *c, const struct oci_resources *r, struct arena *a,
		       struct cgroup_change **ret, size_t *ret_n, struct err *e)
{
	struct update u = {.c = *c};
	int bad = plan_update(&u, r, a, e);
	struct cgroup_change *list;
	size_t n = 0;

	if (bad < 0) {
		close_opened(&u);
		return bad;
	}
	list = arena_array(a, u.limits.n + 1, sizeof(*list));
	for (size_t i = 0; i < u.limits.n; i++) {
		const struct cgroup_write *w = &u.limits.v[i];
		int fd = u.c.group[w->hierarchy].dir_fd;
		char *old = NULL;

		if (fd >= 0 && file_read_at(fd, w->file, a, 1 << 20, &old, NULL) < 0)
			old = NULL;
		/* An I/O weight has two names; the kernel has one of them. */
		if (fd >= 0 && !old && (w->is_optional || w->is_alternative))
			continue;
		list[n++] = (struct cgroup_change){.mount = u.c.group[w->hierarchy].mount,
						   .path = u.c.group[w->hierarchy].path,
						   .file = w->file,
						   .property = w->property,
						   .old = old,
						   .value = w->value};
	}
	close_opened(&u);
	*ret = list;
	*ret_n = n;
	return 0;
}
