/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: a strict RFC 8259 reader on jsmn, table-driven decoding into structs, and a writer. */
#ifndef BERTH_BASE_JSON_H
#define BERTH_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;

/* ---- the writer ------------------------------------------------------------------------------ */

/* Zero-initialise; buf grows with realloc; release with json_writer_free or auto_json_writer.
 * Misuse (a key outside an object) is a defect of the caller and asserts. */
struct json_writer {
	char *buf;
	size_t len, size;
	unsigned depth;
	bool needs_comma, has_key;
	bool is_pretty; /* two... `indent` blanks a level, as the callers print */
	unsigned indent;
};

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
/* key and value in one call, for objects */
void json_put_string(struct json_writer *w, const char *key, const char *s);
void json_put_int(struct json_writer *w, const char *key, int64_t v);
void json_put_uint(struct json_writer *w, const char *key, uint64_t v);
void json_put_bool(struct json_writer *w, const char *key, bool v);
void json_writer_free(struct json_writer *w);
#define auto_json_writer __attribute__((cleanup(json_writer_free)))

#endif
