/* SPDX-License-Identifier: Apache-2.0 */
/* Inside cgroup/: makes one group, for create and update. */
#ifndef BERTH_CGROUP_CREATE_H
#define BERTH_CGROUP_CREATE_H

#include "cgroup/cgroup.h"

/* Makes and opens group i of c, which has mount and path but no descriptors yet. *ret_made: the
 * directories made. On failure nothing that it made is left (descriptors: the caller closes c). */
int create_group(struct cgroup *c, unsigned i, uint32_t controllers, uint32_t needed,
		 unsigned *ret_made, struct err *e);

#endif
