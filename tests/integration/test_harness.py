# SPDX-License-Identifier: Apache-2.0
"""The first container, and the harness's own promise to see what a test leaves behind."""
import os
import subprocess
import time

from harness import USER, host
from harness.cgroups import hierarchies


def test_first_container(runtime, bundle):
    bundle.probe("ids", "--", "ns", "--", "uname", "--", "exit", 7)
    result = runtime.run(bundle)
    assert result.code == 7, str(result)
    assert result.probe("ids")["pid"] == 1
    assert result.probe("uname")["nodename"] == "box"
    for kind in ("pid", "net", "ipc", "uts", "mnt", "cgroup"):
        assert result.probe("ns")[kind] != os.stat(f"/proc/self/ns/{kind}").st_ino


def test_life_in_steps(runtime, bundle):
    c = runtime.create(bundle.probe("ids", "--", "trap", 15))
    assert c.status == "created"
    assert c.out == ""
    c.start()
    assert c.probe("trapping")
    assert c.exec("probe", "ids").ok().probe("ids")["pid"] > 1
    c.kill("TERM").ok()
    c.wait("stopped")
    c.delete().ok()
    assert runtime.ids() == []


def test_forgotten_containers_are_deleted(runtime, bundle):
    c = runtime.run_detached(bundle.probe("sleep"))
    assert c.status == "running"
    assert c.cgroups.folder


def test_leftovers_are_seen(tmp_path):
    before = host.Host()
    folder = tmp_path / "mounted"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
    group = os.path.join(next(p for c, (p, _) in hierarchies().items() if c in ("", "pids")), "berth-left")
    os.mkdir(group)
    subprocess.run(["ip", "link", "add", "left0", "type", "veth", "peer", "name", "left1"], check=True)
    # An orphan of an orphan: only a subreaper still knows whose it is.
    subprocess.run(["sh", "-c", "(sleep 300 &) &"], check=True)
    held = os.open("/proc/self/ns/uts", os.O_RDONLY)
    time.sleep(0.1)
    left = "\n".join(before.leftovers(grace=0))
    os.close(held)
    subprocess.run(["ip", "link", "del", "left0"], check=True)
    before.clean()
    for word in ("mount", "berth-left", "left0", "left1", "sleep 300", "uts:["):
        assert word in left


def rootless_bundle(bundle, uid=USER):
    bundle.add_namespace("user").own_rootfs(uid)
    # A user may mount /sys only with a network namespace of its own, and has no group to limit.
    bundle.linux["resources"] = {}
    for m in bundle.config["mounts"]:
        m["options"] = [o for o in m["options"] if not o.startswith("gid=")]
    return bundle


def test_rootless_with_one_id(rootless, bundle):
    rootless_bundle(bundle.probe("ids", "--", "cat", "/proc/self/uid_map"))
    one = [{"containerID": 0, "hostID": USER, "size": 1}]
    bundle.linux["uidMappings"], bundle.linux["gidMappings"] = one, list(one)
    result = rootless.run(bundle).ok()
    assert result.probe("ids")["uid"] == 0
    assert result.probe("cat")["text"].split() == ["0", str(USER), "1"]


def test_rootless_with_subordinate_ids(rootless, subids, bundle):
    rootless_bundle(bundle.probe("cat", "/proc/self/uid_map"))
    ids = [{"containerID": 0, "hostID": USER, "size": 1}, {"containerID": 1, "hostID": subids, "size": 65536}]
    bundle.linux["uidMappings"], bundle.linux["gidMappings"] = ids, list(ids)
    result = rootless.run(bundle).ok()
    assert result.probe("cat")["text"].split() == ["0", str(USER), "1", "1", str(subids), "65536"]
