/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the samples of a snapshot: rates, entitled shares, tightest limits. */
#include <stdlib.h>

#include "engine/stats/snapshot.h"

/* Who used a hundredth of a processor, or was held back by a quota, wants more. */
static const double busy_percent = 1;

static bool is_busy(const struct subject *x)
{
	return !x->is_pool && x->has_figures && x->state == CONTAINER_RUNNING &&
	       (x->rates.cpu >= busy_percent || x->rates.throttled > 0);
}

static double quota_of(const struct sample *s)
{
	return s->quota_us && s->period_us ? (double)s->quota_us / (double)s->period_us : 0;
}

static void compute_rates(struct snapshot *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].has_figures)
			rates_compute(&s->v[i].before, &s->v[i].now, &s->v[i].rates);
	for (size_t i = 0; i < s->n_pools; i++) {
		struct rates own = s->v[i].rates;

		/* What its groups tell of themselves stays; what moved is the sum of what is in it. */
		s->v[i].rates = (struct rates){.throttled = own.throttled,
					       .throttled_time = own.throttled_time};
		for (size_t k = 0; k < PRESSURE_COUNT; k++) {
			s->v[i].rates.some[k] = own.some[k];
			s->v[i].rates.full[k] = own.full[k];
		}
	}
	/* Containers are behind the pools, and each pool behind the one it is in. */
	for (size_t i = s->n; i-- > 0;)
		if (s->v[i].above >= 0 && s->v[i].has_figures)
			rates_add(&s->v[s->v[i].above].rates, &s->v[i].rates);
}

static void compute_shares(struct snapshot *s)
{
	struct share *v = calloc(s->n ? s->n : 1, sizeof(*v));

	if (!v)
		return;
	for (size_t i = 0; i < s->n; i++)
		v[i] = (struct share){.parent = s->v[i].above,
				      .weight = s->v[i].now.cpu_weight,
				      .cap = quota_of(&s->v[i].now),
				      .is_busy = is_busy(&s->v[i])};
	shares_compute(v, s->n, s->processors);
	for (size_t i = 0; i < s->n; i++)
		s->v[i].entitled = s->v[i].has_figures ? v[i].entitled : 0;
	free(v);
}

static void compute_limits(struct snapshot *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct subject *x = &s->v[i];

		x->memory_limit = s->memory_total;
		x->limit_of = "host";
		for (int k = (int)i; k >= 0; k = s->v[k].above) {
			uint64_t limit = s->v[k].now.memory_limit;

			if (!limit || limit >= x->memory_limit)
				continue;
			x->memory_limit = limit;
			x->limit_of = k == (int)i ? "own" : s->v[k].name;
		}
	}
}

void snapshot_compute(struct snapshot *s)
{
	compute_rates(s);
	compute_shares(s);
	compute_limits(s);
}
