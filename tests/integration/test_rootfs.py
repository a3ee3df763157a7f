# SPDX-License-Identifier: Apache-2.0
"""The root file system: default file systems, devices and links, what is hidden or read-only, and the root itself."""
import os
import shutil
import stat
import subprocess

import pytest

from harness import PROBE, wait_for
from harness.cgroups import hierarchies
from harness.mounts import both, inside, mount, outside, tree  # noqa: F401
from harness.namespaces import BASE

MOUNTINFO = ("cat", "/proc/self/mountinfo")
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
         "ptmx": "pts/ptmx"}


def stats(*paths):
    """Words for the probe to stat these paths."""
    return [w for p in paths for w in ("stat", p, "--")]


def found(result, cmd="stat"):
    return {line["path"]: line for line in result.lines if line["cmd"] == cmd}


def as_user_namespace(bundle):
    return bundle.user_namespace(BASE).own_rootfs(BASE)


# ---- default file systems -------------------------------------------------------------------------

FILE_SYSTEMS = {
    "/proc": ("proc", "nosuid nodev noexec", ""),
    "/dev": ("tmpfs", "nosuid", "size=65536k mode=755"),
    "/dev/pts": ("devpts", "nosuid noexec", "mode=620 ptmxmode=666 gid=5"),
    "/dev/shm": ("tmpfs", "nosuid nodev noexec", "size=65536k"),
    "/dev/mqueue": ("mqueue", "nosuid nodev noexec", ""),
    "/sys": ("sysfs", "ro nosuid nodev noexec", ""),
}


@pytest.mark.parametrize("has_user", [False, True], ids=["root", "userns"])
def test_default_file_systems(runtime, bundle, has_user):
    if has_user:
        as_user_namespace(bundle)
    c = runtime.run_detached(bundle.probe("sleep"))
    mounts = both(c)
    for place, (kind, flags, data) in FILE_SYSTEMS.items():
        assert mounts[place].type == kind
        assert set(flags.split()) <= mounts[place].flags, mounts[place]
        if not (has_user and place == "/dev/pts"):
            assert set(data.split()) <= mounts[place].super, mounts[place]
    # nothing of the host's tree is left behind, and nothing of ours is on the host
    assert all(p == "/" or p.startswith(("/proc", "/sys", "/dev")) for p in mounts), mounts
    assert not [p for p in outside("self") if p.startswith(bundle.path)]


def test_proc_is_of_its_pid_namespace(runtime, bundle):
    result = runtime.run(bundle.probe("ls", "/proc")).ok()
    assert [n for n in result.probe("ls")["names"] if n.isdigit()] == ["1"]


def test_sysfs_is_of_its_network(runtime, bundle):
    result = runtime.run(bundle.probe("ls", "/sys/class/net", "--", "open", "/sys/x", "c")).ok()
    assert result.probe("ls")["names"] == ["lo"]


def test_sysfs_of_another_network(runtime, bundle):
    """A user namespace may not mount a sysfs of a network that is not its own: the host's is bound, read-only."""
    as_user_namespace(bundle).drop_namespace("network")
    c = runtime.run_detached(bundle.probe("sleep"))
    mounts = both(c)
    assert mounts["/sys"].type == "sysfs" and "ro" in mounts["/sys"].flags
    assert all("ro" in m.flags for p, m in mounts.items() if p.startswith("/sys/") and m.source != "cgroup"), mounts


def test_shm_is_sticky_and_empty(runtime, bundle):
    result = runtime.run(bundle.probe("stat", "/dev/shm", "--", "ls", "/dev/shm")).ok()
    assert result.probe("stat")["mode"] == 0o1777
    assert result.probe("ls")["names"] == []


def test_only_what_is_asked_for(runtime, bundle):
    """No mount is made that config.json does not have."""
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] == "/proc"]
    bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    assert set(inside(runtime.run(bundle.probe(*MOUNTINFO)).ok())) == {"/", "/proc"}


def test_no_mounts(runtime, bundle):
    bundle.config["mounts"], bundle.linux["maskedPaths"], bundle.linux["readonlyPaths"] = [], [], []
    result = runtime.run(bundle.probe("ls", "/proc", "--", *stats("/dev/null"))).ok()
    assert result.probe("ls")["names"] == []
    assert found(result)["/dev/null"]["type"] == "c"
    os.unlink(bundle.inside("dev/null"))


# ---- devices and links ----------------------------------------------------------------------------


@pytest.mark.parametrize("has_user", [False, True], ids=["root", "userns"])
def test_default_devices(runtime, bundle, has_user):
    """Made where that is allowed, else the host's, bound."""
    if has_user:
        as_user_namespace(bundle)
    words = [w for name in DEVICES if name != "tty" for w in ("open", f"/dev/{name}", "rw", "--")]
    bundle.linux["resources"]["devices"] += [{"allow": True, "type": "c", "major": 1, "access": "rwm"}]
    result = runtime.run(bundle.probe(*stats(*(f"/dev/{n}" for n in DEVICES)), *words, *MOUNTINFO)).ok()
    for name, (major, minor) in DEVICES.items():
        st = found(result)[f"/dev/{name}"]
        assert (st["type"], st["mode"], st["major"], st["minor"]) == ("c", 0o666, major, minor)
        assert has_user or (st["uid"], st["gid"]) == (0, 0)
        assert (f"/dev/{name}" in inside(result)) == has_user
    assert all(line.get("errno") is None for line in found(result, "open").values())


@pytest.mark.parametrize("has_user", [False, True], ids=["root", "userns"])
def test_links(runtime, bundle, has_user):
    if has_user:
        as_user_namespace(bundle)
    result = runtime.run(bundle.probe(*stats(*(f"/dev/{n}" for n in LINKS)), "ls", "/dev", "--", "stat", "/dev/pts/ptmx"))
    for name, text in LINKS.items():
        assert found(result.ok())[f"/dev/{name}"]["link"] == text
    assert set(DEVICES) | set(LINKS) | {"pts", "shm", "mqueue"} <= set(result.probe("ls")["names"])
    assert "console" not in result.probe("ls")["names"]
    assert result.probe("stat")["mode"] == 0o666


def test_existing_devices(runtime, bundle):
    """An image that has them already, and no tmpfs on /dev; a wrong one is an error."""
    for place in ("/dev", "/dev/pts", "/dev/mqueue", "/dev/shm"):
        bundle.drop_mount(place)
    os.mknod(bundle.inside("dev/null"), 0o20640, os.makedev(1, 3))
    os.symlink("/proc/self/fd", bundle.inside("dev/fd"))
    result = runtime.run(bundle.probe(*stats("/dev/null", "/dev/fd", "/dev/zero"))).ok()
    assert found(result)["/dev/null"]["mode"] == 0o640
    assert found(result)["/dev/zero"]["minor"] == 5
    shutil.rmtree(bundle.inside("dev"))
    os.mkdir(bundle.inside("dev"))
    os.mknod(bundle.inside("dev/null"), 0o20666, os.makedev(1, 5))
    runtime.run(bundle).fails("/dev/null exists in the root file system and is not the device c 1:3", code=1)


def test_ptmx_of_the_image(runtime, bundle):
    """A node would lead to the host's terminals: it becomes the link."""
    for place in ("/dev", "/dev/mqueue", "/dev/shm"):
        bundle.drop_mount(place)
    os.mknod(bundle.inside("dev/ptmx"), 0o20666, os.makedev(5, 2))
    assert runtime.run(bundle.probe("stat", "/dev/ptmx")).ok().probe("stat")["link"] == "pts/ptmx"


def test_devices_of_the_configuration(runtime, bundle):
    bundle.linux["devices"] = [
        {"type": "c", "path": "/dev/fuse", "major": 10, "minor": 229, "fileMode": 0o600, "uid": 3, "gid": 4},
        {"type": "b", "path": "/dev/deep/disk", "major": 7, "minor": 0, "fileMode": 0o60660},
        {"type": "u", "path": "/elsewhere/u", "major": 1, "minor": 3},
        {"type": "p", "path": "/dev/pipe", "fileMode": 0o622},
        {"type": "c", "path": "/dev/zero", "major": 1, "minor": 5, "fileMode": 0o640, "gid": 9},
        {"type": "c", "path": "/dev/ptmx", "major": 5, "minor": 2},
    ]
    paths = [d["path"] for d in bundle.linux["devices"]]
    st = found(runtime.run(bundle.probe(*stats(*paths))).ok())
    assert {p: (s["type"], s["mode"], s["major"], s["minor"], s["uid"], s["gid"]) for p, s in st.items()} == {
        "/dev/fuse": ("c", 0o600, 10, 229, 3, 4), "/dev/deep/disk": ("b", 0o660, 7, 0, 0, 0),
        "/elsewhere/u": ("c", 0o666, 1, 3, 0, 0), "/dev/pipe": ("p", 0o622, 0, 0, 0, 0),
        "/dev/zero": ("c", 0o640, 1, 5, 0, 9), "/dev/ptmx": ("l", 0o777, 0, 0, 0, 0)}


def test_modes_whatever_our_umask(runtime, bundle):
    bundle.linux["devices"] = [{"type": "p", "path": "/dev/pipe", "fileMode": 0o666}]
    bundle.mount("/made/here", "tmpfs", "t").probe(*stats("/dev/pipe", "/dev/null", "/made"))
    st = found(runtime.run(bundle, preexec_fn=lambda: os.umask(0o77)).ok())
    assert [s["mode"] for s in st.values()] == [0o666, 0o666, 0o755]


def test_readonly_dev(runtime, bundle):
    """Its nodes are made before it is closed."""
    next(m for m in bundle.config["mounts"] if m["destination"] == "/dev")["options"].append("ro")
    result = runtime.run(bundle.probe(*stats("/dev/null", "/dev/fd"), "open", "/dev/new", "c", "--", *MOUNTINFO)).ok()
    assert found(result)["/dev/null"]["type"] == "c"
    assert result.probe("open")["errno"] == "EROFS"
    assert "ro" in inside(result)["/dev"].flags


def test_dev_of_the_host(runtime, bundle):
    """A bind onto /dev is left as it is."""
    os.mkdir(os.path.join(bundle.path, "dev"))
    for place in ("/dev/pts", "/dev/mqueue", "/dev/shm", "/dev"):
        bundle.drop_mount(place)
    result = runtime.run(bundle.bind("dev", "/dev").probe("ls", "/dev")).ok()
    assert result.probe("ls")["names"] == []


# ---- masked and read-only paths -------------------------------------------------------------------


@pytest.mark.parametrize("has_user", [False, True], ids=["root", "userns"])
def test_masked(runtime, bundle, has_user):
    if has_user:
        as_user_namespace(bundle)
    os.makedirs(bundle.inside("secret/deep"))
    open(bundle.inside("secret/deep/f"), "w").close()
    with open(bundle.inside("etc/shadow"), "w") as f:
        f.write("secret")
    os.symlink("/etc/shadow", bundle.inside("link"))
    bundle.linux["maskedPaths"] = ["/secret", "/etc/shadow", "/link", "/missing", "/etc/passwd/none", "/proc/timer_list"]
    words = ["ls", "/secret", "--", "cat", "/etc/shadow", "--", "cat", "/link", "--", "open", "/secret/x", "c", "--"]
    result = runtime.run(bundle.probe(*words, *stats("/etc/shadow", "/proc/timer_list", "/missing"), *MOUNTINFO)).ok()
    assert result.probe("ls")["names"] == []
    assert [line["text"] for line in result.lines if line["cmd"] == "cat"][:2] == ["", ""]
    assert result.probe("open")["errno"] == "EROFS"
    for path in ("/etc/shadow", "/proc/timer_list"):
        st = found(result)[path]
        assert (st["type"], st["major"], st["minor"]) == ("c", 1, 3)
    assert found(result)["/missing"]["errno"] == "ENOENT"
    mounts = inside(result)
    assert "ro" in mounts["/secret"].flags and "ro" in mounts["/etc/shadow"].flags
    assert open(bundle.inside("etc/shadow")).read() == "secret"


def test_masks_hold(runtime, bundle):
    """Neither rights over mounts of a user namespace of its own nor a chmod of the mask open it."""
    bundle.linux["maskedPaths"] = ["/proc/kcore", "/proc/keys"]
    result = runtime.run(bundle.args("sh", "-c", "chmod 600 /proc/keys; umount /proc/keys; mount -o remount,rw /proc"))
    assert result.code != 0
    assert os.stat("/dev/null").st_mode & 0o777 == 0o666


def test_many_masks_one_super_block(runtime, bundle):
    for i in range(20):
        os.mkdir(bundle.inside(f"d{i}"))
        open(bundle.inside(f"f{i}"), "w").close()
    bundle.linux["maskedPaths"] = [f"/{k}{i}" for k in "df" for i in range(20)]
    mounts = both(runtime.run_detached(bundle.probe("sleep")))
    assert len({mounts[f"/d{i}"].device for i in range(20)}) == 1
    assert len({mounts[f"/f{i}"].device for i in range(20)}) == 1


def test_readonly_paths(runtime, bundle, tree):  # noqa: F811
    os.makedirs(bundle.inside("data/below"))
    bundle.bind(tree("source", "rw", "a"), "/vol").mount("/data/below", "tmpfs", "t", "nosuid")
    bundle.linux["readonlyPaths"] = ["/proc/sys", "/data", "/vol", "/etc/passwd", "/missing", "/bin"]
    paths = ["/data/x", "/data/below/x", "/vol/x", "/vol/a/x"]
    words = [w for p in paths for w in ("open", p, "c", "--")]
    words += ["open", "/proc/sys/kernel/hostname", "w", "--", "open", "/etc/passwd", "w", "--", "open", "/etc/x", "c", "--"]
    result = runtime.run(bundle.probe(*words, *MOUNTINFO)).ok()
    errors = {p: line.get("errno") for p, line in found(result, "open").items()}
    assert errors.pop("/etc/x") is None
    assert set(errors.values()) == {"EROFS"}, errors
    assert "nosuid" in inside(result)["/data/below"].flags


@pytest.mark.parametrize("key", ["maskedPaths", "readonlyPaths"])
def test_relative_paths_to_hide(runtime, bundle, key):
    bundle.linux[key] = ["proc/kcore"]
    runtime.run(bundle).fails(key, "proc/kcore", "not absolute", code=1)


# ---- cgroup ---------------------------------------------------------------------------------------


def cgroup_mount(bundle, *options, kind="cgroup"):
    return bundle.drop_mount("/sys/fs/cgroup").mount("/sys/fs/cgroup", kind, kind, *options)


@pytest.mark.v1
@pytest.mark.parametrize("own", [True, False], ids=["own", "host"])
def test_cgroup_v1_layout(runtime, bundle, own):
    """A folder for each hierarchy, which is the container's own group, and a link for each of its controllers."""
    cgroup_mount(bundle, "ro", "nosuid", "nodev", "noexec")
    if not own:
        bundle.drop_namespace("cgroup")
    c = runtime.run_detached(bundle.probe("ls", "/sys/fs/cgroup", "--", "sleep"))
    names = c.probe("ls")["names"]
    mounts = both(c)
    assert mounts["/sys/fs/cgroup"].type == "tmpfs" and "ro" in mounts["/sys/fs/cgroup"].flags
    for controller in set(hierarchies()) - {"", "name=systemd"}:
        if controller.startswith("name=") or controller in ("xattr", "clone_children"):
            continue
        assert controller in names, controller
        group = c.cgroups[controller]
        folder = c.exec("readlink", "-f", f"/sys/fs/cgroup/{controller}").ok().out.strip()
        assert mounts[folder].type == "cgroup" and {"ro", "nosuid", "nodev", "noexec"} <= mounts[folder].flags
        procs = c.exec("cat", f"{folder}/cgroup.procs").ok().out.split()
        assert "1" in procs
        assert os.stat(group).st_ino == c.exec("probe", "stat", folder + "/.").ok().probe("stat")["ino"]
    c.exec("mkdir", "/sys/fs/cgroup/pids/x").fails("")


@pytest.mark.v1
def test_cgroup_v1_writable(runtime, bundle):
    cgroup_mount(bundle, "rw")
    result = runtime.run(bundle.probe("mkdir", "/sys/fs/cgroup/pids/inner", "--", "ls", "/sys/fs/cgroup/pids/inner"))
    assert "cgroup.procs" in result.ok().probe("ls")["names"]


@pytest.mark.parametrize("own", [True, False], ids=["own", "host"])
def test_cgroup_recursive_options(runtime, bundle, own):
    """rro and its like, and the propagation, hold for the folder and for all that is mounted in it."""
    cgroup_mount(bundle, "rro", "rnosuid", "rnodev", "rnoexec", "runbindable")
    if not own:
        bundle.drop_namespace("cgroup")
    mounts = {p: m for p, m in both(runtime.run_detached(bundle.probe("sleep"))).items() if p.startswith("/sys/fs/cgroup")}
    assert mounts
    for m in mounts.values():
        assert {"ro", "nosuid", "nodev", "noexec"} <= m.flags, m
        assert "unbindable" in m.spreads, m


@pytest.mark.v1
def test_cgroup2_on_hybrid(runtime, bundle):
    """The type cgroup2 is the v2 hierarchy, whatever else there is."""
    if "" not in hierarchies():
        pytest.skip("this machine has no v2 hierarchy beside v1")
    result = runtime.run(cgroup_mount(bundle, "ro", kind="cgroup2").probe(*MOUNTINFO, "--", "ls", "/sys/fs/cgroup")).ok()
    assert inside(result)["/sys/fs/cgroup"].type == "cgroup2"
    assert "cgroup.procs" in result.probe("ls")["names"]


@pytest.mark.v2
@pytest.mark.parametrize("kind", ["cgroup", "cgroup2"])
@pytest.mark.parametrize("own", [True, False], ids=["own", "host"])
@pytest.mark.parametrize("mode", ["ro", "rw"])
def test_cgroup_v2(runtime, bundle, kind, own, mode):
    """Its own namespace shows its own group as the root; without one its group is bound, and always read-only."""
    cgroup_mount(bundle, mode, "nosuid", "nodev", "noexec", kind=kind)
    if not own:
        bundle.drop_namespace("cgroup")
    c = runtime.run_detached(bundle.probe("mkdir", "/sys/fs/cgroup/x", "--", "sleep"))
    m = both(c)["/sys/fs/cgroup"]
    assert m.type == "cgroup2" and {"nosuid", "nodev", "noexec"} <= m.flags
    assert ("rw" in m.flags) == (own and mode == "rw"), m
    assert c.probe("mkdir").get("errno") == (None if "rw" in m.flags else "EROFS")
    assert os.stat(c.cgroups[""]).st_ino == c.exec("probe", "stat", "/sys/fs/cgroup/.").ok().probe("stat")["ino"]
    if "rw" in m.flags:
        os.rmdir(os.path.join(c.cgroups[""], "x"))


# ---- the root -------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_user", [False, True], ids=["root", "userns"])
def test_readonly_root(runtime, bundle, has_user):
    if has_user:
        as_user_namespace(bundle)
    bundle.config["root"]["readonly"] = True
    bundle.mount("/made/there", "tmpfs", "t")
    words = [w for p in ("/x", "/etc/x", "/dev/x", "/dev/shm/x", "/made/there/x") for w in ("open", p, "c", "--")]
    result = runtime.run(bundle.probe(*words, *MOUNTINFO)).ok()
    assert {p: line.get("errno") for p, line in found(result, "open").items()} == {
        "/x": "EROFS", "/etc/x": "EROFS", "/dev/x": None, "/dev/shm/x": None, "/made/there/x": None}
    assert "ro" in inside(result)["/"].flags
    assert "rw" in inside(result)["/dev"].flags


@pytest.mark.parametrize("path", ["rootfs", "./rootfs", "x/../rootfs", "rootfs/", "absolute", "link", "."])
def test_root_path(runtime, bundle, path):
    """Relative to the bundle, absolute, or through a link."""
    if path == "link":
        os.symlink("rootfs", os.path.join(bundle.path, "link"))
    if path == ".":
        for name in os.listdir(bundle.rootfs):
            os.rename(bundle.inside(name), os.path.join(bundle.path, name))
    os.makedirs(os.path.join(bundle.path, "x"), exist_ok=True)
    bundle.config["root"]["path"] = bundle.rootfs if path == "absolute" else path
    assert "probe" in runtime.run(bundle.probe("ls", "/bin"), cwd="/").ok().probe("ls")["names"]


def test_bundle_is_the_working_directory(runtime, bundle):
    bundle.probe("ids").write()
    runtime("run", runtime.name(), cwd=bundle.path).ok()
    runtime("run", "--bundle", os.path.basename(bundle.path), runtime.name(), cwd=os.path.dirname(bundle.path)).ok()


def test_root_is_a_mount_with_mounts(runtime, bundle, tree):  # noqa: F811
    """What lies mounted in the rootfs on the host comes with it, and goes nowhere else."""
    source = tree("source")
    os.mkdir(bundle.inside("vol"))
    mount("--bind", source, bundle.inside("vol"))
    try:
        result = runtime.run(bundle.probe("cat", "/vol/name")).ok()
        assert result.probe("cat")["text"] == "source"
    finally:
        subprocess.run(["umount", bundle.inside("vol")], check=True)


def test_no_way_out(runtime, bundle):
    """Neither .. nor a chroot of its own nor an inherited folder leads out of the root."""
    bundle.capabilities("SYS_CHROOT", "DAC_OVERRIDE", "DAC_READ_SEARCH").probe(
        *stats("/..", "/", "/../../../.."), "ls", "/../..", "--", "fds")
    result = runtime.run(bundle).ok()
    assert len({(s["dev"], s["ino"]) for s in found(result).values()}) == 1
    assert "bin" in result.probe("ls")["names"]
    assert set(result.probe("fds")["fds"]) <= {"0", "1", "2", "3"}


ROOT = {None: "slave", "": "slave", "private": "private", "rprivate": "private", "slave": "slave", "rslave": "slave",
        "shared": "shared", "rshared": "shared", "unbindable": "unbindable", "runbindable": "unbindable"}


@pytest.mark.parametrize("value", ROOT, ids=str)
def test_root_propagation(runtime, bundle, tree, value):  # noqa: F811
    """The propagation of / and, with an r, of what is in it; the host's own stays as it was."""
    source = tree("source")
    mount("--make-shared", source)
    before = {p: repr(m) for p, m in outside("self").items()}
    if value is not None:
        bundle.linux["rootfsPropagation"] = value
    c = runtime.run_detached(bundle.bind(source, "/vol").probe("sleep"))
    mounts = both(c)
    wanted = ROOT[value]
    if wanted in ("slave", "private"):
        assert mounts["/"].spreads <= {"slave", "private"}
    else:
        assert wanted in mounts["/"].spreads, mounts["/"]
    if wanted == "private":
        assert mounts["/"].spreads == {"private"} and mounts["/vol"].spreads == {"private"}
    if value in ("rshared", "runbindable"):
        assert wanted in mounts["/vol"].spreads
    assert {p: repr(m) for p, m in outside("self").items()} == before


@pytest.mark.parametrize("value, arrives", [(None, True), ("rslave", True), ("rprivate", False), ("rshared", True)])
def test_mounts_of_the_host_in_the_root(runtime, bundle, tree, value, arrives):  # noqa: F811
    source = tree("source")
    mount("--make-shared", source)
    os.mkdir(os.path.join(source, "late"))
    if value:
        bundle.linux["rootfsPropagation"] = value
    c = runtime.run_detached(bundle.bind(source, "/vol").probe("sleep"))
    mount("-t", "tmpfs", "none", os.path.join(source, "late"))
    try:
        assert ("/vol/late" in both(c)) == arrives
    finally:
        subprocess.run(["umount", os.path.join(source, "late")], check=True)


@pytest.mark.parametrize("value", ["sharde", "rw", "nosuid", "bind"])
def test_wrong_propagation(runtime, bundle, value):
    bundle.linux["rootfsPropagation"] = value
    runtime.run(bundle).fails("rootfsPropagation", value, "shared", code=1)


@pytest.mark.parametrize("value", [None, "rshared", "rprivate"])
def test_no_pivot(runtime, bundle, value):
    """--no-pivot: the root is moved over /; the host's proc and sysfs are out of reach."""
    if value:
        bundle.linux["rootfsPropagation"] = value
    before = {p: repr(m) for p, m in outside("self").items()}
    c = runtime.run_detached(bundle.probe(*stats("/", "/.."), "sleep"), "--no-pivot")
    wait_for(lambda: len(found(c.result)) == 2)
    assert len({(s["dev"], s["ino"]) for s in found(c.result).values()}) == 1
    places = outside(c.pid)
    assert {"/proc", "/dev", "/sys"} <= set(places)
    assert {p: repr(m) for p, m in outside("self").items()} == before


def test_no_root(runtime, bundle):
    shutil.rmtree(bundle.rootfs)
    runtime.run(bundle).fails("root.path", bundle.rootfs, "no such file or directory", code=1)
    open(bundle.rootfs, "w").close()
    runtime.run(bundle).fails("root.path", bundle.rootfs, "not a directory", code=1)
    os.unlink(bundle.rootfs)
    os.mkdir(bundle.rootfs)
    del bundle.config["root"]
    runtime.run(bundle).fails("root", code=1)


def test_root_of_the_host(runtime, bundle):
    """/ itself as the root: what is in it comes along, and nothing of it is changed."""
    before = {p: repr(m) for p, m in outside("self").items()}
    ptmx = os.lstat("/dev/ptmx")
    bundle.config["root"] = {"path": "/", "readonly": True}
    bundle.config["mounts"] = []
    bundle.linux["maskedPaths"], bundle.linux["readonlyPaths"] = [], []
    result = runtime.run(bundle.args(PROBE, "stat", "/etc/passwd", "--", "open", "/x", "c")).ok()
    assert result.probe("stat")["ino"] == os.stat("/etc/passwd").st_ino
    assert result.probe("open")["errno"] == "EROFS"
    assert {p: repr(m) for p, m in outside("self").items()} == before
    assert (os.lstat("/dev/ptmx").st_ino, os.lstat("/dev/ptmx").st_mode) == (ptmx.st_ino, ptmx.st_mode)


def test_created_from_nothing(runtime, bundle):
    """A root without any folder gets those that the mounts and devices need."""
    for name in ("dev", "proc", "sys"):
        shutil.rmtree(bundle.inside(name))
    result = runtime.run(bundle.probe(*stats("/dev", "/proc", "/sys"))).ok()
    assert [s["type"] for s in found(result).values()] == ["d", "d", "d"]
    assert stat.S_IMODE(os.stat(bundle.inside("proc")).st_mode) == 0o755


def test_terminal_console(runtime, bundle):
    """With a terminal, /dev/console is the pty, bound."""
    bundle.process["terminal"] = True
    bundle.probe(*stats("/dev/console"), *MOUNTINFO)
    master, slave = os.openpty()
    try:
        p = runtime.popen("run", "--bundle", bundle.write().path, runtime.name(), stdin=slave, stdout=slave, stderr=slave)
        text = b""
        while b"mountinfo" not in text and b'"text"' not in text:
            text += os.read(master, 65536)
        wait_for(lambda: p.poll() is not None)
    finally:
        os.close(slave)
        os.close(master)
    assert b'"path": "/dev/console"' in text and b'"type": "c"' in text
