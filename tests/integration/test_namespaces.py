# SPDX-License-Identifier: Apache-2.0
"""Each of the eight namespaces: created, joined and left alone, as seen from inside and from outside."""
import os
import socket
import subprocess
import time

import pytest

from harness import wait_for
from harness.namespaces import (KINDS, bound, create, holder, join, leave, outside, own,  # noqa: F401
                                refuse, seen, waits)

each_kind = pytest.mark.parametrize("kind", KINDS)


# ---- created --------------------------------------------------------------------------------------


@each_kind
def test_created(runtime, make_bundle, kind):
    first = runtime.run_detached(create(waits(make_bundle()), kind))
    second = runtime.run_detached(create(waits(make_bundle()), kind))
    assert len({own(kind), seen(first, kind), seen(second, kind)}) == 3


def test_all_created(runtime, bundle):
    for kind in KINDS:
        create(bundle, kind)
    c = runtime.run_detached(waits(bundle))
    for kind in KINDS:
        assert seen(c, kind) != own(kind), kind


def test_created_is_there_before_start(runtime, bundle):
    for kind in KINDS:
        create(bundle, kind)
    c = runtime.create(waits(bundle))
    early = {kind: outside(c.pid, kind) for kind in KINDS}
    assert c.exec("probe", "ns").ok().probe("ns") == {"cmd": "ns", **{KINDS[k]: n for k, n in early.items()}}
    c.start()
    assert {kind: seen(c, kind) for kind in KINDS} == early


# ---- joined ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["container", "bound"])
@pytest.mark.parametrize("kind", [k for k in KINDS if k != "mount"])
def test_joined(runtime, make_bundle, place, bound, kind, way):
    """The namespace of another container, by its process and by a file that it is bound to."""
    first = runtime.run_detached(create(waits(make_bundle()), kind))
    path = f"/proc/{first.pid}/ns/{KINDS[kind]}"
    if way == "bound":
        name = os.path.join(place, "namespace")
        open(name, "w").close()
        path = bound(path, name)
    second = runtime.run_detached(join(waits(make_bundle()), kind, path))
    assert seen(first, kind) == seen(second, kind) != own(kind)
    for other in KINDS:
        shared = outside(first.pid, other) == outside(second.pid, other)
        assert shared == (other == kind or outside(first.pid, other) == own(other)), other


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "user"])
def test_joined_of_no_container(runtime, bundle, holder, kind):
    """What another program made; a mount namespace in which the bundle is to be found."""
    pid = holder(kind)
    number = outside(pid, kind)
    c = runtime.run_detached(join(waits(bundle), kind, f"/proc/{pid}/ns/{KINDS[kind]}"))
    assert seen(c, kind) == number != own(kind)
    if kind == "mount":
        assert sorted(c.exec("ls", "/").ok().out.split()) == sorted(os.listdir(bundle.rootfs))


def test_joined_outlives_its_maker(runtime, make_bundle):
    """A bound or joined namespace stays as long as somebody is in it."""
    kinds = ["network", "ipc", "uts", "cgroup", "time"]
    first = runtime.run_detached(create(waits(make_bundle()), "time"))
    second = waits(make_bundle())
    for kind in kinds:
        join(second, kind, f"/proc/{first.pid}/ns/{KINDS[kind]}")
    second = runtime.run_detached(second)
    numbers = {kind: seen(first, kind) for kind in kinds}
    first.delete("--force").ok()
    assert {kind: seen(second, kind) for kind in kinds} == numbers


def test_many_joined_at_once(runtime, make_bundle):
    """All of another container's but mount, among them a user namespace that owns the others."""
    first = waits(make_bundle())
    for kind in KINDS:
        create(first, kind)
    first = runtime.run_detached(first)
    second = waits(make_bundle())
    for kind in KINDS:
        if kind != "mount":
            join(second, kind, f"/proc/{first.pid}/ns/{KINDS[kind]}")
    second = runtime.run_detached(second)
    for kind in KINDS:
        assert (seen(first, kind) == seen(second, kind)) == (kind != "mount"), kind


def test_joined_mount_namespace_without_the_bundle(runtime, make_bundle):
    """Paths of the configuration are looked up in the joined namespace: another container has no such folder."""
    first = runtime.run_detached(waits(make_bundle()))
    before = first.exec("cat", "/proc/self/mountinfo").ok().out
    second = make_bundle().add_namespace("mount", f"/proc/{first.pid}/ns/mnt")
    runtime.run(second).fails(second.rootfs, "no such file or directory", code=1)
    assert first.exec("cat", "/proc/self/mountinfo").ok().out == before
    assert runtime.ids() == [first.id]


# ---- left alone -----------------------------------------------------------------------------------


@each_kind
def test_left_alone(runtime, bundle, bound, kind):
    if kind == "mount":
        bound("proc", bundle.inside("proc"), "proc")
    c = runtime.run_detached(leave(waits(bundle), kind))
    assert seen(c, kind) == own(kind)


def test_all_left_alone(runtime, bundle, bound):
    bound("/proc", bundle.inside("proc"))
    for kind in KINDS:
        leave(bundle, kind)
    c = runtime.run_detached(waits(bundle))
    for kind in KINDS:
        assert seen(c, kind) == own(kind), kind


def test_left_alone_is_the_hosts(runtime, bundle):
    """Names, interfaces and processes are those of the host."""
    for kind in ("uts", "network", "pid"):
        leave(bundle, kind)
    c = runtime.run_detached(bundle.probe("uname", "--", "interfaces", "--", "ids", "--", "sleep"))
    assert c.probe("uname")["nodename"] == os.uname().nodename
    assert set(c.probe("interfaces")["interfaces"]) == {name for _, name in socket.if_nameindex()}
    assert c.probe("ids")["pid"] == c.pid
    assert str(os.getpid()) in c.exec("probe", "ls", "/proc").ok().probe("ls")["names"]


# ---- refused --------------------------------------------------------------------------------------


@each_kind
def test_path_of_another_kind(runtime, bundle, kind):
    other = "ipc" if kind == "uts" else "uts"
    bundle = join(bundle, kind, f"/proc/self/ns/{KINDS[other]}")
    refuse(runtime, bundle, f"is a {other} namespace, not {kind}")


@each_kind
def test_bad_path(runtime, bundle, place, kind):
    fifo = os.path.join(place, "fifo")
    os.mkfifo(fifo)
    for path, words in (("/no/such/namespace", "no such file or directory"), ("/etc/passwd", "not a namespace"),
                        (place, "not a namespace"), (fifo, "not a namespace"), ("self/ns/net", "must be absolute")):
        refuse(runtime, join(bundle, kind, path), path, words)


@each_kind
def test_path_of_a_process_that_ended(runtime, bundle, kind):
    with subprocess.Popen(["true"]) as p:
        p.wait()
        refuse(runtime, join(bundle, kind, f"/proc/{p.pid}/ns/{KINDS[kind]}"), f"/proc/{p.pid}/ns")


@each_kind
def test_twice(runtime, bundle, kind):
    """Whether it is created or joined, and in either order."""
    for entries in (({}, {}), ({}, {"path": f"/proc/self/ns/{KINDS[kind]}"}),
                    ({"path": f"/proc/self/ns/{KINDS[kind]}"}, {})):
        bundle.drop_namespace(kind)
        bundle.linux["namespaces"] += [{"type": kind, **more} for more in entries]
        refuse(runtime, bundle, "duplicated", kind)


NEEDS = [
    ("hostname", "uts", {"hostname": "x"}, {}, "unable to set hostname without a private UTS namespace"),
    ("domainname", "uts", {"domainname": "x"}, {}, "unable to set domainname without a private UTS namespace"),
    ("net-sysctl", "network", {}, {"sysctl": {"net.ipv4.ip_forward": "1"}}, "not in a separate kernel namespace"),
    ("ipc-sysctl", "ipc", {}, {"sysctl": {"kernel.msgmax": "4096"}}, "not in a separate kernel namespace"),
    ("mqueue-sysctl", "ipc", {}, {"sysctl": {"fs.mqueue.msg_max": "5"}}, "not in a separate kernel namespace"),
    ("uts-sysctl", "uts", {}, {"sysctl": {"kernel.domainname": "x"}}, "not in a separate kernel namespace"),
    ("user-sysctl", "user", {}, {"sysctl": {"user.max_uts_namespaces": "5"}}, "not in a separate kernel namespace"),
    ("host-sysctl", "user", {}, {"sysctl": {"kernel.panic": "5"}}, "not in a separate kernel namespace"),
    ("uid-maps", "user", {}, {"uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}, "namespace isn't enabled"),
    ("gid-maps", "user", {}, {"gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}, "namespace isn't enabled"),
    ("monotonic", "time", {}, {"timeOffsets": {"monotonic": {"secs": 1}}}, "no new time namespace"),
    ("boottime", "time", {}, {"timeOffsets": {"boottime": {"nanosecs": 1}}}, "no new time namespace"),
    ("masked-paths", "mount", {}, {"maskedPaths": ["/proc/kcore"]}, "without a private MNT namespace"),
    ("readonly-paths", "mount", {}, {"readonlyPaths": ["/proc/sys"]}, "without a private MNT namespace"),
    ("propagation", "mount", {}, {"rootfsPropagation": "private"}, "need a mount namespace"),
    ("mounts", "mount", {"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}]}, {},
     "mounts need a mount namespace"),
]


@pytest.mark.parametrize("kind, config, linux, words", [n[1:] for n in NEEDS], ids=[n[0] for n in NEEDS])
def test_option_without_its_namespace(runtime, bundle, kind, config, linux, words):
    leave(bundle, kind)
    bundle.config.update(config)
    bundle.linux.update(linux)
    refuse(runtime, bundle, words)


def test_readonly_root_without_a_mount_namespace(runtime, bundle):
    leave(bundle, "mount").config["root"]["readonly"] = True
    refuse(runtime, bundle, "need a mount namespace")


def test_offsets_of_a_joined_time_namespace(runtime, bundle):
    bundle.add_namespace("time", "/proc/self/ns/time").linux["timeOffsets"] = {"monotonic": {"secs": 1}}
    refuse(runtime, bundle, "no new time namespace")


@pytest.mark.parametrize("kind, name", [("network", "net.ipv4.ip_forward"), ("ipc", "kernel.msgmax"),
                                        ("uts", "kernel.domainname")])
def test_sysctl_of_the_hosts_namespace_by_path(runtime, bundle, kind, name):
    join(bundle, kind, f"/proc/self/ns/{KINDS[kind]}").linux["sysctl"] = {name: "1"}
    refuse(runtime, bundle, name, f"not allowed in host {kind} namespace")


def test_own_mount_namespace_by_path(runtime, bundle):
    """pivot_root(2) would turn the host's root into the container's."""
    bundle.add_namespace("mount", "/proc/self/ns/mnt")
    with open("/proc/self/mountinfo") as f:
        before = f.read()
    refuse(runtime, bundle, "the runtime's own mount namespace")
    with open("/proc/self/mountinfo") as f:
        assert f.read() == before


# ---- uts and ipc ----------------------------------------------------------------------------------


def test_names(runtime, make_bundle):
    """Set in a created and in a joined uts namespace, never on the host."""
    host = os.uname().nodename
    first = waits(make_bundle())
    first.config.update(hostname="first", domainname="example")
    first = runtime.run_detached(first)
    names = first.exec("probe", "uname").ok().probe("uname")
    assert (names["nodename"], names["domainname"]) == ("first", "example")
    second = make_bundle().probe("uname").add_namespace("uts", f"/proc/{first.pid}/ns/uts")
    second.config["hostname"] = "second"
    names = runtime.run(second).ok().probe("uname")
    assert (names["nodename"], names["domainname"]) == ("second", "example")
    assert first.exec("hostname").ok().out.strip() == "second"
    assert os.uname().nodename == host != "second"


def test_ipc_is_shared_by_those_who_joined(runtime, make_bundle):
    """A message queue of System V, by syscall numbers of the machine: msgget(1, IPC_CREAT)."""
    number = {"x86_64": 68, "aarch64": 186}[os.uname().machine]
    make, find = (number, 1, 0o1600), (number, 1, 0)
    first = runtime.run_detached(waits(make_bundle()))
    ret = first.exec("probe", "syscall", *make).ok().probe("syscall")["ret"]
    second = make_bundle().probe("syscall", *find).add_namespace("ipc", f"/proc/{first.pid}/ns/ipc")
    assert runtime.run(second).ok().probe("syscall")["ret"] == ret
    assert runtime.run(make_bundle().probe("syscall", *find)).ok().probe("syscall")["errno"] == "ENOENT"


# ---- sysctls --------------------------------------------------------------------------------------

SYSCTLS = [("network", "net.ipv4.ip_default_ttl", "33"), ("network", "net/ipv4/conf/lo/tag", "7"),
           ("ipc", "kernel.msgmax", "4321"), ("ipc", "fs.mqueue.msg_max", "7"), ("uts", "kernel.domainname", "example")]


@pytest.mark.parametrize("kind, name, value", SYSCTLS, ids=[s[1].replace("/", ".") for s in SYSCTLS])
@pytest.mark.parametrize("way", ["created", "joined"])
def test_sysctl(runtime, make_bundle, kind, name, value, way):
    path = "/proc/sys/" + name.replace(".", "/")
    with open(path) as f:
        host = f.read()
    first = runtime.run_detached(waits(make_bundle()))
    assert first.exec("cat", path).ok().out.strip() != value
    bundle = waits(make_bundle())
    bundle.linux["sysctl"] = {name: value}
    if way == "joined":
        join(bundle, kind, f"/proc/{first.pid}/ns/{KINDS[kind]}")
    c = runtime.run_detached(bundle)
    assert c.exec("cat", path).ok().out.strip() == value
    assert (first.exec("cat", path).ok().out.strip() == value) == (way == "joined")
    with open(path) as f:
        assert f.read() == host


# ---- network --------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", [False, True], ids=["", "in-user"])
def test_loopback_of_a_new_namespace_is_up(runtime, bundle, user):
    if user:
        create(bundle, "user")
    assert runtime.run(bundle.probe("interfaces")).ok().probe("interfaces")["interfaces"]["lo"] == 1


def test_loopback_of_a_joined_namespace_stays(runtime, bundle, holder):
    """It belongs to whoever made it."""
    pid = holder("network")
    bundle.probe("interfaces").add_namespace("network", f"/proc/{pid}/ns/net")
    assert runtime.run(bundle).ok().probe("interfaces")["interfaces"]["lo"] == 0


def test_interfaces_are_seen_from_both_sides(runtime, make_bundle):
    """One end of a pair outside, the other in the namespace that two containers share."""
    name = f"b{os.getpid() % 1000000}"
    first = runtime.run_detached(waits(make_bundle()))
    subprocess.run(["ip", "link", "add", name, "type", "veth", "peer", "name", "inner", "netns", str(first.pid)],
                   check=True)
    try:
        second = make_bundle().probe("interfaces").add_namespace("network", f"/proc/{first.pid}/ns/net")
        assert "inner" in runtime.run(second).ok().probe("interfaces")["interfaces"]
        there = runtime.run(make_bundle().probe("interfaces")).ok().probe("interfaces")["interfaces"]
        assert "inner" not in there and name not in there
        host = runtime.run(leave(make_bundle().probe("interfaces"), "network")).ok().probe("interfaces")["interfaces"]
        assert name in host and "inner" not in host
    finally:
        subprocess.run(["ip", "link", "delete", name], check=True)


# ---- pid ------------------------------------------------------------------------------------------


def test_pid_1(runtime, bundle):
    c = runtime.run_detached(bundle.probe("ids", "--", "sleep"))
    assert (c.probe("ids")["pid"], c.probe("ids")["ppid"]) == (1, 0)
    ids = c.exec("probe", "ids").ok().probe("ids")
    assert ids["pid"] > 1 and ids["ppid"] == 0
    with open(f"/proc/{c.pid}/status") as f:
        assert next(line.split()[1:] for line in f if line.startswith("NSpid:")) == [str(c.pid), "1"]


def test_death_of_pid_1(runtime, make_bundle):
    """The kernel ends all that is in the namespace: those of exec and whole containers that joined."""
    first = runtime.run_detached(waits(make_bundle()))
    joined = make_bundle().probe("ids", "--", "sleep").add_namespace("pid", f"/proc/{first.pid}/ns/pid")
    second = runtime.run_detached(joined)
    assert second.probe("ids")["pid"] > 1
    assert second.exec("probe", "ids").ok().probe("ids")["pid"] > 1
    first.exec("probe", "sleep", options=["--detach"]).ok()
    pids = runtime("ps", "--format", "json", first.id).ok().json + [second.pid]
    assert len(pids) == 3
    names = first.exec("probe", "ls", "/proc").ok().probe("ls")["names"]
    assert str(second.probe("ids")["pid"]) in names
    first.kill().ok()
    for c in (first, second):
        c.wait()
        c.exec("true").fails("stopped", code=255)
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
    for c in (first, second):
        c.delete().ok()


def test_death_of_one_that_joined(runtime, make_bundle):
    """The namespace and its maker live on."""
    first = runtime.run_detached(waits(make_bundle()))
    second = runtime.run_detached(waits(make_bundle()).add_namespace("pid", f"/proc/{first.pid}/ns/pid"))
    second.kill().ok()
    second.wait().delete().ok()
    assert first.status == "running"
    first.exec("true").ok()


def test_joining_a_dead_pid_namespace(runtime, make_bundle, place, bound):
    """Nobody can be born in it any more."""
    first = runtime.run_detached(waits(make_bundle()))
    name = os.path.join(place, "namespace")
    open(name, "w").close()
    bound(f"/proc/{first.pid}/ns/pid", name)
    first.delete("--force").ok()
    runtime.run(make_bundle().add_namespace("pid", name)).fails("pid namespace", "ended", code=1)
    assert runtime.ids() == []


# ---- time -----------------------------------------------------------------------------------------


def clocks():
    return {"monotonic": time.clock_gettime_ns(time.CLOCK_MONOTONIC),
            "boottime": time.clock_gettime_ns(time.CLOCK_BOOTTIME)}


@pytest.mark.parametrize("user", [False, True], ids=["", "in-user"])
@pytest.mark.parametrize("offsets", [
    {"monotonic": {"secs": 86400, "nanosecs": 5}}, {"boottime": {"secs": 604800}},
    {"monotonic": {"secs": 1000, "nanosecs": 500000000}, "boottime": {"secs": 2000, "nanosecs": 999999999}},
    {"monotonic": {"secs": -1}, "boottime": {"nanosecs": 400000000}}],
    ids=["monotonic", "boottime", "both", "negative"])
def test_time_offsets(runtime, bundle, offsets, user):
    """The container's clocks run between ours, read before and after, plus the offset; exec sees the same."""
    if user:
        create(bundle, "user")
    create(bundle, "time").linux["timeOffsets"] = offsets
    c = runtime.run_detached(waits(bundle))
    with open(f"/proc/{c.pid}/timens_offsets") as f:
        written = {name: (int(secs), int(ns)) for name, secs, ns in (line.split() for line in f)}
    before = clocks()
    seen_inside = c.exec("probe", "clock").ok().probe("clock")
    after = clocks()
    for clock in before:
        o = offsets.get(clock, {})
        assert written[clock] == (o.get("secs", 0), o.get("nanosecs", 0))
        offset = o.get("secs", 0) * 10**9 + o.get("nanosecs", 0)
        assert before[clock] <= seen_inside[clock + "_ns"] - offset <= after[clock]


def test_time_offsets_of_the_first_process(runtime, bundle):
    create(bundle, "time").linux["timeOffsets"] = {"boottime": {"secs": 10**6}}
    before = clocks()
    inside = runtime.run(bundle.probe("clock")).ok().probe("clock")
    after = clocks()
    assert before["boottime"] <= inside["boottime_ns"] - 10**15 <= after["boottime"]
    assert before["monotonic"] <= inside["monotonic_ns"] <= after["monotonic"]


def test_time_offsets_seen_by_those_who_joined(runtime, make_bundle):
    first = create(waits(make_bundle()), "time")
    first.linux["timeOffsets"] = {"monotonic": {"secs": 10**6}}
    first = runtime.run_detached(first)
    second = make_bundle().probe("clock").add_namespace("time", f"/proc/{first.pid}/ns/time")
    before = clocks()
    inside = runtime.run(second).ok().probe("clock")
    assert before["monotonic"] <= inside["monotonic_ns"] - 10**15 <= clocks()["monotonic"]


@pytest.mark.parametrize("offset", [{"secs": -(10**9)}, {"secs": 2**62}], ids=["negative-clock", "too-far"])
def test_time_offsets_that_the_kernel_refuses(runtime, bundle, offset):
    create(bundle, "time").linux["timeOffsets"] = {"monotonic": offset}
    refuse(runtime, bundle, "time namespace offsets", "negative or too far")


# ---- cgroup ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["created", "left-alone"])
def test_cgroup_paths(runtime, bundle, kind):
    """In a new namespace the container's group is the root of what it sees; outside nothing changes."""
    if kind == "left-alone":
        leave(bundle, "cgroup")
    c = runtime.run_detached(waits(bundle))

    def groups(text):
        return dict(line.split(":", 2)[1:] for line in text.splitlines())

    inside = groups(c.exec("cat", "/proc/1/cgroup").ok().out)
    with open(f"/proc/{c.pid}/cgroup") as f:
        outside_ = groups(f.read())
    if kind == "left-alone":
        assert inside == outside_
    else:
        assert {path for controllers, path in inside.items() if outside_[controllers] != "/"} == {"/"}
    assert any(c.id in path for path in outside_.values())


# ---- mount ----------------------------------------------------------------------------------------


def mounted(point):
    with open("/proc/self/mountinfo") as f:
        return any(line.split()[4] == point for line in f)


def mounted_inside(c, point):
    return any(line.split()[4] == point for line in c.exec("cat", "/proc/self/mountinfo").ok().out.splitlines())


def try_mount(c, point):
    assert "errno" not in c.exec("probe", "mount", "none", point, "tmpfs").ok().probe("mount")
    assert mounted_inside(c, point)


def try_umount(c, point):
    assert "errno" not in c.exec("probe", "umount", point).ok().probe("umount")


@pytest.mark.parametrize("mode, inwards", [
    (None, True), ("slave", True), ("rslave", True), ("private", False), ("rprivate", False)], ids=str)
def test_propagation_of_the_root(runtime, bundle, bound, mode, inwards):
    """What is mounted inside stays inside; what the host mounts later arrives unless the root is private."""
    bundle.capabilities("SYS_ADMIN")
    if mode:
        bundle.linux["rootfsPropagation"] = mode
    c = runtime.run_detached(waits(bundle))
    try_mount(c, "/tmp")
    assert not mounted(bundle.inside("tmp")) and not mounted(bundle.rootfs)
    bound("none", bundle.inside("home"), "tmpfs")
    assert mounted_inside(c, "/home") == inwards


@pytest.mark.parametrize("root, mode, inwards, outwards", [
    (None, "rprivate", False, False), (None, "rslave", True, False), (None, "rshared", True, False),
    ("shared", "rprivate", False, False), ("shared", "rslave", True, False), ("shared", "rshared", True, True)],
    ids=str)
def test_propagation_of_a_bind_mount(runtime, bundle, place, bound, root, mode, inwards, outwards):
    """From both sides, below a folder that is shared on the host; outwards only where the root is shared as well."""
    shared = os.path.join(place, "shared")
    for name in ("host", "container"):
        os.makedirs(os.path.join(shared, name))
    bound(shared, shared)
    subprocess.run(["mount", "--make-shared", shared], check=True)
    bundle.bind(shared, "/shared", "rbind", mode).capabilities("SYS_ADMIN")
    if root:
        bundle.linux["rootfsPropagation"] = root
    c = runtime.run_detached(waits(bundle))
    bound("none", os.path.join(shared, "host"), "tmpfs")
    assert mounted_inside(c, "/shared/host") == inwards
    try_mount(c, "/shared/container")
    assert mounted(shared + "/container") == outwards
    try_umount(c, "/shared/container")
    assert not mounted(shared + "/container")


def test_mount_namespace_left_alone(runtime, bundle, bound, place):
    """The program is in a chroot; mounts of both sides are seen on both, and exec is in the same place."""
    bound("/proc", bundle.inside("proc"))
    os.mkdir(bundle.inside("tmp", "outer"))
    leave(bundle, "mount").capabilities("SYS_ADMIN")
    c = runtime.run_detached(waits(bundle))
    assert os.readlink(f"/proc/{c.pid}/root") == bundle.rootfs
    assert sorted(c.exec("ls", "/").ok().out.split()) == sorted(os.listdir(bundle.rootfs))
    with open(bundle.inside("etc", "here"), "w") as f:
        f.write("seen")
    assert c.exec("cat", "/etc/here").ok().out == "seen"
    bound("none", bundle.inside("tmp", "outer"), "tmpfs")
    assert mounted_inside(c, "/tmp/outer")
    try_mount(c, "/home")
    assert mounted(bundle.inside("home"))
    try_umount(c, "/home")
    c.kill().ok()
    c.wait().delete().ok()
    assert os.path.isdir(bundle.rootfs)
