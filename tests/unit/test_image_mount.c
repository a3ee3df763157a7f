/* SPDX-License-Identifier: Apache-2.0 */
/* Layers as a root: every way of mounting, as root and as root of a user namespace. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "engine/image/image.h"
#include "kernel/fd.h"
#include "kernel/path.h"
#include "kernel/tree.h"

/* Runs in a child that may do as it likes with its namespaces; whatever fails there prints and exits. */
struct room {
	struct arena a;
	struct engine g;
	struct err e;
	char dir[512];
};

#define want(condition)                                                                       \
	do {                                                                                  \
		if (!(condition)) {                                                           \
			fprintf(stderr, "line %d: %s (errno %d, %s)\n", __LINE__, #condition, \
				errno, r->e.text);                                            \
			exit(1);                                                              \
		}                                                                             \
	} while (0)

static void make_file(struct room *r, const char *path, const char *text)
{
	auto_close int fd = openat(r->g.data_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	want(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
}

static const char *chain(struct room *r, unsigned n)
{
	return arena_printf(&r->a, "%064u", n);
}

static void make_layer(struct room *r, unsigned n)
{
	want(mkdirat(r->g.data_fd, arena_printf(&r->a, "layers/%s", chain(r, n)), 0700) == 0);
	want(mkdirat(r->g.data_fd, arena_printf(&r->a, "layers/%s/diff", chain(r, n)), 0755) == 0);
	make_file(r, arena_printf(&r->a, "layers/%s/diff/file%u", chain(r, n), n), "own");
	make_file(r, arena_printf(&r->a, "layers/%s/diff/top", chain(r, n)), chain(r, n));
}

static struct str_slice make_layers(struct room *r, unsigned n)
{
	struct str_slice layers = {.v = arena_array(&r->a, n + 1, sizeof(char *)), .n = n};

	for (unsigned i = 0; i < n; i++) {
		make_layer(r, i);
		layers.v[i] = chain(r, i);
	}
	return layers;
}

static int make_container(struct room *r, const char *name)
{
	const char *path = arena_printf(&r->a, "containers/%s", name);
	int fd;

	want(mkdirat(r->g.data_fd, path, 0700) == 0);
	fd = openat(r->g.data_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	want(fd >= 0);
	return fd;
}

static void expect(struct room *r, int root, const char *path, const char *text)
{
	char *found;

	want(file_read_at(root, path, &r->a, 4096, &found, NULL) == 0);
	want(strcmp(found, text) == 0);
}

static void expect_unmounted(struct room *r)
{
	char *text;

	/* Detached: this namespace never shows it. */
	want(file_read_at(AT_FDCWD, "/proc/self/mountinfo", &r->a, 4 << 20, &text, NULL) == 0);
	want(!strstr(text, r->dir));
}

/* Reads through all layers, writes, and finds what was written again. */
static void check_mount(struct room *r, unsigned n)
{
	struct str_slice layers = make_layers(r, n);
	auto_close int box = make_container(r, "box"), root = -EBADF, fd = -EBADF;
	struct stat st;
	char here[4096], after[4096];

	want(fchmodat(r->g.data_fd, arena_printf(&r->a, "layers/%s/diff", chain(r, n - 1)), 0711,
		      0) == 0);
	want(getcwd(here, sizeof(here)));
	root = image_mount(&r->g, &layers, box, &r->e);
	want(root >= 0);
	want(getcwd(after, sizeof(after)) && strcmp(here, after) == 0);
	expect_unmounted(r);
	want(fstat(root, &st) == 0 && (st.st_mode & 07777) == 0711);
	expect(r, root, "top", chain(r, n - 1));
	for (unsigned i = 0; i < n; i++)
		expect(r, root, arena_printf(&r->a, "file%u", i), "own");
	fd = openat(root, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	want(fd >= 0 && fd_write_all(fd, "new", 3) == 0);
	want(unlinkat(root, "file0", 0) == 0);
	close(TAKE_FD(fd));
	close(TAKE_FD(root));
	root = image_mount(&r->g, &layers, box, &r->e);
	want(root >= 0);
	expect(r, root, "new", "new");
	want(fstatat(root, "file0", &st, 0) < 0 && errno == ENOENT);
	close(TAKE_FD(root));
	/* Without a container: to read only, and the layers are as they were. */
	root = image_mount(&r->g, &layers, -1, &r->e);
	want(root >= 0);
	expect(r, root, "file0", "own");
	want(openat(root, "other", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EROFS);
	want(fstatat(root, "new", &st, 0) < 0);
}

static void check_scratch(struct room *r)
{
	const struct str_slice none = {0};
	auto_close int box = make_container(r, "box"), root = image_mount(&r->g, &none, box, &r->e);
	auto_close int fd = -EBADF;

	want(root >= 0);
	fd = openat(root, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	want(fd >= 0);
	close(TAKE_FD(root));
	root = image_mount(&r->g, &none, -1, &r->e);
	want(root >= 0 && faccessat(root, "new", F_OK, 0) < 0);
}

/* What a lower layer has and a higher one hides. */
static void check_whiteouts(struct room *r)
{
	struct str_slice layers = make_layers(r, 3);
	auto_close int box = make_container(r, "box"), root = -EBADF;
	const char *top = arena_printf(&r->a, "layers/%s/diff", chain(r, 2));

	want(mknodat(r->g.data_fd, arena_printf(&r->a, "%s/file0", top), S_IFCHR, makedev(0, 0)) ==
	     0);
	root = image_mount(&r->g, &layers, box, &r->e);
	want(root >= 0);
	want(faccessat(root, "file0", F_OK, 0) < 0 && errno == ENOENT);
	expect(r, root, "file1", "own");
}

static void check_refused(struct room *r)
{
	const char *odd[] = {"../../etc"}, *gone[] = {chain(r, 12345), chain(r, 12346)};
	const char **many = arena_array(&r->a, 501, sizeof(char *));
	struct str_slice layers = {odd, 1};
	auto_close int box = make_container(r, "box");

	want(image_mount(&r->g, &layers, box, &r->e) == -EINVAL);
	want(strstr(r->e.text, "no chain id"));
	layers = (struct str_slice){gone, 2};
	r->e.code = 0;
	want(image_mount(&r->g, &layers, box, &r->e) == -ENOENT);
	want(strstr(r->e.text, "layers/") && strstr(r->e.text, "12346"));
	for (unsigned i = 0; i < 501; i++)
		many[i] = gone[0];
	layers = (struct str_slice){many, 501};
	r->e.code = 0;
	want(image_mount(&r->g, &layers, box, &r->e) == -E2BIG);
}

/* Again and again, with and without: what the kernel leaves behind a volatile mount is no hindrance. */
static void check_volatile(struct room *r)
{
	struct str_slice layers = make_layers(r, 120);
	auto_close int box = make_container(r, "box");

	for (unsigned i = 0; i < 8; i++) {
		struct str_slice some = {layers.v, i % 4 < 2 ? 3 : 120};
		const struct image_mount_options options = {.is_volatile = i % 2 == 0};
		auto_close int root = image_mount_container(&r->g, &some, box, &options, &r->e);
		auto_close int fd = -EBADF;
		const char *name = arena_printf(&r->a, "new%u", i);

		want(root >= 0);
		fd = openat(root, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		want(fd >= 0 && fd_write_all(fd, "new", 3) == 0);
		want((faccessat(box, "work/work/incompat/volatile", F_OK, 0) == 0) == (i % 2 == 0));
		for (unsigned k = 0; k <= i; k++)
			expect(r, root, arena_printf(&r->a, "new%u", k), "new");
	}
}

static void check_few(struct room *r)
{
	check_mount(r, 3);
}

static void check_one(struct room *r)
{
	check_mount(r, 1);
}

/* More than numbers of descriptors in one value of fsconfig(2) can name. */
static void check_many(struct room *r)
{
	check_mount(r, 120);
}

/* ---- the child ---------------------------------------------------------------------------------- */

static void write_text(struct room *r, const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	want(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void enter_user_namespace(struct room *r)
{
	const char *uid = arena_printf(&r->a, "0 %u 1", geteuid());
	const char *gid = arena_printf(&r->a, "0 %u 1", getegid());

	want(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
	write_text(r, "/proc/self/setgroups", "deny");
	write_text(r, "/proc/self/uid_map", uid);
	write_text(r, "/proc/self/gid_map", gid);
}

enum { IN_USER_NAMESPACE = 1, LONG_PATHS = 2 };

static void __attribute__((noreturn))
run_child(const char *dir, unsigned flags, void (*check)(struct room *r))
{
	static struct room room;
	struct room *r = &room;

	snprintf(r->dir, sizeof(r->dir), "%s/%s", dir,
		 flags & LONG_PATHS ? "a-very-long-name-that-fills-the-path-so-that-no-option-can-"
				      "hold-it-and-then-some-more-of-it-until-it-is-enough-for-all-"
				      "of-the-limits-of-fsconfig-which-takes-255-bytes-a-value-and-"
				      "not-one-more"
				    : "data");
	want(engine_open(r->dir, arena_printf(&r->a, "%s/run", dir), &r->a, &r->g, &r->e) == 0);
	if (flags & IN_USER_NAMESPACE)
		enter_user_namespace(r);
	r->g.is_rootless = flags & IN_USER_NAMESPACE;
	check(r);
	engine_close(&r->g);
	arena_free(&r->a);
	exit(0);
}

static bool may_unshare(void)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0);
	waitpid(pid, &status, 0);
	return status == 0;
}

static void run(unsigned flags, void (*check)(struct room *r))
{
	char dir[] = "/tmp/berth-mount-XXXXXX";
	int status;
	pid_t pid;

	if (!(flags & IN_USER_NAMESPACE) && geteuid() != 0) {
		print_message("not root: only the user namespace is tested\n");
		skip();
	}
	if ((flags & IN_USER_NAMESPACE) && !may_unshare()) {
		print_message("this kernel lets us make no user namespace\n");
		skip();
	}
	assert_non_null(mkdtemp(dir));
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_child(dir, flags, check);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	tree_remove_at(AT_FDCWD, dir);
	assert_int_equal(status, 0);
}

#define ROW(name, flags, check)        \
	static void name(void **state) \
	{                              \
		(void)state;           \
		run(flags, check);     \
	}

ROW(test_few, 0, check_few)
ROW(test_one, 0, check_one)
ROW(test_many, 0, check_many)
ROW(test_scratch, 0, check_scratch)
ROW(test_whiteouts, 0, check_whiteouts)
ROW(test_refused, 0, check_refused)
ROW(test_long, LONG_PATHS, check_few)
ROW(test_long_many, LONG_PATHS, check_many)
ROW(test_volatile, 0, check_volatile)
ROW(test_user_volatile, IN_USER_NAMESPACE, check_volatile)
ROW(test_user_few, IN_USER_NAMESPACE, check_few)
ROW(test_user_one, IN_USER_NAMESPACE, check_one)
ROW(test_user_many, IN_USER_NAMESPACE, check_many)
ROW(test_user_scratch, IN_USER_NAMESPACE, check_scratch)
ROW(test_user_whiteouts, IN_USER_NAMESPACE, check_whiteouts)
ROW(test_user_long, IN_USER_NAMESPACE | LONG_PATHS, check_few)
ROW(test_user_long_many, IN_USER_NAMESPACE | LONG_PATHS, check_many)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_scratch),
		cmocka_unit_test(test_whiteouts),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_long_many),
		cmocka_unit_test(test_user_few),
		cmocka_unit_test(test_user_one),
		cmocka_unit_test(test_user_many),
		cmocka_unit_test(test_user_scratch),
		cmocka_unit_test(test_user_whiteouts),
		cmocka_unit_test(test_user_long),
		cmocka_unit_test(test_user_long_many),
		cmocka_unit_test(test_volatile),
		cmocka_unit_test(test_user_volatile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
