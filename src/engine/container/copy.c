/* SPDX-License-Identifier: Apache-2.0 */
/* Files copied between a container and the host, or a stream. */
#include "engine/container/copy.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/path.h"

/*
 * Security: what runs in the container may change its files while they are copied. Every path in it is resolved below
 * its root by the kernel (openat2), the rest by descriptor; entries are opened without following links and made with
 * O_EXCL, so that a link that is swapped in leads nowhere (CVE-2018-15664); no program and no library of the container
 * is run (CVE-2019-14271).
 */

enum { LINKS_MAX = 40 };

/* A folder and the name of the entry in it; name "." : the folder's content. */
struct entry {
	int dir_fd;
	char name[NAME_MAX + 1];
	bool is_folder;
};

static bool is_content(const char *path)
{
	return str_ends(path, "/.") || str_eq(path, "/");
}

/* ---- the source ---------------------------------------------------------------------------------- */

/* The path that a link at path leads to, if it is one; as often as it takes. */
static int resolve(const struct copy_place *p, const char **path, struct arena *a)
{
	char text[PATH_MAX], name[NAME_MAX + 1];

	for (unsigned i = 0; i < LINKS_MAX; i++) {
		auto_close int dir =
			path_open_parent_in_root(p->root_fd, *path, false, name, sizeof(name));
		const char *slash = strrchr(*path, '/');
		ssize_t n;

		if (dir < 0)
			return dir;
		n = readlinkat(dir, name, text, sizeof(text) - 1);
		if (n < 0)
			return errno == EINVAL || errno == ENOENT ? 0 : -errno;
		text[n] = '\0';
		*path = text[0] == '/'
				? arena_strdup(a, text)
				: arena_printf(a, "%.*s/%s", (int)(slash - *path), *path, text);
	}
	return -ELOOP;
}

static int open_source(const struct copy_place *p, bool follows, struct arena *a, struct entry *ret)
{
	const char *path = p->path;
	struct stat s;
	int r;

	if (is_content(path)) {
		strcpy(ret->name, ".");
		ret->is_folder = true;
		ret->dir_fd = path_open_in_root(p->root_fd, path, O_PATH | O_DIRECTORY, 0);
		return ret->dir_fd < 0 ? ret->dir_fd : 0;
	}
	path = str_clean_path(a, path);
	if (follows && (r = resolve(p, &path, a)) < 0)
		return r;
	ret->dir_fd =
		path_open_parent_in_root(p->root_fd, path, false, ret->name, sizeof(ret->name));
	if (ret->dir_fd < 0)
		return ret->dir_fd;
	if (fstatat(ret->dir_fd, ret->name, &s, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	ret->is_folder = S_ISDIR(s.st_mode);
	return 0;
}

/* ---- the target ---------------------------------------------------------------------------------- */

static const char *base_name(const char *path, struct arena *a)
{
	const char *clean = str_clean_path(a, path), *slash = strrchr(clean, '/');

	return slash ? slash + 1 : clean;
}

/* Into a folder that is there. */
static int enter_folder(int fd, const struct entry *from, const struct copy_place *source,
			struct arena *a, struct entry *ret)
{
	const char *name = str_eq(from->name, ".") ? "." : base_name(source->path, a);

	ret->dir_fd = fd;
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	return 0;
}

static int open_target(const struct copy_place *p, const struct entry *from,
		       const struct copy_place *source, struct arena *a, struct entry *ret,
		       struct err *e)
{
	const char *path = str_clean_path(a, p->path);
	int fd = path_open_in_root(p->root_fd, p->path, O_PATH, 0), r;
	struct stat s;

	if (fd >= 0 && fstat(fd, &s) == 0 && S_ISDIR(s.st_mode))
		return enter_folder(fd, from, source, a, ret);
	if (fd >= 0) {
		close(fd);
		if (from->is_folder || str_ends(p->path, "/"))
			return err_say(e, -ENOTDIR, "cannot copy %s to %s: it is a file",
				       source->name, p->name);
	} else if (fd != -ENOENT) {
		return err_sys(e, fd, "open %s", p->name);
	} else if (!from->is_folder && str_ends(p->path, "/")) {
		return err_say(e, -ENOENT, "no such directory: %s", p->name);
	}
	r = resolve(p, &path, a);
	if (r == 0)
		r = ret->dir_fd = path_open_parent_in_root(p->root_fd, path, false, ret->name,
							   sizeof(ret->name));
	if (r == -ENOENT)
		return err_say(e, r, "no such directory: the one that %s would be in", p->name);
	if (r < 0)
		return err_sys(e, r, "open %s", p->name);
	/* The content of a folder under a new name. */
	if (str_eq(from->name, ".") && mkdirat(ret->dir_fd, ret->name, 0755) < 0)
		return err_sys(e, -errno, "make %s", p->name);
	return 0;
}

int copy_files(const struct copy_place *from, const struct copy_place *to, bool follows,
	       const struct tree_owner *owner, struct arena *a, struct err *e)
{
	struct entry source = {.dir_fd = -EBADF}, target = {.dir_fd = -EBADF};
	int r = open_source(from, follows, a, &source);

	if (r == -ENOENT)
		r = err_say(e, r, "could not find the file %s", from->name);
	else if (r < 0)
		err_sys(e, r, "open %s", from->name);
	if (r == 0)
		r = open_target(to, &source, from, a, &target, e);
	if (r == 0) {
		r = tree_merge_at(source.dir_fd, source.name, target.dir_fd, target.name, owner);
		if (r < 0)
			err_sys(e, r, "copy %s to %s", from->name, to->name);
	}
	auto_close_fn(&source.dir_fd);
	auto_close_fn(&target.dir_fd);
	return r;
}

/* ---- roots --------------------------------------------------------------------------------------- */

int copy_open_root(const struct engine *g, const struct container_info *c, int *ret_lock,
		   struct err *e)
{
	auto_close int dir = -EBADF, lock = -EBADF;
	char path[64];
	int fd;

	*ret_lock = -EBADF;
	if (c->status.pid > 0) {
		snprintf(path, sizeof(path), "/proc/%lld/root", (long long)c->status.pid);
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? err_sys(e, -errno, "open the root of container %s", c->record.name)
			      : fd;
	}
	dir = record_open(g, c->record.id, e);
	if (dir < 0)
		return dir;
	lock = record_lock(dir, true, e);
	if (lock < 0)
		return lock;
	fd = record_mount_root(g, &c->record, dir, e);
	if (fd >= 0)
		*ret_lock = TAKE_FD(lock);
	return fd;
}
