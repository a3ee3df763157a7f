/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that the C library has no wrapper for. Each returns >= 0 or -errno. */
#ifndef BERTH_KERNEL_SYS_H
#define BERTH_KERNEL_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static inline int sys_return(long r)
{
	return r < 0 ? -errno : (int)r;
}

/* clone3(2); returns 0 in the child, which runs on a copy of the caller's stack as after fork(2).
 * The caller has one thread: no libc lock can be held. */
static inline int sys_clone3(struct clone_args *args)
{
	return sys_return(syscall(SYS_clone3, args, sizeof(*args)));
}

static inline int sys_openat2(int dir_fd, const char *path, const struct open_how *how)
{
	return sys_return(syscall(SYS_openat2, dir_fd, path, how, sizeof(*how)));
}

static inline int sys_open_tree(int dir_fd, const char *path, unsigned flags)
{
	return sys_return(syscall(SYS_open_tree, dir_fd, path, flags));
}

static inline int sys_move_mount(int from_fd, const char *from, int to_fd, const char *to,
				 unsigned flags)
{
	return sys_return(syscall(SYS_move_mount, from_fd, from, to_fd, to, flags));
}

static inline int sys_fsopen(const char *type, unsigned flags)
{
	return sys_return(syscall(SYS_fsopen, type, flags));
}

#ifndef FSPICK_CLOEXEC
#define FSPICK_CLOEXEC 1
#define FSPICK_EMPTY_PATH 8
#endif
static inline int sys_fspick(int dir_fd, const char *path, unsigned flags)
{
	return sys_return(syscall(SYS_fspick, dir_fd, path, flags));
}

static inline int sys_fsconfig(int fd, unsigned command, const char *key, const void *value,
			       int aux)
{
	return sys_return(syscall(SYS_fsconfig, fd, command, key, value, aux));
}

static inline int sys_fsmount(int fd, unsigned flags, unsigned attrs)
{
	return sys_return(syscall(SYS_fsmount, fd, flags, attrs));
}

static inline int sys_mount_setattr(int dir_fd, const char *path, unsigned flags,
				    struct mount_attr *attr)
{
	return sys_return(syscall(SYS_mount_setattr, dir_fd, path, flags, attr, sizeof(*attr)));
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return sys_return(syscall(SYS_pivot_root, new_root, put_old));
}

static inline int sys_pidfd_open(pid_t pid, unsigned flags)
{
	return sys_return(syscall(SYS_pidfd_open, pid, flags));
}

static inline int sys_pidfd_send_signal(int pidfd, int signo)
{
	return sys_return(syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0));
}

static inline int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return sys_return(syscall(SYS_close_range, first, last, flags));
}

static inline int sys_execveat(int dir_fd, const char *path, char *const argv[], char *const envp[],
			       int flags)
{
	return sys_return(syscall(SYS_execveat, dir_fd, path, argv, envp, flags));
}

#endif
