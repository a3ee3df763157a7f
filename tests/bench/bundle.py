# SPDX-License-Identifier: Apache-2.0
"""The bench's bundle: one config.json for every OCI runtime. floor.c holds the same as tables."""
import copy
import json
import os
import re
import shutil
import struct

CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW",
                "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE",
                "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"]

MOUNTS = [
    ("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
    ("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    ("/dev/pts", "devpts", "devpts",
     ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
    ("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
    ("/tmp", "tmpfs", "tmpfs", ["nosuid", "nodev", "mode=1777", "size=65536k"]),
    ("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
    ("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
]

MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
          "/sys/devices/virtual/powercap"]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
MEMORY = 64 << 20


def base_config():
    caps = list(CAPABILITIES)
    return {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs"},
        "hostname": "bench",
        "process": {
            "user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/bin/true"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "noNewPrivileges": True,
            "capabilities": {"bounding": caps, "effective": caps, "permitted": caps},
        },
        "mounts": [{"destination": d, "type": t, "source": s, "options": o} for d, t, s, o in MOUNTS],
        "linux": {
            "namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
            "maskedPaths": MASKED, "readonlyPaths": READONLY,
            "resources": {
                "devices": [{"allow": False, "access": "rwm"}],
                "memory": {"limit": MEMORY},
                "cpu": {"shares": 512, "quota": 50000, "period": 100000},
                "pids": {"limit": 64},
            },
        },
    }


def syscall_numbers():
    """name -> number, from the kernel's header."""
    for path in ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"):
        if os.path.exists(path):
            text = open(path, encoding="ascii").read()
            return {n: int(v) for n, v in re.findall(r"#define __NR_(\w+)\s+(\d+)", text)}
    raise SystemExit("no asm/unistd_64.h: install linux-libc-dev")


DENIED = {"acct", "add_key", "bpf", "clock_settime", "create_module", "delete_module", "finit_module",
          "get_kernel_syms", "init_module", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load",
          "keyctl", "lookup_dcookie", "mbind", "mount", "move_pages", "nfsservctl", "perf_event_open",
          "pivot_root", "query_module", "quotactl", "reboot", "request_key", "set_mempolicy", "setns",
          "settimeofday", "swapoff", "swapon", "sysfs", "umount2", "unshare", "uselib", "userfaultfd",
          "ustat", "vm86", "_sysctl", "clone3", "personality", "clone", "socket"}

OLD_32BIT = """_llseek _newselect chown32 fadvise64_64 fchown32 fcntl64 fstat64 fstatat64 fstatfs64
ftruncate64 futex_time64 getegid32 geteuid32 getgid32 getgroups32 getresgid32 getresuid32 getuid32 ipc
io_pgetevents_time64 lchown32 lstat64 mmap2 mq_timedreceive_time64 mq_timedsend_time64 ppoll_time64
pselect6_time64 recvmmsg_time64 rt_sigtimedwait_time64 sched_rr_get_interval_time64
semtimedop_time64 send sendfile64 setfsgid32 setfsuid32 setgid32 setgroups32 setregid32 setresgid32
setresuid32 setreuid32 setuid32 sigaction signal sigprocmask sigreturn socketcall stat64 statfs64
timer_gettime64 timer_settime64 timerfd_gettime64 timerfd_settime64 truncate64 ugetrlimit
utimensat_time64 waitpid clock_getres_time64 clock_gettime64 clock_nanosleep_time64
arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2""".split()


def seccomp_profile():
    """Docker's default in kind and size: 350+ names allowed, a few with conditions on arguments."""
    names = sorted(set(syscall_numbers()) - DENIED) + OLD_32BIT
    allow = "SCMP_ACT_ALLOW"

    def when(name, index, op, value, two=0):
        return {"names": [name], "action": allow,
                "args": [{"index": index, "value": value, "valueTwo": two, "op": op}]}
    return {
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [{"names": names, "action": allow}]
        + [when("personality", 0, "SCMP_CMP_EQ", v) for v in (0, 8, 131072, 131080, 4294967295)]
        + [when("socket", 0, "SCMP_CMP_NE", 40),
           when("clone", 0, "SCMP_CMP_MASKED_EQ", 2114060288, 0),
           {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}],
    }


def load_profile(path):
    if path and os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            profile = json.load(f)
        return profile.get("seccomp", profile)
    return seccomp_profile()


def floor_filter(path, profile):
    """The unconditional names as one balanced tree of ranges, raw: what a perfect runtime would load."""
    numbers = syscall_numbers()
    allowed = sorted({numbers[n] for s in profile["syscalls"] if s["action"] == "SCMP_ACT_ALLOW"
                      for n in s["names"] if n in numbers})
    edges, inside = [(0, 0 in allowed)], set(allowed)
    for n in range(1, 1024):
        if (n in inside) != edges[-1][1]:
            edges.append((n, n in inside))
    kill, errno1, allow = 0x80000000, 0x00050001, 0x7FFF0000

    def tree(part):
        if len(part) == 1:
            return [(0x06, 0, 0, allow if part[0][1] else errno1)]
        middle = len(part) // 2
        low, high = tree(part[:middle]), tree(part[middle:])
        if len(low) < 256:
            return [(0x35, len(low), 0, part[middle][0])] + low + high  # jge: skip the low half
        return [(0x35, 0, 1, part[middle][0]), (0x05, 0, 0, len(low))] + low + high
    code = [(0x20, 0, 0, 4), (0x15, 1, 0, 0xC000003E), (0x06, 0, 0, kill), (0x20, 0, 0, 0)] + tree(edges)
    with open(path, "wb") as f:
        f.write(b"".join(struct.pack("<HBBI", *i) for i in code))


def make_rootfs(path):
    busybox = shutil.which("busybox") or "/bin/busybox"
    if not os.path.exists(busybox):
        raise SystemExit("no busybox: apt-get install busybox-static")
    for d in ("bin", "proc", "dev", "sys", "tmp", "etc"):
        os.makedirs(os.path.join(path, d), exist_ok=True)
    shutil.copy(busybox, os.path.join(path, "bin/busybox"))
    for name in ("true", "sleep", "sh"):
        os.symlink("busybox", os.path.join(path, "bin", name))


def write_bundle(path, rootfs, change=None):
    """One bundle directory around a rootfs; change edits the config before it is written."""
    config = copy.deepcopy(base_config())
    config["root"]["path"] = rootfs
    if change:
        change(config)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f, indent=1)
    return path
