/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: a strict RFC 8259 reader, table-driven decoding and encoding of structs, and a writer. */
#ifndef BERTH_BASE_JSON_H
#define BERTH_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;

/* ---- the writer ------------------------------------------------------------------------------ */

/* Zero-initialise; buf grows with realloc and always ends with a NUL that len does not count;
 * release with json_writer_free or auto_json_writer. Misuse (a key outside an object) is a defect
 * of the caller and asserts. Bytes of a string that are no UTF-8 are written as U+FFFD. */
struct json_writer {
	char *buf;
	size_t len, size;
	unsigned depth;
	uint64_t objects; /* bit i: what is open at depth i is an object */
	bool needs_comma, has_key;
	bool is_pretty; /* a line a value, `indent` blanks a level; else no blank at all */
	bool is_tabbed; /* with is_pretty: one tab a level instead */
	unsigned indent;
};

enum { JSON_DEPTH_MAX = 64, JSON_SIZE_MAX = 16 << 20 };

void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_string(struct json_writer *w, const char *s); /* NULL writes null */
void json_int(struct json_writer *w, int64_t v);
void json_uint(struct json_writer *w, uint64_t v);
void json_bool(struct json_writer *w, bool v);
void json_double(struct json_writer *w, double v);
void json_null(struct json_writer *w);
/* A value as text, which is written as it is: it must be valid. */
void json_raw(struct json_writer *w, const char *text);
/* key and value in one call, for objects */
void json_put_string(struct json_writer *w, const char *key, const char *s);
void json_put_int(struct json_writer *w, const char *key, int64_t v);
void json_put_uint(struct json_writer *w, const char *key, uint64_t v);
void json_put_bool(struct json_writer *w, const char *key, bool v);
void json_writer_free(struct json_writer *w);
#define auto_json_writer __attribute__((cleanup(json_writer_free)))

/* ---- tables: one serves decoding and encoding ------------------------------------------------ */

enum json_kind {
	JSON_KIND_STRING,     /* const char *; NULL when absent */
	JSON_KIND_BOOL,       /* bool */
	JSON_KIND_UINT,       /* uint32_t or uint64_t, by size; at most `max` */
	JSON_KIND_INT,        /* int32_t or int64_t, by size; from `min` to `max` */
	JSON_KIND_MAYBE_BOOL, /* struct maybe_bool */
	JSON_KIND_MAYBE_UINT, /* struct maybe_u64, at most `max` */
	JSON_KIND_MAYBE_INT,  /* struct maybe_i64, from `min` to `max` */
	JSON_KIND_LIST,       /* SLICE of `element`; str_slice is a list of json_string_type */
	JSON_KIND_OBJECT,     /* a struct with `fields` */
	JSON_KIND_MAP,        /* SLICE of entries for an object with any keys, in document order */
	JSON_KIND_RAW, /* const char *: the checked text of any value, as it stands in the document */
};

struct json_type {
	enum json_kind kind;
	uint32_t size; /* of the C value, in bytes */
	/* UINT, INT and their MAYBE */
	int64_t min;
	uint64_t max;
	/* LIST: its element. MAP: the value, at value_offset of an entry of entry_size bytes, the
	 * key (const char *) at key_offset; with value_offset 0 the value is the entry itself. */
	const struct json_type *element;
	uint32_t entry_size, key_offset, value_offset;
	/* OBJECT */
	const struct json_field *fields;
	uint32_t field_count; /* at most 64 */
	/* OBJECT: a bool at is_set_offset becomes true when the object is there */
	bool has_is_set;
	uint32_t is_set_offset;
};

enum json_flags {
	JSON_REQUIRED = 1, /* decoding: absence is an error; encoding: always written */
	JSON_ALWAYS = 2,   /* encoding: written even when zero */
};

struct json_field {
	const char *name;
	uint32_t name_len, offset;
	const struct json_type *type;
	unsigned flags; /* enum json_flags */
};

/* json_i32_type limits an int64_t to 32 bits, json_maybe_u16_type a struct maybe_u64 to 16, ... */
extern const struct json_type json_string_type, json_bool_type, json_u32_type, json_u64_type,
	json_i32_type, json_i64_type, json_maybe_bool_type, json_maybe_u16_type,
	json_maybe_u32_type, json_maybe_u64_type, json_maybe_i64_type;
extern const struct json_type json_strings_type; /* struct str_slice */
extern const struct json_type json_raw_type;     /* const char *: JSON_KIND_RAW */

/* One row of a table of fields: member of struct s, read from and written as `text`. */
#define JSON_FIELD(text, s, member, kind_type, row_flags)                                    \
	{                                                                                    \
		.name = (text), .name_len = sizeof(text) - 1, .offset = offsetof(s, member), \
		.type = (kind_type), .flags = (row_flags),                                   \
	}

/* The initialiser of the type of an object: struct s with its array of fields. */
#define JSON_OBJECT(s, table)                                                   \
	{                                                                       \
		.kind = JSON_KIND_OBJECT, .size = sizeof(s), .fields = (table), \
		.field_count = sizeof(table) / sizeof((table)[0]),              \
	}
#define JSON_OBJECT_SET(s, table)                                                      \
	{                                                                              \
		.kind = JSON_KIND_OBJECT, .size = sizeof(s), .fields = (table),        \
		.field_count = sizeof(table) / sizeof((table)[0]), .has_is_set = true, \
		.is_set_offset = offsetof(s, is_set),                                  \
	}
#define JSON_LIST(item)                                                                  \
	{                                                                                \
		.kind = JSON_KIND_LIST, .size = sizeof(struct slice), .element = (item), \
	}
/* An object of objects: the key goes to a member of struct s itself. */
#define JSON_MAP(s, key_member, item)                                                   \
	{                                                                               \
		.kind = JSON_KIND_MAP, .size = sizeof(struct slice), .element = (item), \
		.entry_size = sizeof(s), .key_offset = offsetof(s, key_member),         \
	}
/* An object of strings (or other plain values): key and value are members of struct s. */
#define JSON_PAIRS(s, key_member, value_member, item)                                   \
	{                                                                               \
		.kind = JSON_KIND_MAP, .size = sizeof(struct slice), .element = (item), \
		.entry_size = sizeof(s), .key_offset = offsetof(s, key_member),         \
		.value_offset = offsetof(s, value_member),                              \
	}

/* Decodes n bytes of text (no NUL needed, not kept) into *ret, type->size bytes, which on success
 * is written whole: what the text does not mention is zero. Strings and lists live in the arena.
 *
 * Strict: RFC 8259 with valid UTF-8, no NUL in a string, at most JSON_DEPTH_MAX levels and
 * JSON_SIZE_MAX bytes, nothing after the value but white space. Unknown properties are checked and
 * ignored; null means absent; of a key given twice the last counts; names match exactly. A number
 * for an integer has neither fraction nor exponent.
 *
 * document names the text in errors: "config.json: line 3 byte 7: expected ',' or
 * '}', found 'x'", "config.json: process.args[1]: expected a string, found a number". Returns 0 or
 * -EINVAL. */
int json_decode(const char *text, size_t n, const struct json_type *type, void *ret,
		struct arena *a, const char *document, struct err *e);

/* Writes *value by the same table. Left out, unless the row says otherwise: NULL strings, unset
 * values, plain zeros, empty lists and maps, objects all of whose members are left out. Decoding
 * what was written gives the same value. */
void json_encode(const struct json_type *type, const void *value, struct json_writer *w);

#endif
