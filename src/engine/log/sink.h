/* SPDX-License-Identifier: Apache-2.0 */
/* Inside log/: where finished lines go. */
#ifndef BERTH_ENGINE_LOG_SINK_H
#define BERTH_ENGINE_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct record;
struct sink;

#define LOG_FILE "log.json"

enum {
	LOG_PART = 16384, /* bytes of one entry, as Docker splits them */
	LOG_BATCH =
		131072, /* bytes that wait for a write; an entry of LOG_PART bytes, escaped, has room */
};

/* One entry: a line with its newline, or a part of one without. */
struct log_entry {
	const char *text;
	size_t n;
	int stream; /* 1 or 2 */
	bool is_part;
	int64_t time_ns;
};

/* put: -errno where the entry is lost (it is counted). flush: 0, or -EAGAIN: later. */
struct sink_ops {
	int (*open)(int dir_fd, const struct record *r, struct sink **ret, struct err *e);
	int (*put)(struct sink *s, const struct log_entry *entry);
	int (*flush)(struct sink *s);
	bool (*is_waiting)(const struct sink *s);
	int64_t (*dropped)(const struct sink *s);
	void (*close)(struct sink *s);
};

extern const struct sink_ops sink_json_file, sink_journald;

/* Writes n bytes of text as the inside of a JSON string; to has room for 6 * n. Returns the length. */
size_t log_escape(char *to, const char *text, size_t n);

/* "2026-01-02T03:04:05.000000006Z" (30 bytes and a NUL). */
void log_time_text(int64_t ns, char ret[31]);

/* How many bytes at the end of text begin a UTF-8 character that is not whole: 0 to 3. */
size_t log_cut_character(const char *text, size_t n);

#endif
