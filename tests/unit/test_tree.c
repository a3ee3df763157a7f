/* SPDX-License-Identifier: Apache-2.0 */
/* Removing and measuring whole folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/auto.h"
#include "kernel/sys.h"
#include "kernel/tree.h"

static int make_place(char *path)
{
	strcpy(path, "/tmp/berth-tree-XXXXXX");
	assert_non_null(mkdtemp(path));
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void put_file(int dir, const char *name)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
}

static void test_files_folders_links(void **state)
{
	char path[64];
	auto_close int dir = make_place(path);
	int64_t bytes = -1, entries = -1;
	struct stat st;

	(void)state;
	put_file(dir, "outside");
	assert_int_equal(mkdirat(dir, "t", 0700), 0);
	assert_int_equal(mkdirat(dir, "t/a", 0700), 0);
	assert_int_equal(mkdirat(dir, "t/a/b", 0700), 0);
	put_file(dir, "t/a/f");
	assert_int_equal(symlinkat("..", dir, "t/up"), 0);
	assert_int_equal(symlinkat("../outside", dir, "t/a/out"), 0);
	assert_int_equal(fchmodat(dir, "t/a/b", 0, 0), 0);
	assert_int_equal(tree_size_at(dir, "t", &bytes, &entries), 0);
	assert_int_equal(entries, 5);
	assert_true(bytes >= 512);
	assert_int_equal(tree_remove_at(dir, "t"), 0);
	assert_int_equal(fstatat(dir, "t", &st, 0), -1);
	assert_int_equal(fstatat(dir, "outside", &st, 0), 0);
	assert_int_equal(tree_remove_at(dir, "t"), 0);
	assert_int_equal(tree_remove_at(dir, "outside"), 0);
	assert_int_equal(rmdir(path), 0);
}

static void test_deeper_than_descriptors(void **state)
{
	char path[64];
	auto_close int dir = make_place(path);
	auto_close int fd = -EBADF;

	(void)state;
	assert_int_equal(mkdirat(dir, "t", 0700), 0);
	fd = openat(dir, "t", O_PATH | O_CLOEXEC);
	for (int i = 0; i < 3000; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		next = openat(fd, "d", O_PATH | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	assert_int_equal(tree_remove_at(dir, "t"), 0);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_folders_links),
		cmocka_unit_test(test_deeper_than_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
