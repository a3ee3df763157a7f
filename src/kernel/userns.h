/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces that nobody is in: holders of an id mapping for mounts. */
#ifndef BERTH_KERNEL_USERNS_H
#define BERTH_KERNEL_USERNS_H

#include <stdbool.h>

/* Makes a user namespace with these maps (lines "INSIDE OUTSIDE COUNT\n", at most a page each: kernel/user_namespace.c).
 * It lives as long as the descriptor that is returned, or a mount that was mapped by it. Returns it or -errno. */
int userns_make(const char *uid_map, const char *gid_map);

/* mount_setattr(2), MOUNT_ATTR_IDMAP: what lies on the disk with an id "inside" is seen with the one "outside". The mount
 * is detached, or of the caller's namespace and new. -EINVAL: its file system, or this kernel, has none. */
int userns_map_mount(int mount_fd, int userns_fd, bool is_recursive);

#endif
