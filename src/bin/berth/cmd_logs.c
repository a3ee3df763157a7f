/* SPDX-License-Identifier: Apache-2.0 */
/* berth logs: what a container has written. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/quantity.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "bin/berth/time_option.h"
#include "engine/container/container.h"
#include "engine/log/log.h"

struct options {
	bool follow, timestamps, details;
	const char *since, *until, *tail;
};

static const struct opt options[] = {
	{"follow", 'f', OPT_FLAG, offsetof(struct options, follow), NULL,
	 "go on until the container ends", false},
	{"timestamps", 't', OPT_FLAG, offsetof(struct options, timestamps), NULL,
	 "begin each line with its time", false},
	{"since", 0, OPT_STRING, offsetof(struct options, since), "TIME",
	 "from this time on: 2026-01-31T12:00:00Z, seconds since 1970, or 10m for ten minutes ago",
	 false},
	{"until", 0, OPT_STRING, offsetof(struct options, until), "TIME", "before this time",
	 false},
	{"tail", 'n', OPT_STRING, offsetof(struct options, tail), "LINES",
	 "only so many lines from the end (\"all\")", false},
	{"details", 0, OPT_FLAG, offsetof(struct options, details), NULL,
	 "show the labels that --log-opt labels= put into the log", false},
	{0},
};

static int logs_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	struct log_query q = {.tail = -1,
			      .follows = o->follow,
			      .shows_time = o->timestamps,
			      .shows_details = o->details,
			      .wants_out = true,
			      .wants_err = true};
	struct container_info c;
	auto_close int dir = -EBADF;
	int r;

	(void)ret_code;
	if ((r = time_option_read(o->since, "since", &q.since_ns, e)) < 0 ||
	    (r = time_option_read(o->until, "until", &q.until_ns, e)) < 0)
		return r;
	/* Docker takes a negative number for "all". */
	if (o->tail && !str_eq(o->tail, "all") && str_to_i64(o->tail, &q.tail) < 0)
		return err_say(e, -EINVAL, "--tail \"%s\": give a number of lines or \"all\"",
			       o->tail);
	r = container_find(&in->engine, in->words.v[0], in->arena, &c, e);
	if (r < 0)
		return r;
	dir = record_open(&in->engine, c.record.id, e);
	return dir < 0 ? dir : log_print(dir, &c.record, &q, e);
}

const struct command cmd_logs = {
	.name = "logs",
	.usage = "CONTAINER",
	.help = "Show what a container has written",
	.group = "containers",
	.options = options,
	.values_size = sizeof(struct options),
	.words_min = 1,
	.words_max = 1,
	.enters = true,
	.main = logs_main,
};
