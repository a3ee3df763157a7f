/* SPDX-License-Identifier: Apache-2.0 */
/* Out of memory: how often, and a descriptor that tells of the next time. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "cgroup/figures.h"
#include "kernel/fd.h"

/*
 * v2: memory.events changes, poll(2) says POLLPRI, and a read from its begin arms it again. v1: an
 * eventfd registered in cgroup.event_control (cgroup-v1/memory.rst, "OOM Control"); it also fires
 * when the group is removed.
 */

static int find_memory(const struct cgroup *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->group[i].dir_fd >= 0 && (c->group[i].controllers & 1U << CG_MEMORY))
			return (int)i;
	return -1;
}

int64_t cgroup_oom_kills(const struct cgroup *c)
{
	int i = find_memory(c), r;
	uint64_t kills;
	char text[1024];

	if (i < 0)
		return -ENOENT;
	r = file_read_small(c->group[i].dir_fd,
			    c->group[i].is_v2 ? "memory.events" : "memory.oom_control", text,
			    sizeof(text));
	if (r < 0)
		return r;
	r = figures_keyed(text, "oom_kill", &kills);
	return r < 0 ? r : (int64_t)kills;
}

static int register_v1(int dir_fd)
{
	auto_close int control_fd = openat(dir_fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	auto_close int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	char text[32];
	int r;

	if (control_fd < 0 || event_fd < 0)
		return -errno;
	snprintf(text, sizeof(text), "%d %d", event_fd, control_fd);
	r = file_write_at(dir_fd, "cgroup.event_control", text);
	return r < 0 ? r : TAKE_FD(event_fd);
}

static int open_v2(int dir_fd)
{
	auto_close int fd = openat(dir_fd, "memory.events", O_RDONLY | O_CLOEXEC);
	char text[1024];

	if (fd < 0 || read(fd, text, sizeof(text)) < 0) /* the read arms the poll */
		return -errno;
	return TAKE_FD(fd);
}

int cgroup_oom_fd(const struct cgroup *c, short *ret_events, struct err *e)
{
	int i = find_memory(c), fd;

	if (i < 0)
		return err_say(e, -ENOENT,
			       "the container has no memory cgroup: running out of"
			       " memory cannot be observed");
	fd = c->group[i].is_v2 ? open_v2(c->group[i].dir_fd) : register_v1(c->group[i].dir_fd);
	if (fd < 0)
		return err_sys(e, fd, "observing out-of-memory events of %s%s", c->group[i].mount,
			       c->group[i].path);
	*ret_events = c->group[i].is_v2 ? POLLPRI : POLLIN;
	return fd;
}
