/* SPDX-License-Identifier: Apache-2.0 */
/* Inside pool/: a pool's control groups. */
#ifndef BERTH_ENGINE_POOL_POOL_GROUP_H
#define BERTH_ENGINE_POOL_POOL_GROUP_H

#include "engine/pool/pool.h"

/* Makes the groups where they are not there, and writes the limits. Groups above it are expected. */
int pool_group_make(const struct engine *g, const struct pool *p, struct arena *a, struct err *e);

/* Removes them; -EBUSY where somebody is inside. */
int pool_group_remove(const struct engine *g, const struct pool *p, struct err *e);

#endif
