# SPDX-License-Identifier: Apache-2.0
"""Pools: groups of containers that share the processor, memory and process numbers; proved by effect."""
import json
import os
import time

import pytest
from harness import LANE, SLOW, USER, wait_for

V2 = LANE == "v2"
CPU = "/sys/fs/cgroup" if V2 else "/sys/fs/cgroup/cpu"
MEMORY = "/sys/fs/cgroup" if V2 else "/sys/fs/cgroup/memory"
HIERARCHIES = ["/sys/fs/cgroup"] if V2 else [f"/sys/fs/cgroup/{name}" for name in ("cpu", "memory", "pids", "freezer")]


@pytest.fixture
def pools(berth):
    """A store whose pools are gone again at the end, with their groups."""
    yield berth
    berth("rm", "--all", "--force")
    names = berth("pool", "ls", "-q").split()
    paths = [group(berth, name) for name in names]
    for name in reversed(names):
        berth("pool", "rm", name)
    for path in paths:
        assert not any(os.path.exists(root + path) for root in HIERARCHIES)


def group(berth, name):
    return berth("pool", "inspect", "--format", "{{.CgroupPath}}", name).strip()


def read(path):
    with open(path) as f:
        return f.read().strip()


def weight_of(path):
    return int(read(f"{CPU}{path}/cpu.weight")) if V2 else int(read(f"{CPU}{path}/cpu.shares"))


def cpu_used(path):
    if not V2:
        return int(read(f"/sys/fs/cgroup/cpuacct{path}/cpuacct.usage"))
    return int(read(f"/sys/fs/cgroup{path}/cpu.stat").split()[1]) * 1000


def busy(berth, *words):
    return berth("run", "-d", "--cpuset-cpus=0", *words, "busybox", "sh", "-c", "while :; do :; done").strip()


def used_between(paths, seconds=2.0):
    before = [cpu_used(p) for p in paths]
    time.sleep(seconds)
    return [cpu_used(p) - b for p, b in zip(paths, before)]


# ---- files and words --------------------------------------------------------------------------------------------------


def test_life_of_a_pool(pools):
    assert pools("pool", "create", "team", "--cpu-weight", "300", "--memory", "512m", "--pids-limit", "200") == "team\n"
    assert pools("pool", "create", "web", "--parent", "team", "--cpus", "1.5") == "team/web\n"
    assert pools("pool", "ls", "-q").split() == ["team", "team/web"]
    path = group(pools, "team")
    assert weight_of(path) == (300 if V2 else 3072)
    assert read(f"{MEMORY}{path}/{'memory.max' if V2 else 'memory.limit_in_bytes'}") == str(512 << 20)
    assert group(pools, "team/web").startswith(path + "/")
    pools("run", "-d", "--name", "box", "--pool", "team/web", "busybox", "sleep", "1000")
    assert pools.inspect("box")["HostConfig"]["Pool"] == "team/web"
    pid = pools.inspect("box")["State"]["Pid"]
    assert f"{group(pools, 'team/web')}/{pools.id('box')}" in read(f"/proc/{pid}/cgroup")
    shown = json.loads(pools("pool", "inspect", "team/web"))[0]
    assert shown["Containers"] == ["box"] and shown["Parent"] == "team" and shown["Limits"] == {"cpus": "1.5"}
    tree = pools("pool", "tree")
    assert tree.splitlines() == ["team/  cpu-weight=300, memory=512m, pids-limit=200", "  web/  cpus=1.5", "    box (running)"]


def test_refusals(pools):
    pools("pool", "create", "a")
    assert "pool a already exists" in pools.fails("pool", "create", "a")
    assert "no such pool: b" in pools.fails("pool", "create", "c", "--parent", "b")
    assert "is no name of a pool" in pools.fails("pool", "create", "../x")
    assert "no such pool: nope" in pools.fails("run", "--pool", "nope", "busybox", "true", code=125)
    assert "conflicting options" in pools.fails("run", "--pool", "a", "--cgroup-parent", "/x", "busybox", "true", code=125)
    assert "--cpu-weight 0" in pools.fails("pool", "create", "d", "--cpu-weight", "0")
    assert "no such pool: nope" in pools.fails("pool", "rm", "nope")


def test_pool_in_use_is_not_removed(pools):
    pools("pool", "create", "a")
    pools("pool", "create", "a/b")
    pools("create", "--name", "box", "--pool", "a", "busybox", "true")
    line = pools.fails("pool", "rm", "a")
    assert "pool a is in use by container box and pool a/b" in line
    pools("pool", "rm", "a/b")
    pools("start", "box")
    pools("wait", "box")
    assert "in use by container box" in pools.fails("pool", "rm", "a")
    pools("rm", "box")
    pools("pool", "rm", "a")


def test_groups_come_back_with_the_next_use(pools):
    """As after a reboot: the files are there and the groups are not."""
    pools("pool", "create", "a", "--cpu-weight", "50")
    pools("pool", "create", "a/b", "--pids-limit", "77")
    paths = [group(pools, "a/b"), group(pools, "a")]
    for root in ["/sys/fs/cgroup"] if V2 else [f"/sys/fs/cgroup/{d}" for d in os.listdir("/sys/fs/cgroup")]:
        for path in paths:
            if os.path.isdir(root + path):
                os.rmdir(root + path)
    pools("run", "--rm", "--pool", "a/b", "busybox", "true")
    assert weight_of(paths[1]) == (50 if V2 else 512)
    assert read(f"{'/sys/fs/cgroup' if V2 else '/sys/fs/cgroup/pids'}{paths[0]}/pids.max") == "77"


# ---- by effect --------------------------------------------------------------------------------------------------------


def test_pools_share_by_weight_however_many_are_in_them(pools):
    pools("pool", "create", "gold", "--cpu-weight", "200")
    pools("pool", "create", "tin", "--cpu-weight", "100")
    busy(pools, "--pool", "gold")
    for _ in range(9):
        busy(pools, "--pool", "tin")
    gold, tin = used_between([group(pools, "gold"), group(pools, "tin")], 3.0 if SLOW == 1 else 6.0)
    assert gold / tin == pytest.approx(2.0, rel=0.1)


def test_weights_inside_a_pool(pools):
    pools("pool", "create", "p")
    ids = [busy(pools, "--pool", "p", "--cpu-weight", weight) for weight in ("300", "100")]
    # One outside of it gets what the whole pool gets.
    lone = busy(pools)
    path = group(pools, "p")
    one, other, alone = used_between([f"{path}/{i}" for i in ids] + [f"/berth/{lone}"], 3.0 if SLOW == 1 else 6.0)
    assert one / other == pytest.approx(3.0, rel=0.1)
    assert (one + other) / alone == pytest.approx(1.0, rel=0.1)


def test_pids_limit_of_a_pool(pools):
    pools("pool", "create", "p", "--pids-limit", "6")
    pools("run", "-d", "--pool", "p", "busybox", "sleep", "1000")
    p = pools.run("run", "--rm", "--pool", "p", "busybox", "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 3 & done; wait")
    assert "can't fork" in p.stderr or "Resource temporarily unavailable" in p.stderr


def test_memory_limit_of_a_pool_counts_all(pools):
    pools("pool", "create", "p", "--memory", "64m")
    p = pools.run("run", "--name", "eater", "--pool", "p", "busybox", "dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1")
    assert p.returncode == 137
    assert pools.inspect("eater")["State"]["ExitCode"] == 137


def large_files(total):
    """Files below /usr of so many bytes in all."""
    found, size = [], 0
    for folder, _, names in os.walk("/usr"):
        for path in (os.path.join(folder, name) for name in names):
            if size < total and not os.path.islink(path) and os.path.getsize(path) > 1 << 20:
                found.append(path)
                size += os.path.getsize(path)
    assert size >= total
    return found


@pytest.mark.skipif(not V2, reason="cgroup v1 has no memory protection")
def test_protected_memory_stays_under_a_neighbours_pressure(pools):
    """Two pools in one that is too small for both. One holds cached files, the other wants memory that cannot be given back:
    it takes the files' memory where that is not protected, and is killed where it is."""
    pools("pool", "create", "all", "--memory", "160m")
    pools("pool", "create", "all/kept", "--memory-min", "80m")
    pools("pool", "create", "all/greedy")
    path = group(pools, "all/kept")
    files = large_files(60 << 20)
    with open("/proc/sys/vm/drop_caches", "w") as f:  # this kernel is the test's own: else they count for who read them before
        f.write("1")
    pools("run", "-d", "--name", "box", "--pool", "all/kept", "--memory-min", "80m", "-v", "/usr:/usr-of-host:ro", "busybox",
          "sh", "-c", 'cat "$@" > /dev/null; sleep 1000', "sh", *(f.replace("/usr/", "/usr-of-host/", 1) for f in files))

    def used():
        return int(read(f"{MEMORY}{path}/memory.current"))
    wait_for(lambda: used() > 55 << 20, timeout=20)
    greedy = ["run", "--rm", "--pool", "all/greedy", "--shm-size", "200m", "busybox", "dd", "if=/dev/zero", "of=/dev/shm/x", "bs=1M",
              "count=120"]
    assert pools.run(*greedy).returncode == 137 and used() > 55 << 20
    pools("update", "--memory-min", "0", "--pool", "all/kept", "box")
    assert pools.run(*greedy).returncode == 0 and used() < 50 << 20


# ---- ordinary users ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(V2, reason="this kernel's groups can be given to users")
def test_user_without_groups_is_told(user):
    assert "an ordinary user's pools need cgroup v2" in user.fails("pool", "create", "p")
    assert user("pool", "ls", "-q") == ""


@pytest.mark.skipif(not V2, reason="only cgroup v2 can be given to users")
def test_user_with_delegated_groups(user):
    """As below a systemd user manager: a group that is his, and he in a group below it."""
    top = "/sys/fs/cgroup/delegated"
    os.makedirs(top + "/shell")
    with open("/sys/fs/cgroup/cgroup.subtree_control", "w") as f:
        f.write("+cpu +memory +pids +io")
    for name in ("", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads", "/shell", "/shell/cgroup.procs"):
        os.chown(top + name, USER, USER)
    user.prefix = ["sh", "-c", f'echo $$ > {top}/shell/cgroup.procs; exec "$@"', "sh", *user.prefix]
    try:
        user("pool", "create", "p", "--cpu-weight", "70", "--memory", "256m")
        path = group(user, "p")
        assert path.startswith("/delegated/berth/pool-p-") and read(f"/sys/fs/cgroup{path}/cpu.weight") == "70"
        user("run", "-d", "--name", "box", "--pool", "p", "busybox", "sleep", "1000")
        assert read(f"/sys/fs/cgroup{path}/pids.current") == "1"
        user("rm", "-f", "box")
        user("pool", "rm", "p")
    finally:
        os.system(f"for d in {top}/berth {top}/shell {top}; do rmdir $d 2>/dev/null; done")
