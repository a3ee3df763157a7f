/* SPDX-License-Identifier: Apache-2.0 */
/* An error as a value of fixed size: object, reason and, where known, the mend. */
#ifndef BERTH_BASE_ERR_H
#define BERTH_BASE_ERR_H

#include <stdarg.h>

/*
 * Theory of operation
 *
 * Functions return >= 0 or -errno. Who knows the object that failed fills `struct err` once, the
 * callers above only hand the number on. The value has a fixed size and no pointers, so a child can
 * send it to its parent as it is. Only programs (src/bin) print it. Every function here takes a NULL
 * err and then just returns the number.
 */
struct err {
	int code;        /* positive errno; 0: not filled */
	char text[1020]; /* one line, lower case, no full stop at the end */
};

/* Fills *e with "TEXT: REASON", the reason being the text of errno -r in lower case ("no such file
 * or directory", as runc's callers expect). r is -errno. Returns r. An error already filled stays. */
int err_sys(struct err *e, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Fills *e with TEXT alone, for reasons that errno cannot tell. r is -errno. Returns r. An error
 * already filled stays. */
int err_say(struct err *e, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "PREFIX: " before the text of a filled error, for a caller that knows the larger object.
 * Returns -e->code. */
int err_within(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The text of errno `code` (positive) in lower case; a static string or one in a thread's buffer. */
const char *err_text(int code);

#endif
