# SPDX-License-Identifier: Apache-2.0
"""Id-mapped mounts: binds, tmpfs and the root, by maps of their own or the container's user namespace.

Files are looked at from both sides: on the disk they keep their owners, in the container they have others."""
import ctypes
import os
import subprocess

import pytest

from harness.mounts import both, mount, tree  # noqa: F401
from harness.namespaces import BASE

NOBODY = 65534
AT_EMPTY_PATH, AT_FDCWD = 0x1000, -100
MOUNT_ATTR_IDMAP, OPEN_TREE_CLONE = 0x100000, 1
libc = ctypes.CDLL(None, use_errno=True)


class Attr(ctypes.Structure):
    _fields_ = [(n, ctypes.c_uint64) for n in ("set", "clear", "propagation", "userns")]


def can_map(path):
    """Whether the kernel maps ids on the file system at this path."""
    fd = libc.syscall(428, AT_FDCWD, path.encode(), OPEN_TREE_CLONE)
    assert fd >= 0
    pid = os.fork()
    if not pid:
        libc.unshare(0x10000000)
        libc.pause()
    try:
        own = os.readlink("/proc/self/ns/user")
        while os.readlink(f"/proc/{pid}/ns/user") == own:
            pass
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{pid}/{name}", "w") as f:
                f.write("0 1000 1\n")
        ns = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
        attr = Attr(MOUNT_ATTR_IDMAP, 0, 0, ns)
        done = libc.syscall(442, fd, b"", AT_EMPTY_PATH, ctypes.byref(attr), ctypes.sizeof(attr)) == 0
        os.close(ns)
        return done
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(fd)


@pytest.fixture
def place(place):  # noqa: F811
    """On an ext4 of its own where the kernel maps no ids on the file system of /tmp."""
    if can_map(place):
        yield place
        return
    image = place + ".ext4"
    with open(image, "w") as f:
        f.truncate(64 << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", image], check=True)
    mount("-o", "loop", image, place)
    os.chmod(place, 0o755)
    yield place
    subprocess.run(["umount", "-l", place], check=True)
    os.unlink(image)


@pytest.fixture
def folder(place):
    """folder(NAME, {FILE: (uid, gid)}): a folder of the disk with these files."""
    def make(name, files):
        top = os.path.join(place, name)
        os.mkdir(top)
        os.chmod(top, 0o777)
        for file, (uid, gid) in files.items():
            open(os.path.join(top, file), "w").close()
            os.chown(os.path.join(top, file), uid, gid)
        return top
    return make


@pytest.fixture
def mapped_tmpfs(tree):  # noqa: F811
    if not can_map(tree("try")):
        pytest.skip("this kernel maps no ids on tmpfs (Linux 6.3 does)")


def maps(*lines):
    return [{"containerID": c, "hostID": h, "size": n} for c, h, n in lines]


def with_maps(bundle, uids, gids=None):
    """Maps for the last mount."""
    bundle.config["mounts"][-1].update(uidMappings=maps(*uids), gidMappings=maps(*(gids or uids)))
    return bundle


def owners(result):
    return {line["path"]: (line["uid"], line["gid"]) for line in result.lines if line["cmd"] == "stat"}


def stats(*paths):
    return [w for p in paths for w in ("stat", p, "--")]


def owner(*path):
    st = os.lstat(os.path.join(*path))
    return st.st_uid, st.st_gid


FILES = {"root": (0, 0), "user": (1000, 1000), "other": (5, 7)}
PATHS = [f"/t/{name}" for name in FILES]


def test_bind_with_maps(runtime, bundle, folder):
    source = folder("source", FILES)
    bundle.bind(source, "/t", "bind", "idmap")
    with_maps(bundle, [(0, 2000, 1), (1000, 3000, 10)], [(0, 4000, 8)])
    result = runtime.run(bundle.probe(*stats(*PATHS))).ok()
    assert owners(result) == {"/t/root": (2000, 4000), "/t/user": (3000, NOBODY), "/t/other": (NOBODY, 4007)}
    assert {n: owner(source, n) for n in FILES} == FILES


def test_maps_without_the_option(runtime, bundle, folder):
    """The maps alone are enough; the source may be relative to the bundle."""
    source = folder("source", FILES)
    bundle.bind(os.path.relpath(source, bundle.path), "/t", "bind")
    result = runtime.run(with_maps(bundle, [(0, 2000, 2000)]).probe(*stats(*PATHS))).ok()
    assert owners(result) == {"/t/root": (2000, 2000), "/t/user": (3000, 3000), "/t/other": (2005, 2007)}


def test_writes(runtime, bundle, folder):
    """What the container makes has on the disk the id that maps to its own."""
    source = folder("source", {})
    bundle.process["user"] = {"uid": 2005, "gid": 2006}
    with_maps(bundle.bind(source, "/t", "bind", "idmap"), [(0, 2000, 100)])
    result = runtime.run(bundle.probe("open", "/t/new", "c", "--", "stat", "/t/new")).ok()
    assert result.probe("open").get("errno") is None
    assert owners(result) == {"/t/new": (2005, 2006)}
    assert owner(source, "new") == (5, 6)


def test_writes_of_others(runtime, bundle, folder):
    """Who has no id on the disk writes nothing there."""
    source = folder("source", {})
    bundle.process["user"] = {"uid": 9000, "gid": 9000}
    with_maps(bundle.bind(source, "/t", "bind", "idmap"), [(0, 2000, 100)])
    assert runtime.run(bundle.probe("open", "/t/new", "c")).ok().probe("open")["errno"] == "EOVERFLOW"
    assert os.listdir(source) == []


@pytest.mark.parametrize("option", ["idmap", "ridmap"])
def test_user_namespace_of_the_container(runtime, bundle, folder, option):
    """Without maps: the container's root is the disk's root."""
    source = folder("source", FILES)
    bundle.user_namespace(BASE).own_rootfs(BASE).bind(source, "/t", "rbind", option)
    result = runtime.run(bundle.probe(*stats(*PATHS), "open", "/t/new", "c")).ok()
    assert owners(result) == {f"/t/{n}": ids for n, ids in FILES.items()}
    assert owner(source, "new") == (0, 0)


def test_joined_user_namespace(runtime, make_bundle, folder):
    first = runtime.run_detached(make_bundle("probe", "sleep").user_namespace(BASE).own_rootfs(BASE))
    second = make_bundle().add_namespace("user", f"/proc/{first.pid}/ns/user").own_rootfs(BASE)
    second.bind(folder("source", FILES), "/t", "bind", "idmap")
    assert owners(runtime.run(second.probe(*stats(*PATHS))).ok()) == {f"/t/{n}": ids for n, ids in FILES.items()}


def test_maps_beside_a_user_namespace(runtime, bundle, folder):
    """Maps of a mount are of the host's ids, whatever the container's namespace maps."""
    bundle.user_namespace(BASE).own_rootfs(BASE).bind(folder("source", FILES), "/t", "bind", "idmap")
    result = runtime.run(with_maps(bundle, [(0, BASE + 50, 2000)]).probe(*stats(*PATHS))).ok()
    assert owners(result) == {"/t/root": (50, 50), "/t/user": (1050, 1050), "/t/other": (55, 57)}


@pytest.mark.parametrize("option, below", [("idmap", (0, 0)), ("ridmap", (2000, 2000))])
def test_recursive(runtime, bundle, folder, tree, mapped_tmpfs, option, below):  # noqa: F811
    """idmap is of the top alone, ridmap goes down the tree."""
    source = tree("source", "rw", "a")
    with_maps(bundle.bind(source, "/t", "rbind", option), [(0, 2000, 100)])
    result = runtime.run(bundle.probe(*stats("/t/name", "/t/a/name"))).ok()
    assert owners(result) == {"/t/name": (2000, 2000), "/t/a/name": below}


def test_with_other_options(runtime, bundle, folder):
    source = folder("source", FILES)
    with_maps(bundle.bind(source, "/t", "rbind", "ridmap", "ro", "nosuid", "noexec", "rprivate"), [(0, 2000, 100)])
    found = both(runtime.run_detached(bundle.probe("sleep")))
    assert {"ro", "nosuid", "noexec", "idmapped"} <= found["/t"].flags
    assert found["/t"].spreads == {"private"}


def test_one_file(runtime, bundle, folder):
    source = os.path.join(folder("source", FILES), "user")
    with_maps(bundle.bind(source, "/etc/one", "bind", "idmap"), [(1000, 44, 1)])
    assert owners(runtime.run(bundle.probe(*stats("/etc/one"))).ok()) == {"/etc/one": (44, 44)}


def test_many_lines(runtime, bundle, folder):
    """As many as the kernel takes (340), and a clear error for more."""
    with_maps(bundle.bind(folder("source", FILES), "/t", "bind", "idmap"), [(i, 2000 + 2 * i, 1) for i in range(340)])
    result = runtime.run(bundle.probe(*stats("/t/other"))).ok()
    assert owners(result) == {"/t/other": (2010, 2014)}
    with_maps(bundle, [(i, 2000 + 2 * i, 1) for i in range(341)])
    runtime.run(bundle).fails("/t", code=1)


# ---- tmpfs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["idmap", "ridmap", "ro idmap", "noexec ridmap tmpcopyup", ""])
def test_tmpfs(runtime, bundle, mapped_tmpfs, options):
    os.chmod(bundle.inside("var"), 0o1777)
    with_maps(bundle.mount("/var", "tmpfs", "t", *options.split()), [(0, 2000, 100)])
    c = runtime.run_detached(bundle.probe("stat", "/var", "--", "sleep"))
    assert (c.probe("stat")["uid"], c.probe("stat")["gid"]) == (2000, 2000)
    assert c.probe("stat")["mode"] == 0o1777
    flags = both(c)["/var"].flags
    assert {"idmapped"} | set(options.split()) - {"idmap", "ridmap", "tmpcopyup"} <= flags


def test_tmpfs_of_the_user_namespace(runtime, bundle, mapped_tmpfs):
    bundle.user_namespace(BASE).own_rootfs(BASE)
    os.chmod(bundle.inside("var"), 0o751)
    with open(bundle.inside("var/file"), "w") as f:
        f.write("copied")
    os.chown(bundle.inside("var/file"), BASE + 5, BASE + 6)
    bundle.mount("/var", "tmpfs", "t", "idmap", "tmpcopyup").mount("/t", "tmpfs", "t", "idmap", "size=64k", "nodev")
    result = runtime.run(bundle.probe(*stats("/var", "/var/file", "/t"), "cat", "/var/file", "--",
                                      "open", "/t/new", "c", "--", "stat", "/t/new")).ok()
    assert owners(result) == {"/var": (0, 0), "/var/file": (5, 6), "/t": (0, 0), "/t/new": (0, 0)}
    assert result.probe("stat", 0)["mode"] == 0o751
    assert result.probe("cat")["text"] == "copied"


def test_tmpfs_where_the_kernel_cannot(runtime, bundle, tree):  # noqa: F811
    if can_map(tree("try")):
        pytest.skip("this kernel maps ids on tmpfs")
    with_maps(bundle.mount("/t", "tmpfs", "t", "idmap"), [(0, 2000, 100)])
    runtime.run(bundle).fails("id-mapped mount of", "/t", "its file system or this kernel has none", code=1)


# ---- the root -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["idmap", "ridmap"])
def test_root(runtime, bundle, folder, value):
    """A root file system of the host's root, used as its own by a container with other ids."""
    bundle.user_namespace(BASE).config["annotations"] = {"io.berth.root.idmap": value}
    os.chmod(bundle.path, 0o700)
    os.chown(bundle.inside("home"), 1000, 1000)
    c = runtime.run_detached(bundle.probe(*stats("/", "/home", "/bin/probe"), "open", "/new", "c", "--", "sleep"))
    c.probe("open")
    assert owners(c.result) == {"/": (0, 0), "/home": (1000, 1000), "/bin/probe": (0, 0)}
    assert "idmapped" in both(c)["/"].flags
    assert owner(bundle.rootfs, "new") == (0, 0)
    assert owner(f"/proc/{c.pid}") == (BASE, BASE)


def test_root_read_only(runtime, bundle, folder):
    bundle.user_namespace(BASE).config["annotations"] = {"io.berth.root.idmap": "idmap"}
    bundle.config["root"]["readonly"] = True
    result = runtime.run(bundle.probe("open", "/x", "c", "--", "cat", "/etc/passwd")).ok()
    assert result.probe("open")["errno"] == "EROFS"
    assert "root" in result.probe("cat")["text"]


@pytest.mark.parametrize("value, wanted", [("rprivate", {"private"}), ("rslave", {"slave"}), ("rshared", {"shared"})])
def test_root_propagation(runtime, bundle, folder, value, wanted):
    bundle.user_namespace(BASE).config["annotations"] = {"io.berth.root.idmap": "idmap"}
    bundle.linux["rootfsPropagation"] = value
    assert wanted <= both(runtime.run_detached(bundle.probe("sleep")))["/"].spreads


def test_root_errors(runtime, bundle):
    bundle.config["annotations"] = {"io.berth.root.idmap": "idmap"}
    runtime.run(bundle).fails("io.berth.root.idmap needs a user and a mount namespace", code=1)
    bundle.user_namespace(BASE).config["annotations"] = {"io.berth.root.idmap": "yes"}
    runtime.run(bundle).fails("neither idmap nor ridmap", code=1)


# ---- what is no mapping ---------------------------------------------------------------------------


def test_refused(runtime, bundle, place):
    bundle.bind(place, "/t", "bind", "idmap")
    runtime.run(bundle).fails("/t", "idmap needs uidMappings and gidMappings, or a user namespace", code=1)
    bundle.config["mounts"][-1]["uidMappings"] = maps((0, 1, 1))
    runtime.run(bundle).fails("/t", "uidMappings and gidMappings go together", code=1)
    bundle.drop_mount("/t").mount("/t", "mqueue", "mqueue", "idmap")
    runtime.run(with_maps(bundle, [(0, 1, 1)])).fails("/t", "id-mapped mounts are for binds, tmpfs", code=1)


def test_overlapping_maps(runtime, bundle, place):
    with_maps(bundle.bind(place, "/t", "bind", "idmap"), [(0, 1000, 10), (5, 2000, 10)])
    runtime.run(bundle).fails("/t", "invalid argument", code=1)


def test_file_system_without(runtime, bundle):
    """procfs maps no ids on any kernel."""
    with_maps(bundle.bind("/proc/sys/kernel", "/t", "bind", "idmap"), [(0, 1000, 10)])
    runtime.run(bundle).fails("/proc/sys/kernel", "/t", "its file system or this kernel has none", code=1)


def test_as_an_ordinary_user(rootless, subids, bundle, place):
    """The right to map ids belongs to who mounted the file system."""
    bundle.user_namespace(subids).own_rootfs(subids)
    bundle.linux["resources"] = {}
    bundle.bind(place, "/t", "bind", "idmap")
    for m in bundle.config["mounts"]:
        m["options"] = [o for o in m["options"] if not o.startswith("gid=")]
    rootless.run(bundle).fails('id-mapped mount of', "/t", "operation not permitted", code=1)


def test_features(runtime):
    features = runtime("features").ok().json
    assert features["linux"]["mountExtensions"]["idmap"]["enabled"] is True
    assert {"idmap", "ridmap"} <= set(features["mountOptions"])
    assert "io.berth.root.idmap" in features["potentiallyUnsafeConfigAnnotations"]
