/* SPDX-License-Identifier: Apache-2.0 */
/* Progress: sizes and rows as text, and what a pipe gets. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "image/progress.h"
#include "kernel/fd.h"

static void test_sizes(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} rows[] = {{0, "0B"},           {999, "999B"},         {1000, "1kB"}, {1234567, "1.235MB"},
		    {2000000000, "2GB"}, {INT64_MAX, "9.223EB"}};
	char text[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		progress_size(rows[i].bytes, text);
		assert_string_equal(text, rows[i].text);
	}
}

static void test_rows(void **state)
{
	char text[256];

	(void)state;
	progress_print("abc", "Pulling", 50, 100, 100, text, sizeof(text));
	assert_string_equal(text, "abc: Pulling [===============>              ] 50B/100B");
	progress_print("abc", "Pulling", 200, 100, 100, text, sizeof(text));
	assert_non_null(strstr(text, "[==============================] 200B/100B"));
	progress_print("abc", "Pulling", 50, -1, 100, text, sizeof(text));
	assert_string_equal(text, "abc: Pulling 50B");
	progress_print("abc", "Pulling", 50, 100, 40, text, sizeof(text));
	assert_string_equal(text, "abc: Pulling");
	progress_print("abcdefghij", "Waiting", -1, 0, 8, text, sizeof(text));
	assert_string_equal(text, "abcdefgh");
}

static char *collect(struct arena *a, bool is_quiet)
{
	auto_close int in = -EBADF, out = -EBADF;
	struct progress *p;
	size_t one, two;
	int pair[2];
	char *text;

	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	in = pair[0];
	out = pair[1];
	p = progress_open(out, is_quiet);
	progress_line(p, "begin %d", 1);
	one = progress_row(p, "one");
	two = progress_row(p, "two");
	for (int64_t i = 0; i < 100; i++)
		progress_set(p, one, "Pulling", i, 100);
	progress_done(p, two, "Already exists");
	progress_done(p, one, "Pull complete");
	progress_close(p);
	close(TAKE_FD(out));
	assert_int_equal(fd_read_all(in, a, 4096, &text, NULL), 0);
	return text;
}

static void test_pipe(void **state)
{
	auto_arena struct arena a = {0};

	(void)state;
	assert_string_equal(collect(&a, false),
			    "begin 1\ntwo: Already exists\none: Pull complete\n");
	assert_string_equal(collect(&a, true), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
