/* SPDX-License-Identifier: Apache-2.0 */
/* Paths below a root that somebody hostile may be changing: resolve by descriptor only. */
#ifndef BERTH_KERNEL_PATH_H
#define BERTH_KERNEL_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Theory of operation
 *
 * openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS), retried on EAGAIN and EINTR; where the kernel or
 * a seccomp filter refuses openat2 (ENOSYS, EPERM), a walk over the components with O_PATH |
 * O_NOFOLLOW that resolves links itself below the root. Both give the same answers; the tests run
 * both (path_use_fallback).
 */

/* Opens path (absolute or relative, links and ".." stay below root_fd). flags as openat(2), O_CLOEXEC
 * is added. Returns the descriptor or -errno. */
int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode);

/* Makes each missing directory of path and returns an O_PATH descriptor of the last, or -errno. */
int path_mkdirs_in_root(int root_fd, const char *path, mode_t mode);

/* Makes an empty file where path leads nowhere yet, with its missing directories (mode 0755); a
 * dangling link is followed below the root. Returns an O_PATH descriptor of what is there, of any
 * kind, or -errno. */
int path_mkfile_in_root(int root_fd, const char *path, mode_t mode);

/* Opens the directory that holds the last component of path (making missing ones with mode 0755 if
 * make_parents) and copies that component into name (size >= NAME_MAX + 1). Returns an O_PATH
 * descriptor or -errno. */
int path_open_parent_in_root(int root_fd, const char *path, bool make_parents, char *name,
			     size_t size);

/* For tests: take the walk although openat2 is there. */
void path_use_fallback(bool is_on);

#endif
