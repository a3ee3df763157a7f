/* SPDX-License-Identifier: Apache-2.0 */
/* berth events: what happens, as it happens. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "bin/berth/time_option.h"
#include "view/view.h"

/*
 * Theory of operation
 *
 * RUN/events.jsonl is read to its end and watched. When it has become too large, somebody moves it away and the next
 * writer makes a new one: we read the old one to its end, then open the new one.
 */

#define EVENTS_FILE "events.jsonl"
#define EVENTS_OLD "events.1.jsonl"
enum { READ_SIZE = 64 << 10 };

struct options {
	const char *since, *until, *format;
	struct str_slice filter;
};

static const struct opt options[] = {
	{"since", 0, OPT_STRING, offsetof(struct options, since), "TIME",
	 "begin with what happened then: 2026-01-31T12:00:00Z, or 10m for ten minutes ago", false},
	{"until", 0, OPT_STRING, offsetof(struct options, until), "TIME", "end at this time",
	 false},
	{"filter", 'f', OPT_LIST, offsetof(struct options, filter), "KEY=VALUE",
	 "type, event, container, pool, image, volume", false},
	{"format", 0, OPT_STRING, offsetof(struct options, format), "TEMPLATE",
	 "json, or such as '{{.Action}}'", false},
	{0},
};

struct stream {
	const struct invocation *in;
	int64_t since, until;
	struct view_text rest; /* a line whose end has not come */
	struct view_text out;
	int fd, watch;
	ino_t inode;
};

/* ---- one event ----------------------------------------------------------------------------------- */

static const char *member(const struct view_value *v, const char *key)
{
	const struct view_value *found = view_get(v, key);

	return found && found->text ? found->text : "";
}

static int match_object(const struct view_value *v, const char *type, const char *value)
{
	return str_eq(member(v, "type"), type) &&
	       (str_eq(member(v, "name"), value) || (*value && str_starts(member(v, "id"), value)));
}

static int match(void *arg, const char *key, const char *value, struct err *e)
{
	const struct view_value *v = arg;

	if (str_eq(key, "type"))
		return str_eq(member(v, "type"), value);
	if (str_eq(key, "event"))
		return str_eq(member(v, "action"), value);
	if (str_eq(key, "container") || str_eq(key, "image") || str_eq(key, "volume") ||
	    str_eq(key, "pool"))
		return match_object(v, key, value);
	return err_say(e, -EINVAL,
		       "invalid filter '%s': want type, event, container, pool, image or volume",
		       key);
}

/* In Docker's shape, for --format. */
static void print_docker(const struct view_value *v, int64_t ns, struct json_writer *w)
{
	const struct view_value *attributes = view_get(v, "attributes");

	json_begin_object(w);
	json_put_string(w, "Type", member(v, "type"));
	json_put_string(w, "Action", member(v, "action"));
	json_put_string(w, "ID", member(v, "id"));
	json_put_string(w, "Name", member(v, "name"));
	json_key(w, "Actor");
	json_begin_object(w);
	json_put_string(w, "ID", member(v, "id"));
	json_key(w, "Attributes");
	json_begin_object(w);
	json_put_string(w, "name", member(v, "name"));
	for (size_t i = 0; attributes && i < attributes->n; i++)
		json_put_string(w, attributes->keys[i],
				attributes->items[i].text ? attributes->items[i].text : "");
	json_end_object(w);
	json_end_object(w);
	json_put_int(w, "time", ns / 1000000000);
	json_put_int(w, "timeNano", ns);
	json_end_object(w);
}

static void print_plain(const struct view_value *v, int64_t ns, struct view_text *to,
			struct arena *a)
{
	const struct view_value *attributes = view_get(v, "attributes");
	const char *text =
		arena_printf(a, "%s %s %s %s (name=%s", runtime_time_text(ns, a), member(v, "type"),
			     member(v, "action"), member(v, "id"), member(v, "name"));

	for (size_t i = 0; attributes && i < attributes->n; i++)
		text = arena_printf(a, "%s, %s=%s", text, attributes->keys[i],
				    attributes->items[i].text ? attributes->items[i].text : "");
	view_append(to, text, strlen(text));
	view_append(to, ")\n", 2);
}

static int show(struct stream *s, const char *line, size_t n, struct err *e)
{
	const struct options *o = s->in->values;
	auto_arena struct arena a = {0};
	auto_json_writer struct json_writer w = {0};
	struct view_value v;
	int64_t ns;
	int r;

	/* A line that a full disk has cut is none. */
	if (view_parse(line, n, &a, &v, NULL) < 0)
		return 0;
	ns = strtoll(member(&v, "time"), NULL, 10);
	if (ns < s->since || ns > s->until)
		return 0;
	r = view_filter(&o->filter, match, &v, e);
	if (r <= 0)
		return r;
	if (!o->format) {
		print_plain(&v, ns, &s->out, &a);
		return 0;
	}
	print_docker(&v, ns, &w);
	if (str_eq(o->format, "json")) {
		view_append(&s->out, w.buf, w.len);
		r = 0;
	} else {
		r = view_parse(w.buf, w.len, &a, &v, e);
		if (r == 0)
			r = view_template(o->format, &v, &s->out, e);
	}
	if (r == 0)
		view_append(&s->out, "\n", 1);
	return r;
}

/* ---- files --------------------------------------------------------------------------------------- */

/* Whole lines are shown, the rest waits. */
static int take(struct stream *s, const char *data, size_t n, struct err *e)
{
	const char *line, *end;
	int r = 0;

	view_append(&s->rest, data, n);
	line = s->rest.buf;
	while (r == 0 && (end = strchr(line, '\n'))) {
		r = show(s, line, (size_t)(end - line), e);
		line = end + 1;
	}
	s->rest.len = strlen(line);
	memmove(s->rest.buf, line, s->rest.len + 1);
	return r;
}

static int read_rest(struct stream *s, struct err *e)
{
	char buf[READ_SIZE];
	ssize_t n;
	int r = 0;

	while (r == 0 && s->fd >= 0 && (n = read(s->fd, buf, sizeof(buf))) > 0)
		r = take(s, buf, (size_t)n, e);
	if (r == 0 && s->out.len)
		r = print_text(s->out.buf, s->out.len, e);
	s->out.len = 0;
	return r;
}

static void open_file(struct stream *s, const char *name)
{
	struct stat st;

	auto_close_fn(&s->fd);
	s->rest.len = 0;
	s->fd = openat(s->in->engine.run_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	s->inode = s->fd >= 0 && fstat(s->fd, &st) == 0 ? st.st_ino : 0;
}

static bool is_moved(const struct stream *s)
{
	struct stat st;

	return fstatat(s->in->engine.run_fd, EVENTS_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_ino != s->inode;
}

/* Milliseconds until --until; -1: no end. */
static int time_left(const struct stream *s)
{
	int64_t left = s->until == INT64_MAX ? -1 : (s->until - time_now()) / 1000000;

	return left > INT32_MAX ? INT32_MAX : left < 0 && s->until != INT64_MAX ? 0 : (int)left;
}

static int follow(struct stream *s, struct err *e)
{
	char changes[4096];
	int r = 0;

	for (;;) {
		struct pollfd p = {.fd = s->watch, .events = POLLIN};

		r = read_rest(s, e);
		if (r == 0 && is_moved(s)) {
			/* Once more: it was written to until it was moved. */
			r = read_rest(s, e);
			open_file(s, EVENTS_FILE);
			if (r == 0)
				continue;
		}
		if (r < 0 || (s->until != INT64_MAX && time_now() >= s->until))
			return r;
		if (poll(&p, 1, time_left(s)) < 0 && errno != EINTR)
			return err_sys(e, -errno, "wait for events");
		while (p.revents && read(s->watch, changes, sizeof(changes)) > 0)
			continue;
	}
}

static int events_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	struct stream s = {.in = in, .until = INT64_MAX, .fd = -EBADF, .watch = -EBADF};
	auto_close int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int r;

	(void)ret_code;
	if ((r = time_option_read(o->since, "since", &s.since, e)) < 0 ||
	    (r = time_option_read(o->until, "until", &s.until, e)) < 0)
		return r;
	if (watch < 0 ||
	    inotify_add_watch(watch, in->engine.run, IN_MODIFY | IN_CREATE | IN_MOVED_FROM) < 0)
		return err_sys(e, -errno, "watch %s", in->engine.run);
	s.watch = watch;
	if (o->since) {
		open_file(&s, EVENTS_OLD);
		r = read_rest(&s, e);
	}
	open_file(&s, EVENTS_FILE);
	if (!o->since && s.fd >= 0)
		lseek(s.fd, 0, SEEK_END);
	if (r == 0)
		r = follow(&s, e);
	auto_close_fn(&s.fd);
	view_text_free(&s.rest);
	view_text_free(&s.out);
	return r;
}

#define EVENTS(words, hidden)                                                                 \
	{                                                                                     \
		.name = (words), .usage = "", .help = "Show what happens, as it happens",     \
		.group = "system", .options = options, .values_size = sizeof(struct options), \
		.is_hidden = (hidden), .main = events_main,                                   \
	}
const struct command cmd_events = EVENTS("events", false);
const struct command cmd_system_events = EVENTS("system events", true);
