/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: comparisons, strict numbers, cleaned paths. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/str.h"

static void test_compare(void **state)
{
	(void)state;
	assert_true(str_eq("a", "a"));
	assert_false(str_eq("a", "b"));
	assert_true(str_eq(NULL, NULL));
	assert_false(str_eq(NULL, ""));
	assert_true(str_starts("abc", "ab"));
	assert_true(str_starts("abc", ""));
	assert_false(str_starts("a", "ab"));
	assert_true(str_ends("abc", "bc"));
	assert_true(str_ends("abc", ""));
	assert_false(str_ends("c", "bc"));
}

static void test_index(void **state)
{
	static const char *const table[] = {"a", NULL, "b"};

	(void)state;
	assert_int_equal(str_index("a", table, ARRAY_LEN(table)), 0);
	assert_int_equal(str_index("b", table, ARRAY_LEN(table)), 2);
	assert_int_equal(str_index("c", table, ARRAY_LEN(table)), -1);
	assert_int_equal(str_index("a", table, 0), -1);
}

static void test_numbers(void **state)
{
	static const char *const bad[] = {"",  " 1", "1 ",  "+1",  "0x1", "1a",
					  "a", "-",  "--1", "1.0", "\t1"};
	uint64_t u64 = 7;
	uint32_t u32 = 7;
	int64_t i64 = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(str_to_u64(bad[i], &u64), -EINVAL);
		assert_int_equal(str_to_i64(bad[i], &i64), -EINVAL);
		assert_int_equal(str_to_u32(bad[i], &u32), -EINVAL);
	}
	assert_int_equal(str_to_u64("-1", &u64), -EINVAL);
	assert_int_equal(str_to_u64("18446744073709551616", &u64), -ERANGE);
	assert_int_equal(str_to_u32("4294967296", &u32), -ERANGE);
	assert_int_equal(str_to_i64("9223372036854775808", &i64), -ERANGE);
	assert_int_equal(str_to_i64("-9223372036854775809", &i64), -ERANGE);
	assert_true(u64 == 7 && u32 == 7 && i64 == 7); /* untouched */
	assert_int_equal(str_to_u64("18446744073709551615", &u64), 0);
	assert_true(u64 == UINT64_MAX);
	assert_int_equal(str_to_u32("4294967295", &u32), 0);
	assert_true(u32 == UINT32_MAX);
	assert_int_equal(str_to_i64("-9223372036854775808", &i64), 0);
	assert_true(i64 == INT64_MIN);
	assert_int_equal(str_to_i64("9223372036854775807", &i64), 0);
	assert_true(i64 == INT64_MAX);
	assert_int_equal(str_to_u64("007", &u64), 0);
	assert_int_equal(u64, 7);
}

static void test_clean_path(void **state)
{
	static const struct {
		const char *path, *clean;
	} cases[] = {
		{"/", "/"},
		{"//", "/"},
		{"/a//b/", "/a/b"},
		{"/a/./b", "/a/b"},
		{"/a/../b", "/b"},
		{"/../..", "/"},
		{"/../a", "/a"},
		{"/a/b/../..", "/"},
		{"", "."},
		{".", "."},
		{"a/..", "."},
		{"../a", "../a"},
		{"a/../../b", "../b"},
		{"../..", "../.."},
		{"../../a/..", "../.."},
		{"/...", "/..."},
		{"/..a", "/..a"},
		{"./a", "a"},
		{"a/b/..", "a"},
		{"/a/..", "/"},
		{"../a/../..", "../.."},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a = {0};

		assert_string_equal(str_clean_path(&a, cases[i].path), cases[i].clean);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_clean_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
