/* SPDX-License-Identifier: Apache-2.0 */
/* berth stats: what containers use, what they may use, and what they wait for. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "engine/stats/snapshot.h"
#include "view/view.h"

enum { ID_SHORT = 12 };

struct options {
	bool all, no_stream, no_trunc, no_heading;
	const char *format, *interval;
};

#define VALUE(member) offsetof(struct options, member)
static const struct opt options[] = {
	{"all", 'a', OPT_FLAG, VALUE(all), NULL, "those that do not run, too", false},
	{"no-stream", 0, OPT_FLAG, VALUE(no_stream), NULL, "once, and not again and again", false},
	{"format", 0, OPT_STRING, VALUE(format), "TEMPLATE", "json, or such as '{{.Name}}'", false},
	{"no-trunc", 0, OPT_FLAG, VALUE(no_trunc), NULL, "ids in full", false},
	{"noheading", 0, OPT_FLAG, VALUE(no_heading), NULL, "without the line of heads", false},
	{"interval", 'i', OPT_STRING, VALUE(interval), "SECONDS", "from one to the next (1)",
	 false},
	{0},
};

static const struct view_column columns[] = {
	{"CONTAINER ID", "ID", false},    {"NAME", "Name", false},
	{"CPU %", "CPUPerc", true},       {"ENTITLED", "Entitled", true},
	{"THROTTLED", "Throttled", true}, {"MEM USAGE / LIMIT", "MemUsage", false},
	{"MEM %", "MemPerc", true},       {"NET I/O", "NetIO", false},
	{"BLOCK I/O", "BlockIO", false},  {"PIDS", "PIDs", true},
	{"PRESSURE", "Pressure", false},  {0},
};

static const char *percent(double v, struct arena *a)
{
	return arena_printf(a, "%.2f%%", v);
}

static const char *pair(uint64_t x, uint64_t y, struct arena *a)
{
	return arena_printf(a, "%s / %s", view_size((int64_t)x, a), view_size((int64_t)y, a));
}

/* "cpu 12% mem 3%": where something waited in the last ten seconds, and how much of the time. */
static const char *pressure_text(const struct sample *s, struct arena *a)
{
	static const char *const names[PRESSURE_COUNT] = {"cpu", "mem", "io"};
	const char *text = "";

	if (!(s->known & SAMPLE_PRESSURE))
		return "--";
	for (size_t i = 0; i < PRESSURE_COUNT; i++)
		if (s->pressure[i].some10 >= 50)
			text = arena_printf(a, "%s%s%s %.0f%%", text, *text ? " " : "", names[i],
					    s->pressure[i].some10 / 100.0);
	return *text ? text : "0%";
}

static void put_figures(const struct subject *x, struct arena *a, struct json_writer *w)
{
	const struct sample *s = &x->now;
	bool is_known = x->has_figures;
	const char *none = "--";

	json_put_string(w, "CPUPerc", is_known ? percent(x->rates.cpu, a) : none);
	json_put_string(w, "Entitled", is_known ? percent(x->entitled * 100, a) : none);
	json_put_string(w, "Throttled", is_known ? percent(x->rates.throttled, a) : none);
	json_put_string(w, "MemUsage",
			is_known ? arena_printf(a, "%s / %s",
						view_binary_size((int64_t)s->working_set, a),
						view_binary_size((int64_t)x->memory_limit, a))
				 : "-- / --");
	json_put_string(w, "MemPerc",
			is_known && x->memory_limit
				? percent((double)s->working_set * 100 / (double)x->memory_limit, a)
				: none);
	json_put_string(w, "NetIO", is_known ? pair(s->rx_bytes, s->tx_bytes, a) : none);
	json_put_string(w, "BlockIO", is_known ? pair(s->read_bytes, s->written_bytes, a) : none);
	json_put_string(w, "PIDs",
			is_known ? arena_printf(a, "%llu", (unsigned long long)s->pids) : none);
	json_put_string(w, "Pressure", is_known ? pressure_text(s, a) : none);
}

static void put_devices(const struct invocation *in, const struct subject *x, struct arena *a,
			struct json_writer *w)
{
	struct device_figures *v = NULL;
	size_t n = 0;

	if (!x->has_figures || subject_devices(&in->engine, x, a, &v, &n, NULL) < 0)
		return;
	json_key(w, "Devices");
	json_begin_array(w);
	for (size_t i = 0; i < n; i++) {
		json_begin_object(w);
		json_put_string(w, "device", arena_printf(a, "%u:%u", v[i].major, v[i].minor));
		json_put_uint(w, "readBytes", v[i].read_bytes);
		json_put_uint(w, "writtenBytes", v[i].written_bytes);
		json_put_uint(w, "reads", v[i].reads);
		json_put_uint(w, "writes", v[i].writes);
		json_end_object(w);
	}
	json_end_array(w);
}

static void print_row(const struct invocation *in, const struct snapshot *s,
		      const struct subject *x, struct arena *a, struct json_writer *w)
{
	const struct options *o = in->values;
	const char *id = o->no_trunc ? x->id : arena_strndup(a, x->id, ID_SHORT);

	json_begin_object(w);
	json_put_string(w, "Container", id);
	json_put_string(w, "ID", id);
	json_put_string(w, "Name", x->name);
	json_put_string(w, "Pool", x->pool ? x->pool : "");
	put_figures(x, a, w);
	/* The numbers behind the words: only who asks for JSON or a template needs them. */
	if (o->format) {
		put_devices(in, x, a, w);
		json_key(w, "Figures");
		subject_print(s, x, w);
	}
	json_end_object(w);
}

static int show(const struct invocation *in, struct watcher *watcher, struct view_text *text,
		struct err *e)
{
	const struct options *o = in->values;
	const struct view_list list = {
		.columns = columns, .format = o->format, .no_heading = o->no_heading};
	auto_json_writer struct json_writer w = {0};
	auto_arena struct arena a = {0};
	struct snapshot s = {0};
	struct view_value rows;
	int r = snapshot_take(watcher, &in->words, &a, &s, e);

	if (r < 0)
		return r;
	json_begin_array(&w);
	for (size_t i = s.n_pools; i < s.n; i++)
		print_row(in, &s, &s.v[i], &a, &w);
	json_end_array(&w);
	r = view_parse(w.buf, w.len, &a, &rows, e);
	return r < 0 ? r : view_rows(&list, rows.items, rows.n, text, e);
}

/* Over what was there before, without a flicker: each line ends with "erase to its end", the last with "erase
 * all below". */
static int redraw(const struct view_text *text, struct err *e)
{
	auto_view_text struct view_text frame = {0};

	view_append(&frame, "\033[H", 3);
	for (size_t i = 0; i < text->len; i++) {
		if (text->buf[i] == '\n')
			view_append(&frame, "\033[K", 3);
		view_append(&frame, text->buf + i, 1);
	}
	view_append(&frame, "\033[J", 3);
	return print_text(frame.buf, frame.len, e);
}

static int stats_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	bool is_screen = !o->no_stream && !o->format && isatty(STDOUT_FILENO);
	auto_watcher struct watcher watcher = {0};
	struct timespec pause = {.tv_sec = 1};
	int r = 0;

	(void)ret_code;
	if (o->interval) {
		uint32_t seconds;

		if (str_to_u32(o->interval, &seconds) < 0 || seconds == 0)
			return err_say(e, -EINVAL, "--interval %s: want a number of seconds",
				       o->interval);
		pause.tv_sec = seconds;
	}
	watcher_open(&watcher, &in->engine,
		     SNAPSHOT_NOW | (o->all || in->words.n ? SNAPSHOT_ALL : 0));
	if (is_screen)
		r = print_text("\033[2J", 4, e);
	while (r >= 0) {
		auto_view_text struct view_text text = {0};

		r = show(in, &watcher, &text, e);
		if (r >= 0)
			r = is_screen ? redraw(&text, e)
				      : print_text(text.buf ? text.buf : "", text.len, e);
		if (o->no_stream)
			break;
		nanosleep(&pause, NULL);
	}
	return r;
}

#define STATS(words, hidden)                                                                       \
	{                                                                                          \
		.name = (words), .usage = "[CONTAINER...]", .help = "Show what containers use",    \
		.group = "containers",                                                             \
		.details = "ENTITLED is the processor time that a container would get now if it "  \
			   "wanted all it may have, by its weight\nand quota beside those that "   \
			   "want some; THROTTLED is the share of the quota's periods in which it " \
			   "was held\nback; PRESSURE the share of the last ten seconds in which "  \
			   "something of it waited for processor, memory or disk.",                \
		.options = options, .values_size = sizeof(struct options),                         \
		.words_max = WORDS_MANY, .is_hidden = (hidden), .enters = true,                    \
		.main = stats_main,                                                                \
	}

const struct command cmd_stats = STATS("stats", false);
const struct command cmd_container_stats = STATS("container stats", true);
