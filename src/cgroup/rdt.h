/* SPDX-License-Identifier: Apache-2.0 */
/* linux.intelRdt: shares of cache and memory bandwidth, as groups of the resctrl file system. */
#ifndef BERTH_CGROUP_RDT_H
#define BERTH_CGROUP_RDT_H

#include <stdbool.h>
#include <sys/types.h>

#include "oci/spec.h"

struct err;

/* A container's group as its state keeps it. */
struct rdt_group {
	const char *clos;  /* directory below the root, "/" for the root itself; NULL: none */
	bool is_made;      /* by us, so it goes with the container */
	bool is_monitored; /* has mon_groups/ID */
};

/* Looks what there is and what is to be made; changes nothing. id: the container's. The group's name is borrowed from
 * rdt or id. Errors: no resctrl, a missing closID without schemata, an existing one with others. */
int rdt_plan(const struct oci_intel_rdt *rdt, const char *id, struct rdt_group *ret, struct err *e);

/* Makes what rdt_plan said, in the order L3, memory bandwidth, schemata; nothing is left on failure. */
int rdt_create(const struct oci_intel_rdt *rdt, const char *id, const struct rdt_group *g,
	       struct err *e);

/* Puts a process into the group. Its children will be there as well. */
int rdt_enter(const struct rdt_group *g, const char *id, pid_t pid, struct err *e);

/* Writes new schemas (NULL: leave) into an existing group. */
int rdt_update(const struct rdt_group *g, const char *l3, const char *bandwidth, struct err *e);

/* Removes what was made; what is gone is fine. */
int rdt_remove(const struct rdt_group *g, const char *id, struct err *e);

#endif
