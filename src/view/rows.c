/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as a table, by a template, as JSON or as one member each. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "view/value.h"

enum { GAP = 3 };

/* ---- alignment ----------------------------------------------------------------------------------- */

/* Lines of cells with a tab between them. */
struct table {
	size_t *width, n, room;
};

static void measure(struct table *t, const char *text, struct arena *a)
{
	size_t column = 0;

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\t\n"), width = text_width(p, n);

		if (column == t->n && t->n == t->room) {
			t->width = arena_grow(a, t->width, t->room * sizeof(*t->width),
					      (t->room + 16) * sizeof(*t->width));
			t->room += 16;
		}
		t->n += column == t->n;
		if (p[n] == '\t' && width > t->width[column])
			t->width[column] = width;
		column = p[n] == '\t' ? column + 1 : 0;
		p += n + (p[n] != '\0');
	}
}

static void pad(struct view_text *to, size_t n)
{
	while (n-- > 0)
		view_append(to, " ", 1);
}

/* columns may be NULL: all to the left. */
static void align(const char *text, const struct view_column *columns, struct view_text *to)
{
	auto_arena struct arena a = {0};
	struct table t = {0};
	size_t column = 0;

	measure(&t, text, &a);
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\t\n"), width = text_width(p, n);
		size_t room = t.width[column] > width ? t.width[column] - width : 0;
		bool is_right = columns && columns[column].is_right, is_last = p[n] != '\t';

		pad(to, is_right ? room : 0);
		view_append(to, p, n);
		pad(to, is_last ? 0 : (is_right ? 0 : room) + GAP);
		if (p[n] == '\n')
			view_append(to, "\n", 1);
		column = is_last ? 0 : column + 1;
		p += n + (p[n] != '\0');
	}
}

/* A cell cannot hold what separates cells. */
static void put_cell(const char *s, size_t n, struct view_text *to)
{
	for (size_t i = 0; i < n; i++)
		view_append(to, s[i] == '\t' || s[i] == '\n' ? " " : s + i, 1);
}

/* ---- columns ------------------------------------------------------------------------------------- */

static int add_row(const struct view_column *columns, const struct view_value *row,
		   struct view_text *to, struct err *e)
{
	for (const struct view_column *c = columns; c->head; c++) {
		const struct view_value *v = view_get(row, c->key);
		auto_view_text struct view_text cell = {0};

		if (!v)
			return err_say(e, -EINVAL, "a row has no %s", c->key);
		value_print(v, &cell);
		put_cell(cell.buf ? cell.buf : "", cell.len, to);
		view_append(to, c[1].head ? "\t" : "\n", 1);
	}
	return 0;
}

static int add_columns(const struct view_list *l, const struct view_value *rows, size_t n,
		       struct view_text *ret, struct err *e)
{
	auto_view_text struct view_text text = {0};
	int r = 0;

	for (const struct view_column *c = l->columns; c->head && !l->no_heading; c++) {
		view_append(&text, c->head, strlen(c->head));
		view_append(&text, c[1].head ? "\t" : "\n", 1);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_row(l->columns, &rows[i], &text, e);
	if (r == 0 && text.buf)
		align(text.buf, l->columns, ret);
	return r;
}

/* ---- templates ----------------------------------------------------------------------------------- */

/* "CreatedAt" gives "CREATED AT", "ID" stays. */
static const char *head_of(const char *key, struct arena *a)
{
	char *head = arena_alloc(a, strlen(key) * 2 + 1);
	size_t n = 0;

	for (size_t i = 0; key[i]; i++) {
		bool is_start =
			i && isupper((unsigned char)key[i]) && islower((unsigned char)key[i - 1]);

		if (is_start)
			head[n++] = ' ';
		head[n++] = (char)toupper((unsigned char)key[i]);
	}
	return head;
}

struct view_value value_heads(const struct view_column *columns, const struct view_value *row,
			      struct arena *a)
{
	size_t room = row ? row->n : 0, n = 0;
	struct view_value heads = {.kind = VIEW_OBJECT};

	for (const struct view_column *c = columns; c->head; c++)
		room++;
	heads.keys = arena_array(a, room + 1, sizeof(*heads.keys));
	heads.items = arena_array(a, room + 1, sizeof(*heads.items));
	for (const struct view_column *c = columns; c->head; c++, n++) {
		heads.keys[n] = c->key;
		heads.items[n] = (struct view_value){.kind = VIEW_STRING, .text = c->head};
	}
	heads.n = n;
	for (size_t i = 0; row && i < row->n; i++) {
		if (view_get(&heads, row->keys[i]))
			continue;
		heads.keys[n] = row->keys[i];
		heads.items[n] =
			(struct view_value){.kind = VIEW_STRING, .text = head_of(row->keys[i], a)};
		heads.n = ++n;
	}
	return heads;
}

static int add_template(const char *template, const struct view_value *rows, size_t n,
			struct view_text *to, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = view_template(template, &rows[i], to, e);
		if (r == 0)
			view_append(to, "\n", 1);
	}
	return r;
}

static int add_template_table(const struct view_list *l, const char *template,
			      const struct view_value *rows, size_t n, struct view_text *ret,
			      struct err *e)
{
	auto_arena struct arena a = {0};
	auto_view_text struct view_text text = {0};
	struct view_value heads = value_heads(l->columns, n ? &rows[0] : NULL, &a);
	struct err why = {0};
	int r = l->no_heading ? 0 : add_template(template, &heads, 1, &text, &why);

	/* Without rows it is not known which other fields there are. */
	if (r < 0 && n && e)
		*e = why;
	if (r < 0)
		return n ? r : 0;
	r = add_template(template, rows, n, &text, e);
	if (r == 0 && text.buf)
		align(text.buf, NULL, ret);
	return r;
}

/* ---- all ----------------------------------------------------------------------------------------- */

static int add_member(const char *key, const struct view_value *rows, size_t n,
		      struct view_text *ret, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const struct view_value *v = view_get(&rows[i], key);

		if (!v)
			return err_say(e, -EINVAL, "a row has no %s", key);
		value_print(v, ret);
		view_append(ret, "\n", 1);
	}
	return 0;
}

static int add_json(const struct view_value *rows, size_t n, struct view_text *ret)
{
	for (size_t i = 0; i < n; i++) {
		auto_json_writer struct json_writer w = {0};

		value_write_json(&rows[i], &w);
		view_append(ret, w.buf, w.len);
		view_append(ret, "\n", 1);
	}
	return 0;
}

int view_rows(const struct view_list *l, const struct view_value *rows, size_t n,
	      struct view_text *ret, struct err *e)
{
	const char *format = l->format;

	if (l->quiet_key && (!format || str_eq(format, "table")))
		return add_member(l->quiet_key, rows, n, ret, e);
	if (!format || !*format || str_eq(format, "table"))
		return add_columns(l, rows, n, ret, e);
	if (str_eq(format, "json"))
		return add_json(rows, n, ret);
	if (str_starts(format, "table "))
		return add_template_table(l, format + strlen("table "), rows, n, ret, e);
	return add_template(format, rows, n, ret, e);
}
