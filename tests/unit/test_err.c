/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as values, the log's lines, and the arena that both stand on. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"

static void test_err(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(err_sys(&e, -ENOENT, "open %s", "/x"), -ENOENT);
	assert_int_equal(e.code, ENOENT);
	assert_string_equal(e.text, "open /x: no such file or directory");
	/* Who knows the object comes first; later callers change nothing. */
	assert_int_equal(err_say(&e, -EINVAL, "other"), -EINVAL);
	assert_int_equal(e.code, ENOENT);
	assert_int_equal(err_within(&e, "container %s", "c1"), -ENOENT);
	assert_string_equal(e.text, "container c1: open /x: no such file or directory");
	assert_int_equal(err_say(NULL, -EIO, "x"), -EIO);
	assert_int_equal(err_sys(NULL, -EIO, "x"), -EIO);
	assert_string_equal(err_text(EIO), "input/output error");
}

static void test_err_one_line(void **state)
{
	struct err e = {0};

	(void)state;
	err_say(&e, -EINVAL, "a\nb\x1b[31m");
	assert_string_equal(e.text, "a b [31m");
}

static void test_err_long(void **state)
{
	char text[2000];
	struct err e = {0};

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	err_sys(&e, -ENOENT, "%s", text);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	err_within(&e, "%s", text);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

/* Sets the log up on a pipe, runs log_write, gives back what came out. */
static void log_one(struct log_options o, enum log_level level, const char *msg, char *ret,
		    size_t n)
{
	const struct log_options stderr_again = {.fd = STDERR_FILENO};
	int fds[2];
	ssize_t got;

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	o.fd = fds[1];
	log_setup(&o);
	log_write(level, "%s", msg);
	log_setup(&stderr_again);
	got = read(fds[0], ret, n - 1);
	ret[got < 0 ? 0 : got] = '\0';
	close(fds[0]);
	close(fds[1]);
}

/* Replaces the time by T, since it is never the same. */
static void hide_time(char *line)
{
	char *t = strstr(line, "20");

	assert_non_null(t);
	assert_int_equal(t[10], 'T');
	assert_int_equal(t[19], 'Z');
	memmove(t + 1, t + 20, strlen(t + 20) + 1);
	*t = 'T';
}

static void test_log(void **state)
{
	char line[512];

	(void)state;
	log_one((struct log_options){.is_json = true}, LOG_LEVEL_ERROR, "a \"b\"\n\xff", line,
		sizeof(line));
	hide_time(line);
	assert_string_equal(
		line,
		"{\"level\":\"error\",\"msg\":\"a \\\"b\\\"\\n\xef\xbf\xbd\",\"time\":\"T\"}\n");
	log_one((struct log_options){0}, LOG_LEVEL_WARNING, "a \"b\"\nc", line, sizeof(line));
	hide_time(line);
	assert_string_equal(line, "time=\"T\" level=warning msg=\"a \\\"b\\\"\\nc\"\n");
	log_one((struct log_options){0}, LOG_LEVEL_DEBUG, "x", line, sizeof(line));
	assert_string_equal(line, "");
	log_one((struct log_options){.is_debug = true}, LOG_LEVEL_DEBUG, "x", line, sizeof(line));
	hide_time(line);
	assert_string_equal(line, "time=\"T\" level=debug msg=\"x\"\n");
	log_one((struct log_options){.name = "berth"}, LOG_LEVEL_WARNING, "a \033[1mb\nc", line,
		sizeof(line));
	assert_string_equal(line, "berth: warning: a ?[1mb?c\n");
	assert_false(log_is_debug());
}

static void test_arena(void **state)
{
	auto_arena struct arena a = {0};
	char *p = arena_alloc(&a, 3), *q;

	(void)state;
	memset(p, 1, 3);
	/* The last block grows where it is, with zeros. */
	q = arena_grow(&a, p, 3, 100);
	assert_ptr_equal(p, q);
	assert_int_equal(q[2], 1);
	for (int i = 16; i < 100; i++)
		assert_int_equal(q[i], 0);
	/* Another block behind it: it moves. */
	arena_alloc(&a, 1);
	p = arena_grow(&a, q, 100, 200);
	assert_ptr_not_equal(p, q);
	assert_int_equal(p[2], 1);
	/* Beyond the chunk: it moves. */
	q = arena_grow(&a, p, 200, 1 << 20);
	assert_ptr_not_equal(p, q);
	assert_int_equal(q[2], 1);
	assert_int_equal(q[(1 << 20) - 1], 0);
	assert_non_null(arena_grow(&a, NULL, 0, 8));
	assert_int_equal((uintptr_t)arena_alloc(&a, 1) % _Alignof(max_align_t), 0);
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
	assert_string_equal(arena_strndup(&a, "abc", 2), "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err),      cmocka_unit_test(test_err_one_line),
		cmocka_unit_test(test_err_long), cmocka_unit_test(test_log),
		cmocka_unit_test(test_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
