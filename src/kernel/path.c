/* SPDX-License-Identifier: Apache-2.0 */
/* Paths below a root that somebody hostile may be changing: resolve by descriptor only. */
#include "kernel/path.h"

#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/auto.h"
#include "kernel/sys.h"

/*
 * Theory of operation of the walk
 *
 * `done` is the path from the root to `fd` without links, ".." or "."; `rest` is what is still to be
 * resolved. A component is opened with O_PATH | O_NOFOLLOW below fd. A link puts its text before the
 * rest (and starts at the root again where it is absolute). ".." shortens `done` and walks down from
 * the root again, because the parent that the kernel would give may have been moved out of the root
 * in the meantime; meeting a link there means that somebody changes the tree: -EAGAIN.
 */

enum { LINKS_MAX = 40, TRIES_MAX = 128 }; /* 40: as the kernel, MAXSYMLINKS in linux/namei.h */

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif

struct walk {
	int root_fd, fd; /* fd: owned, where the walk stands; -EBADF at the root itself */
	unsigned links;
	bool makes;      /* missing directories */
	bool makes_file; /* and the last component is a file */
	mode_t make_mode;
	char done[PATH_MAX], rest[PATH_MAX];
};

static bool is_fallback; /* openat2 is not there, or a test wants the walk */

void path_use_fallback(bool is_on)
{
	is_fallback = is_on;
}

static void walk_close(struct walk *w)
{
	auto_close_fn(&w->fd);
}

static int walk_here(const struct walk *w)
{
	return w->fd >= 0 ? w->fd : w->root_fd;
}

static void walk_stand(struct walk *w, int fd)
{
	auto_close_fn(&w->fd);
	w->fd = fd;
}

static int append_component(char done[PATH_MAX], const char *name)
{
	size_t n = strlen(done), len = strlen(name);

	if (n + len + 2 > PATH_MAX)
		return -ENAMETOOLONG;
	done[n] = '/';
	memcpy(done + n + 1, name, len + 1);
	return 0;
}

/* Cuts the first component off path; false at its end. */
static bool next_component(const char **path, char name[NAME_MAX + 1], int *ret_r)
{
	const char *p = *path + strspn(*path, "/");
	size_t n = strcspn(p, "/");

	*ret_r = n > NAME_MAX ? -ENAMETOOLONG : 0;
	if (n == 0 || n > NAME_MAX)
		return false;
	memcpy(name, p, n);
	name[n] = '\0';
	*path = p + n;
	return true;
}

static int walk_up(struct walk *w)
{
	char name[NAME_MAX + 1], *slash = strrchr(w->done, '/');
	const char *p = w->done;
	int r;

	if (slash)
		*slash = '\0';
	walk_stand(w, -EBADF);
	while (next_component(&p, name, &r)) {
		int fd = openat(walk_here(w), name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return errno == ELOOP || errno == ENOTDIR ? -EAGAIN : -errno;
		walk_stand(w, fd);
	}
	return 0;
}

/* A link of procfs or nsfs that leads to an object instead of a path: its text is absolute, or
 * "mnt:[4026531841]", "(unreachable)/x". The plain ones ("self", "mounts") are neither. */
static bool is_magic_link(int fd, const char *text)
{
	struct statfs s;

	if (text[0] != '/' && text[0] != '(' && !strchr(text, ':'))
		return false;
	return fstatfs(fd, &s) < 0 || s.f_type == PROC_SUPER_MAGIC || s.f_type == NSFS_MAGIC;
}

/* fd is a link (O_PATH): its text goes before what is left of the path. */
static int walk_link(struct walk *w, int fd, const char *left)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(fd, "", text, sizeof(text));
	size_t left_n = strlen(left);

	if (n < 0)
		return -errno;
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if ((size_t)n + left_n + 2 > sizeof(w->rest))
		return -ENAMETOOLONG;
	text[n] = '\0';
	if (is_magic_link(fd, text))
		return -ELOOP;
	/* left points into rest, so it moves first */
	memmove(w->rest + n, left, left_n + 1);
	memcpy(w->rest, text, (size_t)n);
	if (text[0] == '/') {
		walk_stand(w, -EBADF);
		w->done[0] = '\0';
	}
	return 0;
}

static int open_component(struct walk *w, const char *name, bool is_file)
{
	int fd = openat(walk_here(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC), r;

	if (fd >= 0 || errno != ENOENT || !w->makes)
		return fd < 0 ? -errno : fd;
	if (is_file)
		r = mknodat(walk_here(w), name, S_IFREG | w->make_mode, 0);
	else
		r = mkdirat(walk_here(w), name, w->makes_file ? 0755 : w->make_mode);
	if (r < 0 && errno != EEXIST)
		return -errno;
	fd = openat(walk_here(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The last component: to be opened with the caller's flags. Returns the descriptor, or -ENOTUNIQ
 * where it was a link that the walk has yet to follow. */
static int open_last(struct walk *w, const char *name, const char *left, int flags, mode_t mode)
{
	bool is_dir_asked = *left; /* a trailing slash */
	bool follows = is_dir_asked || !((flags & O_NOFOLLOW) ||
					 (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL));
	struct stat s;
	int r;

	if (is_dir_asked && (flags & O_CREAT))
		return -EISDIR;
	if (is_dir_asked)
		flags |= O_DIRECTORY;
	if (follows) {
		auto_close int fd = openat(walk_here(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

		if (fd >= 0 && fstat(fd, &s) < 0)
			return -errno;
		if (fd >= 0 && S_ISLNK(s.st_mode)) {
			r = walk_link(w, fd, left);
			return r < 0 ? r : -ENOTUNIQ;
		}
	}
	r = openat(walk_here(w), name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
	return r < 0 ? -errno : r;
}

/* The same where a missing file is to be made. */
static int make_last(struct walk *w, const char *name, const char *left)
{
	auto_close int fd = open_component(w, name, true);
	struct stat s;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &s) < 0)
		return -errno;
	if (!S_ISLNK(s.st_mode))
		return TAKE_FD(fd);
	r = walk_link(w, fd, left);
	return r < 0 ? r : -ENOTUNIQ;
}

/* One component in the middle of the path. */
static int walk_step(struct walk *w, const char *name, const char *left)
{
	auto_close int fd = open_component(w, name, false);
	struct stat s;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &s) < 0)
		return -errno;
	if (S_ISLNK(s.st_mode))
		return walk_link(w, fd, left);
	if (!S_ISDIR(s.st_mode))
		return -ENOTDIR;
	r = append_component(w->done, name);
	if (r < 0)
		return r;
	memmove(w->rest, left, strlen(left) + 1);
	walk_stand(w, TAKE_FD(fd));
	return 0;
}

static int walk_path(struct walk *w, int flags, mode_t mode)
{
	for (;;) {
		char name[NAME_MAX + 1];
		const char *left = w->rest;
		int r;

		if (!next_component(&left, name, &r)) {
			/* ends in "..", ".", or is the root */
			if (r < 0)
				return r;
			r = openat(walk_here(w), ".", flags | O_CLOEXEC, mode);
			return r < 0 ? -errno : r;
		}
		if (strcmp(name, ".") == 0) {
			memmove(w->rest, left, strlen(left) + 1);
			continue;
		}
		if (strcmp(name, "..") == 0) {
			memmove(w->rest, left, strlen(left) + 1);
			r = walk_up(w);
		} else if ((!w->makes || w->makes_file) && left[strspn(left, "/")] == '\0') {
			r = w->makes_file ? make_last(w, name, left)
					  : open_last(w, name, left, flags, mode);
			if (r != -ENOTUNIQ)
				return r;
			r = 0;
		} else {
			r = walk_step(w, name, left);
		}
		if (r < 0)
			return r;
	}
}

static int walk_start(struct walk *w, int root_fd, const char *path)
{
	size_t n = strlen(path);

	if (n == 0)
		return -ENOENT;
	if (n >= sizeof(w->rest))
		return -ENAMETOOLONG;
	w->root_fd = root_fd;
	w->fd = -EBADF;
	w->links = 0;
	w->makes = w->makes_file = false;
	w->done[0] = '\0';
	memcpy(w->rest, path, n + 1);
	return 0;
}

static int open_by_walk(int root_fd, const char *path, int flags, mode_t mode)
{
	__attribute__((cleanup(walk_close))) struct walk w;
	int r;

	w.fd = -EBADF;
	r = walk_start(&w, root_fd, path);
	return r < 0 ? r : walk_path(&w, flags, mode);
}

int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
	const struct open_how how = {
		.flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? mode & 07777 : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	/* openat2 gives -EAGAIN where a rename raced with "..": the kernel asks for another try. */
	for (unsigned i = 0; !is_fallback && i < TRIES_MAX; i++) {
		int r = sys_openat2(root_fd, path, &how);

		if (r == -ENOSYS)
			is_fallback = true;
		else if (r == -EPERM)
			break; /* a filter, or the file itself: the walk will tell */
		else if (r != -EAGAIN && r != -EINTR)
			return r;
	}
	return open_by_walk(root_fd, path, flags, mode);
}

int path_mkdirs_in_root(int root_fd, const char *path, mode_t mode)
{
	__attribute__((cleanup(walk_close))) struct walk w;
	int r = path_open_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0);

	if (r != -ENOENT)
		return r;
	w.fd = -EBADF;
	r = walk_start(&w, root_fd, path);
	if (r < 0)
		return r;
	w.makes = true;
	w.make_mode = mode;
	return walk_path(&w, O_PATH | O_DIRECTORY, 0);
}

int path_mkfile_in_root(int root_fd, const char *path, mode_t mode)
{
	__attribute__((cleanup(walk_close))) struct walk w;
	int r;

	w.fd = -EBADF;
	r = walk_start(&w, root_fd, path);
	if (r < 0)
		return r;
	w.makes = w.makes_file = true;
	w.make_mode = mode;
	return walk_path(&w, O_PATH, 0);
}

int path_open_parent_in_root(int root_fd, const char *path, bool make_parents, char *name,
			     size_t size)
{
	char parent[PATH_MAX];
	size_t n = strlen(path), start;

	while (n && path[n - 1] == '/')
		n--;
	for (start = n; start && path[start - 1] != '/';)
		start--;
	if (n == start || (n - start == 1 && path[start] == '.') ||
	    (n - start == 2 && memcmp(path + start, "..", 2) == 0))
		return -EINVAL; /* no component that could be made or replaced */
	if (n - start >= size || start + 2 > sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(name, path + start, n - start);
	name[n - start] = '\0';
	memcpy(parent, path, start);
	memcpy(parent + start, start ? "" : ".", start ? 1 : 2);
	if (make_parents)
		return path_mkdirs_in_root(root_fd, parent, 0755);
	return path_open_in_root(root_fd, parent, O_PATH | O_DIRECTORY, 0);
}
