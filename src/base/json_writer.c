/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON writer: compact, or a line a value. */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/utf8.h"

/* Room for n bytes and the NUL. */
static void reserve(struct json_writer *w, size_t n)
{
	size_t size = w->size ? w->size : 1024;

	if (w->len + n + 1 <= w->size)
		return;
	while (size < w->len + n + 1)
		size *= 4;
	w->buf = realloc(w->buf, size);
	if (!w->buf)
		arena_out_of_memory();
	w->size = size;
}

static void put(struct json_writer *w, const char *s, size_t n)
{
	reserve(w, n);
	memcpy(w->buf + w->len, s, n);
	w->len += n;
	w->buf[w->len] = '\0';
}

/* Apart from put, since musl's memcpy takes 100 ns for however few bytes. */
static void put_char(struct json_writer *w, char c)
{
	reserve(w, 1);
	w->buf[w->len++] = c;
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
	put_char(w, '\n');
	while (n--)
		put_char(w, w->is_tabbed ? '\t' : ' ');
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
		put_char(w, ',');
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
	put_char(w, is_object ? '{' : '[');
	w->depth++;
	w->needs_comma = false;
}

static void end(struct json_writer *w, bool is_object)
{
	assert(w->depth && !w->has_key && is_in_object(w) == is_object);
	w->depth--;
	if (w->needs_comma)
		new_line(w);
	put_char(w, is_object ? '}' : ']');
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
	reserve(w, strlen(s) + 2);
	w->buf[w->len++] = '"';
	while (*s) {
		unsigned char c = (unsigned char)*s;
		size_t n = c < 0x80 ? 1 : utf8_length(s);

		/* Nearly always, and there is room for it unless another kind came before. */
		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\' && w->len + 1 < w->size)
			w->buf[w->len++] = (char)c;
		else if (c >= ' ' && c < 0x7f && c != '"' && c != '\\')
			put_char(w, (char)c);
		else if (c < 0x80)
			put_escaped(w, c);
		else if (n)
			put(w, s, n);
		else
			put_text(w, "\xef\xbf\xbd");
		s += n ? n : 1;
	}
	put_char(w, '"');
}

void json_key(struct json_writer *w, const char *key)
{
	assert(is_in_object(w) && !w->has_key);
	if (w->needs_comma)
		put_char(w, ',');
	new_line(w);
	put_quoted(w, key);
	put_char(w, ':');
	if (w->is_pretty)
		put_char(w, ' ');
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
