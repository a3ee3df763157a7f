/* SPDX-License-Identifier: Apache-2.0 */
/* Logs: lines and parts, bytes of any kind, rotation, damage, choosing, following. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/json.h"
#include "engine/container/attach_packet.h"
#include "engine/container/record.h"
#include "engine/log/chain.h"
#include "engine/log/line.h"
#include "engine/log/log.h"
#include "engine/log/sink.h"
#include "kernel/fd.h"
#include "kernel/sys.h"
#include "kernel/tree.h"

#define SECOND INT64_C(1000000000)

struct fixture {
	char path[32];
	int dir;
	struct record record;
	struct arena arena;
};

static int make_dir(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->path, "/tmp/test_log.XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	f->dir = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->record.name = "box";
	f->record.log.driver = "json-file";
	f->record.log.max_size = 10 << 20;
	f->record.log.max_files = 3;
	*state = f;
	return f->dir < 0 ? -1 : 0;
}

static int remove_dir(void **state)
{
	struct fixture *f = *state;

	close(f->dir);
	tree_remove_at(AT_FDCWD, f->path);
	arena_free(&f->arena);
	free(f);
	return 0;
}

static struct log_writer *open_log(struct fixture *f)
{
	struct log_writer *w = NULL;

	assert_int_equal(log_writer_open(f->dir, &f->record, &w, NULL), 0);
	return w;
}

static void put(struct log_writer *w, int stream, const char *text, int64_t time_ns)
{
	log_writer_put(w, stream, text, strlen(text), time_ns);
}

static char *read_file(struct fixture *f, const char *name, size_t *ret_n)
{
	char *text = NULL;

	return file_read_at(f->dir, name, &f->arena, 64 << 20, &text, ret_n) < 0 ? NULL : text;
}

/* What log_print writes to descriptor 1 (and 2, where both is set). */
static char *print(struct fixture *f, const struct log_query *q, bool both, size_t *ret_n)
{
	int saved[3] = {-1, dup(1), dup(2)}, r;
	int out = openat(f->dir, "printed", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	int none = open("/dev/null", O_WRONLY);

	fflush(stdout);
	dup2(out, 1);
	dup2(both ? out : none, 2);
	r = log_print(f->dir, &f->record, q, NULL);
	dup2(saved[1], 1);
	dup2(saved[2], 2);
	close(saved[1]);
	close(saved[2]);
	close(out);
	close(none);
	assert_int_equal(r, 0);
	return read_file(f, "printed", ret_n);
}

static char *print_all(struct fixture *f, size_t *ret_n)
{
	struct log_query q = {.tail = -1, .wants_out = true, .wants_err = true};

	return print(f, &q, true, ret_n);
}

static void test_format(void **state)
{
	struct fixture *f = *state;
	struct log_writer *w = open_log(f);

	put(w, 1, "hello \"x\"\n", 6);
	put(w, 2, "\ttab\n", SECOND);
	log_writer_close(w);
	assert_string_equal(
		read_file(f, "log.json", NULL),
		"{\"log\":\"hello \\\"x\\\"\\n\",\"stream\":\"stdout\",\"time\":\"1970-01-01T00:00:"
		"00.000000006Z\"}\n"
		"{\"log\":\"\\ttab\\n\",\"stream\":\"stderr\",\"time\":\"1970-01-01T00:00:01."
		"000000000Z\"}\n");
}

static void test_any_bytes(void **state)
{
	struct fixture *f = *state;
	struct log_writer *w = open_log(f);
	size_t n = 100000, got;
	char *bytes = arena_alloc(&f->arena, n), *text;
	unsigned seed = 7;

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i < 256 ? (int)i : rand_r(&seed) & 0xff);
	/* In pieces of all sizes. */
	for (size_t at = 0, piece = 1; at < n; at += piece, piece = piece * 2 % 30011) {
		if (at + piece > n)
			piece = n - at;
		log_writer_put(w, 1, bytes + at, piece, SECOND);
		log_writer_flush(w);
	}
	log_writer_close(w);
	text = print_all(f, &got);
	assert_int_equal(got, n);
	assert_memory_equal(text, bytes, n);
}

/* Each line is strict JSON but for the lone surrogates, and a character is never cut in two. */
static void test_long_lines_are_parts(void **state)
{
	struct fixture *f = *state;
	struct log_writer *w = open_log(f);
	size_t n = 50000, got;
	char *text = arena_alloc(&f->arena, n + 1), *log, *save = NULL;
	unsigned lines = 0;

	for (size_t i = 0; i + 2 < n; i += 3)
		memcpy(text + i, "\xe2\x82\xac", 3);
	memcpy(text + n - 2, "x\n", 2);
	log_writer_put(w, 1, text, n, SECOND);
	log_writer_close(w);
	log = read_file(f, "log.json", NULL);
	assert_null(strstr(log, "\\udc"));
	for (char *line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct log_line l;

		assert_int_equal(log_line_parse(line, strlen(line), &l), 0);
		assert_int_equal(l.ends, ++lines == 4);
	}
	assert_int_equal(lines, 4);
	assert_memory_equal(print_all(f, &got), text, n);
	assert_int_equal(got, n);
}

static void test_parts_and_times(void **state)
{
	struct fixture *f = *state;
	struct log_writer *w = open_log(f);
	struct log_query q = {.tail = -1, .shows_time = true, .wants_out = true};

	put(w, 1, "pro", SECOND);
	assert_true(log_writer_is_waiting(w));
	log_writer_flush(w);
	assert_string_equal(read_file(f, "log.json", NULL), "");
	log_writer_flush_parts(w);
	assert_false(log_writer_is_waiting(w));
	put(w, 1, "mpt\nnext\n", 2 * SECOND);
	log_writer_close(w);
	assert_string_equal(print(f, &q, false, NULL), "1970-01-01T00:00:01.000000000Z prompt\n"
						       "1970-01-01T00:00:02.000000000Z next\n");
}

static void write_numbers(struct fixture *f, int from, int to)
{
	struct log_writer *w = open_log(f);
	char line[32];

	for (int i = from; i < to; i++) {
		snprintf(line, sizeof(line), "%d\n", i);
		put(w, 1 + i % 2, line, i * SECOND);
		if (i % 7 == 0)
			log_writer_flush(w);
	}
	log_writer_close(w);
}

static void test_choosing(void **state)
{
	struct fixture *f = *state;
	struct log_query q = {.tail = 3, .wants_out = true, .wants_err = true};

	f->record.log.max_size = 400; /* a few lines a file */
	f->record.log.max_files = 100;
	write_numbers(f, 0, 50);
	assert_string_equal(print(f, &q, true, NULL), "47\n48\n49\n");
	q.tail = 0;
	assert_string_equal(print(f, &q, true, NULL), "");
	q.tail = -1;
	q.since_ns = 10 * SECOND;
	q.until_ns = 14 * SECOND;
	assert_string_equal(print(f, &q, true, NULL), "10\n11\n12\n13\n");
	q.wants_err = false;
	assert_string_equal(print(f, &q, true, NULL), "10\n12\n");
	q = (struct log_query){.tail = 1000, .wants_out = true, .wants_err = true};
	assert_memory_equal(print(f, &q, true, NULL), "0\n1\n2\n", 6);
}

static void test_tail_counts_lines_not_parts(void **state)
{
	struct fixture *f = *state;
	struct log_writer *w = open_log(f);
	struct log_query q = {.tail = 2, .wants_out = true};

	put(w, 1, "one\ntwo", 1);
	log_writer_flush_parts(w);
	put(w, 1, " and", 2);
	log_writer_flush_parts(w);
	put(w, 1, " more\nthree\n", 3);
	log_writer_close(w);
	assert_string_equal(print(f, &q, false, NULL), "two and more\nthree\n");
	q.tail = 1;
	assert_string_equal(print(f, &q, false, NULL), "three\n");
}

static void test_rotation_bounds(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	f->record.log.max_size = 1000;
	write_numbers(f, 0, 500);
	for (int i = 0; i < 3; i++) {
		char name[32];

		snprintf(name, sizeof(name), i ? "log.json.%d" : "log.json", i);
		assert_int_equal(fstatat(f->dir, name, &st, 0), 0);
		assert_true(st.st_size <= 1000 && st.st_size > 0);
	}
	assert_int_equal(faccessat(f->dir, "log.json.3", F_OK, 0), -1);
	f->record.log.max_files = 1;
	write_numbers(f, 500, 600);
	assert_int_equal(fstatat(f->dir, "log.json", &st, 0), 0);
	assert_true(st.st_size <= 1000);
}

/* A writer that was killed in the middle of a line. */
static void test_a_torn_line_is_cut_off(void **state)
{
	struct fixture *f = *state;
	int fd;
	size_t n;

	write_numbers(f, 1, 4);
	fd = openat(f->dir, "log.json", O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "{\"log\":\"4\\n\",\"str", 17), 17);
	close(fd);
	assert_string_equal(print_all(f, &n), "1\n2\n3\n");
	write_numbers(f, 5, 6);
	assert_string_equal(print_all(f, &n), "1\n2\n3\n5\n");
	assert_null(strstr(read_file(f, "log.json", NULL), "\"4\\n"));
}

static void test_labels(void **state)
{
	struct fixture *f = *state;
	struct oci_pair option = {"labels", "team,nothing"},
			labels[] = {{"team", "a\",\"time\":\"b"}};
	struct log_query q = {.tail = -1, .shows_details = true, .wants_out = true};
	struct log_writer *w;

	f->record.log.options = (struct oci_pairs){&option, 1};
	f->record.labels = (struct oci_pairs){labels, 1};
	w = open_log(f);
	put(w, 1, "x\n", SECOND);
	log_writer_close(w);
	assert_string_equal(print(f, &q, false, NULL), "team=a\",\"time\":\"b x\n");
}

static void test_drivers(void **state)
{
	struct fixture *f = *state;
	struct log_query q = {.tail = -1, .wants_out = true};
	struct log_writer *w;
	struct err e = {0};

	f->record.log.driver = "none";
	w = open_log(f);
	put(w, 1, "x\n", 1);
	assert_int_equal(log_writer_flush(w), 0);
	assert_int_equal(log_writer_dropped(w), 0);
	log_writer_close(w);
	assert_int_equal(faccessat(f->dir, "log.json", F_OK, 0), -1);
	assert_int_equal(log_print(f->dir, &f->record, &q, &e), -ENOTSUP);
	f->record.log.driver = "syslog";
	e.code = 0;
	assert_int_equal(log_writer_open(f->dir, &f->record, &w, &e), -EINVAL);
	assert_non_null(strstr(e.text, "json-file"));
}

/* A reader follows through many rotations while the writer, who holds the container's lock, writes. */
static void test_follow_through_rotations(void **state)
{
	struct fixture *f = *state;
	struct log_query q = {.tail = -1, .follows = true, .wants_out = true, .wants_err = true};
	enum { LINES = 20000 };
	char *text, *at;
	size_t n;
	int status;
	pid_t writer;
	int started[2];

	f->record.log.max_size = 64 * 1024;
	f->record.log.max_files = 200;
	assert_int_equal(pipe(started), 0);
	writer = fork();
	if (writer == 0) {
		int lock = record_lock(f->dir, true, NULL);

		close(started[0]);
		close(started[1]);
		write_numbers(f, 0, LINES);
		close(lock);
		_exit(0);
	}
	close(started[1]);
	assert_int_equal(read(started[0], &status, 1), 0);
	close(started[0]);
	text = print(f, &q, true, &n);
	waitpid(writer, &status, 0);
	at = text;
	for (int i = 0; i < LINES; i++) {
		char line[16];
		int length = snprintf(line, sizeof(line), "%d\n", i);

		assert_memory_equal(at, line, (size_t)length);
		at += length;
	}
	assert_int_equal(at - text, n);
}

static void test_chain_sees_rotations(void **state)
{
	struct fixture *f = *state;
	struct chain c = {.dir_fd = f->dir};

	assert_int_equal(chain_look(&c), 0);
	write_numbers(f, 0, 5);
	assert_int_equal(chain_look(&c), 1);
	assert_int_equal(chain_look(&c), 0);
	f->record.log.max_size = 100;
	write_numbers(f, 5, 7); /* two rotations, three files: ours is the last */
	assert_int_equal(chain_look(&c), 1);
	assert_int_equal(c.n - c.first, 3);
	write_numbers(f, 7, 20); /* ours is gone */
	assert_int_equal(chain_look(&c), 2);
	chain_close(&c);
}

static void test_foreign_lines(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"{}",
		"{\"log\":\"",
		"{\"log\":\"x",
		"{\"log\":\"x\\",
		"{\"log\":\"x\"}",
		"{\"log\":\"x\",\"stream\":\"stdout\"}",
		"{\"log\":\"\\\"}",
		"{\"log\":\"\\u12\"}",
	};
	struct log_line l;
	char out[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(log_line_parse(bad[i], strlen(bad[i]), &l), -EINVAL);
	l = (struct log_line){.text = "\\ud83d\\ude00\\u003c\\udcff\\ud800", .text_n = 30};
	assert_int_equal(log_line_unescape(&l, out), 9);
	assert_memory_equal(out, "\xf0\x9f\x98\x80<\xff\xef\xbf\xbd", 9);
	l = (struct log_line){.text = "a\\u1", .text_n = 4};
	assert_int_equal(log_line_unescape(&l, out), 1);
}

static void test_detach_keys(void **state)
{
	char keys[4];

	(void)state;
	assert_int_equal(attach_parse_keys("ctrl-p,ctrl-q", keys, sizeof(keys)), 2);
	assert_memory_equal(keys, "\x10\x11", 2);
	assert_int_equal(attach_parse_keys("a,ctrl-],ctrl-@", keys, sizeof(keys)), 3);
	assert_memory_equal(keys, "a\x1d\0", 3);
	assert_int_equal(attach_parse_keys("", keys, sizeof(keys)), 0);
	assert_int_equal(attach_parse_keys("ctrl-", keys, sizeof(keys)), -EINVAL);
	assert_int_equal(attach_parse_keys("ctrl-1", keys, sizeof(keys)), -EINVAL);
	assert_int_equal(attach_parse_keys("a,b,c,d,e", keys, sizeof(keys)), -EINVAL);
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(format),
		T(any_bytes),
		T(long_lines_are_parts),
		T(parts_and_times),
		T(choosing),
		T(tail_counts_lines_not_parts),
		T(rotation_bounds),
		T(a_torn_line_is_cut_off),
		T(labels),
		T(drivers),
		T(follow_through_rotations),
		T(chain_sees_rotations),
		T(foreign_lines),
		T(detach_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
