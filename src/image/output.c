/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is written beside its place and put there whole, or standard output. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "image/archive_write.h"

static int open_stdout(const char *what, struct output *o, struct err *e)
{
	if (isatty(STDOUT_FILENO))
		return err_say(e, -EINVAL,
			       "cowardly refusing to save the %s to a terminal: use -o FILE or "
			       "redirect",
			       what);
	o->file.fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	o->file.label = "standard output";
	return o->file.fd < 0 ? err_sys(e, -errno, "write to standard output") : 0;
}

/* A link is followed: what it leads to is replaced, not the link. */
static const char *find_place(const char *path, struct arena *a)
{
	auto_free char *real = realpath(path, NULL);

	return real ? arena_strdup(a, real) : path;
}

static int open_beside(struct output *o, struct arena *a, struct err *e)
{
	const char *slash = strrchr(o->path, '/');
	int n = slash ? (int)(slash + 1 - o->path) : 0;
	char id[65];

	engine_make_id(id);
	o->draft = arena_printf(a, "%.*s.%.200s.%.12s", n, o->path, o->path + n, id);
	o->file.fd = open(o->draft, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (o->file.fd < 0) {
		o->draft = NULL;
		return err_sys(e, -errno, "create %s", o->path);
	}
	return 0;
}

int output_open(const char *path, const char *what, struct arena *a, struct output *ret,
		struct err *e)
{
	struct output o = {.file = {.fd = -EBADF}};
	struct stat st;
	int r;

	if (!path || !*path || strcmp(path, "-") == 0) {
		r = open_stdout(what, &o, e);
	} else {
		o.path = o.file.label = find_place(path, a);
		if (stat(o.path, &st) == 0 && S_ISDIR(st.st_mode))
			return err_say(e, -EISDIR, "%s is a folder", path);
		if (stat(o.path, &st) < 0 || S_ISREG(st.st_mode)) {
			r = open_beside(&o, a, e);
		} else {
			o.file.fd = open(o.path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
			r = o.file.fd < 0 ? err_sys(e, -errno, "open %s", path) : 0;
		}
	}
	if (r < 0)
		return r;
	/* With O_APPEND a header could not be mended later. */
	o.is_seekable = fstat(o.file.fd, &st) == 0 && S_ISREG(st.st_mode) &&
			!(fcntl(o.file.fd, F_GETFL) & O_APPEND) &&
			lseek(o.file.fd, 0, SEEK_CUR) == 0;
	*ret = o;
	return 0;
}

/* As open(2) would have made it. */
static mode_t usual_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

int output_finish(struct output *o, struct err *e)
{
	struct stat st;
	int r = sink_file_flush(&o->file, e);

	if (r < 0 || !o->draft)
		return r;
	/* Who could read the old file can read the new one. */
	if (fchmod(o->file.fd, stat(o->path, &st) == 0 ? st.st_mode & 0777 : usual_mode()) < 0 ||
	    rename(o->draft, o->path) < 0)
		return err_sys(e, -errno, "write %s", o->path);
	o->draft = NULL;
	return 0;
}

void output_close(struct output *o)
{
	auto_close_fn(&o->file.fd);
	o->file.fd = -EBADF;
	sink_file_free(&o->file);
	if (o->draft)
		unlink(o->draft);
	o->draft = NULL;
}
