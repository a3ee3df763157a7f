/* SPDX-License-Identifier: Apache-2.0 */
/* What the control groups of a container tell of its life. */
#include "engine/why/evidence.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "cgroup/figures.h"
#include "engine/why/kmsg.h"
#include "kernel/fd.h"

/* v1 says "no limit" by a number near the largest one, in whole pages. */
static const uint64_t v1_no_limit = (uint64_t)INT64_MAX - 65536;

/* A number of a file of its own; 0: no limit; -1: the kernel does not tell. */
static int64_t number(const struct figures *f, enum cgroup_controller c, const char *file)
{
	const char *text = figures_text(f, c, file);
	uint64_t v;

	if (!text)
		return -1;
	if (!strncmp(text, "max", 3))
		return 0;
	v = strtoull(text, NULL, 10);
	return v >= v1_no_limit ? 0 : (int64_t)v;
}

static int64_t keyed(const char *text, const char *key, int64_t standard)
{
	uint64_t v;

	return text && figures_keyed(text, key, &v) == 0 ? (int64_t)v : standard;
}

static void read_cpu(const struct figures *f, struct exit_record *x)
{
	const char *text = figures_text(f, CG_CPU, "cpu.stat");
	int64_t usage = keyed(text, "usage_usec", -1),
		throttled = keyed(text, "throttled_usec", -1);

	x->cpu_ns = usage >= 0 ? usage * 1000 : number(f, CG_CPUACCT, "cpuacct.usage");
	x->cpu_periods = keyed(text, "nr_periods", 0);
	x->cpu_throttled_periods = keyed(text, "nr_throttled", 0);
	x->cpu_throttled_ns = throttled >= 0 ? throttled * 1000 : keyed(text, "throttled_time", 0);
}

/* Pressure is in the v2 group, whatever controllers that has. */
static int64_t read_pressure(const struct cgroup *c, const char *file)
{
	struct pressure_line line;
	char text[512];

	for (unsigned i = 0; i < c->n; i++)
		if (c->group[i].is_v2 && c->group[i].dir_fd >= 0 &&
		    file_read_small(c->group[i].dir_fd, file, text, sizeof(text)) >= 0 &&
		    pressure_parse(text, "some", &line) == 0)
			return (int64_t)line.total;
	return 0;
}

const char *evidence_memory_group(const struct cgroup *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->group[i].dir_fd >= 0 && c->group[i].controllers & 1U << CG_MEMORY)
			return c->group[i].path;
	return NULL;
}

/* The kernel's log names them, where we may read it. */
static void read_log(const struct cgroup *c, pid_t pid, struct arena *a, struct exit_record *x)
{
	const char *group = evidence_memory_group(c);
	struct kmsg_log log = {0};

	if (!x->oom_kills && x->signal != SIGSYS)
		return;
	kmsg_read(x->started_ns, a, &log);
	for (size_t i = 0; group && i < log.ooms.n; i++) {
		const struct kmsg_oom *o = &log.ooms.v[i];

		if (!kmsg_is_below(o->victim_group, group))
			continue;
		x->victim = x->victim ? arena_printf(a, "%s, %s", x->victim, o->task) : o->task;
		x->oom_group = o->limit_group;
		x->victim_pid = o->pid;
		x->victim_kb = o->kb;
	}
	for (size_t i = 0; i < log.denials.n; i++)
		if (pid && log.denials.v[i].pid == pid && log.denials.v[i].sig) {
			x->denied_call = log.denials.v[i].call;
			x->denied_arch = log.denials.v[i].arch;
		}
}

/* "50000 100000", or v1's two files. */
static void read_quota(const struct figures *f, struct exit_record *x)
{
	const char *text = figures_text(f, CG_CPU, "cpu.max"),
		   *blank = text ? strchr(text, ' ') : NULL;

	if (blank && strncmp(text, "max", 3) != 0) {
		x->quota_us = strtoll(text, NULL, 10);
		x->period_us = strtoll(blank + 1, NULL, 10);
	} else if (!text && number(f, CG_CPU, "cpu.cfs_quota_us") > 0) {
		x->quota_us = number(f, CG_CPU, "cpu.cfs_quota_us");
		x->period_us = number(f, CG_CPU, "cpu.cfs_period_us");
	}
}

static void read_memory(const struct figures *f, struct exit_record *x)
{
	const char *events = figures_text(f, CG_MEMORY, "memory.events");

	x->memory_high_hits = keyed(events, "high", 0);
	x->memory_max_hits =
		events ? keyed(events, "max", 0) : number(f, CG_MEMORY, "memory.failcnt");
	if (x->memory_max_hits < 0)
		x->memory_max_hits = 0;
}

static int64_t first_of(int64_t a, int64_t b)
{
	return a >= 0 ? a : b;
}

void evidence_read(const struct cgroup *c, pid_t pid, struct arena *a, struct exit_record *x)
{
	struct figures f = {.c = c, .arena = a};
	int64_t kills = cgroup_oom_kills(c);

	x->oom_kills = kills > 0 ? kills : 0;
	x->memory_limit = first_of(number(&f, CG_MEMORY, "memory.max"),
				   number(&f, CG_MEMORY, "memory.limit_in_bytes"));
	x->memory_peak = first_of(number(&f, CG_MEMORY, "memory.peak"),
				  number(&f, CG_MEMORY, "memory.max_usage_in_bytes"));
	x->pids_limit = number(&f, CG_PIDS, "pids.max");
	x->pids_peak = number(&f, CG_PIDS, "pids.peak");
	x->pids_refused = keyed(figures_text(&f, CG_PIDS, "pids.events"), "max", -1);
	read_cpu(&f, x);
	read_quota(&f, x);
	read_memory(&f, x);
	read_log(c, pid, a, x);
	x->pressure_cpu_us = read_pressure(c, "cpu.pressure");
	x->pressure_memory_us = read_pressure(c, "memory.pressure");
	x->pressure_io_us = read_pressure(c, "io.pressure");
}
