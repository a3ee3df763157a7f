/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of bytes made into lines and parts of lines, for whichever driver keeps them. */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/record.h"
#include "engine/log/log.h"
#include "engine/log/sink.h"

/* An unfinished line. */
struct unfinished {
	char *text; /* LOG_PART bytes; made when first needed: most programs write whole lines */
	size_t n;
	int64_t time_ns;
};

struct log_writer {
	const struct sink_ops *ops; /* NULL: everything is dropped on purpose */
	struct sink *sink;
	struct unfinished unfinished[2];
	int64_t lost;
};

static const struct {
	const char *name;
	const struct sink_ops *ops;
} drivers[] = {
	{"json-file", &sink_json_file},
	{"journald", &sink_journald},
	{"none", NULL},
	{"passthrough", NULL},
};

int log_writer_open(int dir_fd, const struct record *r, struct log_writer **ret, struct err *e)
{
	const char *driver = r->log.driver ? r->log.driver : "json-file";
	auto_free struct log_writer *w = calloc(1, sizeof(*w));
	size_t i = 0;
	int rc;

	if (!w)
		return err_sys(e, -ENOMEM, "open the log");
	while (i < ARRAY_LEN(drivers) && !str_eq(drivers[i].name, driver))
		i++;
	if (i == ARRAY_LEN(drivers))
		return err_say(e, -EINVAL,
			       "unknown log driver \"%s\" (json-file, journald, none, passthrough)",
			       driver);
	w->ops = drivers[i].ops;
	rc = w->ops ? w->ops->open(dir_fd, r, &w->sink, e) : 0;
	if (rc < 0)
		return rc;
	*ret = TAKE_PTR(w);
	return 0;
}

static int emit(struct log_writer *w, int stream, const char *text, size_t n, int64_t time_ns)
{
	struct log_entry entry = {.text = text,
				  .n = n,
				  .stream = stream,
				  .is_part = text[n - 1] != '\n',
				  .time_ns = time_ns};

	return w->ops->put(w->sink, &entry);
}

/* Writes what is there of an unfinished line; the first bytes of a character wait for the others unless
 * that is all. */
static int emit_part(struct log_writer *w, int stream)
{
	struct unfinished *u = &w->unfinished[stream - 1];
	size_t keep = log_cut_character(u->text, u->n), n = u->n - keep;
	int r;

	if (n == 0) {
		n = u->n;
		keep = 0;
	}
	r = emit(w, stream, u->text, n, u->time_ns);
	memmove(u->text, u->text + n, keep);
	u->n = keep;
	return r;
}

/* n bytes that end with the line's newline, or go on. */
static int add(struct log_writer *w, int stream, const char *data, size_t n, int64_t time_ns)
{
	struct unfinished *u = &w->unfinished[stream - 1];
	int r = 0, rc;

	if (u->n == 0 && n <= LOG_PART && data[n - 1] == '\n')
		return emit(w, stream, data, n, time_ns);
	if (!u->text && !(u->text = malloc(LOG_PART))) {
		w->lost++;
		return -ENOMEM;
	}
	while (n > 0) {
		size_t room = LOG_PART - u->n, take = n < room ? n : room;

		if (u->n == 0)
			u->time_ns = time_ns;
		memcpy(u->text + u->n, data, take);
		u->n += take;
		data += take;
		n -= take;
		rc = 0;
		if (u->text[u->n - 1] == '\n') {
			rc = emit(w, stream, u->text, u->n, u->time_ns);
			u->n = 0;
		} else if (u->n == LOG_PART) {
			rc = emit_part(w, stream);
			u->time_ns = time_ns;
		}
		if (rc < 0)
			r = rc;
	}
	return r;
}

int log_writer_put(struct log_writer *w, int stream, const char *data, size_t n, int64_t time_ns)
{
	int r = 0;

	while (w->ops && n > 0) {
		const char *newline = memchr(data, '\n', n);
		size_t take = newline ? (size_t)(newline - data) + 1 : n;
		int rc = add(w, stream, data, take, time_ns);

		if (rc < 0)
			r = rc;
		data += take;
		n -= take;
	}
	return r;
}

int log_writer_flush(struct log_writer *w)
{
	return w->ops ? w->ops->flush(w->sink) : 0;
}

int log_writer_flush_parts(struct log_writer *w)
{
	for (int stream = 1; w->ops && stream <= 2; stream++)
		if (w->unfinished[stream - 1].n > 0)
			emit_part(w, stream);
	return log_writer_flush(w);
}

bool log_writer_is_waiting(const struct log_writer *w)
{
	return w->ops && (w->unfinished[0].n || w->unfinished[1].n || w->ops->is_waiting(w->sink));
}

int64_t log_writer_dropped(const struct log_writer *w)
{
	return w->lost + (w->ops ? w->ops->dropped(w->sink) : 0);
}

void log_writer_close(struct log_writer *w)
{
	if (!w)
		return;
	for (int stream = 1; w->ops && stream <= 2; stream++)
		while (w->unfinished[stream - 1].n > 0)
			emit_part(w, stream);
	if (w->ops)
		w->ops->close(w->sink);
	free(w->unfinished[0].text);
	free(w->unfinished[1].text);
	free(w);
}
