/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts made detached and attached by descriptor, with mount(2) behind the same calls. */
#ifndef BERTH_KERNEL_MOUNT_H
#define BERTH_KERNEL_MOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/sys.h"

struct err;

#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif

/*
 * Theory of operation
 *
 * A new file system is fsopen + fsconfig + fsmount, a bind is open_tree(OPEN_TREE_CLONE); both are
 * trees that nobody else can see. Their attributes are set while they are detached, then move_mount
 * attaches them onto an O_PATH descriptor, so no path is looked up twice and no half-configured
 * mount is ever visible. Where the kernel (before 5.2; mount_setattr: 5.12) or a filter refuses
 * these calls, mount(2) does the same onto the target's entry in /proc/self/fd. That directory is
 * opened once, checked to be procfs, and entered with fchdir, so it also works after the pivot: the
 * working directory is undefined after a call that fell back.
 */

/* Where a mount goes. */
struct mount_target {
	int fd;      /* O_PATH of the place */
	int root_fd; /* path is below it (path_open_in_root); negative: path is the caller's own */
	const char *path; /* to find the new mount again after mount(2) */
};

struct mount_new {
	const char *type, *source, *data; /* source and data may be NULL */
	unsigned sb_flags; /* MS_RDONLY, MS_SYNCHRONOUS, MS_DIRSYNC, MS_MANDLOCK, ... */
	uint64_t attrs;    /* MOUNT_ATTR_* */
};

struct mount_change {
	uint64_t set,
		clear; /* MOUNT_ATTR_*; an access time mode needs MOUNT_ATTR__ATIME in clear */
	uint64_t propagation; /* MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE; 0: leave */
	bool is_recursive;
};

/* A tree on its way to its place. */
struct mount_tree {
	int fd;
	bool is_detached; /* false: fd is the O_PATH source of a bind by mount(2) */
	bool is_recursive;
};

/* Mounts a new file system onto the target. Returns a descriptor of its root, or -errno; *e gets the
 * kernel's own message where there is one (fsopen(2) "message retrieval"). */
int mount_new(const struct mount_new *n, const struct mount_target *t, struct err *e);

/* The same, left detached. -ENOSYS: only mount(2) can make it here. */
int mount_make(const struct mount_new *n, struct err *e);

/* Clones the tree at path (dir_fd as openat(2), "" for dir_fd itself; symbolic links are followed).
 * The caller closes ret->fd. Returns 0 or -errno. */
int mount_clone(int dir_fd, const char *path, bool is_recursive, struct mount_tree *ret);

/* Applies the changes in order, then attaches the tree; tree->fd is the attached mount afterwards. A
 * flag that the mount's owner locked (user namespaces: mount_namespaces(7)) stays as it is instead of
 * being cleared. Returns 0 or -errno; -ENOSYS: a recursive change on a kernel that has none, the tree being
 * attached all the same. */
int mount_attach(struct mount_tree *tree, const struct mount_change *change, size_t n,
		 const struct mount_target *t);

/* Changes an attached or detached mount given by its root. Returns 0 or -errno as above. */
int mount_set(int mount_fd, const struct mount_change *change);

/* Sets and clears flags (MS_SYNCHRONOUS, MS_LAZYTIME, ...) of the super block of the mount whose root mount_fd is, and
 * gives it new data (NULL: none). Attributes of the mount stay. Returns 0 or -errno; *e as of mount_new. */
int mount_reconfigure(int mount_fd, unsigned set, unsigned clear, const char *data, struct err *e);

/* Detaches the mount at path (umount2 with MNT_DETACH). Returns 0 or -errno. */
int mount_detach(const char *path);

/* For tests: take mount(2) although the new calls are there. */
void mount_use_fallback(bool is_on);

#endif
