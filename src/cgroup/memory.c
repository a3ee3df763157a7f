/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and swap: limits. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/str.h"
#include "cgroup/figures.h"
#include "cgroup/limits.h"

/*
 * The specification counts as v1 does: swap is memory plus swap. -1 is unlimited; 0 or absent
 * leaves the kernel's default; equal to the limit means no swap at all. v2 counts swap alone, so it
 * gets the difference. `kernel` is deprecated and has no effect on today's kernels: it is not
 * looked at.
 */

static const char p_limit[] = "linux.resources.memory.limit";
static const char p_reservation[] = "linux.resources.memory.reservation";
static const char p_swap[] = "linux.resources.memory.swap";
static const char p_kernel_tcp[] = "linux.resources.memory.kernelTCP";
static const char p_swappiness[] = "linux.resources.memory.swappiness";
static const char p_oom[] = "linux.resources.memory.disableOOMKiller";
static const char p_hierarchy[] = "linux.resources.memory.useHierarchy";

static bool is_given(const struct maybe_i64 *m)
{
	return m->is_set && m->value != 0;
}

static void add_bytes(struct limits *l, const char *property, const char *file, int64_t bytes,
		      const char *unlimited)
{
	if (bytes < 0)
		limits_add(l, CG_MEMORY, property, file, "%s", unlimited);
	else
		limits_add(l, CG_MEMORY, property, file, "%lld", (long long)bytes);
}

/* The limit that holds after this change: asked for, else (update) the present one; -1: none. */
static int64_t limit_to_be(const struct limits *l, const struct oci_memory *m, bool is_v2)
{
	char text[64];
	int64_t value;

	if (is_given(&m->limit))
		return m->limit.value;
	if (limits_read(l, CG_MEMORY, is_v2 ? "memory.max" : "memory.limit_in_bytes", text,
			sizeof(text)) < 0 ||
	    str_to_i64(text, &value) < 0)
		return -1;
	/* v1 shows "none" as the largest whole page below 2^63. */
	return value > INT64_MAX - 65536 ? -1 : value;
}

static int check(struct limits *l, const struct oci_memory *m, bool is_v2)
{
	int64_t limit = limit_to_be(l, m, is_v2);
	char text[64];
	uint64_t usage;

	if (is_given(&m->swap) && m->swap.value > 0) {
		if (limit < 0)
			return err_say(l->err, -EINVAL,
				       "%s: needs a memory limit, since it counts"
				       " memory and swap together",
				       p_swap);
		if (m->swap.value < limit)
			return err_say(l->err, -EINVAL,
				       "%s: %lld is less than the memory limit of"
				       " %lld, and it counts memory and swap together",
				       p_swap, (long long)m->swap.value, (long long)limit);
	}
	if (m->swappiness.is_set && m->swappiness.value > 200)
		return err_say(l->err, -EINVAL, "%s: %llu is not within 0 and 200", p_swappiness,
			       (unsigned long long)m->swappiness.value);
	if (!m->check_before_update.value || !is_given(&m->limit) || m->limit.value < 0 ||
	    limits_read(l, CG_MEMORY, is_v2 ? "memory.current" : "memory.usage_in_bytes", text,
			sizeof(text)) < 0 ||
	    str_to_u64(text, &usage) < 0)
		return 0;
	if ((uint64_t)m->limit.value < usage)
		return err_say(l->err, -EBUSY,
			       "%s: rejecting memory limit %lld < usage %llu"
			       " (checkBeforeUpdate)",
			       p_limit, (long long)m->limit.value, (unsigned long long)usage);
	return 0;
}

static void limits_v1(struct limits *l, const struct oci_memory *m)
{
	struct cgroup_write *w;

	if (m->use_hierarchy.value) {
		/* Always on since 5.11; before, it has to come before any limit. */
		w = limits_add(l, CG_MEMORY, p_hierarchy, "memory.use_hierarchy", "1");
		w->is_optional = true;
	}
	/* The kernel keeps limit <= memsw at each step, so raising and lowering need the two
	 * opposite orders. */
	limits_begin_together(l);
	if (is_given(&m->limit))
		add_bytes(l, p_limit, "memory.limit_in_bytes", m->limit.value, "-1");
	if (is_given(&m->swap)) {
		add_bytes(l, p_swap, "memory.memsw.limit_in_bytes", m->swap.value, "-1");
	} else if (is_given(&m->limit) && m->limit.value < 0) {
		/* As runc: unlimited memory with swap left out is unlimited both. */
		w = limits_add(l, CG_MEMORY, p_limit, "memory.memsw.limit_in_bytes", "-1");
		w->is_optional = true;
	}
	limits_end_together(l);
	if (is_given(&m->reservation))
		add_bytes(l, p_reservation, "memory.soft_limit_in_bytes", m->reservation.value,
			  "-1");
	if (is_given(&m->kernel_tcp))
		add_bytes(l, p_kernel_tcp, "memory.kmem.tcp.limit_in_bytes", m->kernel_tcp.value,
			  "-1");
	if (m->swappiness.is_set)
		limits_add(l, CG_MEMORY, p_swappiness, "memory.swappiness", "%llu",
			   (unsigned long long)m->swappiness.value);
	if (m->disable_oom_killer.value || (m->disable_oom_killer.is_set && l->current))
		limits_add(l, CG_MEMORY, p_oom, "memory.oom_control", "%d",
			   m->disable_oom_killer.value);
}

static int limits_v2(struct limits *l, const struct oci_memory *m)
{
	if (m->swappiness.is_set)
		return err_say(l->err, -EOPNOTSUPP, "%s: cgroup v2 has no swappiness of a group",
			       p_swappiness);
	if (is_given(&m->kernel_tcp))
		return err_say(l->err, -EOPNOTSUPP,
			       "%s: cgroup v2 has no limit on TCP buffers"
			       " alone; memory.limit counts them",
			       p_kernel_tcp);
	/* disableOOMKiller: v2 cannot, and runc and crun ignore it there, on which callers rely
	 * that always send it. */
	if (is_given(&m->limit))
		add_bytes(l, p_limit, "memory.max", m->limit.value, "max");
	if (is_given(&m->swap)) {
		int64_t limit = limit_to_be(l, m, true);

		add_bytes(l, p_swap, "memory.swap.max",
			  m->swap.value < 0 ? -1 : m->swap.value - limit, "max");
	} else if (is_given(&m->limit) && m->limit.value < 0) {
		struct cgroup_write *w =
			limits_add(l, CG_MEMORY, p_limit, "memory.swap.max", "max");

		w->is_optional = true;
	}
	if (is_given(&m->reservation))
		add_bytes(l, p_reservation, "memory.low", m->reservation.value, "max");
	return 0;
}

int memory_limits(struct limits *l, const struct oci_resources *r)
{
	const struct oci_memory *m = &r->memory;
	const char *property = is_given(&m->limit)           ? p_limit
			       : is_given(&m->swap)          ? p_swap
			       : is_given(&m->reservation)   ? p_reservation
			       : is_given(&m->kernel_tcp)    ? p_kernel_tcp
			       : m->swappiness.is_set        ? p_swappiness
			       : m->disable_oom_killer.value ? p_oom
			       : m->use_hierarchy.value      ? p_hierarchy
							     : NULL;
	int is_v2, bad;

	if (!property && m->disable_oom_killer.is_set && l->current)
		property = p_oom;
	if (!property)
		return 0;
	is_v2 = limits_is_v2(l, CG_MEMORY, property);
	bad = is_v2 < 0 ? is_v2 : check(l, m, is_v2);
	if (bad < 0)
		return bad;
	if (is_v2)
		return limits_v2(l, m);
	limits_v1(l, m);
	return 0;
}

/* ---- figures --------------------------------------------------------------------------------- */

/* One of runc's memory entries; names of files, NULL: the kernel has none. */
static void put_entry(const struct figures *f, const char *key, const char *limit,
		      const char *usage, const char *max, const char *failcnt)
{
	json_key(f->w, key);
	json_begin_object(f->w);
	json_put_uint(f->w, "limit", figures_number(f, CG_MEMORY, limit));
	figures_put(f->w, "usage", figures_number(f, CG_MEMORY, usage));
	figures_put(f->w, "max", figures_number(f, CG_MEMORY, max));
	json_put_uint(f->w, "failcnt", figures_number(f, CG_MEMORY, failcnt));
	json_end_object(f->w);
}

static void figures_v1(const struct figures *f)
{
	static const char *const names[][2] = {
		{"usage", "memory"},
		{"swap", "memory.memsw"},
		{"kernel", "memory.kmem"},
		{"kernelTCP", "memory.kmem.tcp"},
	};
	const char *probe = figures_text(f, CG_MEMORY, "memory.memsw.limit_in_bytes");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char limit[64], usage[64], max[64], failcnt[64];

		if (i == 1 && !probe)
			continue;
		snprintf(limit, sizeof(limit), "%s.limit_in_bytes", names[i][1]);
		snprintf(usage, sizeof(usage), "%s.usage_in_bytes", names[i][1]);
		snprintf(max, sizeof(max), "%s.max_usage_in_bytes", names[i][1]);
		snprintf(failcnt, sizeof(failcnt), "%s.failcnt", names[i][1]);
		put_entry(f, names[i][0], limit, usage, max, failcnt);
	}
}

static uint64_t add_unless_max(uint64_t a, uint64_t b)
{
	return a == UINT64_MAX || b == UINT64_MAX ? UINT64_MAX : a + b;
}

/* runc shows v2's swap in the way of v1: memory and swap together. */
static void figures_v2(const struct figures *f)
{
	uint64_t limit = figures_number(f, CG_MEMORY, "memory.max");
	uint64_t usage = figures_number(f, CG_MEMORY, "memory.current"), failcnt = 0;
	const char *events = figures_text(f, CG_MEMORY, "memory.events");

	if (events)
		(void)figures_keyed(events, "max", &failcnt);
	json_key(f->w, "usage");
	json_begin_object(f->w);
	json_put_uint(f->w, "limit", limit);
	figures_put(f->w, "usage", usage);
	figures_put(f->w, "max", figures_number(f, CG_MEMORY, "memory.peak"));
	json_put_uint(f->w, "failcnt", failcnt);
	json_end_object(f->w);
	if (!figures_text(f, CG_MEMORY, "memory.swap.max"))
		return;
	json_key(f->w, "swap");
	json_begin_object(f->w);
	json_put_uint(f->w, "limit",
		      add_unless_max(limit, figures_number(f, CG_MEMORY, "memory.swap.max")));
	figures_put(f->w, "usage", usage + figures_number(f, CG_MEMORY, "memory.swap.current"));
	json_put_uint(f->w, "failcnt", 0);
	json_end_object(f->w);
}

static void put_raw(const struct figures *f, const char *stat)
{
	json_key(f->w, "raw");
	json_begin_object(f->w);
	for (size_t n; (stat = figures_word(stat, &n));) {
		char key[64];

		snprintf(key, sizeof(key), "%.*s", (int)n, stat);
		stat = figures_word(stat + n, &n);
		if (!stat)
			break;
		json_put_uint(f->w, key, strtoull(stat, NULL, 10));
		stat += n;
	}
	json_end_object(f->w);
}

void memory_figures(const struct figures *f)
{
	int is_v2 = figures_is_v2(f, CG_MEMORY);
	const char *stat = is_v2 < 0 ? NULL : figures_text(f, CG_MEMORY, "memory.stat");
	uint64_t cache = 0;

	if (!stat)
		return;
	(void)figures_keyed(stat, is_v2 ? "file" : "cache", &cache);
	figures_put(f->w, "cache", cache);
	if (is_v2)
		figures_v2(f);
	else
		figures_v1(f);
	put_raw(f, stat);
	pressure_figures(f, "memory");
}
