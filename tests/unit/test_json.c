/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: what is accepted and refused, decoding by tables, and the writer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/slice.h"

struct thing {
	bool is_set, flag;
	const char *name;
	uint32_t small;
	uint64_t big;
	int64_t number;
	struct maybe_bool maybe_flag;
	struct maybe_u64 maybe_u16, maybe_big;
	struct maybe_i64 maybe_number;
	struct str_slice words;
	struct slice ids, pairs, parts;
	struct {
		const char *x;
	} inner;
};

struct pair {
	const char *key, *value;
};

struct part {
	const char *key;
	uint32_t size;
};

static const struct json_type ids_type = JSON_LIST(&json_u32_type);
static const struct json_type pairs_type = JSON_PAIRS(struct pair, key, value, &json_string_type);
static const struct json_field part_fields[] = {
	JSON_FIELD("size", struct part, size, &json_u32_type, JSON_REQUIRED),
};
static const struct json_type part_type = JSON_OBJECT(struct part, part_fields);
static const struct json_type parts_type = JSON_MAP(struct part, key, &part_type);
static const struct json_field inner_fields[] = {
	{.name = "x", .name_len = 1, .type = &json_string_type},
};
static const struct json_type inner_type = {
	.kind = JSON_KIND_OBJECT,
	.size = sizeof(const char *),
	.fields = inner_fields,
	.field_count = 1,
};
static const struct json_field thing_fields[] = {
	JSON_FIELD("flag", struct thing, flag, &json_bool_type, 0),
	JSON_FIELD("name", struct thing, name, &json_string_type, 0),
	JSON_FIELD("small", struct thing, small, &json_u32_type, 0),
	JSON_FIELD("big", struct thing, big, &json_u64_type, 0),
	JSON_FIELD("number", struct thing, number, &json_i64_type, 0),
	JSON_FIELD("maybeFlag", struct thing, maybe_flag, &json_maybe_bool_type, 0),
	JSON_FIELD("maybeU16", struct thing, maybe_u16, &json_maybe_u16_type, 0),
	JSON_FIELD("maybeBig", struct thing, maybe_big, &json_maybe_u64_type, 0),
	JSON_FIELD("maybeNumber", struct thing, maybe_number, &json_maybe_i64_type, 0),
	JSON_FIELD("words", struct thing, words, &json_strings_type, 0),
	JSON_FIELD("ids", struct thing, ids, &ids_type, 0),
	JSON_FIELD("pairs", struct thing, pairs, &pairs_type, 0),
	JSON_FIELD("parts", struct thing, parts, &parts_type, 0),
	JSON_FIELD("inner", struct thing, inner, &inner_type, 0),
};
static const struct json_type thing_type = JSON_OBJECT_SET(struct thing, thing_fields);

/* Decodes from a block of exactly n bytes, so that reading beyond it is seen. */
static int decode_n(const char *text, size_t n, const struct json_type *type, void *ret,
		    struct arena *a, struct err *e)
{
	auto_free char *exact = malloc(n ? n : 1);

	memcpy(exact, text, n);
	return json_decode(exact, n, type, ret, a, "doc", e);
}

static int decode(const char *text, const struct json_type *type, void *ret, struct arena *a,
		  struct err *e)
{
	return decode_n(text, strlen(text), type, ret, a, e);
}

/* ---- syntax ---------------------------------------------------------------------------------- */

/* An object whose unknown property holds the text: everything that is checked and skipped. */
static int skip_text(const char *text, size_t n, struct err *e)
{
	auto_arena struct arena a = {0};
	char doc[512];
	struct thing t;

	assert_true(n + 8 < sizeof(doc));
	memcpy(doc, "{\"u\":", 5);
	memcpy(doc + 5, text, n);
	doc[5 + n] = '}';
	return decode_n(doc, n + 6, &thing_type, &t, &a, e);
}

static const char *const accepted[] = {
	"0",
	"-0",
	"1",
	"-1",
	"123",
	"0.5",
	"-0.5e10",
	"1E+2",
	"1e-2",
	"20e1",
	"123.456789",
	"123123e100000",
	"1e-9999",
	"100000000000000000000000",
	"true",
	"false",
	"null",
	"\"\"",
	"\"a\"",
	"[]",
	"{}",
	" [ ] ",
	"\t[1 ,\r\n2]",
	"[null, 1, \"1\", {}]",
	"[[],[[]]]",
	"{\"a\":[]}",
	"{\"\":0}",
	"{\"a\":1,\"a\":2}",
	"\"\\u0060\\u012a\\u12AB\"",
	"\"\\uD801\\udc37\"",
	"\"\\ud83d\\ude39\\ud83d\\udc8d\"",
	"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
	"\"\\\\u0000\"",
	"\"a/*b*/c\"",
	"\"\x7f\"",
	"\"\xc3\xa9\"",
	"\"\xe2\x82\xac\"",
	"\"\xf0\x9d\x84\x9e\"",
	"\"\xf4\x8f\xbf\xbf\"",
	"\"\xef\xbf\xbf\"",
	"\"\xed\x9f\xbf\"",
	"\"\xee\x80\x80\"",
	"\"\\uDBFF\\uDFFE\"",
	"\"\\uFFFF\"",
	"\" \"",
	"\"0123456789abcdef\"",
};

static void test_accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
		struct err e = {0};

		if (skip_text(accepted[i], strlen(accepted[i]), &e) != 0)
			fail_msg("%s: %s", accepted[i], e.text);
	}
}

static const char *const refused[] = {
	"",
	" ",
	",",
	"[1 true]",
	"[a\xe5]",
	"[\"\": 1]",
	"[\"\"],",
	"[,1]",
	"[1,,2]",
	"[\"x\",,]",
	"[\"x\"]]",
	"[\"\",]",
	"[\"x\"",
	"[x",
	"[3[4]]",
	"[\xff]",
	"[1:2]",
	"[,]",
	"[-]",
	"[   , \"\"]",
	"[\"a\",\n4\n,1,",
	"[1,]",
	"[1,,]",
	"[\"\va\"\\f]",
	"[*]",
	"[\"\"",
	"[1,",
	"[1,\n1\n,1",
	"[{}",
	"[fals]",
	"[nul]",
	"[tru]",
	"[True]",
	"[++1234]",
	"[+1]",
	"[+Inf]",
	"[-01]",
	"[-1.0.]",
	"[-2.]",
	"[-NaN]",
	"[.-1]",
	"[.2e-3]",
	"[0.1.2]",
	"[0.3e+]",
	"[0.3e]",
	"[0.e1]",
	"[0E+]",
	"[0E]",
	"[0e+]",
	"[0e]",
	"[1.0e+]",
	"[1.0e-]",
	"[1.0e]",
	"[1 000.0]",
	"[1eE2]",
	"[1+2]",
	"[2.e+3]",
	"[2.e-3]",
	"[2.e3]",
	"[9.e+]",
	"[Inf]",
	"[NaN]",
	"[\xef\xbc\x91]",
	"[0x1]",
	"[0x42]",
	"[Infinity]",
	"[0e+-1]",
	"[-123.123foo]",
	"[-Infinity]",
	"[-foo]",
	"[- 1]",
	"[-012]",
	"[-.123]",
	"[-1x]",
	"[1ea]",
	"[1e\xe5]",
	"[1.]",
	"[.123]",
	"[1.2a-3]",
	"[1.8011670033376514H-308]",
	"[012]",
	"[\"x\", truth]",
	"{[: \"x\"}",
	"{\"x\", null}",
	"{\"x\"::\"b\"}",
	"{\"a\":\"a\" 123}",
	"{key: 'value'}",
	"{\"a\" b}",
	"{:\"b\"}",
	"{\"a\" \"b\"}",
	"{\"a\":",
	"{\"a\"",
	"{1:1}",
	"{9999E9999:1}",
	"{null:null,null:null}",
	"{\"id\":0,,,,,}",
	"{'a':0}",
	"{\"id\":0,}",
	"{\"a\":\"b\",,\"c\":\"d\"}",
	"{a: \"b\"}",
	"{\"a\":\"a",
	"{ \"foo\" : \"bar\", \"a\" }",
	"{\"a\":\"b\"}#",
	"{\"a\":true} \"x\"",
	"[\"\\uD800\\\"]",
	"[\"\\uD800\\u\"]",
	"[\"\\uD800\\u1\"]",
	"[\"\\uD800\\u1x\"]",
	"[\xc3\xa9]",
	"[\"\\\x00\"]",
	"[\"\\\\\\\"]",
	"[\"\\\t\"]",
	"[\"\\x00\"]",
	"[\"\\\"]",
	"[\"\\u00A\"]",
	"[\"\\uD834\\uDd\"]",
	"[\"\\uD800\\uD800\\x\"]",
	"[\"\\u\xe5\"]",
	"[\"\\a\"]",
	"[\"\\uqqqq\"]",
	"[\"\\\xe5\"]",
	"[\\u0020\"asd\"]",
	"[\\n]",
	"\"",
	"['single quote']",
	"abc",
	"[\"\\",
	"[\"new\nline\"]",
	"[\"\t\"]",
	"\"\\UA66D\"",
	"\"\"x",
	"<.>",
	"[<null>]",
	"[1]x",
	"[1]]",
	"]",
	"[",
	"[[",
	"{",
	"{]",
	"[}",
	"[\"a",
	"1]",
	"{\"x\": true,",
	"[][]",
	"2@",
	"{}}",
	"{\"\":",
	"{\"a\":/*comment*/\"b\"}",
	"{\"a\": true} \"x\"",
	"['",
	"[\"asd]",
	"aå",
	"[True]",
	"1 1",
	"{\"asd\":\"asd\"",
	"\xe5",
	"[\xe2\x81\xa0]",
	"\xef\xbb\xbf{}",
	"[\f]",
	"[\xc2\xa0]",
	"\xef\xbb\xbf",
	"/**/1",
	"1//",
	"-",
	"--1",
	"\\u0030",
	"00",
	"01",
	"-00",
	"1.e1",
	/* strings that are no UTF-8, half surrogates and NUL */
	"\"\x80\"",
	"\"\xc0\x80\"",
	"\"\xc1\xbf\"",
	"\"\xe0\x80\x80\"",
	"\"\xed\xa0\x80\"",
	"\"\xc3\"",
	"\"\xe2\x82\"",
	"\"\xf0\x80\x80\x80\"",
	"\"\xf4\x90\x80\x80\"",
	"\"\xf5\x80\x80\x80\"",
	"\"\xff\"",
	"\"\xfc\x80\x80\x80\x80\x80\"",
	"\"\\uDADA\"",
	"\"\\udc00\"",
	"\"\\uD888\\u1234\"",
	"\"\\uD800\\uD800\"",
	"\"\\u0000\"",
	"\"a\\u0000b\"",
	"\"\x01\"",
	"\"\x1f\"",
};

static void test_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct err e = {0};

		if (skip_text(refused[i], strlen(refused[i]), &e) != -EINVAL || e.code != EINVAL)
			fail_msg("accepted: %s", refused[i]);
	}
}

static void test_nul_bytes(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} bad[] = {
		{"{}\0", 3},           {"\0{}", 3},
		{"{\0}", 3},           {"{\"u\0\":1}", 8},
		{"{\"u\":\0}", 7},     {"{\"u\":\"a\0b\"}", 11},
		{"{\"u\":1\0}", 8},    {"{\"u\":\"\\\0\"}", 10},
		{"{\"u\":[1\0]}", 10}, {"{\"u\"\0:1}", 8},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_arena struct arena a = {0};
		struct err e = {0};
		struct thing t;

		assert_int_equal(decode_n(bad[i].text, bad[i].n, &thing_type, &t, &a, &e), -EINVAL);
	}
}

/* Every beginning of a document is refused, and never read beyond. */
static void test_truncated(void **state)
{
	static const char doc[] =
		"{\"name\":\"a\\u00e9\xe2\x82\xac\",\"words\":[\"x\",\"y\"],\"u\":[true,"
		"null,-1.5e+3,{\"a\":{}}],\"pairs\":{\"k\":\"v\"},\"small\":12}";

	(void)state;
	for (size_t n = 0; n < sizeof(doc) - 1; n++) {
		auto_arena struct arena a = {0};
		struct err e = {0};
		struct thing t;

		assert_int_equal(decode_n(doc, n, &thing_type, &t, &a, &e), -EINVAL);
		assert_int_equal(e.code, EINVAL);
	}
}

static void test_depth(void **state)
{
	char text[256];
	struct err e = {0};

	(void)state;
	memset(text, '[', 100);
	memset(text + 63, ']', 63);
	assert_int_equal(skip_text(text, 126, &e), 0);
	memset(text, '[', 100);
	memset(text + 64, ']', 64);
	assert_int_equal(skip_text(text, 128, &e), -EINVAL);
	assert_string_equal(e.text, "doc: line 1 byte 69: nested too deeply");
}

static void test_size(void **state)
{
	auto_arena struct arena a = {0};
	size_t n = JSON_SIZE_MAX + 1;
	auto_free char *text = malloc(n);
	struct err e = {0};
	struct thing t;

	(void)state;
	memset(text, ' ', n);
	memcpy(text, "{}", 2);
	assert_int_equal(json_decode(text, n, &thing_type, &t, &a, "doc", &e), -EINVAL);
	assert_string_equal(e.text, "doc: larger than 16 MiB");
	assert_int_equal(json_decode(text, n - 1, &thing_type, &t, &a, "doc", NULL), 0);
}

/* ---- decoding -------------------------------------------------------------------------------- */

static void test_values(void **state)
{
	auto_arena struct arena a = {0};
	struct err e = {0};
	struct thing t;
	const struct pair *pairs;
	const struct part *parts;

	(void)state;
	assert_int_equal(
		decode(" {\"flag\" : true, \"na\\u006de\":\"t\\u00e9\\uD83D\\uDE39\\n\\/x\","
		       "\"small\":4294967295,\"big\":18446744073709551615,"
		       "\"number\":-9223372036854775808,\"maybeFlag\":false,"
		       "\"maybeU16\":65535,\"maybeBig\":0,\"maybeNumber\":-1,"
		       "\"words\":[\"a\",\"\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"],"
		       "\"ids\":[1,2,3],\"pairs\":{\"a\":\"1\",\"b\":\"2\"},"
		       "\"parts\":{\"p\":{\"size\":7}},\"inner\":{\"x\":\"y\"},"
		       "\"Flag\":3,\"unknown\":{}}\n",
		       &thing_type, &t, &a, &e),
		0);
	assert_true(t.is_set);
	assert_true(t.flag);
	assert_string_equal(t.name, "t\xc3\xa9\xf0\x9f\x98\xb9\n/x");
	assert_int_equal(t.small, UINT32_MAX);
	assert_true(t.big == UINT64_MAX);
	assert_true(t.number == INT64_MIN);
	assert_true(t.maybe_flag.is_set && !t.maybe_flag.value);
	assert_true(t.maybe_u16.is_set && t.maybe_u16.value == 65535);
	assert_true(t.maybe_big.is_set && t.maybe_big.value == 0);
	assert_true(t.maybe_number.is_set && t.maybe_number.value == -1);
	assert_int_equal(t.words.n, 9);
	assert_string_equal(t.words.v[1], "");
	assert_string_equal(t.words.v[8], "i");
	assert_int_equal(t.ids.n, 3);
	assert_int_equal(((uint32_t *)t.ids.v)[2], 3);
	pairs = t.pairs.v;
	assert_int_equal(t.pairs.n, 2);
	assert_string_equal(pairs[1].key, "b");
	assert_string_equal(pairs[1].value, "2");
	parts = t.parts.v;
	assert_string_equal(parts[0].key, "p");
	assert_int_equal(parts[0].size, 7);
	assert_string_equal(t.inner.x, "y");
}

static void test_null_and_twice(void **state)
{
	auto_arena struct arena a = {0};
	struct err e = {0};
	struct thing t;
	const struct pair *pairs;

	(void)state;
	assert_int_equal(decode("{\"name\":null,\"words\":null,\"maybeBig\":null,\"inner\":null,"
				"\"small\":null,\"flag\":null,\"pairs\":null}",
				&thing_type, &t, &a, &e),
			 0);
	assert_null(t.name);
	assert_int_equal(t.words.n, 0);
	assert_false(t.maybe_big.is_set);
	assert_int_equal(
		decode("{\"name\":\"a\",\"words\":[\"x\",\"y\"],\"small\":1,\"small\":2,"
		       "\"name\":\"b\",\"words\":[],\"maybeBig\":1,\"maybeBig\":null,"
		       "\"pairs\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\",\"c\":\"4\",\"b\":\"5\"}}",
		       &thing_type, &t, &a, &e),
		0);
	assert_string_equal(t.name, "b");
	assert_int_equal(t.words.n, 0);
	assert_int_equal(t.small, 2);
	assert_false(t.maybe_big.is_set);
	pairs = t.pairs.v;
	assert_int_equal(t.pairs.n, 3);
	assert_string_equal(pairs[0].key, "a");
	assert_string_equal(pairs[0].value, "3");
	assert_string_equal(pairs[1].key, "b");
	assert_string_equal(pairs[1].value, "5");
	assert_string_equal(pairs[2].key, "c");
	assert_string_equal(pairs[2].value, "4");
}

static const struct {
	const char *text, *error;
} errors[] = {
	{"", "doc: line 1 byte 1: expected a value, found the end"},
	{"[]", "doc: expected an object, found a list"},
	{"3", "doc: expected an object, found a number"},
	{"null", "doc: expected an object, found null"},
	{"{\"flag\":true\n\n  \"name\":1}", "doc: line 3 byte 3: expected ',' or '}', found '\"'"},
	{"{\"words\":[\"a\" \"b\"]}", "doc: line 1 byte 15: expected ',' or ']', found '\"'"},
	{"{\"flag\":true,}", "doc: line 1 byte 14: expected a name in quotes, found '}'"},
	{"{\"flag\" true}", "doc: line 1 byte 9: expected ':', found 't'"},
	{"{\"flag\":True}", "doc: line 1 byte 9: expected a value, found 'T'"},
	{"{\"flag\":1}", "doc: flag: expected true or false, found a number"},
	{"{\"name\":1}", "doc: name: expected a string, found a number"},
	{"{\"name\":{}}", "doc: name: expected a string, found an object"},
	{"{\"name\":{]}", "doc: line 1 byte 10: expected a name in quotes, found ']'"},
	{"{\"words\":\"a\"}", "doc: words: expected a list, found a string"},
	{"{\"words\":[\"a\",1]}", "doc: words[1]: expected a string, found a number"},
	{"{\"words\":[null]}", "doc: words[0]: expected a string, found null"},
	{"{\"inner\":{\"x\":true}}", "doc: inner.x: expected a string, found true or false"},
	{"{\"pairs\":{\"k\":[]}}", "doc: pairs.k: expected a string, found a list"},
	{"{\"pairs\":[]}", "doc: pairs: expected an object, found a list"},
	{"{\"parts\":{\"p\":{}}}", "doc: parts.p.size: required, but missing"},
	{"{\"parts\":{\"p\":{\"size\":1,\"size\":null}}}",
	 "doc: parts.p.size: required, but missing"},
	{"{\"small\":-1}", "doc: small: expected a number from 0 to 4294967295, found -1"},
	{"{\"small\":4294967296}",
	 "doc: small: expected a number from 0 to 4294967295, found 4294967296"},
	{"{\"ids\":[1,18446744073709551616]}", "doc: ids[1]: expected a number from 0 to "
					       "4294967295, found 18446744073709551616"},
	{"{\"big\":18446744073709551616}",
	 "doc: big: expected a number from 0 to 18446744073709551615, found "
	 "18446744073709551616"},
	{"{\"number\":9223372036854775808}",
	 "doc: number: expected a number from -9223372036854775808 to "
	 "9223372036854775807, "
	 "found 9223372036854775808"},
	{"{\"number\":-9223372036854775809}",
	 "doc: number: expected a number from -9223372036854775808 to "
	 "9223372036854775807, "
	 "found -9223372036854775809"},
	{"{\"maybeU16\":65536}", "doc: maybeU16: expected a number from 0 to 65535, found 65536"},
	{"{\"big\":1e3}", "doc: big: expected an integer without fraction or exponent, found 1e3"},
	{"{\"big\":1.0}", "doc: big: expected an integer without fraction or exponent, found 1.0"},
	{"{\"small\":01}", "doc: line 1 byte 11: expected ',' or '}', found '1'"},
	{"{\"name\":\"\\u0000\"}", "doc: line 1 byte 10: a string must not hold a NUL byte"},
	{"{\"name\":\"\xff\"}", "doc: line 1 byte 10: a string is not valid UTF-8"},
	{"{\"name\":\"\n\"}",
	 "doc: line 1 byte 10: a control character in a string must be escaped"},
	{"{\"name\":\"\\x\"}", "doc: line 1 byte 11: expected an escape: one of \" \\ / b "
			       "f n r t u, found 'x'"},
	{"{} {}", "doc: line 1 byte 4: expected the end, found '{'"},
	{"{\"name\":\"\\n\\n\",\n?", "doc: line 2 byte 1: expected a name in quotes, found '?'"},
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		auto_arena struct arena a = {0};
		struct thing t = {.small = 77};
		struct err e = {0};

		assert_int_equal(decode(errors[i].text, &thing_type, &t, &a, &e), -EINVAL);
		assert_string_equal(e.text, errors[i].error);
		assert_int_equal(t.small, 77); /* untouched */
	}
}

/* A hostile map: many keys, each twice. Quadratic work would take minutes. */
static void test_many_keys(void **state)
{
	auto_arena struct arena a = {0};
	auto_json_writer struct json_writer w = {0};
	struct thing t;
	char key[16];

	(void)state;
	json_begin_object(&w);
	json_key(&w, "pairs");
	json_begin_object(&w);
	for (int i = 0; i < 200000; i++) {
		snprintf(key, sizeof(key), "%d", i % 100000);
		json_put_string(&w, key, i < 100000 ? "old" : "new");
	}
	json_end_object(&w);
	json_end_object(&w);
	assert_int_equal(json_decode(w.buf, w.len, &thing_type, &t, &a, "doc", NULL), 0);
	assert_int_equal(t.pairs.n, 100000);
	assert_string_equal(((struct pair *)t.pairs.v)[99999].key, "99999");
	assert_string_equal(((struct pair *)t.pairs.v)[0].value, "new");
}

/* ---- writing --------------------------------------------------------------------------------- */

static void test_writer(void **state)
{
	auto_json_writer struct json_writer w = {0};

	(void)state;
	json_begin_object(&w);
	json_put_string(&w, "s", "\"\\/\b\f\n\r\t\x01\x7f \xc3\xa9");
	json_put_string(&w, "bad", "a\xff\xc3(\xed\xa0\x80");
	json_put_string(&w, "null", NULL);
	json_put_int(&w, "i", INT64_MIN);
	json_put_uint(&w, "u", UINT64_MAX);
	json_put_bool(&w, "b", true);
	json_key(&w, "d");
	json_begin_array(&w);
	json_double(&w, 0.1);
	json_double(&w, 1e300);
	json_double(&w, 3);
	json_double(&w, 1.0 / 3);
	json_double(&w, __builtin_inf());
	json_end_array(&w);
	json_key(&w, "empty");
	json_begin_object(&w);
	json_end_object(&w);
	json_end_object(&w);
	assert_string_equal(
		w.buf, "{\"s\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u007f \xc3\xa9\","
		       "\"bad\":\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
		       "\"null\":null,\"i\":-9223372036854775808,\"u\":18446744073709551615,"
		       "\"b\":true,\"d\":[0.1,1e+300,3,0.33333333333333331,null],\"empty\":{}}");
	assert_int_equal(w.len, strlen(w.buf));
}

static void write_sample(struct json_writer *w)
{
	json_begin_object(w);
	json_put_int(w, "a", 1);
	json_key(w, "b");
	json_begin_array(w);
	json_string(w, "x");
	json_begin_object(w);
	json_end_object(w);
	json_begin_array(w);
	json_end_array(w);
	json_end_array(w);
	json_end_object(w);
}

static void test_pretty(void **state)
{
	auto_json_writer struct json_writer blanks = {.is_pretty = true, .indent = 2};
	auto_json_writer struct json_writer tabs = {.is_pretty = true, .is_tabbed = true};

	(void)state;
	write_sample(&blanks);
	assert_string_equal(blanks.buf,
			    "{\n  \"a\": 1,\n  \"b\": [\n    \"x\",\n    {},\n    []\n  ]\n}");
	write_sample(&tabs);
	assert_string_equal(tabs.buf,
			    "{\n\t\"a\": 1,\n\t\"b\": [\n\t\t\"x\",\n\t\t{},\n\t\t[]\n\t]\n}");
}

static void test_round_trip(void **state)
{
	static const char text[] =
		"{\"flag\":true,\"name\":\"n\",\"small\":1,\"big\":18446744073709551615,\"number\":"
		"-3,"
		"\"maybeFlag\":false,\"maybeU16\":0,\"maybeNumber\":-1,\"words\":[\"a\",\"\"],"
		"\"ids\":[0,4294967295],\"pairs\":{\"k\":\"v\"},\"parts\":{\"p\":{\"size\":0}},"
		"\"inner\":{\"x\":\"\"}}";
	auto_arena struct arena a = {0};
	auto_json_writer struct json_writer w = {0};
	struct thing t;

	(void)state;
	assert_int_equal(decode(text, &thing_type, &t, &a, NULL), 0);
	json_encode(&thing_type, &t, &w);
	assert_string_equal(w.buf, text);
}

static void test_raw(void **state)
{
	struct entry {
		const char *key, *value;
	};
	static const struct json_type map = JSON_PAIRS(struct entry, key, value, &json_raw_type);
	static const char text[] = "{\"a\" : { \"b\\n\":[1.50, null] } ,\"c\":\"\\u00e9\"}";
	auto_arena struct arena a = {0};
	auto_json_writer struct json_writer w = {0};
	SLICE(struct entry) v;

	(void)state;
	assert_int_equal(json_decode(text, strlen(text), &map, &v, &a, "x", NULL), 0);
	assert_int_equal(v.n, 2);
	assert_string_equal(v.v[0].value, "{ \"b\\n\":[1.50, null] }");
	json_encode(&map, &v, &w);
	assert_string_equal(w.buf, "{\"a\":{ \"b\\n\":[1.50, null] },\"c\":\"\\u00e9\"}");
	assert_int_equal(json_decode("{\"a\":[1,]}", 10, &map, &v, &a, "x", NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),    cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_nul_bytes),  cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_depth),      cmocka_unit_test(test_size),
		cmocka_unit_test(test_values),     cmocka_unit_test(test_null_and_twice),
		cmocka_unit_test(test_errors),     cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_writer),     cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
