# SPDX-License-Identifier: Apache-2.0
"""The eight namespaces in tests: their numbers from inside and outside, and bundles that make, join or leave them."""
import os
import signal
import subprocess

import pytest

from . import host

# Kind as the specification says -> file in /proc/PID/ns.
KINDS = {"user": "user", "mount": "mnt", "pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts",
         "cgroup": "cgroup", "time": "time"}
UNSHARE = {"user": "--user", "mount": "--mount", "pid": "--pid", "network": "--net", "ipc": "--ipc", "uts": "--uts",
           "cgroup": "--cgroup", "time": "--time"}
BASE = 100000  # the host's id of the container's root in a user namespace


def outside(pid, kind):
    """The namespace's number as the host sees it."""
    return os.stat(f"/proc/{pid}/ns/{KINDS[kind]}").st_ino


def own(kind):
    return outside("self", kind)


def seen(c, kind):
    """The number of c's namespace, the same for its first process and one of exec, from inside and outside."""
    inside = c.probe("ns")[KINDS[kind]]
    assert inside == outside(c.pid, kind)
    assert c.exec("probe", "ns").ok().probe("ns")[KINDS[kind]] == inside
    return inside


def create(bundle, kind):
    """A new namespace of this kind."""
    if kind == "user":
        return bundle.user_namespace(BASE).own_rootfs(BASE)
    return bundle.add_namespace(kind)


def leave(bundle, kind):
    """No namespace of this kind, and nothing in the configuration that needs one."""
    bundle.drop_namespace(kind)
    if kind == "uts":
        del bundle.config["hostname"]
    if kind == "mount":
        bundle.config["mounts"] = []
        del bundle.linux["maskedPaths"], bundle.linux["readonlyPaths"]
    return bundle


def join(bundle, kind, path):
    if kind == "user":
        bundle.own_rootfs(BASE)
    if kind == "uts":
        bundle.config.pop("hostname", None)
    return bundle.add_namespace(kind, path)


def waits(bundle):
    return bundle.probe("ns", "--", "sleep")


@pytest.fixture
def bound():
    """bound(SOURCE, TARGET[, TYPE]): a mount of this test, gone at its end."""
    targets = []

    def bind(source, target, kind=None):
        subprocess.run(["mount", *(["-t", kind] if kind else ["--bind"]), source, target], check=True)
        targets.append(target)
        subprocess.run(["mount", "--make-private", target], check=True)
        return target
    yield bind
    for target in reversed(targets):
        subprocess.run(["umount", "-l", target], check=True)


@pytest.fixture
def holder():
    """holder(KIND): the pid of a process in new namespaces of these kinds that nobody else is in."""
    holders = []

    def hold(*kinds):
        p = subprocess.Popen(["unshare", "--fork", *(UNSHARE[kind] for kind in kinds),
                              "sh", "-c", "echo; exec sleep 1000"], stdout=subprocess.PIPE)
        p.stdout.readline()
        p.stdout.close()
        with open(f"/proc/{p.pid}/task/{p.pid}/children") as f:
            child = int(f.read())
        holders.append((p, child))
        return child
    yield hold
    for p, child in holders:
        os.kill(child, signal.SIGKILL)
        p.wait()


def refuse(runtime, bundle, *words):
    """run and create fail with these words and leave nothing."""
    bundle.write()
    before = host.Host()
    for verb in ("run", "create"):
        runtime(verb, "--bundle", bundle.path, "x").fails(*words, code=1)
        assert runtime.ids() == []
        assert before.leftovers() == []
