/* SPDX-License-Identifier: Apache-2.0 */
/* The limits that hold for a container: what was asked, what the kernel has, and where the tightest one sits. */
#include "engine/limits/show.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "engine/pool/pool.h"
#include "kernel/fd.h"

/* v1 says "no limit" by a number near the largest one, in whole pages. */
static const double no_limit_v1 = 9.2e18;

struct kind {
	const char *name;
	enum cgroup_controller controller;
	const char *v1, *v2, *other; /* other: where v1 or v2 does not exist (bfq) */
	enum limit_unit unit;
	bool is_own;       /* no least of several: only the own one is shown */
	size_t options[2]; /* of struct container_request, 0: none */
};

#define OPTION(member) offsetof(struct container_request, member)
static const struct kind kinds[] = {
	{"memory",
	 CG_MEMORY,
	 "memory.limit_in_bytes",
	 "memory.max",
	 NULL,
	 LIMIT_BYTES,
	 false,
	 {OPTION(memory)}},
	{"memory and swap",
	 CG_MEMORY,
	 "memory.memsw.limit_in_bytes",
	 NULL,
	 NULL,
	 LIMIT_BYTES,
	 false,
	 {OPTION(memory_swap)}},
	{"swap",
	 CG_MEMORY,
	 NULL,
	 "memory.swap.max",
	 NULL,
	 LIMIT_BYTES,
	 false,
	 {OPTION(memory_swap)}},
	{"memory, slowed down beyond",
	 CG_MEMORY,
	 NULL,
	 "memory.high",
	 NULL,
	 LIMIT_BYTES,
	 false,
	 {OPTION(memory_high)}},
	{"memory, taken last",
	 CG_MEMORY,
	 "memory.soft_limit_in_bytes",
	 "memory.low",
	 NULL,
	 LIMIT_BYTES,
	 true,
	 {OPTION(memory_reservation)}},
	{"memory, never taken",
	 CG_MEMORY,
	 NULL,
	 "memory.min",
	 NULL,
	 LIMIT_BYTES,
	 true,
	 {OPTION(memory_min)}},
	{"processor time",
	 CG_CPU,
	 "cpu.cfs_quota_us",
	 "cpu.max",
	 NULL,
	 LIMIT_CPUS,
	 false,
	 {OPTION(cpus), OPTION(cpu_quota)}},
	{"processor weight",
	 CG_CPU,
	 "cpu.shares",
	 "cpu.weight",
	 NULL,
	 LIMIT_WEIGHT,
	 true,
	 {OPTION(cpu_weight), OPTION(cpu_shares)}},
	{"processors",
	 CG_CPUSET,
	 "cpuset.effective_cpus",
	 "cpuset.cpus.effective",
	 NULL,
	 LIMIT_TEXT,
	 true,
	 {OPTION(cpuset_cpus)}},
	{"processes and threads",
	 CG_PIDS,
	 "pids.max",
	 "pids.max",
	 NULL,
	 LIMIT_COUNT,
	 false,
	 {OPTION(pids_limit)}},
	{"disk weight",
	 CG_IO,
	 "blkio.weight",
	 "io.weight",
	 "blkio.bfq.weight",
	 LIMIT_WEIGHT,
	 true,
	 {OPTION(blkio_weight)}},
};

struct collecting {
	const struct cgroup_saved *groups;
	const struct limit_level *levels;
	size_t n_levels;
	const struct container_request *asked;
	struct arena *a;
	struct limit_rows rows;
};

/* ---- files --------------------------------------------------------------------------------------- */

/* The hierarchy that has the controller, or -1. */
static int find_group(const struct cgroup_saved *groups, enum cgroup_controller c)
{
	for (size_t i = 0; groups->v && i < groups->n; i++)
		if (groups->v[i].controllers & 1U << c)
			return (int)i;
	return -1;
}

static const char *path_at(const struct collecting *c, int group, size_t level, const char *file)
{
	return arena_printf(c->a, "%s%s/%s", c->groups->v[group].mount, c->levels[level].path,
			    file);
}

static const char *text_of(const char *path, struct arena *a)
{
	char text[4096];

	return path && file_read_small(AT_FDCWD, path, text, sizeof(text)) >= 0
		       ? arena_strdup(a, text)
		       : NULL;
}

/* ---- values -------------------------------------------------------------------------------------- */

static double number_of(const char *text)
{
	double v = -1;

	if (!text || str_starts(text, "max") || sscanf(text, "%lf", &v) != 1 || v >= no_limit_v1)
		return -1;
	return v;
}

/* "200000 100000" of v2; v1 has the period in a file beside it. */
static double cpus_of(const char *text, const char *path, struct arena *a)
{
	double quota = number_of(text), period = 100000;
	const char *blank = text ? strchr(text, ' ') : NULL, *beside;

	if (quota < 0)
		return -1;
	if (blank) {
		period = number_of(blank + 1);
	} else {
		beside = arena_printf(a, "%.*s/cpu.cfs_period_us", (int)(strrchr(path, '/') - path),
				      path);
		beside = text_of(beside, a);
		period = beside ? number_of(beside) : period;
	}
	return period > 0 ? quota / period : -1;
}

static double value_of(enum limit_unit unit, const char *text, const char *path, struct arena *a)
{
	if (!text || unit == LIMIT_TEXT)
		return -1;
	if (unit == LIMIT_CPUS)
		return cpus_of(text, path, a);
	if (unit == LIMIT_WEIGHT && str_starts(text, "default "))
		text += strlen("default ");
	return number_of(text);
}

static const char *word_of(const struct kind *k, const struct container_request *q)
{
	for (size_t i = 0; q && i < ARRAY_LEN(k->options); i++) {
		const char *word =
			*(const char *const *)(const void *)((const char *)q + k->options[i]);

		if (k->options[i] && word)
			return word;
	}
	return NULL;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

static void compare(struct limit_row *row, double value, const char *label, const char *path)
{
	if (value < 0 || (row->tightest >= 0 && value >= row->tightest))
		return;
	row->tightest = value;
	row->where = label;
	row->where_file = path;
}

static const char *own_file(const struct collecting *c, const struct kind *k, int at)
{
	const char *file = c->groups->v[at].v2 ? k->v2 : k->v1, *path;

	if (!file)
		return NULL;
	path = path_at(c, at, 0, file);
	if (k->other && !text_of(path, c->a))
		path = path_at(c, at, 0, k->other);
	return path;
}

static void add_kind(struct collecting *c, const struct kind *k)
{
	int at = c->n_levels ? find_group(c->groups, k->controller) : -1;
	struct limit_row row = {.name = k->name,
				.asked = word_of(k, c->asked),
				.unit = k->unit,
				.value = -1,
				.tightest = -1};

	if (at >= 0) {
		row.file = own_file(c, k, at);
		row.kernel = text_of(row.file, c->a);
	}
	/* v1 shares a hierarchy without having made a group: the word is then all there is. */
	if (!row.kernel) {
		row.file = NULL;
		if (row.asked && !(k->v1 == NULL && at >= 0 && !c->groups->v[at].v2) &&
		    !(k->v2 == NULL && at >= 0 && c->groups->v[at].v2))
			LIST_ADD(&c->rows, c->a) = row;
		return;
	}
	row.value = value_of(k->unit, row.kernel, row.file, c->a);
	compare(&row, row.value, c->levels[0].label, row.file);
	for (size_t i = 1; !k->is_own && i < c->n_levels; i++) {
		const char *path = path_at(c, at, i, strrchr(row.file, '/') + 1);

		compare(&row, value_of(k->unit, text_of(path, c->a), path, c->a),
			c->levels[i].label, path);
	}
	LIST_ADD(&c->rows, c->a) = row;
}

/* ---- disks --------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *v1, *v2;
	size_t option;
} rates[] = {
	{"read bytes", "blkio.throttle.read_bps_device", "rbps", OPTION(device_read_bps)},
	{"write bytes", "blkio.throttle.write_bps_device", "wbps", OPTION(device_write_bps)},
	{"read operations", "blkio.throttle.read_iops_device", "riops", OPTION(device_read_iops)},
	{"write operations", "blkio.throttle.write_iops_device", "wiops",
	 OPTION(device_write_iops)},
};

static struct limit_row *find_rate(struct collecting *c, const char *name)
{
	for (size_t i = 0; i < c->rows.n; i++)
		if (str_eq(c->rows.v[i].name, name))
			return &c->rows.v[i];
	LIST_ADD(&c->rows, c->a) =
		(struct limit_row){.name = name, .unit = LIMIT_RATE, .value = -1, .tightest = -1};
	return &c->rows.v[c->rows.n - 1];
}

static void take_rate(struct collecting *c, size_t kind, const char *device, double value,
		      size_t level, const char *path)
{
	struct limit_row *row =
		find_rate(c, arena_printf(c->a, "%s %s a second", device, rates[kind].name));
	const struct str_slice *list =
		c->asked ? (const void *)((const char *)c->asked + rates[kind].option) : NULL;

	if (level == 0) {
		row->value = value;
		row->file = path;
		row->kernel = arena_printf(c->a, "%.0f", value);
		if (list && list->n)
			row->asked = list->v[0];
	}
	compare(row, value, c->levels[level].label, path);
}

/* A line of io.max, "8:0 rbps=1048576 wbps=max riops=max wiops=max", or of a v1 file, "8:0 1048576". */
static void take_line(struct collecting *c, const char *line, size_t kind, bool is_v2, size_t level,
		      const char *path)
{
	const char *device = arena_strndup(c->a, line, strcspn(line, " "));
	const char *end = line + strcspn(line, "\n");

	if (!is_v2) {
		take_rate(c, kind, device, number_of(line + strlen(device)), level, path);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		const char *key = arena_printf(c->a, " %s=", rates[i].v2);
		const char *at = strstr(line, key);

		if (at && at < end && number_of(at + strlen(key)) >= 0)
			take_rate(c, i, device, number_of(at + strlen(key)), level, path);
	}
}

static void add_disks(struct collecting *c)
{
	int at = find_group(c->groups, CG_IO);
	bool is_v2 = at >= 0 && c->groups->v[at].v2;

	for (size_t i = 0; at >= 0 && i < c->n_levels; i++)
		for (size_t k = 0; k < (is_v2 ? 1 : ARRAY_LEN(rates)); k++) {
			const char *path = path_at(c, at, i, is_v2 ? "io.max" : rates[k].v1);
			const char *line = text_of(path, c->a);

			for (; line && *line; line = strchr(line, '\n')) {
				line += *line == '\n';
				take_line(c, line, k, is_v2, i, path);
			}
		}
}

int limits_collect_rows(const struct cgroup_saved *groups, const struct limit_level *levels,
			size_t n_levels, const struct container_request *asked, struct arena *a,
			struct limit_rows *ret, struct err *e)
{
	struct collecting c = {groups, levels, n_levels, asked, a, {0}};

	(void)e;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		add_kind(&c, &kinds[i]);
	add_disks(&c);
	*ret = c.rows;
	return 0;
}

/* ---- a container --------------------------------------------------------------------------------- */

int limits_levels(const struct engine *g, const struct container_info *c, const char *path,
		  struct arena *a, struct limit_level **ret, size_t *ret_n, struct err *e)
{
	SLICE(struct limit_level) list = {0};
	const char *pool_name = c->record.pool;
	char *at = arena_strdup(a, path);

	(void)e;
	LIST_ADD(&list, a) = (struct limit_level){"own", path};
	while (strrchr(at, '/') && strrchr(at, '/') != at) {
		struct pool p = {0};
		const char *whole = NULL, *label;

		*strrchr(at, '/') = '\0';
		label = arena_printf(a, "group %s", at);
		if (pool_name && pool_find(g, pool_name, a, &p, NULL) == 0 &&
		    pool_path(g, &p, a, &whole, NULL) == 0 && str_eq(whole, at)) {
			label = arena_printf(a, "pool %s", pool_name);
			pool_name = pool_parent(pool_name, a);
		}
		LIST_ADD(&list, a) = (struct limit_level){label, arena_strdup(a, at)};
	}
	*ret = list.v;
	*ret_n = list.n;
	return 0;
}

int limits_show(const struct engine *g, const struct container_info *c, struct arena *a,
		struct limit_rows *ret, struct err *e)
{
	struct container_request asked = {0};
	struct container running = {0};
	struct limit_level *levels = NULL;
	size_t n_levels = 0;
	int r = request_decode(c->record.request, strlen(c->record.request), a, &asked, e);

	if (r < 0)
		return r;
	if (c->status.pid > 0) {
		r = runtime_load(&g->runtime, c->record.id, a, &running, e);
		if (r == 0 && running.cgroup.n)
			r = limits_levels(g, c, running.cgroup.v[0].path, a, &levels, &n_levels, e);
		if (r < 0)
			return r;
	}
	return limits_collect_rows(&running.cgroup, levels, n_levels, &asked, a, ret, e);
}
