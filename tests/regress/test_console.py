# SPDX-License-Identifier: Apache-2.0
"""CVE-2025-52565: what is bound onto /dev/console, and what it is bound onto, can be swapped for something else.

Broken, a file of the host is bound into the container for writing, or the terminal is mounted over a file of the host."""
import os

import pytest

from attacker import race, swapping


def with_dev(bundle, *keep):
    """/dev is a folder of the image; only the mounts KEEP stay in it."""
    for destination in ("/dev", "/dev/pts", "/dev/mqueue", "/dev/shm"):
        if destination not in keep:
            bundle.drop_mount(destination)
    for name in ("dev/pts", "dev/mqueue", "dev/shm"):
        os.makedirs(bundle.inside(name), exist_ok=True)
    bundle.process["terminal"] = True
    return bundle.probe("tty", "--", "stat", "/dev/console", "--", "stat", "/proc/self/fd/0")


def test_console(runtime, bundle):
    """The control: a pty of the container's own devpts."""
    result = runtime.run(with_dev(bundle, "/dev/pts")).ok()
    console = result.probe("stat", 0)
    assert (console["type"], console["major"], console["minor"]) == ("c", 136, 0)
    assert result.probe("stat", 1)["link"] == "/dev/pts/0"


@pytest.mark.parametrize("target", ["outside", "/proc/sys/kernel/core_pattern", "/etc/passwd", "/nowhere"])
def test_console_is_a_link(runtime, bundle, outside, target):
    with_dev(bundle, "/dev/pts")
    os.symlink(os.path.join(outside, "secret") if target == "outside" else target, bundle.inside("dev/console"))
    runtime.run(bundle).fails("/dev/console", code=1)
    assert runtime.ids() == []
    assert not os.path.exists(bundle.inside("nowhere"))


def test_console_is_swapped(runtime, bundle, outside):
    with_dev(bundle, "/dev/pts")
    open(bundle.inside("dev/console"), "w").close()
    os.symlink(os.path.join(outside, "secret"), bundle.inside("dev/link"))
    bundle.hook("createContainer", "/bin/sh", "sh", "-c", f"! grep -q ' {outside}' /proc/self/mountinfo")
    codes = set()

    def attempt():
        result = runtime.run(bundle)
        codes.add(result.code)
        if result.code == 0:
            assert result.probe("tty")["tty"] == [1, 1, 1]
            console = result.probe("stat", 0)
            assert console["type"] != "c" or console["major"] == 136, str(result)
        else:
            result.fails("/dev/console", code=1)

    with swapping(bundle.inside("dev/console"), bundle.inside("dev/link")):
        race(attempt)
    assert 0 in codes


def test_pts_is_a_link_to_the_hosts(runtime, bundle):
    """Before the pivot /dev/pts of the image would lead to the host's devpts: a terminal among the host's. Broken, the
    run succeeds with one of them."""
    with_dev(bundle)
    os.rmdir(bundle.inside("dev/pts"))
    os.symlink("/dev/pts", bundle.inside("dev/pts"))
    runtime.run(bundle).fails("/dev/pts/ptmx", code=1)
    assert runtime.ids() == []


@pytest.mark.parametrize("kind", ["file", "fifo", "null", "link"])
def test_ptmx_is_something_else(runtime, bundle, kind):
    """No devpts is mounted: the image brings pts/ptmx."""
    with_dev(bundle)
    path = bundle.inside("dev/pts/ptmx")
    if kind == "file":
        open(path, "w").close()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "null":
        os.mknod(path, 0o20666, os.makedev(1, 3))
    else:
        os.symlink("/dev/ptmx", path)
    runtime.run(bundle).fails("/dev/pts/ptmx", code=1)
    assert runtime.ids() == []


def test_exec_after_dev_was_replaced(runtime, bundle):
    """A running container moves its own /dev away: exec finds no terminal, or a true one of devpts."""
    bundle.capabilities("SYS_ADMIN", "MKNOD", "DAC_OVERRIDE").probe("sleep")
    c = runtime.run_detached(bundle)
    c.exec("sh", "-c", "mount -t tmpfs none /dev && mkdir /dev/pts && mknod /dev/pts/ptmx c 1 3").ok()
    result = c.exec("probe", "tty", options=["--tty"]).fails("/dev/pts/ptmx", code=255)
    assert result.out == ""
    c.exec("sh", "-c", "umount /dev && mount -t tmpfs none /dev && ln -s /tmp /dev/pts").ok()
    c.exec("probe", "tty", options=["--tty"]).fails("/dev/pts/ptmx", code=255)
