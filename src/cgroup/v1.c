/* SPDX-License-Identifier: Apache-2.0 */
/* How a group of a v1 hierarchy is made, frozen, killed and waited for. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "cgroup/group.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

/*
 * Theory of operation
 *
 * v1 has neither a kill file nor an event for "empty" or "frozen" (Documentation/admin-guide/
 * cgroup-v1/cgroups.rst, freezer-subsystem.rst). So: a kill freezes the freezer's group, which
 * stops forks, signals what it lists and thaws; emptiness is waited for with pidfds of the members;
 * and the freezer computes its state when it is read.
 */

static int v1_make(const char *mount, const char *path, uint32_t controllers, uint32_t needed,
		   unsigned *ret_made, struct err *e)
{
	(void)controllers, (void)needed;
	return group_make_dirs(mount, path, ret_made, e);
}

static int v1_is_frozen(int dir_fd)
{
	char state[32];
	int r = file_read_small(dir_fd, "freezer.state", state, sizeof(state));

	return r < 0 ? r : !str_eq(state, "THAWED");
}

static int v1_check(int dir_fd, const char *path, struct err *e)
{
	int r = v1_is_frozen(dir_fd);

	if (r == -ENOENT) /* not the freezer's hierarchy */
		return 0;
	if (r < 0)
		return err_sys(e, r, "reading %s/freezer.state", path);
	if (r > 0)
		return err_say(e, -EBUSY, "container's cgroup unexpectedly frozen: %s", path);
	return 0;
}

static int v1_freeze(int dir_fd, bool is_on, const char *path, struct err *e)
{
	const char *want = is_on ? "FROZEN" : "THAWED";
	int64_t end = group_now_ms() + GROUP_WAIT_MS;
	int pause_ms = 0;

	for (;;) {
		char state[32];
		/* Written each time: a task that was forked while freezing is only caught by a new
		 * write (kernel/cgroup/legacy_freezer.c, freezer_fork and freeze_cgroup). */
		int r = file_write_at(dir_fd, "freezer.state", want);

		if (r < 0)
			return err_sys(e, r, "writing %s to %s/freezer.state", want, path);
		r = file_read_small(dir_fd, "freezer.state", state, sizeof(state));
		if (r < 0)
			return err_sys(e, r, "reading %s/freezer.state", path);
		if (str_eq(state, want))
			return 0;
		if (!is_on && str_eq(state, "FROZEN"))
			return err_say(e, -EBUSY, "%s stays frozen: a group above it is frozen",
				       path);
		if (group_now_ms() > end)
			break;
		/* The kernel gives no event here: the state is computed by whoever reads it. */
		poll(NULL, 0, pause_ms);
		pause_ms = pause_ms < 8 ? pause_ms * 2 + 1 : pause_ms;
	}
	(void)file_write_at(dir_fd, "freezer.state", "THAWED");
	return err_say(e, -ETIMEDOUT,
		       "%s: unable to freeze within %d s: a process is in an"
		       " uninterruptible sleep",
		       path, GROUP_WAIT_MS / 1000);
}

static int v1_kill(int dir_fd, int signo, const char *path, struct err *e)
{
	int was_frozen = v1_is_frozen(dir_fd), r;
	bool is_freezer = was_frozen >= 0;

	/* Best effort: a process stuck in the kernel must not keep the others alive. */
	if (is_freezer && !was_frozen)
		(void)file_write_at(dir_fd, "freezer.state", "FROZEN");
	r = group_signal_all(dir_fd, signo);
	/* Order: a frozen v1 task dies only once it is thawed. */
	if (is_freezer && (!was_frozen || signo == SIGKILL))
		(void)file_write_at(dir_fd, "freezer.state", "THAWED");
	return r < 0 ? err_sys(e, r, "sending signal %d to the processes of %s", signo, path) : 0;
}

static int wait_for_pid(pid_t pid, int64_t end)
{
	auto_close int pidfd = sys_pidfd_open(pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int64_t left = end - group_now_ms();

	if (pidfd < 0)
		return pidfd == -ESRCH ? 0 : pidfd;
	if (left < 0 || poll(&p, 1, (int)left) == 0)
		return -ETIMEDOUT;
	return 0;
}

static int v1_wait_empty(int dir_fd, const char *path, struct err *e)
{
	int64_t end = group_now_ms() + GROUP_WAIT_MS;

	for (;;) {
		auto_pid_list struct pid_list list = {0};
		int r = group_list_pids(dir_fd, &list);

		if (r == -ENOENT || (r >= 0 && !list.n))
			return 0;
		if (r < 0)
			return err_sys(e, r, "reading the processes of %s", path);
		for (size_t i = 0; i < list.n && r >= 0; i++)
			r = wait_for_pid(list.v[i], end);
		if (r < 0 || group_now_ms() > end)
			return err_say(e, -EBUSY,
				       "%s still has %zu process(es) after %d s, the first"
				       " is %d",
				       path, list.n, GROUP_WAIT_MS / 1000, list.v[0]);
		/* A zombie whose pidfd is readable has left the group, or leaves it within its next
		 * time slice. */
		poll(NULL, 0, 1);
	}
}

const struct group_ops group_ops_v1 = {
	.make = v1_make,
	.check = v1_check,
	.freeze = v1_freeze,
	.is_frozen = v1_is_frozen,
	.kill = v1_kill,
	.wait_empty = v1_wait_empty,
};
