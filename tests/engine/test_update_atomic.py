# SPDX-License-Identifier: Apache-2.0
"""berth update of many containers and pools: all of them or none, shown beforehand, and never a surprise kill."""
import json
import os

import pytest
from harness import LANE, Cgroups, wait_for

V2 = LANE == "v2"


@pytest.fixture
def store(berth):
    yield berth
    berth("rm", "--all", "--force")
    for name in reversed(berth("pool", "ls", "-q").split()):
        berth("pool", "rm", name)


def start(berth, name, *words, command=("sleep", "1000")):
    berth("run", "-d", "--name", name, *words, "busybox", *command)
    return Cgroups(berth.inspect(name)["State"]["Pid"])


def pool_file(berth, name, v1, v2):
    path = berth("pool", "inspect", "--format", "{{.CgroupPath}}", name).strip()
    file = v2 if V2 else v1
    root = "/sys/fs/cgroup" if V2 else "/sys/fs/cgroup/" + file.split(".")[0]
    with open(f"{root}{path}/{file}") as f:
        return f.read().strip()


def kept(berth, name):
    texts = []
    for file in ("config.json", "record.json"):
        with open(os.path.join(berth.folder(name), file)) as f:
            texts.append(f.read())
    return texts


def test_containers_and_a_pool_at_once(store):
    store("pool", "create", "p", "--pids-limit", "50")
    groups = [start(store, "one"), start(store, "two", "--pool", "p")]
    assert store("update", "--pids-limit", "33", "--cpu-weight", "250", "one", "two", "--pool", "p") == "one\ntwo\np\n"
    assert [g.read("pids.max") for g in groups] == ["33", "33"]
    assert [g.read_either("cpu.shares", "cpu.weight") for g in groups] == ["250" if V2 else "2560"] * 2
    assert pool_file(store, "p", "pids.max", "pids.max") == "33"
    assert pool_file(store, "p", "cpu.shares", "cpu.weight") == ("250" if V2 else "2560")
    assert json.loads(store("pool", "inspect", "p"))[0]["Limits"] == {"cpu-weight": "250", "pids-limit": "33"}
    events = store("events", "--since", "10m", "--until", "0s", "--filter", "event=update", "--format", "{{json .}}")
    rows = [json.loads(line) for line in events.splitlines()]
    assert [(r["Type"], r["Name"]) for r in rows] == [("container", "one"), ("container", "two"), ("pool", "p")]
    assert rows[0]["Actor"]["Attributes"]["pids-limit"] == "33"


def test_pool_update_takes_effect_and_is_kept(store):
    store("pool", "create", "p", "--memory", "128m")
    start(store, "box", "--pool", "p")
    assert store("pool", "update", "--memory", "96m", "--cpus", "0.5", "p") == "p\n"
    assert pool_file(store, "p", "memory.limit_in_bytes", "memory.max") == str(96 << 20)
    assert pool_file(store, "p", "cpu.cfs_quota_us", "cpu.max").split()[0] == "50000"
    store("restart", "-t", "0", "box")
    assert pool_file(store, "p", "memory.limit_in_bytes", "memory.max") == str(96 << 20)
    assert "no such limit" in store.fails("update", "--cpuset-cpus", "0", "--pool", "p")


def test_none_where_one_is_not_there(store):
    group = start(store, "one", "--pids-limit", "20")
    before = kept(store, "one")
    assert "no such container: nosuch" in store.fails("update", "--pids-limit", "40", "one", "nosuch")
    assert group.read("pids.max") == "20" and kept(store, "one") == before


def test_what_the_kernel_refuses_takes_all_back(store):
    """The last of three cannot have that processor: the first two have their old values again, in files too."""
    groups = [start(store, "one", "--pids-limit", "20"), start(store, "two", "--pids-limit", "21")]
    files = [kept(store, name) for name in ("one", "two")]
    store("create", "--name", "three", "busybox", "true")
    line = store.fails("update", "--pids-limit", "60", "--cpuset-cpus", "4000", "three", "one", "two")
    assert "there is no such processor" in line or "does not have these" in line
    assert [g.read("pids.max") for g in groups] == ["20", "21"]
    assert [kept(store, name) for name in ("one", "two")] == files
    assert not [name for name in os.listdir(store.folder("one")) if name.endswith(".new")]


def test_files_that_cannot_be_written_take_the_kernel_back(store):
    """A folder stands where the new record of the second one is to be written."""
    groups = [start(store, "one", "--pids-limit", "20"), start(store, "two", "--pids-limit", "21")]
    files = [kept(store, name) for name in ("one", "two")]
    block = os.path.join(store.folder("two"), ".record.json.new")
    os.makedirs(os.path.join(block, "x"))
    store.fails("update", "--pids-limit", "60", "one", "two")
    os.rmdir(os.path.join(block, "x"))
    os.rmdir(block)
    assert [g.read("pids.max") for g in groups] == ["20", "21"]
    assert [kept(store, name) for name in ("one", "two")] == files


def test_dry_run_writes_nothing(store):
    group = start(store, "box", "--pids-limit", "20", "-m", "64m")
    store("create", "--name", "later", "--cpus", "1", "busybox", "true")
    rows = [json.loads(line) for line in store("update", "--dry-run", "--format", "json", "--pids-limit", "40", "--cpus", "2",
                                               "box", "later").splitlines()]
    mine = {os.path.basename(r["File"]): (r["Old"], r["New"]) for r in rows if r["Of"] == "container box"}
    assert mine["pids.max"] == ("20", "40")
    assert (mine["cpu.max"] == ("max 100000", "200000 100000")) if V2 else (mine["cpu.cfs_quota_us"] == ("-1", "200000"))
    assert all(os.path.exists(r["File"]) for r in rows if r["Of"] == "container box")
    stopped = [(r["File"], r["Old"], r["New"]) for r in rows if r["Of"] == "container later"]
    assert ("--cpus (next start)", "1", "2") in stopped
    assert group.read("pids.max") == "20"
    table = store("update", "--dry-run", "--pids-limit", "40", "box").splitlines()
    assert table[0].split() == ["OF", "FILE", "OLD", "NEW"] and table[1].split()[-2:] == ["20", "40"]


def test_limit_below_what_is_used_is_refused(store):
    fill = "dd if=/dev/zero of=/dev/shm/x bs=1M count=40 2>/dev/null; echo ready; sleep 1000"
    group = start(store, "box", "-m", "100m", command=("sh", "-c", fill))
    wait_for(lambda: "ready" in store("logs", "box"))
    line = store.fails("update", "-m", "20m", "box")
    assert "container box: --memory 20m:" in line and "out of memory" in line and "--force" in line
    assert group.read_either("memory.limit_in_bytes", "memory.max") == str(100 << 20)
    forced = store.run("update", "--force", "-m", "20m", "--memory-swap", "20m", "box")
    if V2:
        assert forced.returncode == 0
        wait_for(lambda: store.inspect("box")["State"]["Status"] == "exited")
        assert store.inspect("box")["State"]["ExitCode"] == 137
    else:
        assert "container box: linux.resources.memory" in forced.stderr and store.inspect("box")["State"]["Running"]


def test_weights_do_not_stand_beside_each_other(store):
    group = start(store, "box", "--cpu-weight", "300")
    store("update", "--cpu-shares", "512", "box")
    now = group.read_either("cpu.shares", "cpu.weight")
    store("restart", "-t", "0", "box")
    group = Cgroups(store.inspect("box")["State"]["Pid"])
    assert group.read_either("cpu.shares", "cpu.weight") == now
    store("update", "--cpu-weight", "700", "box")
    store("restart", "-t", "0", "box")
    assert Cgroups(store.inspect("box")["State"]["Pid"]).read_either("cpu.shares", "cpu.weight") == ("700" if V2 else "7168")
