# SPDX-License-Identifier: Apache-2.0
"""berth ns: who shares which namespace with whom, compared with /proc."""
import json
import os
import subprocess

import pytest

KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


def rows(berth, *words):
    return [json.loads(line) for line in berth("ns", "--format", "json", *words).splitlines()]


def one(berth, name):
    return {r["Kind"]: r for r in rows(berth, name)}


def inode(pid, kind):
    return os.stat(f"/proc/{pid}/ns/{kind}").st_ino


def test_map_of_containers(berth):
    berth("run", "-d", "--name", "one", "busybox", "sleep", "1000")
    berth("run", "-d", "--name", "two", "--network", "container:one", "--uts", "host", "busybox", "sleep", "1000")
    found = {r["Name"]: r for r in rows(berth)}
    one_, two = found["one"], found["two"]
    assert one_["Engine"] == two["Engine"] == "berth" and one_["Count"] == 1
    pid = berth.inspect("one")["State"]["Pid"]
    assert one_["Process"] == pid
    for kind in KINDS:
        assert one_["Namespaces"][kind]["Inode"] == inode(pid, kind)
        assert one_["Namespaces"][kind]["IsHost"] == (inode(pid, kind) == inode("self", kind))
    assert one_["Net"] == "two" and two["Net"] == "one" and two["Uts"] == "host" and one_["Mnt"] == "own"
    assert found["host"]["Count"] > 1
    head = berth("ns").splitlines()[0].split()
    assert head[:4] == ["NAME", "ENGINE", "PROCESS", "COUNT"] and head[-1] == "IDS"


def test_owner_and_ids_of_one(berth):
    p = berth.run("run", "-d", "--name", "box", "--userns", "auto", "busybox", "sleep", "1000")
    if "no id-mapped mounts" in p.stderr:
        pytest.skip("the store's file system has no id-mapped mounts")
    assert p.returncode == 0, p.stderr
    pid = berth.inspect("box")["State"]["Pid"]
    kinds = one(berth, "box")
    assert kinds["net"]["Owner"] == "its own user namespace" and kinds["user"]["Owner"] == "the host's user namespace"
    assert kinds["user"]["Shared"] == "own" and kinds["user"]["OwnerUid"] == "uid 0"
    with open(f"/proc/{pid}/uid_map") as f:
        inside, outside, count = f.read().split()
    text = berth("ns", "box")
    assert f"user ids {inside}:{outside}:{count}" in text.splitlines()[0] and text.startswith("berth container box: process")
    assert {r["Inode"] for r in kinds.values()} == {inode(pid, k) for k in KINDS}


def test_plain_process(berth):
    with subprocess.Popen(["unshare", "--net", "--uts", "sh", "-c", "echo ready; exec sleep 1000"], stdout=subprocess.PIPE) as p:
        try:
            assert p.stdout.readline() == b"ready\n"
            kinds = one(berth, str(p.pid))
            assert kinds["net"]["Shared"] == "own" and kinds["ipc"]["Shared"] == "host"
            assert any(r["Process"] == p.pid and r["Engine"] == "-" for r in rows(berth))
        finally:
            p.kill()


def test_container_of_another_engine(berth):
    """A process in a group that is named as Docker names its own."""
    ident = "0123456789abcdef" * 4
    root = "/sys/fs/cgroup" if os.path.exists("/sys/fs/cgroup/cgroup.procs") else "/sys/fs/cgroup/pids"
    group = f"{root}/docker-{ident}.scope"
    os.mkdir(group)
    with subprocess.Popen(["unshare", "--ipc", "sh", "-c", f"echo $$ > {group}/cgroup.procs; echo ready; exec sleep 1000"],
                          stdout=subprocess.PIPE) as p:
        try:
            assert p.stdout.readline() == b"ready\n"
            found = [r for r in rows(berth) if r["Id"] == ident]
            assert [(r["Name"], r["Engine"], r["Process"], r["Ipc"], r["Uts"]) for r in found] == [
                (ident[:12], "docker", p.pid, "own", "host")]
            assert one(berth, ident[:12])["ipc"]["Shared"] == "own"
        finally:
            p.kill()
            p.wait()
            os.rmdir(group)


@pytest.mark.parametrize("word, text", [("nosuch", "no such container or process: nosuch"), ("box", "container box is not running")])
def test_refusals(berth, word, text):
    berth("create", "--name", "box", "busybox", "true")
    assert text in berth.fails("ns", word)


def test_as_a_user(user):
    user("run", "-d", "--name", "box", "busybox", "sleep", "1000")
    found = {r["Name"]: r for r in rows(user)}
    assert found["box"]["Engine"] == "berth" and found["box"]["Pid"] == found["box"]["Mnt"] == "own"
