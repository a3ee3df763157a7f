/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes and links in the container's /dev, and the console. */
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/path.h"
#include "kernel/sys.h"
#include "rootfs/steps.h"

/*
 * Security: /dev is opened once, as a directory and not through a link (CVE-2026-41579), and all in
 * it is made and changed relative to that descriptor. Where mknod(2) is not allowed (user namespaces,
 * no CAP_MKNOD) the host's node is bound, after a look at its type and number through the very
 * descriptor that is bound (CVE-2025-31133, CVE-2025-52565).
 */

int dev_open(struct rootfs *r, struct err *e)
{
	int fd, made;

	if (r->dev_fd >= 0)
		return 0;
	fd = path_open_in_root(r->root_fd, "/dev", O_PATH | O_NOFOLLOW | O_DIRECTORY, 0);
	if (fd == -ENOENT) {
		made = path_mkdirs_in_root(r->root_fd, "/dev", 0755);
		if (made < 0)
			return err_sys(e, made, "make /dev in the root file system");
		close(made);
		fd = path_open_in_root(r->root_fd, "/dev", O_PATH | O_NOFOLLOW | O_DIRECTORY, 0);
	}
	if (fd == -ELOOP || fd == -ENOTDIR)
		return err_say(e, -ENOTDIR, "/dev in the root file system is not a directory");
	if (fd < 0)
		return err_sys(e, fd, "open /dev in the root file system");
	r->dev_fd = fd;
	return 0;
}

static mode_t device_type(const struct oci_device *d)
{
	return d->type[0] == 'b' ? S_IFBLK : d->type[0] == 'p' ? S_IFIFO : S_IFCHR;
}

static bool is_device(int fd, const struct oci_device *d)
{
	struct stat s;

	if (fstat(fd, &s) < 0 || (s.st_mode & S_IFMT) != device_type(d))
		return false;
	return S_ISFIFO(s.st_mode) || s.st_rdev == makedev((unsigned)d->major, (unsigned)d->minor);
}

static int open_node(int dir_fd, const char *name)
{
	return sys_return(openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

/* Binds the host's node of the same path onto dir_fd/name. */
static int bind_device(int dir_fd, const char *name, const struct oci_device *d, struct err *e)
{
	auto_close int host = openat(AT_FDCWD, d->path, O_PATH | O_CLOEXEC), target = -EBADF;
	struct mount_tree tree = {.fd = -EBADF};
	struct mount_target t = {.root_fd = dir_fd, .path = name};
	int r;

	if (host < 0)
		return err_sys(e, -errno, "bind the host's device %s", d->path);
	if (!is_device(host, d))
		return err_say(e, -EINVAL, "the host's %s is not the device %s %lld:%lld", d->path,
			       d->type, (long long)d->major, (long long)d->minor);
	if (mknodat(dir_fd, name, S_IFREG | 0666, 0) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "make a place for device %s", d->path);
	target = open_node(dir_fd, name);
	t.fd = target;
	r = target < 0 ? target : mount_clone(host, "", false, &tree);
	if (r >= 0)
		r = mount_attach(&tree, NULL, 0, &t);
	auto_close_fn(&tree.fd);
	return r < 0 ? err_sys(e, r, "bind the host's device %s", d->path) : 0;
}

static int check_existing(int dir_fd, const char *name, const struct oci_device *d, struct err *e)
{
	auto_close int fd = open_node(dir_fd, name);

	if (fd < 0)
		return err_sys(e, fd, "open device %s", d->path);
	if (!is_device(fd, d))
		return err_say(
			e, -EEXIST,
			"%s exists in the root file system and is not the device %s %lld:%lld",
			d->path, d->type, (long long)d->major, (long long)d->minor);
	return 0;
}

static int make_node(int dir_fd, const char *name, const struct oci_device *d, bool has_user_ns,
		     struct err *e)
{
	mode_t mode = d->file_mode.is_set ? (mode_t)d->file_mode.value & 07777 : 0666;
	mode_t type = device_type(d);
	uid_t uid = d->uid.is_set ? (uid_t)d->uid.value : 0;
	gid_t gid = d->gid.is_set ? (gid_t)d->gid.value : 0;
	int r;

	if (has_user_ns && type != S_IFIFO)
		return bind_device(dir_fd, name, d, e);
	r = mknodat(dir_fd, name, type | mode, makedev((unsigned)d->major, (unsigned)d->minor));
	if (r < 0 && errno == EPERM)
		return bind_device(dir_fd, name, d, e);
	if (r < 0 && errno != EEXIST)
		return err_sys(e, -errno, "make device %s", d->path);
	if (r < 0) {
		r = check_existing(dir_fd, name, d, e);
		if (r < 0)
			return r;
	}
	if ((uid || gid) && fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, -errno, "chown device %s", d->path);
	return 0;
}

static int make_device(struct rootfs_build *b, const struct oci_device *d, struct err *e)
{
	const char *in_dev = str_starts(d->path, "/dev/") ? d->path + strlen("/dev/") : NULL;
	char name[NAME_MAX + 1];
	auto_close int dir_fd = -EBADF;

	if (in_dev && *in_dev && !strchr(in_dev, '/'))
		return make_node(b->r->dev_fd, in_dev, d, b->p->has_user_ns, e);
	dir_fd = path_open_parent_in_root(b->r->root_fd, d->path, true, name, sizeof(name));
	if (dir_fd < 0)
		return err_sys(e, dir_fd, "open the directory of device %s", d->path);
	return make_node(dir_fd, name, d, b->p->has_user_ns, e);
}

/* ---- links -------------------------------------------------------------------------------------- */

static int make_ptmx(int dev_fd)
{
	static const char text[] = "pts/ptmx";
	char now[sizeof(text) + 1];
	ssize_t n;

	if (symlinkat(text, dev_fd, "ptmx") == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	n = readlinkat(dev_fd, "ptmx", now, sizeof(now));
	if (n == (ssize_t)strlen(text) && memcmp(now, text, (size_t)n) == 0)
		return 0;
	/* an image's own node would lead to the host's devpts */
	if (unlinkat(dev_fd, "ptmx", 0) < 0 || symlinkat(text, dev_fd, "ptmx") < 0)
		return -errno;
	return 0;
}

static int make_links(int dev_fd, struct err *e)
{
	static const struct {
		const char *name, *text;
	} link[] = {
		{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
		{"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
		{"core", "/proc/kcore"}, /* the last: only where the kernel has it */
	};
	size_t n = ARRAY_LEN(link) - (access("/proc/kcore", F_OK) < 0);
	int r = make_ptmx(dev_fd);

	if (r < 0)
		return err_sys(e, r, "make the link /dev/ptmx");
	for (size_t i = 0; i < n; i++)
		if (symlinkat(link[i].text, dev_fd, link[i].name) < 0 && errno != EEXIST)
			return err_sys(e, -errno, "make the link /dev/%s", link[i].name);
	return 0;
}

/* Is the root's /dev a mount that came along with the root, such as the host's own where the root is "/"? */
static bool dev_is_foreign(const struct rootfs *r)
{
	const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
				     .resolve = RESOLVE_NO_XDEV};
	auto_close int fd = sys_openat2(r->root_fd, "dev", &how);

	return fd == -EXDEV;
}

int devices_make(struct rootfs_build *b, struct err *e)
{
	int r;

	if (b->r->dev_fd < 0 && dev_is_foreign(b->r))
		return 0;
	r = dev_open(b->r, e);

	for (size_t i = 0; r >= 0 && i < b->p->devices.n; i++)
		r = make_device(b, &b->p->devices.v[i], e);
	return r < 0 ? r : make_links(b->r->dev_fd, e);
}

/* ---- the console -------------------------------------------------------------------------------- */

enum { PTY_MAJOR_FIRST = 136, PTY_MAJOR_LAST = 143 }; /* Documentation/admin-guide/devices.txt */

static bool is_pty(int fd)
{
	struct statfs fs;
	struct stat s;

	return fstatfs(fd, &fs) == 0 && fs.f_type == DEVPTS_SUPER_MAGIC && fstat(fd, &s) == 0 &&
	       S_ISCHR(s.st_mode) && major(s.st_rdev) >= PTY_MAJOR_FIRST &&
	       major(s.st_rdev) <= PTY_MAJOR_LAST;
}

int rootfs_bind_console(const struct rootfs_plan *p, struct rootfs *r, int pty_fd, struct err *e)
{
	struct mount_tree tree = {.fd = -EBADF};
	struct mount_target t = {.path = "console"};
	auto_close int target = -EBADF;
	struct stat s;
	int rc = dev_open(r, e);

	if (rc < 0 || !p->has_mount_ns)
		return rc;
	if (!is_pty(pty_fd))
		return err_say(e, -ENOTTY, "the console's terminal is not a pty of devpts");
	target = open_node(r->dev_fd, "console");
	if (target == -ENOENT) {
		if (mknodat(r->dev_fd, "console", S_IFREG | 0600, 0) < 0)
			return err_sys(e, -errno, "make /dev/console");
		target = open_node(r->dev_fd, "console");
	}
	if (target < 0 || fstat(target, &s) < 0)
		return err_sys(e, target < 0 ? target : -errno, "open /dev/console");
	if (S_ISLNK(s.st_mode))
		return err_say(e, -ELOOP,
			       "/dev/console in the root file system is a symbolic link");
	t.fd = target;
	t.root_fd = r->dev_fd;
	rc = mount_clone(pty_fd, "", false, &tree);
	if (rc >= 0)
		rc = mount_attach(&tree, NULL, 0, &t);
	auto_close_fn(&tree.fd);
	return rc < 0 ? err_sys(e, rc, "bind the terminal onto /dev/console") : 0;
}
