/* SPDX-License-Identifier: Apache-2.0 */
/* Inside view/: what templates and tables do with values. */
#ifndef BERTH_VIEW_VALUE_H
#define BERTH_VIEW_VALUE_H

#include "view/view.h"

struct json_writer;

/* As Go's templates print it: a list is [a b], an object map[k:v], null "<no value>". */
void value_print(const struct view_value *v, struct view_text *to);
void value_write_json(const struct view_value *v, struct json_writer *w);
/* Neither false nor null nor zero nor empty. */
bool value_is_true(const struct view_value *v);
/* Less than 0, 0 or more: numbers by value, others as text. Different kinds are never 0. */
int value_compare(const struct view_value *x, const struct view_value *y);
/* How many characters it takes on a terminal, one for each code point. */
size_t text_width(const char *s, size_t n);

/* functions.c: calls one by name; piped values are the last argument. -ENOENT: there is none of that name. */
int function_call(const char *name, const struct view_value *args, size_t n, struct arena *a,
		  struct view_value *ret, struct err *e);

/* The names of fields that a template asks its rows for, as heads: "{{.CreatedAt}}" gives "CREATED AT". */
struct view_value value_heads(const struct view_column *columns, const struct view_value *row,
			      struct arena *a);

#endif
