/* SPDX-License-Identifier: Apache-2.0 */
/* From structs to JSON text, driven by the tables that decode them. */
#include <string.h>

#include "base/json.h"
#include "base/slice.h"

#define TYPE_STRING(t) \
	const struct json_type t = {.kind = JSON_KIND_STRING, .size = sizeof(const char *)}
#define TYPE_NUMBER(t, c, k, lowest, highest) \
	const struct json_type t = {          \
		.kind = (k), .size = sizeof(c), .min = (lowest), .max = (highest)}

TYPE_STRING(json_string_type);
const struct json_type json_bool_type = {.kind = JSON_KIND_BOOL, .size = sizeof(bool)};
const struct json_type json_maybe_bool_type = {.kind = JSON_KIND_MAYBE_BOOL,
					       .size = sizeof(struct maybe_bool)};
TYPE_NUMBER(json_u32_type, uint32_t, JSON_KIND_UINT, 0, UINT32_MAX);
TYPE_NUMBER(json_u64_type, uint64_t, JSON_KIND_UINT, 0, UINT64_MAX);
TYPE_NUMBER(json_i32_type, int64_t, JSON_KIND_INT, INT32_MIN, INT32_MAX);
TYPE_NUMBER(json_i64_type, int64_t, JSON_KIND_INT, INT64_MIN, INT64_MAX);
TYPE_NUMBER(json_maybe_u16_type, struct maybe_u64, JSON_KIND_MAYBE_UINT, 0, UINT16_MAX);
TYPE_NUMBER(json_maybe_u32_type, struct maybe_u64, JSON_KIND_MAYBE_UINT, 0, UINT32_MAX);
TYPE_NUMBER(json_maybe_u64_type, struct maybe_u64, JSON_KIND_MAYBE_UINT, 0, UINT64_MAX);
TYPE_NUMBER(json_maybe_i64_type, struct maybe_i64, JSON_KIND_MAYBE_INT, INT64_MIN, INT64_MAX);
const struct json_type json_raw_type = {.kind = JSON_KIND_RAW, .size = sizeof(const char *)};
const struct json_type json_strings_type = JSON_LIST(&json_string_type);

_Static_assert(sizeof(struct str_slice) == sizeof(struct slice), "a list of strings is a slice");

static uint64_t load_number(const struct json_type *type, const void *value)
{
	uint64_t wide;
	uint32_t narrow;

	if (type->size == sizeof(narrow)) {
		memcpy(&narrow, value, sizeof(narrow));
		return type->kind == JSON_KIND_INT ? (uint64_t)(int32_t)narrow : narrow;
	}
	memcpy(&wide, value, sizeof(wide));
	return wide;
}

static bool is_empty(const struct json_type *type, const void *value)
{
	switch (type->kind) {
	case JSON_KIND_STRING:
	case JSON_KIND_RAW:
		return !*(const char *const *)value;
	case JSON_KIND_BOOL:
		return !*(const bool *)value;
	case JSON_KIND_UINT:
	case JSON_KIND_INT:
		return load_number(type, value) == 0;
	case JSON_KIND_MAYBE_BOOL:
		return !((const struct maybe_bool *)value)->is_set;
	case JSON_KIND_MAYBE_UINT:
		return !((const struct maybe_u64 *)value)->is_set;
	case JSON_KIND_MAYBE_INT:
		return !((const struct maybe_i64 *)value)->is_set;
	case JSON_KIND_LIST:
	case JSON_KIND_MAP:
		return ((const struct slice *)value)->n == 0;
	case JSON_KIND_OBJECT:
		break;
	}
	if (type->has_is_set)
		return !*(const bool *)((const char *)value + type->is_set_offset);
	for (uint32_t i = 0; i < type->field_count; i++)
		if (!is_empty(type->fields[i].type, (const char *)value + type->fields[i].offset))
			return false;
	return true;
}

static void encode_object(const struct json_type *type, const void *value, struct json_writer *w)
{
	json_begin_object(w);
	for (uint32_t i = 0; i < type->field_count; i++) {
		const struct json_field *f = &type->fields[i];
		const void *member = (const char *)value + f->offset;

		if (!(f->flags & (JSON_REQUIRED | JSON_ALWAYS)) && is_empty(f->type, member))
			continue;
		json_key(w, f->name);
		json_encode(f->type, member, w);
	}
	json_end_object(w);
}

static void encode_list(const struct json_type *type, const struct slice *list,
			struct json_writer *w)
{
	json_begin_array(w);
	for (size_t i = 0; i < list->n; i++)
		json_encode(type->element, (const char *)list->v + i * type->element->size, w);
	json_end_array(w);
}

static void encode_map(const struct json_type *type, const struct slice *map, struct json_writer *w)
{
	json_begin_object(w);
	for (size_t i = 0; i < map->n; i++) {
		const char *entry = (const char *)map->v + i * type->entry_size;

		json_key(w, *(const char *const *)(entry + type->key_offset));
		json_encode(type->element, entry + type->value_offset, w);
	}
	json_end_object(w);
}

static void encode_maybe(const struct json_type *type, const void *value, struct json_writer *w)
{
	if (is_empty(type, value))
		json_null(w);
	else if (type->kind == JSON_KIND_MAYBE_BOOL)
		json_bool(w, ((const struct maybe_bool *)value)->value);
	else if (type->kind == JSON_KIND_MAYBE_UINT)
		json_uint(w, ((const struct maybe_u64 *)value)->value);
	else
		json_int(w, ((const struct maybe_i64 *)value)->value);
}

void json_encode(const struct json_type *type, const void *value, struct json_writer *w)
{
	switch (type->kind) {
	case JSON_KIND_STRING:
		json_string(w, *(const char *const *)value);
		return;
	case JSON_KIND_BOOL:
		json_bool(w, *(const bool *)value);
		return;
	case JSON_KIND_UINT:
		json_uint(w, load_number(type, value));
		return;
	case JSON_KIND_INT:
		json_int(w, (int64_t)load_number(type, value));
		return;
	case JSON_KIND_MAYBE_BOOL:
	case JSON_KIND_MAYBE_UINT:
	case JSON_KIND_MAYBE_INT:
		encode_maybe(type, value, w);
		return;
	case JSON_KIND_LIST:
		encode_list(type, value, w);
		return;
	case JSON_KIND_OBJECT:
		encode_object(type, value, w);
		return;
	case JSON_KIND_MAP:
		encode_map(type, value, w);
		return;
	case JSON_KIND_RAW:
		json_raw(w, *(const char *const *)value);
		return;
	}
}
