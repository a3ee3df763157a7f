/* SPDX-License-Identifier: Apache-2.0 */
/* update: new limits for a container that runs. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/quantity.h"
#include "base/str.h"
#include "bin/berth-runtime/command.h"
#include "kernel/fd.h"
#include "oci/decode.h"

struct values {
	const char *file, *memory, *memory_reservation, *memory_swap, *kernel_memory,
		*kernel_memory_tcp, *cpu_period, *cpu_quota, *cpu_burst, *cpu_share, *cpu_rt_period,
		*cpu_rt_runtime, *cpu_idle, *cpuset_cpus, *cpuset_mems, *blkio_weight, *pids_limit,
		*l3_cache_schema, *mem_bw_schema;
};

#define VALUE(member) offsetof(struct values, member)
static const struct opt options[] = {
	{"resources", 'r', OPT_STRING, VALUE(file), "FILE",
	 "a resources object as JSON (- for standard input); flags go over it", false},
	{"memory", 0, OPT_STRING, VALUE(memory), "BYTES", "memory limit; -1: none", false},
	{"memory-reservation", 0, OPT_STRING, VALUE(memory_reservation), "BYTES",
	 "soft limit (v2: memory.low)", false},
	{"memory-swap", 0, OPT_STRING, VALUE(memory_swap), "BYTES",
	 "memory and swap together; -1: none", false},
	{"kernel-memory", 0, OPT_STRING, VALUE(kernel_memory), "BYTES", NULL, true},
	{"kernel-memory-tcp", 0, OPT_STRING, VALUE(kernel_memory_tcp), "BYTES", NULL, true},
	{"cpu-period", 0, OPT_STRING, VALUE(cpu_period), "USEC", "period of the quota", false},
	{"cpu-quota", 0, OPT_STRING, VALUE(cpu_quota), "USEC", "CPU time in a period; -1: none",
	 false},
	{"cpu-burst", 0, OPT_STRING, VALUE(cpu_burst), "USEC", "time saved up at most", false},
	{"cpu-share", 0, OPT_STRING, VALUE(cpu_share), "N", "relative weight", false},
	{"cpu-rt-period", 0, OPT_STRING, VALUE(cpu_rt_period), "USEC", "real-time period", false},
	{"cpu-rt-runtime", 0, OPT_STRING, VALUE(cpu_rt_runtime), "USEC", "real-time quota", false},
	{"cpu-idle", 0, OPT_STRING, VALUE(cpu_idle), "0|1", "1: run only where nobody else does",
	 false},
	{"cpuset-cpus", 0, OPT_STRING, VALUE(cpuset_cpus), "LIST", "processors", false},
	{"cpuset-mems", 0, OPT_STRING, VALUE(cpuset_mems), "LIST", "memory nodes", false},
	{"blkio-weight", 0, OPT_STRING, VALUE(blkio_weight), "N", "I/O weight, 10 to 1000", false},
	{"pids-limit", 0, OPT_STRING, VALUE(pids_limit), "N", "processes; -1: no limit", false},
	{"l3-cache-schema", 0, OPT_STRING, VALUE(l3_cache_schema), "SCHEMA", NULL, true},
	{"mem-bw-schema", 0, OPT_STRING, VALUE(mem_bw_schema), "SCHEMA", NULL, true},
	{0},
};

/* A size, or -1: no limit. */
static int parse_bytes(const char *word, int64_t *ret)
{
	if (!str_eq(word, "-1"))
		return quantity_to_bytes(word, ret);
	*ret = -1;
	return 0;
}

static int apply_flags(const struct values *v, struct oci_resources *r, struct err *e)
{
	const struct {
		const char *flag, *word;
		struct maybe_i64 *number;
		struct maybe_u64 *count;
		bool is_bytes;
	} rows[] = {
		{"memory", v->memory, &r->memory.limit, NULL, true},
		{"memory-reservation", v->memory_reservation, &r->memory.reservation, NULL, true},
		{"memory-swap", v->memory_swap, &r->memory.swap, NULL, true},
		{"kernel-memory", v->kernel_memory, &r->memory.kernel, NULL, true},
		{"kernel-memory-tcp", v->kernel_memory_tcp, &r->memory.kernel_tcp, NULL, true},
		{"cpu-period", v->cpu_period, NULL, &r->cpu.period, false},
		{"cpu-quota", v->cpu_quota, &r->cpu.quota, NULL, false},
		{"cpu-burst", v->cpu_burst, NULL, &r->cpu.burst, false},
		{"cpu-share", v->cpu_share, NULL, &r->cpu.shares, false},
		{"cpu-rt-period", v->cpu_rt_period, NULL, &r->cpu.realtime_period, false},
		{"cpu-rt-runtime", v->cpu_rt_runtime, &r->cpu.realtime_runtime, NULL, false},
		{"cpu-idle", v->cpu_idle, &r->cpu.idle, NULL, false},
		{"blkio-weight", v->blkio_weight, NULL, &r->block_io.weight, false},
		{"pids-limit", v->pids_limit, &r->pids_limit, NULL, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t number = 0;
		uint64_t count = 0;
		int found;

		if (!rows[i].word || !rows[i].word[0]) /* runc: an empty value is not there */
			continue;
		found = rows[i].count      ? str_to_u64(rows[i].word, &count)
			: rows[i].is_bytes ? parse_bytes(rows[i].word, &number)
					   : str_to_i64(rows[i].word, &number);
		if (found < 0)
			return err_say(e, -EINVAL, "invalid value for %s: %s", rows[i].flag,
				       rows[i].word);
		if (rows[i].count)
			*rows[i].count = (struct maybe_u64){true, count};
		else
			*rows[i].number = (struct maybe_i64){true, number};
	}
	if (v->cpuset_cpus && v->cpuset_cpus[0])
		r->cpu.cpus = v->cpuset_cpus;
	if (v->cpuset_mems && v->cpuset_mems[0])
		r->cpu.mems = v->cpuset_mems;
	return 0;
}

static int read_file(const char *file, struct arena *a, struct oci_resources *ret, struct err *e)
{
	char *text;
	size_t n;
	int r = str_eq(file, "-") ? fd_read_all(0, a, JSON_SIZE_MAX, &text, &n)
				  : file_read_at(AT_FDCWD, file, a, JSON_SIZE_MAX, &text, &n);

	if (r < 0)
		return err_sys(e, r, "read --resources %s", file);
	return oci_decode_resources(text, n, a, ret, e);
}

static int update_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct values *v = in->values;
	struct oci_resources resources = {0};
	int r;

	*ret_code = 0;
	if (v->mem_bw_schema && !str_starts(v->mem_bw_schema, "MB:"))
		return err_say(e, -EINVAL,
			       "--mem-bw-schema \"%s\" does not begin with MB:", v->mem_bw_schema);
	if (v->file && (r = read_file(v->file, in->arena, &resources, e)) < 0)
		return r;
	r = apply_flags(v, &resources, e);
	if (r < 0)
		return r;
	resources.is_set = true;
	if ((v->l3_cache_schema || v->mem_bw_schema) &&
	    (r = runtime_update_rdt(&in->rt, in->words.v[0], v->l3_cache_schema, v->mem_bw_schema,
				    e)) < 0)
		return r;
	return runtime_update(&in->rt, in->words.v[0], &resources, e);
}

const struct command cmd_update = {
	.name = "update",
	.usage = "[options] <container-id>",
	.help = "change the limits of a container",
	.options = options,
	.values_size = sizeof(struct values),
	.words_min = 1,
	.words_max = 1,
	.main = update_main,
};
