/* SPDX-License-Identifier: Apache-2.0 */
/* Archives of images opened: a tar file, a folder, a pipe, compressed as a whole or not. */
#include "image/archive_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "image/layer.h"
#include "image/raw_read.h"
#include "kernel/fd.h"
#include "kernel/path.h"

enum { PIECE = 1 << 18, SMALL_MAX = 4 << 20 };

/* ---- what is no plain tar file ------------------------------------------------------------------ */

/* A nameless file below tmp/: gone with its last descriptor, whatever happens to us. */
static int open_spool(const struct engine *g, struct err *e)
{
	char id[65], path[96];
	int fd = openat(g->data_fd, "tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	engine_make_id(id);
	snprintf(path, sizeof(path), "tmp/spool-%s", id);
	fd = openat(g->data_fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, -errno, "make a file in %s/tmp", g->data);
	unlinkat(g->data_fd, path, 0);
	return fd;
}

static int spool(const struct engine *g, int fd, const char *label, struct err *e)
{
	auto_raw struct raw *raw = raw_open(fd, label);
	auto_close int out = open_spool(g, e);
	auto_arena struct arena a = {0};
	char *buf = arena_alloc(&a, PIECE);
	ssize_t n;

	if (out < 0)
		return out;
	if (!raw)
		return err_sys(e, -ENOMEM, "read %s", label);
	while ((n = raw_read(raw, buf, PIECE, e)) > 0) {
		int r = fd_write_all(out, buf, (size_t)n);

		if (r < 0)
			return err_sys(e, r, "write to %s/tmp", g->data);
	}
	return n < 0 ? (int)n : TAKE_FD(out);
}

/* ---- sources ------------------------------------------------------------------------------------ */

static int open_folder(const char *path, struct source *ret, struct err *e)
{
	auto_close int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, -errno, "open %s", path);
	*ret = (struct source){.label = path, .fd = TAKE_FD(fd), .is_folder = true};
	return 0;
}

int source_open(const struct engine *g, const char *path, struct arena *a, struct source *ret,
		struct err *e)
{
	bool is_stdin = !path || str_eq(path, "-");
	struct source s = {.label = is_stdin ? "standard input" : path};
	auto_close int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
				     : open(path, O_RDONLY | O_CLOEXEC);
	int64_t start = 0;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, -errno, "open %s", s.label);
	if (S_ISDIR(st.st_mode))
		return open_folder(is_stdin ? "/dev/stdin" : path, ret, e);
	if (isatty(fd))
		return err_say(e, -EINVAL,
			       "an archive is expected on standard input, which is a terminal: "
			       "give one with -i FILE");
	if (S_ISREG(st.st_mode))
		start = lseek(fd, 0, SEEK_CUR);
	if (!S_ISREG(st.st_mode) || raw_is_compressed(fd, start)) {
		int file = spool(g, fd, s.label, e);

		if (file < 0)
			return file;
		close(TAKE_FD(fd));
		fd = file;
		start = 0;
	}
	r = tar_index_read(fd, start, s.label, a, &s.index, e);
	if (r < 0)
		return r;
	s.fd = TAKE_FD(fd);
	*ret = s;
	return 0;
}

void source_close(struct source *s)
{
	auto_close_fn(&s->fd);
	s->fd = -EBADF;
}

bool source_has(const struct source *s, const char *name)
{
	struct stat st;

	if (!s->is_folder)
		return tar_index_find(&s->index, name) != NULL;
	return fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static int open_file(const struct source *s, const char *name, struct part *p, struct err *e)
{
	auto_close int fd = path_open_in_root(s->fd, name, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;

	if (fd == -ENOENT)
		return err_say(e, -ENOENT, "%s is missing", p->label);
	if (fd < 0)
		return err_sys(e, fd, "open %s", p->label);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_say(e, -EINVAL, "%s is no regular file", p->label);
	p->fd = TAKE_FD(fd);
	p->size = st.st_size;
	p->is_own = true;
	return 0;
}

int source_part(const struct source *s, const char *name, struct arena *a, struct part *ret,
		struct err *e)
{
	struct part p = {.label = arena_printf(a, "%s: %.200s", s->label, name), .fd = s->fd};
	const struct tar_member *m;
	int r;

	if (s->is_folder) {
		r = open_file(s, name, &p, e);
		if (r < 0)
			return r;
	} else {
		m = tar_index_find(&s->index, name);
		if (!m)
			return err_say(e, -ENOENT, "%s is missing", p.label);
		p.offset = m->offset;
		p.size = m->size;
	}
	*ret = p;
	return 0;
}

void part_close(struct part *p)
{
	if (p->is_own)
		auto_close_fn(&p->fd);
	p->is_own = false;
}

/* The next piece of a part. Returns its length, 0 at the end, or -errno. */
static ssize_t part_read(const struct part *p, int64_t at, void *buf, size_t n, struct err *e)
{
	ssize_t r;

	if ((int64_t)n > p->size - at)
		n = (size_t)(p->size - at);
	if (!n)
		return 0;
	while ((r = pread(p->fd, buf, n, p->offset + at)) < 0 && errno == EINTR)
		continue;
	if (r < 0)
		return err_sys(e, -errno, "read %s", p->label);
	return r ? r : err_say(e, -EBADMSG, "%s is truncated", p->label);
}

int source_read(const struct source *s, const char *name, struct arena *a, char **ret,
		size_t *ret_n, struct err *e)
{
	auto_part struct part p = {.fd = -EBADF};
	const struct tar_member *m = s->is_folder ? NULL : tar_index_find(&s->index, name);
	int64_t at = 0;
	char *text;
	int r = source_part(s, name, a, &p, e);

	if (r < 0)
		return r;
	if (p.size > SMALL_MAX)
		return err_say(e, -EFBIG, "%s is %lld bytes large: at most %d", p.label,
			       (long long)p.size, SMALL_MAX);
	/* Security: programs differ in which of the two they take; what one checks another would run. */
	if (m && m->is_twice && !strchr(name, '/'))
		return err_say(e, -EBADMSG, "%s is there twice", p.label);
	text = arena_alloc(a, (size_t)p.size + 1);
	while (at < p.size) {
		ssize_t n = part_read(&p, at, text + at, (size_t)(p.size - at), e);

		if (n < 0)
			return (int)n;
		at += n;
	}
	*ret = text;
	*ret_n = (size_t)p.size;
	return 0;
}

int part_feed(const struct part *p, struct layer_job *job, struct err *e)
{
	auto_arena struct arena a = {0};
	char *buf = arena_alloc(&a, PIECE);
	int64_t at = 0;
	int r = 0;

	while (r == 0 && at < p->size) {
		ssize_t n = part_read(p, at, buf, PIECE, e);

		if (n < 0)
			return (int)n;
		r = layer_feed(job, buf, (size_t)n, e);
		at += n;
		if (p->progress)
			progress_set(p->progress, p->row, "Loading", at, p->size);
	}
	return r;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

void load_watch(const struct load *l, struct part *p, const char *diff_id)
{
	p->progress = l->q->progress;
	if (p->progress)
		p->row = progress_row(p->progress,
				      arena_printf(l->a, "%.12s", diff_id + strlen("sha256:")));
}

int load_tell(const struct load *l, const char *id, const struct str_slice *references,
	      struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < references->n; i++)
		r = l->q->tell(l->q->arg, id, references->v[i], e);
	return references->n ? r : l->q->tell(l->q->arg, id, NULL, e);
}

int load_check_platform(const struct load *l, const struct oci_image_config *c, struct err *e)
{
	struct oci_descriptor own = {.platform = {.is_set = true,
						  .os = c->os ? c->os : "linux",
						  .architecture = c->architecture,
						  .variant = c->variant}};
	const struct oci_descriptor_list list = {&own, 1};

	if (!l->has_platform || !c->architecture || oci_platform_choose(&list, &l->platform) >= 0)
		return 0;
	return err_say(e, -ENOEXEC, "%s: the image is made for %s/%s, not for %s", l->source.label,
		       own.platform.os, c->architecture, l->q->platform);
}

int load_reference(const struct load *l, const char *name, const char **ret, struct err *e)
{
	struct oci_reference reference;
	struct err why = {0};
	int r = oci_reference_parse(name, l->a, &reference, &why);

	if (r < 0)
		return err_say(e, r, "%s: an image is named \"%.200s\": %s", l->source.label, name,
			       why.text);
	*ret = reference.full;
	return 0;
}

static int load_all(struct load *l, struct err *e)
{
	/* Newer archives are both; a layout also has the digests. */
	if (source_has(&l->source, "index.json") && source_has(&l->source, "oci-layout"))
		return load_oci(l, e);
	if (source_has(&l->source, "manifest.json"))
		return load_docker(l, e);
	return err_say(e, -EINVAL,
		       "%s is no archive of images: it has neither manifest.json nor oci-layout "
		       "with index.json (for the files of a root there is `berth import`)",
		       l->source.label);
}

int archive_load(const struct engine *g, const struct load_request *q, struct err *e)
{
	auto_arena struct arena a = {0};
	struct load l = {.g = g, .q = q, .a = &a, .platform = oci_platform_own()};
	int r = 0;

	if (q->platform && *q->platform) {
		r = oci_platform_parse(q->platform, &a, &l.platform, e);
		l.has_platform = true;
	}
	if (r == 0)
		r = source_open(g, q->path, &a, &l.source, e);
	if (r < 0)
		return r;
	r = load_all(&l, e);
	source_close(&l.source);
	/* Layers that no image came to need. */
	if (r < 0)
		image_collect(g, NULL, NULL);
	return r;
}
