/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a message of the container's first process. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static int pair[2] = {-1, -1};
	struct message m = {0};
	int fd = -1, r;

	if (pair[0] < 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	if (n == 0 || send(pair[0], data, n, MSG_DONTWAIT) != (ssize_t)n)
		return 0;
	r = handshake_receive(pair[1], &m, &fd);
	if (fd >= 0)
		abort(); /* none was sent */
	if (r > 0 && (m.step >= STEP_COUNT || memchr(m.err.text, 0, sizeof(m.err.text)) == NULL))
		abort();
	if (r > 0 && m.step == STEP_FAILED && m.err.code <= 0)
		abort(); /* would be taken for a success */
	return 0;
}
