/* SPDX-License-Identifier: Apache-2.0 */
/* What slows a container down: throttling, process numbers, memory, disks, pressure. */
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/str.h"
#include "engine/why/case.h"

enum {
	THROTTLE_PERIODS = 10, /* fewer periods prove nothing */
	THROTTLE_PERCENT = 5,  /* of the periods */
	THROTTLE_GRAVE = 50,
	PRESSURE_PERCENT = 20, /* of the last ten seconds */
	RATE_PERCENT = 80,     /* of a disk's limit */
	MAX_HITS = 100,        /* of the memory limit: single ones are a full cache */
};

/* ---- processor ----------------------------------------------------------------------------------- */

void why_detect_throttling(const struct why_case *c, struct why_report *r)
{
	const struct exit_record *x = &c->life;
	const struct limit_row *row = why_limit(c, "processor time");
	double share, enough, now;
	const char *where;

	if (!c->has_life || x->cpu_periods < THROTTLE_PERIODS)
		return;
	share = 100.0 * (double)x->cpu_throttled_periods / (double)x->cpu_periods;
	if (share < THROTTLE_PERCENT)
		return;
	now = x->quota_us > 0 && x->period_us > 0 ? (double)x->quota_us / (double)x->period_us : 0;
	/* What it used and what it was kept from, in each period. */
	enough = x->period_us > 0 ? (double)(x->cpu_ns + x->cpu_throttled_ns) /
					    ((double)x->cpu_periods * (double)x->period_us * 1000)
				  : 0;
	if (enough < now * 1.1)
		enough = now * 1.1;
	where = row && row->where && !str_eq(row->where, "own")
			? arena_printf(c->a, " (the tightest quota is that of %s)", row->where)
			: "";
	why_say(c, r, share >= THROTTLE_GRAVE ? WHY_PROBLEM : WHY_WARNING, "throttled",
		enough > 0 ? why_update(c, arena_printf(c->a, "--cpus %.2f", enough)) : NULL,
		"it was throttled in %.0f %% of the periods, %s in all: it may use %.2f processors "
		"and "
		"about %.2f would have sufficed%s",
		share, why_duration(x->cpu_throttled_ns, c->a), now, enough, where);
	why_prove(c, r, "%s: cpu.stat: nr_periods %lld, nr_throttled %lld, throttled %s", c->source,
		  (long long)x->cpu_periods, (long long)x->cpu_throttled_periods,
		  why_duration(x->cpu_throttled_ns, c->a));
	why_prove(c, r, "%s: quota %lld of %lld us", c->source, (long long)x->quota_us,
		  (long long)x->period_us);
}

/* ---- processes ----------------------------------------------------------------------------------- */

void why_detect_pids(const struct why_case *c, struct why_report *r)
{
	const struct exit_record *x = &c->life;
	const struct limit_row *row = why_limit(c, "processes and threads");
	bool is_pools = row && row->where && !str_eq(row->where, "own");
	int64_t refused = x->pids_refused;

	if (!c->has_life)
		return;
	if (refused <= 0 && c->pool_pids_refused > 0) {
		why_say(c, r, WHY_WARNING, "process-limit",
			arena_printf(c->a, "berth pool update --pids-limit NUMBER %s",
				     c->record.pool),
			"no more processes could be started in its pool %s, %lld times (by any of "
			"its "
			"containers)",
			c->record.pool, (long long)c->pool_pids_refused);
		why_prove(c, r, "%s: max %lld", c->pool_pids_file, (long long)c->pool_pids_refused);
		return;
	}
	if (refused <= 0)
		return;
	if (!row && x->pids_limit <= 0 && c->record.pool)
		is_pools = true;
	why_say(c, r, WHY_PROBLEM, "process-limit",
		is_pools && c->record.pool
			? arena_printf(c->a, "berth pool update --pids-limit NUMBER %s",
				       c->record.pool)
			: why_update(c,
				     arena_printf(c->a, "--pids-limit %lld",
						  (long long)(x->pids_limit > 0 ? x->pids_limit * 2
										: 1024))),
		"it could not start more processes or threads, %lld times: %s", (long long)refused,
		is_pools && row
			? arena_printf(c->a, "the limit of %s is %.0f", row->where, row->tightest)
		: is_pools ? arena_printf(c->a, "the limit of its pool %s", c->record.pool)
			   : arena_printf(c->a, "its limit is %lld", (long long)x->pids_limit));
	why_prove(c, r, "%s: pids.events: max %lld", c->source, (long long)refused);
	why_prove(c, r, "%s: pids.max %lld", c->source, (long long)x->pids_limit);
}

/* ---- memory -------------------------------------------------------------------------------------- */

static void say_high(const struct why_case *c, struct why_report *r)
{
	const struct exit_record *x = &c->life;

	if (x->memory_high_hits <= 0)
		return;
	why_say(c, r, WHY_WARNING, "memory-high",
		why_update(c,
			   arena_printf(c->a, "--memory-high %s", why_more(x->memory_peak, c->a))),
		"it was slowed down %lld times for using more memory than memory.high allows",
		(long long)x->memory_high_hits);
	why_prove(c, r, "%s: memory.events: high %lld", c->source, (long long)x->memory_high_hits);
	if (x->memory_peak > 0)
		why_prove(c, r, "%s: memoryPeak %s", c->source, why_size(x->memory_peak, c->a));
}

static void say_full(const struct why_case *c, struct why_report *r)
{
	const struct exit_record *x = &c->life;

	if (x->memory_max_hits < MAX_HITS || x->oom_kills > 0)
		return;
	why_say(c, r, WHY_NOTE, "memory-limit-reached",
		why_update(c, arena_printf(c->a, "--memory %s", why_more(x->memory_limit, c->a))),
		"it reached its memory limit of %s %lld times and had to give cached files back "
		"each time",
		why_size(x->memory_limit, c->a), (long long)x->memory_max_hits);
	why_prove(c, r, "%s: memory limit hit %lld times", c->source,
		  (long long)x->memory_max_hits);
}

void why_detect_memory(const struct why_case *c, struct why_report *r)
{
	if (!c->has_life)
		return;
	say_high(c, r);
	say_full(c, r);
	if (c->swap_used <= 0)
		return;
	why_say(c, r, WHY_NOTE, "swapped",
		why_update(c, arena_printf(c->a, "--memory %s",
					   why_more(c->memory_used + c->swap_used, c->a))),
		"%s of its memory is swapped out", why_size(c->swap_used, c->a));
	why_prove(c, r, "%s: swap %lld", c->memory_file, (long long)c->swap_used);
}

/* ---- disks --------------------------------------------------------------------------------------- */

static const struct {
	const char *words, *option;
	size_t offset;
} rates[] = {
	{" read bytes a second", "--device-read-bps", offsetof(struct sample, read_bytes)},
	{" write bytes a second", "--device-write-bps", offsetof(struct sample, written_bytes)},
	{" read operations a second", "--device-read-iops", offsetof(struct sample, reads)},
	{" write operations a second", "--device-write-iops", offsetof(struct sample, writes)},
};

static uint64_t counter(const struct sample *s, size_t offset)
{
	return *(const uint64_t *)(const void *)((const char *)s + offset);
}

/* The mean over up to ten samples at the end, and the best of the whole recording's tens. */
static double best_rate(const struct recording *rec, size_t offset)
{
	double best = 0;

	for (size_t i = 0; i + 3 < rec->n_fine; i++) {
		const struct sample *from = &rec->fine[i], *to = &rec->fine[i + 3];
		double s = (double)(to->time_ns - from->time_ns) / 1e9;
		double n = (double)(counter(to, offset) - counter(from, offset));

		if (s > 0 && counter(to, offset) >= counter(from, offset) && n / s > best)
			best = n / s;
	}
	return best;
}

void why_detect_io(const struct why_case *c, struct why_report *r)
{
	for (size_t i = 0; i < c->limits.n; i++) {
		const struct limit_row *row = &c->limits.v[i];

		for (size_t k = 0; k < ARRAY_LEN(rates); k++) {
			double rate;

			if (row->unit != LIMIT_RATE || row->tightest <= 0 ||
			    !str_ends(row->name, rates[k].words))
				continue;
			rate = best_rate(&c->recording, rates[k].offset);
			if (rate * 100 < row->tightest * RATE_PERCENT)
				continue;
			why_say(c, r, WHY_WARNING, "disk-throttled",
				why_update(c, arena_printf(c->a, "%s DEVICE:%.0f", rates[k].option,
							   row->tightest * 2)),
				"its disk is throttled: it reached %.0f of the %.0f%s that %s may "
				"have",
				rate, row->tightest, rates[k].words,
				str_eq(row->where, "own") ? "it" : row->where);
			why_prove(c, r, "%s: %.0f", row->where_file, row->tightest);
			why_prove(c, r, "recorder: %.0f a second over three seconds", rate);
		}
	}
}

/* ---- pressure ------------------------------------------------------------------------------------ */

void why_detect_pressure(const struct why_case *c, struct why_report *r)
{
	static const char *const waits[] = {
		"waits for a processor",
		"waits for memory to be freed",
		"waits for disks",
	};
	static const char *const mends[] = {
		"a larger --cpu-weight, fewer neighbours, or more --cpus where it is throttled",
		"a larger --memory, or less of it in use",
		"a larger --io-weight, a faster disk, or fewer neighbours",
	};
	_Static_assert(ARRAY_LEN(waits) == ARRAY_LEN(c->pressure), "one text for each resource");

	for (size_t i = 0; i < ARRAY_LEN(c->pressure); i++) {
		const struct why_pressure *p = &c->pressure[i];

		if (!p->is_known || p->some10 < PRESSURE_PERCENT)
			continue;
		why_say(c, r, WHY_WARNING, "pressure", mends[i],
			"in %.0f %% of the last ten seconds some of its processes had to wait: it "
			"%s",
			p->some10, waits[i]);
		why_prove(c, r, "%s: some avg10=%.2f", p->file, p->some10);
	}
}
