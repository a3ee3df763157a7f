/* SPDX-License-Identifier: Apache-2.0 */
/* How far it is: bars on a terminal, one line for each finished thing in a pipe, nothing where it is to be quiet. */
#ifndef BERTH_IMAGE_PROGRESS_H
#define BERTH_IMAGE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Theory of operation
 *
 * Rows are in the order in which they were made. On a terminal those from the first unfinished one on are drawn
 * again and again, as many as fit; what lies above is final and scrolls away like any text.
 */

struct progress;

/* fd: where to; not closed. Never NULL. */
struct progress *progress_open(int fd, bool is_quiet);
/* Draws the last state and frees. NULL: nothing. */
void progress_close(struct progress *p);
static inline void progress_close_fn(struct progress **p)
{
	progress_close(*p);
}
#define auto_progress __attribute__((cleanup(progress_close_fn)))

/* A line of its own, above the rows that are under way. */
void progress_line(struct progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds a row; label is copied. Returns its number. */
size_t progress_row(struct progress *p, const char *label);
/* status: a constant. total -1: unknown. */
void progress_set(struct progress *p, size_t row, const char *status, int64_t now, int64_t total);
/* The row has come to its end. */
void progress_done(struct progress *p, size_t row, const char *status);

/* Pure: "1.2MB", as Docker writes it (powers of 1000, three digits). */
void progress_size(int64_t bytes, char ret[16]);
/* Pure: one row as text of at most width columns. now -1: no bar. */
void progress_print(const char *label, const char *status, int64_t now, int64_t total,
		    unsigned width, char *ret, size_t size);

#endif
