/* SPDX-License-Identifier: Apache-2.0 */
/* A pool's control groups: where they are, made with their limits, removed. */
#include "engine/pool/pool_group.h"

#include <fcntl.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "cgroup/group.h"
#include "engine/limits/options.h"

/* ---- where --------------------------------------------------------------------------------------- */

static bool may_write(const char *mount, const char *path, const char *file, struct arena *a)
{
	return faccessat(AT_FDCWD, arena_printf(a, "%s%s%s", mount, path, file), W_OK,
			 AT_EACCESS) == 0;
}

/* The topmost group on the way up from the own one in which the caller may make and move: his user manager's, if
 * there is one. NULL: none. */
static const char *find_delegated(const struct cgroup_layout *layout, struct arena *a)
{
	const struct cgroup_hierarchy *h = layout->n ? &layout->hierarchy[0] : NULL;
	char *path = h ? arena_strdup(a, h->own) : NULL;
	const char *found = NULL;

	while (path && layout->mode == CGROUP_V2 && strlen(path) > 1) {
		if (may_write(h->mount, path, "", a) &&
		    may_write(h->mount, path, "/cgroup.procs", a))
			found = arena_strdup(a, path);
		*strrchr(path, '/') = '\0';
	}
	return found;
}

static int find_path(const struct engine *g, const struct cgroup_layout *layout,
		     const struct pool *p, struct arena *a, const char **ret, struct err *e)
{
	const char *base = "";

	if (g->is_rootless) {
		base = find_delegated(layout, a);
		if (!base)
			return err_say(
				e, -EACCES,
				"pool %s: an ordinary user's pools need cgroup v2 and a group of "
				"his own: run berth below a systemd user manager (Delegate=cpu "
				"cpuset io memory pids in user@.service.d), such as with "
				"`systemd-run --user --scope`",
				p->name);
	}
	*ret = arena_printf(a, "%s/%s", base, p->group);
	return 0;
}

int pool_path(const struct engine *g, const struct pool *p, struct arena *a, const char **ret,
	      struct err *e)
{
	struct cgroup_layout layout = {0};
	int r = g->is_rootless ? cgroup_detect(a, &layout, e) : 0;

	return r < 0 ? r : find_path(g, &layout, p, a, ret, e);
}

/* ---- made, removed ------------------------------------------------------------------------------- */

enum { SHARES_PER_WEIGHT = 1024, WEIGHT_STANDARD = 100, WEIGHT_MAX = 10000 };

int pool_resources(const struct container_request *limits, struct arena *a,
		   struct oci_resources *ret, struct err *e)
{
	struct container_request q = *limits;
	uint64_t shares, weight;

	/* Shares in the proportion that they have: what one container of Docker's gets on v2 follows a curve that would
	 * make 2048 against 1024 less than twice as much. */
	if (q.cpu_shares && !q.cpu_weight && str_to_u64(q.cpu_shares, &shares) == 0 &&
	    shares >= 2 && shares <= 262144) {
		weight = (shares * WEIGHT_STANDARD + SHARES_PER_WEIGHT / 2) / SHARES_PER_WEIGHT;
		weight = weight < 1 ? 1 : weight > WEIGHT_MAX ? WEIGHT_MAX : weight;
		q.cpu_weight = arena_printf(a, "%llu", (unsigned long long)weight);
		q.cpu_shares = NULL;
	}
	return request_limits(&q, a, ret, e);
}

int pool_group_make(const struct engine *g, const struct pool *p, struct arena *a, struct err *e)
{
	struct oci_device_rule everything = {.allow = true, .access = "rwm"};
	struct container_request limits = {0};
	struct cgroup_layout layout = {0};
	struct oci_spec spec = {0};
	struct cgroup_plan plan = {0};
	struct cgroup made = {0};
	int r = limit_words_read(limit_options_pool, &p->limits, a, &limits, e);

	if (r == 0)
		r = pool_resources(&limits, a, &spec.linux_.resources, e);
	if (r == 0)
		r = cgroup_detect(a, &layout, e);
	if (r == 0 && layout.mode == CGROUP_NONE)
		r = err_say(e, -EOPNOTSUPP,
			    "pool %s: no cgroup file system is mounted on /sys/fs/cgroup", p->name);
	if (r == 0)
		r = find_path(g, &layout, p, a, &spec.linux_.cgroups_path, e);
	if (r < 0)
		return r;
	/* Its containers have rules of their own. */
	spec.linux_.resources.devices.v = &everything;
	spec.linux_.resources.devices.n = 1;
	r = cgroup_plan_make(&layout, &spec, p->name, g->is_rootless, a, &plan, e);
	if (r == 0)
		r = cgroup_create(&plan, &made, e);
	if (r < 0)
		return e ? err_within(e, "pool %s", p->name) : r;
	cgroup_close(&made);
	return 0;
}

int pool_group_remove(const struct engine *g, const struct pool *p, struct err *e)
{
	auto_arena struct arena a = {0};
	struct cgroup_layout layout = {0};
	const char *path = NULL;
	int r = cgroup_detect(&a, &layout, e);

	if (r < 0)
		return r;
	/* Who has no groups any more has none to remove. */
	if (find_path(g, &layout, p, &a, &path, NULL) < 0)
		return 0;
	for (unsigned i = 0; i < layout.n; i++) {
		const char *whole = arena_printf(&a, "%s%s", layout.hierarchy[i].mount, path);

		r = group_remove_tree(whole);
		if (r < 0)
			return err_sys(e, r, "pool %s: remove %s", p->name, whole);
	}
	return 0;
}
