/* SPDX-License-Identifier: Apache-2.0 */
/* A folder's content copied into another, by descriptor. */
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/auto.h"
#include "kernel/sys.h"
#include "kernel/tree.h"

/* Security: both sides are walked by descriptor and without following a link, so a tree that changes
 * meanwhile can only copy itself. */

enum { DEPTH_MAX = 64, XATTR_MAX = 4096 };

/* How: into an empty folder, or over what is there; owners as they are, or all given to one. */
struct copying {
	bool merges, gives_away;
	uint32_t uid, gid;
};

static int copy_directory(const struct copying *c, int source_fd, int target_fd, unsigned depth);

/* What has the entry's place gives way to it, unless it is a folder. */
static int make_room(const struct copying *c, int target_dir, const char *name)
{
	if (!c->merges || unlinkat(target_dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	return -errno;
}

static int copy_data(int source, int target)
{
	char buf[16384];
	ssize_t n;

	for (;;) {
		n = copy_file_range(source, NULL, target, NULL, 1 << 30, 0);
		if (n == 0)
			return 0;
		if (n < 0)
			break;
	}
	/* across file systems, or an old kernel */
	while ((n = read(source, buf, sizeof(buf))) > 0)
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(target, buf + done, (size_t)(n - done));
			if (w < 0)
				return -errno;
		}
	return n < 0 ? -errno : 0;
}

/* File capabilities and labels, as far as the tmpfs takes them. */
static void copy_xattrs(int source, int target)
{
	char names[XATTR_MAX], value[XATTR_MAX];
	ssize_t n = flistxattr(source, names, sizeof(names)), size;

	for (char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		size = fgetxattr(source, p, value, sizeof(value));
		if (size >= 0)
			fsetxattr(target, p, value, (size_t)size, 0);
	}
}

/* Order: chown takes the set-user-id bits away, so the mode comes after it. */
static int copy_owner(const struct copying *c, int source, int target, const struct stat *s)
{
	const struct timespec times[2] = {s->st_atim, s->st_mtim};
	uid_t uid = c->gives_away ? c->uid : s->st_uid;
	gid_t gid = c->gives_away ? c->gid : s->st_gid;

	if (fchown(target, uid, gid) < 0 || fchmod(target, s->st_mode & 07777) < 0)
		return -errno;
	copy_xattrs(source, target);
	return futimens(target, times) < 0 ? -errno : 0;
}

static int copy_file(const struct copying *c, int source_dir, const char *name, int target_dir,
		     const char *to)
{
	auto_close int source =
		openat(source_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_close int target = -EBADF;
	struct stat s;
	int r;

	if (source < 0 || fstat(source, &s) < 0)
		return -errno;
	if (!S_ISREG(s.st_mode))
		return -EAGAIN; /* changed since we looked */
	r = make_room(c, target_dir, to);
	if (r < 0)
		return r;
	target = openat(target_dir, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (target < 0)
		return -errno;
	r = copy_data(source, target);
	return r < 0 ? r : copy_owner(c, source, target, &s);
}

static int own_entry(const struct copying *c, int target_dir, const char *name,
		     const struct stat *s)
{
	uid_t uid = c->gives_away ? c->uid : s->st_uid;
	gid_t gid = c->gives_away ? c->gid : s->st_gid;

	return fchownat(target_dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_link(const struct copying *c, int source_dir, const char *name, int target_dir,
		     const char *to, const struct stat *s)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(source_dir, name, text, sizeof(text) - 1);
	int r = n < 0 ? -errno : make_room(c, target_dir, to);

	if (r < 0)
		return r;
	text[n] = '\0';
	if (symlinkat(text, target_dir, to) < 0)
		return -errno;
	return own_entry(c, target_dir, to, s);
}

static int copy_node(const struct copying *c, int target_dir, const char *name,
		     const struct stat *s)
{
	int r = make_room(c, target_dir, name);

	if (r < 0)
		return r;
	if (mknodat(target_dir, name, s->st_mode & (S_IFMT | 07777), s->st_rdev) < 0)
		return -errno;
	return own_entry(c, target_dir, name, s);
}

static int copy_subdirectory(const struct copying *c, int source_dir, const char *name,
			     int target_dir, const char *to, unsigned depth)
{
	auto_close int source =
		openat(source_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int target = -EBADF;
	struct stat s;
	int r;

	if (source < 0 || fstat(source, &s) < 0)
		return -errno;
	if (mkdirat(target_dir, to, 0700) < 0 && !(c->merges && errno == EEXIST))
		return -errno;
	target = openat(target_dir, to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return -errno;
	r = copy_directory(c, source, target, depth);
	return r < 0 ? r : copy_owner(c, source, target, &s);
}

static int copy_entry(const struct copying *c, int source_dir, const char *name, int target_dir,
		      const char *to, unsigned depth)
{
	struct stat s;

	if (fstatat(source_dir, name, &s, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	switch (s.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(c, source_dir, name, target_dir, to);
	case S_IFDIR:
		return copy_subdirectory(c, source_dir, name, target_dir, to, depth + 1);
	case S_IFLNK:
		return copy_link(c, source_dir, name, target_dir, to, &s);
	case S_IFSOCK:
		return 0; /* nobody listens there any more */
	default:
		return copy_node(c, target_dir, to, &s);
	}
}

static int copy_directory(const struct copying *c, int source_fd, int target_fd, unsigned depth)
{
	int fd = openat(source_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	auto_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (!dir)
		return -errno;
	if (depth > DEPTH_MAX)
		return -ELOOP;
	while (r >= 0 && (d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			r = copy_entry(c, source_fd, d->d_name, target_fd, d->d_name, depth);
	return r;
}

int tree_copy(int source_fd, int target_fd)
{
	const struct copying c = {0};

	return copy_directory(&c, source_fd, target_fd, 0);
}

int tree_merge_at(int source_dir, const char *name, int target_dir, const char *to,
		  const struct tree_owner *owner)
{
	const struct copying c = {.merges = true,
				  .gives_away = owner != NULL,
				  .uid = owner ? owner->uid : 0,
				  .gid = owner ? owner->gid : 0};
	auto_close int source = -EBADF, target = -EBADF;

	if (name[0] && strcmp(name, ".") != 0)
		return copy_entry(&c, source_dir, name, target_dir, to, 0);
	source = openat(source_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	target = openat(target_dir, to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return source < 0 || target < 0 ? -errno : copy_directory(&c, source, target, 0);
}
