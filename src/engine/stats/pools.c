/* SPDX-License-Identifier: Apache-2.0 */
/* The pools of a snapshot: their groups, and which container is in which. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cgroup/cgroup.h"
#include "engine/pool/pool.h"
#include "engine/recorder/sampler.h"
#include "engine/stats/pools.h"

/* The pool's group in every hierarchy; those that are not there are found missing when they are read. */
static void find_groups(const struct cgroup_layout *layout, const char *path, struct arena *a,
			struct cgroup_saved *ret)
{
	ret->n = layout->n;
	ret->v = arena_array(a, layout->n ? layout->n : 1, sizeof(*ret->v));
	for (size_t i = 0; i < layout->n; i++) {
		ret->v[i].v2 = layout->hierarchy[i].is_v2;
		ret->v[i].controllers = layout->hierarchy[i].controllers;
		ret->v[i].mount = layout->hierarchy[i].mount;
		ret->v[i].path = path;
	}
}

int pools_watch(const struct engine *g, struct arena *a, struct watched_pools *ret, struct err *e)
{
	struct cgroup_layout layout = {0};
	struct watched_pools found = {0};
	int r = pool_list(g, a, &found.v, &found.n, e);

	if (r < 0)
		return r;
	found.groups = arena_array(a, found.n ? found.n : 1, sizeof(*found.groups));
	if (found.n && cgroup_detect(a, &layout, NULL) == 0)
		for (size_t i = 0; i < found.n; i++) {
			const char *path = NULL;

			if (pool_path(g, &found.v[i], a, &path, NULL) == 0)
				find_groups(&layout, path, a, &found.groups[i]);
		}
	*ret = found;
	return 0;
}

static int index_of(const struct watched_pools *p, const char *name)
{
	for (size_t i = 0; name && i < p->n; i++)
		if (str_eq(p->v[i].name, name))
			return (int)i;
	return -1;
}

void pools_read(const struct watched_pools *p, int64_t now_ns, struct arena *a, struct subject *ret)
{
	for (size_t i = 0; i < p->n; i++) {
		struct subject *x = &ret[i];

		*x = (struct subject){.is_pool = true,
				      .id = p->v[i].name,
				      .name = p->v[i].name,
				      .pool = pool_parent(p->v[i].name, a),
				      .state = CONTAINER_RUNNING,
				      .above = -1};
		sample_read(&p->groups[i], 0, &x->now);
		x->has_figures = x->now.known != 0;
		/* No second point: nothing moves by these. */
		x->before = x->now;
		x->before.time_ns = now_ns;
		x->above = index_of(p, x->pool);
		x->depth = x->above < 0 ? 0 : ret[x->above].depth + 1;
	}
}

void pools_place(const struct watched_pools *p, struct subject *pools, struct subject *x)
{
	x->above = index_of(p, x->pool);
	x->depth = x->above < 0 ? 0 : pools[x->above].depth + 1;
}
