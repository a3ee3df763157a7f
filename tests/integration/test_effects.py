# SPDX-License-Identifier: Apache-2.0
"""What limits do: seen by effect, at the start and after `update`. Ratios are measured within one run."""
import json
import os
import time

import pytest

from harness import LANE, SLOW, wait_for
from harness.blocks import loop  # noqa: F401
from harness.cgroups import usage_ns, version

MIB = 1 << 20


def wants(controller):
    if version(controller) is None:
        pytest.skip(f"this kernel has no {controller} controller")


def oom_kills(c):
    """How often the group's limit has ended a process."""
    if LANE == "v2":
        return c.cgroups.keyed("memory.events")["oom_kill"]
    return int(next(line.split()[1] for line in c.cgroups.read("memory.oom_control").splitlines() if line.startswith("oom_kill ")))


def limit_memory(bundle, size):
    bundle.resources["memory"] = {"limit": size, "swap": size}
    return bundle


# ---- memory ----------------------------------------------------------------------------------------------------


def eat(c, mib):
    """A process of the container that fills so much memory."""
    return c.exec("sh", "-c", f"head -c {mib}m /dev/zero | tail -c {mib}m >/dev/null")


def test_memory_limit_kills(runtime, bundle):
    c = runtime.run_detached(limit_memory(bundle, 32 * MIB).probe("sleep"))
    assert eat(c, 8).code == 0 and oom_kills(c) == 0
    assert eat(c, 128).code != 0
    assert oom_kills(c) > 0 and c.status == "running"


def test_memory_limit_is_told_by_events(runtime, bundle):
    c = runtime.run_detached(limit_memory(bundle, 32 * MIB).probe("sleep"))
    eat(c, 128)
    figures = c.call("events", "--stats").ok().json["data"]["memory"]
    assert figures["usage"]["limit"] == 32 * MIB


def test_memory_limit_can_be_raised(runtime, bundle):
    c = runtime.run_detached(limit_memory(bundle, 32 * MIB).probe("sleep"))
    assert eat(c, 100).code != 0
    c.call("update", "--memory=256M", "--memory-swap=256M").ok()
    before = oom_kills(c)
    assert eat(c, 100).code == 0 and oom_kills(c) == before


# ---- pids ------------------------------------------------------------------------------------------------------


def forks(c):
    return c.exec("sh", "-c", "i=0; n=0; while [ $i -lt 20 ]; do (sleep 1 &) 2>/dev/null && n=$((n+1)); i=$((i+1)); done; "
                  "ls -d /proc/[0-9]* | wc -l")


def test_pids_limit_refuses_a_fork(runtime, bundle):
    bundle.resources["pids"] = {"limit": 8}
    c = runtime.run_detached(bundle.probe("sleep"))
    assert "fork" in forks(c).err
    refused = c.cgroups.keyed("pids.events")["max"]
    assert refused > 0
    c.call("update", "--pids-limit=200").ok()
    assert forks(c).ok().err == "" and c.cgroups.keyed("pids.events")["max"] >= refused


# ---- cpu -------------------------------------------------------------------------------------------------------


def busy(runtime, make_bundle, **cpu):
    """A container that burns one processor for ever."""
    b = make_bundle().args("sh", "-c", "while :; do :; done")
    b.resources["cpu"] = dict({"cpus": "0", "mems": "0"}, **cpu)
    return runtime.run_detached(b)


def shares(containers, seconds=2.0):
    """Processor time that each had meanwhile, as parts of the whole."""
    before = [usage_ns(c) for c in containers]
    time.sleep(seconds * min(SLOW, 3))
    used = [usage_ns(c) - b for c, b in zip(containers, before)]
    return [u / sum(used) for u in used]


def test_weights_share_three_to_one(runtime, make_bundle):
    wants("cpuset")
    one = busy(runtime, make_bundle, shares=3072)
    other = busy(runtime, make_bundle, shares=1024)
    asked = 3.0
    if LANE == "v2":
        # The weights that the formula gives for these shares.
        asked = int(one.cgroups.read("cpu.weight")) / int(other.cgroups.read("cpu.weight"))
    share = shares([one, other])[0]
    assert abs(share - asked / (1 + asked)) < 0.1, (share, asked)
    for c in (one, other):
        c.call("update", "--cpu-share=1024").ok()
    share = shares([one, other])[0]
    assert abs(share - 0.5) < 0.1, share


def throttled(c):
    stat = c.cgroups.keyed("cpu.stat")
    return stat["nr_periods"], stat["nr_throttled"]


def test_quota_throttles(runtime, make_bundle):
    c = busy(runtime, make_bundle, quota=20000, period=100000)
    wait_for(lambda: throttled(c)[0] >= 10, 20)
    periods, cut = throttled(c)
    assert cut >= periods * 0.5, (periods, cut)
    c.call("update", "--cpu-quota=-1").ok()
    before = throttled(c)[1]
    time.sleep(0.5 * SLOW)
    assert throttled(c)[1] <= before + 1


def test_quota_holds(runtime, make_bundle):
    c = busy(runtime, make_bundle, quota=25000, period=100000)
    start, used = time.monotonic(), usage_ns(c)
    time.sleep(2 * SLOW)
    share = (usage_ns(c) - used) / (time.monotonic() - start) / 1e9
    assert share < 0.35, share


def test_cpuset_pins(runtime, bundle):
    wants("cpuset")
    bundle.resources["cpu"] = {"cpus": "0", "mems": "0"}
    c = runtime.run_detached(bundle.probe("sleep"))
    allowed = "grep Cpus_allowed_list /proc/self/status"
    assert c.exec("sh", "-c", allowed).ok().out.split()[1] == "0"
    if os.cpu_count() > 1:
        c.call("update", "--cpuset-cpus=1").ok()
        assert c.exec("sh", "-c", allowed).ok().out.split()[1] == "1"


# ---- devices ---------------------------------------------------------------------------------------------------


def test_devices(runtime, bundle, loop, place):
    bundle.linux["devices"] = [loop.node("/dev/mine")]
    bundle.resources["devices"] = [{"allow": False, "access": "rwm"}, loop.rule(True, "r")]
    c = runtime.run_detached(bundle.probe("sleep"))

    def reads():
        return c.exec("dd", "if=/dev/mine", "of=/dev/null", "bs=512", "count=1")

    def writes():
        return c.exec("dd", "if=/dev/zero", "of=/dev/mine", "bs=512", "count=1")
    assert reads().code == 0 and "Operation not permitted" in writes().err
    rules = os.path.join(place, "rules.json")
    with open(rules, "w") as f:
        json.dump({"devices": [{"allow": False, "access": "rwm"}, loop.rule(True, "w"),
                               {"allow": True, "type": "c", "major": 1, "access": "rw"}]}, f)
    c.call("update", "-r", rules).ok()
    assert writes().code == 0 and "Operation not permitted" in reads().err
    assert c.exec("sh", "-c", "echo x > /dev/null").code == 0


# ---- block I/O -------------------------------------------------------------------------------------------------


def test_throttle(runtime, bundle, loop):
    """Four times the rate take a quarter of the time, both measured here."""
    wants("blkio")
    bundle.linux["devices"] = [loop.node()]
    bundle.resources["devices"] = [{"allow": False, "access": "rwm"}, loop.rule(True)]
    bundle.resources["blockIO"] = {"throttleReadBpsDevice": [{"major": loop.major, "minor": loop.minor, "rate": MIB}]}
    c = runtime.run_detached(bundle.probe("sleep"))

    def seconds(mib):
        start = time.monotonic()
        c.exec("dd", "if=/dev/block", "of=/dev/null", "bs=256k", f"count={mib * 4}", "iflag=direct").ok()
        return time.monotonic() - start
    slow = seconds(2)
    if slow < 1:
        pytest.skip("this kernel does not throttle loop devices")
    path = os.path.join(os.path.dirname(bundle.path), "io.json")
    with open(path, "w") as f:
        json.dump({"blockIO": {"throttleReadBpsDevice": [{"major": loop.major, "minor": loop.minor, "rate": 64 * MIB}]}}, f)
    c.call("update", "-r", path).ok()
    fast = seconds(2)
    assert slow > 1.5 and fast < slow / 2, (slow, fast)


# ---- the freezer -----------------------------------------------------------------------------------------------


def test_frozen_processes_stand_still(runtime, make_bundle):
    c = busy(runtime, make_bundle)
    c.call("pause").ok()
    assert c.status == "paused"
    before = usage_ns(c)
    time.sleep(0.3 * SLOW)
    assert usage_ns(c) - before < 20_000_000
    c.call("resume").ok()
    wait_for(lambda: usage_ns(c) - before > 50_000_000, 10)


# ---- keys of cgroup v2 -----------------------------------------------------------------------------------------


@pytest.mark.v2
def test_unified(runtime, bundle):
    bundle.resources["unified"] = {"memory.high": str(24 * MIB), "pids.max": "33"}
    c = runtime.run_detached(bundle.probe("sleep"))
    assert c.cgroups.read("memory.high") == str(24 * MIB) and c.cgroups.read("pids.max") == "33"
    # Little above it: who is far above is slowed down for minutes.
    eat(c, 27)
    assert c.cgroups.keyed("memory.events")["high"] > 0


def test_huge_pages(runtime, bundle):
    wants("hugetlb")
    with open("/proc/sys/vm/nr_hugepages") as f:
        if int(f.read()) == 0:
            pytest.skip("the machine has no huge pages set aside, and a test may not change that")
    bundle.resources["hugepageLimits"] = [{"pageSize": "2MB", "limit": 0}]
    c = runtime.run_detached(bundle.probe("sleep"))
    assert c.status == "running"
