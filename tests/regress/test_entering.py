# SPDX-License-Identifier: Apache-2.0
"""CVE-2016-9962: while exec enters, a process inside attaches to it, or takes the descriptors of the host from it.

Broken, the hunter lists the runtime's folders of the host among the descriptors of the newcomer, has a handle on its
program, or may trace it before it has become what was asked for. No runtime can hide it from CAP_SYS_PTRACE without a
user namespace: the control has that and sees all."""
import os

import pytest

from attacker import prey_of

OURS = ("/bin/probe", "/bin/attack", "/bin/busybox")


def show(prey):
    return [(p["exe"], p["fds"], p["traced"]) for p in prey]


@pytest.mark.parametrize("kind", ["docker", "user-namespace"])
def test_the_newcomer_is_closed(runtime, bundle, arm, place, kind):
    """The attacker is root inside: with Docker's capabilities, or in a user namespace with all of them."""
    arm(bundle)
    if kind == "user-namespace":
        bundle.user_namespace().own_rootfs(100000)
        names = ["SYS_PTRACE", "SYS_ADMIN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "SETUID", "SETGID", "CHOWN", "KILL"]
        bundle.capabilities(*names)
    answer = prey_of(runtime, bundle, lambda c: c.exec("probe", "ids").ok())
    assert answer["refused"] > 0, "the hunter has never met a newcomer: nothing was tried"
    for p in answer["prey"]:
        assert p["exe"] in OURS, show(answer["prey"])
        assert not any(place in fd or fd.startswith(("/run", "/sys", "/work")) for fd in p["fds"]), show(answer["prey"])


def test_the_hunter_catches_others(runtime, bundle, arm):
    """The control: an ordinary process of the container is caught, its descriptors are listed, and it is traced."""
    arm(bundle).capabilities("SYS_PTRACE")
    answer = prey_of(runtime, bundle, lambda c: c.exec("sh", "-c", "probe sleep 0.2; true").ok(), 2)
    # The shell's child may be met before or after it has become the probe.
    caught = [p for p in answer["prey"] if p["exe"] in ("/bin/probe", "/bin/busybox")]
    assert caught and any(p["traced"] == "ok" for p in caught) and any(len(p["fds"]) >= 3 for p in caught), show(answer["prey"])


def test_the_waiting_process_is_not_dumpable(runtime, bundle):
    """Between create and start, /proc/PID belongs to the host's root although the container's is another user."""
    bundle.user_namespace().own_rootfs(100000).probe("sleep")
    c = runtime.create(bundle)
    assert os.stat(f"/proc/{c.pid}/fd").st_uid == 0
    c.start()
    # The control: once its program runs, they are its own.
    assert os.stat(f"/proc/{c.pid}/fd").st_uid == 100000
