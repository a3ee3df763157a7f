# SPDX-License-Identifier: Apache-2.0
"""The host around the tests: a world of its own to test in, and what a test left behind in it.

pytest unshares its mount and network namespaces, so nobody else's mounts and interfaces come and go in them,
and makes itself a subreaper, so that every process a test started stays below it. Groups are shared with
the rest of the machine: a new one counts when it stays empty, or holds a process of ours."""
import ctypes
import os
import shutil
import signal
import subprocess
import threading
import time

from . import cgroups
from .paths import SLOW

CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
MS_REC, MS_PRIVATE, MS_SHARED = 0x4000, 1 << 18, 1 << 20
PR_SET_CHILD_SUBREAPER = 36
STATE_FOLDERS = ("/run/berth", "/run/berth-runtime")

STANDING_GROUPS = {os.path.join(point, "berth") for point, _ in cgroups.hierarchies().values()}

libc = ctypes.CDLL(None, use_errno=True)
known = set()  # children that somebody waits for
lock = threading.RLock()


def _call(name, *args):
    if getattr(libc, name)(*args) < 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def separate():
    """Moves this process into its own mount and network namespaces. / is shared there, as systemd makes it."""
    _call("unshare", CLONE_NEWNS | CLONE_NEWNET)
    _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    _call("mount", b"none", b"/", None, MS_REC | MS_SHARED, None)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def become_reaper():
    """Orphans of the tests become our children and are reaped by a thread, as init would."""
    _call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    real_init, real_fork, real_forkpty = subprocess.Popen.__init__, os.fork, os.forkpty

    def init(self, *args, **kwargs):
        with lock:
            real_init(self, *args, **kwargs)
            known.add(self.pid)

    def fork():
        with lock:
            pid = real_fork()
            known.add(pid)
        return pid

    def forkpty():
        with lock:
            pid, fd = real_forkpty()
            known.add(pid)
        return pid, fd

    subprocess.Popen.__init__, os.fork, os.forkpty = init, fork, forkpty
    threading.Thread(target=_reap, daemon=True).start()


def _reap():
    me = os.getpid()
    while True:
        time.sleep(0.01)
        with lock:
            with open(f"/proc/{me}/task/{me}/children") as f:
                children = [int(pid) for pid in f.read().split()]
            known.difference_update([pid for pid in known if not os.path.exists(f"/proc/{pid}")])
            for pid in children:
                if pid in known:
                    continue
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass


def _children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/children") as f:
                found += [int(child) for child in f.read().split()]
        except (FileNotFoundError, ProcessLookupError):
            pass  # a thread that ended: its process need not have
    return found


def processes():
    """pid -> command line, of everything below this process."""
    found, queue = {}, [os.getpid()]
    while queue:
        pid = queue.pop()
        try:
            queue += _children(pid)
            with open(f"/proc/{pid}/cmdline") as f:
                found[pid] = f.read().replace("\0", " ").strip() or "(no command line)"
        except (FileNotFoundError, ProcessLookupError):
            pass
    del found[os.getpid()]
    return found


def mounts():
    with open("/proc/self/mountinfo") as f:
        return {line.split()[0] + " " + line.split()[4] for line in f}


def namespaces_held():
    """Namespaces that this process holds open by descriptors: tests that forgot one, or were handed one."""
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{fd}")
        except FileNotFoundError:
            continue
        if ":[" in target and target.split(":")[0] in ("pid", "net", "mnt", "uts", "ipc", "user", "cgroup", "time"):
            found.add(target)
    return found


def state_entries():
    return {os.path.join(folder, name) for folder in STATE_FOLDERS if os.path.isdir(folder)
            for name in os.listdir(folder)}


def _group_is_ours(folder):
    """Whether a new group stays: it is empty, or a process of ours is in it. Only the parent of all groups
    without a cgroupsPath stands for good, once it is there."""
    if folder in STANDING_GROUPS:
        return False
    try:
        with open(os.path.join(folder, "cgroup.procs")) as f:
            pids = {int(pid) for pid in f.read().split()}
    except (OSError, ValueError):
        return os.path.isdir(folder)
    return not pids or bool(pids & set(processes()))


class Host:
    """A snapshot; leftovers() says what is there now that was not then."""

    def __init__(self):
        self.groups = cgroups.folders()
        self.mounts = mounts()
        self.processes = processes()
        self.interfaces = set(os.listdir("/proc/sys/net/ipv4/conf"))
        self.namespaces = namespaces_held()
        self.state = state_entries()

    def _compare(self):
        left = [f"control group {g}" for g in sorted(cgroups.folders() - self.groups) if _group_is_ours(g)]
        left += [f"mount {m}" for m in sorted(mounts() - self.mounts)]
        left += [f"lost mount {m}" for m in sorted(self.mounts - mounts())]
        left += [f"process {p}: {c}" for p, c in sorted(processes().items()) if p not in self.processes]
        left += [f"interface {i}" for i in sorted(set(os.listdir("/proc/sys/net/ipv4/conf")) - self.interfaces)]
        left += [f"namespace held open {n}" for n in sorted(namespaces_held() - self.namespaces)]
        left += [f"state {s}" for s in sorted(state_entries() - self.state)]
        return left

    def leftovers(self, grace=2.0):
        """What stays after the grace that the kernel needs to take down namespaces and groups."""
        end = time.monotonic() + grace * SLOW
        while True:
            left = self._compare()
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.02)

    def clean(self):
        """Takes away what a failed test left, so that the next one starts well."""
        for _ in range(3):
            for pid in processes():
                if pid not in self.processes:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
            time.sleep(0.05)
        for entry in mounts() - self.mounts:
            subprocess.run(["umount", "-l", entry.split(" ", 1)[1]], check=False, stderr=subprocess.DEVNULL)
        for group in sorted(cgroups.folders() - self.groups, key=len, reverse=True):
            if _group_is_ours(group):
                try:
                    os.rmdir(group)
                except OSError:
                    pass
        for entry in state_entries() - self.state:
            shutil.rmtree(entry, ignore_errors=True)
