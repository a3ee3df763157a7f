/* SPDX-License-Identifier: Apache-2.0 */
/* Values as text, as JSON, as true or false, and against each other. */
#include "view/value.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static void put(struct view_text *to, const char *s)
{
	view_append(to, s, strlen(s));
}

static void print_object(const struct view_value *v, struct view_text *to)
{
	const char *last = NULL;

	/* Sorted, as Go does it: the next larger key each time. They are few. */
	put(to, "map[");
	for (size_t k = 0; k < v->n; k++) {
		size_t next = v->n;

		for (size_t i = 0; i < v->n; i++)
			if ((!last || strcmp(v->keys[i], last) > 0) &&
			    (next == v->n || strcmp(v->keys[i], v->keys[next]) < 0))
				next = i;
		if (next == v->n)
			break;
		put(to, k ? " " : "");
		put(to, v->keys[next]);
		put(to, ":");
		value_print(&v->items[next], to);
		last = v->keys[next];
	}
	put(to, "]");
}

void value_print(const struct view_value *v, struct view_text *to)
{
	switch (v->kind) {
	case VIEW_NULL:
		put(to, "<no value>");
		return;
	case VIEW_BOOL:
		put(to, v->is_true ? "true" : "false");
		return;
	case VIEW_NUMBER:
	case VIEW_STRING:
		put(to, v->text);
		return;
	case VIEW_LIST:
		put(to, "[");
		for (size_t i = 0; i < v->n; i++) {
			put(to, i ? " " : "");
			value_print(&v->items[i], to);
		}
		put(to, "]");
		return;
	case VIEW_OBJECT:
		print_object(v, to);
		return;
	}
}

void value_write_json(const struct view_value *v, struct json_writer *w)
{
	switch (v->kind) {
	case VIEW_NULL:
		json_null(w);
		return;
	case VIEW_BOOL:
		json_bool(w, v->is_true);
		return;
	case VIEW_NUMBER:
		json_raw(w, v->text);
		return;
	case VIEW_STRING:
		json_string(w, v->text);
		return;
	case VIEW_LIST:
		json_begin_array(w);
		for (size_t i = 0; i < v->n; i++)
			value_write_json(&v->items[i], w);
		json_end_array(w);
		return;
	case VIEW_OBJECT:
		json_begin_object(w);
		for (size_t i = 0; i < v->n; i++) {
			json_key(w, v->keys[i]);
			value_write_json(&v->items[i], w);
		}
		json_end_object(w);
		return;
	}
}

bool value_is_true(const struct view_value *v)
{
	switch (v->kind) {
	case VIEW_NULL:
		return false;
	case VIEW_BOOL:
		return v->is_true;
	case VIEW_NUMBER:
		return strtod(v->text, NULL) != 0;
	case VIEW_STRING:
		return v->text[0] != '\0';
	default:
		return v->n > 0;
	}
}

int value_compare(const struct view_value *x, const struct view_value *y)
{
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	switch (x->kind) {
	case VIEW_NULL:
		return 0;
	case VIEW_BOOL:
		return (int)x->is_true - (int)y->is_true;
	case VIEW_NUMBER: {
		double a = strtod(x->text, NULL), b = strtod(y->text, NULL);

		return a < b ? -1 : a > b;
	}
	case VIEW_STRING:
		return strcmp(x->text, y->text);
	default:
		return x->n < y->n ? -1 : 1;
	}
}

size_t text_width(const char *s, size_t n)
{
	size_t width = 0;

	for (size_t i = 0; i < n; i++)
		width += ((unsigned char)s[i] & 0xc0) != 0x80;
	return width;
}
