/* SPDX-License-Identifier: Apache-2.0 */
/* rootfs/copyup: modes, links, pipes and times survive, and no link is followed. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/auto.h"
#include "kernel/tree.h"

static char top[32];
static int source_fd, target_fd;

static int open_dir(int at, const char *name)
{
	int fd;

	assert_int_equal(mkdirat(at, name, 0755), 0);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void put_file(int at, const char *name, const char *text, mode_t mode)
{
	int fd = openat(at, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int set_up(void **state)
{
	auto_close int at = -EBADF;

	(void)state;
	strcpy(top, "/tmp/test_copy.XXXXXX");
	assert_non_null(mkdtemp(top));
	at = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	source_fd = open_dir(at, "source");
	target_fd = open_dir(at, "target");
	put_file(at, "outside", "secret", 0600);
	return 0;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *f)
{
	(void)s, (void)type, (void)f;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	close(source_fd);
	close(target_fd);
	return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void expect_mode(const char *path, mode_t mode)
{
	struct stat s;

	if (fstatat(target_fd, path, &s, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	if (s.st_mode != mode)
		fail_msg("%s: mode %o, not %o", path, s.st_mode, mode);
}

static void test_tree(void **state)
{
	const struct timespec old[2] = {{1000, 0}, {2000, 0}};
	char text[32] = {0};
	auto_close int fd = -EBADF;
	struct stat s;

	(void)state;
	close(open_dir(source_fd, "d"));
	close(open_dir(source_fd, "d/e"));
	put_file(source_fd, "d/e/file", "text", 04751);
	assert_int_equal(fchmodat(source_fd, "d", 01777, 0), 0);
	assert_int_equal(symlinkat("../outside", source_fd, "link"), 0);
	assert_int_equal(symlinkat("..", source_fd, "up"), 0);
	assert_int_equal(mkfifoat(source_fd, "pipe", 0640), 0);
	assert_int_equal(utimensat(source_fd, "d/e/file", old, 0), 0);
	assert_int_equal(tree_copy(source_fd, target_fd), 0);
	expect_mode("d", S_IFDIR | 01777);
	expect_mode("d/e", S_IFDIR | 0755);
	expect_mode("d/e/file", S_IFREG | 04751);
	expect_mode("link", S_IFLNK | 0777);
	expect_mode("up", S_IFLNK | 0777);
	expect_mode("pipe", S_IFIFO | 0640);
	assert_int_equal(readlinkat(target_fd, "link", text, sizeof(text)), 10);
	assert_string_equal(text, "../outside");
	fd = openat(target_fd, "d/e/file", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	assert_memory_equal(text, "text", 4);
	assert_int_equal(fstat(fd, &s), 0);
	assert_int_equal(s.st_mtim.tv_sec, 2000);
}

/* A link that waits in the target for a file of that name is not written through. */
static void test_target_link(void **state)
{
	struct stat s;

	(void)state;
	put_file(source_fd, "name", "other", 0644);
	assert_int_equal(symlinkat("../outside", target_fd, "name"), 0);
	assert_int_equal(tree_copy(source_fd, target_fd), -EEXIST);
	assert_int_equal(fstatat(target_fd, "../outside", &s, 0), 0);
	assert_int_equal(s.st_size, strlen("secret"));
}

static void test_depth(void **state)
{
	int fd = dup(source_fd);

	(void)state;
	for (int i = 0; i < 70; i++) {
		int next = open_dir(fd, "d");

		close(fd);
		fd = next;
	}
	close(fd);
	assert_int_equal(tree_copy(source_fd, target_fd), -ELOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tree, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_target_link, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_depth, set_up, tear_down),
	};

	umask(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
