/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots as JSON: for stats --format json, the API and the dashboard. */
#include <math.h>

#include "base/json.h"
#include "engine/stats/snapshot.h"

/* Two digits behind the point say enough of a percent. */
static void put_number(struct json_writer *w, const char *key, double v)
{
	json_key(w, key);
	json_double(w, round(v * 100) / 100);
}

static void put_limit(struct json_writer *w, const char *key, uint64_t v)
{
	if (v)
		json_put_uint(w, key, v);
}

static void print_cpu(const struct sample *s, const struct rates *r, struct json_writer *w)
{
	json_key(w, "cpu");
	json_begin_object(w);
	put_number(w, "percent", r->cpu);
	json_put_uint(w, "usageNs", s->cpu_ns);
	put_number(w, "throttledPercent", r->throttled);
	json_put_uint(w, "periods", s->periods);
	json_put_uint(w, "throttledPeriods", s->throttled_periods);
	json_put_uint(w, "throttledNs", s->throttled_ns);
	put_limit(w, s->is_shares ? "shares" : "weight", s->cpu_weight);
	if (s->quota_us) {
		json_put_uint(w, "quotaUs", s->quota_us);
		json_put_uint(w, "periodUs", s->period_us);
	}
}

static void print_memory(const struct sample *s, struct json_writer *w)
{
	json_key(w, "memory");
	json_begin_object(w);
	json_put_uint(w, "current", s->memory);
	json_put_uint(w, "workingSet", s->working_set);
	json_put_uint(w, "anon", s->anon);
	json_put_uint(w, "file", s->file);
	json_put_uint(w, "kernel", s->kernel);
	json_put_uint(w, "swap", s->swap);
	put_limit(w, "peak", s->memory_peak);
	json_put_uint(w, "oomKills", s->oom_kills);
}

static void print_traffic(const struct sample *s, const struct rates *r, struct json_writer *w)
{
	json_key(w, "io");
	json_begin_object(w);
	json_put_uint(w, "readBytes", s->read_bytes);
	json_put_uint(w, "writtenBytes", s->written_bytes);
	json_put_uint(w, "reads", s->reads);
	json_put_uint(w, "writes", s->writes);
	put_number(w, "readBytesPerSecond", r->read_bytes);
	put_number(w, "writtenBytesPerSecond", r->written_bytes);
	json_end_object(w);
	if (s->known & SAMPLE_NET) {
		json_key(w, "network");
		json_begin_object(w);
		json_put_uint(w, "receivedBytes", s->rx_bytes);
		json_put_uint(w, "sentBytes", s->tx_bytes);
		put_number(w, "receivedBytesPerSecond", r->rx_bytes);
		put_number(w, "sentBytesPerSecond", r->tx_bytes);
		json_end_object(w);
	}
}

static void print_pressure(const struct sample *s, const struct rates *r, struct json_writer *w)
{
	static const char *const names[PRESSURE_COUNT] = {"cpu", "memory", "io"};

	if (!(s->known & SAMPLE_PRESSURE))
		return;
	json_key(w, "pressure");
	json_begin_object(w);
	for (size_t i = 0; i < PRESSURE_COUNT; i++) {
		const struct sample_pressure *p = &s->pressure[i];

		json_key(w, names[i]);
		json_begin_object(w);
		put_number(w, "some", r->some[i]);
		put_number(w, "full", r->full[i]);
		put_number(w, "some10", p->some10 / 100.0);
		put_number(w, "full10", p->full10 / 100.0);
		json_put_uint(w, "someUs", p->some_us);
		json_put_uint(w, "fullUs", p->full_us);
		json_end_object(w);
	}
	json_end_object(w);
}

static void print_pids(const struct sample *s, struct json_writer *w)
{
	json_key(w, "pids");
	json_begin_object(w);
	json_put_uint(w, "current", s->pids);
	put_limit(w, "limit", s->pids_limit);
	json_end_object(w);
}

void sample_print(const struct sample *s, const struct rates *r, struct json_writer *w)
{
	json_begin_object(w);
	json_put_int(w, "time", s->time_ns);
	print_cpu(s, r, w);
	json_end_object(w);
	print_memory(s, w);
	json_end_object(w);
	print_traffic(s, r, w);
	print_pids(s, w);
	print_pressure(s, r, w);
	json_end_object(w);
}

static void print_figures(const struct snapshot *s, const struct subject *x, struct json_writer *w)
{
	json_put_int(w, "time", x->now.time_ns);
	put_number(w, "seconds", x->rates.seconds);
	print_cpu(&x->now, &x->rates, w);
	put_number(w, "entitledPercent", x->entitled * 100);
	put_number(w, "processors", s->processors);
	json_end_object(w);
	print_memory(&x->now, w);
	json_put_uint(w, "limit", x->memory_limit);
	json_put_string(w, "limitOf", x->limit_of);
	json_end_object(w);
	print_traffic(&x->now, &x->rates, w);
	print_pids(&x->now, w);
	print_pressure(&x->now, &x->rates, w);
}

void subject_print(const struct snapshot *s, const struct subject *x, struct json_writer *w)
{
	json_begin_object(w);
	json_put_string(w, "kind", x->is_pool ? "pool" : "container");
	if (!x->is_pool) {
		json_put_string(w, "id", x->id);
		json_put_string(w, "image", x->image ? x->image : "");
		json_put_string(w, "state", container_state_names[x->state]);
		if (x->health && *x->health)
			json_put_string(w, "health", x->health);
		json_put_int(w, "startedAt", x->started_ns);
		json_put_int(w, "finishedAt", x->finished_ns);
		json_put_int(w, "exitCode", x->exit_code);
		json_put_int(w, "restarts", x->restarts);
		json_put_bool(w, "oomKilled", x->is_oom_killed);
		json_put_int(w, "pid", x->pid);
	}
	json_put_string(w, "name", x->name);
	if (x->pool)
		json_put_string(w, "pool", x->pool);
	if (x->has_figures)
		print_figures(s, x, w);
	json_end_object(w);
}
