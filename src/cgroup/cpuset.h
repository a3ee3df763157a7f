/* SPDX-License-Identifier: Apache-2.0 */
/* Inside cgroup/: what making a v1 cpuset group needs. */
#ifndef BERTH_CGROUP_CPUSET_H
#define BERTH_CGROUP_CPUSET_H

struct err;

/* Gives the group and each group above it the cpus and mems of its parent where it has none yet:
 * nothing can enter a v1 cpuset without (cgroup-v1/cpusets.rst). Returns 0 or -errno. */
int cpuset_inherit_v1(const char *mount, const char *path, struct err *e);

#endif
