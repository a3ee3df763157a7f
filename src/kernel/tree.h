/* SPDX-License-Identifier: Apache-2.0 */
/* Whole folders: removed or measured by descriptor, never following a link. */
#ifndef BERTH_KERNEL_TREE_H
#define BERTH_KERNEL_TREE_H

#include <stdint.h>

/* Removes name below dir_fd with everything in it: a file, a link or a folder of any depth. What
 * is gone already, or goes while we work, is fine. Stays on one file system's tree as openat(2) finds it: a
 * symbolic link is removed, not followed. Returns 0 or -errno. */
int tree_remove_at(int dir_fd, const char *name);

/* Sums st_blocks * 512 and counts the entries below name (hard links once each entry). Either result may be
 * NULL. Returns 0 or -errno. */
int tree_size_at(int dir_fd, const char *name, int64_t *ret_bytes, int64_t *ret_entries);

/* Copies everything in the folder source_fd into the empty folder target_fd: owners, modes, times, links,
 * devices, extended attributes as far as the target takes them; sockets are left out, hard links become
 * copies. No link is followed. The folder's own owner and mode stay. Returns 0 or -errno. */
int tree_copy(int source_fd, int target_fd);

struct tree_owner {
	uint32_t uid, gid;
};

/* Copies the entry `name` of source_dir to `to` in target_dir, a folder into one that is there (files in it that have
 * the same name are replaced, others stay); name ".": what is in source_dir into the folder `to`. No link is followed on
 * either side. owner NULL: owners as they are. Returns 0 or -errno (-EISDIR: a folder is in a file's place,
 * -ENOTDIR: a file in a folder's). */
int tree_merge_at(int source_dir, const char *name, int target_dir, const char *to,
		  const struct tree_owner *owner);

/* Gives the folder or file at path and all below it to uid and gid; links below it are changed, not followed. What
 * has that owner already is left alone. Returns 0 or -errno (-ELOOP: deeper than 500 folders). */
int tree_own_at(int dir_fd, const char *path, uint32_t uid, uint32_t gid);

#endif
