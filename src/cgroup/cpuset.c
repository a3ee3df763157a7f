/* SPDX-License-Identifier: Apache-2.0 */
/* Which processors and memory nodes may be used. */
#include "cgroup/cpuset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cgroup/figures.h"
#include "cgroup/group.h"

#include "cgroup/limits.h"
#include "kernel/fd.h"

static const char p_cpus[] = "linux.resources.cpu.cpus";
static const char p_mems[] = "linux.resources.cpu.mems";

static int add_list(struct limits *l, const char *list, const char *property, const char *file)
{
	int is_v2;

	if (!list || !*list)
		return 0;
	is_v2 = limits_is_v2(l, CG_CPUSET, property);
	if (is_v2 < 0)
		return is_v2;
	/* What the kernel's list parser takes; "all", "none" and "0-7:1/2" are for newer ones. */
	if (strspn(list, "0123456789,-:/ ") != strlen(list))
		return err_say(l->err, -EINVAL, "%s: \"%s\" is not a list such as 0-3,8", property,
			       list);
	limits_add(l, CG_CPUSET, property, file, "%s", list);
	return 0;
}

int cpuset_limits(struct limits *l, const struct oci_resources *r)
{
	int bad = add_list(l, r->cpu.cpus, p_cpus, "cpuset.cpus");

	return bad < 0 ? bad : add_list(l, r->cpu.mems, p_mems, "cpuset.mems");
}

/* Copies one file from the group above where this group's is empty. */
static int inherit_file(const char *parent, const char *dir, const char *name, struct err *e)
{
	char from[GROUP_PATH_MAX], to[GROUP_PATH_MAX], value[4096];
	int r = group_path(to, sizeof(to), dir, name);

	if (r >= 0)
		r = group_path(from, sizeof(from), parent, name);
	if (r >= 0)
		r = file_read_small(AT_FDCWD, to, value, sizeof(value));
	if (r > 0 && value[0] != '\n')
		return 0;
	if (r >= 0)
		r = file_read_small(AT_FDCWD, from, value, sizeof(value));
	if (r >= 0)
		r = file_write_at(AT_FDCWD, to, value);
	return r < 0 ? err_sys(e, r, "copying %s%s to %s", parent, name, dir) : 0;
}

int cpuset_inherit_v1(const char *mount, const char *path, struct err *e)
{
	char dir[GROUP_PATH_MAX], parent[GROUP_PATH_MAX];
	size_t at = strlen(mount);
	int r = group_path(dir, sizeof(dir), mount, path);

	if (r < 0)
		return err_sys(e, r, "cgroup %s%s", mount, path);
	while (dir[at]) {
		size_t end = at + 1 + strcspn(dir + at + 1, "/");
		char saved = dir[end];

		dir[end] = '\0';
		memcpy(parent, dir, at);
		parent[at] = '\0';
		r = inherit_file(parent, dir, "/cpuset.cpus", e);
		if (r >= 0)
			r = inherit_file(parent, dir, "/cpuset.mems", e);
		if (r < 0)
			return r;
		dir[end] = saved;
		at = end;
	}
	return 0;
}

/* ---- figures --------------------------------------------------------------------------------- */

/* "0-2,5" as [0,1,2,5]. */
static void put_list(const struct figures *f, const char *key, const char *list)
{
	if (!list || *list < '0' || *list > '9')
		return;
	json_key(f->w, key);
	json_begin_array(f->w);
	while (*list >= '0' && *list <= '9') {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && last < 65536; first++)
			json_uint(f->w, first);
		list = *end == ',' ? end + 1 : end;
	}
	json_end_array(f->w);
}

void cpuset_figures(const struct figures *f)
{
	static const struct {
		const char *key, *file;
	} flags[] = {
		{"cpu_exclusive", "cpuset.cpu_exclusive"},
		{"mem_hardwall", "cpuset.mem_hardwall"},
		{"mem_exclusive", "cpuset.mem_exclusive"},
		{"memory_migrate", "cpuset.memory_migrate"},
		{"memory_spread_page", "cpuset.memory_spread_page"},
		{"memory_spread_slab", "cpuset.memory_spread_slab"},
		{"memory_pressure", "cpuset.memory_pressure"},
		{"sched_load_balance", "cpuset.sched_load_balance"},
		{"sched_relax_domain_level", "cpuset.sched_relax_domain_level"},
	};
	int is_v2 = figures_is_v2(f, CG_CPUSET);

	if (is_v2 < 0)
		return;
	put_list(f, "cpus",
		 figures_text(f, CG_CPUSET, is_v2 ? "cpuset.cpus.effective" : "cpuset.cpus"));
	put_list(f, "mems",
		 figures_text(f, CG_CPUSET, is_v2 ? "cpuset.mems.effective" : "cpuset.mems"));
	for (size_t i = 0; !is_v2 && i < sizeof(flags) / sizeof(flags[0]); i++) {
		const char *text = figures_text(f, CG_CPUSET, flags[i].file);

		json_put_int(f->w, flags[i].key, text ? strtol(text, NULL, 10) : 0);
	}
}
