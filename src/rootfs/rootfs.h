/* SPDX-License-Identifier: Apache-2.0 */
/* The container's root file system: planned as data, applied by descriptor in the child. */
#ifndef BERTH_ROOTFS_ROOTFS_H
#define BERTH_ROOTFS_ROOTFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci/spec.h"

struct arena;
struct err;
struct json_writer;

/* One hierarchy as a `cgroup` mount must show it. */
struct rootfs_cgroup_view {
	bool is_v2;
	const char *name;   /* directory below the mount: "memory", "cpu,cpuacct"; "" on pure v2 */
	const char *source; /* host directory of the container's own group in it */
	const char *mount;  /* host mount point of the hierarchy */
};

/* An annotation for what root in config.json has no word for: "idmap" or "ridmap", as in mounts[].options. */
#define ROOTFS_IDMAP_ANNOTATION "io.berth.root.idmap"

/* What the plan must know besides the spec. */
struct rootfs_facts {
	const char *bundle; /* absolute */
	bool has_user_ns, has_net_ns, has_pid_ns, has_cgroup_ns,
		has_mount_ns; /* created or joined */
	bool is_rootless;
	bool no_pivot; /* --no-pivot */
	struct rootfs_cgroup_view *cgroup;
	size_t n_cgroup;
	bool has_terminal; /* /dev/console gets the pty */
};

enum rootfs_mount_kind {
	ROOTFS_BIND, /* open_tree + mount_setattr + move_mount */
	ROOTFS_NEW,  /* fsopen + fsmount + move_mount */
	ROOTFS_CGROUP_V1,
	ROOTFS_REMOUNT, /* attributes of what is already at the destination */
};

struct rootfs_mount {
	enum rootfs_mount_kind kind;
	const char *destination; /* cleaned, absolute */
	const char *type, *source, *data;
	const char *below; /* bind: a path below source that must not lead out of it, or NULL */
	bool is_recursive; /* rbind */
	uint64_t attr_set, attr_clear;   /* MOUNT_ATTR_* */
	uint64_t rattr_set, rattr_clear; /* the recursive forms (rro, ...) */
	unsigned sb_clear;               /* the same kinds, of a remount */
	unsigned sb_flags; /* MS_SYNCHRONOUS, MS_DIRSYNC, MS_MANDLOCK, MS_LAZYTIME, MS_RDONLY ... */
	uint64_t propagation; /* MS_SHARED ...; 0: none */
	bool is_propagation_recursive;
	bool copies_up; /* tmpcopyup */
	bool is_idmap, is_idmap_recursive;
	struct oci_id_maps uid_mappings, gid_mappings;
};

struct rootfs_plan {
	const char *root; /* absolute path on the host */
	bool has_tree;    /* tree_fd is a detached mount that covers root */
	int tree_fd;
	bool is_idmap, is_idmap_recursive; /* the root, by the container's user namespace */
	bool is_readonly, no_pivot, has_terminal, has_user_ns, has_mount_ns, is_rootless;
	bool makes_devices; /* devices and links in /dev; false where /dev is a bind (nor where it is a mount that came with the root) */
	uint64_t propagation; /* of the root mount, MS_* with MS_REC; 0: not asked for */
	SLICE(struct rootfs_mount) mounts;
	SLICE(struct oci_device) devices; /* defaults and linux.devices */
	struct str_slice masked, readonly;
	const char *mount_label;
	struct rootfs_cgroup_view *cgroup;
	size_t n_cgroup;
};

/* Pure. Errors: no root, unknown type of device, relative path where absolute is a MUST, conflicting
 * options, ... An unknown mount option goes to the file system as data, as the spec says. */
int rootfs_plan_make(const struct oci_spec *spec, const struct rootfs_facts *facts, struct arena *a,
		     struct rootfs_plan *ret, struct err *e);
/* The i-th mount option that the table knows, NULL past the last: for the features document. */
const char *rootfs_mount_option(size_t i);
void rootfs_plan_print(const struct rootfs_plan *p, struct json_writer *w);

/* What the child asks of its parent where it lacks the right: a bind source it cannot reach, an
 * id-mapped tree, new or bound. Returns a detached mount's descriptor or -errno. index: into plan->mounts, or -1
 * for the root itself. NULL: nobody to ask. */
struct rootfs_helper {
	int (*open_source)(void *arg, int index, struct err *e);
	void *arg;
};

/* State between the steps of the child. Initialise with ROOTFS_INIT. */
struct rootfs {
	int root_fd; /* the container's root, before and after the pivot */
	int dev_fd;  /* its /dev, opened once */
	int null_fd; /* clone of the host's /dev/null for the masked files */
};
#define ROOTFS_INIT                    \
	{                              \
		-EBADF, -EBADF, -EBADF \
	}

/* In the child, in its own mount namespace, in this order:
 * 1. make the tree private (or slave), bind the root, do the mounts, devices, links;
 * 2. (createContainer hooks run; the console is bound by rootfs_bind_console)
 * 3. pivot_root, or MS_MOVE + chroot with no_pivot or on a ramfs root;
 * 4. masked and read-only paths, read-only root, propagation of the root. */
int rootfs_mount_all(const struct rootfs_plan *p, const struct rootfs_helper *h, struct rootfs *ret,
		     struct err *e);
int rootfs_bind_console(const struct rootfs_plan *p, struct rootfs *r, int pty_fd, struct err *e);
int rootfs_pivot(const struct rootfs_plan *p, struct rootfs *r, struct err *e);
int rootfs_finish(const struct rootfs_plan *p, struct rootfs *r, struct err *e);

/* In the parent, for rootfs_helper requests: the detached tree of mount `index` (-1: root), with its
 * id mapping applied (userns_fd: the user namespace that holds it, -EBADF where none). */
int rootfs_open_source(const struct rootfs_plan *p, int index, int userns_fd, struct err *e);

#endif
