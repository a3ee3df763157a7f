/* SPDX-License-Identifier: Apache-2.0 */
/* A container without groups: nothing to make, and nothing through which to freeze or kill it. */
#include <errno.h>

#include "base/err.h"
#include "cgroup/group.h"

static int none_freeze(int dir_fd, bool is_on, const char *path, struct err *e)
{
	(void)dir_fd, (void)path;
	return err_say(e, -EOPNOTSUPP, "the container has no freezer cgroup: it cannot be %s",
		       is_on ? "paused" : "resumed");
}

static int none_is_frozen(int dir_fd)
{
	(void)dir_fd;
	return 0;
}

static int none_kill(int dir_fd, int signo, const char *path, struct err *e)
{
	(void)dir_fd, (void)signo, (void)path;
	return err_say(e, -EOPNOTSUPP, "the container has no cgroup: its processes are not known");
}

static int none_wait_empty(int dir_fd, const char *path, struct err *e)
{
	(void)dir_fd, (void)path, (void)e;
	return 0;
}

const struct group_ops group_ops_none = {
	.freeze = none_freeze,
	.is_frozen = none_is_frozen,
	.kill = none_kill,
	.wait_empty = none_wait_empty,
};
