/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as a tree of values. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "view/value.h"

struct list {
	const char **keys;
	struct view_value *items;
	size_t n, room;
};

static void grow(struct list *l, bool has_keys, struct arena *a)
{
	size_t room = l->room ? l->room * 2 : 8;

	if (l->n < l->room)
		return;
	l->items = arena_grow(a, l->items, l->room * sizeof(*l->items), room * sizeof(*l->items));
	if (has_keys)
		l->keys =
			arena_grow(a, l->keys, l->room * sizeof(*l->keys), room * sizeof(*l->keys));
	l->room = room;
}

static int parse_value(struct json_scan *s, unsigned depth, struct arena *a,
		       struct view_value *ret);

/* Members of an object or elements of a list; the opening byte is next. */
static int parse_members(struct json_scan *s, unsigned depth, struct arena *a,
			 struct view_value *ret)
{
	bool is_object = *s->p == '{';
	char closing = is_object ? '}' : ']';
	struct list l = {0};
	int r = json_scan_depth(s, depth);

	if (r < 0)
		return r;
	s->p++;
	r = json_scan_peek(s) != closing;
	if (!r)
		s->p++;
	while (r > 0) {
		grow(&l, is_object, a);
		if (is_object) {
			if (json_scan_peek(s) != '"')
				return json_scan_fail(s, s->p, "a name");
			r = json_scan_string(s, &l.keys[l.n], NULL);
			if (r == 0)
				r = json_scan_expect(s, ':', "':'");
			if (r < 0)
				return r;
		}
		r = parse_value(s, depth + 1, a, &l.items[l.n]);
		if (r < 0)
			return r;
		l.n++;
		r = json_scan_next(s, closing);
	}
	*ret = (struct view_value){.kind = is_object ? VIEW_OBJECT : VIEW_LIST,
				   .keys = l.keys,
				   .items = l.items,
				   .n = l.n};
	return r;
}

static int parse_number(struct json_scan *s, struct arena *a, struct view_value *ret)
{
	struct json_number number;
	int r = json_scan_number(s, &number);

	if (r == 0)
		*ret = (struct view_value){
			.kind = VIEW_NUMBER,
			.text = arena_strndup(a, s->original + number.at, number.len)};
	return r;
}

static int parse_literal(struct json_scan *s, struct view_value *ret)
{
	char letter;
	int r = json_scan_literal(s, &letter);

	if (r == 0)
		*ret = (struct view_value){.kind = letter == 'n' ? VIEW_NULL : VIEW_BOOL,
					   .is_true = letter == 't'};
	return r;
}

static int parse_value(struct json_scan *s, unsigned depth, struct arena *a, struct view_value *ret)
{
	struct view_value v = {.kind = VIEW_STRING};
	int r;

	switch (json_scan_peek(s)) {
	case '{':
	case '[':
		return parse_members(s, depth, a, ret);
	case '"':
		r = json_scan_string(s, &v.text, NULL);
		if (r == 0)
			*ret = v;
		return r;
	case 't':
	case 'f':
	case 'n':
		return parse_literal(s, ret);
	default:
		return parse_number(s, a, ret);
	}
}

int view_parse(const char *text, size_t n, struct arena *a, struct view_value *ret, struct err *e)
{
	struct json_scan s = {.original = text, .document = "JSON", .e = e};
	struct view_value v = {0};
	int r;

	if (n > JSON_SIZE_MAX)
		return err_say(e, -EFBIG, "JSON of %zu bytes is too large", n);
	/* Its strings are unescaped in place and stay: the copy is the arena's. */
	s.start = s.p = arena_alloc(a, n + JSON_SCAN_PAD);
	if (n)
		memcpy(s.start, text, n);
	s.end = s.start + n;
	r = parse_value(&s, 0, a, &v);
	if (r == 0)
		r = json_scan_end(&s);
	if (r == 0)
		*ret = v;
	return r;
}

const struct view_value *view_get(const struct view_value *v, const char *key)
{
	const struct view_value *similar = NULL;

	if (v->kind != VIEW_OBJECT)
		return NULL;
	for (size_t i = 0; i < v->n; i++) {
		if (strcmp(v->keys[i], key) == 0)
			return &v->items[i];
		if (!similar && strcasecmp(v->keys[i], key) == 0)
			similar = &v->items[i];
	}
	return similar;
}
