/* SPDX-License-Identifier: Apache-2.0 */
/* A procfs handle that nobody else can redirect. */
#include "kernel/proc.h"

#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/auto.h"
#include "base/str.h"
#include "kernel/sys.h"

/* PROC_ROOT_INO of include/linux/proc_fs.h and fs/proc/root.c. */
#define ROOT_INODE 1

#define RETRIES 32

static bool uses_fallback;

void proc_use_fallback(bool is_on)
{
	uses_fallback = is_on;
}

static int check_is_proc(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	return fs.f_type == PROC_SUPER_MAGIC ? 0 : -EXDEV;
}

static int check_is_root(int fd)
{
	struct stat st;
	int r = check_is_proc(fd);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_ino == ROOT_INODE ? 0 : -EXDEV;
}

/* A mount of our own: no other process can put anything over a part of it. */
static int open_private(void)
{
	auto_close int fs = sys_fsopen("proc", FSOPEN_CLOEXEC);
	int r;

	if (fs < 0)
		return fs;
	r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r < 0)
		return r;
	return sys_fsmount(fs, FSMOUNT_CLOEXEC,
			   MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

int proc_open(void)
{
	/* Order: from the strongest to the weakest. A nested or rootless user namespace gets EPERM
	 * for a new procfs while parts of its /proc are covered (mount_too_revealing), an old kernel
	 * ENOSYS; a copy without its submounts is as good, but refused (EINVAL) where those are
	 * locked. */
	auto_close int fd = uses_fallback ? -ENOSYS : open_private();
	int r;

	if (fd < 0 && !uses_fallback)
		fd = sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0) {
		fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	}
	r = check_is_root(fd);
	if (r < 0)
		return r;
	return TAKE_FD(fd);
}

static bool has_self(const char *path)
{
	return str_starts(path, "self/") || str_starts(path, "thread-self/");
}

/* Opens one component; "self" is the only link that is followed, by hand. */
static int open_component(int dir_fd, const char *name, int flags, bool is_link)
{
	char target[64];
	ssize_t n;

	/* No name of the kernel's; and "" for an absolute path. The answers are those of openat2. */
	if (str_eq(name, "..") || str_eq(name, ".") || !name[0])
		return -EXDEV;
	if (!is_link)
		return sys_return(openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC));
	n = readlinkat(dir_fd, name, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	/* "PID" or "PID/task/TID", made by the kernel. */
	return sys_return(openat(dir_fd, target, flags | O_NOFOLLOW | O_CLOEXEC));
}

/* For kernels before 5.6 and filters that refuse openat2. */
static int open_by_walk(int proc_fd, const char *path, int flags)
{
	auto_close int dir = -EBADF;
	bool is_link = has_self(path);
	char buf[256], *at = buf, *slash;
	int fd, r;

	if (snprintf(buf, sizeof(buf), "%s", path) >= (int)sizeof(buf))
		return -ENAMETOOLONG;
	while ((slash = strchr(at, '/'))) {
		int next;

		*slash = '\0';
		next = open_component(dir < 0 ? proc_fd : dir, at, O_PATH | O_DIRECTORY, is_link);
		if (next < 0)
			return next;
		if (dir >= 0)
			close(dir);
		dir = next;
		r = check_is_proc(dir);
		if (r < 0)
			return r;
		is_link = false;
		at = slash + 1;
	}
	fd = open_component(dir < 0 ? proc_fd : dir, at, flags, is_link);
	if (fd < 0)
		return fd;
	r = check_is_proc(fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

int proc_open_at(int proc_fd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};
	int r;

	if (uses_fallback)
		return open_by_walk(proc_fd, path, flags);
	/* Only the kernel makes links in procfs, and none of those below "self" but the magic ones,
	 * which are refused anyway, leads anywhere: one call does for both. */
	if (!has_self(path))
		how.resolve |= RESOLVE_NO_SYMLINKS;
	for (int i = 0; i < RETRIES; i++) {
		r = sys_openat2(proc_fd, path, &how);
		if (r != -EAGAIN && r != -EINTR)
			break;
	}
	/* EPERM may be the file's own answer; then the walk gives it again. */
	if (r == -ENOSYS || r == -EPERM)
		return open_by_walk(proc_fd, path, flags);
	return r;
}

int proc_write_at(int proc_fd, const char *path, const char *value)
{
	auto_close int fd = proc_open_at(proc_fd, path, O_WRONLY | O_NOCTTY);
	size_t n = strlen(value);
	ssize_t w;
	int r;

	if (fd < 0)
		return fd;
	/* Security: where the handle is /proc itself, see once more that nothing else lies there. */
	r = check_is_proc(fd);
	if (r < 0)
		return r;
	do
		w = write(fd, value, n);
	while (w < 0 && errno == EINTR);
	if (w < 0)
		return -errno;
	return (size_t)w == n ? 0 : -EIO;
}
