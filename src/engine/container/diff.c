/* SPDX-License-Identifier: Apache-2.0 */
/* What a container has changed of its image's files. */
#include "engine/container/diff.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "kernel/fd.h"
#include "kernel/path.h"
#include "oci/decode.h"

/*
 * Theory of operation
 *
 * overlayfs keeps in upper/ what was written: a file that is there and not in the image was added; one that is in both
 * was changed (copied up); a device 0/0 hides what was deleted; an opaque folder hides all that the image has in
 * it. A folder that is in both is told as changed where something in it is, or its mode or owner.
 * Security: both trees are the container's; they are walked by descriptor without following links.
 */

enum { DEPTH_MAX = 500, CONFIG_MAX = 4 << 20 };

struct diff {
	const struct engine *g;
	int lower_fd; /* the image's root */
	struct str_slice mounts;
	struct arena *a;
	SLICE(struct file_change) found;
};

static void add(struct diff *d, char kind, const char *path)
{
	LIST_ADD(&d->found, d->a) = (struct file_change){kind, path};
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static DIR *open_folder(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static bool is_in_image(const struct diff *d, const char *path, struct stat *ret)
{
	auto_close int fd = path_open_in_root(d->lower_fd, path, O_PATH | O_NOFOLLOW, 0);

	return fd >= 0 && fstat(fd, ret) == 0;
}

/* Made by the runtime to mount something on, and never written to. */
static bool is_mount_place(const struct diff *d, const char *path, const struct stat *s)
{
	return strings_have(&d->mounts, path) &&
	       (S_ISDIR(s->st_mode) || (S_ISREG(s->st_mode) && s->st_size == 0));
}

static bool is_opaque(const struct diff *d, int fd)
{
	char value[4];
	const char *name = d->g->is_rootless ? "user.overlay.opaque" : "trusted.overlay.opaque";

	return fgetxattr(fd, name, value, sizeof(value)) == 1 && value[0] == 'y';
}

/* Everything that the image has in a folder and upper/ has not. */
static void add_hidden(struct diff *d, DIR *upper, const char *path)
{
	int fd = path_open_in_root(d->lower_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	auto_closedir DIR *lower = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct stat s;

	while (lower && (entry = readdir(lower)))
		if (!is_dots(entry->d_name) &&
		    fstatat(dirfd(upper), entry->d_name, &s, AT_SYMLINK_NOFOLLOW) < 0)
			add(d, 'D', arena_printf(d->a, "%s/%s", path, entry->d_name));
}

static int walk(struct diff *d, int dir_fd, const char *name, const char *path, unsigned depth);

static int look_at_folder(struct diff *d, int dir_fd, const char *name, const char *path,
			  const struct stat *s, unsigned depth)
{
	size_t place = d->found.n;
	struct stat lower;
	bool is_there = is_in_image(d, path, &lower);
	bool is_changed = is_there && (!S_ISDIR(lower.st_mode) || lower.st_mode != s->st_mode ||
				       lower.st_uid != s->st_uid || lower.st_gid != s->st_gid);
	int r;

	if (!is_there && !is_mount_place(d, path, s))
		add(d, 'A', path);
	else if (is_changed)
		add(d, 'C', path);
	r = walk(d, dir_fd, name, path, depth + 1);
	if (r == 0 && is_there && !is_changed && d->found.n > place)
		add(d, 'C', path);
	return r;
}

static int look(struct diff *d, int dir_fd, const char *name, const char *path, unsigned depth)
{
	struct stat s, lower;

	if (fstatat(dir_fd, name, &s, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(s.st_mode))
		return look_at_folder(d, dir_fd, name, path, &s, depth);
	if (S_ISCHR(s.st_mode) && s.st_rdev == makedev(0, 0))
		add(d, 'D', path);
	else if (is_in_image(d, path, &lower))
		add(d, 'C', path);
	else if (!is_mount_place(d, path, &s))
		add(d, 'A', path);
	return 0;
}

static int walk(struct diff *d, int dir_fd, const char *name, const char *path, unsigned depth)
{
	auto_closedir DIR *dir = open_folder(dir_fd, name);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	if (depth > DEPTH_MAX)
		return -ELOOP;
	while (r == 0 && (entry = readdir(dir)))
		if (!is_dots(entry->d_name))
			r = look(d, dirfd(dir), entry->d_name,
				 arena_printf(d->a, "%s/%s", path, entry->d_name), depth);
	if (r == 0 && is_opaque(d, dirfd(dir)))
		add_hidden(d, dir, path);
	return r;
}

/* What is mounted in it, from its specification. */
static void find_mounts(struct diff *d, int dir_fd)
{
	struct oci_spec spec = {0};
	char *text;
	size_t n;

	if (file_read_at(dir_fd, "config.json", d->a, CONFIG_MAX, &text, &n) < 0 ||
	    oci_decode_spec(text, n, d->a, &spec, NULL) < 0)
		return;
	for (size_t i = 0; i < spec.mounts.n; i++)
		strings_add(&d->mounts, str_clean_path(d->a, spec.mounts.v[i].destination), d->a);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct file_change *)a)->path, ((const struct file_change *)b)->path);
}

int container_diff(const struct engine *g, const struct container_info *c, struct arena *a,
		   struct file_changes *ret, struct err *e)
{
	auto_close int dir = record_open(g, c->record.id, e);
	auto_close int lower = -EBADF;
	struct diff d = {.g = g, .a = a};
	int r;

	if (dir < 0)
		return dir;
	lower = image_mount(g, &c->record.layers, -1, e);
	if (lower < 0)
		return lower;
	d.lower_fd = lower;
	find_mounts(&d, dir);
	r = walk(&d, dir, "upper", "", 0);
	if (r < 0)
		return err_sys(e, r, "read what container %s has written", c->record.name);
	if (d.found.n)
		qsort(d.found.v, d.found.n, sizeof(*d.found.v), by_path);
	*ret = (struct file_changes){d.found.v, d.found.n};
	return 0;
}
