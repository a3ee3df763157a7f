/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of Protocol Buffers: known bytes, a round trip, and bytes that are none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/protobuf.h"

/* The examples of protobuf.dev, "Encoding". */
static void test_known_bytes(void **state)
{
	auto_arena struct arena a = {0};
	struct pb_message m = {.arena = &a}, outer = {.arena = &a};

	(void)state;
	pb_put_uint(&m, 1, 150);
	assert_int_equal(m.n, 3);
	assert_memory_equal(m.v, "\x08\x96\x01", 3);
	pb_put_message(&outer, 3, &m);
	assert_memory_equal(outer.v, "\x1a\x03\x08\x96\x01", 5);
	pb_put_string(&outer, 2, "testing");
	assert_memory_equal(outer.v + 5, "\x12\x07testing", 9);
	pb_put_string(&outer, 9, NULL);
	assert_int_equal(outer.n, 14);
	pb_put_uint(&outer, 1, (uint64_t)-2);
	assert_memory_equal(outer.v + 14, "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
}

static void test_round_trip(void **state)
{
	static const uint64_t values[] = {0, 1, 127, 128, 1 << 20, UINT32_MAX, UINT64_MAX};
	enum { VALUES = sizeof(values) / sizeof(values[0]) };
	auto_arena struct arena a = {0};
	struct pb_message m = {.arena = &a};
	struct pb_field f;
	struct pb_reader r;

	(void)state;
	for (uint32_t i = 0; i < VALUES; i++)
		pb_put_uint(&m, i + 1, values[i]);
	pb_put_string(&m, 1000, "");
	for (int i = 0; i < 100; i++)
		pb_put_string(&m, 2000, "0123456789");
	r = (struct pb_reader){m.v, m.v + m.n};
	for (uint32_t i = 0; i < VALUES; i++) {
		assert_int_equal(pb_next(&r, &f), 1);
		assert_int_equal(f.number, i + 1);
		assert_true(f.value == values[i] && !f.v);
	}
	assert_int_equal(pb_next(&r, &f), 1);
	assert_true(f.number == 1000 && f.v && f.n == 0);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(pb_next(&r, &f), 1);
		assert_int_equal(f.n, 10);
		assert_memory_equal(f.v, "0123456789", 10);
	}
	assert_int_equal(pb_next(&r, &f), 0);
}

static void test_fixed(void **state)
{
	static const unsigned char bytes[] = "\x09\x01\0\0\0\0\0\0\x80\x15\x02\0\0\0";
	struct pb_reader r = {bytes, bytes + sizeof(bytes) - 1};
	struct pb_field f;

	(void)state;
	assert_int_equal(pb_next(&r, &f), 1);
	assert_true(f.number == 1 && f.value == 0x8000000000000001);
	assert_int_equal(pb_next(&r, &f), 1);
	assert_true(f.number == 2 && f.value == 2);
	assert_int_equal(pb_next(&r, &f), 0);
}

static void test_no_message(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} rows[] = {
		{"\x08", 1},     /* no value */
		{"\x08\xff", 2}, /* cut short */
		{"\x12\x05"
		 "abc",
		 5},                                                  /* longer than the rest */
		{"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* much longer */
		{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11}, /* over 64 bits */
		{"\x00\x01", 2},                                      /* field 0 */
		{"\x0b", 1},                                          /* a group */
		{"\x0f", 1},                                          /* no such kind */
		{"\x0d\x01\x02\x03", 4},                              /* three bytes of four */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const unsigned char *p = (const unsigned char *)rows[i].bytes;
		struct pb_reader r = {p, p + rows[i].n};
		struct pb_field f;

		assert_int_equal(pb_next(&r, &f), -EPROTO);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_bytes),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_no_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
