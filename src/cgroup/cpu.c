/* SPDX-License-Identifier: Apache-2.0 */
/* Processor time: weight, quota, real time. */
#include "cgroup/cpu.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "cgroup/figures.h"
#include "cgroup/limits.h"

static const char p_shares[] = "linux.resources.cpu.shares";
static const char p_quota[] = "linux.resources.cpu.quota";
static const char p_period[] = "linux.resources.cpu.period";
static const char p_burst[] = "linux.resources.cpu.burst";
static const char p_idle[] = "linux.resources.cpu.idle";
static const char p_rt_runtime[] = "linux.resources.cpu.realtimeRuntime";
static const char p_rt_period[] = "linux.resources.cpu.realtimePeriod";

uint64_t cpu_weight_of_shares(uint64_t shares)
{
	double l;

	if (shares == 0)
		return 0;
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	/* runc 1.3 and crun 1.23: the ends meet as with the old linear rule, and the defaults, 1024
	 * and 100, meet as well. */
	l = log2((double)shares);
	return (uint64_t)ceil(pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0));
}

static int limits_v1(struct limits *l, const struct oci_cpu *c)
{
	/* The kernel checks a quota against the period as it is and the other way round. */
	if (c->shares.is_set && c->shares.value)
		limits_add(l, CG_CPU, p_shares, "cpu.shares", "%llu",
			   (unsigned long long)c->shares.value);
	limits_begin_together(l);
	if (c->period.is_set && c->period.value)
		limits_add(l, CG_CPU, p_period, "cpu.cfs_period_us", "%llu",
			   (unsigned long long)c->period.value);
	if (c->quota.is_set && c->quota.value)
		limits_add(l, CG_CPU, p_quota, "cpu.cfs_quota_us", "%lld",
			   c->quota.value < 0 ? -1LL : (long long)c->quota.value);
	if (c->burst.is_set)
		limits_add(l, CG_CPU, p_burst, "cpu.cfs_burst_us", "%llu",
			   (unsigned long long)c->burst.value);
	limits_end_together(l);
	limits_begin_together(l);
	if (c->realtime_period.is_set && c->realtime_period.value)
		limits_add(l, CG_CPU, p_rt_period, "cpu.rt_period_us", "%llu",
			   (unsigned long long)c->realtime_period.value);
	if (c->realtime_runtime.is_set && c->realtime_runtime.value)
		limits_add(l, CG_CPU, p_rt_runtime, "cpu.rt_runtime_us", "%lld",
			   (long long)c->realtime_runtime.value);
	limits_end_together(l);
	if (c->idle.is_set)
		limits_add(l, CG_CPU, p_idle, "cpu.idle", "%lld", (long long)c->idle.value);
	return 0;
}

/* One file for two properties: what is not asked for stays as it is. */
static void add_max_v2(struct limits *l, const struct oci_cpu *c)
{
	const char *property = c->quota.is_set && c->quota.value ? p_quota : p_period;
	char quota[32] = "max", now[64], *blank;

	if (c->quota.is_set && c->quota.value > 0) {
		snprintf(quota, sizeof(quota), "%lld", (long long)c->quota.value);
	} else if ((!c->quota.is_set || !c->quota.value) &&
		   limits_read(l, CG_CPU, "cpu.max", now, sizeof(now)) > 0) {
		blank = strchr(now, ' ');
		if (blank && (size_t)(blank - now) < sizeof(quota)) {
			memcpy(quota, now, (size_t)(blank - now));
			quota[blank - now] = '\0';
		}
	}
	if (c->period.is_set && c->period.value)
		limits_add(l, CG_CPU, property, "cpu.max", "%s %llu", quota,
			   (unsigned long long)c->period.value);
	else
		limits_add(l, CG_CPU, property, "cpu.max", "%s", quota);
}

static int limits_v2(struct limits *l, const struct oci_cpu *c)
{
	bool has_max = (c->quota.is_set && c->quota.value) || (c->period.is_set && c->period.value);

	if (c->realtime_runtime.is_set && c->realtime_runtime.value)
		return err_say(l->err, -EOPNOTSUPP, "%s: cgroup v2 has no real-time budgets",
			       p_rt_runtime);
	if (c->realtime_period.is_set && c->realtime_period.value)
		return err_say(l->err, -EOPNOTSUPP, "%s: cgroup v2 has no real-time budgets",
			       p_rt_period);
	/* Order: an idle group refuses a weight, and a weight would end idleness. */
	if (c->idle.is_set)
		limits_add(l, CG_CPU, p_idle, "cpu.idle", "%lld", (long long)c->idle.value);
	if (c->shares.is_set && c->shares.value && !(c->idle.is_set && c->idle.value))
		limits_add(l, CG_CPU, p_shares, "cpu.weight", "%llu",
			   (unsigned long long)cpu_weight_of_shares(c->shares.value));
	limits_begin_together(l);
	if (has_max)
		add_max_v2(l, c);
	if (c->burst.is_set)
		limits_add(l, CG_CPU, p_burst, "cpu.max.burst", "%llu",
			   (unsigned long long)c->burst.value);
	limits_end_together(l);
	return 0;
}

static int check(struct limits *l, const struct oci_cpu *c)
{
	if (c->idle.is_set && c->idle.value != 0 && c->idle.value != 1)
		return err_say(l->err, -EINVAL, "%s: %lld is neither 0 nor 1", p_idle,
			       (long long)c->idle.value);
	if (c->burst.is_set && c->burst.value && c->quota.is_set && c->quota.value > 0 &&
	    c->burst.value > (uint64_t)c->quota.value)
		return err_say(l->err, -EINVAL, "%s: %llu is more than the quota of %lld", p_burst,
			       (unsigned long long)c->burst.value, (long long)c->quota.value);
	if (c->period.is_set && c->period.value &&
	    (c->period.value < 1000 || c->period.value > 1000000))
		return err_say(l->err, -EINVAL,
			       "%s: %llu is not within 1000 and 1000000"
			       " microseconds",
			       p_period, (unsigned long long)c->period.value);
	if (c->quota.is_set && c->quota.value > 0 && c->quota.value < 1000)
		return err_say(l->err, -EINVAL,
			       "%s: %lld is less than the smallest quota, 1000"
			       " microseconds",
			       p_quota, (long long)c->quota.value);
	return 0;
}

int cpu_limits(struct limits *l, const struct oci_resources *r)
{
	const struct oci_cpu *c = &r->cpu;
	const char *property = c->shares.is_set && c->shares.value   ? p_shares
			       : c->quota.is_set && c->quota.value   ? p_quota
			       : c->period.is_set && c->period.value ? p_period
			       : c->burst.is_set                     ? p_burst
			       : c->idle.is_set                      ? p_idle
			       : c->realtime_runtime.is_set && c->realtime_runtime.value
				       ? p_rt_runtime
			       : c->realtime_period.is_set && c->realtime_period.value ? p_rt_period
										       : NULL;
	int is_v2, bad;

	if (!property)
		return 0;
	is_v2 = limits_is_v2(l, CG_CPU, property);
	bad = is_v2 < 0 ? is_v2 : check(l, c);
	if (bad < 0)
		return bad;
	return is_v2 ? limits_v2(l, c) : limits_v1(l, c);
}

/* ---- figures --------------------------------------------------------------------------------- */

enum { PERCPU_USAGE, PERCPU_USER, PERCPU_SYSTEM };

static void put_percpu(const struct figures *f, const char *key, const char *all, int column)
{
	json_key(f->w, key);
	json_begin_array(f->w);
	for (const char *line = strchr(all, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
		unsigned long long user = 0, system = 0;

		/* cpuacct.usage_all: "cpu user system" and then a line for each processor */
		if (sscanf(line + 1, "%*u %llu %llu", &user, &system) == 2)
			json_uint(f->w, column == PERCPU_USAGE  ? user + system
					: column == PERCPU_USER ? user
								: system);
	}
	json_end_array(f->w);
}

static void usage_v1(const struct figures *f)
{
	const char *all = figures_text(f, CG_CPUACCT, "cpuacct.usage_all");

	figures_put(f->w, "total", figures_number(f, CG_CPUACCT, "cpuacct.usage"));
	if (all) {
		put_percpu(f, "percpu", all, PERCPU_USAGE);
		put_percpu(f, "percpu_kernel", all, PERCPU_SYSTEM);
		put_percpu(f, "percpu_user", all, PERCPU_USER);
	}
	json_put_uint(f->w, "kernel", figures_number(f, CG_CPUACCT, "cpuacct.usage_sys"));
	json_put_uint(f->w, "user", figures_number(f, CG_CPUACCT, "cpuacct.usage_user"));
}

static uint64_t keyed(const char *text, const char *key)
{
	uint64_t v = 0;

	if (text)
		(void)figures_keyed(text, key, &v);
	return v;
}

void cpu_figures(const struct figures *f)
{
	int is_v2 = figures_is_v2(f, CG_CPU) == 1;
	const char *stat = figures_text(f, CG_CPU, "cpu.stat");

	json_key(f->w, "usage");
	json_begin_object(f->w);
	if (is_v2) { /* microseconds; runc's are nanoseconds */
		figures_put(f->w, "total", keyed(stat, "usage_usec") * 1000);
		json_put_uint(f->w, "kernel", keyed(stat, "system_usec") * 1000);
		json_put_uint(f->w, "user", keyed(stat, "user_usec") * 1000);
	} else {
		usage_v1(f);
	}
	json_end_object(f->w);
	json_key(f->w, "throttling");
	json_begin_object(f->w);
	figures_put(f->w, "periods", keyed(stat, "nr_periods"));
	figures_put(f->w, "throttledPeriods", keyed(stat, "nr_throttled"));
	figures_put(f->w, "throttledTime",
		    is_v2 ? keyed(stat, "throttled_usec") * 1000 : keyed(stat, "throttled_time"));
	json_end_object(f->w);
	pressure_figures(f, "cpu");
}
