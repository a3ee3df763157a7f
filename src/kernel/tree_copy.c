/* SPDX-License-Identifier: Apache-2.0 */
/* A folder's content copied into another, by descriptor. */
#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/auto.h"
#include "kernel/sys.h"
#include "kernel/tree.h"

/* Security: both sides are walked by descriptor and without following a link, so a tree that changes
 * meanwhile can only copy itself. */

enum { DEPTH_MAX = 64, XATTR_MAX = 4096 };

static int copy_directory(int source_fd, int target_fd, unsigned depth);

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
static int copy_owner(int source, int target, const struct stat *s)
{
	const struct timespec times[2] = {s->st_atim, s->st_mtim};

	if (fchown(target, s->st_uid, s->st_gid) < 0 || fchmod(target, s->st_mode & 07777) < 0)
		return -errno;
	copy_xattrs(source, target);
	return futimens(target, times) < 0 ? -errno : 0;
}

static int copy_file(int source_dir, int target_dir, const char *name)
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
	target = openat(target_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);
	if (target < 0)
		return -errno;
	r = copy_data(source, target);
	return r < 0 ? r : copy_owner(source, target, &s);
}

static int copy_link(int source_dir, int target_dir, const char *name, const struct stat *s)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(source_dir, name, text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (symlinkat(text, target_dir, name) < 0 ||
	    fchownat(target_dir, name, s->st_uid, s->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_node(int target_dir, const char *name, const struct stat *s)
{
	if (mknodat(target_dir, name, s->st_mode & (S_IFMT | 07777), s->st_rdev) < 0 ||
	    fchownat(target_dir, name, s->st_uid, s->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_subdirectory(int source_dir, int target_dir, const char *name, unsigned depth)
{
	auto_close int source =
		openat(source_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int target = -EBADF;
	struct stat s;
	int r;

	if (source < 0 || fstat(source, &s) < 0)
		return -errno;
	if (mkdirat(target_dir, name, 0700) < 0)
		return -errno;
	target = openat(target_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return -errno;
	r = copy_directory(source, target, depth);
	return r < 0 ? r : copy_owner(source, target, &s);
}

static int copy_entry(int source_dir, int target_dir, const char *name, unsigned depth)
{
	struct stat s;

	if (fstatat(source_dir, name, &s, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	switch (s.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(source_dir, target_dir, name);
	case S_IFDIR:
		return copy_subdirectory(source_dir, target_dir, name, depth + 1);
	case S_IFLNK:
		return copy_link(source_dir, target_dir, name, &s);
	case S_IFSOCK:
		return 0; /* nobody listens there any more */
	default:
		return copy_node(target_dir, name, &s);
	}
}

static int copy_directory(int source_fd, int target_fd, unsigned depth)
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
			r = copy_entry(source_fd, target_fd, d->d_name, depth);
	return r;
}

int tree_copy(int source_fd, int target_fd)
{
	return copy_directory(source_fd, target_fd, 0);
}
