/* SPDX-License-Identifier: Apache-2.0 */
/* Inside cgroup/: what a controller's file offers: its limits as writes, and its figures. */
#ifndef BERTH_CGROUP_LIMITS_H
#define BERTH_CGROUP_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cgroup/cgroup.h"

/* Controllers by their names in /proc/self/cgroup (v1) and cgroup.controllers (v2); NULL: not
 * there. */
struct controller_name {
	const char *v1, *v2;
};
extern const struct controller_name controller_names[CG_CONTROLLER_COUNT];

/* The controllers whose groups every container gets where the machine has them. */
extern const uint32_t controllers_always_v1, controllers_always_v2;

/* A list of writes in the making. */
struct limits {
	const struct cgroup_layout *layout;
	const struct cgroup
		*current; /* update: the groups as they are; NULL: a plan, read nothing */
	bool is_rootless;
	struct arena *arena;
	struct cgroup_write *v;
	size_t n, size;
	uint32_t controllers; /* bits: those that the writes need */
	unsigned together;    /* the last number given out by limits_together */
	unsigned now_together;
	struct err *err;
};

/* Whether the controller's hierarchy is v2. Returns 1, 0, or -EOPNOTSUPP with the controller and
 * the property named where the machine lacks it. */
int limits_is_v2(struct limits *l, enum cgroup_controller c, const char *property);

/* Adds one write and returns it, for its flags (valid until the next one); the controller must be
 * there. property and file must outlive the list: literals or in its arena. */
struct cgroup_write *limits_add(struct limits *l, enum cgroup_controller c, const char *property,
				const char *file, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* The same for a hierarchy by its number; value must outlive the list as well. */
struct cgroup_write *limits_add_at(struct limits *l, int hierarchy, uint32_t controllers,
				   const char *property, const char *file, const char *value);

/* The writes between these two depend on each other: they are tried in their order, and again as
 * long as one of them still succeeds (a v1 kernel checks each against the others' old values). */
void limits_begin_together(struct limits *l);
void limits_end_together(struct limits *l);

/* Reads a file of the container's present group. -ENODATA while planning. */
int limits_read(const struct limits *l, enum cgroup_controller c, const char *file, char *buf,
		size_t size);

/* Each controller's part: adds its writes. Returns 0 or -errno with l->err filled. */
int cpu_limits(struct limits *l, const struct oci_resources *r);
int cpuset_limits(struct limits *l, const struct oci_resources *r);
int memory_limits(struct limits *l, const struct oci_resources *r);
int io_limits(struct limits *l, const struct oci_resources *r);
int pids_limits(struct limits *l, const struct oci_resources *r);
int hugetlb_limits(struct limits *l, const struct oci_resources *r);
int rdma_limits(struct limits *l, const struct oci_resources *r);
int net_limits(struct limits *l, const struct oci_resources *r);
int unified_limits(struct limits *l, const struct oci_resources *r);

/* All of them but devices, in the order of writing. */
int limits_collect(struct limits *l, const struct oci_resources *r);

#endif
