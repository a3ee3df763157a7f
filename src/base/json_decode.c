/* SPDX-License-Identifier: Apache-2.0 */
/* From JSON text to structs, driven by tables. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "base/slice.h"

/* Where we are, for errors: a chain on the stack from the innermost value outwards. */
struct frame {
	const struct frame *up;
	const char *name; /* NULL: an element of a list */
	size_t index;
	unsigned depth;
};

struct reader {
	struct json_scan scan;
	struct arena *arena;
};

static int decode_value(struct reader *r, const struct json_type *type, void *out,
			const struct frame *f);

/* ---- errors ---------------------------------------------------------------------------------- */

static size_t path_print(const struct frame *f, char *buf, size_t size)
{
	size_t n;
	int r;

	if (!f->up)
		return 0;
	n = path_print(f->up, buf, size);
	if (n >= size)
		return n;
	if (f->name)
		r = snprintf(buf + n, size - n, "%s%s", n ? "." : "", f->name);
	else
		r = snprintf(buf + n, size - n, "[%zu]", f->index);
	return n + (size_t)r;
}

static int fail_at(struct reader *r, const struct frame *f, const char *text)
{
	char path[512] = "";

	path_print(f, path, sizeof(path));
	return err_say(r->scan.e, -EINVAL, "%s: %s%s%s", r->scan.document, path,
		       path[0] ? ": " : "", text);
}

static const char *kind_name(enum json_kind kind)
{
	static const char *const names[] = {
		[JSON_KIND_STRING] = "a string",
		[JSON_KIND_BOOL] = "true or false",
		[JSON_KIND_UINT] = "a number",
		[JSON_KIND_INT] = "a number",
		[JSON_KIND_MAYBE_BOOL] = "true or false",
		[JSON_KIND_MAYBE_UINT] = "a number",
		[JSON_KIND_MAYBE_INT] = "a number",
		[JSON_KIND_LIST] = "a list",
		[JSON_KIND_OBJECT] = "an object",
		[JSON_KIND_MAP] = "an object",
		[JSON_KIND_RAW] = "a value",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == JSON_KIND_RAW + 1, "a name a kind");
	return names[kind];
}

static const char *found_name(char c)
{
	switch (c) {
	case '{':
		return "an object";
	case '[':
		return "a list";
	case '"':
		return "a string";
	case 't':
	case 'f':
		return "true or false";
	case 'n':
		return "null";
	default:
		return "a number";
	}
}

/* The value that comes is of another kind than the table wants. Broken syntax is told first. */
static int fail_kind(struct reader *r, enum json_kind kind, const struct frame *f)
{
	char c = json_scan_peek(&r->scan), text[96];

	if (json_scan_skip(&r->scan, f->depth) < 0)
		return -EINVAL;
	snprintf(text, sizeof(text), "expected %s, found %s", kind_name(kind), found_name(c));
	return fail_at(r, f, text);
}

static int fail_number(struct reader *r, const struct json_type *type, const struct json_number *n,
		       const struct frame *f)
{
	const char *dots = n->len > 32 ? "..." : "", *found = r->scan.original + n->at;
	int len = n->len > 32 ? 32 : (int)n->len;
	char text[160];

	if (!n->is_integer)
		snprintf(text, sizeof(text),
			 "expected an integer without fraction or exponent, found %.*s%s", len,
			 found, dots);
	else
		snprintf(text, sizeof(text),
			 "expected a number from %" PRId64 " to %" PRIu64 ", found %.*s%s",
			 type->min, type->max, len, found, dots);
	return fail_at(r, f, text);
}

/* ---- plain values ---------------------------------------------------------------------------- */

static int decode_string(struct reader *r, const char **out, const struct frame *f)
{
	if (json_scan_peek(&r->scan) != '"')
		return fail_kind(r, JSON_KIND_STRING, f);
	return json_scan_string(&r->scan, out, NULL);
}

static int decode_bool(struct reader *r, bool *out, const struct frame *f)
{
	char c = json_scan_peek(&r->scan);

	if (c != 't' && c != 'f')
		return fail_kind(r, JSON_KIND_BOOL, f);
	if (json_scan_literal(&r->scan, &c) < 0)
		return -EINVAL;
	*out = c == 't';
	return 0;
}

/* The scan changes its copy, not the original. */
static int decode_raw(struct reader *r, const char **out, const struct frame *f)
{
	size_t from;

	json_scan_peek(&r->scan);
	from = (size_t)(r->scan.p - r->scan.start);
	if (json_scan_skip(&r->scan, f->depth) < 0)
		return -EINVAL;
	*out = arena_strndup(r->arena, r->scan.original + from,
			     (size_t)(r->scan.p - r->scan.start) - from);
	return 0;
}

static int decode_number(struct reader *r, const struct json_type *type, uint64_t *out,
			 const struct frame *f)
{
	char c = json_scan_peek(&r->scan);
	struct json_number n;
	bool is_in_range;

	if (c != '-' && (c < '0' || c > '9'))
		return fail_kind(r, type->kind, f);
	if (json_scan_number(&r->scan, &n) < 0)
		return -EINVAL;
	if (n.is_negative)
		is_in_range = n.magnitude <= -(uint64_t)type->min;
	else
		is_in_range = n.magnitude <= type->max;
	if (!n.is_integer || n.is_too_long || !is_in_range)
		return fail_number(r, type, &n, f);
	*out = n.is_negative ? -n.magnitude : n.magnitude;
	return 0;
}

static int decode_scalar(struct reader *r, const struct json_type *type, void *out,
			 const struct frame *f)
{
	uint64_t number = 0;
	uint32_t narrow;
	int ret = decode_number(r, type, &number, f);

	if (ret < 0)
		return ret;
	if (type->kind == JSON_KIND_MAYBE_UINT) {
		*(struct maybe_u64 *)out = (struct maybe_u64){true, number};
	} else if (type->kind == JSON_KIND_MAYBE_INT) {
		*(struct maybe_i64 *)out = (struct maybe_i64){true, (int64_t)number};
	} else if (type->size == sizeof(narrow)) {
		narrow = (uint32_t)number;
		memcpy(out, &narrow, sizeof(narrow));
	} else {
		memcpy(out, &number, sizeof(number));
	}
	return 0;
}

/* ---- lists and maps -------------------------------------------------------------------------- */

/* Opens a list, object or map. Returns 1 when something is in it, 0 when it is empty. */
static int open_value(struct reader *r, char opening, char closing, enum json_kind kind,
		      const struct frame *f)
{
	if (json_scan_peek(&r->scan) != opening)
		return fail_kind(r, kind, f);
	if (json_scan_depth(&r->scan, f->depth) < 0)
		return -EINVAL;
	r->scan.p++;
	if (json_scan_peek(&r->scan) != closing)
		return 1;
	r->scan.p++;
	return 0;
}

/* Room for one more element of `size` bytes; doubles when n is a power of two. */
static void *slice_grow(struct reader *r, struct slice *s, size_t size)
{
	if ((s->n & (s->n - 1)) == 0)
		s->v = arena_grow(r->arena, s->v, s->n * size, (s->n ? 2 * s->n : 1) * size);
	return (char *)s->v + s->n++ * size;
}

static int decode_list(struct reader *r, const struct json_type *type, struct slice *out,
		       const struct frame *up)
{
	struct frame f = {.up = up, .depth = up->depth + 1};
	struct slice list = {0};
	int ret = open_value(r, '[', ']', type->kind, up);

	while (ret > 0) {
		void *element = slice_grow(r, &list, type->element->size);

		ret = decode_value(r, type->element, element, &f);
		if (ret < 0)
			return ret;
		f.index++;
		ret = json_scan_next(&r->scan, ']');
	}
	if (ret == 0)
		*out = list;
	return ret;
}

/* Takes `"key" :`. */
static int read_key(struct reader *r, const char **ret, size_t *ret_len)
{
	if (json_scan_peek(&r->scan) != '"')
		return json_scan_fail(&r->scan, r->scan.p, "a name in quotes");
	if (json_scan_string(&r->scan, ret, ret_len) < 0)
		return -EINVAL;
	return json_scan_expect(&r->scan, ':', "':'");
}

static const char *entry_key(const struct json_type *type, const struct slice *map, size_t i)
{
	return *(const char **)((char *)map->v + i * type->entry_size + type->key_offset);
}

static uint32_t key_hash(const char *key)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 16777619u;
	return h ^ h >> 15;
}

/* Of a key given twice the last entry counts. A hash table keeps a hostile document linear. */
static void map_unify(struct reader *r, const struct json_type *type, struct slice *map)
{
	size_t slots = 4, kept = 0;
	uint32_t *table; /* 1 + index of an entry, 0: free */

	while (slots < 2 * map->n)
		slots *= 2;
	table = arena_array(r->arena, slots, sizeof(*table));
	for (size_t i = 0; i < map->n; i++) {
		const char *key = entry_key(type, map, i);
		size_t at = key_hash(key) & (slots - 1);

		while (table[at] && strcmp(entry_key(type, map, table[at] - 1), key) != 0)
			at = (at + 1) & (slots - 1);
		if (!table[at])
			table[at] = (uint32_t)++kept;
		if (table[at] - 1 != i)
			memcpy((char *)map->v + (table[at] - 1) * type->entry_size,
			       (char *)map->v + i * type->entry_size, type->entry_size);
	}
	map->n = kept;
}

static int decode_map(struct reader *r, const struct json_type *type, struct slice *out,
		      const struct frame *up)
{
	struct frame f = {.up = up, .depth = up->depth + 1};
	struct slice map = {0};
	int ret = open_value(r, '{', '}', type->kind, up);

	while (ret > 0) {
		char *entry;

		ret = read_key(r, &f.name, NULL);
		if (ret < 0)
			return ret;
		entry = slice_grow(r, &map, type->entry_size);
		*(const char **)(entry + type->key_offset) = f.name;
		ret = decode_value(r, type->element, entry + type->value_offset, &f);
		if (ret < 0)
			return ret;
		ret = json_scan_next(&r->scan, '}');
	}
	if (ret < 0)
		return ret;
	if (map.n > 1)
		map_unify(r, type, &map);
	*out = map;
	return 0;
}

/* ---- objects --------------------------------------------------------------------------------- */

/* Documents mostly keep an order: the search begins behind the last field found. */
static const struct json_field *find_field(const struct json_type *type, const char *name,
					   size_t len, uint32_t from)
{
	for (uint32_t i = 0, at = from; i < type->field_count; i++, at++) {
		const struct json_field *field;

		if (at >= type->field_count)
			at = 0;
		field = &type->fields[at];
		if (name && field->name_len == len && memcmp(field->name, name, len) == 0)
			return field;
	}
	return NULL;
}

static int decode_member(struct reader *r, const struct json_type *type, void *out, uint32_t *last,
			 uint64_t *seen, const struct frame *f, size_t name_len)
{
	const struct json_field *field = find_field(type, f->name, name_len, *last + 1);
	uint64_t bit;
	char *member, c;

	if (!field)
		return json_scan_skip(&r->scan, f->depth);
	*last = (uint32_t)(field - type->fields);
	bit = 1ull << *last;
	member = (char *)out + field->offset;
	if (*seen & bit)
		memset(member, 0, field->type->size);
	if (json_scan_peek(&r->scan) == 'n') {
		*seen &= ~bit;
		return json_scan_literal(&r->scan, &c);
	}
	*seen |= bit;
	return decode_value(r, field->type, member, f);
}

static int decode_object(struct reader *r, const struct json_type *type, void *out,
			 const struct frame *up)
{
	struct frame f = {.up = up, .depth = up->depth + 1};
	uint32_t last = type->field_count;
	uint64_t seen = 0;
	int ret = open_value(r, '{', '}', type->kind, up);

	while (ret > 0) {
		size_t name_len = 0;

		ret = read_key(r, &f.name, &name_len);
		if (ret == 0)
			ret = decode_member(r, type, out, &last, &seen, &f, name_len);
		if (ret < 0)
			return ret;
		ret = json_scan_next(&r->scan, '}');
	}
	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < type->field_count; i++) {
		if (!(type->fields[i].flags & JSON_REQUIRED) || seen & 1ull << i)
			continue;
		f.name = type->fields[i].name;
		return fail_at(r, &f, "required, but missing");
	}
	if (type->has_is_set)
		*((bool *)((char *)out + type->is_set_offset)) = true;
	return 0;
}

static int decode_value(struct reader *r, const struct json_type *type, void *out,
			const struct frame *f)
{
	struct maybe_bool flag = {.is_set = true};
	int ret;

	switch (type->kind) {
	case JSON_KIND_STRING:
		return decode_string(r, out, f);
	case JSON_KIND_BOOL:
		return decode_bool(r, out, f);
	case JSON_KIND_MAYBE_BOOL:
		ret = decode_bool(r, &flag.value, f);
		if (ret == 0)
			*(struct maybe_bool *)out = flag;
		return ret;
	case JSON_KIND_LIST:
		return decode_list(r, type, out, f);
	case JSON_KIND_OBJECT:
		return decode_object(r, type, out, f);
	case JSON_KIND_MAP:
		return decode_map(r, type, out, f);
	case JSON_KIND_RAW:
		return decode_raw(r, out, f);
	case JSON_KIND_UINT:
	case JSON_KIND_INT:
	case JSON_KIND_MAYBE_UINT:
	case JSON_KIND_MAYBE_INT:
		break;
	}
	return decode_scalar(r, type, out, f);
}

int json_decode(const char *text, size_t n, const struct json_type *type, void *ret,
		struct arena *a, const char *document, struct err *e)
{
	const struct frame top = {0};
	struct reader r = {.arena = a};
	void *out;
	char *copy;
	int result;

	if (n > JSON_SIZE_MAX)
		return err_say(e, -EINVAL, "%s: larger than %d MiB", document, JSON_SIZE_MAX >> 20);
	copy = arena_alloc(a, n + JSON_SCAN_PAD);
	if (n)
		memcpy(copy, text, n);
	r.scan = (struct json_scan){.p = copy,
				    .start = copy,
				    .end = copy + n,
				    .original = text,
				    .document = document,
				    .e = e};
	out = arena_alloc(a, type->size);
	result = decode_value(&r, type, out, &top);
	if (result == 0)
		result = json_scan_end(&r.scan);
	if (result == 0)
		memcpy(ret, out, type->size);
	return result;
}
