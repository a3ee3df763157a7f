/* SPDX-License-Identifier: Apache-2.0 */
/* Durations in Go's grammar and sizes in Docker's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/quantity.h"

struct row {
	const char *text;
	int64_t want; /* what *ret holds after the call */
	int want_r;
};

#define MILLI 1000000LL
#define SECOND (1000 * MILLI)
#define BAD(text, r)        \
	{                   \
		text, 77, r \
	}

static const struct row durations[] = {
	{"0", 0, 0},
	{"+0", 0, 0},
	{"0s", 0, 0},
	{"5s", 5 * SECOND, 0},
	{"+5s", 5 * SECOND, 0},
	{"-5s", -5 * SECOND, 0},
	{"1.5s", 1500 * MILLI, 0},
	{".5s", 500 * MILLI, 0},
	{"1.s", SECOND, 0},
	{"300ms", 300 * MILLI, 0},
	{"1m30s", 90 * SECOND, 0},
	{"1h1m1s1ms1us1ns", 3661 * SECOND + MILLI + 1001, 0},
	{"7\302\265s", 7000, 0},
	{"7\316\274s", 7000, 0},
	{"1ns", 1, 0},
	{"0.9ns", 0, 0},
	{"0.333333333333333333333h", 1200 * SECOND - 1, 0},
	{"9223372036854775807ns", INT64_MAX, 0},
	BAD("", -EINVAL),
	BAD("-", -EINVAL),
	BAD("5", -EINVAL),
	BAD(".s", -EINVAL),
	BAD("s", -EINVAL),
	BAD("5d", -EINVAL),
	BAD("5s ", -EINVAL),
	BAD(" 5s", -EINVAL),
	BAD("1e3s", -EINVAL),
	BAD("0x1s", -EINVAL),
	BAD("inf", -EINVAL),
	BAD("nan", -EINVAL),
	BAD("1s-1s", -EINVAL),
	BAD("9223372036854775808ns", -ERANGE),
	BAD("2562048h", -ERANGE),
	BAD("99999999999999999999s", -ERANGE),
};

static const struct row sizes[] = {
	{"0", 0, 0},
	{"1024", 1024, 0},
	{"1b", 1, 0},
	{"1k", 1 << 10, 0},
	{"1K", 1 << 10, 0},
	{"1kb", 1 << 10, 0},
	{"1KiB", 1 << 10, 0},
	{"1 kB", 1 << 10, 0},
	{"64m", 64 << 20, 0},
	{"64MiB", 64 << 20, 0},
	{"1.5g", 3LL << 29, 0},
	{"0.5k", 512, 0},
	{"1t", 1LL << 40, 0},
	{"1p", 1LL << 50, 0},
	{"8191p", 8191LL << 50, 0},
	{"9223372036854775807", INT64_MAX, 0},
	BAD("", -EINVAL),
	BAD("k", -EINVAL),
	BAD("-1", -EINVAL),
	BAD("+1", -EINVAL),
	BAD(" 1", -EINVAL),
	BAD("1  k", -EINVAL),
	BAD("1kk", -EINVAL),
	BAD("1x", -EINVAL),
	BAD("1kbx", -EINVAL),
	BAD("0x10", -EINVAL),
	BAD("1e3", -EINVAL),
	BAD("8192p", -ERANGE),
	BAD("9223372036854775808", -ERANGE),
	BAD("99999999999999999999999", -ERANGE),
};

static void check(const struct row *row, int (*read)(const char *, int64_t *))
{
	int64_t got = 77; /* untouched on failure */
	int r = read(row->text, &got);

	if (r != row->want_r || got != row->want)
		fail_msg("\"%s\": returned %d, %lld; want %d, %lld", row->text, r, (long long)got,
			 row->want_r, (long long)row->want);
}

static void test_durations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(durations); i++)
		check(&durations[i], quantity_to_ns);
}

static void test_sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		check(&sizes[i], quantity_to_bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
