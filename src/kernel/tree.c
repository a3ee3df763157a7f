/* SPDX-License-Identifier: Apache-2.0 */
/* Whole folders: removed or measured by descriptor, never following a link. */
#include "kernel/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"

/*
 * Theory of operation
 *
 * Each level of the recursion holds a descriptor, and a hostile tree is deeper than descriptors last.
 * So a folder below DEPTH_MAX is moved up into the top folder under a name of ours (one rename: it is the
 * same file system), where a later round over the top finds it.
 */

enum { DEPTH_MAX = 100, OWN_DEPTH_MAX = 500 };

struct removal {
	int top_fd;
	unsigned moved;
};

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static int open_folder(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Takes over fd. */
static DIR *read_folder(int fd)
{
	DIR *d = fdopendir(fd);

	if (!d)
		close(fd);
	return d;
}

static int remove_folder(struct removal *top, int dir_fd, const char *name, unsigned depth);

static int empty_folder(struct removal *top, int fd, unsigned depth)
{
	auto_closedir DIR *d = read_folder(fd);
	const struct dirent *entry;
	int r = 0;

	if (!d)
		return -errno;
	if (depth == 0)
		top->top_fd = dirfd(d);
	while (r == 0 && (entry = readdir(d))) {
		if (is_dots(entry->d_name) ||
		    (entry->d_type != DT_DIR && unlinkat(dirfd(d), entry->d_name, 0) == 0))
			continue;
		r = entry->d_type == DT_DIR || errno == EISDIR || errno == EPERM
			    ? remove_folder(top, dirfd(d), entry->d_name, depth + 1)
		    : errno == ENOENT ? 0
				      : -errno;
	}
	return r;
}

static int move_up(struct removal *top, int dir_fd, const char *name)
{
	char new_name[32];

	for (;;) {
		snprintf(new_name, sizeof(new_name), ".berth-deep-%u", top->moved++);
		if (renameat(dir_fd, name, top->top_fd, new_name) == 0)
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
			return -errno;
	}
}

static int remove_folder(struct removal *top, int dir_fd, const char *name, unsigned depth)
{
	bool was_opened_up = false;

	if (depth > DEPTH_MAX)
		return move_up(top, dir_fd, name);
	for (;;) {
		int fd = open_folder(dir_fd, name);
		int r = fd < 0 ? fd : empty_folder(top, fd, depth);

		if (r == 0 && unlinkat(dir_fd, name, AT_REMOVEDIR) == 0)
			return 0;
		if (r == 0)
			r = -errno;
		if (r == -ENOENT)
			return 0;
		/* What was moved up to here, or is being written by somebody. */
		if (r == -ENOTEMPTY && top->moved)
			continue;
		/* A mode that keeps even its owner out. */
		if (r != -EACCES || was_opened_up || fchmodat(dir_fd, name, 0700, 0) < 0)
			return r;
		was_opened_up = true;
	}
}

int tree_remove_at(int dir_fd, const char *name)
{
	struct removal top = {.top_fd = -EBADF};

	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	return remove_folder(&top, dir_fd, name, 0);
}

static int add_folder(int fd, unsigned depth, int64_t *bytes, int64_t *entries)
{
	auto_closedir DIR *d = read_folder(fd);
	const struct dirent *entry;
	struct stat st;
	int r = 0;

	if (!d)
		return -errno;
	while (r == 0 && (entry = readdir(d))) {
		if (is_dots(entry->d_name) ||
		    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		*bytes += st.st_blocks * 512;
		++*entries;
		if (!S_ISDIR(st.st_mode) || depth >= DEPTH_MAX)
			continue;
		fd = open_folder(dirfd(d), entry->d_name);
		if (fd >= 0)
			r = add_folder(fd, depth + 1, bytes, entries);
	}
	return r;
}

int tree_size_at(int dir_fd, const char *name, int64_t *ret_bytes, int64_t *ret_entries)
{
	int64_t bytes = 0, entries = 0;
	int fd = open_folder(dir_fd, name), r;

	if (fd < 0)
		return fd;
	r = add_folder(fd, 0, &bytes, &entries);
	if (r == 0 && ret_bytes)
		*ret_bytes = bytes;
	if (r == 0 && ret_entries)
		*ret_entries = entries;
	return r;
}

/* ---- owners -------------------------------------------------------------------------------------- */

static int own_entry(int dir_fd, const char *name, uint32_t uid, uint32_t gid, unsigned depth)
{
	struct stat s;

	if (fstatat(dir_fd, name, &s, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if ((s.st_uid != uid || s.st_gid != gid) &&
	    fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(s.st_mode))
		return 0;
	auto_closedir DIR *d = read_folder(open_folder(dir_fd, name));
	const struct dirent *entry;
	int r = 0;

	if (!d)
		return -errno;
	if (depth > OWN_DEPTH_MAX)
		return -ELOOP;
	while (r == 0 && (entry = readdir(d)))
		if (!is_dots(entry->d_name))
			r = own_entry(dirfd(d), entry->d_name, uid, gid, depth + 1);
	return r;
}

int tree_own_at(int dir_fd, const char *path, uint32_t uid, uint32_t gid)
{
	auto_close int fd = openat(dir_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat s;

	if (fd < 0 || fstat(fd, &s) < 0)
		return -errno;
	if (S_ISDIR(s.st_mode))
		return own_entry(fd, ".", uid, gid, 0);
	return fchown(fd, uid, gid) < 0 ? -errno : 0;
}
