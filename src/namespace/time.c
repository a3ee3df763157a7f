/* SPDX-License-Identifier: Apache-2.0 */
/* The time namespace: offsets of the monotonic and boot-time clocks. */
#include <inttypes.h>
#include <stdio.h>

#include "base/auto.h"
#include "base/err.h"
#include "kernel/proc.h"
#include "kernel/sys.h"
#include "namespace/kinds.h"

/*
 * Theory of operation
 *
 * time_namespaces(7): unshare(CLONE_NEWTIME) makes a namespace for the caller's children, whose
 * offsets may be written until somebody is in it. The caller then enters it itself with setns(2) of
 * /proc/self/ns/time_for_children, which a process with one thread may. Without offsets none of that
 * is needed: clone3(2) puts the child into the new namespace at once.
 */

#define NANOSECS_MAX 999999999u

const struct ns_kind ns_kind_time = {
	.oci_name = "time",
	.proc_name = "time",
	.clone_flag = CLONE_NEWTIME,
};

bool ns_time_has_offsets(const struct ns_plan *p)
{
	return p->monotonic.is_set || p->boottime.is_set;
}

int ns_time_check(const struct ns_plan *p, struct err *e)
{
	if (!ns_time_has_offsets(p))
		return 0;
	if (p->action[NS_TIME] != NS_CREATE)
		return err_say(e, -EINVAL,
			       "time namespace offsets specified, but no new time namespace");
	if (p->monotonic.nanosecs > NANOSECS_MAX || p->boottime.nanosecs > NANOSECS_MAX)
		return err_say(e, -EINVAL, "time namespace offset: nanosecs above %u",
			       NANOSECS_MAX);
	return 0;
}

static int write_offsets(const struct ns_plan *p, int proc_fd, struct err *e)
{
	char text[128];
	int n = 0, r;

	if (p->monotonic.is_set)
		n = snprintf(text, sizeof(text), "monotonic %" PRId64 " %" PRIu32 "\n",
			     p->monotonic.secs, p->monotonic.nanosecs);
	if (p->boottime.is_set)
		snprintf(text + n, sizeof(text) - (size_t)n, "boottime %" PRId64 " %" PRIu32 "\n",
			 p->boottime.secs, p->boottime.nanosecs);
	r = proc_write_at(proc_fd, "self/timens_offsets", text);
	if (r == -ERANGE)
		return err_say(e, r,
			       "time namespace offsets: a clock would be negative or too far "
			       "ahead");
	if (r < 0)
		return err_sys(e, r, "write the time namespace offsets");
	return 0;
}

int ns_time_prepare(const struct ns_plan *p, struct err *e)
{
	auto_close int proc_fd = -EBADF, dir = -EBADF, fd = -EBADF;
	int r;

	if (p->action[NS_TIME] != NS_CREATE || !ns_time_has_offsets(p))
		return 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return err_sys(e, -errno, "create the time namespace");
	proc_fd = proc_open();
	if (proc_fd < 0)
		return err_sys(e, proc_fd, "open a procfs handle");
	r = write_offsets(p, proc_fd, e);
	if (r < 0)
		return r;
	/* The entry is a magic link, which proc_open_at refuses by design: open what holds it. */
	dir = proc_open_at(proc_fd, "self/ns", O_PATH | O_DIRECTORY);
	if (dir < 0)
		return err_sys(e, dir, "open the namespaces of this process");
	fd = openat(dir, "time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, -errno, "open the new time namespace");
	if (setns(fd, CLONE_NEWTIME) < 0)
		return err_sys(e, -errno, "enter the new time namespace");
	return 0;
}
