# SPDX-License-Identifier: Apache-2.0
"""A process's control groups as folders, on v1, hybrid and v2."""
import functools
import os

from .paths import LANE


def hierarchies():
    """controller (or "" for v2) -> (mount point, root of the mount)."""
    found = {}
    with open("/proc/self/mountinfo") as f:
        for line in f:
            words = line.split()
            kind = words[words.index("-") + 1]
            if kind == "cgroup2":
                found.setdefault("", (words[4], words[3]))
            elif kind == "cgroup":
                for option in words[-1].split(","):
                    if option not in ("rw", "ro"):
                        found.setdefault(option, (words[4], words[3]))
    return found


def folders():
    """Every group of every hierarchy."""
    seen, queue = set(), list({point for point, _ in hierarchies().values()})
    while queue:
        folder = queue.pop()
        seen.add(folder)
        try:
            # A folder of cgroupfs has 2 links and one for each folder in it: most have none.
            if os.stat(folder).st_nlink > 2:
                queue += [e.path for e in os.scandir(folder) if e.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            seen.discard(folder)
    return seen


class Cgroups:
    """cgroups of a process: [controller] is the folder, read() a file's text by name."""

    def __init__(self, pid):
        mounts = hierarchies()
        self.folder = {}
        with open(f"/proc/{pid}/cgroup") as f:
            for line in f:
                _, controllers, path = line.rstrip("\n").split(":", 2)
                for c in controllers.split(","):
                    if c in mounts:
                        point, root = mounts[c]
                        inner = path if root == "/" else path.removeprefix(root)
                        self.folder[c] = os.path.normpath(point + "/" + inner)

    def __getitem__(self, controller):
        return self.folder["" if LANE == "v2" else controller]

    def path(self, name):
        """The folder's file NAME; its controller is the word before the dot."""
        controller = name.split(".")[0]
        if LANE == "v2" or controller == "cgroup" or version(controller) == "v2":
            return os.path.join(self.folder[""], name)
        return os.path.join(self.folder[controller], name)

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read().strip()

    def read_either(self, v1, v2):
        """The v1 file's text on v1, the v2 file's on v2."""
        return self.read(v2 if LANE == "v2" else v1)

    def keyed(self, name):
        """A file of lines "KEY NUMBER" as a dict."""
        return {key: int(value) for key, value in (line.split() for line in self.read(name).splitlines())}

    def has(self, name):
        try:
            return os.path.exists(self.path(name))
        except KeyError:
            return False


# ---- what this lane's kernel can do ---------------------------------------------------------------

V2_NAMES = {"blkio": "io", "cpuacct": "cpu"}


@functools.lru_cache(None)
def version(controller):
    """"v1", "v2" or None: where this lane has the controller, by its v1 name. A hybrid machine may have one in v2."""
    mounts = hierarchies()
    if controller in mounts:
        return "v1"
    if "" in mounts:
        with open(os.path.join(mounts[""][0], "cgroup.controllers")) as f:
            if V2_NAMES.get(controller, controller) in f.read().split():
                return "v2"
    return None


def folder_of(controller, path):
    """The folder of group PATH (as the hierarchy's mount shows it) where the controller is."""
    mounts = hierarchies()
    return mounts[controller if version(controller) == "v1" else ""][0] + path


def kernel_files(controller):
    """The files that a group of the controller has on this kernel."""
    folder = folder_of(controller, f"/berth-sample-{os.getpid()}")
    try:
        os.mkdir(folder)
        return set(os.listdir(folder))
    finally:
        os.rmdir(folder)


def usage_ns(c):
    """Processor time that a container used so far."""
    if LANE == "v2":
        return 1000 * c.cgroups.keyed("cpu.stat")["usage_usec"]
    return int(c.cgroups.read("cpuacct.usage"))
