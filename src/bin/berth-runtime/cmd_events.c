/* SPDX-License-Identifier: Apache-2.0 */
/* events: the figures of a container, once or at an interval, and its out-of-memory kills. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/quantity.h"
#include "bin/berth-runtime/command.h"
#include "cgroup/cgroup.h"
#include "kernel/sys.h"

struct values {
	bool is_stats;
	const char *interval;
};

static const struct opt options[] = {
	{"interval", 0, OPT_STRING, offsetof(struct values, interval), "DURATION",
	 "time between figures (default: 5s)", false},
	{"stats", 0, OPT_FLAG, offsetof(struct values, is_stats), NULL, "figures once, then end",
	 false},
	{0},
};

/* Milliseconds from "5s", "1m30s", ..., or -errno. */
static int64_t parse_interval(const char *word, struct err *e)
{
	int64_t ns;

	if (quantity_to_ns(word, &ns) < 0)
		return err_say(e, -EINVAL, "invalid value \"%s\" for flag -interval: parse error",
			       word);
	if (ns <= 0)
		return err_say(e, -EINVAL, "duration interval must be greater than 0: %s", word);
	ns = ns / 1000000 + (ns % 1000000 != 0);
	return ns <= INT32_MAX ? ns : INT32_MAX;
}

static int print_stats(const char *id, const struct cgroup *c, struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	int r;

	json_begin_object(&w);
	json_put_string(&w, "type", "stats");
	json_put_string(&w, "id", id);
	json_key(&w, "data");
	r = cgroup_stats_print(c, &w, e);
	if (r < 0)
		return r;
	json_end_object(&w);
	return print_json(&w, e);
}

static int print_oom(const char *id, struct err *e)
{
	auto_json_writer struct json_writer w = {0};

	json_begin_object(&w);
	json_put_string(&w, "type", "oom");
	json_put_string(&w, "id", id);
	json_end_object(&w);
	return print_json(&w, e);
}

/* Arms the descriptor again: see cgroup_oom_fd. */
static void rearm(int fd, short events)
{
	char buf[4096];

	if (events & POLLPRI)
		lseek(fd, 0, SEEK_SET);
	if (read(fd, buf, events & POLLPRI ? sizeof(buf) : 8) < 0)
		return;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int stream(const char *id, const struct cgroup *c, int pidfd, int64_t interval,
		  struct err *e)
{
	short events = 0;
	auto_close int oom = cgroup_oom_fd(c, &events, NULL);
	int64_t kills = cgroup_oom_kills(c), next = now_ms() + interval;

	for (;;) {
		struct pollfd fds[] = {{.fd = pidfd, .events = POLLIN},
				       {.fd = oom, .events = events}};
		int64_t wait = next - now_ms(), count;
		int r = poll(fds, 2, wait > 0 ? (int)wait : 0);

		if (r < 0 && errno != EINTR)
			return err_sys(e, -errno, "wait for events");
		if (r > 0 && fds[1].revents)
			rearm(oom, events);
		count = cgroup_oom_kills(c);
		for (; kills >= 0 && kills < count; kills++)
			if ((r = print_oom(id, e)) < 0)
				return r;
		if (fds[0].revents)
			return 0;
		if (now_ms() < next)
			continue;
		next += interval;
		r = print_stats(id, c, e);
		if (r < 0)
			return r;
	}
}

static int events_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct values *v = in->values;
	int64_t interval = parse_interval(v->interval ? v->interval : "5s", e);
	struct cgroup group = {0};
	auto_close int pidfd = -EBADF;
	struct container c;
	int r;

	*ret_code = 0;
	if (interval < 0)
		return (int)interval;
	r = runtime_load(&in->rt, in->words.v[0], in->arena, &c, e);
	if (r < 0)
		return r;
	if (c.status == STATUS_STOPPED || c.status == STATUS_CREATING)
		return err_say(e, -ESRCH, "container with id %s is not running", c.id);
	pidfd = sys_pidfd_open(c.pid, 0);
	if (pidfd < 0)
		return err_say(e, -ESRCH, "container with id %s is not running", c.id);
	r = cgroup_open(&c.cgroup, &group, e);
	if (r < 0)
		return r;
	r = v->is_stats ? print_stats(c.id, &group, e) : stream(c.id, &group, pidfd, interval, e);
	cgroup_close(&group);
	return r;
}

const struct command cmd_events = {
	.name = "events",
	.usage = "[options] <container-id>",
	.help = "print figures and out-of-memory events as JSON lines",
	.options = options,
	.values_size = sizeof(struct values),
	.words_min = 1,
	.words_max = 1,
	.main = events_main,
};
