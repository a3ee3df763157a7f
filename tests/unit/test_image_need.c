/* SPDX-License-Identifier: Apache-2.0 */
/* Images that must be got first: what berth-image is asked for, and where its output goes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/image/image.h"
#include "kernel/fd.h"
#include "kernel/tree.h"

#define ID_HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Stands for berth-image: writes down how it was called, says something, and puts the image there. */
static const char script[] = "#!/bin/sh\n"
			     "echo \"$*\" >> \"$BERTH_LIB/calls\"\n"
			     "echo noise\n"
			     "for name; do :; done\n"
			     "case $name in *fail*) exit 3 ;; *lies*) exit 0 ;; esac\n"
			     "case $1 in load) name=busybox ;; esac\n"
			     "cp \"$BERTH_LIB/image\" \"$BERTH_ROOT/images/" ID_HEX ".json\"\n"
			     "reference=$(sed -n \"s/^$name //p\" \"$BERTH_LIB/names\")\n"
			     "printf " ID_HEX " > \"$BERTH_ROOT/refs/$reference\"\n";
static const char image_json[] =
	"{\"id\":\"sha256:" ID_HEX "\",\"layers\":[],\"config\":{\"architecture\":\"riscv64\","
	"\"os\":\"linux\"}}";

struct place {
	char dir[64];
	struct arena a;
	struct engine g;
	struct err e;
	struct image image;
};

static void put(struct place *p, const char *name, const char *text, mode_t mode)
{
	const char *path = arena_printf(&p->a, "%s/lib/%s", p->dir, name);
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

/* How the script knows the file's name of a reference: from us, since only we know the default registry. */
static const char *names(struct place *p)
{
	static const char *const all[] = {"busybox", "other"};
	const char *text = "";

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct oci_reference r;
		char *file;

		assert_int_equal(oci_reference_parse(all[i], &p->a, &r, NULL), 0);
		file = arena_strdup(&p->a, r.full);
		for (char *c = file; (c = strchr(c, '/'));)
			*c = '+';
		text = arena_printf(&p->a, "%s%s %s\n", text, all[i], file);
	}
	return text;
}

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->dir, "/tmp/berth-need-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	assert_int_equal(engine_open(arena_printf(&p->a, "%s/data", p->dir),
				     arena_printf(&p->a, "%s/run", p->dir), &p->a, &p->g, &p->e),
			 0);
	p->g.lib = p->g.share = arena_printf(&p->a, "%s/lib", p->dir);
	assert_int_equal(mkdir(p->g.lib, 0700), 0);
	put(p, "berth-image", script, 0700);
	put(p, "image", image_json, 0600);
	put(p, "names", names(p), 0600);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	engine_close(&p->g);
	tree_remove_at(AT_FDCWD, p->dir);
	arena_free(&p->a);
	free(p);
	return 0;
}

static int need(struct place *p, const char *name, enum image_pull policy, const char *platform,
		bool is_quiet)
{
	p->e = (struct err){0};
	return image_need(&p->g, name, policy, platform, is_quiet, &p->a, &p->image, &p->e);
}

/* What the script was called with so far; then forgotten. */
static const char *calls(struct place *p)
{
	const char *path = arena_printf(&p->a, "%s/calls", p->g.lib);
	char *text = "";

	if (file_read_at(AT_FDCWD, path, &p->a, 4096, &text, NULL) == 0)
		unlink(path);
	return text;
}

static void test_pull(void **state)
{
	struct place *p = *state;

	assert_int_equal(need(p, "other", IMAGE_PULL_NEVER, NULL, false), -ENOENT);
	assert_string_equal(p->e.text, "no such image: other");
	assert_string_equal(calls(p), "");
	assert_int_equal(need(p, "other", IMAGE_PULL_MISSING, NULL, false), 0);
	assert_string_equal(p->image.id, "sha256:" ID_HEX);
	assert_string_equal(calls(p), "pull -- other\n");
	assert_int_equal(need(p, "other", IMAGE_PULL_MISSING, NULL, false), 0);
	assert_int_equal(need(p, ID_HEX, IMAGE_PULL_MISSING, NULL, false), 0);
	assert_string_equal(calls(p), "");
	assert_int_equal(need(p, "other", IMAGE_PULL_ALWAYS, NULL, true), 0);
	assert_string_equal(calls(p), "pull --quiet -- other\n");
}

static void test_platform(void **state)
{
	struct place *p = *state;

	assert_int_equal(need(p, "other", IMAGE_PULL_MISSING, "linux/riscv64", false), 0);
	assert_string_equal(calls(p), "pull --platform linux/riscv64 -- other\n");
	assert_int_equal(need(p, "other", IMAGE_PULL_NEVER, "riscv64", false), 0);
	assert_int_equal(need(p, "other", IMAGE_PULL_NEVER, "linux/s390x", false), -ENOEXEC);
	assert_non_null(strstr(p->e.text, "is made for linux/riscv64, not for linux/s390x"));
	assert_string_equal(calls(p), "");
	/* Another one is asked for, and the registry has none. */
	assert_int_equal(need(p, "other", IMAGE_PULL_MISSING, "linux/s390x", false), -ENOEXEC);
	assert_string_equal(calls(p), "pull --platform linux/s390x -- other\n");
}

static void test_built_in(void **state)
{
	struct place *p = *state;

	put(p, "busybox.tar", "", 0600);
	assert_int_equal(need(p, "busybox", IMAGE_PULL_NEVER, NULL, false), 0);
	assert_string_equal(
		calls(p), arena_printf(&p->a, "load --quiet --input %s/busybox.tar\n", p->g.share));
	assert_int_equal(need(p, "busybox", IMAGE_PULL_ALWAYS, NULL, false), 0);
	assert_string_equal(calls(p), "pull -- busybox\n");
}

static void test_failures(void **state)
{
	struct place *p = *state;

	assert_int_equal(need(p, "fail", IMAGE_PULL_MISSING, NULL, false), -EIO);
	assert_string_equal(p->e.text, "image fail could not be pulled");
	assert_int_equal(need(p, "lies", IMAGE_PULL_MISSING, NULL, false), -ENOENT);
	calls(p);
	assert_int_equal(need(p, "sha256:" ID_HEX, IMAGE_PULL_MISSING, NULL, false), -ENOENT);
	assert_int_equal(need(p, "Bad", IMAGE_PULL_MISSING, NULL, false), -EINVAL);
	assert_int_equal(need(p, "--all", IMAGE_PULL_MISSING, NULL, false), -EINVAL);
	assert_string_equal(calls(p), "");
	assert_int_equal(unlink(arena_printf(&p->a, "%s/berth-image", p->g.lib)), 0);
	assert_int_equal(need(p, "other", IMAGE_PULL_MISSING, NULL, false), -ENOENT);
	assert_non_null(strstr(p->e.text, "is the installation whole?"));
}

/* Standard output is the container's: what berth-image says goes to standard error. */
static void test_output(void **state)
{
	struct place *p = *state;
	auto_close int saved_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
	auto_close int saved_err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	const char *out_path = arena_printf(&p->a, "%s/out", p->dir);
	const char *err_path = arena_printf(&p->a, "%s/err", p->dir);
	auto_close int out = open(out_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	auto_close int err = open(err_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char *text;
	int r;

	fflush(NULL);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	r = need(p, "other", IMAGE_PULL_MISSING, NULL, false);
	dprintf(STDOUT_FILENO, "ours\n");
	dup2(saved_out, STDOUT_FILENO);
	dup2(saved_err, STDERR_FILENO);
	assert_int_equal(r, 0);
	assert_int_equal(file_read_at(AT_FDCWD, out_path, &p->a, 4096, &text, NULL), 0);
	assert_string_equal(text, "ours\n");
	assert_int_equal(file_read_at(AT_FDCWD, err_path, &p->a, 4096, &text, NULL), 0);
	assert_string_equal(text, "noise\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pull),     TEST(test_platform), TEST(test_built_in),
		TEST(test_failures), TEST(test_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
