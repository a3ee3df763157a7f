/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces that nobody is in: holders of an id mapping for mounts. */
#include "kernel/userns.h"

#include <stdio.h>
#include <sys/prctl.h>

#include "base/auto.h"
#include "kernel/proc.h"
#include "kernel/process.h"
#include "kernel/sys.h"

/*
 * Theory of operation
 *
 * mount_setattr(2) takes an id mapping from a user namespace. A child is cloned into a new one and stops at once, its
 * maps are written, its namespace is opened, and it is killed; the namespace lives on in the descriptor.
 */

static int write_map(int proc_fd, pid_t pid, const char *file, const char *text)
{
	char path[48];

	snprintf(path, sizeof(path), "%d/%s", pid, file);
	return proc_write_at(proc_fd, path, text);
}

int userns_make(const char *uid_map, const char *gid_map)
{
	auto_close int proc_fd = proc_open();
	auto_kill int pidfd = -EBADF;
	struct clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_PIDFD,
		.exit_signal = SIGCHLD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
	};
	char path[48];
	int pid, r;

	if (proc_fd < 0)
		return proc_fd;
	pid = sys_clone3(&args);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	if (pid < 0)
		return pid;
	r = write_map(proc_fd, pid, "gid_map", gid_map);
	if (r >= 0)
		r = write_map(proc_fd, pid, "uid_map", uid_map);
	if (r < 0)
		return r;
	/* not proc_open_at: that follows no magic link, and this is one */
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	return sys_return(open(path, O_RDONLY | O_CLOEXEC));
}

int userns_map_mount(int mount_fd, int userns_fd, bool is_recursive)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)userns_fd,
	};

	return sys_mount_setattr(mount_fd, "", AT_EMPTY_PATH | (is_recursive ? AT_RECURSIVE : 0),
				 &attr);
}
