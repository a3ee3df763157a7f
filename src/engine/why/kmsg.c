/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's log: who was killed for want of memory, and which system calls a filter refused. */
#include "engine/why/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"

enum { RECORD_MAX = 8192 };

bool kmsg_is_below(const char *path, const char *group)
{
	size_t n = strlen(group);

	return path && strncmp(path, group, n) == 0 && (!path[n] || path[n] == '/');
}

/* The value behind KEY, up to a blank, a comma or the end; quotes are taken off. In the arena; NULL: none. */
static const char *value_of(const char *text, const char *key, struct arena *a)
{
	const char *at = strstr(text, key);

	if (!at)
		return NULL;
	at += strlen(key);
	if (*at == '"')
		return arena_strndup(a, at + 1, strcspn(at + 1, "\"\n"));
	return arena_strndup(a, at, strcspn(at, ", \n"));
}

static int64_t number_of(const char *text, const char *key, int base, struct arena *a)
{
	const char *value = value_of(text, key, a);

	return value ? (int64_t)strtoull(value, NULL, base) : 0;
}

static void add_oom(const char *text, int64_t time_ns, struct arena *a, struct kmsg_log *to)
{
	struct kmsg_oom o = {.time_ns = time_ns};
	const char *limit = value_of(text, "oom_memcg=", a);

	o.limit_group = limit ? limit : "/"; /* "global_oom" stands there instead */
	o.victim_group = value_of(text, "task_memcg=", a);
	/* ",": "task=" is also the end of nothing else, but "task_memcg=" comes before. */
	o.task = value_of(text, ",task=", a);
	o.pid = number_of(text, ",pid=", 10, a);
	if (o.task && o.victim_group)
		LIST_ADD(&to->ooms, a) = o;
}

/* "Killed process 123 (dd) total-vm:1kB, anon-rss:2kB, file-rss:3kB, shmem-rss:4kB, ..." */
static void add_size(const char *text, struct arena *a, struct kmsg_log *to)
{
	const char *at = strstr(text, "Killed process ");
	int64_t pid = strtoll(at + strlen("Killed process "), NULL, 10);

	for (size_t i = to->ooms.n; i-- > 0;)
		if (to->ooms.v[i].pid == pid) {
			to->ooms.v[i].kb = number_of(text, "anon-rss:", 10, a) +
					   number_of(text, "file-rss:", 10, a) +
					   number_of(text, "shmem-rss:", 10, a);
			return;
		}
}

static void add_denial(const char *text, int64_t time_ns, struct arena *a, struct kmsg_log *to)
{
	const char *comm = value_of(text, "comm=", a);

	LIST_ADD(&to->denials, a) = (struct kmsg_denial){
		.time_ns = time_ns,
		.pid = number_of(text, " pid=", 10, a),
		.sig = number_of(text, "sig=", 10, a),
		.call = number_of(text, "syscall=", 10, a),
		.arch = number_of(text, "arch=", 16, a),
		.code = number_of(text, "code=", 16, a),
		.comm = comm ? comm : "?",
	};
}

static void add_refusal(const char *text, int64_t time_ns, struct arena *a, struct kmsg_log *to)
{
	const char *capability = value_of(text, "capname=", a), *name = value_of(text, " name=", a);
	const char *operation = value_of(text, "operation=", a), *comm = value_of(text, "comm=", a);
	const char *profile = value_of(text, "profile=", a);

	LIST_ADD(&to->refusals, a) = (struct kmsg_refusal){
		.time_ns = time_ns,
		.pid = number_of(text, " pid=", 10, a),
		.comm = comm ? comm : "?",
		.profile = profile ? profile : "?",
		.what = capability ? arena_printf(a, "capability %s", capability)
				   : arena_printf(a, "%s %s", operation ? operation : "?",
						  name ? name : ""),
	};
}

void kmsg_add(const char *record, int64_t offset_ns, int64_t since_ns, struct arena *a,
	      struct kmsg_log *to)
{
	const char *text = strchr(record, ';');
	long long us = 0;
	int64_t time_ns;

	if (!text || sscanf(record, "%*u,%*u,%lld", &us) != 1)
		return;
	time_ns = us * 1000 + offset_ns;
	if (time_ns < since_ns)
		return;
	text++;
	if (str_starts(text, "oom-kill:"))
		add_oom(text, time_ns, a, to);
	else if (strstr(text, "Killed process "))
		add_size(text, a, to);
	else if (strstr(text, "type=1326 "))
		add_denial(text, time_ns, a, to);
	else if (strstr(text, "type=1400 ") && strstr(text, "DENIED"))
		add_refusal(text, time_ns, a, to);
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void kmsg_read(int64_t since_ns, struct arena *a, struct kmsg_log *ret)
{
	auto_close int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int64_t offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	char record[RECORD_MAX];
	ssize_t n;

	if (fd < 0)
		return;
	ret->is_readable = true;
	/* Its clock is not ours to the last digit. */
	since_ns -= 1000000000;
	while ((n = read(fd, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		if (n <= 0) /* EPIPE: records were overwritten; the next read goes on */
			continue;
		record[n] = '\0';
		kmsg_add(record, offset_ns, since_ns, a, ret);
	}
}
