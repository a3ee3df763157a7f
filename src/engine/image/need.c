/* SPDX-License-Identifier: Apache-2.0 */
/* An image for a container: from the store, else the built-in one, else from a registry. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/image/store.h"

#define BUILT_IN "busybox:latest"

/* Runs berth-image with its output on `to`: standard output is the container's. */
static int run_program(const struct engine *g, const char *const *argv, int to, struct err *e)
{
	auto_close int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	int r;

	dup2(to, STDOUT_FILENO);
	r = engine_run_program(g, "berth-image", argv, e);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	else
		close(STDOUT_FILENO);
	return r;
}

static bool is_built_in(const char *name, struct arena *a)
{
	struct oci_reference asked, built_in;

	return oci_reference_parse(name, a, &asked, NULL) == 0 &&
	       oci_reference_parse(BUILT_IN, a, &built_in, NULL) == 0 &&
	       str_eq(asked.full, built_in.full);
}

/* Returns 1 where it is loaded now, 0 where there is none, or -errno. */
static int load_built_in(const struct engine *g, const char *name, struct arena *a, struct err *e)
{
	const char *path = arena_printf(a, "%s/busybox.tar", g->share);
	const char *argv[] = {"berth-image", "load", "--quiet", "--input", path, NULL};
	auto_close int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int r;

	if (!is_built_in(name, a) || access(path, R_OK) < 0)
		return 0;
	r = run_program(g, argv, null >= 0 ? null : STDERR_FILENO, e);
	if (r > 0)
		return err_say(e, -EIO, "the built-in image %s cannot be loaded", path);
	return r < 0 ? r : 1;
}

static int pull(const struct engine *g, const char *name, const char *platform, bool is_quiet,
		struct err *e)
{
	const char *argv[8] = {"berth-image", "pull"};
	size_t n = 2;
	int r;

	if (is_quiet)
		argv[n++] = "--quiet";
	if (platform) {
		argv[n++] = "--platform";
		argv[n++] = platform;
	}
	argv[n++] = "--";
	argv[n++] = name;
	r = run_program(g, argv, STDERR_FILENO, e);
	if (r > 128)
		return err_say(e, -EINTR, "the pull of image %s was ended by signal %d", name,
			       r - 128);
	if (r > 0)
		return err_say(e, -EIO, "image %s could not be pulled", name);
	return r;
}

/* Is it of the platform that was asked for? */
static int check_platform(const struct image *image, const char *platform, struct arena *a,
			  struct err *e)
{
	const struct oci_image_config *c = &image->config;
	struct oci_descriptor own = {.platform = {.is_set = true,
						  .os = c->os ? c->os : "linux",
						  .architecture = c->architecture,
						  .variant = c->variant}};
	const struct oci_descriptor_list list = {&own, 1};
	struct oci_platform wanted;
	int r;

	if (!platform || !*platform || !c->architecture)
		return 0;
	r = oci_platform_parse(platform, a, &wanted, e);
	if (r < 0 || oci_platform_choose(&list, &wanted) >= 0)
		return r;
	return err_say(e, -ENOEXEC, "image %s is made for %s/%s, not for %s", image->id,
		       own.platform.os, c->architecture, platform);
}

int image_need(const struct engine *g, const char *name, enum image_pull policy,
	       const char *platform, bool is_quiet, struct arena *a, struct image *ret,
	       struct err *e)
{
	struct err why = {0};
	int r = policy == IMAGE_PULL_ALWAYS ? -ENOENT : image_find_bare(g, name, a, ret, &why);
	bool is_there = r == 0;

	if (is_there)
		r = check_platform(ret, platform, a, &why);
	if (r == 0)
		return 0;
	/* What names an image's id cannot be pulled, nor what is ambiguous or broken. */
	if ((r != -ENOENT && r != -ENOEXEC) || str_starts(name, "sha256:")) {
		if (e)
			*e = why;
		return r;
	}
	r = is_there || policy == IMAGE_PULL_ALWAYS ? 0 : load_built_in(g, name, a, e);
	if (r == 0 && policy == IMAGE_PULL_NEVER) {
		if (e)
			*e = why;
		return -why.code;
	}
	if (r == 0)
		r = pull(g, name, platform, is_quiet, e);
	if (r < 0)
		return r;
	r = image_find_bare(g, name, a, ret, e);
	return r < 0 ? r : check_platform(ret, platform, a, e);
}
