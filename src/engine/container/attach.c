/* SPDX-License-Identifier: Apache-2.0 */
/* The client's end of a monitor's socket: packets, and the first words. */
#include "engine/container/attach.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "engine/container/attach_packet.h"
#include "engine/engine.h"

enum { HELLO_SECONDS = 10 };

int attach_send_with(int socket, enum attach_type type, int64_t value, const void *data, size_t n,
		     int flags)
{
	struct attach_message message = {.type = type, .value = value};
	struct iovec io[] = {{&message, sizeof(message)}, {(void *)(uintptr_t)data, n}};
	struct msghdr h = {.msg_iov = io, .msg_iovlen = n ? 2 : 1};
	ssize_t r;

	if (n > ATTACH_DATA)
		return -EMSGSIZE;
	do
		r = sendmsg(socket, &h, MSG_NOSIGNAL | flags);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int attach_send(int socket, enum attach_type type, int64_t value, const void *data, size_t n)
{
	return attach_send_with(socket, type, value, data, n, 0);
}

int attach_receive(int socket, struct attach_message *ret, void *data)
{
	struct attach_message message;
	struct iovec io[] = {{&message, sizeof(message)}, {data, ATTACH_DATA}};
	struct msghdr h = {.msg_iov = io, .msg_iovlen = 2};
	bool was_reset = false;
	ssize_t n;

	/* A peer that closed without reading all of ours: the kernel says so once, before what it sent us
	 * (unix(7) says nothing of it; net/unix/af_unix.c, unix_release_sock). */
	do {
		n = recvmsg(socket, &h, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == ECONNRESET && !was_reset) {
			was_reset = true;
			errno = EINTR;
		}
	} while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return -ENODATA;
	if (n < 0)
		return -errno;
	if (n < (ssize_t)sizeof(message) || h.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EPROTO;
	*ret = message;
	return (int)((size_t)n - sizeof(message));
}

static int set_timeout(int socket, int seconds)
{
	struct timeval limit = {.tv_sec = seconds};

	return setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

static int greet(int socket, unsigned wants, bool *ret_has_tty)
{
	char data[ATTACH_DATA];
	struct attach_message m = {0};
	int r = attach_send(socket, ATTACH_HELLO, wants, NULL, 0);

	set_timeout(socket, HELLO_SECONDS);
	if (r == 0)
		r = attach_receive(socket, &m, data);
	set_timeout(socket, 0);
	if (r < 0)
		return r == -ENODATA || r == -EPIPE ? -ENOENT : r == -EAGAIN ? -ETIMEDOUT : r;
	if (m.type != ATTACH_HELLO)
		return -EPROTO;
	*ret_has_tty = m.value != 0;
	return 0;
}

int attach_connect(const struct engine *g, const char *id, unsigned wants, bool *ret_has_tty,
		   struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_close int dir = openat(g->run_fd, id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return err_sys(e, -errno, "make a socket");
	/* The path may be longer than sockaddr_un holds. */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/monitor.sock", dir);
	if (dir < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		r = errno == ECONNREFUSED || dir < 0 ? -ENOENT : -errno;
		return err_sys(e, r, "reach the monitor of container %.12s", id);
	}
	r = greet(fd, wants, ret_has_tty);
	return r < 0 ? err_sys(e, r, "reach the monitor of container %.12s", id) : TAKE_FD(fd);
}
