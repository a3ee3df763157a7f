# SPDX-License-Identifier: Apache-2.0
"""Which errors a system call is made to give: what the manual pages say of it."""
import errno

ERRNOS = {
    "EMFILE ENOMEM EIO": "openat open openat2 epoll_create1 memfd_create signalfd4 eventfd2 pidfd_open open_tree fsopen "
                         "fsmount",
    "EMFILE ENOBUFS": "socket socketpair accept4",
    "EMFILE": "pipe2 pipe dup dup3 fcntl timerfd_create",
    "EIO EINTR": "read pread64 readv",
    "ENOSPC EIO EINTR": "write pwrite64 writev sendfile",
    "ENOBUFS EPIPE EINTR": "sendmsg sendto",
    "ENOMEM EINTR ECONNRESET": "recvmsg recvfrom",
    "EINTR ENOMEM": "poll ppoll epoll_wait epoll_pwait",
    "EINTR": "wait4 waitid nanosleep clock_nanosleep futex",
    "ECONNREFUSED EINTR EAGAIN": "connect",
    "ENOMEM": "mmap brk mremap mprotect munmap listen prlimit64 setrlimit",
    "EAGAIN ENOMEM": "clone clone3 fork vfork",
    "ENOMEM EPERM": "mount umount2 move_mount mount_setattr fsconfig pivot_root chroot setns bpf seccomp",
    "ENOSPC EPERM": "unshare",
    "ENOSPC EIO EROFS": "mkdir mkdirat mknodat symlinkat linkat renameat renameat2 rename bind",
    "EIO EBUSY": "rmdir unlink unlinkat",
    "EIO ENOMEM": "getdents64 readlinkat readlink fstat newfstatat stat lstat statx fstatfs statfs faccessat faccessat2 "
                  "access chdir fchdir getcwd",
    "EPERM EIO": "fchmod fchmodat fchown fchownat chown chmod ftruncate",
    "ENOMEM E2BIG": "execve execveat",
    "EAGAIN EPERM": "setuid setgid setresuid setresgid",
}
# Cannot fail, or only by mistakes of the caller: nothing that a program could do about.
NEVER = set("""exit exit_group rt_sigreturn rt_sigaction rt_sigprocmask arch_prctl set_tid_address close close_range getpid
getppid gettid getuid geteuid getgid getegid umask set_robust_list rseq sched_yield lseek clock_gettime restart_syscall
alarm setitimer madvise kill tgkill""".split())
OTHERS = "EPERM"
BY_NAME = {name: codes.split() for codes, names in ERRNOS.items() for name in names.split()}


def errnos_of(name):
    """[(name, value)] for a system call."""
    if name in NEVER:
        return []
    return [(e, getattr(errno, e)) for e in BY_NAME.get(name, [OTHERS])]
