# SPDX-License-Identifier: Apache-2.0
"""Kernels and filters without the newer calls: the same mounts by mount(2), the same walks without openat2(2).

strace makes the calls fail with ENOSYS, as a kernel does that never heard of them."""
import os
import shutil

import pytest

from harness import Runtime
from harness.mounts import inside, tree  # noqa: F401
from harness.namespaces import BASE

MOUNT = ["fsopen", "fsconfig", "fsmount", "fspick", "open_tree", "move_mount", "mount_setattr"]
MISSING = {
    "mount": MOUNT,  # before 5.2
    "setattr": ["mount_setattr"],  # 5.2 to 5.11
    "openat2": ["openat2"],  # before 5.6
    "all": MOUNT + ["openat2"],
}


@pytest.fixture
def older(place):
    """older(CALLS): the runtime on a kernel that has none of these."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    made = []

    def make(calls):
        made.append(Runtime(os.path.join(place, "older"), prefix=[
            "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + ",".join(calls),
            "-e", "inject=" + ",".join(calls) + ":error=ENOSYS"]))
        return made[-1]
    yield make
    for rt in made:
        rt.prefix = []
        rt.delete_all()


MASKS = ("/proc/", "/sys/firmware", "/data/below")  # which node covers a file, and so its type, may differ


def shown(result):
    """What does not change from one container to the next."""
    return {p: {"ro", "noexec", "nosuid"} <= m.flags if p.startswith(MASKS) else
            (m.type, m.flags, m.spreads, m.super - {"ro", "rw"}) for p, m in inside(result).items()}


def fill(bundle, source, plain):
    os.makedirs(bundle.inside("data/below"))
    with open(bundle.inside("data/below/file"), "w") as f:
        f.write("image")
    os.chmod(bundle.inside("data"), 0o1750)
    os.symlink("/../../data/below", bundle.inside("link"))
    bundle.config["root"]["readonly"] = True
    bundle.bind(source, "/b", "rbind", "ro", "nosuid", "rslave").bind(plain, "/c", "bind", "noexec", "private")
    bundle.bind(os.path.join(source, "name"), "/deep/er/file", "bind", "ro").bind(plain, "/link", "bind")
    bundle.mount("/data", "tmpfs", "t", "tmpcopyup", "nodev", "size=64k").mount("/n", "tmpfs", "t", "noatime", "nosuid")
    bundle.mount("/n", "tmpfs", "t", "remount", "size=128k", "noexec", "nosuid", "noatime")
    bundle.linux["maskedPaths"] += ["/data/below"]
    bundle.linux["readonlyPaths"] += ["/c"]
    return bundle.probe("cat", "/data/below/file", "--", "cat", "/deep/er/file", "--", "stat", "/data", "--",
                        "open", "/x", "c", "--", "ls", "/dev", "--", "cat", "/proc/self/mountinfo")


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("has_user", [False, True], ids=["root", "userns"])
def test_the_same_mounts(runtime, make_bundle, older, tree, missing, has_user):  # noqa: F811
    source, plain = tree("source", "rw", "a"), tree("plain")
    results = []
    for rt in (runtime, older(MISSING[missing])):
        bundle = fill(make_bundle(), source, plain)
        if has_user:
            bundle.user_namespace(BASE).own_rootfs(BASE)
        results.append(rt.run(bundle).ok())
    new, old = results
    assert shown(old) == shown(new)
    assert [line for line in old.lines if line["cmd"] != "cat" and "size" not in line] == [
        line for line in new.lines if line["cmd"] != "cat" and "size" not in line]
    assert [line.get("text") for line in old.lines[:2]] == [line.get("text") for line in new.lines[:2]]


def test_what_only_newer_kernels_can(older, bundle, tree):  # noqa: F811
    """Recursive attributes and id maps are errors, not left out."""
    rt = older(["mount_setattr"])
    bundle.bind(tree("source"), "/b", "rbind", "rro")
    rt.run(bundle).fails("/b", "need Linux 5.12", code=1)
    bundle.drop_mount("/b").bind(tree("other"), "/b", "bind", "idmap")
    one = [{"containerID": 0, "hostID": 1000, "size": 1}]
    bundle.config["mounts"][-1].update(uidMappings=one, gidMappings=one)
    rt.run(bundle).fails("id-mapped mount of", "/b", "its file system or this kernel has none", code=1)


@pytest.mark.parametrize("missing", ["openat2", "all"])
def test_links_without_openat2(older, bundle, tree, missing):  # noqa: F811
    """The walk by hand leads nowhere else."""
    for name, text in (("up", "../../../../../.."), ("abs", "/"), ("loop", "loop"), ("proclink", "/proc")):
        os.symlink(text, bundle.inside(name))
    rt = older(MISSING[missing])
    result = rt.run(bundle.bind(tree("source"), "/up/tmp/here").bind(tree("two"), "/abs/tmp/there").probe(
        "cat", "/tmp/here/name", "--", "cat", "/tmp/there/name")).ok()
    assert [line["text"] for line in result.lines] == ["source", "two"]
    assert not os.path.exists("/tmp/here") and not os.path.exists("/tmp/there")
    bundle.bind(tree("of-proc"), "/proclink/self", "bind")
    rt.run(bundle).fails("/proclink/self", "inside /proc", code=1)
    bundle.drop_mount("/proclink/self")
    rt.run(bundle.bind(tree("three"), "/loop/x")).fails("/loop/x", "symbolic link", code=1)
    bundle.drop_mount("/loop/x").bind(tree("four"), "/proc/self", "bind")
    rt.run(bundle).fails("inside /proc", code=1)
    bundle.drop_mount("/proc/self").mount("/proc/../proc/sys", "tmpfs", "t")
    rt.run(bundle).fails("inside /proc", code=1)
