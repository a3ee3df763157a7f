/* SPDX-License-Identifier: Apache-2.0 */
/* Inside log/: one line of log.json taken apart. */
#ifndef BERTH_ENGINE_LOG_LINE_H
#define BERTH_ENGINE_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

/* Pointers into the line. */
struct log_line {
	const char *text; /* still escaped */
	size_t text_n;
	const char *time; /* RFC 3339 */
	size_t time_n;
	const char *attrs; /* an object, or NULL */
	size_t attrs_n;
	bool is_err;
	bool ends; /* the text ends with a newline: no part of a line that goes on */
};

/* n bytes without the newline. Returns 0 or -EINVAL: no entry (a foreign or damaged line). */
int log_line_parse(const char *line, size_t n, struct log_line *ret);

/* The bytes that the container wrote; to has room for text_n bytes. Returns how many. */
size_t log_line_unescape(const struct log_line *l, char *to);

#endif
