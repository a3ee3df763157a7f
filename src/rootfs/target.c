/* SPDX-License-Identifier: Apache-2.0 */
/* The place of a mount: found below the root by descriptor, made where it is missing. */
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/path.h"
#include "rootfs/steps.h"

/* Security: /proc and /sys must be directories, no links that an image or another container on the
 * same volume planted (CVE-2019-19921, CVE-2023-27561). One look at each, unless the directory was
 * opened without following links to be mounted on. */
static int check_top(struct rootfs_build *b, const char *top, bool *is_real, struct err *e)
{
	int fd;

	if (*is_real)
		return 0;
	fd = path_open_in_root(b->r->root_fd, top, O_PATH | O_NOFOLLOW | O_DIRECTORY, 0);
	if (fd == -ELOOP || fd == -ENOTDIR)
		return err_say(e, -ENOTDIR, "%s in the root file system is not a directory", top);
	if (fd < 0 && fd != -ENOENT)
		return err_sys(e, fd, "open %s in the root file system", top);
	if (fd >= 0)
		close(fd);
	*is_real = true;
	return 0;
}

/* "/dev/NAME" on the /dev that we mounted: two calls instead of a walk. */
static int open_in_dev(struct rootfs_build *b, const char *destination)
{
	const char *name = destination + strlen("/dev/");

	if (b->r->dev_fd < 0 || !str_starts(destination, "/dev/") || strchr(name, '/'))
		return -ENOENT;
	if (mkdirat(b->r->dev_fd, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	return sys_return(
		openat(b->r->dev_fd, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC));
}

static int open_or_make(struct rootfs_build *b, const char *path, int source_fd)
{
	struct stat s;
	int fd;

	fd = path_open_in_root(b->r->root_fd, path, O_PATH, 0);
	if (fd != -ENOENT)
		return fd;
	if (source_fd >= 0) {
		if (fstat(source_fd, &s) < 0)
			return -errno;
		if (!S_ISDIR(s.st_mode))
			return path_mkfile_in_root(b->r->root_fd, path, 0644);
	}
	return path_mkdirs_in_root(b->r->root_fd, path, 0755);
}

/* proc, sysfs and what becomes /dev go onto a directory, never through a link. */
static int open_real_dir(struct rootfs_build *b, const char *path)
{
	int fd = path_open_in_root(b->r->root_fd, path, O_PATH | O_NOFOLLOW | O_DIRECTORY, 0);
	int made;

	if (fd != -ENOENT)
		return fd;
	made = path_mkdirs_in_root(b->r->root_fd, path, 0755);
	if (made < 0)
		return made;
	close(made);
	return path_open_in_root(b->r->root_fd, path, O_PATH | O_NOFOLLOW | O_DIRECTORY, 0);
}

int target_open(struct rootfs_build *b, const struct rootfs_mount *m, int source_fd, struct err *e)
{
	const char *d = m->destination;
	bool is_proc = strcmp(d, "/proc") == 0, is_sys = strcmp(d, "/sys") == 0;
	auto_close int fd = -EBADF;
	struct statfs s;
	int r = 0;

	if (is_proc || is_sys || strcmp(d, "/dev") == 0 || str_eq(m->type, "proc") ||
	    str_eq(m->type, "sysfs")) {
		fd = open_real_dir(b, d);
		if (fd == -ELOOP || fd == -ENOTDIR)
			return err_say(
				e, -ENOTDIR,
				"filesystem \"%s\" must be mounted on ordinary directory, and "
				"\"%s\" is none",
				m->type ? m->type : "bind", d);
		b->is_proc_real |= is_proc && fd >= 0;
		b->is_sys_real |= is_sys && fd >= 0;
		return fd < 0 ? mount_failed(m, fd, e) : TAKE_FD(fd);
	}
	if (str_starts(d, "/proc/"))
		r = check_top(b, "/proc", &b->is_proc_real, e);
	else if (str_starts(d, "/sys/"))
		r = check_top(b, "/sys", &b->is_sys_real, e);
	if (r < 0)
		return r;
	if (source_fd < 0) {
		fd = open_in_dev(b, d);
		if (fd >= 0)
			return TAKE_FD(fd); /* a directory of our own tmpfs: nothing to suspect */
	}
	fd = open_or_make(b, d, source_fd);
	if (fd < 0)
		return mount_failed(m, fd, e);
	/* Security: the plan looked at the words; a link may still lead into the container's /proc. */
	if (!str_starts(d, "/proc/") && m->kind != ROOTFS_REMOUNT &&
	    (fstatfs(fd, &s) < 0 || s.f_type == PROC_SUPER_MAGIC))
		return err_say(e, -EINVAL, "\"%s\" cannot be mounted because it is inside /proc",
			       d);
	return TAKE_FD(fd);
}
