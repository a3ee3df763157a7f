/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of a request as the resources of the specification, for `create` and `update`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/quantity.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "engine/container/spec_parts.h"

enum { SHARES_STANDARD = 1024, WEIGHT_STANDARD = 100 };
enum { CPU_PERIOD = 100000, MEMORY_MIN = 64 << 10 };

/* ---- numbers by table ---------------------------------------------------------------------------- */

enum number_kind { NUMBER_SIZE, NUMBER_SIZE_OR_NONE, NUMBER_PLAIN, NUMBER_SIGNED };

/* A word of the request that is one number of the specification. Both maybe types have the same layout. */
_Static_assert(sizeof(struct maybe_i64) == sizeof(struct maybe_u64) &&
		       offsetof(struct maybe_i64, value) == offsetof(struct maybe_u64, value),
	       "one table fills both");
static const struct number {
	const char *option;
	size_t from, to;
	enum number_kind kind;
	int64_t min, max;
} numbers[] = {
#define NUMBER(option, member, to, kind, min, max)                         \
	{                                                                  \
		option, offsetof(struct container_request, member),        \
			offsetof(struct oci_resources, to), kind, min, max \
	}
	NUMBER("--memory", memory, memory.limit, NUMBER_SIZE_OR_NONE, MEMORY_MIN, INT64_MAX),
	NUMBER("--memory-swap", memory_swap, memory.swap, NUMBER_SIZE_OR_NONE, 0, INT64_MAX),
	NUMBER("--memory-reservation", memory_reservation, memory.reservation, NUMBER_SIZE, 0,
	       INT64_MAX),
	NUMBER("--memory-swappiness", memory_swappiness, memory.swappiness, NUMBER_PLAIN, 0, 100),
	NUMBER("--cpu-shares", cpu_shares, cpu.shares, NUMBER_PLAIN, 2, 262144),
	NUMBER("--cpu-quota", cpu_quota, cpu.quota, NUMBER_SIGNED, -1, INT64_MAX),
	NUMBER("--cpu-period", cpu_period, cpu.period, NUMBER_PLAIN, 1000, 1000000),
	NUMBER("--cpu-burst", cpu_burst, cpu.burst, NUMBER_PLAIN, 0, INT64_MAX),
	NUMBER("--cpu-idle", cpu_idle, cpu.idle, NUMBER_PLAIN, 0, 1),
	NUMBER("--cpu-rt-runtime", cpu_rt_runtime, cpu.realtime_runtime, NUMBER_SIGNED, -1,
	       INT64_MAX),
	NUMBER("--cpu-rt-period", cpu_rt_period, cpu.realtime_period, NUMBER_PLAIN, 1, INT64_MAX),
	NUMBER("--pids-limit", pids_limit, pids_limit, NUMBER_SIGNED, -1, INT64_MAX),
	NUMBER("--blkio-weight", blkio_weight, block_io.weight, NUMBER_PLAIN, 10, 1000),
};

static int refuse(const struct number *n, const char *text, struct err *e)
{
	static const char *const wants[] = {
		[NUMBER_SIZE] = "want a size such as 512m or 2g",
		[NUMBER_SIZE_OR_NONE] = "want a size such as 512m or 2g, or -1 for no limit",
		[NUMBER_PLAIN] = "want a number",
		[NUMBER_SIGNED] = "want a number (-1: no limit)",
	};

	return err_say(e, -EINVAL, "%s %s: %s", n->option, text, wants[n->kind]);
}

static int take_number(const struct number *n, const char *text, struct maybe_i64 *to,
		       struct err *e)
{
	bool is_size = n->kind == NUMBER_SIZE || n->kind == NUMBER_SIZE_OR_NONE;
	int64_t value;

	if (is_size && !(n->kind == NUMBER_SIZE_OR_NONE && str_eq(text, "-1"))) {
		if (quantity_to_bytes(text, &value) < 0)
			return refuse(n, text, e);
	} else if (str_to_i64(text, &value) < 0) {
		return refuse(n, text, e);
	}
	/* Docker's word for "not given". */
	if (value == 0 && n->min > 0) {
		*to = (struct maybe_i64){0};
		return 0;
	}
	if (value != -1 && is_size && value < n->min)
		return err_say(e, -EINVAL, "%s %s: the least is %lldk", n->option, text,
			       (long long)n->min / 1024);
	if (!is_size && (value < n->min || value > n->max))
		return err_say(e, -EINVAL, "%s %s: is not within %lld and %lld", n->option, text,
			       (long long)n->min, (long long)n->max);
	*to = (struct maybe_i64){true, value};
	return 0;
}

static int take_numbers(const struct container_request *q, struct oci_resources *to, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(numbers); i++) {
		const struct number *n = &numbers[i];
		const char *text = *(const char *const *)(const void *)((const char *)q + n->from);

		if (text)
			r = take_number(n, text, (void *)((char *)to + n->to), e);
	}
	return r;
}

/* ---- the processor ------------------------------------------------------------------------------- */

/* "1.5": so many processors, as a quota of the period. */
static int take_cpus(const struct container_request *q, struct oci_resources *to, struct err *e)
{
	uint64_t period = to->cpu.period.is_set ? to->cpu.period.value : CPU_PERIOD;
	char *end;
	double n;

	if (!q->cpus)
		return 0;
	if (q->cpu_quota || q->cpu_period)
		return err_say(e, -EINVAL,
			       "conflicting options: --cpus and --cpu-%s: the first sets both",
			       q->cpu_quota ? "quota" : "period");
	n = strtod(q->cpus, &end);
	if (end == q->cpus || *end || !(n >= 0) || n > 65536 ||
	    q->cpus[strspn(q->cpus, "0123456789.")])
		return err_say(e, -EINVAL, "--cpus %s: want a number such as 1.5", q->cpus);
	if (n > 0 && n < 0.01)
		return err_say(e, -EINVAL, "--cpus %s: the least is 0.01", q->cpus);
	to->cpu.period = (struct maybe_u64){true, period};
	to->cpu.quota = (struct maybe_i64){true, n > 0 ? (int64_t)(n * (double)period + 0.5) : -1};
	return 0;
}

/* A weight of v2 as it is; v1 has shares, in proportion. */
static int take_weight(const struct container_request *q, struct arena *a, struct oci_resources *to,
		       struct err *e)
{
	struct cgroup_layout layout = {0};
	uint64_t weight;
	int at, r;

	if (!q->cpu_weight)
		return 0;
	if (q->cpu_shares)
		return err_say(e, -EINVAL,
			       "conflicting options: --cpu-weight and --cpu-shares are the same "
			       "in two units");
	if (str_to_u64(q->cpu_weight, &weight) < 0 || weight < 1 || weight > 10000)
		return err_say(e, -EINVAL, "--cpu-weight %s: want a number from 1 to 10000",
			       q->cpu_weight);
	r = cgroup_detect(a, &layout, e);
	if (r < 0)
		return r;
	at = (int)layout.of[CG_CPU]; /* NOLINT(bugprone-signed-char-misuse): -1 is meant */
	if (at >= 0 && layout.hierarchy[at].is_v2) {
		pairs_set(&to->unified, "cpu.weight",
			  arena_printf(a, "%llu", (unsigned long long)weight), a);
	} else {
		weight = weight * SHARES_STANDARD / WEIGHT_STANDARD;
		to->cpu.shares = (struct maybe_u64){true, weight < 2 ? 2 : weight};
	}
	return 0;
}

/* ---- memory -------------------------------------------------------------------------------------- */

static int check_memory(const struct container_request *q, struct oci_resources *to, struct err *e)
{
	struct oci_memory *m = &to->memory;
	bool has_limit = m->limit.is_set && m->limit.value > 0;

	if (q->memory_swap && m->swap.is_set && m->swap.value > 0) {
		if (!has_limit)
			return err_say(e, -EINVAL,
				       "--memory-swap %s: you should always set --memory (limit) "
				       "when using it: it is memory and swap together",
				       q->memory_swap);
		if (m->swap.value < m->limit.value)
			return err_say(e, -EINVAL,
				       "--memory-swap %s: minimum memory-swap limit should be "
				       "larger than memory limit: it is memory and swap together",
				       q->memory_swap);
	}
	/* Docker's rule: as much swap as memory where nothing is said. */
	if (q->memory && !q->memory_swap && has_limit && !m->swap.is_set &&
	    m->limit.value <= INT64_MAX / 2)
		m->swap = (struct maybe_i64){true, m->limit.value * 2};
	if (has_limit && m->reservation.is_set && m->reservation.value > m->limit.value)
		return err_say(e, -EINVAL,
			       "--memory-reservation %s: minimum memory limit can not be less than "
			       "memory reservation limit",
			       q->memory_reservation ? q->memory_reservation : "(as it is)");
	if (q->oom_kill_disable)
		m->disable_oom_killer = (struct maybe_bool){true, true};
	return 0;
}

/* ---- devices ------------------------------------------------------------------------------------- */

/* "DEVICE:VALUE"; *ret_value points behind the last colon. */
static int find_device(const char *option, const char *text, struct arena *a, int64_t *ret_major,
		       int64_t *ret_minor, const char **ret_value, struct err *e)
{
	const char *colon = strrchr(text, ':'), *path;
	struct stat s;

	if (!colon || colon == text || !colon[1] || text[0] != '/')
		return err_say(e, -EINVAL, "%s %s: want DEVICE:NUMBER, such as /dev/sda:10mb",
			       option, text);
	path = arena_strndup(a, text, (size_t)(colon - text));
	if (stat(path, &s) < 0)
		return err_sys(e, -errno, "%s %s", option, path);
	if (!S_ISBLK(s.st_mode))
		return err_say(e, -EINVAL, "%s %s: is not a block device", option, path);
	*ret_major = major(s.st_rdev);
	*ret_minor = minor(s.st_rdev);
	*ret_value = colon + 1;
	return 0;
}

static int take_throttles(const char *option, const struct str_slice *list, bool is_size,
			  struct arena *a, struct oci_throttle_list *to, struct err *e)
{
	if (list->n)
		*to = (struct oci_throttle_list){0};
	for (size_t i = 0; i < list->n; i++) {
		struct oci_throttle_device d = {0};
		const char *value = "";
		int64_t rate;
		int r = find_device(option, list->v[i], a, &d.major, &d.minor, &value, e);

		if (r < 0)
			return r;
		if ((is_size ? quantity_to_bytes(value, &rate) : str_to_i64(value, &rate)) < 0 ||
		    rate < 0)
			return err_say(e, -EINVAL, "%s %s: invalid rate: want %s", option,
				       list->v[i], is_size ? "a size such as 10mb" : "a number");
		d.rate = (uint64_t)rate;
		LIST_ADD(to, a) = d;
	}
	return 0;
}

static int take_devices(const struct container_request *q, struct arena *a,
			struct oci_resources *to, struct err *e)
{
	struct oci_block_io *io = &to->block_io;
	const struct {
		const char *option;
		const struct str_slice *list;
		struct oci_throttle_list *to;
		bool is_size;
	} rows[] = {
		{"--device-read-bps", &q->device_read_bps, &io->throttle_read_bps, true},
		{"--device-write-bps", &q->device_write_bps, &io->throttle_write_bps, true},
		{"--device-read-iops", &q->device_read_iops, &io->throttle_read_iops, false},
		{"--device-write-iops", &q->device_write_iops, &io->throttle_write_iops, false},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(rows); i++)
		r = take_throttles(rows[i].option, rows[i].list, rows[i].is_size, a, rows[i].to, e);
	for (size_t i = 0; r == 0 && i < q->blkio_weight_device.n; i++) {
		struct oci_weight_device d = {0};
		const char *value = "", *text = q->blkio_weight_device.v[i];

		r = find_device("--blkio-weight-device", text, a, &d.major, &d.minor, &value, e);
		if (r < 0)
			return r;
		d.weight.is_set = true;
		if (str_to_u64(value, &d.weight.value) < 0 || d.weight.value < 10 ||
		    d.weight.value > 1000)
			return err_say(e, -EINVAL,
				       "--blkio-weight-device %s: the weight is not within 10 and "
				       "1000",
				       text);
		LIST_ADD(&io->weight_device, a) = d;
	}
	return r;
}

/* ---- files of cgroup v2 -------------------------------------------------------------------------- */

static int take_files(const struct container_request *q, struct arena *a, struct oci_resources *to,
		      struct err *e)
{
	int64_t bytes;

	if (q->memory_high && !str_eq(q->memory_high, "max") && !str_eq(q->memory_high, "-1")) {
		if (quantity_to_bytes(q->memory_high, &bytes) < 0)
			return err_say(e, -EINVAL, "--memory-high %s: want a size such as 512m",
				       q->memory_high);
		pairs_set(&to->unified, "memory.high", arena_printf(a, "%lld", (long long)bytes),
			  a);
	} else if (q->memory_high) {
		pairs_set(&to->unified, "memory.high", "max", a);
	}
	if (q->memory_min) {
		if (quantity_to_bytes(q->memory_min, &bytes) < 0)
			return err_say(e, -EINVAL, "--memory-min %s: want a size such as 512m",
				       q->memory_min);
		pairs_set(&to->unified, "memory.min", arena_printf(a, "%lld", (long long)bytes), a);
	}
	if (q->oom_group)
		pairs_set(&to->unified, "memory.oom.group", "1", a);
	for (size_t i = 0; i < q->cgroup_conf.n; i++) {
		const char *text = q->cgroup_conf.v[i];
		size_t n = strcspn(text, "=");

		if (!n || !text[n])
			return err_say(e, -EINVAL,
				       "--cgroup-conf %s: want FILE=VALUE, such as memory.high=1G",
				       text);
		pairs_set(&to->unified, arena_strndup(a, text, n), text + n + 1, a);
	}
	return 0;
}

int request_limits(const struct container_request *q, struct arena *a, struct oci_resources *to,
		   struct err *e)
{
	int r;

	to->is_set = true;
	if (q->cpuset_cpus)
		to->cpu.cpus = q->cpuset_cpus;
	if (q->cpuset_mems)
		to->cpu.mems = q->cpuset_mems;
	if ((r = take_numbers(q, to, e)) < 0 || (r = take_cpus(q, to, e)) < 0 ||
	    (r = take_weight(q, a, to, e)) < 0 || (r = check_memory(q, to, e)) < 0 ||
	    (r = take_devices(q, a, to, e)) < 0)
		return r;
	return take_files(q, a, to, e);
}
