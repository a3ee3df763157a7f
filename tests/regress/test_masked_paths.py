# SPDX-License-Identifier: Apache-2.0
"""CVE-2025-31133: the container's /dev/null is a link, and what was to be hidden is replaced by what it leads to.

Broken, the masked path is /proc/sys/kernel/core_pattern of the host, for writing: "text" is its contents, and the host
runs the attacker's program at the next crash."""
import os

from attacker import race, swapping

MASKED = "/proc/timer_list"
TARGETS = ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/nowhere", "/etc/passwd")
LOOK = ["stat", MASKED, "--", "cat", MASKED, "--", "open", MASKED, "rw", "--", "stat", "/proc/scsi"]


def without_dev(bundle, masked=MASKED):
    """/dev is a folder of the image, as where several containers share it."""
    for destination in ("/dev", "/dev/pts", "/dev/mqueue", "/dev/shm"):
        bundle.drop_mount(destination)
    bundle.linux["maskedPaths"] = [masked, "/proc/scsi"]
    return bundle


def is_null(result):
    seen = result.ok().probe("stat", 0)
    return (seen["type"], seen["major"], seen["minor"], result.probe("cat")["text"]) == ("c", 1, 3, "")


def test_masks(runtime, bundle):
    """The control, on a common bundle: the null device, nothing to read; an empty folder."""
    bundle.linux["maskedPaths"] = [MASKED, "/proc/scsi", "/sys/firmware", "/nowhere"]
    result = runtime.run(bundle.probe(*LOOK, "--", "ls", "/sys/firmware", "--", "mkdir", "/sys/firmware/x"))
    assert is_null(result)
    assert result.probe("ls")["names"] == []
    assert result.probe("mkdir")["errno"] == "EROFS"
    bundle.linux["maskedPaths"] = []
    assert runtime.run(bundle.probe("stat", MASKED)).ok().probe("stat")["type"] == "-"


def test_dev_null_is_a_link(runtime, make_bundle):
    for target in TARGETS:
        bundle = without_dev(make_bundle("probe", *LOOK))
        os.symlink(target, bundle.inside("dev/null"))
        result = runtime.run(bundle)
        if result.code:
            result.fails("/dev/null", code=1)
        else:
            assert is_null(result), str(result)


def test_dev_null_is_a_file(runtime, bundle):
    without_dev(bundle.probe(*LOOK))
    with open(bundle.inside("dev/null"), "w") as f:
        f.write("mine")
    runtime.run(bundle).fails("/dev/null", "not the device", code=1)


def test_dev_null_is_swapped(runtime, bundle):
    """A neighbour on the same /dev swaps it while we start."""
    without_dev(bundle.probe(*LOOK))
    os.mknod(bundle.inside("dev/null"), 0o20666, os.makedev(1, 3))
    os.symlink(TARGETS[0], bundle.inside("dev/link"))
    with open(TARGETS[0]) as f:
        before = f.read()
    codes = set()

    def attempt():
        result = runtime.run(bundle)
        codes.add(result.code)
        assert result.code or is_null(result), str(result)

    with swapping(bundle.inside("dev/null"), bundle.inside("dev/link")):
        race(attempt)
    with open(TARGETS[0]) as f:
        assert f.read() == before
    assert 0 in codes


def test_masked_path_is_swapped(runtime, bundle):
    """The path to be hidden is a link of the image's, or swapped with one: what is hidden is in the root, never a file
    of the host's."""
    os.mkdir(bundle.inside("vol"))
    for name in ("file", "other"):
        with open(bundle.inside("vol", name), "w") as f:
            f.write("hide me")
    os.symlink("/proc/sysrq-trigger", bundle.inside("vol/link"))
    bundle.linux["maskedPaths"] = ["/vol/file"]
    bundle.linux["readonlyPaths"] = ["/vol/other"]
    codes = set()

    def attempt():
        result = runtime.run(bundle.args("true"))
        codes.add(result.code)

    with swapping(bundle.inside("vol/file"), bundle.inside("vol/link")):
        race(attempt, 1)
    assert 0 in codes
    for name in ("file", "other"):
        text = open(bundle.inside("vol", name)).read() if not os.path.islink(bundle.inside("vol", name)) else "hide me"
        assert text == "hide me"


def test_a_mask_cannot_be_lifted(runtime, bundle):
    """Not by unmounting, nor by a chmod that would reach the host's null device, with every capability but SYS_ADMIN."""
    bundle.linux["maskedPaths"] = [MASKED]
    before = os.stat("/dev/null").st_mode
    result = runtime.run(bundle.probe("umount", MASKED, "--", "unshare", "0x20000", "--", "stat", MASKED)).ok()
    assert result.probe("umount")["errno"] == "EPERM" and result.probe("unshare")["errno"] == "EPERM"
    assert result.probe("stat")["type"] == "c"
    runtime.run(bundle.args("chmod", "0", MASKED)).fails("Read-only file system")
    assert os.stat("/dev/null").st_mode == before
