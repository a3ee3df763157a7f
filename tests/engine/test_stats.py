# SPDX-License-Identifier: Apache-2.0
"""berth stats and the flight recorder: what they tell is what the kernel's files tell."""
import json
import os
import re
import struct
import subprocess
import time

from harness import SLOW, wait_for

BUSY = "while :; do :; done"


def groups(berth, name):
    """controller -> folder of the container's group; "" is v2's."""
    found = {}
    with open(os.path.join(berth.rundir, "runtime", berth.id(name), "state.json")) as f:
        for g in json.load(f)["cgroup"]:
            folder = g["mount"] + g["path"]
            if g.get("v2"):
                found[""] = folder
            else:
                for controller in os.path.basename(g["mount"]).split(","):
                    found[controller] = folder
    return found


def read(*path):
    with open(os.path.join(*path)) as f:
        return f.read()


def keyed(text):
    return {line.split()[0]: int(line.split()[1]) for line in text.splitlines()}


def rows(berth, *words):
    return {row["Name"]: row for row in map(json.loads, berth("stats", "--no-stream", "--format", "json", *words).splitlines())}


def figures(berth, name):
    return rows(berth, name)[name]["Figures"]


def kernel(berth, name):
    """(cpu ns, throttled periods, memory bytes, pids) from the files themselves."""
    g = groups(berth, name)
    if "memory" in g:
        return (int(read(g["cpuacct"], "cpuacct.usage")), keyed(read(g["cpu"], "cpu.stat"))["nr_throttled"],
                int(read(g["memory"], "memory.usage_in_bytes")), int(read(g["pids"], "pids.current")))
    stat = keyed(read(g[""], "cpu.stat"))
    return (stat["usage_usec"] * 1000, stat.get("nr_throttled", 0),
            int(read(g[""], "memory.current")), int(read(g[""], "pids.current")))


def recording(berth, name, file="recorder"):
    return os.path.join(berth.folder(name), file)


def samples_in(path):
    """How many the recorder has seen: the larger of the two heads' counts."""
    with open(path, "rb") as f:
        page = f.read(4096)
    assert page[:8] == b"berthrec"
    head_size = struct.unpack_from("=I", page, 12)[0]
    return max(struct.unpack_from("=Q", page, 40 + i * head_size)[0] for i in range(2))


def test_figures_are_the_kernels(berth):
    berth("run", "-d", "--name", "c", "--cpus", "0.2", "-m", "64m", "--pids-limit", "50", "busybox", "sh", "-c", BUSY)
    wait_for(lambda: kernel(berth, "c")[1] > 3)
    before = kernel(berth, "c")
    f = figures(berth, "c")
    after = kernel(berth, "c")
    assert before[0] <= f["cpu"]["usageNs"] <= after[0]
    assert before[1] <= f["cpu"]["throttledPeriods"] <= after[1]
    assert abs(f["memory"]["current"] - after[2]) < 2 << 20
    assert f["pids"] == {"current": 1, "limit": 50}
    assert f["memory"]["limit"] == 64 << 20 and f["memory"]["limitOf"] == "own"
    assert f["cpu"]["quotaUs"] / f["cpu"]["periodUs"] == 0.2
    assert f["cpu"]["entitledPercent"] <= 20
    assert f["cpu"]["throttledPercent"] > 0


def test_rates_of_a_quota(berth):
    """What a quota leaves is what is shown, from the first sample on."""
    berth("run", "-d", "--name", "c", "--cpus", "0.25", "busybox", "sh", "-c", BUSY)
    wait_for(lambda: os.path.exists(recording(berth, "c")) and samples_in(recording(berth, "c")) >= 3)
    f = figures(berth, "c")
    assert f["seconds"] < 5 * SLOW
    assert 5 < f["cpu"]["percent"] < 60
    assert f["cpu"]["entitledPercent"] == 25


def test_a_young_one_needs_no_second_look(berth):
    berth("run", "-d", "--name", "c", "busybox", "sh", "-c", BUSY)
    f = figures(berth, "c")
    assert f["cpu"]["percent"] > 0 and f["memory"]["current"] > 0
    assert f["memory"]["limitOf"] == "host"


def test_memory_parts(berth):
    berth("run", "-d", "--name", "c", "busybox", "sh", "-c",
          "x=$(head -c 20000000 /dev/zero | tr '\\0' x); dd if=/dev/zero of=/f bs=1M count=16 2>/dev/null; sleep 1000; echo $x")
    wait_for(lambda: figures(berth, "c")["memory"]["anon"] > 15e6 and figures(berth, "c")["memory"]["file"] > 15e6, 30)
    m = figures(berth, "c")["memory"]
    assert m["current"] >= m["workingSet"] and m["peak"] >= m["current"] - (1 << 20)


def test_entitled_follows_the_weights(berth):
    """Two that compete share by weight; one that sleeps takes nothing from them."""
    berth("run", "-d", "--name", "big", "--cpu-shares", "2048", "busybox", "sh", "-c", f"{BUSY} & {BUSY} & {BUSY} & {BUSY}")
    berth("run", "-d", "--name", "small", "--cpu-shares", "1024", "busybox", "sh", "-c", f"{BUSY} & {BUSY} & {BUSY} & {BUSY}")
    berth("run", "-d", "--name", "idle", "busybox", "sleep", "1000")
    wait_for(lambda: all(os.path.exists(recording(berth, n)) for n in ("big", "small", "idle")))

    def settled():
        f = {name: row["Figures"] for name, row in rows(berth).items()}
        weight = lambda n: f[n]["cpu"].get("shares") or f[n]["cpu"]["weight"]  # noqa: E731
        whole = f["big"]["cpu"]["processors"] * 100
        of = lambda n, *busy: whole * weight(n) / sum(weight(x) for x in busy)  # noqa: E731
        return all(abs(f[n]["cpu"]["entitledPercent"] - want) < 1 for n, want in (
            ("big", of("big", "big", "small")), ("small", of("small", "big", "small")),
            ("idle", of("idle", "big", "small", "idle"))))
    wait_for(settled, 20)


def test_pools_limit_is_told(berth):
    berth("pool", "create", "--memory", "96m", "team")
    try:
        berth("run", "-d", "--name", "c", "--pool", "team", "-m", "512m", "busybox", "sleep", "1000")
        f = figures(berth, "c")
        assert f["pool"] == "team"
        assert f["memory"]["limit"] == 96 << 20 and f["memory"]["limitOf"] == "team"
    finally:
        berth("rm", "-f", "c")
        berth("pool", "rm", "team")


def test_table(berth):
    berth("run", "-d", "--name", "c", "busybox", "sleep", "1000")
    berth("create", "--name", "still", "busybox")
    lines = berth("stats", "--no-stream").splitlines()
    assert lines[0].split("   ")[0] == "CONTAINER ID"
    for head in ("NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS", "THROTTLED", "ENTITLED", "PRESSURE"):
        assert head in lines[0]
    assert len(lines) == 2 and berth.id("c")[:12] in lines[1]
    assert len(berth("stats", "--no-stream", "-a").splitlines()) == 3
    assert re.search(r"still\s+--", berth("stats", "--no-stream", "still"))
    assert berth("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "c") == "c 1\n"
    assert "no such container: none" in berth.fails("stats", "--no-stream", "none")
    assert "--interval 0" in berth.fails("stats", "--interval", "0")


def test_stream(berth):
    berth("run", "-d", "--name", "c", "busybox", "sleep", "1000")
    p = berth.popen("stats", "--format", "json")
    try:
        times = [json.loads(p.stdout.readline())["Figures"]["time"] for _ in range(3)]
        assert times == sorted(set(times))
    finally:
        p.kill()
        p.communicate()


def test_one_life_one_recording(berth):
    """The last life's stays until the next one records, and then as the old one."""
    berth("run", "-d", "--name", "c", "busybox", "sleep", "1000")
    wait_for(lambda: os.path.exists(recording(berth, "c")) and samples_in(recording(berth, "c")) >= 2)
    berth("stop", "-t", "0", "c")
    n = samples_in(recording(berth, "c"))
    size = os.path.getsize(recording(berth, "c"))
    assert n >= 3 and size <= 256 << 10
    berth("start", "c")
    wait_for(lambda: os.path.exists(recording(berth, "c", "recorder.1")))
    assert samples_in(recording(berth, "c", "recorder.1")) == n
    wait_for(lambda: samples_in(recording(berth, "c")) >= 1)


def test_a_short_life_leaves_none(berth):
    berth("run", "--name", "c", "busybox", "true")
    assert not os.path.exists(recording(berth, "c"))


def test_recording_survives_the_monitor(berth):
    berth("run", "-d", "--name", "c", "busybox", "sleep", "1000")
    wait_for(lambda: os.path.exists(recording(berth, "c")) and samples_in(recording(berth, "c")) >= 2)
    monitor = berth.status("c")["monitor"]
    os.kill(monitor, 9)
    time.sleep(0.2)
    berth("ps")
    assert samples_in(recording(berth, "c")) >= 2


def test_restarts_record_anew(berth):
    berth("run", "-d", "--name", "c", "--restart", "always", "busybox", "sleep", "1.6")
    wait_for(lambda: os.path.exists(recording(berth, "c", "recorder.1")), 15)
    berth("rm", "-f", "c")


def test_as_an_ordinary_user(user):
    user("run", "-d", "--name", "c", "busybox", "sleep", "1000")
    wait_for(lambda: "c" in user("stats", "--no-stream"))
    row = json.loads(user("stats", "--no-stream", "--format", "json", "c"))
    assert row["Name"] == "c"


def test_many_in_one_pass(berth):
    """A look at one more container costs few system calls."""
    def calls(n):
        out = subprocess.run(["strace", "-f", "-c", "-o", "/dev/stderr", *berth.argv("stats", "--no-stream", "--format", "{{.Name}}")],
                             env=berth.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
        assert len(out.stdout.split()) == n
        return int(re.search(r"100.00\s+\S+\s+\S*\s*(\d+)", out.stderr).group(1))
    berth("run", "-d", "busybox", "sleep", "1000")
    one = calls(1)
    for _ in range(4):
        berth("run", "-d", "busybox", "sleep", "1000")
    assert (calls(5) - one) / 4 < 250
