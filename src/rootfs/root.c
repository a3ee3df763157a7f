/* SPDX-License-Identifier: Apache-2.0 */
/* The container's root: made a mount of its own, entered, and closed behind. */
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "rootfs/steps.h"

/*
 * Theory of operation
 *
 * The new mount namespace is a copy of the host's whose mounts are still peers of the host's. First
 * they become slaves (or private), so that nothing done here is seen there; only where the root shall
 * be shared do the peers stay and just the mount that holds the root becomes private, since
 * pivot_root(2) refuses a shared parent. The root is bound onto itself, because pivot_root wants a
 * mount. pivot_root(".", ".") then stacks the old root upon the new one and MNT_DETACH takes it away
 * with everything below: no put_old directory is needed, not even on a read-only root.
 * The initial ramfs cannot be pivoted away (it has no parent): there the root is moved over "/".
 */

/* openat, because musl's open makes a second system call of O_CLOEXEC. */
static int open_directory(const char *path)
{
	int fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Makes the mount that holds dir_fd private: the first directory upwards that is a mount's root. */
static int make_holder_private(int dir_fd)
{
	const struct mount_change change = {.propagation = MS_PRIVATE};
	auto_close int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return -errno;
	for (unsigned depth = 0; depth < 4096; depth++) {
		int up, r = mount_set(fd, &change);

		if (r != -EINVAL)
			return r;
		up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (up < 0)
			return -errno;
		close(fd);
		fd = up;
	}
	return -ELOOP;
}

static int isolate_tree(const struct rootfs_plan *p, int root_fd)
{
	const struct mount_change change = {
		.propagation = p->propagation & MS_PRIVATE ? MS_PRIVATE : MS_SLAVE,
		.is_recursive = true,
	};
	auto_close int fd = -EBADF;

	if (p->propagation & MS_SHARED)
		return make_holder_private(root_fd);
	fd = open_directory("/");
	return fd < 0 ? fd : mount_set(fd, &change);
}

/* A clone from the parent's namespace is a peer of the host's mounts, which isolate_tree did not see. */
static int isolate_clone(const struct rootfs_plan *p, int tree_fd)
{
	bool is_shared = (p->propagation & MS_SHARED) != 0;
	const struct mount_change change = {
		.propagation = is_shared || p->propagation & MS_PRIVATE ? MS_PRIVATE : MS_SLAVE,
		.is_recursive = !is_shared,
	};

	return mount_set(tree_fd, &change);
}

static int open_root_tree(struct rootfs_build *b, int place, struct mount_tree *ret, struct err *e)
{
	const struct rootfs_plan *p = b->p;
	int fd;

	if (!p->has_tree && !p->is_idmap)
		return mount_clone(place, "", true, ret);
	fd = p->has_tree ? fcntl(p->tree_fd, F_DUPFD_CLOEXEC, 3) : source_ask(b, -1, e);
	if (fd < 0)
		return p->has_tree ? -errno : fd;
	*ret = (struct mount_tree){.fd = fd, .is_detached = true};
	return p->has_tree ? 0 : isolate_clone(p, fd);
}

/* A detached tree can go anywhere, so it goes where everybody can: root.path may lie in a folder that the root of
 * another user namespace may not enter. But a bind of the host's whole tree would then bring it along, on top of all
 * else. (With a user namespace the parent opens the sources, in whose tree it is not.) */
static const char *root_place(const struct rootfs_plan *p)
{
	if (!(p->has_tree || p->is_idmap) || !p->has_mount_ns)
		return p->root;
	for (size_t i = 0; i < p->mounts.n && !p->has_user_ns; i++)
		if (p->mounts.v[i].kind == ROOTFS_BIND && str_eq(p->mounts.v[i].source, "/"))
			return p->root;
	return "/";
}

int root_prepare(struct rootfs_build *b, struct err *e)
{
	const struct rootfs_plan *p = b->p;
	struct rootfs *r = b->r;
	const char *place = root_place(p);
	auto_close int fd = open_directory(place);
	struct mount_tree tree = {.fd = -EBADF};
	struct mount_target t = {fd, -EBADF, place};
	int rc;

	if (fd < 0)
		return err_sys(e, fd, "root file system \"%s\"", p->root);
	if (!p->has_mount_ns) {
		r->root_fd = TAKE_FD(fd);
		return 0;
	}
	rc = isolate_tree(p, fd);
	if (rc < 0)
		return err_sys(e, rc, "make the mounts of the new mount namespace %s",
			       p->propagation & MS_PRIVATE ? "private" : "slaves");
	rc = open_root_tree(b, fd, &tree, e);
	if (rc >= 0)
		rc = mount_attach(&tree, NULL, 0, &t);
	if (rc < 0) {
		auto_close_fn(&tree.fd);
		return err_sys(e, rc, "bind the root file system \"%s\" onto itself", p->root);
	}
	r->root_fd = tree.fd;
	return 0;
}

/* ---- the move, where there is no pivot ---------------------------------------------------------- */

/* mountinfo writes blanks and backslashes as \ooo (fs/proc_namespace.c: mangle). */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

static bool is_below(const char *path, const char *root)
{
	size_t n = strlen(root);

	return strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static int make_private(const char *path)
{
	const struct mount_change change = {.propagation = MS_PRIVATE};
	auto_close int fd = open_directory(path);

	return fd < 0 ? fd : mount_set(fd, &change);
}

/* Security: a proc or sysfs that stays behind in the old tree is fully visible, and a user namespace
 * inside the container could mount its own unmasked one on the strength of that. What cannot be
 * taken away is covered; so is all in a shared tree, where taking away would reach the host. */
static int hide_mount(const char *path, bool is_shared)
{
	int r = is_shared ? make_private(path) : mount_detach(path);

	if (r == -EINVAL || r == -EPERM || r == -EBUSY || (r >= 0 && is_shared))
		r = sys_return(syscall(SYS_mount, "tmpfs", path, "tmpfs", 0, NULL));
	return r == -ENOENT ? 0 : r; /* went with the mount above it */
}

static int hide_old_mounts(const char *root, bool is_shared)
{
	auto_fclose FILE *f = fopen("/proc/self/mountinfo", "re");
	auto_free char *text = NULL;
	size_t size = 0;
	char *save = NULL;

	if (!f)
		return -errno;
	if (getdelim(&text, &size, '\0', f) < 0)
		return ferror(f) ? -EIO : 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char path[4096], *type = strstr(line, " - ");
		int r;

		if (!type || sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1)
			continue;
		type += 3;
		unescape(path);
		if ((!str_starts(type, "proc ") && !str_starts(type, "sysfs ")) ||
		    is_below(path, root))
			continue;
		r = hide_mount(path, is_shared);
		if (r < 0)
			return r;
	}
	return 0;
}

static int move_root(const struct rootfs_plan *p, const struct rootfs *r, struct err *e)
{
	char link[32], root[4096];
	ssize_t n;
	int rc;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", r->root_fd);
	n = readlink(link, root, sizeof(root) - 1);
	if (n < 0)
		return err_sys(e, -errno, "read %s", link);
	root[n] = '\0';
	/* Order: "/" first, since what is moved onto a shared mount appears on the host as well. */
	rc = p->propagation & MS_SHARED ? make_private("/") : 0;
	if (rc >= 0)
		rc = hide_old_mounts(root, (p->propagation & MS_SHARED) != 0);
	if (rc < 0)
		return err_sys(e, rc, "hide the host's proc and sysfs mounts");
	if (fchdir(r->root_fd) < 0)
		return err_sys(e, -errno, "enter the root file system");
	rc = sys_return(syscall(SYS_mount, ".", "/", NULL, MS_MOVE, NULL));
	return rc < 0 ? err_sys(e, rc, "move the root file system \"%s\" to /", root) : 0;
}

/* ---- the pivot ---------------------------------------------------------------------------------- */

/* The initial ramfs is the one root that pivot_root cannot replace. */
static bool is_on_ramfs(void)
{
	struct statfs s;

	return statfs("/", &s) == 0 && (s.f_type == RAMFS_MAGIC || s.f_type == TMPFS_MAGIC);
}

static int detach_old_root(int old_fd, struct err *e)
{
	const struct mount_change change = {.propagation = MS_SLAVE, .is_recursive = true};
	int r = 0;

	/* Order: a shared old tree is cut off first, or its peers on the host would go with it. */
	if (old_fd >= 0) {
		r = mount_set(old_fd, &change);
		if (r >= 0 && fchdir(old_fd) < 0)
			r = -errno;
	}
	if (r >= 0)
		r = mount_detach(".");
	return r < 0 ? err_sys(e, r, "detach the old root") : 0;
}

static int enter_root(struct err *e)
{
	if (chroot(".") < 0)
		return err_sys(e, -errno, "chroot into the root file system");
	return chdir("/") < 0 ? err_sys(e, -errno, "chdir /") : 0;
}

int rootfs_pivot(const struct rootfs_plan *p, struct rootfs *r, struct err *e)
{
	auto_close int old_fd = -EBADF;
	int rc;

	if (fchdir(r->root_fd) < 0)
		return err_sys(e, -errno, "enter the root file system \"%s\"", p->root);
	if (!p->has_mount_ns)
		return enter_root(e);
	if (p->no_pivot) {
		rc = move_root(p, r, e);
		return rc < 0 ? rc : enter_root(e);
	}
	if (p->propagation & MS_SHARED) {
		old_fd = open_directory("/");
		if (old_fd < 0)
			return err_sys(e, old_fd, "open /");
	}
	rc = sys_pivot_root(".", ".");
	if (rc == -EINVAL && is_on_ramfs()) {
		rc = move_root(p, r, e);
		return rc < 0 ? rc : enter_root(e);
	}
	if (rc < 0)
		return err_sys(e, rc, "pivot_root to \"%s\"", p->root);
	rc = detach_old_root(old_fd, e);
	if (rc < 0)
		return rc;
	return chdir("/") < 0 ? err_sys(e, -errno, "chdir /") : 0;
}
