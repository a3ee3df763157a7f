# SPDX-License-Identifier: Apache-2.0
"""berth doctor, and system boot after the machine went down."""
import json
import os
import shutil
import signal
import subprocess

from harness import wait_for


def test_doctor(berth):
    found = {row["check"]: row for row in json.loads(berth("doctor", "--json"))}
    assert found["kernel"]["state"] in ("ok", "warning") and found["programs"]["state"] == "ok"
    assert {row["state"] for row in found.values()} <= {"ok", "warning"}
    assert len(berth("doctor").splitlines()) >= len(found)


def test_doctor_finds_what_is_missing(berth, place):
    lib = os.path.join(place, "bin")
    os.mkdir(lib)
    shutil.copy(berth.argv()[0], lib)
    p = subprocess.run([os.path.join(lib, "berth"), "doctor", "--json"], env=berth.env, stdout=subprocess.PIPE, text=True, check=False)
    row = next(row for row in json.loads(p.stdout) if row["check"] == "programs")
    assert p.returncode == 1 and row["state"] == "failure" and "berth-monitor is missing" in row["text"] and row["mend"]


def test_doctor_as_a_user(user):
    found = {row["check"]: row for row in json.loads(user("doctor", "--json"))}
    assert found["subordinate ids"]["state"] == "ok"


def power_cut(berth, *names):
    """Everything that runs dies at once, and what was in memory is gone."""
    pids = []
    for name in names:
        state = berth.inspect(name)["State"]
        pids += [pid for pid in (state["MonitorPid"], state["Pid"]) if pid]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
    # The groups of the dead are gone after a boot, too: the first command finds that out by itself.
    berth("ps", "-a")
    shutil.rmtree(berth.rundir)


def test_boot(berth):
    def make(name, *options):
        berth("run", "-d", "--name", name, *options, "busybox", "sleep", "1000")
    make("first", "--restart", "always")
    make("other", "--restart", "unless-stopped")
    make("ended", "--restart", "unless-stopped")
    make("plain")
    berth("create", "--name", "never", "--restart", "always", "busybox", "sleep", "1000")
    berth("stop", "-t", "0", "ended")
    power_cut(berth, "first", "other", "plain")
    assert sorted(berth("system", "boot").split()) == ["first", "other"]
    states = dict(line.split() for line in berth("ps", "-a", "--format", "{{.Names}} {{.State}}").splitlines())
    assert states == {"first": "running", "other": "running", "ended": "exited", "plain": "exited", "never": "created"}
    assert berth("system", "boot") == ""
