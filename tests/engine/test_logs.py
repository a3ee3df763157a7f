# SPDX-License-Identifier: Apache-2.0
"""Logs as the monitor writes them and `berth logs` shows them."""
import os
import signal
import socket
import struct
import subprocess
import time

import pytest

from harness import REPO, SLOW
from monitored import IN, STDERR, STDIN, STDOUT, Monitored, wait_until

BERTH = os.path.join(REPO, "build", "berth")
JOURNAL = "/run/systemd/journal"


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


def logs(m, *words):
    p = subprocess.run([BERTH, "logs", *words, m.id], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=m.env,
                       check=True, timeout=60 * SLOW)
    return p.stdout, p.stderr


def run(m):
    c = m.start(STDOUT | STDERR)
    c.exit_code()
    m.wait()
    return c


def test_streams_and_times(make):
    m = sh(make, "echo out; echo err >&2; printf part; sleep 1; echo whole")
    run(m)
    assert m.log_bytes("stdout") == b"out\npartwhole\n" and m.log_bytes("stderr") == b"err\n"
    assert [e["log"] for e in m.log() if e["stream"] == "stdout"] == ["out\n", "part", "whole\n"]
    assert all(time.strptime(e["time"][:19], "%Y-%m-%dT%H:%M:%S") and e["time"][-1] == "Z" for e in m.log())


def test_every_byte_value(make):
    m = make("probe", "true")
    m.bundle.args("sh", "-c", "cat /data")
    data = bytes(range(256)) * 500
    m.bundle.bind(m.path("data"), "/data")
    with open(m.path("data"), "wb") as f:
        f.write(data)
    assert run(m).out == data
    assert m.log_bytes() == data


def test_rotation_is_bounded(make):
    m = sh(make, "seq 1 200000", log={"maxSize": 100000, "maxFiles": 4})
    run(m)
    names = sorted(n for n in os.listdir(m.folder) if n.startswith("log."))
    assert names == ["log.json", "log.json.1", "log.json.2", "log.json.3"]
    assert all(os.path.getsize(m.path(n)) <= 100000 for n in names)
    assert m.log_bytes().endswith(b"199999\n200000\n")


def test_what_a_client_saw_survives_sigkill(make):
    # Room for what a fast machine writes in that time.
    m = sh(make, "i=0; while :; do i=$((i+1)); echo line $i; done", log={"maxFiles": 200})
    c = m.start(STDOUT)
    end = time.monotonic() + 1
    while time.monotonic() < end:
        c.receive()
    m.monitor.send_signal(signal.SIGKILL)
    m.monitor.wait()
    while c.receive():
        pass
    with open(m.path("log.json"), "rb") as f:
        assert f.read()[-1:] == b"\n"
    seen = c.out[:c.out.rfind(b"\n") + 1]
    assert m.log_bytes()[:len(seen)] == seen
    subprocess.run([os.path.join(REPO, "build", "berth-runtime"), "--root", os.path.join(m.run, "runtime"), "delete",
                    "--force", m.id], check=True)


def test_a_full_disk_costs_lines_but_not_the_container(make):
    m = sh(make, "seq 1 100000; sleep 1; exit 3")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", m.folder], check=True)
    try:
        os.mkdir(m.path("rootfs"))
        c = m.start(STDOUT)
        assert c.exit_code() == 3
        assert c.out.endswith(b"100000\n")
        m.monitor.wait(20 * SLOW)
        for name in ("log.json", "log.json.1"):
            if os.path.exists(m.path(name)):
                with open(m.path(name), "rb") as f:
                    assert f.read()[-1:] in (b"\n", b"")
    finally:
        subprocess.run(["umount", "-l", m.folder], check=True)


def test_none_and_passthrough(make, place):
    m = sh(make, "echo x", log={"driver": "none"})
    assert run(m).out == b"x\n"
    assert not os.path.exists(m.path("log.json"))
    m = sh(make, "cat; echo err >&2", openStdin=True, log={"driver": "passthrough"})
    with open(os.path.join(place, "in"), "w+") as i, open(os.path.join(place, "out"), "w+") as o:
        i.write("given\n")
        i.seek(0)
        m.start(0, stdio={"stdin": i, "stdout": o, "stderr": o}).close()
        m.wait()
        o.seek(0)
        assert o.read() == "given\nerr\n"


# ---- journald ----

@pytest.fixture
def journal():
    """A journal of our own at its place, in this process's mount namespace."""
    os.makedirs(JOURNAL, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", JOURNAL], check=True)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind(JOURNAL + "/socket")
    s.settimeout(10 * SLOW)
    yield s
    s.close()
    subprocess.run(["umount", "-l", JOURNAL], check=True)


def receive_entry(journal):
    data, fds, _, _ = socket.recv_fds(journal, 1 << 20, 1)
    if fds:
        with os.fdopen(fds[0], "rb") as f:
            f.seek(0)
            data = f.read()
    fields = {}
    while data:
        line, _, data = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            n = struct.unpack("<Q", data[:8])[0]
            value, data = data[8:8 + n], data[9 + n:]
        fields[name.decode()] = value
    return fields


def test_journald(make, journal):
    m = sh(make, "echo hello; echo 'bad\nworse' >&2; head -c 20000 /dev/zero | tr '\\0' x", log={"driver": "journald"})
    run(m)
    entries = [receive_entry(journal) for _ in range(5)]
    first = entries[0]
    assert first["MESSAGE"] == b"hello" and first["PRIORITY"] == b"6"
    assert first["CONTAINER_ID_FULL"].decode() == m.id and first["CONTAINER_NAME"].decode() == m.record["name"]
    texts = {e["MESSAGE"][:20]: e for e in entries}
    assert texts[b"bad"]["PRIORITY"] == b"3" and texts[b"worse"]["PRIORITY"] == b"3"
    parts = [e for e in entries if e["MESSAGE"][:1] == b"x"]
    assert [len(e["MESSAGE"]) for e in parts] == [16384, 20000 - 16384]
    assert all(e["CONTAINER_PARTIAL_MESSAGE"] == b"true" for e in parts)


def test_journald_that_is_full_with_drop_oldest(make, journal):
    m = sh(make, "seq 1 100000", log={"driver": "journald", "mode": "drop-oldest"})
    c = m.start(STDOUT)
    c.close()
    wait_until(lambda: m.status().get("logDropped", 0) > 0 or m.status()["state"] == "exited", 30)
    first = receive_entry(journal)
    assert first["MESSAGE"] == b"1"
    last, count = first, 1
    journal.settimeout(1)
    try:
        while True:
            last, count = receive_entry(journal), count + 1
    except TimeoutError:
        pass
    m.wait(30)
    assert last["MESSAGE"] == b"100000" and count < 100000
    assert m.status()["logDropped"] == 100000 - count


def test_journald_without_a_journal(make):
    m = sh(make, "true", log={"driver": "journald"})
    if os.path.exists(JOURNAL + "/socket"):
        pytest.skip("this machine has a journal")
    c = m.launch(STDOUT)
    packet = c.receive()
    assert b"journal" in packet[2]
    m.monitor.wait()


# ---- berth logs ----

def test_berth_logs(make):
    m = sh(make, "echo one; echo two >&2; sleep 0.3; echo three")
    run(m)
    assert logs(m) == (b"one\nthree\n", b"two\n")
    assert logs(m, "--tail", "1") == (b"three\n", b"")
    stamped = logs(m, "-t")[0].splitlines()
    assert stamped[0].endswith(b"Z one") and len(stamped[0]) == 34
    assert logs(m, "--since", "1h")[0] == b"one\nthree\n" and logs(m, "--until", "1h") == (b"", b"")
    assert logs(m, "--since", "2099-01-01T00:00:00Z") == (b"", b"")


def test_berth_logs_follows_every_byte_through_rotations(make):
    size, pattern = 30_000_000, b"0123456789abcdefghijklmnopqrstu\n"
    m = sh(make, f"read go; yes {pattern.decode().strip()} | head -c {size}", openStdin=True,
           log={"maxSize": 2 << 20, "maxFiles": 3})
    m.start(0).close()
    with subprocess.Popen([BERTH, "logs", "-f", m.id], stdout=subprocess.PIPE, env=m.env) as p:
        time.sleep(0.2)
        m.attach(STDIN).send(IN, data=b"go\n")
        got = p.stdout.read()
    assert p.returncode == 0
    want = (pattern * (size // len(pattern) + 1))[:size]
    assert len(got) == size and got == want
    m.wait()


def test_berth_logs_follow_ends_with_the_container(make):
    m = sh(make, "echo early; sleep 0.7; echo late")
    m.start(0).close()
    begun = time.monotonic()
    assert logs(m, "-f")[0] == b"early\nlate\n"
    assert time.monotonic() - begun < 5 * SLOW
    m.wait()
