# SPDX-License-Identifier: Apache-2.0
"""The monitor: lives of a container, streams, ends, restarts, health, evidence."""
import json
import os
import signal
import subprocess
import threading
import time

import pytest

from harness import PROBE
from monitored import (FAILED, IN, IN_EOF, RELOAD, RESIZE, STDERR, STDIN, STDOUT, STOPPING, Monitored, error_text,
                       wait_until)

ALL = STDIN | STDOUT | STDERR


@pytest.fixture
def make(place):
    made = []

    def build(*args, **record):
        made.append(Monitored(place, *args, **record))
        return made[-1]
    yield build
    for m in made:
        m.end()


def sh(make, script, **record):
    return make("sh", "-c", script, **record)


# ---- one life ----

def test_output_and_code_reach_the_starter(make):
    m = sh(make, "echo out; echo err >&2; exit 7")
    c = m.start(STDOUT | STDERR)
    assert c.exit_code() == 7
    assert (c.out, c.err) == (b"out\n", b"err\n")
    assert m.wait() == 0
    s = m.status()
    assert s["state"] == "exited" and s["exitCode"] == 7 and s.get("pid", 0) == 0
    assert m.exits()[0]["exitCode"] == 7 and m.exits()[0]["reason"] == "exited"
    assert not m.is_locked()


def test_detached_starter_hears_started_and_leaves(make):
    m = sh(make, "sleep 0.3; echo late")
    c = m.start(0)
    c.close()
    assert m.status()["state"] == "running"
    assert m.status()["pid"] == m.pid and m.status()["monitor"] == m.monitor.pid
    m.wait()
    assert m.log_bytes() == b"late\n"


def test_signal_death(make):
    m = sh(make, "kill -9 $$; sleep 9")  # pid 1 cannot kill itself: see below
    m.bundle.drop_namespace("pid")
    c = m.start(STDOUT)
    assert c.exit_code() == 137
    m.wait()
    x = m.exits()[0]
    assert x["signal"] == 9 and x["exitCode"] == 137 and x["reason"] == "killed"


@pytest.mark.parametrize("args, code", [(["/no/such"], 127), (["/etc/passwd"], 126)])
def test_a_start_that_fails(make, args, code):
    m = make(*args)
    c = m.launch(STDOUT)
    packet = c.receive()
    assert packet[0] == FAILED and args[0] in error_text(packet[2])
    m.wait()
    s = m.status()
    assert s["state"] == "created" and s["exitCode"] == code and args[0] in s["error"]
    assert m.exits()[0]["reason"] == "start failed"
    assert not m.is_locked()


def test_nothing_but_its_own_is_open_in_the_monitor(make):
    m = sh(make, "sleep 9")
    c = m.start(0)
    links = [os.readlink(f"/proc/{m.monitor.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{m.monitor.pid}/fd")]
    assert links.count("/dev/null") >= 3
    assert os.readlink(f"/proc/{m.monitor.pid}/cwd") == "/"
    assert not os.access(f"/proc/{m.pid}/fd/3", os.F_OK)
    c.close()


def test_the_lock_is_free_when_exit_is_heard(make):
    m = sh(make, "true")
    c = m.start(STDOUT)
    c.exit_code()
    assert not m.is_locked()
    m.wait()


# ---- input ----

def test_input_through_the_starter(make):
    m = make("cat", openStdin=True, stdinOnce=True)
    c = m.start(ALL)
    c.send(IN, data=b"hello\n")
    c.until_out(b"hello\n")
    c.send(IN_EOF)
    assert c.exit_code() == 0
    m.wait()


def test_much_input_loses_nothing(make):
    m = make("cat", openStdin=True, stdinOnce=True, log={"driver": "none"})
    c = m.start(ALL)
    data = os.urandom(3 << 20)

    def feed():
        for i in range(0, len(data), 30000):
            c.send(IN, data=data[i:i + 30000])
        c.send(IN_EOF)
    feeder = threading.Thread(target=feed)
    feeder.start()
    c.exit_code()
    feeder.join()
    assert c.out == data
    m.wait()


def test_without_interactive_there_is_no_input(make):
    m = make("cat")
    c = m.start(STDOUT)
    assert c.exit_code() == 0 and c.out == b""
    m.wait()


def test_input_stays_open_without_stdin_once(make):
    m = make("cat", openStdin=True)
    m.start(0).close()
    for word in (b"one\n", b"two\n"):
        c = m.attach(ALL)
        c.send(IN, data=word)
        c.until_out(word)
        c.send(IN_EOF)
        c.close()
    assert m.status()["state"] == "running"


# ---- terminals ----

def test_terminal(make):
    m = sh(make, "tty; read x; stty size; echo got $x", tty=True, openStdin=True, stdinOnce=True)
    c = m.start(ALL)
    c.until_out(b"/dev/pts/0")
    c.send(RESIZE, 33 << 16 | 77)
    c.send(IN, data=b"word\n")
    assert c.exit_code() == 0
    assert b"33 77\r\n" in c.out and b"got word\r\n" in c.out
    m.wait()


# ---- ends ----

def test_a_child_in_the_background_does_not_hold_the_end(make):
    m = sh(make, "sleep 60 & echo done")
    m.bundle.drop_namespace("pid")
    begun = time.monotonic()
    c = m.start(STDOUT)
    assert c.exit_code() == 0 and c.out == b"done\n"
    m.wait()
    assert time.monotonic() - begun < 20


def test_the_last_output_is_not_lost(make):
    m = sh(make, "seq 1 200000; printf end")
    c = m.start(STDOUT)
    assert c.exit_code() == 0
    wanted = "".join(f"{i}\n" for i in range(1, 200001)).encode() + b"end"
    assert c.out == wanted
    m.wait()
    assert m.log_bytes() == wanted


def test_sigterm_to_the_monitor_stops_the_container(make):
    m = sh(make, "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done", restart="always")
    c = m.start(STDOUT)
    c.until_out(b"up\n")
    m.monitor.send_signal(signal.SIGTERM)
    assert c.exit_code() == 3
    m.wait()
    assert m.exits()[-1]["reason"] == "stopped" and not m.status().get("stopped")


def test_sigterm_and_a_container_that_does_not_listen(make):
    m = sh(make, "echo up; sleep 60", stopTimeout=0)
    c = m.start(STDOUT)
    c.until_out(b"up\n")
    m.monitor.send_signal(signal.SIGTERM)
    assert c.exit_code() == 137
    m.wait()


def test_removes_itself(make):
    m = sh(make, "echo x", autoRemove=True)
    c = m.start(STDOUT)
    c.exit_code()
    assert not os.path.exists(m.folder)
    m.wait()


# ---- restarts ----

def test_restarts_on_failure_as_often_as_asked(make):
    m = sh(make, "echo life; exit 1", restart="on-failure", restartMax=2)
    c = m.start(STDOUT)
    assert c.exit_code() == 1
    assert c.out == b"life\n" * 3
    m.wait()
    assert m.status()["restarts"] == 2 and len(m.exits()) == 3
    gaps = [b["started"] - a["finished"] for a, b in zip(m.exits(), m.exits()[1:])]
    assert gaps[0] >= 100e6 and gaps[1] >= 200e6


def test_no_restart_after_success(make):
    m = sh(make, "exit 0", restart="on-failure")
    m.start(STDOUT).exit_code()
    m.wait()
    assert len(m.exits()) == 1


def test_stopping_ends_restarts(make):
    m = sh(make, "sleep 60", restart="always")
    m.start(0).close()
    c = m.attach(0)
    c.send(STOPPING)
    wait_until(lambda: m.status().get("stopped"))
    os.kill(m.pid, signal.SIGKILL)
    assert c.exit_code() == 137
    m.wait()
    assert m.exits()[-1]["reason"] == "stopped"


def test_stopping_during_the_back_off(make):
    m = sh(make, "exit 4", restart="always")
    c = m.start(STDOUT)
    wait_until(lambda: m.status()["state"] == "restarting" and m.status().get("restarts", 0) >= 2)
    other = m.attach(0)
    other.send(STOPPING)
    assert c.exit_code() == 4
    m.wait()
    assert m.status()["state"] == "exited"


def test_reload_changes_the_policy(make):
    m = sh(make, "sleep 0.5", restart="always")
    m.start(0).close()
    m.record["restart"] = "no"
    with open(m.path("record.json"), "w") as f:
        json.dump(m.record, f)
    m.attach(0).send(RELOAD)
    m.wait()
    assert len(m.exits()) == 1


# ---- evidence ----

def test_evidence_of_an_out_of_memory_kill(make):
    m = sh(make, "dd if=/dev/zero of=/dev/null bs=200M count=1; exit 5")
    m.bundle.resources["memory"] = {"limit": 32 << 20}
    m.bundle.resources["pids"] = {"limit": 50}
    c = m.start(STDOUT)
    assert c.exit_code() != 0
    m.wait()
    x = m.exits()[0]
    assert x["oomKills"] >= 1 and x["memoryLimit"] == 32 << 20 and x["memoryPeak"] > 16 << 20
    assert x["pidsLimit"] == 50 and x["cpuNs"] > 0
    assert m.status()["oomKilled"] is True


def test_a_settled_life_leaves_the_same_evidence(make):
    m = sh(make, "sleep 1.5; exit 6")
    m.bundle.resources["memory"] = {"limit": 64 << 20}
    c = m.start(STDOUT)
    assert c.exit_code() == 6
    m.wait()
    assert m.exits()[0]["memoryLimit"] == 64 << 20 and m.exits()[0]["memoryPeak"] > 0


# ---- health ----

HEALTH = {"interval": 200_000_000, "timeout": 2_000_000_000, "retries": 2}


def test_health(make):
    m = sh(make, "touch /tmp/ok; sleep 60", health={"test": ["CMD-SHELL", "echo checked; test -f /tmp/ok"], **HEALTH})
    m.bundle.mount("/tmp", "tmpfs", "tmpfs")
    m.start(0).close()
    wait_until(lambda: m.status()["health"] == "healthy")
    with open(m.path("health.json")) as f:
        assert json.load(f)["output"] == "checked\n"
    subprocess.run(["nsenter", "-t", str(m.pid), "-m", "/bin/rm", "/tmp/ok"], check=True)
    wait_until(lambda: m.status()["health"] == "unhealthy")
    assert m.status()["healthFailures"] >= 2


def test_a_health_check_that_hangs_is_killed(make):
    m = sh(make, "sleep 60", health={"test": ["CMD", "sleep", "77"], "interval": 100_000_000, "timeout": 300_000_000,
                                     "retries": 1})
    m.start(0).close()
    wait_until(lambda: m.status()["health"] == "unhealthy")
    out = subprocess.run(["nsenter", "-t", str(m.pid), "-p", "-m", "/bin/ps"], stdout=subprocess.PIPE, text=True,
                         check=True).stdout
    assert out.count("sleep 77") <= 1, out


# ---- berth-init ----

def with_init(m):
    m.bundle.bind(os.path.join(os.path.dirname(PROBE), "berth-init"), "/init", "rbind", "ro")
    m.bundle.process["args"] = ["/init", "--", *m.bundle.process["args"]]
    return m


@pytest.mark.parametrize("script, code", [("exit 7", 7), ("kill -15 $$", 143), ("exec /no/such", 127)])
def test_init_ends_with_its_program(make, script, code):
    m = with_init(sh(make, script))
    assert m.start(STDOUT).exit_code() == code
    m.wait()


def test_init_reaps_and_forwards(make):
    m = with_init(sh(make, "trap 'exit 4' TERM; (sleep 0.1 & exec true); echo $$; i=0; "
                           "while [ $i -lt 200 ]; do sleep 0.05; i=$((i+1)); done"))
    c = m.start(STDOUT)
    c.until_out(b"2\n")
    time.sleep(0.4)
    with open(f"/proc/{m.pid}/task/{m.pid}/children") as f:
        assert len(f.read().split()) == 1
    os.kill(m.pid, signal.SIGTERM)
    assert c.exit_code() == 4
    m.wait()


# ---- memory ----

def test_the_monitor_is_small(make):
    m = sh(make, "seq 1 50000; sleep 60")
    m.start(0).close()
    wait_until(lambda: m.log_bytes().endswith(b"50000\n"))
    time.sleep(1.5)
    with open(f"/proc/{m.monitor.pid}/smaps_rollup") as f:
        pss = int(next(line for line in f if line.startswith("Pss:")).split()[1])
    assert pss < 500, f"{pss} KiB"
