/* SPDX-License-Identifier: Apache-2.0 */
/* The resctrl file system: where it is, and its groups made and removed (Documentation/arch/x86/resctrl.rst). */
#ifndef BERTH_KERNEL_RESCTRL_H
#define BERTH_KERNEL_RESCTRL_H

/* Opens the root of the mounted file system (O_PATH). Returns the descriptor, or -errno; -ENOENT: none is mounted. */
int resctrl_open(void);

/* Makes the group `name` in dir_fd, the root or a group's mon_groups: its files are there at once. */
int resctrl_make(int dir_fd, const char *name);

/* Removes it; its processes fall back to the group above. What is gone already is fine. */
int resctrl_remove(int dir_fd, const char *name);

#endif
