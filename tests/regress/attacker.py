# SPDX-License-Identifier: Apache-2.0
"""Driving build/attack (attack.c): races from outside, and hunts from inside."""
import contextlib
import json
import os
import subprocess
import time

from harness import REPO, SLOW

ATTACK = os.path.join(REPO, "build", "attack")
RACE_SECONDS = 2


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
