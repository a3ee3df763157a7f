# SPDX-License-Identifier: Apache-2.0
"""berth why: the truth about staged cases, each with its evidence and what would mend it."""
import json
import os
import platform
import re
import signal
import struct
import subprocess
import time

import pytest
from harness import LANE, USER, wait_for

pytest_plugins = ["harness.blocks"]
V2 = LANE == "v2"
FOREVER = ("sleep", "1000")
BUSY = ("sh", "-c", "while :; do :; done")


@pytest.fixture
def store(berth):
    yield berth
    berth("rm", "--all", "--force")
    for name in reversed(berth("pool", "ls", "-q").split()):
        berth("pool", "rm", name)


def why(berth, name="box"):
    return json.loads(berth("why", "--json", name))


def found(berth, cause, name="box"):
    """The statement with that cause; it has evidence."""
    report = why(berth, name)
    rows = [s for s in report["statements"] if s["cause"] == cause]
    assert rows, report
    assert rows[0]["evidence"] and rows[0]["text"]
    return rows[0]


def causes(berth, name="box"):
    return [s["cause"] for s in why(berth, name)["statements"]]


def start(berth, *words, command=FOREVER):
    berth("run", "-d", "--name", "box", *words, "busybox", *command)
    return berth.inspect("box")["State"]["Pid"]


def run(berth, *words, command):
    return berth.run("run", "--name", "box", *words, "busybox", *command).returncode


def elf(code=b"", machine=None):
    """The least program that this machine, or another one, can execute."""
    base = 0x400000
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, machine or 62, 1, base + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return head + struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, 120 + len(code), 120 + len(code), 4096) + code


@pytest.fixture
def programs(place):
    def write(name, data, mode=0o755):
        folder = os.path.join(place, "programs")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)
        os.chmod(os.path.join(folder, name), mode)
        return ["-v", f"{folder}:/w"]
    return write


# ---- nothing is wrong --------------------------------------------------------------------------------------------------


def test_healthy_while_running(store):
    start(store, "-m", "64m", "--cpus", "0.5", "--pids-limit", "20")
    row = found(store, "healthy")
    assert row["severity"] == "ok" and causes(store) == ["healthy"]
    text = store("why", "box")
    assert re.match(r"box \([0-9a-f]{12}\): running for ", text) and "\nok: nothing is wrong" in text


def test_healthy_end(store):
    assert run(store, command=["true"]) == 0
    assert found(store, "ended-well")["severity"] == "ok" and causes(store) == ["ended-well"]


def test_never_started(store):
    store("create", "--name", "box", "busybox", "true")
    assert found(store, "never-started")["mend"] == "berth start box"


def test_healthy_check(store):
    start(store, "--health-cmd", "true", "--health-interval", "200ms")
    wait_for(lambda: store.status("box")["health"] == "healthy" if store.status("box") else False)
    assert causes(store) == ["healthy"]


# ---- memory ------------------------------------------------------------------------------------------------------------


EAT = ("tail", "/dev/zero")


def test_out_of_memory_by_its_own_limit(store):
    assert run(store, "-m", "24m", "--memory-swap", "24m", command=EAT) == 137
    row = found(store, "out-of-memory")
    assert row["severity"] == "problem" and "its own limit of 24.0 MiB; that ended the container" in row["text"]
    assert "killed tail (process " in row["text"] and "which held" in row["text"]
    assert f"kernel log: oom_memcg=/berth/{store.id('box')}" in row["evidence"]
    assert row["mend"] == "berth update --memory 36m box"


def test_out_of_memory_by_its_pools_limit(store):
    store("pool", "create", "p", "-m", "24m")
    assert run(store, "--pool", "p", "-m", "512m", command=EAT) == 137
    row = found(store, "out-of-memory")
    assert "because of the limit of its pool p" in row["text"] and "berth pool update --memory SIZE p" in row["mend"]
    assert any("oom_memcg=/berth/pool-p-" in line for line in row["evidence"])


def test_out_of_memory_of_a_child_while_it_runs(store):
    start(store, "-m", "24m", "--memory-swap", "24m", command=["sh", "-c", "tail /dev/zero; sleep 1000"])
    wait_for(lambda: "out-of-memory" in causes(store))
    row = found(store, "out-of-memory")
    assert "killed tail" in row["text"] and "ended the container" not in row["text"]


def test_out_of_memory_of_one_that_is_removed(store):
    assert store.run("run", "--rm", "--name", "gone", "-m", "24m", "--memory-swap", "24m", "busybox", *EAT).returncode == 137
    row = found(store, "out-of-memory", "gone")
    assert "its own limit of 24.0 MiB" in row["text"] and row["mend"] == "run it again with --memory 36m"
    assert "; removed " in why(store, "gone")["state"]


@pytest.mark.skipif(not V2, reason="cgroup v1 has no memory.high")
def test_slowed_down_by_memory_high(store):
    start(store, "--memory-high", "16m", command=["sh", "-c", "dd if=/dev/zero of=/dev/shm/x bs=1M count=24; sleep 1000"])
    wait_for(lambda: "memory-high" in causes(store))
    assert "memory.events: high" in found(store, "memory-high")["evidence"][0]


# ---- it did not start --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause, name, data, mode, text", [
    ("missing-program", None, b"", 0, "executable file not found"),
    ("crlf-script", "crlf", b"#!/bin/sh\r\necho\r\n", 0o755, "CRLF"),
    ("missing-interpreter", "script", b"#!/usr/bin/python9\n", 0o755, "/usr/bin/python9"),
    ("wrong-architecture", "foreign", elf(machine=22), 0o755, "exec format error"),
    ("not-executable", "plain", b"echo\n", 0o644, "permission denied"),
])
def test_did_not_start(store, programs, cause, name, data, mode, text):
    words = programs(name, data, mode) if name else []
    store("create", "--name", "box", *words, "busybox", f"/w/{name}" if name else "nosuch")
    assert store.run("start", "box").returncode != 0
    row = found(store, cause)
    assert row["severity"] == "problem" and text in row["evidence"][0] and row["mend"]
    assert causes(store) == [cause]


def test_did_not_start_and_was_removed_by_run(store):
    store.run("run", "--rm", "--name", "gone", "busybox", "nosuch")
    assert causes(store, "gone") == ["missing-program"]


# ---- codes and signals -------------------------------------------------------------------------------------------------


def test_its_own_code_and_last_words(store):
    assert run(store, command=["sh", "-c", "echo one; echo cannot go on >&2; exit 3"]) == 3
    row = found(store, "failed")
    assert "ended itself with code 3" in row["text"] and "log: cannot go on" in row["evidence"] and row["mend"] == "berth logs box"


def test_command_not_found_in_a_shell(store):
    assert run(store, command=["sh", "-c", "nosuch"]) == 127
    row = found(store, "command-not-found")
    assert "was not found" in row["text"] and any("nosuch: not found" in line for line in row["evidence"])


def test_child_ended_by_a_signal(store):
    assert run(store, "--ulimit", "fsize=1000000", command=[
        "sh", "-c", "dd if=/dev/zero of=/x bs=1M count=4 2>/dev/null; exit $?"]) == 128 + signal.SIGXFSZ
    assert "a command in it was ended by SIGXFSZ" in found(store, "child-killed")["text"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the program is written for x86_64")
def test_fault_of_the_program(store, programs):
    words = programs("fault", elf(b"\xc7\x04\x25\0\0\0\0\0\0\0\0"))  # mov dword [0], 0
    assert run(store, *words, command=["/w/fault"]) == 128 + signal.SIGSEGV
    row = found(store, "fault")
    assert "SIGSEGV ended it: it touched memory that it does not have" in row["text"]


def test_stopped_by_a_person(store):
    start(store, command=["sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done"])
    wait_for(lambda: "ready" in store("logs", "box"))
    store("stop", "box")
    row = found(store, "stopped")
    assert "it was stopped by root with `berth stop` (and ended with code 0)" in row["text"]
    assert row["severity"] == "note" and "events.jsonl: stop, signal 15" in row["evidence"]


def test_stopped_by_force(store):
    start(store)
    store("stop", "-t", "0", "box")
    row = found(store, "stopped-by-force")
    assert "did not heed SIGTERM" in row["text"] and "--init" in row["mend"]


def test_killed_by_a_person(store):
    start(store)
    store("kill", "box")
    store("wait", "box")
    assert "it was stopped by root with `berth kill` (SIGKILL)" in found(store, "stopped")["text"]


def test_killed_by_somebody_unknown(store):
    pid = start(store)
    os.kill(pid, signal.SIGKILL)
    store("wait", "box")
    row = found(store, "killed")
    assert "SIGKILL ended it, sent by somebody unknown: not by berth, and not by the kernel" in row["text"]
    assert "events.jsonl: no kill and no stop" in row["evidence"]


def test_lost_monitor(store):
    start(store)
    os.kill(store.status("box")["monitor"], signal.SIGKILL)
    wait_for(lambda: "monitor-lost" in causes(store))
    assert "berth-monitor" in found(store, "monitor-lost")["text"]


# ---- system calls ------------------------------------------------------------------------------------------------------


def profile(place, action):
    path = os.path.join(place, "profile.json")
    with open(path, "w") as f:
        json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": action}]}, f)
    return ["--security-opt", f"seccomp={path}"]


def test_refused_system_call(store, place):
    assert run(store, *profile(place, "SCMP_ACT_KILL_PROCESS"), command=["mkdir", "/x"]) == 128 + signal.SIGSYS
    row = found(store, "system-call-refused")
    assert row["severity"] == "problem" and "exits.jsonl: signal 31 (SIGSYS)" in row["evidence"]
    if "type=1326" in row["evidence"][1]:
        assert "it called mkdir" in row["text"]
    else:
        assert "the call is not known" in row["evidence"][1]


# ---- slow --------------------------------------------------------------------------------------------------------------


def test_throttled(store):
    start(store, "--cpus", "0.1", command=BUSY)
    wait_for(lambda: "throttled" in causes(store))
    time.sleep(2)
    row = found(store, "throttled")
    assert "it may use 0.10 processors" in row["text"] and row["severity"] == "problem"
    enough = float(re.fullmatch(r"berth update --cpus ([0-9.]+) box", row["mend"])[1])
    # One busy loop wants one processor; others want it, too.
    assert 0.11 <= enough <= 1.3


def test_throttled_in_the_life_that_ended(store):
    start(store, "--cpus", "0.1", command=BUSY)
    wait_for(lambda: "throttled" in causes(store))
    store("kill", "box")
    store("wait", "box")
    assert "exits.jsonl: cpu.stat: nr_periods" in found(store, "throttled")["evidence"][0]


# In a shell below: one that cannot fork ends.
FORKS = ("sh", "-c", "(for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; wait); sleep 1000")


def test_process_limit(store):
    start(store, "--pids-limit", "5", command=FORKS)
    wait_for(lambda: "process-limit" in causes(store))
    row = found(store, "process-limit")
    assert "its limit is 5" in row["text"] and row["mend"] == "berth update --pids-limit 10 box"


def test_process_limit_of_its_pool(store):
    store("pool", "create", "p", "--pids-limit", "5")
    start(store, "--pool", "p", command=FORKS)
    wait_for(lambda: "process-limit" in causes(store))
    row = found(store, "process-limit")
    assert "pool p" in row["text"] and row["mend"] == "berth pool update --pids-limit NUMBER p"


@pytest.mark.skipif(not V2, reason="the groups of cgroup v1 have no pressure files")
def test_pressure(store):
    start(store, "--cpuset-cpus", "0", command=BUSY)
    store("run", "-d", "--name", "other", "--cpuset-cpus", "0", "busybox", *BUSY)
    wait_for(lambda: "pressure" in causes(store), timeout=20)
    assert "it waits for a processor" in found(store, "pressure")["text"]


def test_throttled_disk(store, loop):
    start(store, "--device", loop.path, "--device-read-bps", f"{loop.path}:512k", command=[
        "sh", "-c", f"cat {loop.path} >/dev/null; sleep 1000"])
    wait_for(lambda: "disk-throttled" in causes(store), timeout=30)
    row = found(store, "disk-throttled")
    assert "of the 524288 read bytes a second" in row["text"]
    store("update", "--device-read-bps", f"{loop.path}:100m", "box")


# ---- state -------------------------------------------------------------------------------------------------------------


def test_paused(store):
    start(store)
    store("pause", "box")
    row = found(store, "paused")
    assert row["mend"] == "berth unpause box" and "events.jsonl: pause" in row["evidence"]
    store("unpause", "box")
    assert causes(store) == ["healthy"]


def test_failing_health_check(store):
    start(store, "--health-cmd", "echo the door is shut; exit 4", "--health-interval", "100ms", "--health-retries", "2")
    wait_for(lambda: why(store)["statements"][0]["text"].endswith("it is unhealthy"))
    row = found(store, "health-check")
    assert row["severity"] == "problem" and "health.json: exitCode 4, output: the door is shut" in row["evidence"]


def test_restarts(store):
    start(store, "--restart", "always", command=["sh", "-c", "exit 5"])
    wait_for(lambda: any("it was restarted 3 times" in s["text"] or "it was restarted 4 times" in s["text"]
                         for s in why(store)["statements"]))
    row = found(store, "restarts")
    assert "policy always" in row["text"] and "ended with code 5 (exited)" in row["evidence"][-1]


def test_full_volume(store, place):
    small = os.path.join(place, "small")
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", small], check=True)
    try:
        assert run(store, "-v", f"{small}:/data", command=["dd", "if=/dev/zero", "of=/data/x", "bs=64k", "count=100"]) == 1
        row = found(store, "disk-full")
        assert "the file system of /data is full: 0 B of 1.0 MiB left" in row["text"]
        assert any("No space left on device" in line for line in found(store, "failed")["evidence"])
    finally:
        subprocess.run(["umount", small], check=True)


def test_full_shared_memory(store):
    start(store, "--shm-size", "1m", command=["sh", "-c", "dd if=/dev/zero of=/dev/shm/x bs=64k count=100; sleep 1000"])
    wait_for(lambda: "disk-full" in causes(store))
    assert "/dev/shm" in found(store, "disk-full")["text"]


# ---- who asks ----------------------------------------------------------------------------------------------------------


def test_removed_and_unknown(store):
    run(store, command=["sh", "-c", "exit 9"])
    ident = store.id("box")
    store("rm", "box")
    assert "code 9" in found(store, "failed")["text"] and causes(store, ident[:12]) == ["failed"]
    assert "no such container: nosuch" in store.fails("why", "nosuch")


def test_kept_ends_are_bounded(store):
    store("run", "--rm", "busybox", "true")
    path = os.path.join(store.rundir, "ended.jsonl")
    with open(path, "w") as f:
        f.write(('{"id":"x","name":"old"}\n') * 30000)
    assert os.path.getsize(path) > 512 << 10
    for name in ("one", "two"):
        store("run", "--rm", "--name", name, "busybox", "true")
    assert os.path.getsize(path) < 4096 and os.path.exists(os.path.join(store.rundir, "ended.1.jsonl"))
    assert causes(store, "one") == causes(store, "two") == ["ended-well"]


def test_as_a_user(user):
    assert user.run("run", "--name", "box", "busybox", "sh", "-c", "exit 3").returncode == 3
    assert causes(user) == ["failed"]
    user("run", "-d", "--name", "other", "busybox", *FOREVER)
    assert causes(user, "other") == ["healthy"]
    user("kill", "other")
    user("wait", "other")
    assert "it was stopped by tester with `berth kill`" in found(user, "stopped", "other")["text"]
    assert USER


# ---- events ------------------------------------------------------------------------------------------------------------


def test_events_of_memory_while_it_runs_and_at_its_end(store):
    def ooms():
        text = store("events", "--since", "10m", "--until", "0s", "--filter", "event=oom", "--format", "json")
        return [json.loads(line)["Actor"]["Attributes"]["kills"] for line in text.splitlines()]
    start(store, "-m", "24m", "--memory-swap", "24m", command=["sh", "-c", "tail /dev/zero; sleep 1000"])
    wait_for(lambda: ooms() == ["1"])
    store("rm", "-f", "box")
    assert ooms() == ["1"]
    assert run(store, "-m", "24m", "--memory-swap", "24m", command=EAT) == 137
    assert ooms() == ["1", "1"]


def test_events_of_pools(store):
    store("pool", "create", "p")
    store("pool", "update", "--pids-limit", "9", "p")
    store("pool", "rm", "p")
    text = store("events", "--since", "10m", "--until", "0s", "--filter", "type=pool", "--filter", "pool=p", "--format",
                 "{{.Action}} {{.Actor.Attributes}}")
    assert [line.split()[0] for line in text.splitlines()] == ["create", "update", "remove"] and "pids-limit:9" in text
