/* SPDX-License-Identifier: Apache-2.0 */
/* The process that unpacks a layer: what it gives up before it reads the first byte. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "image/unpack.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

/*
 * Theory of operation
 *
 * Security: libarchive reads what a stranger wrote. Should that stranger take the process over, it has: three
 * descriptors (the tar, the layer's folder, the result), that folder as its root, on a mount without devices, set-user-id bits
 * and programs; no network; the capabilities that making files needs; and no system call but those of the table.
 *
 * Order: the copy of the mount is made while we are in the mount namespace it comes from; capabilities and
 * the filter go last, since all the rest needs what they take away.
 */

enum { FD_TAR = 3, FD_DIR, FD_RESULT, FD_END };

#define CAP(name) (UINT64_C(1) << (name))

/* ---- the filter ---------------------------------------------------------------------------------- */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef ARCH
static const uint16_t calls[] = {
	/* the stream and the files, the common ones first */
	SYS_openat, SYS_close, SYS_read, SYS_pwrite64, SYS_utimensat, SYS_fchmod, SYS_fchown,
	SYS_write, SYS_mkdirat, SYS_fchownat, SYS_symlinkat, SYS_linkat, SYS_unlinkat, SYS_mknodat,
	SYS_fchmodat, SYS_ftruncate, SYS_fsetxattr, SYS_lsetxattr, SYS_getdents64, SYS_lseek,
	SYS_fcntl, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_openat2,
#ifdef SYS_unlink
	SYS_unlink, SYS_rmdir, SYS_open, SYS_stat, SYS_lstat,
#endif
	/* memory, and what the C library does by itself */
	SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_futex,
	SYS_getrandom, SYS_clock_gettime, SYS_gettimeofday, SYS_rt_sigreturn, SYS_rt_sigprocmask,
	SYS_rt_sigaction, SYS_restart_syscall, SYS_getpid, SYS_gettid, SYS_tgkill, SYS_exit,
	SYS_exit_group};

static int filter_calls(void)
{
	struct sock_filter code[5 + 2 * ARRAY_LEN(calls)], *p = code;
	struct sock_fprog program = {.filter = code};

	*p++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					    offsetof(struct seccomp_data, arch));
	*p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	*p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	*p++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					    offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		*p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
		*p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	*p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	program.len = (unsigned short)(p - code);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}
#else
static int filter_calls(void)
{
	return 0;
}
#endif

/* ---- all of it ----------------------------------------------------------------------------------- */

/* trusted.* attributes need CAP_SYS_ADMIN over the host, which an ordinary user has not. */
static int drop_capabilities(bool is_user)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];
	uint64_t keep = CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FOWNER) | CAP(CAP_FSETID) |
			CAP(CAP_SETFCAP) | (is_user ? 0 : CAP(CAP_MKNOD) | CAP(CAP_SYS_ADMIN));

	if (syscall(SYS_capget, &header, d) < 0)
		return -errno;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		d[i].permitted &= (uint32_t)(keep >> (32 * i));
		d[i].effective = d[i].permitted;
		d[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, d) < 0 ? -errno : 0;
}

/* The folder behind a mount of its own; where that cannot be (before Linux 5.12), as it is. */
static void remount_folder(void)
{
	struct mount_attr attr = {.attr_set =
					  MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC};
	auto_close int fd =
		sys_open_tree(FD_DIR, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	auto_close int dir = -EBADF;

	if (fd < 0 || sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) < 0)
		return;
	dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		dup2(dir, FD_DIR);
}

static int confine(bool is_user, struct err *e)
{
	const struct rlimit none = {0, 0};
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &none);
	remount_folder();
	if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC) < 0)
		return err_sys(e, -errno, "give the unpacking process namespaces of its own");
	if (fchdir(FD_DIR) < 0 || chroot(".") < 0)
		return err_sys(e, -errno, "confine the unpacking process to the layer's folder");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, -errno, "confine the unpacking process");
	r = drop_capabilities(is_user);
	if (r < 0)
		return err_sys(e, r, "drop the unpacking process's capabilities");
	r = filter_calls();
	return r < 0 && r != -EINVAL ? err_sys(e, r, "filter the unpacking process's calls") : 0;
}

/* Everything else that the program has open is none of its business. */
static void keep_descriptors(int tar_fd, int dir_fd, int result_fd)
{
	int fds[] = {tar_fd, dir_fd, result_fd};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 16);
	/* The terminal, too. */
	for (int i = 0; i < FD_TAR; i++)
		if (null < 0 || dup2(null, i) < 0)
			close(i);
	for (int i = 0; i < 3; i++)
		dup2(fds[i], FD_TAR + i);
	sys_close_range(FD_END, ~0U, 0);
}

/* The rest of the stream belongs to the layer's digest. */
static void drain(void)
{
	char buf[16 << 10];

	while (read(FD_TAR, buf, sizeof(buf)) > 0)
		continue;
}

void unpack_main(int tar_fd, int dir_fd, int result_fd, bool is_user)
{
	struct unpack_result result = {0};
	int r;

	keep_descriptors(tar_fd, dir_fd, result_fd);
	umask(0);
	/* Names in pax headers are UTF-8; those that are not are taken as they are. Order: locales are files. */
	setlocale(LC_CTYPE, "C.UTF-8");
	r = confine(is_user, &result.err);
	if (r == 0)
		r = unpack_tar(FD_TAR, FD_DIR, is_user, &result);
	if (r == 0)
		drain();
	_exit(fd_write_all(FD_RESULT, &result, sizeof(result)) < 0);
}
