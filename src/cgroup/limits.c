/* SPDX-License-Identifier: Apache-2.0 */
/* The list of writes in the making, which each controller's file adds to. */
#include "cgroup/limits.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "kernel/fd.h"

const struct controller_name controller_names[] = {
	[CG_CPU] = {"cpu", "cpu"},
	[CG_CPUACCT] = {"cpuacct", NULL},
	[CG_CPUSET] = {"cpuset", "cpuset"},
	[CG_MEMORY] = {"memory", "memory"},
	[CG_IO] = {"blkio", "io"},
	[CG_PIDS] = {"pids", "pids"},
	[CG_DEVICES] = {"devices", NULL},
	[CG_FREEZER] = {"freezer", NULL},
	[CG_HUGETLB] = {"hugetlb", "hugetlb"},
	[CG_NET_CLS] = {"net_cls", NULL},
	[CG_NET_PRIO] = {"net_prio", NULL},
	[CG_RDMA] = {"rdma", "rdma"},
	[CG_MISC] = {"misc", "misc"},
	[CG_PERF_EVENT] = {"perf_event", NULL},
};
static_assert(sizeof(controller_names) / sizeof(controller_names[0]) == CG_CONTROLLER_COUNT,
	      "one name for each controller");

/*
 * Making, entering and removing one v1 group costs 45 to 60 us (mkdir 12-24, join 20-25, rmdir
 * 11-18; cpuset: join 80), so a group is made where it serves every container: freezer (pause,
 * kill), devices (access), pids, memory, cpu, cpuacct and blkio (figures: callers that read the
 * groups themselves would else show those of the whole machine; and a cpu group makes containers
 * compete as containers, not process by process). cpuset, hugetlb, rdma, misc and net_* only with a
 * limit; perf_event and named hierarchies never. On v2 one group has all.
 */
const uint32_t controllers_always_v1 = 1U << CG_FREEZER | 1U << CG_DEVICES | 1U << CG_PIDS |
				       1U << CG_MEMORY | 1U << CG_CPU | 1U << CG_CPUACCT |
				       1U << CG_IO;
const uint32_t controllers_always_v2 = 1U << CG_PIDS | 1U << CG_MEMORY | 1U << CG_CPU | 1U << CG_IO;

int limits_is_v2(struct limits *l, enum cgroup_controller c, const char *property)
{
	int at = (int)l->layout->of[c]; /* NOLINT(bugprone-signed-char-misuse): -1 is meant */
	const char *name = controller_names[c].v1;

	if (at >= 0)
		return l->layout->hierarchy[at].is_v2;
	if (l->layout->mode == CGROUP_V2) {
		name = controller_names[c].v2;
		if (!name)
			return err_say(l->err, -EOPNOTSUPP, "%s: cgroup v2 has no %s controller",
				       property, controller_names[c].v1);
	}
	if (l->layout->mode == CGROUP_NONE)
		return err_say(l->err, -EOPNOTSUPP,
			       "%s: needs the %s controller, but no cgroup"
			       " file system is mounted on /sys/fs/cgroup",
			       property, name);
	if (l->is_rootless)
		return err_say(l->err, -EOPNOTSUPP,
			       "%s: the %s controller is not available; give"
			       " it to users with Delegate=cpu cpuset io memory pids in"
			       " user@.service.d",
			       property, name);
	return err_say(l->err, -EOPNOTSUPP,
		       "%s: the %s controller is not available on this machine"
		       " (see /proc/cgroups)",
		       property, name);
}

struct cgroup_write *limits_add_at(struct limits *l, int hierarchy, uint32_t controllers,
				   const char *property, const char *file, const char *value)
{
	struct cgroup_write *w;

	assert(hierarchy >= 0 && (unsigned)hierarchy < l->layout->n);
	if (l->n == l->size) {
		size_t size = l->size ? l->size * 2 : 32;
		struct cgroup_write *v = arena_array(l->arena, size, sizeof(*v));

		if (l->n)
			memcpy(v, l->v, l->n * sizeof(*v));
		l->v = v;
		l->size = size;
	}
	w = &l->v[l->n++];
	*w = (struct cgroup_write){
		.hierarchy = (uint8_t)hierarchy,
		.file = file,
		.value = value,
		.property = property,
		.together = (uint8_t)l->now_together,
	};
	l->controllers |= controllers;
	return w;
}

struct cgroup_write *limits_add(struct limits *l, enum cgroup_controller c, const char *property,
				const char *file, const char *format, ...)
{
	char value[8192];
	va_list ap;

	va_start(ap, format);
	vsnprintf(value, sizeof(value), format, ap);
	va_end(ap);
	return limits_add_at(l, l->layout->of[c], 1U << c, property, file,
			     arena_strdup(l->arena, value));
}

void limits_begin_together(struct limits *l)
{
	l->now_together = ++l->together;
}

void limits_end_together(struct limits *l)
{
	l->now_together = 0;
}

int limits_read(const struct limits *l, enum cgroup_controller c, const char *file, char *buf,
		size_t size)
{
	if (!l->current)
		return -ENODATA;
	for (unsigned i = 0; i < l->current->n; i++) {
		int fd = l->current->group[i].dir_fd;

		if (fd >= 0 && (l->current->group[i].controllers & 1U << c))
			return file_read_small(fd, file, buf, size);
	}
	return -ENODATA;
}
