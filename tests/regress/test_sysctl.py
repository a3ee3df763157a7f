# SPDX-License-Identifier: Apache-2.0
"""CVE-2022-0811: a second assignment hides in a sysctl's name or value, and sets kernel.core_pattern for the host.

Broken, the run succeeds, and the host's files differ."""
import pytest

GUARDED = ["kernel/core_pattern", "kernel/modprobe", "kernel/panic", "vm/overcommit_memory", "fs/suid_dumpable"]

BAD = [
    ("kernel.shm_rmid_forced", "1+kernel.core_pattern=|/evil"),
    ("kernel.shm_rmid_forced", "1\nkernel.core_pattern=|/evil"),
    ("kernel.shm_rmid_forced+kernel.core_pattern", "|/evil"),
    ("kernel.shm_rmid_forced=1+kernel.core_pattern", "|/evil"),
    ("kernel.core_pattern", "|/evil"),
    ("kernel/core_pattern", "|/evil"),
    ("net.ipv4/../../kernel/core_pattern", "|/evil"),
    ("net/../kernel/core_pattern", "|/evil"),
    ("net/ipv4/../../kernel/core_pattern", "|/evil"),
    ("net/../../self/oom_score_adj", "1"),
    ("net//../kernel/core_pattern", "|/evil"),
    ("net.//kernel//core_pattern", "|/evil"),
    ("fs.mqueue.../../kernel/core_pattern", "|/evil"),
    ("fs/mqueue/../../kernel/core_pattern", "|/evil"),
    ("/net/ipv4/ip_default_ttl", "77"),
    ("net/ipv4/ip_default_ttl/", "77"),
    ("net./ipv4/ip_default_ttl", "77"),
    ("net", "77"),
    ("", "77"),
    (".", "77"),
    ("..", "77"),
    ("net.ipv4.ip_default_ttl\n", "77"),
    ("net.ipv4.ip_default_ttl ", "77"),
    ("net.ipv4.ip_default_ttl", "77\n78"),
    ("net.ipv4.ip_default_ttl", "77+net.ipv4.ip_forward=1"),
    ("kernel.modprobe", "/evil"),
    ("kernel.shmmax/../core_pattern", "|/evil"),
    ("kernel.shmmaxx", "1"),
    ("user.max_user_namespaces", "1"),
    ("vm.overcommit_memory", "2"),
    ("fs.suid_dumpable", "1"),
]


def read_text(path):
    """None where this kernel has no such file."""
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return None


@pytest.fixture
def guarded():
    def read():
        return {name: read_text("/proc/sys/" + name) for name in GUARDED}
    before = read()
    yield
    assert read() == before


@pytest.mark.parametrize("key, value", BAD, ids=[str(i) for i in range(len(BAD))])
def test_refused(runtime, bundle, guarded, key, value):
    bundle.linux["sysctl"] = {key: value}
    runtime.run(bundle.args("true")).fails("sysctl", code=1)
    assert runtime.ids() == []


@pytest.mark.parametrize("key", ["net.ipv4.ip_default_ttl", "net/ipv4/ip_default_ttl"])
def test_set(runtime, bundle, guarded, key):
    """The control: what is the container's own is set, and the host's stays."""
    with open("/proc/sys/net/ipv4/ip_default_ttl") as f:
        before = f.read()
    bundle.linux["sysctl"] = {key: "77", "kernel.shm_rmid_forced": "1", "fs.mqueue.msg_max": "11"}
    result = runtime.run(bundle.probe("cat", "/proc/sys/net/ipv4/ip_default_ttl", "--",
                                      "cat", "/proc/sys/kernel/shm_rmid_forced")).ok()
    assert [result.probe("cat", i)["text"] for i in (0, 1)] == ["77\n", "1\n"]
    with open("/proc/sys/net/ipv4/ip_default_ttl") as f:
        assert f.read() == before
