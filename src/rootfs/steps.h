/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder ask of each other while a plan is applied. */
#ifndef BERTH_ROOTFS_STEPS_H
#define BERTH_ROOTFS_STEPS_H

#include "kernel/mount.h"
#include "rootfs/rootfs.h"

/* Everything that the steps share. */
struct rootfs_build {
	const struct rootfs_plan *p;
	const struct rootfs_helper *helper; /* NULL: nobody to ask */
	struct rootfs *r;
	bool is_proc_real, is_sys_real; /* /proc, /sys are known to be no symbolic links */
};

/* Fills *e with runc's words about mount m and reason r; returns r. */
int mount_failed(const struct rootfs_mount *m, int r, struct err *e);

/* plan.c: turns a mount of a new file system into a read-only, recursive bind of what the host has at
 * source, for kernels and namespaces that refuse the former. */
void mount_to_bind(struct rootfs_mount *m, const char *source);

/* target.c: opens the place of m below the root (O_PATH), making what is missing: a directory, or an
 * empty file. source_fd (-EBADF: none) tells which. Refuses places that lead into procfs. */
int target_open(struct rootfs_build *b, const struct rootfs_mount *m, int source_fd, struct err *e);

/* mounts.c: the mount attributes that wait until the mount is filled. */
uint64_t mount_late_attrs(const struct rootfs_mount *m);

/* mounts.c: the detached tree of a mount (index -1: the root) from the parent, or by ourselves where there is none. */
int source_ask(struct rootfs_build *b, int index, struct err *e);

/* source.c: an O_PATH descriptor of m->below, which stays below m->source. */
int source_open_below(const struct rootfs_mount *m);

/* root.c: propagation of the tree, then the root bound onto itself. */
int root_prepare(struct rootfs_build *b, struct err *e);

/* cgroups.c: the v1 layout at m's place. */
int cgroup_v1_mount(struct rootfs_build *b, const struct rootfs_mount *m, struct err *e);

/* devices.c */
int devices_make(struct rootfs_build *b, struct err *e);
int dev_open(struct rootfs *r, struct err *e); /* opens r->dev_fd unless it is open */

/* masks.c, before the pivot: keeps the host's /dev/null for rootfs_finish. */
int masks_prepare(const struct rootfs_plan *p, struct rootfs *r, struct err *e);

#endif
