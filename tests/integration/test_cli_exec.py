# SPDX-License-Identifier: Apache-2.0
"""exec, update and events: what each of their options does."""
import json
import os
import pty
import re

import pytest

from harness import LANE, Runtime, wait_for


@pytest.fixture
def box(runtime, bundle):
    """A container that sleeps."""
    return runtime.run_detached(bundle.probe("sleep"), ident="box")


def test_exec_environment(runtime, bundle):
    bundle.process["env"] += ["A=old"]
    c = runtime.run_detached(bundle.probe("sleep"))
    env = c.exec("probe", "env", options=["-e", "A=new", "--env=B=x=y"]).ok().probe("env")["env"]
    assert "A=new" in env and "B=x=y" in env and "HOME=/root" in env
    assert "A=old" not in env


def test_exec_directory(box):
    assert box.exec("probe", "cwd", options=["--cwd", "/tmp"]).ok().probe("cwd")["cwd"] == "/tmp"
    box.exec("true", options=["--cwd", "tmp"]).fails("cwd must be an absolute path", code=255)
    box.exec("true", options=["--cwd", "/nowhere"]).fails("no such file or directory", code=255)


def test_exec_user(box):
    ids = box.exec("probe", "ids", options=["-u", "5:7", "-g", "9", "--additional-gids=10"]).ok().probe("ids")
    assert (ids["uid"], ids["gid"], ids["groups"]) == (5, 7, [9, 10])
    ids = box.exec("probe", "ids", options=["--user", "5"]).ok().probe("ids")
    assert (ids["uid"], ids["gid"]) == (5, 0)


@pytest.mark.parametrize("user", ["root", "0x", "1:", ":1", "", "-1", "+1", " 1", "1 ", "4294967295",
                                  "4294967296", "1:4294967295", "1:2:3", "1.5"])
def test_exec_user_is_read_whole(box, user):
    """CVE-2026-30892: a half-read id was taken for root."""
    result = box.exec("probe", "ids", options=[f"--user={user}"])
    result.fails("--user", code=255)
    assert result.out == ""


def test_exec_rights(box):
    status = box.exec("probe", "status", options=["-c", "CAP_SYS_ADMIN"]).ok().probe("status")
    plain = box.exec("probe", "status").ok().probe("status")
    assert int(status["CapBnd"], 16) == int(plain["CapBnd"], 16) | 1 << 21
    assert int(status["CapInh"], 16) == 0
    assert plain["NoNewPrivs"] == "1"


def test_exec_no_new_privs(runtime, bundle):
    bundle.process["noNewPrivileges"] = False
    c = runtime.run_detached(bundle.probe("sleep"))
    assert c.exec("probe", "status").ok().probe("status")["NoNewPrivs"] == "0"
    assert c.exec("probe", "status", options=["--no-new-privs"]).ok().probe("status")["NoNewPrivs"] == "1"


def test_exec_keeps_the_oom_score(runtime, bundle):
    bundle.process["oomScoreAdj"] = 123
    c = runtime.run_detached(bundle.probe("sleep"))
    assert c.exec("cat", "/proc/self/oom_score_adj").ok().out == "123\n"


def test_exec_process_file(box, place):
    path = os.path.join(place, "process.json")
    process = dict(box.bundle.process, args=["probe", "cwd", "--", "exit", "6"], cwd="/tmp")
    with open(path, "w") as f:
        json.dump(process, f)
    for option in ("-p", "--process"):
        result = box.runtime("exec", option, path, box.id)
        assert result.code == 6 and result.probe("cwd")["cwd"] == "/tmp", str(result)


def test_exec_codes(box):
    assert box.exec("probe", "exit", 7).code == 7
    assert box.exec("sh", "-c", "kill -9 $$").code == 137
    box.exec("nosuch").fails("executable file not found", code=255)
    box.exec("/nosuch").fails("no such file or directory", code=255)
    box.exec("/tmp").fails("permission denied", code=255)
    box.exec().fails("process args cannot be empty", code=255)


def test_exec_words_are_the_commands(box):
    words = ["-d", "--", "--help", "-e", "A=b"]
    assert box.exec("busybox", "echo", *words).ok().out == "-d -- --help -e A=b\n"
    assert box.runtime("exec", "--", box.id, "busybox", "echo", "-n", "x").ok().out == "x"
    box.exec("--", "true").fails("executable file not found", code=255)


def test_exec_detached(box, place):
    path = os.path.join(place, "pid")
    box.exec("probe", "sleep", options=["-d", "--pid-file", path]).ok()
    with open(path) as f:
        pid = int(f.read())
    assert sorted(box.runtime("ps", "-f", "json", box.id).ok().json) == sorted([box.pid, pid])
    box.kill("KILL", "--all").ok()
    box.wait()


def test_exec_paused(box):
    box.call("pause").ok()
    box.exec("true").fails("cannot exec in a paused container", code=255)
    # It joins the frozen group, and so runs once that is resumed.
    p = box.runtime.popen("exec", "--ignore-paused", box.id, "probe", "exit", "4")
    wait_for(lambda: len(box.runtime("ps", "-f", "json", box.id).ok().json) > 1)
    box.call("resume").ok()
    assert p.wait(10) == 4


def test_exec_preserve_fds(box, place):
    path = os.path.join(place, "given")
    with open(path, "w") as f:
        f.write("hello\n")
    # A shell puts it at 3: this process may have something else there.
    caller = Runtime(box.runtime.root, prefix=["sh", "-c", f'exec 3<{path}; exec "$@"', "sh"])
    result = caller("exec", "--preserve-fds", "1", box.id, "sh", "-c", "cat <&3")
    assert result.ok().out == "hello\n"
    assert caller("exec", box.id, "sh", "-c", "cat <&3").code != 0


def test_exec_terminal(box):
    """A terminal of its own on ours; a line ends in one newline there and two bytes here."""
    ours, theirs = pty.openpty()
    p = box.runtime.popen("exec", "-t", box.id, "probe", "tty", stdin=theirs, stdout=theirs, stderr=theirs,
                          start_new_session=True)
    os.close(theirs)
    out = b""
    try:
        while chunk := os.read(ours, 4096):
            out += chunk
    except OSError:
        pass
    os.close(ours)
    assert p.wait(10) == 0, out
    answer = json.loads(re.search(rb"\{.*\}", out).group())
    assert answer["tty"] == [1, 1, 1] and answer["controls"] == 1 and answer["onlcr"] == 0


# (options, v1 file, v2 file, v1 value, v2 value); None: not to be seen there
UPDATES = [
    (["--memory", "64m"], "memory.limit_in_bytes", "memory.max", "67108864", "67108864"),
    (["--memory", "1.5GiB"], "memory.limit_in_bytes", "memory.max", "1610612736", "1610612736"),
    (["--memory=67108864"], "memory.limit_in_bytes", "memory.max", "67108864", "67108864"),
    (["--memory-reservation", "32M"], "memory.soft_limit_in_bytes", "memory.low", "33554432", "33554432"),
    (["--cpu-quota", "20000"], "cpu.cfs_quota_us", "cpu.max", "20000", "20000 100000"),
    (["--cpu-quota", "20000", "--cpu-period=50000"], "cpu.cfs_period_us", "cpu.max", "50000", "20000 50000"),
    (["--cpu-share", "512"], "cpu.shares", "cpu.weight", "512", "59"),
    (["--cpu-idle", "1"], "cpu.idle", "cpu.idle", "1", "1"),
    (["--cpuset-cpus", "0", "--cpuset-mems", "0"], "cpuset.cpus", "cpuset.cpus", "0", "0"),
    (["--pids-limit", "20"], "pids.max", "pids.max", "20", "20"),
    (["--pids-limit", "-1"], "pids.max", "pids.max", "max", "max"),
]


@pytest.mark.parametrize("options, v1, v2, value1, value2", UPDATES, ids=lambda v: v[0] if isinstance(v, list) else "")
def test_update(runtime, bundle, options, v1, v2, value1, value2):
    bundle.linux["cgroupsPath"] = f"/berth-{os.getpid()}"
    bundle.resources["cpu"] = {"shares": 1024, "quota": 50000, "period": 100000, "cpus": "0", "mems": "0"}
    bundle.resources["memory"] = {"limit": 128 << 20}
    bundle.resources["pids"] = {"limit": 50}
    c = runtime.run_detached(bundle.probe("sleep"))
    # Options stand before the id or after it.
    if options[0] == "--cpu-quota":
        runtime("update", c.id, *options).ok()
    else:
        runtime("update", *options, c.id).ok()
    if not c.cgroups.has(v2 if LANE == "v2" else v1):
        pytest.skip(f"this kernel has neither {v1} nor {v2}")
    assert c.cgroups.read_either(v1, v2) == (value2 if LANE == "v2" else value1)


def test_update_by_file(runtime, bundle, place):
    """From a file or stdin; a flag goes over the file."""
    bundle.resources["memory"] = {"limit": 128 << 20}
    bundle.resources["pids"] = {"limit": 50}
    c = runtime.run_detached(bundle.probe("sleep"))
    text = json.dumps({"memory": {"limit": 64 << 20}, "pids": {"limit": 30}})
    runtime("update", "-r", "-", c.id, stdin=text).ok()
    assert c.cgroups.read_either("memory.limit_in_bytes", "memory.max") == str(64 << 20)
    assert c.cgroups.read("pids.max") == "30"
    path = os.path.join(place, "resources.json")
    with open(path, "w") as f:
        f.write(text)
    runtime("update", c.id, "--resources", path, "--pids-limit", "40").ok()
    assert c.cgroups.read("pids.max") == "40"


@pytest.mark.parametrize("size", ["5x", "m", "1.5.5g", "0x10", "-2", "1e3", "99999999999g"])
def test_update_sizes_are_read_whole(box, size):
    box.runtime("update", f"--memory={size}", box.id).fails("memory", size, code=1)


def test_events_stats(box):
    lines = box.runtime("events", "--stats", box.id).ok().lines
    assert len(lines) == 1
    assert lines[0]["type"] == "stats" and lines[0]["id"] == box.id
    data = lines[0]["data"]
    assert data["cpu"]["usage"]["total"] > 0
    assert data["pids"]["current"] == 1


def test_events_end_with_the_container(box, place):
    path = os.path.join(place, "events")
    with open(path, "w") as f:
        p = box.runtime.popen("events", "--interval", "100ms", box.id, stdout=f)
    wait_for(lambda: open(path).read().count('"stats"') >= 2)
    box.kill()
    assert p.wait(10) == 0
    for line in open(path):
        assert json.loads(line)["type"] == "stats"


def test_events_tell_of_memory_kills(runtime, bundle, place):
    bundle.resources["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
    c = runtime.run_detached(bundle.probe("sleep"))
    path = os.path.join(place, "events")
    with open(path, "w") as f:
        p = runtime.popen("events", "--interval", "200ms", c.id, stdout=f)
    wait_for(lambda: '"stats"' in open(path).read())
    assert c.exec("probe", "memory", 64).code == 137
    wait_for(lambda: '"oom"' in open(path).read())
    c.kill()
    assert p.wait(10) == 0
    kinds = [json.loads(line)["type"] for line in open(path)]
    assert kinds.count("oom") == 1
