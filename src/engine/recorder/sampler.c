/* SPDX-License-Identifier: Apache-2.0 */
/* A control group's figures: which files tell them, v1 and v2 side by side. */
#include "engine/recorder/sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"

enum { TEXT_MAX = 8192 }; /* memory.stat has about 1,600 bytes; io.stat a line a device */

/* v1 says "no limit" by a number near the largest one, in whole pages. */
static const uint64_t v1_no_limit = (uint64_t)INT64_MAX - 65536;

struct row {
	enum cgroup_controller controller;
	bool is_v2;
	uint32_t known;
	const char *file;
	void (*parse)(const char *text, const struct row *row, struct sample *s);
	size_t member; /* of parse_number and parse_limit */
};

static uint64_t *member_of(const struct row *row, struct sample *s)
{
	return (uint64_t *)(void *)((char *)s + row->member);
}

static void parse_number(const char *text, const struct row *row, struct sample *s)
{
	*member_of(row, s) = strtoull(text, NULL, 10);
}

/* "max", -1 and v1's largest number are none. */
static void parse_limit(const char *text, const struct row *row, struct sample *s)
{
	uint64_t v = *text == 'm' || *text == '-' ? 0 : strtoull(text, NULL, 10);

	*member_of(row, s) = v >= v1_no_limit ? 0 : v;
}

/* ---- lists of keys ------------------------------------------------------------------------------- */

struct key {
	const char *name;
	size_t member;
	uint64_t factor;
};

#define KEY(name, member, factor)                             \
	{                                                     \
		name, offsetof(struct sample, member), factor \
	}

static void parse_keys(const char *text, const struct key *keys, size_t n, struct sample *s)
{
	for (const char *line = text; *line;) {
		size_t length = strcspn(line, " \n");
		const char *end = strchr(line, '\n');

		for (size_t i = 0; i < n; i++)
			if (!strncmp(line, keys[i].name, length) && !keys[i].name[length])
				*(uint64_t *)(void *)((char *)s + keys[i].member) =
					strtoull(line + length, NULL, 10) * keys[i].factor;
		if (!end)
			break;
		line = end + 1;
	}
}

static void parse_cpu_stat(const char *text, const struct row *row, struct sample *s)
{
	static const struct key v1[] = {KEY("nr_periods", periods, 1),
					KEY("nr_throttled", throttled_periods, 1),
					KEY("throttled_time", throttled_ns, 1)};
	static const struct key v2[] = {KEY("usage_usec", cpu_ns, 1000),
					KEY("nr_periods", periods, 1),
					KEY("nr_throttled", throttled_periods, 1),
					KEY("throttled_usec", throttled_ns, 1000)};

	if (row->is_v2)
		parse_keys(text, v2, ARRAY_LEN(v2), s);
	else
		parse_keys(text, v1, ARRAY_LEN(v1), s);
}

/* working_set holds the inactive pages of files until all is read. */
static void parse_memory_stat(const char *text, const struct row *row, struct sample *s)
{
	static const struct key v1[] = {KEY("total_rss", anon, 1), KEY("total_cache", file, 1),
					KEY("total_swap", swap, 1),
					KEY("total_inactive_file", working_set, 1)};
	static const struct key v2[] = {KEY("anon", anon, 1), KEY("file", file, 1),
					KEY("kernel", kernel, 1),
					KEY("inactive_file", working_set, 1)};

	if (row->is_v2)
		parse_keys(text, v2, ARRAY_LEN(v2), s);
	else
		parse_keys(text, v1, ARRAY_LEN(v1), s);
}

static void parse_oom(const char *text, const struct row *row, struct sample *s)
{
	static const struct key keys[] = {KEY("oom_kill", oom_kills, 1)};

	(void)row;
	parse_keys(text, keys, ARRAY_LEN(keys), s);
}

/* ---- the others ---------------------------------------------------------------------------------- */

/* "100000 100000" or "max 100000" */
static void parse_cpu_max(const char *text, const struct row *row, struct sample *s)
{
	const char *blank = strchr(text, ' ');

	(void)row;
	s->quota_us = *text == 'm' ? 0 : strtoull(text, NULL, 10);
	s->period_us = blank ? strtoull(blank, NULL, 10) : 100000;
}

static void parse_shares(const char *text, const struct row *row, struct sample *s)
{
	(void)row;
	s->cpu_weight = strtoull(text, NULL, 10);
	s->is_shares = true;
}

/* "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0" */
static void parse_io_stat(const char *text, const struct row *row, struct sample *s)
{
	static const struct key keys[] = {KEY(" rbytes=", read_bytes, 1),
					  KEY(" wbytes=", written_bytes, 1),
					  KEY(" rios=", reads, 1), KEY(" wios=", writes, 1)};

	(void)row;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		for (const char *at = text; (at = strstr(at, keys[i].name));) {
			at += strlen(keys[i].name);
			*(uint64_t *)(void *)((char *)s + keys[i].member) += strtoull(at, NULL, 10);
		}
}

/* "8:0 Read 4096", ..., "Total 4096" */
static void parse_io_v1(const char *text, const struct row *row, struct sample *s)
{
	bool is_bytes = row->member == offsetof(struct sample, read_bytes);
	uint64_t *read = is_bytes ? &s->read_bytes : &s->reads;
	uint64_t *written = is_bytes ? &s->written_bytes : &s->writes;

	for (const char *at = text; (at = strstr(at, " Read "));)
		*read += strtoull(at += strlen(" Read "), NULL, 10);
	for (const char *at = text; (at = strstr(at, " Write "));)
		*written += strtoull(at += strlen(" Write "), NULL, 10);
}

/* "12.34" as 1234 */
static uint32_t hundredths(const char *text)
{
	char *end;
	unsigned long whole = strtoul(text, &end, 10);

	if (*end == '.' && end[1] && end[2])
		return (uint32_t)(whole * 100 + (unsigned long)(end[1] - '0') * 10 +
				  (unsigned long)(end[2] - '0'));
	return (uint32_t)(whole * 100);
}

static void parse_pressure_line(const char *text, const char *kind, uint64_t *us, uint32_t *avg10)
{
	const char *line = strstr(text, kind), *avg, *total;

	avg = line ? strstr(line, "avg10=") : NULL;
	total = avg ? strstr(avg, "total=") : NULL;
	if (!total)
		return;
	*avg10 = hundredths(avg + strlen("avg10="));
	*us = strtoull(total + strlen("total="), NULL, 10);
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull ..." */
static void parse_pressure(const char *text, const struct row *row, struct sample *s)
{
	struct sample_pressure *p = (struct sample_pressure *)(void *)member_of(row, s);

	parse_pressure_line(text, "some ", &p->some_us, &p->some10);
	parse_pressure_line(text, "full ", &p->full_us, &p->full10);
}

void sample_parse_net(const char *text, struct sample *ret)
{
	for (const char *colon = text; (colon = strchr(colon, ':'));) {
		unsigned long long rx, tx;
		const char *name = colon;

		colon++;
		while (name > text && name[-1] != ' ' && name[-1] != '\n')
			name--;
		if (!strncmp(name, "lo:", 3) ||
		    sscanf(colon, " %llu %*u %*u %*u %*u %*u %*u %*u %llu", &rx, &tx) != 2)
			continue;
		ret->rx_bytes += rx;
		ret->tx_bytes += tx;
	}
}

/* ---- the table ----------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct sample, member)
static const struct row rows[] = {
	{CG_CPU, true, SAMPLE_CPU, "cpu.stat", parse_cpu_stat, 0},
	{CG_CPU, true, SAMPLE_LIMITS, "cpu.weight", parse_number, AT(cpu_weight)},
	{CG_CPU, true, SAMPLE_LIMITS, "cpu.max", parse_cpu_max, 0},
	{CG_MEMORY, true, SAMPLE_MEMORY, "memory.current", parse_number, AT(memory)},
	{CG_MEMORY, true, SAMPLE_MEMORY, "memory.stat", parse_memory_stat, 0},
	{CG_MEMORY, true, SAMPLE_MEMORY, "memory.swap.current", parse_number, AT(swap)},
	{CG_MEMORY, true, SAMPLE_MEMORY, "memory.peak", parse_number, AT(memory_peak)},
	{CG_MEMORY, true, SAMPLE_LIMITS, "memory.max", parse_limit, AT(memory_limit)},
	{CG_MEMORY, true, SAMPLE_MEMORY, "memory.events", parse_oom, 0},
	{CG_IO, true, SAMPLE_IO, "io.stat", parse_io_stat, 0},
	{CG_PIDS, true, SAMPLE_PIDS, "pids.current", parse_number, AT(pids)},
	{CG_PIDS, true, SAMPLE_LIMITS, "pids.max", parse_limit, AT(pids_limit)},
	{CG_CPU, true, SAMPLE_PRESSURE, "cpu.pressure", parse_pressure, AT(pressure[PRESSURE_CPU])},
	{CG_CPU, true, SAMPLE_PRESSURE, "memory.pressure", parse_pressure,
	 AT(pressure[PRESSURE_MEMORY])},
	{CG_CPU, true, SAMPLE_PRESSURE, "io.pressure", parse_pressure, AT(pressure[PRESSURE_IO])},

	{CG_CPUACCT, false, SAMPLE_CPU, "cpuacct.usage", parse_number, AT(cpu_ns)},
	{CG_CPU, false, SAMPLE_CPU, "cpu.stat", parse_cpu_stat, 0},
	{CG_CPU, false, SAMPLE_LIMITS, "cpu.shares", parse_shares, 0},
	{CG_CPU, false, SAMPLE_LIMITS, "cpu.cfs_quota_us", parse_limit, AT(quota_us)},
	{CG_CPU, false, SAMPLE_LIMITS, "cpu.cfs_period_us", parse_number, AT(period_us)},
	{CG_MEMORY, false, SAMPLE_MEMORY, "memory.usage_in_bytes", parse_number, AT(memory)},
	{CG_MEMORY, false, SAMPLE_MEMORY, "memory.stat", parse_memory_stat, 0},
	{CG_MEMORY, false, SAMPLE_MEMORY, "memory.kmem.usage_in_bytes", parse_number, AT(kernel)},
	{CG_MEMORY, false, SAMPLE_MEMORY, "memory.max_usage_in_bytes", parse_number,
	 AT(memory_peak)},
	{CG_MEMORY, false, SAMPLE_LIMITS, "memory.limit_in_bytes", parse_limit, AT(memory_limit)},
	{CG_MEMORY, false, SAMPLE_MEMORY, "memory.oom_control", parse_oom, 0},
	{CG_IO, false, SAMPLE_IO, "blkio.throttle.io_service_bytes_recursive", parse_io_v1,
	 AT(read_bytes)},
	{CG_IO, false, SAMPLE_IO, "blkio.throttle.io_serviced_recursive", parse_io_v1, AT(reads)},
	{CG_PIDS, false, SAMPLE_PIDS, "pids.current", parse_number, AT(pids)},
	{CG_PIDS, false, SAMPLE_LIMITS, "pids.max", parse_limit, AT(pids_limit)},
};
_Static_assert(ARRAY_LEN(rows) <= SAMPLER_FILES, "a descriptor for every row");

int sample_parse(const char *name, bool is_v2, const char *text, struct sample *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].is_v2 == is_v2 && str_eq(rows[i].file, name)) {
			rows[i].parse(text, &rows[i], ret);
			ret->known |= rows[i].known;
			return 0;
		}
	return -ENOENT;
}

/* ---- reading ------------------------------------------------------------------------------------- */

/* v2 tells the pressure of every group, whatever controllers it has, and the processor time, which beside v1
 * comes from there. */
static bool has_file(const struct row *row, bool is_v2, uint64_t controllers, bool is_alone)
{
	return is_v2 == row->is_v2 &&
	       (controllers & 1U << row->controller || row->known == SAMPLE_PRESSURE ||
		(is_v2 && is_alone && row->controller == CG_CPU));
}

static int open_net(pid_t pid)
{
	char path[64];

	if (pid <= 0)
		return -EBADF;
	snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int open_row(const struct cgroup *c, const struct row *row)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->group[i].dir_fd >= 0 &&
		    has_file(row, c->group[i].is_v2, c->group[i].controllers, c->n == 1))
			return openat(c->group[i].dir_fd, row->file, O_RDONLY | O_CLOEXEC);
	return -EBADF;
}

static int open_saved_row(const struct cgroup_saved *c, const struct row *row)
{
	char path[4096];
	int n;

	for (size_t i = 0; i < c->n; i++) {
		if (!has_file(row, c->v[i].v2, c->v[i].controllers, c->n == 1))
			continue;
		n = snprintf(path, sizeof(path), "%s%s/%s", c->v[i].mount, c->v[i].path, row->file);
		if (n > 0 && (size_t)n < sizeof(path))
			return open(path, O_RDONLY | O_CLOEXEC);
	}
	return -EBADF;
}

void sampler_open(struct sampler *s, const struct cgroup *c, pid_t pid)
{
	for (size_t i = 0; i < SAMPLER_FILES; i++)
		s->fd[i] = i < ARRAY_LEN(rows) ? open_row(c, &rows[i]) : -EBADF;
	s->net_fd = open_net(pid);
	s->is_open = true;
}

static void finish(struct sample *s)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	s->time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	s->working_set = s->memory > s->working_set ? s->memory - s->working_set : 0;
}

/* Files of /proc give a page at a time: one with many devices is read on. */
static bool read_text(int fd, char *text)
{
	ssize_t n = fd < 0 ? -1 : pread(fd, text, TEXT_MAX - 1, 0);

	if (n <= 0)
		return n == 0 && (text[0] = '\0', true);
	text[n] = '\0';
	return true;
}

static void add_row(int fd, const struct row *row, struct sample *s)
{
	char text[TEXT_MAX];

	if (!read_text(fd, text))
		return;
	row->parse(text, row, s);
	s->known |= row->known;
}

static void add_net(int fd, struct sample *s)
{
	char text[TEXT_MAX];

	if (!read_text(fd, text))
		return;
	sample_parse_net(text, s);
	s->known |= SAMPLE_NET;
}

void sampler_read(const struct sampler *s, struct sample *ret)
{
	*ret = (struct sample){0};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		add_row(s->fd[i], &rows[i], ret);
	add_net(s->net_fd, ret);
	finish(ret);
}

void sampler_close(struct sampler *s)
{
	if (!s->is_open)
		return;
	for (size_t i = 0; i < SAMPLER_FILES; i++)
		if (s->fd[i] >= 0)
			close(s->fd[i]);
	if (s->net_fd >= 0)
		close(s->net_fd);
	s->is_open = false;
}

void sample_read(const struct cgroup_saved *c, pid_t pid, struct sample *ret)
{
	auto_close int net_fd = open_net(pid);

	*ret = (struct sample){0};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_close int fd = open_saved_row(c, &rows[i]);

		add_row(fd, &rows[i], ret);
	}
	add_net(net_fd, ret);
	finish(ret);
}

pid_t sampler_net_pid(const char *network, int64_t pid)
{
	return !network || str_eq(network, "none") || str_eq(network, "host") ? 0 : (pid_t)pid;
}
