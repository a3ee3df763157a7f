# SPDX-License-Identifier: Apache-2.0
"""CVE-2023-25809, 2022-0492: the groups are writable in a container that does not have a cgroup namespace of its own, or a
v1 release_agent can be set.

Broken, `mkdir` succeeds in a group of the host's, or /sys/fs/cgroup/*/release_agent opens for writing."""
import os

import pytest

from harness import LANE, USER

CGROUP = "/sys/fs/cgroup"


def with_cgroup(bundle, mode, namespace):
    for m in bundle.config["mounts"]:
        if m["destination"] == CGROUP:
            m["options"] = ["nosuid", "noexec", "nodev", mode]
    if not namespace:
        bundle.drop_namespace("cgroup")
    return bundle


def places(bundle, runtime):
    """The folders of groups that a container sees."""
    names = runtime.run(bundle.probe("ls", CGROUP)).ok().probe("ls")["names"]
    return [CGROUP] if "cgroup.procs" in names else [f"{CGROUP}/{n}" for n in names]


def try_all(runtime, bundle):
    words = []
    for place in places(bundle, runtime):
        words += ["--", "mkdir", place + "/evil", "--", "open", place + "/cgroup.procs", "w",
                  "--", "open", place + "/release_agent", "w"]
    lines = runtime.run(bundle.probe(*words[1:])).ok().lines
    return [(line["path"], line.get("errno", "ok")) for line in lines]


@pytest.mark.parametrize("namespace", [False, True])
def test_readonly_is_readonly(runtime, bundle, namespace):
    with_cgroup(bundle, "ro", namespace).capabilities("SYS_ADMIN", "DAC_OVERRIDE")
    answers = try_all(runtime, bundle)
    assert answers
    assert [a for a in answers if a[1] not in ("EROFS", "ENOENT")] == []


@pytest.mark.skipif(LANE != "v2", reason="on v1 a container's view is made of binds: nothing is to be had with rw on all of them")
def test_writable_with_a_namespace(runtime, bundle):
    """The control: in a cgroup namespace of its own, asked for rw, a container makes groups."""
    with_cgroup(bundle, "rw", True)
    result = runtime.run(bundle.args("sh", "-c", f"mkdir {CGROUP}/good && rmdir {CGROUP}/good"))
    result.ok()


def test_rootless_without_a_namespace(rootless, bundle):
    """The CVE itself: rw was asked for, and the host's tree of the user's session was there to write to."""
    with_cgroup(bundle, "rw", False)
    bundle.add_namespace("user").own_rootfs(USER)
    one = [{"containerID": 0, "hostID": USER, "size": 1}]
    bundle.linux["uidMappings"], bundle.linux["gidMappings"] = one, list(one)
    bundle.linux["resources"] = {}
    for m in bundle.config["mounts"]:
        m["options"] = [o for o in m["options"] if not o.startswith("gid=")]
    result = rootless.run(bundle.args("sh", "-c", f"for p in {CGROUP}/cgroup.procs {CGROUP}/*/cgroup.procs; do test -e $p && mkdir ${{p%cgroup.procs}}evil && echo made; done; true"))
    # On v2 an ordinary user's container may have no group of its own to show, and says so.
    if result.code:
        result.fails("cgroup", code=1)
    assert "made" not in result.out, str(result)


def test_no_new_mount_of_v1(runtime, bundle):
    """CVE-2022-0492: a cgroup mount of the container's own would have a release_agent; it takes CAP_SYS_ADMIN."""
    result = runtime.run(bundle.probe("unshare", "0x12000000", "--", "mount", "none", "/tmp", "cgroup", "--",
                                      "mount", "none", "/tmp", "cgroup2", "--", "open", CGROUP + "/release_agent", "w")).ok()
    assert result.probe("mount", 0)["errno"] == "EPERM" and result.probe("mount", 1)["errno"] == "EPERM"
    assert "errno" in result.probe("open")
    assert not os.path.exists("/tmp/cgroup.procs")
