/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/path: openat2 and the walk give the same answers over a tree full of traps. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "kernel/path.h"

static char top[] = "/tmp/test_path.XXXXXX";
static int root_fd;

static void put_file(const char *path, const char *text)
{
	int fd = openat(root_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void put_link(const char *path, const char *text)
{
	assert_int_equal(symlinkat(text, root_fd, path), 0);
}

static int set_up(void **state)
{
	char long_text[PATH_MAX];

	(void)state;
	strcpy(top + strlen(top) - 6, "XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(long_text, sizeof(long_text), "%s/root", top);
	assert_int_equal(mkdir(long_text, 0755), 0);
	root_fd = open(long_text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root_fd >= 0);
	assert_int_equal(mkdirat(root_fd, "a", 0755), 0);
	assert_int_equal(mkdirat(root_fd, "a/b", 0755), 0);
	assert_int_equal(mkdirat(root_fd, "etc", 0755), 0);
	put_file("etc/passwd", "inside\n");
	put_file("a/b/file", "file\n");
	put_link("abs", "/etc/passwd");
	put_link("abs-dir", "/a");
	put_link("climb", "../../../../../../etc/passwd");
	put_link("a/up", "../etc");
	put_link("a/b/chain", "/abs-dir/up/passwd");
	put_link("loop1", "loop2");
	put_link("loop2", "loop1");
	put_link("self", "self/x");
	put_link("dangling", "/not/there");
	put_link("dangling-file", "etc/made-by-link");
	put_link("magic", "/proc/self/root");
	put_link("slash", "/");
	put_link("dir-slash", "a/b/");
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
	path_use_fallback(false);
	close(root_fd);
	return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The answer as text: an errno, or what kind of thing with which inode was opened. */
static void answer(int fd, char *text, size_t size)
{
	struct stat s;

	if (fd < 0) {
		snprintf(text, size, "%s", strerror(-fd));
		return;
	}
	assert_int_equal(fstat(fd, &s), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	snprintf(text, size, "mode %o inode %lu", s.st_mode, (unsigned long)s.st_ino);
	close(fd);
}

static void same_inode(const char *path, int flags, const char *expected)
{
	auto_close int fd = path_open_in_root(root_fd, path, flags, 0);
	struct stat a, b;

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(-fd));
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(fstatat(root_fd, expected, &b, AT_SYMLINK_NOFOLLOW), 0);
	if (a.st_ino != b.st_ino || a.st_dev != b.st_dev)
		fail_msg("%s is not %s", path, expected);
}

static void test_stays_below(void)
{
	same_inode("etc/passwd", O_RDONLY, "etc/passwd");
	same_inode("/etc//./passwd", O_RDONLY, "etc/passwd");
	same_inode("../../etc/passwd", O_RDONLY, "etc/passwd");
	same_inode("a/../../../etc/passwd", O_RDONLY, "etc/passwd");
	same_inode("abs", O_RDONLY, "etc/passwd");
	same_inode("climb", O_RDONLY, "etc/passwd");
	same_inode("abs-dir/b/file", O_RDONLY, "a/b/file");
	same_inode("abs-dir/b/../up/passwd", O_RDONLY, "etc/passwd");
	same_inode("a/b/chain", O_RDONLY, "etc/passwd");
	same_inode("abs", O_PATH | O_NOFOLLOW, "abs");
	same_inode("/", O_PATH, ".");
	same_inode("slash/slash/a", O_PATH, "a");
	same_inode("slash", O_PATH, ".");
	same_inode("dir-slash/file", O_RDONLY, "a/b/file");
	same_inode("a/b/..", O_PATH, "a");
	same_inode("abs-dir/", O_PATH | O_NOFOLLOW, "a");
}

static void test_refusals(void)
{
	const struct {
		const char *path;
		int flags, expected;
	} row[] = {
		{"", O_PATH, -ENOENT},
		{"nothing", O_PATH, -ENOENT},
		{"dangling", O_RDONLY, -ENOENT},
		{"loop1", O_RDONLY, -ELOOP},
		{"self", O_RDONLY, -ELOOP},
		{"abs", O_RDONLY | O_NOFOLLOW, -ELOOP},
		{"etc/passwd/x", O_RDONLY, -ENOTDIR},
		{"etc/passwd/", O_RDONLY, -ENOTDIR},
		{"etc/passwd", O_PATH | O_DIRECTORY, -ENOTDIR},
		{"a", O_WRONLY, -EISDIR},
		{"magic/etc", O_PATH, -ENOENT}, /* the link stays below the root: no proc there */
		{"etc/passwd", O_WRONLY | O_CREAT | O_EXCL, -EEXIST},
		{"dangling", O_WRONLY | O_CREAT | O_EXCL, -EEXIST},
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		int fd = path_open_in_root(root_fd, row[i].path, row[i].flags, 0644);

		if (fd != row[i].expected)
			fail_msg("%s: %d (%s), not %s", row[i].path, fd, strerror(-fd),
				 strerror(-row[i].expected));
	}
}

static void test_create(void)
{
	int fd = path_open_in_root(root_fd, "abs-dir/new", O_WRONLY | O_CREAT, 0640);
	struct stat s;

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fstatat(root_fd, "a/new", &s, 0), 0);
	assert_int_equal(s.st_mode & 0777, 0640);
	fd = path_open_in_root(root_fd, "dangling-file", O_WRONLY | O_CREAT, 0640);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fstatat(root_fd, "etc/made-by-link", &s, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(unlinkat(root_fd, "a/new", 0), 0);
	assert_int_equal(unlinkat(root_fd, "etc/made-by-link", 0), 0);
}

static void test_mkdirs(void)
{
	int fd = path_mkdirs_in_root(root_fd, "/x/y/../z", 0755);
	struct stat s, t;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &s), 0);
	close(fd);
	assert_int_equal(fstatat(root_fd, "x/z", &t, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(s.st_ino, t.st_ino);
	assert_int_equal(fstatat(root_fd, "x/y", &t, AT_SYMLINK_NOFOLLOW), 0);
	/* a dangling link is followed below the root */
	fd = path_mkdirs_in_root(root_fd, "dangling/more", 0755);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fstatat(root_fd, "not/there/more", &t, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(path_mkdirs_in_root(root_fd, "etc/passwd", 0755), -ENOTDIR);
	assert_int_equal(path_mkdirs_in_root(root_fd, "etc/passwd/x", 0755), -ENOTDIR);
	assert_int_equal(path_mkdirs_in_root(root_fd, "loop1/x", 0755), -ELOOP);
}

static void test_mkfile(void)
{
	static const char *const missing[] = {"f1/f2/file", "dangling2", "a/up/new-file"};
	struct stat s, t;
	int fd;

	put_link("dangling2", "../run/deep/stub");
	for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
		fd = path_mkfile_in_root(root_fd, missing[i], 0644);
		if (fd < 0)
			fail_msg("%s: %s", missing[i], strerror(-fd));
		assert_int_equal(fstat(fd, &s), 0);
		assert_true(S_ISREG(s.st_mode));
		close(fd);
	}
	assert_int_equal(fstatat(root_fd, "run/deep/stub", &t, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(fstatat(root_fd, "etc/new-file", &t, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(s.st_ino, t.st_ino);
	fd = path_mkfile_in_root(root_fd, "abs", 0644);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(path_mkfile_in_root(root_fd, "loop1", 0644), -ELOOP);
	assert_int_equal(path_mkfile_in_root(root_fd, "etc/passwd/x", 0644), -ENOTDIR);
}

static void test_parent(void)
{
	char name[NAME_MAX + 1], a[64], b[64];
	int fd = path_open_parent_in_root(root_fd, "/abs-dir/b/file/", false, name, sizeof(name));

	assert_true(fd >= 0);
	assert_string_equal(name, "file");
	answer(fd, a, sizeof(a));
	answer(openat(root_fd, "a/b", O_PATH | O_CLOEXEC), b, sizeof(b));
	assert_string_equal(a, b);
	fd = path_open_parent_in_root(root_fd, "alone", false, name, sizeof(name));
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(path_open_parent_in_root(root_fd, "p/q/r", false, name, sizeof(name)),
			 -ENOENT);
	fd = path_open_parent_in_root(root_fd, "p/q/r", true, name, sizeof(name));
	assert_true(fd >= 0);
	close(fd);
	assert_string_equal(name, "r");
	assert_int_equal(path_open_parent_in_root(root_fd, "/", true, name, sizeof(name)), -EINVAL);
	assert_int_equal(path_open_parent_in_root(root_fd, "a/..", true, name, sizeof(name)),
			 -EINVAL);
	assert_int_equal(path_open_parent_in_root(root_fd, "a/file", true, name, 3), -ENAMETOOLONG);
}

static void run_all(void)
{
	test_stays_below();
	test_refusals();
	test_create();
	test_mkdirs();
	test_mkfile();
	test_parent();
}

static void test_openat2(void **state)
{
	(void)state;
	path_use_fallback(false);
	run_all();
}

static void test_walk(void **state)
{
	(void)state;
	path_use_fallback(true);
	run_all();
}

/* The host's own root has a procfs: links to objects are refused by both, plain ones are followed. */
static void test_procfs(void **state)
{
	static const struct {
		const char *path;
		int flags;
	} row[] = {
		{"proc/self/root/etc", O_PATH},
		{"proc/self/cwd", O_PATH},
		{"proc/self/exe", O_RDONLY},
		{"proc/self/fd/0", O_PATH},
		{"proc/self/ns/mnt", O_PATH},
		{"proc/self/status", O_PATH},
		{"proc/mounts", O_PATH},
		{"proc/self", O_PATH | O_NOFOLLOW},
		{"proc/self/exe", O_PATH | O_NOFOLLOW},
	};
	auto_close int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char by_kernel[64], by_walk[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		path_use_fallback(false);
		answer(path_open_in_root(slash, row[i].path, row[i].flags, 0), by_kernel,
		       sizeof(by_kernel));
		path_use_fallback(true);
		answer(path_open_in_root(slash, row[i].path, row[i].flags, 0), by_walk,
		       sizeof(by_walk));
		if (strcmp(by_kernel, by_walk) != 0)
			fail_msg("%s: %s by the kernel, %s by the walk", row[i].path, by_kernel,
				 by_walk);
	}
}

/* Every path of up to three of these components, with three kinds of flags. */
static void test_same_answers(void **state)
{
	static const char *const part[] = {
		"a",     "b",        "..",    ".",         "abs", "abs-dir", "climb",   "up",
		"loop1", "dangling", "slash", "dir-slash", "etc", "passwd",  "nothing",
	};
	static const int flags[] = {O_PATH, O_PATH | O_NOFOLLOW, O_RDONLY | O_DIRECTORY};
	size_t n = ARRAY_LEN(part);

	(void)state;
	for (size_t i = 0; i < n * n * n * ARRAY_LEN(flags); i++) {
		char path[96], a[64], b[64];
		int f = flags[i / (n * n * n)];

		snprintf(path, sizeof(path), "%s/%s/%s%s", part[i % n], part[i / n % n],
			 part[i / n / n % n], i % 7 ? "" : "/");
		path_use_fallback(false);
		answer(path_open_in_root(root_fd, path, f, 0), a, sizeof(a));
		path_use_fallback(true);
		answer(path_open_in_root(root_fd, path, f, 0), b, sizeof(b));
		if (strcmp(a, b) != 0)
			fail_msg("%s (flags %x): %s by the kernel, %s by the walk", path, f, a, b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_openat2, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_walk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_procfs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_same_answers, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
