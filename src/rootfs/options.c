/* SPDX-License-Identifier: Apache-2.0 */
/* The mount options of the OCI specification as one table (config.md, "Linux mount options"). */
#include "rootfs/options.h"

#include <string.h>

#include "base/auto.h"
#include "kernel/mount.h"

enum { RECURSIVE = 1 }; /* the attributes go down the tree: rro, rnosuid, ... */

static const struct option {
	const char *name;
	uint32_t set, clear;       /* MOUNT_ATTR_* */
	uint32_t sb_set, sb_clear; /* MS_* of the super block */
	uint32_t propagation;      /* MS_*, MS_REC for the r form */
	uint8_t is_recursive, word;
} option_table[] = {
#define ATTR(name, set, clear)                          \
	{                                               \
		name, set, clear, 0, 0, 0, 0, WORD_NONE \
	}
#define RATTR(name, set, clear)                                 \
	{                                                       \
		name, set, clear, 0, 0, 0, RECURSIVE, WORD_NONE \
	}
#define SUPER(name, set, clear)                         \
	{                                               \
		name, 0, 0, set, clear, 0, 0, WORD_NONE \
	}
#define SPREAD(name, flag)                           \
	{                                            \
		name, 0, 0, 0, 0, flag, 0, WORD_NONE \
	}
#define WORD(name, word)                     \
	{                                    \
		name, 0, 0, 0, 0, 0, 0, word \
	}
	WORD("defaults", WORD_NONE),
	WORD("bind", WORD_BIND),
	WORD("rbind", WORD_RBIND),
	WORD("remount", WORD_REMOUNT),
	WORD("tmpcopyup", WORD_COPY_UP),
	WORD("idmap", WORD_IDMAP),
	WORD("ridmap", WORD_RIDMAP),

	/* read-only is a matter of both the mount and the super block */
	{"ro", MOUNT_ATTR_RDONLY, 0, MS_RDONLY, 0, 0, 0, WORD_NONE},
	{"rw", 0, MOUNT_ATTR_RDONLY, 0, MS_RDONLY, 0, 0, WORD_NONE},
	ATTR("suid", 0, MOUNT_ATTR_NOSUID),
	ATTR("nosuid", MOUNT_ATTR_NOSUID, 0),
	ATTR("dev", 0, MOUNT_ATTR_NODEV),
	ATTR("nodev", MOUNT_ATTR_NODEV, 0),
	ATTR("exec", 0, MOUNT_ATTR_NOEXEC),
	ATTR("noexec", MOUNT_ATTR_NOEXEC, 0),
	ATTR("symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW),
	ATTR("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0),
	ATTR("diratime", 0, MOUNT_ATTR_NODIRATIME),
	ATTR("nodiratime", MOUNT_ATTR_NODIRATIME, 0),
	/* three modes in one field: the negations lead back to the kernel's default, relatime */
	ATTR("atime", 0, MOUNT_ATTR__ATIME),
	ATTR("noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME),
	ATTR("relatime", 0, MOUNT_ATTR__ATIME),
	ATTR("norelatime", 0, MOUNT_ATTR__ATIME),
	ATTR("strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME),
	ATTR("nostrictatime", 0, MOUNT_ATTR__ATIME),

	RATTR("rro", MOUNT_ATTR_RDONLY, 0),
	RATTR("rrw", 0, MOUNT_ATTR_RDONLY),
	RATTR("rsuid", 0, MOUNT_ATTR_NOSUID),
	RATTR("rnosuid", MOUNT_ATTR_NOSUID, 0),
	RATTR("rdev", 0, MOUNT_ATTR_NODEV),
	RATTR("rnodev", MOUNT_ATTR_NODEV, 0),
	RATTR("rexec", 0, MOUNT_ATTR_NOEXEC),
	RATTR("rnoexec", MOUNT_ATTR_NOEXEC, 0),
	RATTR("rsymfollow", 0, MOUNT_ATTR_NOSYMFOLLOW),
	RATTR("rnosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0),
	RATTR("rdiratime", 0, MOUNT_ATTR_NODIRATIME),
	RATTR("rnodiratime", MOUNT_ATTR_NODIRATIME, 0),
	RATTR("ratime", 0, MOUNT_ATTR__ATIME),
	RATTR("rnoatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME),
	RATTR("rrelatime", 0, MOUNT_ATTR__ATIME),
	RATTR("rnorelatime", 0, MOUNT_ATTR__ATIME),
	RATTR("rstrictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME),
	RATTR("rnostrictatime", 0, MOUNT_ATTR__ATIME),

	SUPER("async", 0, MS_SYNCHRONOUS),
	SUPER("sync", MS_SYNCHRONOUS, 0),
	SUPER("dirsync", MS_DIRSYNC, 0),
	SUPER("mand", MS_MANDLOCK, 0),
	SUPER("nomand", 0, MS_MANDLOCK),
	SUPER("lazytime", MS_LAZYTIME, 0),
	SUPER("nolazytime", 0, MS_LAZYTIME),
	SUPER("iversion", MS_I_VERSION, 0),
	SUPER("noiversion", 0, MS_I_VERSION),
	SUPER("silent", MS_SILENT, 0),
	SUPER("loud", 0, MS_SILENT),
	SUPER("acl", MS_POSIXACL, 0),
	SUPER("noacl", 0, MS_POSIXACL),

	SPREAD("private", MS_PRIVATE),
	SPREAD("rprivate", MS_PRIVATE | MS_REC),
	SPREAD("shared", MS_SHARED),
	SPREAD("rshared", MS_SHARED | MS_REC),
	SPREAD("slave", MS_SLAVE),
	SPREAD("rslave", MS_SLAVE | MS_REC),
	SPREAD("unbindable", MS_UNBINDABLE),
	SPREAD("runbindable", MS_UNBINDABLE | MS_REC),
};

const char *rootfs_mount_option(size_t i)
{
	return i < ARRAY_LEN(option_table) ? option_table[i].name : NULL;
}

static void apply_attrs(const struct option *o, uint64_t *set, uint64_t *clear)
{
	*set = (*set & ~(uint64_t)o->clear) | o->set;
	/* the access time field is always cleared before it is set: mount_setattr(2) */
	*clear = (*clear & ~(uint64_t)(o->set & ~(uint32_t)MOUNT_ATTR__ATIME)) | o->clear;
}

bool mount_option_apply(const char *name, struct rootfs_mount *m, enum mount_word *ret_word)
{
	const struct option *o = option_table;

	*ret_word = WORD_NONE;
	while (o < option_table + ARRAY_LEN(option_table) && strcmp(o->name, name) != 0)
		o++;
	if (o == option_table + ARRAY_LEN(option_table))
		return false;
	if (o->is_recursive == RECURSIVE)
		apply_attrs(o, &m->rattr_set, &m->rattr_clear);
	else
		apply_attrs(o, &m->attr_set, &m->attr_clear);
	m->sb_flags = (m->sb_flags & ~o->sb_clear) | o->sb_set;
	m->sb_clear = (m->sb_clear & ~o->sb_set) | o->sb_clear;
	if (o->propagation) {
		m->propagation = o->propagation & ~(uint32_t)MS_REC;
		m->is_propagation_recursive = (o->propagation & MS_REC) != 0;
	}
	*ret_word = (enum mount_word)o->word;
	return true;
}
