# SPDX-License-Identifier: Apache-2.0
"""What a container may do: capabilities, system calls, masked paths, devices, and the options that change it."""
import json
import os
import re
import stat

import pytest

from conftest import Berth
from harness import USER

DOCKER_CAPS = 0xa80425fb  # Docker's fourteen
CAP_NET_BIND_SERVICE, CAP_CHOWN, CAP_SYS_ADMIN = 10, 0, 21


def status(berth, *options, user=None):
    """The lines of /proc/self/status, hexadecimal numbers as numbers."""
    words = [*options, *(["--user", user] if user else [])]
    text = berth("run", "--rm", *words, "busybox", "cat", "/proc/self/status")
    found = dict(re.findall(r"^(\w+):\t(.*)$", text, re.M))
    return {key: int(value, 16) if key.startswith("Cap") else value for key, value in found.items()}


def shell(berth, script, *options):
    return berth("run", "--rm", *options, "busybox", "sh", "-c", script).strip()


# ---- capabilities -----------------------------------------------------------------------------------------------


def test_capabilities(berth):
    s = status(berth)
    assert (s["CapEff"], s["CapPrm"], s["CapBnd"]) == (DOCKER_CAPS,) * 3
    assert (s["CapInh"], s["CapAmb"]) == (0, 0)
    assert s["Seccomp"] == "2" and s["NoNewPrivs"] == "0"
    s = status(berth, "--cap-drop", "all", "--cap-add", "Chown")
    assert (s["CapEff"], s["CapBnd"]) == (1 << CAP_CHOWN,) * 2
    s = status(berth, "--cap-add", "SYS_ADMIN", "--cap-drop", "CAP_CHOWN")
    assert s["CapEff"] == (DOCKER_CAPS | 1 << CAP_SYS_ADMIN) & ~(1 << CAP_CHOWN)


def test_capabilities_of_a_user(berth):
    s = status(berth, user="1000")
    assert (s["CapEff"], s["CapPrm"], s["CapInh"], s["CapAmb"]) == (0, 0, 0, 0)
    assert s["CapBnd"] == DOCKER_CAPS
    s = status(berth, "--cap-add", "net_bind_service", user="1000:1000")
    assert (s["CapEff"], s["CapAmb"]) == (1 << CAP_NET_BIND_SERVICE,) * 2


def test_privileged(berth):
    s = status(berth, "--privileged")
    assert s["CapEff"] == s["CapBnd"] and s["CapBnd"] & 1 << CAP_SYS_ADMIN
    assert s["Seccomp"] == "0"
    assert shell(berth, "mount -t tmpfs x /tmp && echo mounted", "--privileged") == "mounted"
    assert "/proc/sys" not in shell(berth, "cat /proc/self/mountinfo", "--privileged")
    assert not status(berth, "--privileged", "--cap-drop", "SYS_ADMIN")["CapEff"] & 1 << CAP_SYS_ADMIN


def test_no_new_privileges(berth):
    assert status(berth, "--security-opt", "no-new-privileges")["NoNewPrivs"] == "1"
    assert status(berth, "--security-opt", "no-new-privileges:false")["NoNewPrivs"] == "0"


# ---- system calls -----------------------------------------------------------------------------------------------


def test_seccomp(berth):
    assert "not permitted" in shell(berth, "unshare -m true 2>&1; true")
    assert shell(berth, "unshare -m echo made", "--cap-add", "SYS_ADMIN") == "made"
    s = status(berth, "--security-opt", "seccomp=unconfined")
    assert s["Seccomp"] == "0" and s["CapEff"] == DOCKER_CAPS


def test_seccomp_profiles(berth, tmp_path):
    ours, docker = tmp_path / "ours.json", tmp_path / "docker.json"
    ours.write_text(json.dumps({
        "berth_seccomp": 1, "unknown": "allow",
        "groups": [{"name": "folders", "calls": ["mkdir", "mkdirat"], "with": ["CAP_SYS_ADMIN"]},
                   {"name": "no folders", "answer": "EACCES", "calls": ["mkdir", "mkdirat"]}]}))
    docker.write_text(json.dumps({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13,
                      "excludes": {"caps": ["CAP_SYS_ADMIN"]}}]}))
    for path in (ours, docker):
        assert "Permission denied" in shell(berth, "mkdir /x 2>&1; true", "--security-opt", f"seccomp={path}")
        assert shell(berth, "mkdir /x && echo made", "--security-opt", f"seccomp={path}", "--cap-add", "SYS_ADMIN") == "made"


# ---- masked and read-only paths ---------------------------------------------------------------------------------


def mounts(berth, *options):
    """Mount points and their options in a container."""
    lines = shell(berth, "cat /proc/self/mountinfo", *options).splitlines()
    return {line.split()[4]: line.split()[5].split(",") for line in lines}


def test_masks(berth):
    found = mounts(berth)
    assert "ro" in found["/proc/sys"] and "ro" in found["/proc/irq"]
    assert shell(berth, "cat /proc/interrupts /proc/kcore /proc/timer_list 2>/dev/null | wc -c") == "0"
    found = mounts(berth, "--security-opt", "unmask=/proc/sys:/proc/int*", "--security-opt", "mask=/proc/cpuinfo")
    assert "/proc/sys" not in found and "/proc/interrupts" not in found
    assert "/proc/cpuinfo" in found and "/proc/irq" in found
    for word in ("unmask=ALL", "systempaths=unconfined"):
        assert not [path for path in mounts(berth, "--security-opt", word) if path.startswith("/proc/")]


# ---- devices ----------------------------------------------------------------------------------------------------


def test_devices(berth):
    assert shell(berth, "head -c 3 /dev/nil | wc -c", "--device", "/dev/zero:/dev/nil") == "3"
    assert shell(berth, "stat -c '%t %T' /dev/sub/nil", "--device", "/dev/zero:/dev/sub/nil:r") == "1 5"
    # core is a link to /proc/kcore, where the kernel has that.
    assert set(shell(berth, "ls /dev").split()) - {"core"} == set(
        "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split())


def test_device_rules(berth):
    """Nobody may open what has not been allowed, though the node can be made. No driver has that number."""
    script = "mknod /dev/thing c 240 7 && head -c 1 /dev/thing 2>&1; true"
    assert "Operation not permitted" in shell(berth, script)
    assert "No such device" in shell(berth, script, "--device-cgroup-rule", "c 240:7 rw")
    assert "Operation not permitted" in shell(berth, script, "--device-cgroup-rule", "c 240:8 rw")


@pytest.mark.skipif(not os.path.exists("/dev/kmsg"), reason="this machine has no /dev/kmsg")
def test_devices_privileged(berth):
    host = os.stat("/dev/kmsg")
    assert stat.S_ISCHR(host.st_mode)
    names = shell(berth, "ls /dev", "--privileged").split()
    assert "kmsg" in names and "pts" in names and "console" not in names
    assert shell(berth, "head -c 0 /dev/kmsg && echo opened", "--privileged") == "opened"


@pytest.fixture(name="user_berth")
def fixture_user_berth(place, subids):
    """Berth as an ordinary user with subordinate ids."""
    home = os.path.join(place, "home")
    os.mkdir(home)
    os.chown(home, USER, USER)
    store = Berth(home)
    os.chown(store.place, USER, USER)
    store.env.update(HOME=home, XDG_RUNTIME_DIR=home)
    store.prefix = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    yield store
    store.close()


def test_ordinary_user(user_berth):
    s = status(user_berth)
    assert s["CapEff"] == DOCKER_CAPS and s["Seccomp"] == "2"
    assert "not permitted" in shell(user_berth, "unshare -m true 2>&1; true")
    # No node can be made there, so the host's is bound.
    assert shell(user_berth, "head -c 3 /dev/nil | wc -c", "--device", "/dev/zero:/dev/nil") == "3"
    assert shell(user_berth, "mount -t tmpfs x /tmp && echo mounted", "--privileged") == "mounted"


# ---- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words, says", [
    (["--cap-add", "NET_ADM"], "unknown capability, did you mean CAP_NET_ADMIN"),
    (["--cap-drop", "FLY"], "--cap-drop FLY: unknown capability"),
    (["--security-opt", "fast"], "invalid --security-opt fast"),
    (["--security-opt", "seccomp=/no/such/file"], "/no/such/file: no such file or directory"),
    (["--security-opt", "seccomp=/etc/passwd"], "expected"),
    (["--security-opt", "mask=proc"], "want absolute paths"),
    (["--device", "/dev/no-such"], "no such file or directory"),
    (["--device", "/etc/passwd"], "is not a device node"),
    (["--device-cgroup-rule", "c 1"], "invalid device cgroup format"),
])
def test_refused(berth, words, says):
    assert says in berth.fails("run", "--rm", *words, "busybox", "true", code=125)
