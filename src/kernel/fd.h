/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors: whole reads and writes, and passing them over a socket. */
#ifndef BERTH_KERNEL_FD_H
#define BERTH_KERNEL_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct arena;

/* Writes all n bytes; retries on EINTR. Returns 0 or -errno. */
int fd_write_all(int fd, const void *buf, size_t n);

/* Reads until end of file into the arena, NUL-terminated; more than limit bytes is -EFBIG. *ret_n
 * may be NULL. Returns 0 or -errno. */
int fd_read_all(int fd, struct arena *a, size_t limit, char **ret, size_t *ret_n);

/* Opens (O_RDONLY | O_CLOEXEC | O_NONBLOCK), insists on a regular file or a procfs/cgroup file, and
 * reads it whole. Returns 0 or -errno. */
int file_read_at(int dir_fd, const char *path, struct arena *a, size_t limit, char **ret,
		 size_t *ret_n);

/* Reads at most size - 1 bytes of a small kernel file into buf, NUL-terminated, the trailing newline
 * taken off. Returns the length or -errno. */
int file_read_small(int dir_fd, const char *path, char *buf, size_t size);

/* Opens an existing file for writing (O_WRONLY | O_CLOEXEC), writes the string with one write(2) and
 * closes it. For kernel files. Returns 0 or -errno. */
int file_write_at(int dir_fd, const char *path, const char *value);

/* Replaces a file by rename: written beside it as ".NAME.tmp", no fsync. Returns 0 or -errno. */
int file_replace_at(int dir_fd, const char *name, const void *buf, size_t n, mode_t mode);

/* Sends one message with up to one descriptor (-1: none) over a SOCK_SEQPACKET or SOCK_STREAM
 * socket. Returns 0 or -errno. */
int fd_send(int socket, const void *buf, size_t n, int fd);

/* Receives one message of at most size bytes; *ret_fd gets the descriptor (O_CLOEXEC) or -EBADF.
 * Returns the length (0: the peer closed) or -errno. */
ssize_t fd_receive(int socket, void *buf, size_t size, int *ret_fd);

/* Turns O_CLOEXEC on or off. Returns 0 or -errno. */
int fd_set_cloexec(int fd, bool is_on);

#endif
