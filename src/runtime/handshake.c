/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's first process and the runtime say to one another until the exec. */
#include "runtime/handshake.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "kernel/fd.h"

enum { MESSAGE_HEAD = offsetof(struct message, err) };

int handshake_send(int socket, enum handshake_step step, int32_t value, int fd,
		   const struct err *err)
{
	struct message m = {.step = step, .value = value};

	if (err)
		m.err = *err;
	return fd_send(socket, &m, err ? sizeof(m) : MESSAGE_HEAD, fd);
}

int handshake_receive(int socket, struct message *ret, int *ret_fd)
{
	struct message m = {0};
	auto_close int fd = -EBADF;
	ssize_t n = fd_receive(socket, &m, sizeof(m), &fd);

	if (n <= 0)
		return (int)n;
	if (m.step >= STEP_COUNT ||
	    n != (m.step == STEP_FAILED ? (ssize_t)sizeof(m) : MESSAGE_HEAD))
		return -EPROTO;
	m.err.text[sizeof(m.err.text) - 1] = '\0';
	if (m.step == STEP_FAILED && m.err.code <= 0)
		m.err.code = EPROTO;
	*ret = m;
	if (ret_fd)
		*ret_fd = TAKE_FD(fd);
	return 1;
}

int handshake_ask(int socket, enum handshake_step step, int32_t value, int fd, int32_t *ret_value,
		  int *ret_fd, struct err *e)
{
	struct message m;
	auto_close int got = -EBADF;
	int r = handshake_send(socket, step, value, fd, NULL);

	if (r < 0)
		return err_sys(e, r, "talk to the runtime");
	r = handshake_receive(socket, &m, &got);
	if (r == 0)
		return err_say(e, -EPIPE, "the runtime died");
	if (r < 0)
		return err_sys(e, r, "hear from the runtime");
	if (m.step == STEP_FAILED) {
		if (e && !e->code)
			*e = m.err;
		return -m.err.code;
	}
	if (m.step != step)
		return err_say(e, -EPROTO, "the runtime answered step %u to step %u", m.step, step);
	if (ret_value)
		*ret_value = m.value;
	if (ret_fd)
		*ret_fd = TAKE_FD(got);
	return 0;
}
