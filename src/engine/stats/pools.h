/* SPDX-License-Identifier: Apache-2.0 */
/* Inside stats/: the pools of a snapshot. */
#ifndef BERTH_ENGINE_STATS_POOLS_H
#define BERTH_ENGINE_STATS_POOLS_H

#include "engine/stats/snapshot.h"

/* Lists the pools with their groups, in the arena. */
int pools_watch(const struct engine *g, struct arena *a, struct watched_pools *ret, struct err *e);
/* Fills in ret[0..p->n). */
void pools_read(const struct watched_pools *p, int64_t now_ns, struct arena *a,
		struct subject *ret);
/* Finds the pool of a container. */
void pools_place(const struct watched_pools *p, struct subject *pools, struct subject *x);

#endif
