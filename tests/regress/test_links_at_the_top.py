# SPDX-License-Identifier: Apache-2.0
"""/proc, /sys and /dev of the image are links or impostors: CVE-2019-16884, 2019-19921, 2023-27561, 2023-28642,
2025-54867, 2025-62161, 2026-41579.

Broken, procfs is mounted elsewhere and what the container reads and the runtime writes as /proc is a folder of the
attacker's, or device nodes and links are made in a folder of the host."""
import os

import pytest


def replace(bundle, name, text):
    os.rmdir(bundle.inside(name))
    os.symlink(text, bundle.inside(name))
    return bundle


@pytest.mark.parametrize("text", ["/tmp", "tmp", "/nowhere", "outside", "/proc/../tmp"])
@pytest.mark.parametrize("name", ["proc", "sys", "dev"])
def test_link(runtime, bundle, outside, name, text):
    replace(bundle, name, outside if text == "outside" else text)
    runtime.run(bundle.args("true")).fails(f"/{name}", code=1)
    assert runtime.ids() == []
    assert os.listdir(bundle.inside("tmp")) == []


@pytest.mark.parametrize("name, left", [("dev", ["/dev", "/dev/pts", "/dev/mqueue", "/dev/shm"]), ("proc", ["/proc"]),
                                        ("sys", ["/sys"])])
def test_link_without_a_mount(runtime, bundle, outside, name, left):
    """No mount stands at /dev itself: devices and links would be made through the link. And a mount below it."""
    for destination in left:
        bundle.drop_mount(destination)
    replace(bundle, name, outside)
    if name == "proc":
        bundle.mount("/proc/here", "tmpfs", "tmpfs")
    runtime.run(bundle.args("true")).fails(code=1)
    assert runtime.ids() == []


def test_devices_are_made_in_a_folder(runtime, bundle):
    """The control: where /dev is a folder of the rootfs, that is where the nodes appear."""
    for destination in ("/dev", "/dev/pts", "/dev/mqueue", "/dev/shm"):
        bundle.drop_mount(destination)
    runtime.run(bundle.args("true")).ok()
    assert {"null", "zero", "tty", "fd"} <= set(os.listdir(bundle.inside("dev")))


def test_link_in_the_middle_of_dev(runtime, bundle, outside):
    """A device below a folder of the image that is a link: it stays in the root."""
    os.symlink(outside, bundle.inside("gate"))
    bundle.linux["devices"] = [{"path": "/gate/node", "type": "c", "major": 1, "minor": 5}]
    result = runtime.run(bundle.probe("stat", "/gate/node"))
    if result.code == 0:
        assert os.path.lexists(bundle.inside(outside, "node"))


def test_taken_device_is_a_link(runtime, bundle, outside):
    """Its mode and owner must not be given to what it leads to."""
    for destination in ("/dev", "/dev/pts", "/dev/mqueue", "/dev/shm"):
        bundle.drop_mount(destination)
    secret = os.path.join(outside, "secret")
    before = os.stat(secret)
    os.symlink(secret, bundle.inside("dev/zero"))
    bundle.linux["devices"] = [{"path": "/dev/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0o777,
                                "uid": 77, "gid": 77}]
    runtime.run(bundle.args("true")).fails("/dev/zero", code=1)
    after = os.stat(secret)
    assert (before.st_mode, before.st_uid) == (after.st_mode, after.st_uid)


def test_false_procfs(runtime, bundle, place):
    """A bind over /proc that is no procfs, and mounts on parts of it: the label would be written to a file."""
    fake = os.path.join(place, "fake")
    os.makedirs(os.path.join(fake, "self/attr"))
    for source, target in ((fake, "/proc"), (fake, "/proc/self"), (fake, "/proc/sys"), (fake, "/proc/self/attr")):
        config = bundle.config["mounts"][:]
        bundle.bind(source, target)
        runtime.run(bundle.args("true")).fails("/proc", code=1)
        bundle.config["mounts"] = config
    assert runtime.ids() == []


@pytest.mark.parametrize("text", ["/proc/self", "../proc/self/attr", "/proc/sys/net"])
def test_link_into_procfs(runtime, bundle, text):
    """The words of config.json are innocent, the link leads into the container's procfs."""
    os.symlink(text, bundle.inside("innocent"))
    bundle.mount("/innocent", "tmpfs", "tmpfs")
    runtime.run(bundle.args("true")).fails("inside /proc", code=1)


def test_true_procfs_may_be_bound(runtime, bundle):
    """The control: `--pid=host` binds the host's."""
    bundle.drop_mount("/proc").drop_namespace("pid").bind("/proc", "/proc")
    bundle.config["mounts"].insert(0, bundle.config["mounts"].pop())
    bundle.linux["maskedPaths"], bundle.linux["readonlyPaths"] = [], []
    runtime.run(bundle.args("cat", "/proc/self/status")).ok()
