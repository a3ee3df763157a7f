/* SPDX-License-Identifier: Apache-2.0 */
/* What a container must not read or write: masked and read-only paths, the read-only root. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/auto.h"
#include "base/err.h"
#include "kernel/path.h"
#include "rootfs/steps.h"

/*
 * Security: a masked file is covered by /dev/null, a masked directory by an empty read-only tmpfs,
 * one super block for all of them. The null device is the host's, cloned before the pivot, and its
 * type and number were checked through the descriptor that is bound (CVE-2025-31133). The clone is
 * read-only, which lets nobody chmod the host's node through a mask and still lets everybody write.
 */

static const uint64_t mask_attrs = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;

static bool is_null(int fd)
{
	struct stat s;

	return fstat(fd, &s) == 0 && S_ISCHR(s.st_mode) && s.st_rdev == makedev(1, 3);
}

int masks_prepare(const struct rootfs_plan *p, struct rootfs *r, struct err *e)
{
	const struct mount_change change = {.set = mask_attrs};
	auto_close int fd = -EBADF;
	struct mount_tree tree = {.fd = -EBADF};
	int rc;

	if (p->masked.n == 0)
		return 0;
	fd = openat(AT_FDCWD, "/dev/null", O_PATH | O_CLOEXEC);
	if (fd < 0 || !is_null(fd))
		return 0; /* a host without: the container's own serves, see null_clone */
	rc = mount_clone(fd, "", false, &tree);
	/* Where a detached mount cannot be changed (before Linux 5.12), the container's own serves as well. */
	if (rc >= 0 && tree.is_detached && mount_set(tree.fd, &change) >= 0)
		r->null_fd = TAKE_FD(tree.fd);
	auto_close_fn(&tree.fd);
	return rc < 0 ? err_sys(e, rc, "clone /dev/null for the masked paths") : 0;
}

struct masks {
	struct rootfs *r;
	const char *label;
	int null_mount;  /* the first mask of a file, attached: the others are clones of it */
	int tmpfs_mount; /* the same of directories */
};

/* A detached clone to cover a file with, or the first one itself. */
static int null_clone(struct masks *k, struct mount_tree *ret, struct err *e)
{
	auto_close int own = -EBADF;
	int r;

	if (k->null_mount >= 0)
		return mount_clone(k->null_mount, "", false, ret);
	if (k->r->null_fd >= 0) {
		*ret = (struct mount_tree){.fd = TAKE_FD(k->r->null_fd), .is_detached = true};
		return 0;
	}
	r = dev_open(k->r, e);
	if (r < 0)
		return r;
	own = openat(k->r->dev_fd, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (own < 0)
		return -errno;
	return is_null(own) ? mount_clone(own, "", false, ret) : -ENODEV;
}

static int mask_file(struct masks *k, const struct mount_target *t, struct err *e)
{
	const struct mount_change change = {.set = mask_attrs};
	bool is_first = k->null_mount < 0 && k->r->null_fd < 0;
	struct mount_tree tree = {.fd = -EBADF};
	int r = null_clone(k, &tree, e);

	if (r >= 0)
		r = mount_attach(&tree, &change, is_first || !tree.is_detached, t);
	if (r >= 0 && k->null_mount < 0)
		k->null_mount = TAKE_FD(tree.fd);
	auto_close_fn(&tree.fd);
	return r;
}

static int mask_directory(struct masks *k, const struct mount_target *t, struct err *e)
{
	struct mount_tree tree = {.fd = -EBADF};
	char data[512] = "mode=755";
	struct mount_new n = {"tmpfs", "tmpfs", data, 0, mask_attrs | MOUNT_ATTR_NODEV};
	int r;

	if (k->tmpfs_mount < 0) {
		if (k->label)
			snprintf(data, sizeof(data), "mode=755,context=\"%s\"", k->label);
		r = mount_new(&n, t, e);
		if (r >= 0)
			k->tmpfs_mount = r;
		return r;
	}
	r = mount_clone(k->tmpfs_mount, "", false, &tree);
	if (r >= 0)
		r = mount_attach(&tree, NULL, 0, t);
	auto_close_fn(&tree.fd);
	return r;
}

static int mask_one(struct masks *k, const char *path, struct err *e)
{
	auto_close int fd = path_open_in_root(k->r->root_fd, path, O_PATH, 0);
	struct mount_target t = {fd, k->r->root_fd, path};
	struct stat s;
	int r;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	r = fd < 0 ? fd : fstat(fd, &s) < 0 ? -errno : 0;
	if (r >= 0)
		r = S_ISDIR(s.st_mode) ? mask_directory(k, &t, e) : mask_file(k, &t, e);
	return r < 0 ? err_sys(e, r, "can't mask path \"%s\"", path) : 0;
}

static int mask_all(const struct rootfs_plan *p, struct rootfs *r, struct err *e)
{
	struct masks k = {r, p->mount_label, -EBADF, -EBADF};
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < p->masked.n; i++)
		rc = mask_one(&k, p->masked.v[i], e);
	auto_close_fn(&k.null_mount);
	auto_close_fn(&k.tmpfs_mount);
	return rc;
}

static int close_for_writing(struct rootfs *r, const char *path, struct err *e)
{
	struct mount_change change = {.set = MOUNT_ATTR_RDONLY, .is_recursive = true};
	auto_close int fd = path_open_in_root(r->root_fd, path, O_PATH, 0);
	struct mount_target t = {fd, r->root_fd, path};
	struct mount_tree tree = {.fd = -EBADF};
	int rc;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	rc = fd < 0 ? fd : mount_clone(fd, "", true, &tree);
	if (rc >= 0 && !tree.is_detached)
		change.is_recursive = false; /* mount(2) can do no more than the top, as ever */
	if (rc >= 0)
		rc = mount_attach(&tree, &change, 1, &t);
	if (rc == -ENOSYS && change.is_recursive) { /* attached by now, without mount_setattr(2) */
		change.is_recursive = false;
		rc = mount_set(tree.fd, &change);
	}
	auto_close_fn(&tree.fd);
	return rc < 0 ? err_sys(e, rc, "can't make \"%s\" read-only", path) : 0;
}

/* A read-only /dev got its nodes first. */
static int close_dev(const struct rootfs_plan *p, struct rootfs *r)
{
	const struct mount_change change = {.set = MOUNT_ATTR_RDONLY};

	for (size_t i = 0; i < p->mounts.n; i++)
		if (p->mounts.v[i].kind == ROOTFS_NEW && r->dev_fd >= 0 &&
		    (p->mounts.v[i].attr_set & MOUNT_ATTR_RDONLY) &&
		    strcmp(p->mounts.v[i].destination, "/dev") == 0)
			return mount_set(r->dev_fd, &change);
	return 0;
}

int rootfs_finish(const struct rootfs_plan *p, struct rootfs *r, struct err *e)
{
	const struct mount_change top = {
		.set = p->is_readonly ? MOUNT_ATTR_RDONLY : 0,
		/* private is what the root is already; MS_REC is told apart below */
		.propagation =
			p->propagation & MS_REC || p->propagation & MS_PRIVATE ? 0 : p->propagation,
	};
	const struct mount_change all = {
		.propagation = p->propagation & ~(uint64_t)MS_REC,
		.is_recursive = true,
	};
	int rc = 0;

	if (!p->has_mount_ns)
		return 0;
	for (size_t i = 0; rc >= 0 && i < p->readonly.n; i++)
		rc = close_for_writing(r, p->readonly.v[i], e);
	if (rc >= 0)
		rc = mask_all(p, r, e);
	if (rc >= 0 && (rc = close_dev(p, r)) < 0)
		err_sys(e, rc, "make /dev read-only");
	if (rc < 0)
		return rc;
	rc = mount_set(r->root_fd, &top);
	if (rc >= 0 && (p->propagation & MS_REC) && !(p->propagation & MS_PRIVATE))
		rc = mount_set(r->root_fd, &all);
	if (rc < 0)
		return err_sys(e, rc, "make the root read-only or set its propagation");
	return chdir("/") < 0 ? err_sys(e, -errno, "chdir /") : 0;
}
