/* SPDX-License-Identifier: Apache-2.0 */
/* What a cgroup tells of a life that has just ended. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "bin/berth-monitor/monitor.h"
#include "cgroup/figures.h"
#include "kernel/fd.h"

enum { KMSG_RECORD = 8192, VICTIMS_MAX = 256 };

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

static const char *memory_group(const struct cgroup *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->group[i].dir_fd >= 0 && c->group[i].controllers & 1U << CG_MEMORY)
			return c->group[i].path;
	return NULL;
}

/* "6,123,456,-;oom-kill:constraint=..,task_memcg=/GROUP,task=NAME,pid=1,uid=0" (mm/oom_kill.c,
 * dump_oom_summary). Adds NAME to victims. */
static void add_victim(const char *record, const char *group, char *victims)
{
	const char *memcg = strstr(record, "oom-kill:") ? strstr(record, "task_memcg=") : NULL;
	const char *task = memcg ? strstr(memcg, ",task=") : NULL;
	size_t n = strlen(group), used = strlen(victims);

	if (!task)
		return;
	memcg += strlen("task_memcg=");
	task += strlen(",task=");
	if (strncmp(memcg, group, n) != 0 || (memcg[n] != ',' && memcg[n] != '/'))
		return;
	snprintf(victims + used, VICTIMS_MAX - used, "%s%.*s", used ? ", " : "",
		 (int)strcspn(task, ",\n"), task);
}

/* The kernel's log names them, where we may read it. */
static const char *find_victims(const struct cgroup *c, struct arena *a)
{
	auto_close int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	const char *group = memory_group(c);
	char record[KMSG_RECORD], victims[VICTIMS_MAX] = "";
	ssize_t n;

	while (fd >= 0 && group &&
	       ((n = read(fd, record, sizeof(record) - 1)) > 0 || errno == EPIPE)) {
		if (n <= 0) /* EPIPE: records were overwritten; the next read goes on */
			continue;
		record[n] = '\0';
		add_victim(record, group, victims);
	}
	return victims[0] ? arena_strdup(a, victims) : NULL;
}

static int64_t first_of(int64_t a, int64_t b)
{
	return a >= 0 ? a : b;
}

void evidence_read(const struct cgroup *c, struct arena *a, struct exit_record *x)
{
	struct figures f = {.c = c, .arena = a};
	int64_t kills = cgroup_oom_kills(c);

	x->oom_kills = kills > 0 ? kills : 0;
	x->victim = x->oom_kills ? find_victims(c, a) : NULL;
	x->memory_limit = first_of(number(&f, CG_MEMORY, "memory.max"),
				   number(&f, CG_MEMORY, "memory.limit_in_bytes"));
	x->memory_peak = first_of(number(&f, CG_MEMORY, "memory.peak"),
				  number(&f, CG_MEMORY, "memory.max_usage_in_bytes"));
	x->pids_limit = number(&f, CG_PIDS, "pids.max");
	x->pids_peak = number(&f, CG_PIDS, "pids.peak");
	x->pids_refused = keyed(figures_text(&f, CG_PIDS, "pids.events"), "max", -1);
	read_cpu(&f, x);
	x->pressure_cpu_us = read_pressure(c, "cpu.pressure");
	x->pressure_memory_us = read_pressure(c, "memory.pressure");
	x->pressure_io_us = read_pressure(c, "io.pressure");
}
