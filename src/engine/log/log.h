/* SPDX-License-Identifier: Apache-2.0 */
/* A container's log: written by its monitor, rotated, read by `berth logs`. */
#ifndef BERTH_ENGINE_LOG_LOG_H
#define BERTH_ENGINE_LOG_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct record;

/*
 * Theory of operation
 *
 * json-file: log.json, log.json.1, ... (newest first) in the container's folder; a line is
 * {"log":"TEXT\n","stream":"stdout","time":"RFC3339 with nanoseconds"}; a text longer than 16 KiB or without
 * its newline at log_writer_flush_parts is a part: the "log" has no newline at its end and the next line of the
 * stream goes on. A byte that is no UTF-8 is written as the lone surrogate \udcXX, which tools that know
 * Docker's files show as U+FFFD, as Docker does, and from which we (and Python's surrogateescape) get the very
 * byte back. Rotation renames
 * log.json to log.json.1 with the next number up first, then makes a new log.json: a reader that follows keeps
 * its descriptor, reads it to the end once a new log.json exists (another inode), then goes on there: no line
 * is lost or shown twice.
 */

struct log_writer; /* opaque */

/* dir_fd: the container's folder (kept). Drivers none and passthrough give a writer that drops. */
int log_writer_open(int dir_fd, const struct record *r, struct log_writer **ret, struct err *e);
/* Bytes of stream 1 or 2 as they came. time_ns CLOCK_REALTIME. Nothing is buffered beyond an unfinished line
 * and a batch that log_writer_flush writes. A full disk: lines are dropped and counted, the container goes on. */
int log_writer_put(struct log_writer *w, int stream, const char *data, size_t n, int64_t time_ns);
int log_writer_flush(struct log_writer *w);
/* The same, and unfinished lines are written as parts: for when nothing more came for a while. */
int log_writer_flush_parts(struct log_writer *w);
/* Is there an unfinished line, or a batch that could not be written yet (mode drop-oldest)? */
bool log_writer_is_waiting(const struct log_writer *w);
/* Lines that are lost: dropped by drop-oldest, for a full disk, or for a journal that does not answer. */
int64_t log_writer_dropped(const struct log_writer *w);
void log_writer_close(struct log_writer *w);

struct log_query {
	int64_t since_ns, until_ns; /* 0: no bound; CLOCK_REALTIME */
	int64_t tail;               /* lines; -1: all */
	bool follows, shows_time, shows_details;
	bool wants_out, wants_err;
};
/* Writes the log to our descriptors 1 and 2. With follows: until the container's end (its lock is free) or a
 * signal. */
int log_print(int dir_fd, const struct record *r, const struct log_query *q, struct err *e);

#endif
