/* SPDX-License-Identifier: Apache-2.0 */
/* From rows of JSON to what a person or a script reads: tables, templates, filters, quantities. */
#ifndef BERTH_VIEW_VIEW_H
#define BERTH_VIEW_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct arena;
struct err;

/* A value of JSON as a tree; everything in the arena. */
enum view_kind { VIEW_NULL, VIEW_BOOL, VIEW_NUMBER, VIEW_STRING, VIEW_LIST, VIEW_OBJECT };
struct view_value {
	enum view_kind kind;
	bool is_true;
	const char *text;  /* string; a number as it was written */
	const char **keys; /* object; in document order */
	struct view_value *items;
	size_t n;
};
int view_parse(const char *text, size_t n, struct arena *a, struct view_value *ret, struct err *e);
/* By key, NULL where there is none; a key that differs only in case is found as a last resort. */
const struct view_value *view_get(const struct view_value *v, const char *key);

/* Go's text/template as people use it with --format: {{.A.B}} {{index .A "k"}} {{json .}} {{len .A}} {{join
 * .A ","}} {{upper .A}} {{lower .A}} {{println .A}} {{range .A}}..{{else}}..{{end}} {{range $k, $v := .A}}
 * {{if .A}}..{{else if ..}}..{{end}} {{with .A}}..{{end}} {{eq .A "x"}} ne and or not, pipes, {{- -}},
 * strings with \t \n; and outside actions the words \t and \n, as Docker has them. An unknown function or
 * field name of no row is an error that names it. Appends to *ret. */
struct view_text {
	char *buf;
	size_t len, size;
};
void view_text_free(struct view_text *t);
#define auto_view_text __attribute__((cleanup(view_text_free)))
void view_append(struct view_text *t, const char *s, size_t n);
int view_template(const char *template, const struct view_value *v, struct view_text *ret,
		  struct err *e);

/* Rows (objects) as aligned columns: three blanks between, upper-case heads. */
struct view_column {
	const char *head; /* "CONTAINER ID" */
	const char *key;  /* "ID": member of the row */
	bool is_right;
};
/* What the --format, --no-trunc, -q and --noheading of the list commands ask for. */
struct view_list {
	const struct view_column *columns; /* ends with a row without head */
	const char *
		format; /* NULL or "table": columns; "json": one object a line; "table TEMPLATE"; TEMPLATE */
	const char *quiet_key; /* -q: this member alone, NULL: not asked for */
	bool no_heading;
};
int view_rows(const struct view_list *l, const struct view_value *rows, size_t n,
	      struct view_text *ret, struct err *e);

/* --filter KEY=VALUE and --filter KEY!=VALUE: values of one key are alternatives, keys must all agree. match gets
 * one; returns 1, 0 or -errno (-EINVAL: no such key, it fills *e). Returns 1 where the row stays. */
int view_filter(const struct str_slice *filters,
		int (*match)(void *arg, const char *key, const char *value, struct err *e),
		void *arg, struct err *e);

/* "3 minutes ago", "About an hour", as go-units' HumanDuration; "12.3MB" (powers of 1000, 4 significant digits),
 * "64MiB" (powers of 1024). All in the arena. */
const char *view_ago(int64_t ns, int64_t now_ns, struct arena *a);
const char *view_duration(int64_t ns, struct arena *a);
const char *view_size(int64_t bytes, struct arena *a);
const char *view_binary_size(int64_t bytes, struct arena *a);

#endif
