# SPDX-License-Identifier: Apache-2.0
"""TIOCSTI: a container types commands on its caller's terminal (bubblewrap CVE-2017-5226, flatpak CVE-2019-10063).

Broken, "answers" has "ok", and the text is there to be read on the terminal of the test."""
import fcntl
import json
import os
import pty
import select
import subprocess
import termios

import pytest

from attacker import ATTACK
from harness import SLOW

TYPED = "evil"


class Terminal:
    """A terminal of ours, in raw mode, the controlling one of what is run on it."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        mode = termios.tcgetattr(self.slave)
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        mode[1] &= ~termios.OPOST
        termios.tcsetattr(self.slave, termios.TCSANOW, mode)

    def become_ours(self):
        """Runs in the child, after setsid."""
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def typed(self):
        """What a shell would read there now."""
        return os.read(self.slave, 4096) if select.select([self.slave], [], [], 0.2)[0] else b""

    def printed(self):
        out = b""
        while select.select([self.master], [], [], 0.2)[0]:
            out += os.read(self.master, 4096)
        return out.decode()

    def close(self):
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal():
    t = Terminal()
    yield t
    t.close()


def on(terminal, command, popen):
    p = popen(command, stdin=terminal.slave, stdout=terminal.slave, stderr=terminal.slave, preexec_fn=terminal.become_ours)
    assert p.wait(20 * SLOW) == 0, terminal.printed()
    return terminal.typed(), json.loads("{" + terminal.printed().split("{")[-1])["answers"]


def test_the_attack_works_here(terminal):
    """The control: outside of a container."""
    typed, answers = on(terminal, [ATTACK, "sti", TYPED], subprocess.Popen)
    if "ok" not in answers:
        with open("/proc/sys/dev/tty/legacy_tiocsti") as f:
            assert f.read() == "0\n"
        pytest.skip("this kernel gives TIOCSTI to CAP_SYS_ADMIN alone (dev.tty.legacy_tiocsti = 0)")
    assert typed == TYPED.encode() * 3


@pytest.mark.parametrize("verb", ["run", "exec"])
def test_without_a_terminal_of_its_own(runtime, bundle, arm, terminal, verb):
    """The standard streams are our terminal itself: it must not be the container's controlling one."""
    arm(bundle)
    if verb == "run":
        words = ["run", "--bundle", bundle.args("attack", "sti", TYPED).write().path, "x"]
    else:
        words = ["exec", runtime.run_detached(bundle.probe("sleep")).id, "attack", "sti", TYPED]
    typed, answers = on(terminal, words, lambda w, **more: runtime.popen(*w, **more))
    assert answers == ["EPERM"] * 3 or answers == ["EIO"] * 3
    assert typed == b""


def test_dev_tty_is_not_ours(runtime, bundle, arm, terminal):
    arm(bundle).args("attack", "sti", TYPED, "/dev/tty").write()
    typed, answers = on(terminal, ["run", "--bundle", bundle.path, "x"], lambda w, **more: runtime.popen(*w, **more))
    assert "ok" not in answers and typed == b""


@pytest.mark.parametrize("verb", ["run", "exec"])
def test_with_a_terminal_of_its_own(runtime, bundle, arm, terminal, verb):
    """It may type on its own; ours stays empty, and so does what a shell reads after it."""
    arm(bundle)
    if verb == "run":
        bundle.process["terminal"] = True
        words = ["run", "--bundle", bundle.args("attack", "sti", TYPED).write().path, "x"]
    else:
        words = ["exec", "--tty", runtime.run_detached(bundle.probe("sleep")).id, "attack", "sti", TYPED]
    typed, _ = on(terminal, words, lambda w, **more: runtime.popen(*w, **more))
    assert typed == b""
