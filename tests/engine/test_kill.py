# SPDX-License-Identifier: Apache-2.0
"""Commands and monitors killed at random moments: the next command finds out and puts right. BERTH_KILLS says how often."""
import os
import random
import signal
import subprocess
import time

import pytest
from harness import SLOW, wait_for

KILLS = int(os.environ.get("BERTH_KILLS", "40"))
STATES = {"created", "running", "exited", "dead", "restarting"}


def kill_after(p, most):
    """Ends a command after a random part of so many seconds; it may be done before."""
    time.sleep(random.random() * most * SLOW)
    p.send_signal(signal.SIGKILL)
    p.communicate()


def rows_of(berth):
    return [line.split() for line in berth("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}} {{.Pid}} {{.Names}}").splitlines()]


def check(berth):
    """What is told is so: who is said to run has a process, names lead to containers."""
    # What a killed command has begun may end a moment later.
    rows = [row for row in rows_of(berth) if row in rows_of(berth)]
    for ident, state, pid, name in rows:
        assert state in STATES
        if state == "running" and not os.path.exists(f"/proc/{pid}"):
            # Its monitor clears up and writes the end down.
            wait_for(lambda: [ident, state, pid, name] not in rows_of(berth))  # noqa: B023
            continue
        try:
            assert berth.id(name) == ident
        except FileNotFoundError:
            # One of --rm on its way out.
            wait_for(lambda: [ident, state, pid, name] not in rows_of(berth))  # noqa: B023
    return [row[3] for row in rows]


@pytest.mark.seconds(600)
def test_commands_killed(berth):
    random.seed(os.environ.get("BERTH_SEED", "1"))
    for i in range(KILLS):
        words = random.choice([
            ["run", "-d", "--name", f"k{i}", "-v", "data:/d", "busybox", "sleep", "1000"],
            ["run", "--rm", "-v", "/anon", "busybox", "true"],
            ["create", "--name", f"k{i}", "busybox", "true"],
        ])
        kill_after(berth.popen(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), 0.012)
        names = check(berth)
        if names and random.random() < 0.7:
            verb = random.choice([["rm", "-f"], ["stop", "-t", "0"], ["restart", "-t", "0"], ["kill"]])
            kill_after(berth.popen(*verb, random.choice(names), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), 0.012)
            check(berth)
    # The run --rm whose caller was killed ends by itself.
    end = time.monotonic() + 10 * SLOW
    while any(name not in berth("ps", "-a", "--format", "{{.Names}}").split() for name in check(berth)) and time.monotonic() < end:
        time.sleep(0.05)
    berth("rm", "-a", "-f", "-v")
    berth("system", "prune", "-f", "--volumes")
    assert not berth.leftovers()


@pytest.mark.seconds(600)
def test_monitors_killed(berth):
    random.seed(os.environ.get("BERTH_SEED", "2"))
    for i in range(KILLS // 2):
        name = f"m{i}"
        berth("run", "-d", "--name", name, *random.choice([[], ["--rm"], ["--restart", "always"]]), "busybox", "sh", "-c",
              "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; sleep 1000")
        time.sleep(random.random() * 0.03 * SLOW)
        seen = berth.run("logs", name).stdout
        pid = berth.inspect(name)["State"]["MonitorPid"]
        os.kill(pid, signal.SIGKILL)
        while os.path.exists(f"/proc/{pid}"):
            time.sleep(0.002)
        names = check(berth)
        if name in names:
            state = berth.inspect(name)["State"]
            assert state["Status"] == "exited" and state["ExitCode"] == 137 and "monitor" in state["Error"]
            # What the log has shown once it has for ever.
            assert berth("logs", name).startswith(seen)
            berth("start", name)
            berth("rm", "-f", name)
    assert not berth.leftovers()
