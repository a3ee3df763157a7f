# SPDX-License-Identifier: Apache-2.0
"""--systemd-cgroup: groups as units of systemd. Runs where systemd is process 1 (tools/microvm --systemd)."""
import os
import subprocess

import pytest

from harness import USER, Runtime, wait_for

with open("/proc/1/comm") as f:
    IS_SYSTEMD = f.read() == "systemd\n"
needs_systemd = pytest.mark.skipif(not IS_SYSTEMD, reason="process 1 is not systemd")
INFINITY = str(2**64 - 1)


def systemctl(*words, check=True):
    p = subprocess.run(["systemctl", "--no-pager", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert not check or p.returncode == 0, p.stderr
    return p.stdout


def prop(unit, name):
    return systemctl("show", "-p", name, "--value", unit).strip()


def is_loaded(unit):
    return prop(unit, "LoadState") == "loaded" and prop(unit, "ActiveState") != "inactive"


@pytest.fixture
def runtime(place):
    rt = Runtime(os.path.join(place, "state"), options=("--systemd-cgroup",))
    yield rt
    for container in rt("list", "--format", "json").ok().json or []:
        rt("delete", "--force", container["id"])


@pytest.fixture
def bundle(bundle):
    return bundle.probe("sleep")


def read(container, file):
    with open(f"/proc/{container.pid}/cgroup") as f:
        path = f.read().split("0::")[1].split("\n")[0]
    with open(f"/sys/fs/cgroup{path}/{file}") as f:
        return f.read().strip()


@pytest.mark.skipif(IS_SYSTEMD, reason="systemd is there")
def test_without_systemd(runtime, bundle):
    runtime.run(bundle).fails("--systemd-cgroup", "no systemd can be reached", "leave the option out", code=1)


@pytest.mark.parametrize("path, words", [
    ("/a/b", ["slice:prefix:name"]), ("a:b", ["slice:prefix:name"]), ("a:b:c:d", ["slice:prefix:name"]),
    ("nothing:berth:x", ["no name of a slice"]), ("a--b.slice:berth:x", ["empty part"]), ("/a.slice:berth:x", ["no name of a slice"]),
    ("system.slice:berth:x/y", ["unit's name"]), ("../x.slice:berth:x", ["no name of a slice"]),
])
def test_bad_paths(runtime, bundle, path, words):
    bundle.linux["cgroupsPath"] = path
    runtime.run(bundle).fails(*words, code=1)


@needs_systemd
@pytest.mark.parametrize("path, unit, folder", [
    (None, "berth-{id}.scope", "/system.slice/berth-{id}.scope"),
    ("system.slice:berth:abc", "berth-abc.scope", "/system.slice/berth-abc.scope"),
    ("kube-pods-one.slice:cri:abc", "cri-abc.scope", "/kube.slice/kube-pods.slice/kube-pods-one.slice/cri-abc.scope"),
    ("-.slice:berth:abc", "berth-abc.scope", "/berth-abc.scope"),
    (":berth:abc", "berth-abc.scope", "/system.slice/berth-abc.scope"),
])
def test_life(runtime, bundle, path, unit, folder):
    if path:
        bundle.linux["cgroupsPath"] = path
    c = runtime.create(bundle)
    unit, folder = unit.format(id=c.id), folder.format(id=c.id)
    with open(f"/proc/{c.pid}/cgroup") as f:
        assert f.read() == f"0::{folder}\n"
    assert prop(unit, "ActiveState") == "active" and prop(unit, "Delegate") == "yes"
    assert prop(unit, "ControlGroup") == folder
    with open(f"/sys/fs/cgroup{folder}/cgroup.procs") as f:
        assert f.read().split() == [str(c.pid)], "only the container is in it"
    c.start()
    c.exec("probe", "ids").ok()
    c.call("pause").ok()
    assert c.status == "paused"
    c.call("resume").ok()
    systemctl("daemon-reload")
    assert c.status == "running" and is_loaded(unit)
    c.kill("KILL").ok()
    c.wait()
    c.delete().ok()
    assert not is_loaded(unit) and not os.path.exists(f"/sys/fs/cgroup{folder}")
    if "kube" in folder:  # slices are systemd's own to keep
        systemctl("stop", "kube.slice")


@needs_systemd
def test_run(runtime, bundle):
    assert runtime.run(bundle.probe("ids")).ok().probe("ids")
    assert "berth-" not in systemctl("list-units", "--all", "--plain", "--no-legend", "berth-*")


LIMITS = [  # resources, property, its value, file, its content
    ({"memory": {"limit": 67108864}}, "MemoryMax", "67108864", "memory.max", "67108864"),
    ({"memory": {"reservation": 33554432}}, "MemoryLow", "33554432", "memory.low", "33554432"),
    ({"memory": {"limit": 67108864, "swap": 134217728}}, "MemorySwapMax", "67108864", "memory.swap.max", "67108864"),
    ({"cpu": {"shares": 512}}, "CPUWeight", None, "cpu.weight", None),
    ({"cpu": {"quota": 50000, "period": 100000}}, "CPUQuotaPerSecUSec", "500ms", "cpu.max", "50000 100000"),
    ({"cpu": {"quota": 33333, "period": 100000}}, "CPUQuotaPerSecUSec", "340ms", "cpu.max", "33333 100000"),
    ({"cpu": {"cpus": "0"}}, "AllowedCPUs", "0", "cpuset.cpus", "0"),
    ({"pids": {"limit": 77}}, "TasksMax", "77", "pids.max", "77"),
    ({"unified": {"memory.high": "50331648"}}, "MemoryHigh", "50331648", "memory.high", "50331648"),
    ({"unified": {"memory.max": "max"}}, "MemoryMax", "infinity", "memory.max", "max"),
]


@needs_systemd
@pytest.mark.parametrize("resources, name, value, file, content", LIMITS, ids=[f"{x[1]}-{x[4]}" for x in LIMITS])
def test_limits_survive_a_reload(runtime, bundle, resources, name, value, file, content):
    bundle.linux["resources"] = resources
    c = runtime.create(bundle).start()
    unit = f"berth-{c.id}.scope"
    before = read(c, file)
    assert content is None or before == content
    assert value is None or prop(unit, name) == value
    if value is None:
        assert prop(unit, name) == before
    systemctl("daemon-reload")
    if content != "33333 100000":  # systemd keeps whole percents
        assert read(c, file) == before


@needs_systemd
def test_update(runtime, bundle):
    c = runtime.create(bundle).start()
    unit = f"berth-{c.id}.scope"
    c.call("update", "--memory", "64M", "--pids-limit", "50", "--cpu-quota", "25000").ok()
    assert (prop(unit, "MemoryMax"), prop(unit, "TasksMax"), prop(unit, "CPUQuotaPerSecUSec")) == ("67108864", "50", "250ms")
    assert (read(c, "memory.max"), read(c, "pids.max"), read(c, "cpu.max")) == ("67108864", "50", "25000 100000")
    systemctl("daemon-reload")
    assert (read(c, "memory.max"), read(c, "pids.max"), read(c, "cpu.max")) == ("67108864", "50", "25000 100000")


@needs_systemd
def test_annotations(runtime, bundle):
    prefix = "org.systemd.property."
    bundle.config["annotations"] = {prefix + "TimeoutStopSec": "7.5", prefix + "Description": "'mine'", prefix + "CollectMode": '"inactive"',
                                    prefix + "MemoryHigh": "uint64 104857600", prefix + "After": "['dbus.service', 'basic.target']"}
    c = runtime.create(bundle)
    unit = f"berth-{c.id}.scope"
    assert prop(unit, "Description") == "mine" and prop(unit, "TimeoutStopUSec") == "7.500000s"
    assert prop(unit, "MemoryHigh") == "104857600" and "dbus.service" in prop(unit, "After")


@pytest.mark.parametrize("name, value", [("Bad-Name", "true"), ("A", "1"), ("Description", "'open"), ("After", "['a'"), ("MemoryHigh", "uint64 x"),
                                         ("Description", "plain words")])
@needs_systemd
def test_bad_annotations(runtime, bundle, name, value):
    bundle.config["annotations"] = {f"org.systemd.property.{name}": value}
    runtime.run(bundle).fails("org.systemd.property", code=1)


@needs_systemd
def test_systemd_refuses(runtime, bundle):
    bundle.config["annotations"] = {"org.systemd.property.NoSuchThing": "true"}
    runtime.run(bundle).fails("systemd", "NoSuchThing", code=1)


@needs_systemd
def test_name_is_taken(runtime, bundle):
    bundle.linux["cgroupsPath"] = "system.slice:berth:taken"
    c = runtime.create(bundle)
    runtime.run(bundle).fails("systemd", "berth-taken.scope", code=1)
    assert c.status == "created" and is_loaded("berth-taken.scope")


@needs_systemd
def test_unit_vanishes(runtime, bundle):
    """Somebody ends the unit: the container is stopped, and delete is content."""
    c = runtime.create(bundle).start()
    systemctl("kill", "--signal=SIGKILL", f"berth-{c.id}.scope")
    c.wait()
    wait_for(lambda: not is_loaded(f"berth-{c.id}.scope"))
    c.delete().ok()


@needs_systemd
def test_failed_create_leaves_no_unit(runtime, bundle):
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}
    runtime("create", "--bundle", bundle.write().path, "lost").fails(code=1)
    wait_for(lambda: not is_loaded("berth-lost.scope"))


# ---- an ordinary user's manager -------------------------------------------------------------------


@pytest.fixture
def manager(place):
    """systemd of the user USER, as logind would start it; gives its run folder."""
    run = os.path.join(place, "run")
    os.mkdir(run, 0o700)
    os.chown(run, USER, USER)
    subprocess.run(["systemd-run", "--quiet", "--unit=one-user", f"--uid={USER}", f"--gid={USER}", "-p", "Delegate=yes",
                    f"--setenv=XDG_RUNTIME_DIR={run}", f"--setenv=HOME={run}", "/usr/lib/systemd/systemd", "--user"], check=True)
    wait_for(lambda: os.path.exists(os.path.join(run, "systemd", "private")), 5)
    yield run
    # A manager that is asked politely waits 90 s for what a failed test left in its units.
    systemctl("kill", "--signal=KILL", "one-user.service", check=False)
    systemctl("stop", "one-user.service", check=False)


@needs_systemd
def test_of_a_user(rootless, bundle, manager, place):
    bundle.add_namespace("user").own_rootfs(USER)
    bundle.linux["uidMappings"] = bundle.linux["gidMappings"] = [{"containerID": 0, "hostID": USER, "size": 1}]
    bundle.linux["resources"] = {"memory": {"limit": 67108864}, "pids": {"limit": 50}}
    for m in bundle.config["mounts"]:
        m["options"] = [o for o in m["options"] if not o.startswith("gid=")]
    mine = Runtime(os.path.join(manager, "berth"), prefix=rootless.prefix, env=dict(rootless.env or {}, XDG_RUNTIME_DIR=manager),
                   options=("--systemd-cgroup",))
    c = mine.create(bundle).start()
    folder = f"/system.slice/one-user.service/user.slice/berth-{c.id}.scope"
    with open(f"/proc/{c.pid}/cgroup") as f:
        assert f.read() == f"0::{folder}\n"
    assert (read(c, "memory.max"), read(c, "pids.max")) == ("67108864", "50")
    assert c.exec("cat", "/proc/self/cgroup").ok().out in ("0::/\n", f"0::{folder}\n")
    c.call("update", "--pids-limit", "40").ok()
    assert read(c, "pids.max") == "40"
    c.kill("KILL").ok()
    c.wait()
    c.delete().ok()
    assert not os.path.exists(f"/sys/fs/cgroup{folder}")
