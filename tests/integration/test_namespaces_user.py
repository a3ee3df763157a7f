# SPDX-License-Identifier: Apache-2.0
"""User namespaces: id maps of root and of ordinary users, owners of files from both sides, joining, rights."""
import copy
import fcntl
import os
import signal
import subprocess

import pytest

from harness import USER, Runtime
from harness.namespaces import (BASE, KINDS, bound, create, holder, join, leave, outside, own,  # noqa: F401
                                refuse, seen, waits)

UIDS = [(0, 100000, 1000), (1000, 300000, 1), (5000, 400000, 10)]
GIDS = [(0, 110000, 2000), (5000, 410000, 1)]
NOBODY = 65534


def maps(lines):
    return [{"containerID": c, "hostID": h, "size": n} for c, h, n in lines]


def mapped(bundle, uids, gids=None):
    bundle.add_namespace("user").own_rootfs(uids[0][1], (gids or uids)[0][1])
    bundle.linux["uidMappings"], bundle.linux["gidMappings"] = maps(uids), maps(gids or uids)
    return bundle


def read_maps(pid, name="uid_map"):
    with open(f"/proc/{pid}/{name}") as f:
        return [tuple(map(int, line.split())) for line in f]


def maps_inside(c, name="uid_map"):
    return [tuple(map(int, line.split())) for line in c.exec("cat", f"/proc/self/{name}").ok().out.splitlines()]


def ids_of(pid):
    """(uid, gid) of a process as the host sees it; all four of each kind are the same."""
    with open(f"/proc/{pid}/status") as f:
        found = {line.split()[0]: set(line.split()[1:]) for line in f if line.startswith(("Uid:", "Gid:"))}
    (uid,), (gid,) = found["Uid:"], found["Gid:"]
    return int(uid), int(gid)


def owner(path):
    st = os.lstat(path)
    return st.st_uid, st.st_gid


def owner_inside(c, path):
    st = c.exec("probe", "stat", path).ok().probe("stat")
    return st["uid"], st["gid"]


# ---- as root --------------------------------------------------------------------------------------


def test_several_lines(runtime, bundle):
    c = runtime.run_detached(mapped(waits(bundle), UIDS, GIDS))
    seen(c, "user")
    for name, lines in (("uid_map", UIDS), ("gid_map", GIDS)):
        assert read_maps(c.pid, name) == lines == maps_inside(c, name)
    assert ids_of(c.pid) == (100000, 110000)


def test_many_lines(runtime, bundle):
    lines = [(i, 100000 + 2 * i, 1) for i in range(200)]
    c = runtime.run_detached(mapped(waits(bundle), lines))
    assert read_maps(c.pid) == lines


@pytest.mark.parametrize("uid, gid, outer", [(1000, 1999, (300000, 111999)), (5009, 5000, (400009, 410000)),
                                             (999, 0, (100999, 110000))])
def test_ids_of_the_process(runtime, bundle, uid, gid, outer):
    """The first process and one of exec, each as another user."""
    mapped(bundle.probe("ids", "--", "sleep"), UIDS, GIDS).process["user"] = {"uid": uid, "gid": gid}
    c = runtime.run_detached(bundle)
    assert (c.probe("ids")["euid"], c.probe("ids")["egid"]) == (uid, gid)
    assert ids_of(c.pid) == outer
    pid_file = os.path.join(bundle.path, "pid")
    c.exec("probe", "sleep", options=["--detach", "--pid-file", pid_file, "--user", "5003:5000"]).ok()
    with open(pid_file) as f:
        assert ids_of(f.read().strip()) == (400003, 410000)


def test_additional_groups(runtime, bundle):
    mapped(bundle.probe("ids"), UIDS, GIDS).process["user"]["additionalGids"] = [5, 5000]
    assert sorted(runtime.run(bundle).ok().probe("ids")["groups"]) == [5, 5000]


@pytest.mark.parametrize("user", [{"uid": 2000, "gid": 0}, {"uid": 0, "gid": 3000},
                                  {"uid": 0, "gid": 0, "additionalGids": [3000]}], ids=["uid", "gid", "group"])
def test_ids_that_are_not_mapped(runtime, bundle, user):
    mapped(bundle, UIDS, GIDS).process["user"] = user
    refuse(runtime, bundle, "is not mapped in the container's user namespace")


@pytest.mark.parametrize("exec_user", ["2000:0", "0:3000"])
def test_exec_ids_that_are_not_mapped(runtime, bundle, exec_user):
    c = runtime.run_detached(mapped(waits(bundle), UIDS, GIDS))
    c.exec("true", options=["--user", exec_user]).fails("map", code=255)
    assert c.status == "running"


def test_owners_of_files(runtime, bundle):
    """What is made on either side belongs to the mapped owner on the other; who has no id there is nobody."""
    mapped(waits(bundle), UIDS, GIDS)
    for name, ids in (("root", (0, 0)), ("mapped", (300000, 410000)), ("between", (300001, 410001))):
        open(bundle.inside("home", name), "w").close()
        os.chown(bundle.inside("home", name), *ids)
    c = runtime.run_detached(bundle)
    assert owner_inside(c, "/home/root") == (NOBODY, NOBODY)
    assert owner_inside(c, "/home/mapped") == (1000, 5000)
    assert owner_inside(c, "/home/between") == (NOBODY, NOBODY)
    c.exec("sh", "-c", "cd /home; touch mine; touch given; chown 5009:1999 given").ok()
    assert owner(bundle.inside("home/mine")) == (100000, 110000)
    assert owner(bundle.inside("home/given")) == (400009, 111999)
    assert owner_inside(c, "/home/given") == (5009, 1999)
    assert c.exec("chown", "2000", "/home/mine").code != 0
    assert c.exec("rm", "-f", "/root/x", "/home/mine").code == 0
    # Nobody's file in a folder of ours may go, but may not be written.
    assert c.exec("probe", "open", "/home/root", "w").ok().probe("open")["errno"] == "EACCES"


def test_runtime_files_belong_to_the_containers_root(runtime, bundle):
    """Devices, and the mounts that the runtime made."""
    c = runtime.run_detached(mapped(waits(bundle), UIDS, GIDS))
    for path in ("/dev", "/dev/shm", "/dev/pts", "/proc/1/cmdline"):
        assert owner_inside(c, path) == (0, 0), path
    for device in ("null", "zero", "full", "random", "urandom", "tty"):
        assert "errno" not in c.exec("probe", "open", f"/dev/{device}", "r").ok().probe("open") or device == "tty"


def test_map_without_root(runtime, bundle):
    """Nobody is root in it: the container's process is who it says, and the namespaces are made all the same."""
    lines = [(1000, 300000, 5)]
    mapped(waits(bundle), lines).process["user"] = {"uid": 1002, "gid": 1003}
    for m in bundle.config["mounts"]:
        m["options"] = [o for o in m["options"] if not o.startswith("gid=")]
    c = runtime.run_detached(bundle)
    assert ids_of(c.pid) == (300002, 300003)
    assert maps_inside(c) == lines
    assert owner_inside(c, "/dev/shm") == (1000, 1000)


BAD_MAPS = {
    "none": ([], [], "linux.uidMappings"),
    "no-uids": ([], maps(UIDS), "linux.uidMappings"),
    "no-gids": (maps(UIDS), [], "linux.gidMappings"),
    "empty": (maps([(0, BASE, 0)]), maps(UIDS), "size 0"),
    "inner-overlap": (maps([(0, BASE, 10), (9, 300000, 1)]), maps(UIDS), "overlap"),
    "outer-overlap": (maps(UIDS), maps([(0, BASE, 10), (100, BASE + 9, 1)]), "overlap"),
    "too-many": (maps([(i, BASE + i, 1) for i in range(341)]), maps(UIDS), "341"),
    "beyond": (maps([(0, 4294967290, 10)]), maps(UIDS), "beyond the last id"),
}


@pytest.mark.parametrize("uids, gids, words", BAD_MAPS.values(), ids=BAD_MAPS)
def test_bad_maps(runtime, bundle, uids, gids, words):
    bundle.add_namespace("user").linux.update(uidMappings=uids, gidMappings=gids)
    refuse(runtime, bundle, words)


# ---- what a user namespace owns -------------------------------------------------------------------


def owner_of(pid, kind):
    """The number of the user namespace that owns pid's namespace of that kind (ioctl_ns(2))."""
    fd = os.open(f"/proc/{pid}/ns/{KINDS[kind]}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        user = fcntl.ioctl(fd, 0xB701)
        number = os.fstat(user).st_ino
        os.close(user)
        return number
    finally:
        os.close(fd)


def test_all_created_belong_to_it(runtime, bundle):
    for kind in KINDS:
        create(bundle, kind)
    c = runtime.run_detached(waits(bundle))
    for kind in KINDS:
        if kind != "user":
            assert owner_of(c.pid, kind) == outside(c.pid, "user"), kind


def test_rights_over_host_name(runtime, bundle):
    """With CAP_SYS_ADMIN in the user namespace: all over what it owns, nothing over what was left alone."""
    create(bundle, "user").capabilities("SYS_ADMIN").probe("sethostname", "x")
    host = os.uname().nodename
    assert "errno" not in runtime.run(bundle).ok().probe("sethostname")
    assert runtime.run(leave(bundle, "uts")).ok().probe("sethostname")["errno"] == "EPERM"
    assert os.uname().nodename == host


def test_rights_over_interfaces(runtime, bundle):
    create(bundle, "user").capabilities("NET_ADMIN").args("ip", "link", "set", "lo", "down")
    runtime.run(bundle).ok()
    assert runtime.run(leave(bundle, "network")).code != 0


def test_sysfs_of_the_hosts_network(runtime, bundle):
    """Only the owner of a network namespace may mount its sysfs: the host's is bound instead, read-only as asked."""
    leave(create(bundle, "user"), "network")
    c = runtime.run_detached(waits(bundle))
    assert set(c.exec("ls", "/sys/class/net").ok().out.split()) == set(os.listdir("/sys/class/net"))
    assert any(line.split()[4] == "/sys" and line.split()[5].startswith("ro")
               for line in c.exec("cat", "/proc/self/mountinfo").ok().out.splitlines())


# ---- joined ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [None, UIDS], ids=["no-maps", "its-maps"])
def test_joined(runtime, make_bundle, given):
    """The ids are those of the namespace, whoever made it; new namespaces beside it belong to it."""
    first = runtime.run_detached(mapped(waits(make_bundle()), UIDS, GIDS))
    second = join(waits(make_bundle()), "user", f"/proc/{first.pid}/ns/user").own_rootfs(100000, 110000)
    if given:
        second.linux["uidMappings"], second.linux["gidMappings"] = maps(UIDS), maps(GIDS)
    second.process["user"] = {"uid": 1000, "gid": 5000}
    second = runtime.run_detached(second)
    assert seen(first, "user") == seen(second, "user")
    assert ids_of(second.pid) == (300000, 410000)
    for kind in ("pid", "network", "mount", "uts", "ipc", "cgroup"):
        assert owner_of(second.pid, kind) == outside(first.pid, "user"), kind
        assert outside(second.pid, kind) != outside(first.pid, kind), kind
    second.exec("touch", "/home/new", options=["--user", "0:0"]).ok()
    assert owner(second.bundle.inside("home/new")) == (100000, 110000)
    first.delete("--force").ok()
    assert seen(second, "user") == outside(second.pid, "user")


@pytest.mark.parametrize("kind", ["pid", "network", "ipc", "uts", "time"])
def test_created_beside_a_joined_one(runtime, bundle, holder, kind):
    """A new user namespace has no right over one of the host's, which is entered before."""
    pid = holder(kind)
    create(waits(bundle), "user")
    if kind == "network":
        bundle.drop_mount("/sys")
    if kind == "ipc":
        bundle.drop_mount("/dev/mqueue")
    if kind == "pid":
        bundle.drop_mount("/proc").bind("/proc", "/proc").linux.update(maskedPaths=[], readonlyPaths=[])
    c = runtime.run_detached(join(bundle, kind, f"/proc/{pid}/ns/{KINDS[kind]}"))
    for other in KINDS:
        if other in (kind, "time"):
            assert outside(c.pid, other) == outside(pid, other)
        else:
            assert outside(c.pid, other) not in (outside(pid, other), own(other)), other
    assert c.exec("probe", "ns").ok().probe("ns")[KINDS[kind]] == outside(pid, kind)


def test_a_slow_process_in_between(runtime, bundle, holder):
    """It makes the first process and introduces it, which may not speak before."""
    slow = Runtime(runtime.root, prefix=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=clone3",
                                         "-e", "inject=clone3:delay_exit=100000"])
    pid = holder("uts")
    create(bundle.probe("ns"), "user").add_namespace("uts", f"/proc/{pid}/ns/uts")
    del bundle.config["hostname"]
    assert slow.run(bundle).ok().probe("ns")["uts"] == outside(pid, "uts")


@pytest.mark.parametrize("kind", ["mount", "cgroup"])
def test_created_beside_one_that_cannot_be_entered(runtime, bundle, holder, kind):
    """Mounts can be changed only by their owner; and a group is entered before its namespace."""
    pid = holder(kind)
    create(bundle, "user").add_namespace(kind, f"/proc/{pid}/ns/{KINDS[kind]}")
    refuse(runtime, bundle, f"join the {kind} namespace", "operation not permitted")


def test_joined_beside_a_joined_one_of_the_host(runtime, make_bundle, holder):
    """Another container's user namespace and a network that is not its own."""
    first = runtime.run_detached(create(waits(make_bundle()), "user"))
    pid = holder("network")
    second = join(waits(make_bundle()), "user", f"/proc/{first.pid}/ns/user").drop_mount("/sys")
    second = runtime.run_detached(join(second, "network", f"/proc/{pid}/ns/net"))
    assert outside(second.pid, "network") == outside(pid, "network")
    assert outside(second.pid, "user") == outside(first.pid, "user")
    second.exec("true").ok()


def test_own_by_path(runtime, bundle):
    """The host's own user namespace is no change."""
    c = runtime.run_detached(waits(bundle).add_namespace("user", "/proc/self/ns/user"))
    assert seen(c, "user") == own("user")
    assert ids_of(c.pid) == (0, 0)


# ---- rootless -------------------------------------------------------------------------------------


def rootless_bundle(bundle, lines):
    """What an ordinary user may ask for: no limits, no group that he does not have."""
    mapped(bundle, lines).own_rootfs(USER)
    bundle.linux["resources"] = {}
    for m in bundle.config["mounts"]:
        m["options"] = [o for o in m["options"] if not o.startswith("gid=")]
    return bundle


ONE = [(0, USER, 1)]


def many(first):
    return [(0, USER, 1), (1, first, 65536)]


def test_rootless_with_one_id(rootless, bundle):
    for kind in KINDS:
        bundle.add_namespace(kind)
    c = rootless.run_detached(rootless_bundle(waits(bundle), ONE))
    for kind in KINDS:
        assert seen(c, kind) != own(kind), kind
        assert kind == "user" or owner_of(c.pid, kind) == outside(c.pid, "user"), kind
    assert read_maps(c.pid) == read_maps(c.pid, "gid_map") == ONE
    assert ids_of(c.pid) == (USER, USER)
    with open(f"/proc/{c.pid}/setgroups") as f:
        assert f.read().strip() == "deny"
    c.exec("touch", "/home/new").ok()
    assert owner(bundle.inside("home/new")) == (USER, USER)
    assert owner_inside(c, "/home/new") == (0, 0)
    os.chown(bundle.inside("home/new"), 0, 0)
    assert owner_inside(c, "/home/new") == (NOBODY, NOBODY)
    assert c.exec("chown", "1", "/home").code != 0
    c.exec("true", options=["--user", "1000"]).fails("map", code=255)


def test_rootless_as_oneself(rootless, bundle):
    """The one id need not be root."""
    rootless_bundle(bundle.probe("ids", "--", "sleep"), [(1000, USER, 1)]).process["user"] = {"uid": 1000, "gid": 1000}
    c = rootless.run_detached(bundle)
    assert (c.probe("ids")["uid"], c.probe("ids")["gid"]) == (1000, 1000)
    assert ids_of(c.pid) == (USER, USER)
    c.exec("touch", "/home/new").ok()
    assert owner(bundle.inside("home/new")) == (USER, USER) and owner_inside(c, "/home/new") == (1000, 1000)


def test_rootless_with_subordinate_ids(rootless, subids, bundle):
    rootless_bundle(bundle.probe("ids", "--", "sleep"), many(subids)).process["user"] = {
        "uid": 1000, "gid": 1000, "additionalGids": [5]}
    c = rootless.run_detached(bundle)
    assert c.probe("ids")["groups"] == [5]
    assert read_maps(c.pid) == read_maps(c.pid, "gid_map") == many(subids)
    assert ids_of(c.pid) == (subids + 999, subids + 999)
    root = ["--user", "0:0"]
    c.exec("sh", "-c", "cd /home; touch mine; touch given; chown 1:7 given", options=root).ok()
    assert owner(bundle.inside("home/mine")) == (USER, USER)
    assert owner(bundle.inside("home/given")) == (subids, subids + 6)
    assert owner_inside(c, "/home/given") == (1, 7)
    c.exec("touch", "/tmp/exec", options=["--user", "65536:65536"]).ok()
    assert owner(bundle.inside("tmp/exec")) == (subids + 65535, subids + 65535)


def test_rootless_with_ids_of_others(rootless, subids, bundle):
    """What is not in the list falls to the one own id, with a warning that says why."""
    rootless_bundle(bundle.probe("cat", "/proc/self/uid_map"), [(0, USER, 1), (1, 500000, 65536)])
    result = rootless.run(bundle).ok()
    assert result.probe("cat")["text"].split() == ["0", str(USER), "1"]
    assert "newuidmap" in result.err and "level=warning" in result.err


def test_rootless_without_an_id_of_ones_own(rootless, subids, bundle):
    rootless_bundle(bundle, [(0, 500000, 10)])
    refuse(rootless, bundle, "map", "/etc/sub")


def test_rootless_without_a_user_namespace(rootless, bundle):
    """An ordinary user owns no other namespace."""
    bundle.own_rootfs(USER).linux["resources"] = {}
    refuse(rootless, bundle, "not permitted")


@pytest.mark.parametrize("is_many", [False, True], ids=["one", "many"])
def test_rootless_joined(rootless, subids, make_bundle, is_many):
    """All of another container of the same user but its mounts."""
    lines = many(subids) if is_many else ONE
    first = rootless_bundle(waits(make_bundle()), lines)
    for kind in KINDS:
        first.add_namespace(kind)
    first = rootless.run_detached(first)
    second = rootless_bundle(waits(make_bundle()), lines)
    del second.linux["uidMappings"], second.linux["gidMappings"]
    for kind in KINDS:
        if kind != "mount":
            join(second, kind, f"/proc/{first.pid}/ns/{KINDS[kind]}")
    second.own_rootfs(USER)
    second = rootless.run_detached(second)
    for kind in KINDS:
        assert (seen(first, kind) == seen(second, kind)) == (kind != "mount"), kind
    assert ids_of(second.pid) == (USER, USER)


def test_rootless_joined_of_no_container(rootless, bundle, place):
    """What another program of the same user made."""
    p = subprocess.Popen([*rootless.prefix, "unshare", "--user", "--map-root-user", "--net",
                          "sh", "-c", "echo; exec sleep 1000"], stdout=subprocess.PIPE)
    try:
        p.stdout.readline()
        rootless_bundle(waits(bundle), ONE)
        bundle.own_rootfs(USER).add_namespace("user", f"/proc/{p.pid}/ns/user")
        bundle.add_namespace("network", f"/proc/{p.pid}/ns/net")
        c = rootless.run_detached(bundle)
        for kind in ("user", "network"):
            assert seen(c, kind) == outside(p.pid, kind)
        rootless("delete", "--force", c.id).ok()
    finally:
        p.stdout.close()
        os.kill(p.pid, signal.SIGKILL)
        p.wait()


def test_rootless_joining_the_hosts(rootless, bundle):
    """A namespace that is not the user's."""
    rootless_bundle(bundle, ONE).add_namespace("network", f"/proc/{os.getpid()}/ns/net")
    refuse(rootless, bundle, "net")


@pytest.mark.parametrize("offsets", [{"monotonic": {"secs": 5000}}])
def test_rootless_time_offsets(rootless, bundle, offsets):
    rootless_bundle(create(waits(bundle), "time"), ONE).linux["timeOffsets"] = copy.deepcopy(offsets)
    c = rootless.run_detached(bundle)
    with open(f"/proc/{c.pid}/timens_offsets") as f:
        assert f.read().split()[:3] == ["monotonic", "5000", "0"]
    seen(c, "time")
