# SPDX-License-Identifier: Apache-2.0
"""Where things are, which lane this is, and waiting."""
import os
import time

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
# BERTH_RUNTIME tries another runtime with the same tests: BERTH_RUNTIME=/usr/sbin/runc.
RUNTIME = os.environ.get("BERTH_RUNTIME", os.path.join(REPO, "build", "berth-runtime"))
PROBE = os.path.join(REPO, "build", "probe")
BUSYBOX = "/bin/busybox"
USER = 12345  # an ordinary user without a name on the host


def _lane():
    with open("/proc/self/mountinfo") as f:
        for line in f:
            words = line.split()
            if words[4] == "/sys/fs/cgroup":
                return "v2" if words[words.index("-") + 1] == "cgroup2" else "host"
    return "host"


# "v2": /sys/fs/cgroup is cgroup2 alone. "host": v1 hierarchies, with or without a v2 one beside them.
LANE = _lane()
# Time-outs times this: an emulated processor is slow.
SLOW = float(os.environ.get("BERTH_TEST_SLOW", "1"))


def wait_for(what, timeout=5.0, step=0.01):
    """Calls what() until it gives something true, and returns that; fails after timeout seconds."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not true within {timeout * SLOW:.0f} s: {getattr(what, '__doc__', None) or what}")
        time.sleep(step)
