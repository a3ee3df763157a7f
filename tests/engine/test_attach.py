# SPDX-License-Identifier: Apache-2.0
"""Clients of a monitor: several at once, slow ones, the terminal of a person."""
import os
import pty
import select
import subprocess
import time

import pytest

from harness import REPO, SLOW
from monitored import IN, STDERR, STDIN, STDOUT, Monitored, wait_until

BERTH = os.path.join(REPO, "build", "berth")
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


def test_every_client_gets_everything(make):
    m = sh(make, "read go; seq 1 100000; echo err >&2; exit 5", openStdin=True)
    m.start(0).close()
    clients = [m.attach() for _ in range(5)]
    m.attach(STDIN).send(IN, data=b"go\n")
    wanted = "".join(f"{i}\n" for i in range(1, 100001)).encode()
    for c in clients:
        assert c.exit_code() == 5
        # Nobody may be faster than the others need: what they miss they are told.
        assert len(c.out) + c.dropped == len(wanted) or c.out == wanted
        assert c.err == b"err\n"
    m.wait()


def test_a_slow_client_stops_nobody_and_is_told(make):
    m = sh(make, "read go; head -c 20000000 /dev/zero | tr '\\0' x; echo; read end", openStdin=True,
           log={"driver": "none"})
    m.start(0).close()
    slow, quick = m.attach(), m.attach(ALL)
    quick.send(IN, data=b"go\n")
    while len(quick.out) + quick.dropped < 20000001:
        assert quick.receive()
    quick.send(IN, data=b"end\n")
    assert quick.exit_code() == 0
    assert slow.exit_code() == 0
    assert slow.dropped > 0 and len(slow.out) + slow.dropped == 20000001
    m.wait()


def test_a_slow_starter_is_waited_for(make):
    m = sh(make, "head -c 3000000 /dev/zero | tr '\\0' x; echo done >/tmp/done; exit 3", log={"driver": "none"})
    m.bundle.mount("/tmp", "tmpfs", "tmpfs")
    c = m.start(STDOUT)
    time.sleep(0.5)
    assert not os.path.exists(f"/proc/{m.pid}/root/tmp/done") and m.status()["state"] == "running"
    assert c.exit_code() == 3
    assert len(c.out) == 3000000 and not c.dropped
    m.wait()


def test_with_drop_oldest_the_starter_is_not_waited_for(make):
    m = sh(make, "head -c 5000000 /dev/zero | tr '\\0' x", log={"driver": "none", "mode": "drop-oldest"})
    c = m.start(STDOUT)
    wait_until(lambda: m.status()["state"] == "exited")
    assert c.exit_code() == 0
    assert c.dropped and len(c.out) + c.dropped == 5000000
    m.wait()


def test_a_starter_that_dies_leaves_the_container(make):
    m = sh(make, "seq 1 100000; sleep 0.3; echo after")
    c = m.start(STDOUT)
    c.receive()
    c.close()
    m.wait()
    assert m.log_bytes().endswith(b"100000\nafter\n")


def test_two_writers_of_input(make):
    m = make("cat", openStdin=True)
    m.start(0).close()
    reader = m.attach()
    a, b = m.attach(STDIN), m.attach(STDIN)
    a.send(IN, data=b"a" * 1000 + b"\n")
    b.send(IN, data=b"b" * 1000 + b"\n")
    while len(reader.out) < 2002:
        reader.receive()
    assert reader.out.count(b"a") == reader.out.count(b"b") == 1000


def test_noise_from_a_client_harms_nobody(make):
    m = sh(make, "sleep 1; echo fine")
    c = m.start(STDOUT)
    for noise in (b"x", b"\xff" * 16, os.urandom(40000), b"\x05\0\0\0" + b"\0" * 12 + b"input"):
        bad = m.attach(0)
        bad.sock.send(noise)
    assert c.exit_code() == 0 and c.out == b"fine\n"
    m.wait()


# ---- a person at a terminal ----

class Terminal:
    def __init__(self, m, *words):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen([BERTH, *words], stdin=slave, stdout=slave, stderr=slave, env=m.env,
                                        start_new_session=True)
        os.close(slave)
        self.seen = b""

    def until(self, text):
        end = time.monotonic() + 10 * SLOW
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.master, 4096)
                except OSError:
                    raise AssertionError(f"closed: {self.seen!r}") from None

    def type(self, text):
        os.write(self.master, text)


def test_berth_attach_and_detach(make):
    m = sh(make, "while read x; do echo got $x; done", tty=True, openStdin=True)
    m.start(0).close()
    t = Terminal(m, "attach", m.id)
    wait_until(lambda: m.attach(0))
    time.sleep(0.3)
    t.type(b"one\n")
    t.until(b"got one")
    t.type(b"\x10")  # the first of the detach keys alone belongs to the container
    t.type(b"x\n")
    t.until(b"got")
    t.type(b"\x10\x11")
    assert t.process.wait(10 * SLOW) == 0
    assert m.status()["state"] == "running"


def test_berth_attach_ends_with_the_container(make):
    m = sh(make, "read x; echo $x; exit 9", openStdin=True)
    m.start(0).close()
    p = subprocess.run([BERTH, "attach", m.id], input=b"word\n", stdout=subprocess.PIPE, env=m.env, check=False,
                       timeout=20 * SLOW)
    assert (p.returncode, p.stdout) == (9, b"word\n")
    m.wait()


def test_berth_wait(make):
    m = sh(make, "sleep 0.5; exit 8")
    m.start(0).close()
    p = subprocess.run([BERTH, "wait", m.id], stdout=subprocess.PIPE, env=m.env, check=True, timeout=20 * SLOW)
    assert p.stdout == b"8\n"
    m.wait()
    p = subprocess.run([BERTH, "wait", m.id], stdout=subprocess.PIPE, env=m.env, check=True, timeout=20 * SLOW)
    assert p.stdout == b"8\n"
