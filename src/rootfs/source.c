/* SPDX-License-Identifier: Apache-2.0 */
/* In the parent: bind sources that the child cannot reach, and id-mapped trees. */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "kernel/path.h"
#include "kernel/userns.h"
#include "rootfs/steps.h"

static int maps_to_text(const struct oci_id_maps *maps, char *text, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < maps->n; i++) {
		int len = snprintf(text + n, size - n, "%u %u %u\n", maps->v[i].container_id,
				   maps->v[i].host_id, maps->v[i].size);

		if (len < 0 || (size_t)len >= size - n)
			return -E2BIG;
		n += (size_t)len;
	}
	return 0;
}

/* Returns a descriptor of a user namespace with these maps. */
static int make_user_ns(const struct rootfs_mount *m)
{
	char uids[4096], gids[4096]; /* a page: kernel/user_namespace.c takes no more */
	int r = maps_to_text(&m->uid_mappings, uids, sizeof(uids));

	if (r >= 0)
		r = maps_to_text(&m->gid_mappings, gids, sizeof(gids));
	return r < 0 ? r : userns_make(uids, gids);
}

static int open_clone(int dir_fd, const char *path, bool is_recursive)
{
	return sys_open_tree(dir_fd, path,
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH) |
				     (is_recursive ? AT_RECURSIVE : 0));
}

int source_open_below(const struct rootfs_mount *m)
{
	auto_close int top = open(m->source, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return top < 0 ? -errno : path_open_in_root(top, m->below, O_PATH, 0);
}

static int clone_source(const struct rootfs_mount *m)
{
	auto_close int fd = -EBADF;

	if (!m->below)
		return open_clone(AT_FDCWD, m->source, m->is_recursive);
	fd = source_open_below(m);
	return fd < 0 ? fd : open_clone(fd, "", m->is_recursive);
}

static int idmap_failed(const struct rootfs_mount *m, int r, struct err *e)
{
	const char *why = r == -EINVAL || r == -ENOSYS ? ": its file system or this kernel has none"
			  : r == -EPERM ? ": only root of the user namespace that mounted it may"
					: "";

	return err_sys(e, r, "id-mapped mount of \"%s\" at \"%s\"%s",
		       m->source ? m->source : m->type, m->destination, why);
}

/* The user namespace that holds m's mapping: its own, or the container's. */
static int map_mount(const struct rootfs_mount *m, int fd, int userns_fd, struct err *e)
{
	auto_close int own_fd = -EBADF;
	int r;

	if (m->uid_mappings.n) {
		own_fd = make_user_ns(m);
		if (own_fd < 0)
			return err_sys(e, own_fd,
				       "make the user namespace for the id-mapped mount at \"%s\"",
				       m->destination);
		userns_fd = own_fd;
	}
	r = userns_map_mount(fd, userns_fd, m->is_idmap_recursive);
	return r < 0 ? idmap_failed(m, r, e) : 0;
}

static int open_mount(const struct rootfs_mount *m, int userns_fd, struct err *e)
{
	const struct mount_new n = {m->type, m->source, m->data, m->sb_flags,
				    m->attr_set & ~mount_late_attrs(m)};
	auto_close int fd = m->kind == ROOTFS_NEW ? mount_make(&n, e) : clone_source(m);
	int r;

	if (fd < 0 && m->kind == ROOTFS_NEW && e && e->code)
		return err_within(e, "error mounting \"%s\" to rootfs at \"%s\"",
				  m->source ? m->source : m->type, m->destination);
	if (fd == -EPERM && m->is_idmap)
		return idmap_failed(m, fd, e);
	if (fd < 0)
		return mount_failed(m, fd, e);
	r = m->is_idmap ? map_mount(m, fd, userns_fd, e) : 0;
	return r < 0 ? r : TAKE_FD(fd);
}

static int open_root(const struct rootfs_plan *p, int userns_fd, struct err *e)
{
	auto_close int fd = open_clone(AT_FDCWD, p->root, true);
	int r;

	if (fd < 0)
		return err_sys(e, fd, "root file system \"%s\"", p->root);
	r = p->is_idmap ? userns_map_mount(fd, userns_fd, p->is_idmap_recursive) : 0;
	return r < 0 ? err_sys(e, r, "id mapping of the root file system \"%s\"", p->root)
		     : TAKE_FD(fd);
}

int rootfs_open_source(const struct rootfs_plan *p, int index, int userns_fd, struct err *e)
{
	const struct rootfs_mount *m;

	if (index < 0)
		return open_root(p, userns_fd, e);
	m = (size_t)index < p->mounts.n ? &p->mounts.v[index] : NULL;
	if (!m || (m->kind != ROOTFS_BIND && !(m->kind == ROOTFS_NEW && m->is_idmap)))
		return err_say(e, -EINVAL, "the plan has no source with number %d", index);
	return open_mount(m, userns_fd, e);
}
