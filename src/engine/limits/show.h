/* SPDX-License-Identifier: Apache-2.0 */
/* The limits that hold for a container: what was asked, what the kernel has, and where the tightest one sits. */
#ifndef BERTH_ENGINE_LIMITS_SHOW_H
#define BERTH_ENGINE_LIMITS_SHOW_H

#include "engine/container/container.h"

/*
 * Theory of operation
 *
 * A limit of a group holds for all below it, so what counts for a container is the least on the way from its own
 * group to the root of the hierarchy: its own, its pool's, those above. Weights and protections do not add up that
 * way: of them only the own value is shown.
 */

enum limit_unit { LIMIT_BYTES, LIMIT_COUNT, LIMIT_CPUS, LIMIT_WEIGHT, LIMIT_RATE, LIMIT_TEXT };

struct limit_row {
	const char *name;  /* "memory", "processor time", "8:0 read bytes" */
	const char *asked; /* the option's word, or NULL */
	enum limit_unit unit;
	const char *file;   /* whole path of the own group's file; NULL: it has none */
	const char *kernel; /* its text as read; NULL: none */
	double value;       /* own, in units; < 0: no limit */
	double tightest;    /* < 0: no limit anywhere */
	const char
		*where; /* who has the tightest: "own", "pool team", "group /berth"; NULL: nobody */
	const char *where_file;
};

struct limit_rows {
	struct limit_row *v;
	size_t n;
};

/* One group on the way up. */
struct limit_level {
	const char *label; /* "own", "pool team", "group /berth" */
	const char *path;  /* below the mount */
};

/* Pure but for reading the groups' files: the rows of a container with these groups (each hierarchy with the paths
 * of its levels, own first). asked may be NULL. */
int limits_collect_rows(const struct cgroup_saved *groups, const struct limit_level *levels,
			size_t n_levels, const struct container_request *asked, struct arena *a,
			struct limit_rows *ret, struct err *e);

/* Of a container; one that does not run has rows without files. */
int limits_show(const struct engine *g, const struct container_info *c, struct arena *a,
		struct limit_rows *ret, struct err *e);

/* The levels of a group's path: own, pools, others, up to but without the root. */
int limits_levels(const struct engine *g, const struct container_info *c, const char *path,
		  struct arena *a, struct limit_level **ret, size_t *ret_n, struct err *e);

#endif
