/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz: any bytes through the JSON reader; what is accepted must survive being written and read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A tree: every kind of the tables, nested without end. */
struct node {
	bool flag, is_set;
	const char *name;
	uint32_t u32;
	uint64_t u64;
	int64_t i64;
	struct maybe_bool maybe_flag;
	struct maybe_u64 maybe_u16;
	struct maybe_i64 maybe_i64;
	struct str_slice words;
	struct slice ids, list, map, pairs;
};

struct entry {
	const char *key;
	struct node node;
};

struct pair {
	const char *key, *value;
};

static const struct json_type node_type;
static const struct json_type ids_type = JSON_LIST(&json_u32_type);
static const struct json_type list_type = JSON_LIST(&node_type);
static const struct json_type map_type = JSON_PAIRS(struct entry, key, node, &node_type);
static const struct json_type pairs_type = JSON_PAIRS(struct pair, key, value, &json_string_type);
static const struct json_field node_fields[] = {
	JSON_FIELD("f", struct node, flag, &json_bool_type, 0),
	JSON_FIELD("n", struct node, name, &json_string_type, 0),
	JSON_FIELD("u", struct node, u32, &json_u32_type, 0),
	JSON_FIELD("U", struct node, u64, &json_u64_type, JSON_ALWAYS),
	JSON_FIELD("i", struct node, i64, &json_i64_type, 0),
	JSON_FIELD("mf", struct node, maybe_flag, &json_maybe_bool_type, 0),
	JSON_FIELD("mu", struct node, maybe_u16, &json_maybe_u16_type, 0),
	JSON_FIELD("mi", struct node, maybe_i64, &json_maybe_i64_type, 0),
	JSON_FIELD("w", struct node, words, &json_strings_type, 0),
	JSON_FIELD("d", struct node, ids, &ids_type, 0),
	JSON_FIELD("l", struct node, list, &list_type, 0),
	JSON_FIELD("m", struct node, map, &map_type, 0),
	JSON_FIELD("p", struct node, pairs, &pairs_type, 0),
};
static const struct json_type node_type = JSON_OBJECT_SET(struct node, node_fields);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_writer first = {0}, second = {.is_pretty = true, .indent = 1}, third = {0};
	struct node node = {0}, again = {0};
	struct arena a = {0};
	struct err e = {0};
	int r = json_decode((const char *)data, size, &node_type, &node, &a, "fuzz", &e);

	if ((r < 0) != (e.code != 0))
		abort();
	if (r == 0) {
		json_encode(&node_type, &node, &first);
		if (json_decode(first.buf, first.len, &node_type, &again, &a, "again", NULL) < 0)
			abort();
		json_encode(&node_type, &again, &second);
		if (json_decode(second.buf, second.len, &node_type, &again, &a, "third", NULL) < 0)
			abort();
		json_encode(&node_type, &again, &third);
		if (strcmp(first.buf, third.buf) != 0)
			abort();
	}
	json_writer_free(&first);
	json_writer_free(&second);
	json_writer_free(&third);
	arena_free(&a);
	return 0;
}
