/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of templates. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "view/value.h"

struct call {
	const char *name;
	const struct view_value *args;
	size_t n;
	struct arena *a;
	struct err *e;
};

static struct view_value make_string(const char *text)
{
	return (struct view_value){.kind = VIEW_STRING, .text = text};
}

static struct view_value make_bool(bool is_true)
{
	return (struct view_value){.kind = VIEW_BOOL, .is_true = is_true};
}

static const char *text_of(const struct view_value *v, struct arena *a)
{
	auto_view_text struct view_text t = {0};

	if (v->kind == VIEW_STRING || v->kind == VIEW_NUMBER)
		return v->text;
	value_print(v, &t);
	return arena_strdup(a, t.buf ? t.buf : "");
}

/* ---- text ---------------------------------------------------------------------------------------- */

static int call_json(const struct call *c, struct view_value *ret)
{
	auto_json_writer struct json_writer w = {0};

	value_write_json(&c->args[0], &w);
	*ret = make_string(arena_strdup(c->a, w.buf ? w.buf : ""));
	return 0;
}

static int call_upper(const struct call *c, struct view_value *ret)
{
	char *text = arena_strdup(c->a, text_of(&c->args[0], c->a));

	for (char *p = text; *p; p++)
		*p = (char)(c->name[0] == 'u' ? toupper((unsigned char)*p)
					      : tolower((unsigned char)*p));
	*ret = make_string(text);
	return 0;
}

static int call_title(const struct call *c, struct view_value *ret)
{
	char *text = arena_strdup(c->a, text_of(&c->args[0], c->a));

	for (char *p = text; *p; p++)
		if (p == text || p[-1] == ' ')
			*p = (char)toupper((unsigned char)*p);
	*ret = make_string(text);
	return 0;
}

static int call_join(const struct call *c, struct view_value *ret)
{
	auto_view_text struct view_text t = {0};
	const char *separator = text_of(&c->args[1], c->a);

	if (c->args[0].kind != VIEW_LIST)
		return err_say(c->e, -EINVAL, "template: join: the first argument is no list");
	for (size_t i = 0; i < c->args[0].n; i++) {
		if (i)
			view_append(&t, separator, strlen(separator));
		value_print(&c->args[0].items[i], &t);
	}
	*ret = make_string(arena_strdup(c->a, t.buf ? t.buf : ""));
	return 0;
}

static int call_split(const struct call *c, struct view_value *ret)
{
	const char *text = text_of(&c->args[0], c->a), *separator = text_of(&c->args[1], c->a);
	size_t n = strlen(separator), count = 1;
	struct view_value *items;

	if (!n)
		return err_say(c->e, -EINVAL, "template: split: the separator is empty");
	for (const char *p = text; (p = strstr(p, separator)); p += n)
		count++;
	items = arena_array(c->a, count, sizeof(*items));
	for (size_t i = 0; i < count; i++) {
		const char *end = strstr(text, separator);
		size_t length = end ? (size_t)(end - text) : strlen(text);

		items[i] = make_string(arena_strndup(c->a, text, length));
		text += length + (end ? n : 0);
	}
	*ret = (struct view_value){.kind = VIEW_LIST, .items = items, .n = count};
	return 0;
}

static int call_truncate(const struct call *c, struct view_value *ret)
{
	const char *text = text_of(&c->args[0], c->a);
	size_t n = (size_t)strtoull(text_of(&c->args[1], c->a), NULL, 10);

	*ret = make_string(arena_strndup(c->a, text, strlen(text) < n ? strlen(text) : n));
	return 0;
}

static int call_print(const struct call *c, struct view_value *ret)
{
	auto_view_text struct view_text t = {0};
	bool is_line = str_eq(c->name, "println");

	for (size_t i = 0; i < c->n; i++) {
		/* Go: blanks between operands when neither is a string; println: always. */
		if (i && (is_line ||
			  (c->args[i].kind != VIEW_STRING && c->args[i - 1].kind != VIEW_STRING)))
			view_append(&t, " ", 1);
		value_print(&c->args[i], &t);
	}
	if (is_line)
		view_append(&t, "\n", 1);
	*ret = make_string(arena_strdup(c->a, t.buf ? t.buf : ""));
	return 0;
}

/* %s %v %d %q %%, with a width as in %-20s. */
static int call_printf(const struct call *c, struct view_value *ret)
{
	auto_view_text struct view_text t = {0};
	size_t next = 1;

	for (const char *p = text_of(&c->args[0], c->a); *p;) {
		size_t n = strcspn(p, "%"), width = 0;
		const char *text, *start;
		bool is_left;

		view_append(&t, p, n);
		p += n;
		if (!*p)
			break;
		p++;
		is_left = *p == '-';
		start = p + is_left;
		width = (size_t)strtoul(start, (char **)&p, 10);
		if (*p == '%') {
			view_append(&t, p++, 1);
			continue;
		}
		if (!*p || !strchr("svdq", *p) || width > 1000)
			return err_say(c->e, -EINVAL,
				       "template: printf: only %%s, %%v, %%d and %%q are known");
		if (next >= c->n)
			return err_say(c->e, -EINVAL, "template: printf: an argument is missing");
		text = *p == 'q' ? arena_printf(c->a, "\"%s\"", text_of(&c->args[next], c->a))
				 : text_of(&c->args[next], c->a);
		next++;
		p++;
		text = arena_printf(c->a, is_left ? "%-*s" : "%*s", (int)width, text);
		view_append(&t, text, strlen(text));
	}
	*ret = make_string(arena_strdup(c->a, t.buf ? t.buf : ""));
	return 0;
}

/* ---- parts --------------------------------------------------------------------------------------- */

static int call_len(const struct call *c, struct view_value *ret)
{
	const struct view_value *v = &c->args[0];
	size_t n = v->kind == VIEW_LIST || v->kind == VIEW_OBJECT ? v->n : strlen(text_of(v, c->a));

	if (v->kind == VIEW_NULL)
		n = 0;
	*ret = (struct view_value){.kind = VIEW_NUMBER, .text = arena_printf(c->a, "%zu", n)};
	return 0;
}

static int call_index(const struct call *c, struct view_value *ret)
{
	struct view_value v = c->args[0];

	for (size_t i = 1; i < c->n; i++) {
		const char *key = text_of(&c->args[i], c->a);
		const struct view_value *found = NULL;
		uint64_t at;

		if (v.kind == VIEW_LIST && str_to_u64(key, &at) == 0) {
			if (at >= v.n)
				return err_say(c->e, -EINVAL,
					       "template: index out of range: %s (of %zu)", key,
					       v.n);
			found = &v.items[at];
		} else if (v.kind == VIEW_OBJECT) {
			found = view_get(&v, key);
		} else if (v.kind != VIEW_NULL) {
			return err_say(c->e, -EINVAL, "template: cannot index item with %s", key);
		}
		v = found ? *found : (struct view_value){.kind = VIEW_NULL};
	}
	*ret = v;
	return 0;
}

/* ---- comparison ---------------------------------------------------------------------------------- */

static int call_eq(const struct call *c, struct view_value *ret)
{
	bool is_equal = false;

	for (size_t i = 1; i < c->n; i++)
		is_equal |= value_compare(&c->args[0], &c->args[i]) == 0;
	*ret = make_bool(is_equal == (c->name[0] == 'e'));
	return 0;
}

static int call_order(const struct call *c, struct view_value *ret)
{
	int order = value_compare(&c->args[0], &c->args[1]);
	bool is_less = c->name[0] == 'l', is_or_equal = c->name[1] == 'e';

	*ret = make_bool((is_less ? order < 0 : order > 0) || (is_or_equal && order == 0));
	return 0;
}

/* The first that decides, or the last. */
static int call_and(const struct call *c, struct view_value *ret)
{
	bool wanted = c->name[0] == 'o';
	size_t i = 0;

	while (i + 1 < c->n && value_is_true(&c->args[i]) != wanted)
		i++;
	*ret = c->args[i];
	return 0;
}

static int call_not(const struct call *c, struct view_value *ret)
{
	*ret = make_bool(!value_is_true(&c->args[0]));
	return 0;
}

static const struct function {
	const char *name;
	size_t min, max;
	int (*call)(const struct call *c, struct view_value *ret);
} functions[] = {
	{"json", 1, 1, call_json},
	{"upper", 1, 1, call_upper},
	{"lower", 1, 1, call_upper},
	{"title", 1, 1, call_title},
	{"join", 2, 2, call_join},
	{"split", 2, 2, call_split},
	{"truncate", 2, 2, call_truncate},
	{"print", 0, 32, call_print},
	{"println", 0, 32, call_print},
	{"printf", 1, 32, call_printf},
	{"len", 1, 1, call_len},
	{"index", 1, 32, call_index},
	{"eq", 2, 32, call_eq},
	{"ne", 2, 2, call_eq},
	{"lt", 2, 2, call_order},
	{"le", 2, 2, call_order},
	{"gt", 2, 2, call_order},
	{"ge", 2, 2, call_order},
	{"and", 1, 32, call_and},
	{"or", 1, 32, call_and},
	{"not", 1, 1, call_not},
};

int function_call(const char *name, const struct view_value *args, size_t n, struct arena *a,
		  struct view_value *ret, struct err *e)
{
	const struct call c = {name, args, n, a, e};

	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		const struct function *f = &functions[i];

		if (!str_eq(f->name, name))
			continue;
		if (n < f->min || n > f->max)
			return err_say(e, -EINVAL,
				       "template: wrong number of arguments for %s: %zu", name, n);
		return f->call(&c, ret);
	}
	return err_say(e, -EINVAL, "template: function \"%s\" not defined", name);
}
