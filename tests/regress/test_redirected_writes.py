# SPDX-License-Identifier: Apache-2.0
"""CVE-2025-52881, 2019-16884: what the runtime means to write to procfs goes to a file of the attacker's, or what it
means to write to one file of procfs goes to another.

Broken, the setting is not there in the kernel though the run succeeded, or the false file holds the text."""
import json
import os
import subprocess

import pytest

from attacker import race, swapping

TTL = "/proc/sys/net/ipv4/ip_default_ttl"


def ttl_of(pid):
    """As the kernel has it: a fresh procfs in that network namespace, seen from outside."""
    return subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "cat", TTL], check=True, capture_output=True,
                          text=True).stdout.strip()


def test_sysctl_under_a_mount(runtime, bundle):
    """Without /proc in the container, with a folder of the image in its place."""
    bundle.drop_mount("/proc")
    bundle.linux["maskedPaths"], bundle.linux["readonlyPaths"] = [], []
    fake = bundle.inside(TTL)
    os.makedirs(os.path.dirname(fake))
    with open(fake, "w") as f:
        f.write("false")
    bundle.linux["sysctl"] = {"net.ipv4.ip_default_ttl": "77"}
    c = runtime.run_detached(bundle.probe("sleep"))
    assert ttl_of(c.pid) == "77"
    with open(fake) as f:
        assert f.read() == "false"


@pytest.mark.parametrize("link", [None, "/proc/sys", "/proc/sys/net/ipv4"])
def test_sysctl_covered(runtime, bundle, place, link):
    """A mount on /proc/sys, named plainly or through a link, before the sysctl is written."""
    source = os.path.join(place, "source")
    os.makedirs(source + "/net/ipv4")
    for name in ("net/ipv4/ip_default_ttl", "ip_default_ttl"):
        with open(os.path.join(source, name), "w") as f:
            f.write("false")
    if link:
        os.symlink(link, bundle.inside("link"))
    bundle.bind(source, "/link" if link else "/proc/sys")
    bundle.linux["sysctl"] = {"net.ipv4.ip_default_ttl": "77"}
    runtime.run(bundle.args("true")).fails("inside /proc", code=1)
    with open(os.path.join(source, "net/ipv4/ip_default_ttl")) as f:
        assert f.read() == "false"


def test_sysctl_raced(runtime, bundle):
    """A neighbour swaps a folder of the shared volume with a link into /proc while we mount on it."""
    os.makedirs(bundle.inside("vol/dir"))
    os.symlink("/proc/sys/net", bundle.inside("vol/link"))
    bundle.mount("/vol/dir", "tmpfs", "tmpfs")
    bundle.linux["sysctl"] = {"net.ipv4.ip_default_ttl": "77"}
    bundle.probe("cat", TTL)
    codes = {}

    def attempt():
        result = runtime.run(bundle)
        codes[result.code] = codes.get(result.code, 0) + 1
        assert result.code or result.probe("cat")["text"] == "77\n", str(result)

    with swapping(bundle.inside("vol/dir"), bundle.inside("vol/link")):
        race(attempt)
    assert codes.get(0), codes


def test_exec_into_a_false_proc(runtime, bundle, place):
    """A running container covers its /proc with a folder of its own: exec writes through a procfs of its own."""
    bundle.capabilities("SYS_ADMIN", "DAC_OVERRIDE").probe("sleep")
    c = runtime.run_detached(bundle)
    c.exec("sh", "-c", "mount -t tmpfs none /proc && mkdir -p /proc/self/attr /proc/thread-self/attr && "
                       "for f in oom_score_adj attr/exec setgroups uid_map; do echo false > /proc/self/$f; done").ok()
    pid_file = os.path.join(place, "pid")
    path = os.path.join(place, "process.json")
    with open(path, "w") as f:
        json.dump(dict(bundle.process, oomScoreAdj=321, args=["probe", "sleep"]), f)
    runtime("exec", "-d", "--pid-file", pid_file, "--process", path, c.id).ok()
    with open(pid_file) as f:
        pid = f.read()
    with open(f"/proc/{pid}/oom_score_adj") as f:
        assert f.read() == "321\n"
    assert c.exec("cat", "/proc/self/oom_score_adj").ok().out == "false\n"


def test_exec_into_a_false_proc_with_a_user_namespace(runtime, bundle):
    """Whether setgroups(2) is allowed is read from /proc/self/setgroups: a false answer must not count."""
    bundle.user_namespace().own_rootfs(100000).capabilities("SYS_ADMIN", "DAC_OVERRIDE", "SETGID", "SETUID").probe("sleep")
    c = runtime.run_detached(bundle)
    c.exec("sh", "-c", "mount -t tmpfs none /proc && mkdir /proc/self && echo deny > /proc/self/setgroups").ok()
    ids = c.exec("probe", "ids", options=["--additional-gids", "7"]).ok().probe("ids")
    assert ids["groups"] == [7]
