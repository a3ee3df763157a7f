/* SPDX-License-Identifier: Apache-2.0 */
/* The number of processes and threads. The same file on v1 and v2. */
#include "cgroup/figures.h"
#include "cgroup/limits.h"

int pids_limits(struct limits *l, const struct oci_resources *r)
{
	static const char property[] = "linux.resources.pids.limit";
	int is_v2;

	if (!r->pids_limit.is_set)
		return 0;
	is_v2 = limits_is_v2(l, CG_PIDS, property);
	if (is_v2 < 0)
		return is_v2;
	/* 0 is a limit since version 1.3 of the specification: nothing may be forked. */
	if (r->pids_limit.value < 0)
		limits_add(l, CG_PIDS, property, "pids.max", "max");
	else
		limits_add(l, CG_PIDS, property, "pids.max", "%lld",
			   (long long)r->pids_limit.value);
	return 0;
}

void pids_figures(const struct figures *f)
{
	uint64_t limit = figures_number(f, CG_PIDS, "pids.max");

	figures_put(f->w, "current", figures_number(f, CG_PIDS, "pids.current"));
	figures_put(f->w, "limit", limit == UINT64_MAX ? 0 : limit);
}
