/* SPDX-License-Identifier: Apache-2.0 */
/* Inside cgroup/: carries out a list of writes. */
#ifndef BERTH_CGROUP_APPLY_H
#define BERTH_CGROUP_APPLY_H

#include <stddef.h>

#include "cgroup/cgroup.h"

/* Writes each value into its group, in order. olds (may be NULL): n strings, which get in the arena
 * what the files held before (NULL where nothing was written), for apply_undo. On failure the
 * writes before stay: the caller removes the groups or undoes. Returns 0 or -errno; names the
 * property. */
int apply_writes(const struct cgroup *c, const struct cgroup_write *v, size_t n, struct arena *a,
		 const char **olds, struct err *e);

/* Puts old values back, last first; what cannot be put back is left. */
void apply_undo(const struct cgroup *c, const struct cgroup_write *v, size_t n,
		const char *const *olds);

#endif
