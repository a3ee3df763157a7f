/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON writer: compact, or a line a value. */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

static void put(struct json_writer *w, const char *s, size_t n)
{
	if (w->len + n + 1 > w->size) {
		size_t size = w->size ? w->size : 512;

		while (size < w->len + n + 1)
			size *= 2;
		w->buf = realloc(w->buf, size);
		if (!w->buf)
			abort(); /* as the arena does: there is nothing left to report with */
		w->size = size;
	}
	memcpy(w->buf + w->len, s, n);
	w->len += n;
	w->buf[w->len] = '\0';
}

static void put_text(struct json_writer *w, const char *s)
{
	put(w, s, strlen(s));
}

static void new_line(struct json_writer *w)
{
	unsigned n = w->is_tabbed ? w->depth : w->depth * w->indent;

	if (!w->is_pretty)
		return;
	put(w, "\n", 1);
	while (n--)
		put(w, w->is_tabbed ? "\t" : " ", 1);
}

static bool is_in_object(const struct json_writer *w)
{
	return w->depth && w->objects & 1ull << (w->depth - 1);
}

/* What stands before a value: nothing after a key, else the comma and the line of an element. */
static void begin_value(struct json_writer *w)
{
	assert(w->has_key == is_in_object(w));
	if (w->has_key) {
		w->has_key = false;
		return;
	}
	if (!w->depth)
		return;
	if (w->needs_comma)
		put(w, ",", 1);
	new_line(w);
}

static void put_value(struct json_writer *w, const char *s)
{
	begin_value(w);
	put_text(w, s);
	w->needs_comma = true;
}

static void begin(struct json_writer *w, bool is_object)
{
	begin_value(w);
	assert(w->depth < JSON_DEPTH_MAX);
	if (is_object)
		w->objects |= 1ull << w->depth;
	else
		w->objects &= ~(1ull << w->depth);
	put(w, is_object ? "{" : "[", 1);
	w->depth++;
	w->needs_comma = false;
}

static void end(struct json_writer *w, bool is_object)
{
	assert(w->depth && !w->has_key && is_in_object(w) == is_object);
	w->depth--;
	if (w->needs_comma)
		new_line(w);
	put(w, is_object ? "}" : "]", 1);
	w->needs_comma = true;
}

void json_begin_object(struct json_writer *w)
{
	begin(w, true);
}

void json_end_object(struct json_writer *w)
{
	end(w, true);
}

void json_begin_array(struct json_writer *w)
{
	begin(w, false);
}

void json_end_array(struct json_writer *w)
{
	end(w, false);
}

static void put_escaped(struct json_writer *w, unsigned char c)
{
	static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	char text[8];

	for (const char *p = letters; *p; p += 2)
		if ((unsigned char)p[0] == c) {
			put(w, (char[]){'\\', p[1]}, 2);
			return;
		}
	snprintf(text, sizeof(text), "\\u%04x", c);
	put_text(w, text);
}

static void put_quoted(struct json_writer *w, const char *s)
{
	const char *from = s;

	put(w, "\"", 1);
	while (*s) {
		unsigned char c = (unsigned char)*s;
		size_t n = c < 0x80 ? 1 : utf8_length(s);

		if (n && c >= ' ' && c != '"' && c != '\\' && c != 0x7f) {
			s += n;
			continue;
		}
		put(w, from, (size_t)(s - from));
		if (n)
			put_escaped(w, c);
		else
			put_text(w, "\xef\xbf\xbd");
		from = ++s;
	}
	put(w, from, (size_t)(s - from));
	put(w, "\"", 1);
}

void json_key(struct json_writer *w, const char *key)
{
	assert(is_in_object(w) && !w->has_key);
	if (w->needs_comma)
		put(w, ",", 1);
	new_line(w);
	put_quoted(w, key);
	put_text(w, w->is_pretty ? ": " : ":");
	w->has_key = true;
}

void json_string(struct json_writer *w, const char *s)
{
	if (!s) {
		json_null(w);
		return;
	}
	begin_value(w);
	put_quoted(w, s);
	w->needs_comma = true;
}

void json_int(struct json_writer *w, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, v);
	put_value(w, text);
}

void json_uint(struct json_writer *w, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	put_value(w, text);
}

void json_bool(struct json_writer *w, bool v)
{
	put_value(w, v ? "true" : "false");
}

void json_double(struct json_writer *w, double v)
{
	char text[40];

	/* JSON has no word for infinity or for "not a number". */
	if (!isfinite(v)) {
		json_null(w);
		return;
	}
	/* The shorter form where it reads back as the same value: 0.1, not 0.10000000000000001. */
	snprintf(text, sizeof(text), "%.15g", v);
	if (strtod(text, NULL) < v || strtod(text, NULL) > v)
		snprintf(text, sizeof(text), "%.17g", v);
	put_value(w, text);
}

void json_null(struct json_writer *w)
{
	put_value(w, "null");
}

void json_raw(struct json_writer *w, const char *text)
{
	put_value(w, text);
}

void json_put_string(struct json_writer *w, const char *key, const char *s)
{
	json_key(w, key);
	json_string(w, s);
}

void json_put_int(struct json_writer *w, const char *key, int64_t v)
{
	json_key(w, key);
	json_int(w, v);
}

void json_put_uint(struct json_writer *w, const char *key, uint64_t v)
{
	json_key(w, key);
	json_uint(w, v);
}

void json_put_bool(struct json_writer *w, const char *key, bool v)
{
	json_key(w, key);
	json_bool(w, v);
}

void json_writer_free(struct json_writer *w)
{
	free(w->buf);
	w->buf = NULL;
	w->len = w->size = 0;
}
