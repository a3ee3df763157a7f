/* SPDX-License-Identifier: Apache-2.0 */
/* A procfs handle that nobody else can redirect. */
#ifndef BERTH_KERNEL_PROC_H
#define BERTH_KERNEL_PROC_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Security: everything written to /proc goes through one private handle (fsopen("proc") + fsmount;
 * else open_tree of /proc; else /proc itself), verified by file system magic and root inode 1, and
 * every path below it is opened with RESOLVE_BENEATH | NO_XDEV | NO_MAGICLINKS | NO_SYMLINKS (but
 * for the leading "self" / "thread-self"), so that a mount or link planted in a shared /proc cannot
 * redirect a write (CVE-2025-52881, CVE-2019-16884).
 */

/* Opens such a handle in the caller's pid namespace. Returns an O_PATH-like descriptor or -errno. */
int proc_open(void);

/* Opens "self/attr/exec", "sys/net/..." below the handle. flags as open(2). Returns fd or -errno. */
int proc_open_at(int proc_fd, const char *path, int flags);

/* Opens, writes the string at once, closes. Returns 0 or -errno. */
int proc_write_at(int proc_fd, const char *path, const char *value);

/* For tests: take /proc itself and the walk although fsopen and openat2 are there. */
void proc_use_fallback(bool is_on);

#endif
