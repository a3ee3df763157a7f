/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner below json_decode: strict RFC 8259, value by value. Only base/json_*.c include it. */
#ifndef BERTH_BASE_JSON_SCAN_H
#define BERTH_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/*
 * Theory of operation
 *
 * The text is scanned once, in a private copy that ends with NUL bytes. No valid document holds a
 * NUL, so it stops every loop and nothing needs a bounds check. Strings are unescaped where they
 * are and end with a NUL over their closing quote: reading one costs no copy. Errors tell places in
 * `original`, which stays as the caller gave it.
 *
 * Every function that returns int returns 0, or -EINVAL with *e filled.
 */
struct json_scan {
	char *p, *start, *end;
	const char *original;
	const char *document;
	struct err *e;
};

struct json_number {
	uint64_t magnitude;
	bool is_negative;
	bool is_integer;  /* neither fraction nor exponent */
	bool is_too_long; /* magnitude does not hold it */
	size_t at, len;   /* where it is written in `original` */
};

/* Room behind the copy of the text: the scanner looks at eight bytes at once. */
enum { JSON_SCAN_PAD = 16 };

/* After white space: the next byte, NUL at the end. */
static inline char json_scan_peek(struct json_scan *s)
{
	char *p = s->p;

	while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')
		p++;
	s->p = p;
	return *p;
}

/* Takes the byte c after white space, or says what was wanted: "':'". */
int json_scan_expect(struct json_scan *s, char c, const char *wanted);

/* Takes a string (the opening quote is next); *ret lives in the copy. ret_len may be NULL. */
int json_scan_string(struct json_scan *s, const char **ret, size_t *ret_len);

/* Takes a number (a digit or "-" is next). */
int json_scan_number(struct json_scan *s, struct json_number *ret);

/* Takes true, false or null: the first letter is next. *ret is that letter. */
int json_scan_literal(struct json_scan *s, char *ret);

/* Takes and checks any value at `depth` (0: the document's own). */
int json_scan_skip(struct json_scan *s, unsigned depth);

/* After an element: takes "," (returns 1) or the closing byte (returns 0). */
int json_scan_next(struct json_scan *s, char closing);

/* Refuses a value nested too deeply. */
int json_scan_depth(struct json_scan *s, unsigned depth);

/* Only white space may follow. */
int json_scan_end(struct json_scan *s);

/* Fills the error "DOCUMENT: line L byte B: expected WANTED, found 'x'". */
int json_scan_fail(struct json_scan *s, const char *at, const char *wanted);

#endif
