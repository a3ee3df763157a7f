/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors: whole reads and writes, and passing them over a socket. */
#include "kernel/fd.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/arena.h"
#include "base/auto.h"
#include "kernel/sys.h"

#define FIRST_READ 4096

int fd_write_all(int fd, const void *buf, size_t n)
{
	const char *at = buf;

	while (n > 0) {
		ssize_t r = write(fd, at, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -EIO;
		at += r;
		n -= (size_t)r;
	}
	return 0;
}

static ssize_t read_some(int fd, void *buf, size_t n)
{
	ssize_t r;

	do
		r = read(fd, buf, n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/* The size to start with: that of a regular file, so that one read and the one that finds its end do.
 * Kernel files say 0. */
static size_t first_size(int fd, size_t limit)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return FIRST_READ;
	/* A byte more than the limit is enough to see that the file is too big. */
	if ((uintmax_t)st.st_size > limit)
		return limit + 2;
	return (size_t)st.st_size + 2;
}

int fd_read_all(int fd, struct arena *a, size_t limit, char **ret, size_t *ret_n)
{
	size_t size, n = 0;
	char *buf;

	if (limit > SIZE_MAX - 2)
		limit = SIZE_MAX - 2;
	size = first_size(fd, limit);
	buf = arena_alloc(a, size);
	for (;;) {
		ssize_t r = read_some(fd, buf + n, size - 1 - n);

		if (r < 0)
			return (int)r;
		if (r == 0)
			break;
		n += (size_t)r;
		if (n > limit)
			return -EFBIG;
		if (n == size - 1) {
			char *bigger;

			if (size > SIZE_MAX / 2)
				return -EFBIG;
			bigger = arena_alloc(a, size * 2);
			memcpy(bigger, buf, n);
			buf = bigger;
			size *= 2;
		}
	}
	buf[n] = '\0';
	*ret = buf;
	if (ret_n)
		*ret_n = n;
	return 0;
}

int file_read_at(int dir_fd, const char *path, struct arena *a, size_t limit, char **ret,
		 size_t *ret_n)
{
	/* Security: O_NONBLOCK, so that a planted FIFO cannot hold us (CVE-2024-9676). */
	auto_close int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return fd_read_all(fd, a, limit, ret, ret_n);
}

int file_read_small(int dir_fd, const char *path, char *buf, size_t size)
{
	auto_close int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t n = 0;

	if (fd < 0)
		return -errno;
	/* A seq_file may give less than it has: read until the end or until buf is full. */
	while (n < size - 1) {
		ssize_t r = read_some(fd, buf + n, size - 1 - n);

		if (r < 0)
			return (int)r;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n > INT_MAX ? -EFBIG : (int)n;
}

int file_write_at(int dir_fd, const char *path, const char *value)
{
	auto_close int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	size_t n = strlen(value);
	ssize_t r;

	if (fd < 0)
		return -errno;
	do
		r = write(fd, value, n);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return (size_t)r == n ? 0 : -EIO;
}

int file_replace_at(int dir_fd, const char *name, const void *buf, size_t n, mode_t mode)
{
	auto_close int fd = -EBADF;
	char tmp[NAME_MAX + 1];
	int r;

	if (snprintf(tmp, sizeof(tmp), ".%s.tmp", name) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, buf, n);
	if (r == 0 && renameat(dir_fd, tmp, dir_fd, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir_fd, tmp, 0);
	return r;
}

/* Room for the one descriptor that a message may carry, aligned as cmsg(3) asks. */
union fd_control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int))];
};

int fd_send(int socket, const void *buf, size_t n, int fd)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union fd_control control;
	ssize_t r;

	if (fd >= 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	do
		r = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	/* A stream may take less; the descriptor has gone with the first byte. */
	for (size_t sent = (size_t)r; sent < n; sent += (size_t)r) {
		do
			r = send(socket, (const char *)buf + sent, n - sent, MSG_NOSIGNAL);
		while (r < 0 && errno == EINTR);
		if (r < 0)
			return -errno;
	}
	return 0;
}

/* The first descriptor of a message; every other one is closed. */
static int control_fd(struct msghdr *msg)
{
	int found = -EBADF;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (found < 0)
				found = fd;
			else
				close(fd);
		}
	}
	return found;
}

ssize_t fd_receive(int socket, void *buf, size_t size, int *ret_fd)
{
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	union fd_control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	auto_close int fd = -EBADF;
	ssize_t r;

	do
		r = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	fd = control_fd(&msg);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EMSGSIZE;
	*ret_fd = TAKE_FD(fd);
	return r;
}

int fd_set_cloexec(int fd, bool is_on)
{
	/* FD_CLOEXEC is the only flag there is: no need to read before writing. */
	return sys_return(fcntl(fd, F_SETFD, is_on ? FD_CLOEXEC : 0));
}
