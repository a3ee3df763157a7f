# SPDX-License-Identifier: Apache-2.0
"""Mounts in tests: mountinfo read from both sides, and trees on the host to bind from."""
import os
import re
import subprocess

import pytest

ATIME = {"noatime", "relatime"}  # neither is strictatime


class Mount:
    """One line of /proc/PID/mountinfo (proc_pid_mountinfo(5))."""

    def __init__(self, line):
        words = line.split()
        dash = words.index("-")
        self.id, self.parent, self.device = int(words[0]), int(words[1]), words[2]
        self.root, self.place = (re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), w) for w in words[3:5])
        self.flags = set(words[5].split(","))
        self.spread = {w.split(":")[0]: int((w.split(":") + [1])[1]) for w in words[6:dash]}
        self.type, self.source = words[dash + 1:dash + 3]
        self.super = set(",".join(words[dash + 3:]).split(","))

    @property
    def spreads(self):
        """The propagation in the words of mount options."""
        names = {"shared": "shared", "master": "slave", "unbindable": "unbindable"}
        return {names[w] for w in self.spread if w in names} or {"private"}

    @property
    def atime(self):
        return (self.flags & ATIME or {"strictatime"}).pop()

    def __repr__(self):
        return f"{self.place} {self.type} {sorted(self.flags)} {self.spread} {sorted(self.super)}"


def parse(text):
    """place -> Mount; the last one on a place is what is seen."""
    return {m.place: m for m in map(Mount, text.splitlines())}


def inside(result):
    """What `probe cat /proc/self/mountinfo` printed."""
    return parse(result.probe("cat")["text"])


def outside(pid):
    with open(f"/proc/{pid}/mountinfo") as f:
        return parse(f.read())


def both(container):
    """A running container's mounts, the same from inside and outside."""
    found = parse(container.exec("cat", "/proc/self/mountinfo").ok().out)
    out = outside(container.pid)
    assert {p: repr(m) for p, m in out.items()} == {p: repr(m) for p, m in found.items()}
    return found


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True)


@pytest.fixture
def tree(place):
    """tree(NAME, OPTIONS, BELOW...): a tmpfs at place/NAME and one in each folder BELOW it, all with these
    options and the file "name" in them; gone at the end."""
    made = []

    def make(name, options="rw", *below):
        top = os.path.join(place, name)
        for path in (top, *(os.path.join(top, b) for b in below)):
            os.makedirs(path, exist_ok=True)
            mount("-t", "tmpfs", "-o", "mode=755", "none", path)
            made.append(path)
            with open(os.path.join(path, "name"), "w") as f:
                f.write(os.path.basename(path))
        for path in reversed(made):
            if options != "rw" and path.startswith(top):
                mount("-o", f"remount,bind,{options}", path)
        return top
    yield make
    for path in reversed(made):
        subprocess.run(["umount", "-l", path], check=True)
