/* SPDX-License-Identifier: Apache-2.0 */
/* Several hierarchies at once: which kind each group is of, and which one leads the others. */
#include "cgroup/group.h"

/*
 * On v1 and hybrid machines a container has a group in each hierarchy in use, all with the same
 * processes. Freezing and killing go through one of them: the freezer's where there is one, since
 * its state is what other tools look at; else the v2 group (its core can freeze); else any, in
 * which killing works unfrozen.
 */
int group_leader(const struct cgroup *c)
{
	int v2 = -1;

	for (unsigned i = 0; i < c->n; i++) {
		if (c->group[i].dir_fd < 0)
			continue;
		if (c->group[i].controllers & 1U << CG_FREEZER)
			return (int)i;
		if (c->group[i].is_v2)
			v2 = (int)i;
	}
	if (v2 >= 0)
		return v2;
	for (unsigned i = 0; i < c->n; i++)
		if (c->group[i].dir_fd >= 0)
			return (int)i;
	return -1;
}

const struct group_ops *group_ops_of(const struct cgroup *c, unsigned i)
{
	return c->group[i].is_v2 ? &group_ops_v2 : &group_ops_v1;
}
