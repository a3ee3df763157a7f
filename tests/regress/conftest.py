# SPDX-License-Identifier: Apache-2.0
"""Old break-outs, tried again: the fixtures of the integration tests, and an attacker.

One file a class of attack. Each test says how it looked where it worked; where it is cheap, the same attack is also made on
something unprotected, so that a test cannot pass because its attacker does nothing."""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))

from harness import REPO, SLOW, USER  # noqa: E402

pytest_plugins = ["harness.fixtures"]

__all__ = ["USER"]

ATTACK = os.path.join(REPO, "build", "attack")
RACE_SECONDS = 2


@pytest.fixture
def arm():
    """arm(bundle): the attacker's program is /bin/attack in it."""
    def put(bundle):
        shutil.copy(ATTACK, bundle.inside("bin", "attack"))
        return bundle
    return put


@pytest.fixture
def outside(place):
    """A folder of the host that no container has any business in, with a secret."""
    path = os.path.join(place, "outside")
    os.mkdir(path)
    with open(os.path.join(path, "secret"), "w") as f:
        f.write("secret\n")
    yield path
    assert os.listdir(path) == ["secret"], f"made outside of the container: {os.listdir(path)}"
    with open(os.path.join(path, "secret")) as f:
        assert f.read() == "secret\n"


@contextlib.contextmanager
def swapping(a, b, seconds=60):
    """While it lasts, two files change their names as fast as the kernel can; then a and b are as before, or swapped."""
    p = subprocess.Popen([ATTACK, "swap", a, b, str(seconds)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    try:
        yield p
    finally:
        p.stdin.close()
        out = p.stdout.read()
        p.stdout.close()
        assert p.wait(20 * SLOW) == 0, out
        assert json.loads(out)["swaps"] > 100, out


def race(attempt, seconds=RACE_SECONDS):
    """attempt() again and again; how often."""
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end or n < 5:
        attempt()
        n += 1
    return n


def prey_of(runtime, bundle, attempt, seconds=3, writes=()):
    """What attack hunt, the container's first process, caught while attempt(container) was made again and again."""
    seconds *= min(SLOW, 3)
    c = runtime.run_detached(bundle.args("attack", "hunt", seconds, *writes))
    c.wait_out("hunting")
    end = time.monotonic() + seconds
    while time.monotonic() < end - 0.5:
        attempt(c)
    # All else has ended by now: the hunter goes on to write to what it holds.
    c.wait(timeout=20)
    answer = c.result.probe("hunt")
    c.delete().ok()
    return answer
