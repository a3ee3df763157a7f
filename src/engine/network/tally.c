/* SPDX-License-Identifier: Apache-2.0 */
/* How many published ranges have a port, for all ports of the host. */
#include "engine/network/tally.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"

enum { PORTS = 65536 };

int tally_open(const struct engine *g, struct err *e)
{
	auto_close int fd = -EBADF;

	if (mkdirat(g->run_fd, "networks", 0700) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "make %s/networks", g->run);
	fd = openat(g->run_fd, "networks/ports", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, -errno, "open %s/networks/ports", g->run);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, -errno, "lock %s/networks/ports", g->run);
	return TAKE_FD(fd);
}

static off_t place_of(const struct published *p)
{
	int block = str_eq(p->protocol, "udp") ? 1 : str_eq(p->protocol, "sctp") ? 2 : 0;

	return (off_t)block * PORTS + (off_t)p->host_first;
}

/* A number that has reached its end stays there: too high is harmless. */
static bool change(uint8_t *v, size_t n, int sign)
{
	bool was_used = false;

	for (size_t i = 0; i < n; i++) {
		was_used |= v[i] != 0;
		if (v[i] != UINT8_MAX && (sign > 0 || v[i] > 0))
			v[i] = (uint8_t)(v[i] + sign);
	}
	return was_used;
}

int tally_add(int fd, const struct network_state *s, int sign, struct err *e)
{
	bool was_used = false;

	for (size_t i = 0; i < s->ports.n; i++) {
		const struct published *p = &s->ports.v[i];
		size_t n = (size_t)(p->host_last - p->host_first + 1);
		auto_free uint8_t *v = calloc(n, 1);
		ssize_t got;

		if (!v)
			return err_sys(e, -ENOMEM, "count the published ports");
		/* Behind the end of the file: zeros. */
		got = pread(fd, v, n, place_of(p));
		was_used |= change(v, n, sign);
		if (got < 0 || pwrite(fd, v, n, place_of(p)) != (ssize_t)n)
			return err_sys(e, got < 0 ? -errno : -EIO, "count the published ports");
	}
	return was_used;
}
