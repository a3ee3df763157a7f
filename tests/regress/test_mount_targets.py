# SPDX-License-Identifier: Apache-2.0
"""Mount targets that are links, or become links while we look: CVE-2019-18837, 2021-30465, 2024-45310.

Broken, a file system is mounted over a folder of the host (the hook's list of mounts names it), or folders and files
appear in it (the fixture `outside` finds them)."""
import os
import subprocess

import pytest

from attacker import race, swapping

MISS = ("no such file", "not a directory", "too many levels", "invalid argument", "inside /proc", "file exists",
        "resource temporarily unavailable", "permission denied")


@pytest.fixture
def mounts(bundle, place):
    """The mount points below PLACE when the container's root is ready, before the pivot hides them: a set of paths."""
    path = os.path.join(place, "mountinfo")
    bundle.hook("createContainer", "/bin/sh", "sh", "-c", f"cat /proc/self/mountinfo > {path}")

    def read():
        with open(path) as f:
            return {line.split()[4] for line in f if line.split()[4].startswith(place)}
    return read


@pytest.mark.parametrize("kind", ["absolute", "climbing", "middle"])
@pytest.mark.parametrize("what", ["tmpfs", "folder", "file"])
def test_link_as_target(runtime, bundle, outside, mounts, place, kind, what):
    """It is read as the container reads it: below its root."""
    text = outside if kind != "climbing" else "../" * 20 + outside.lstrip("/")
    os.symlink(text, bundle.inside("link"))
    target = "/link/new/deep" if kind == "middle" else "/link"
    if what == "tmpfs":
        bundle.mount(target, "tmpfs", "tmpfs")
    else:
        source = os.path.join(place, "source")
        if what == "folder":
            os.mkdir(source)
        else:
            open(source, "w").close()
        bundle.bind(source, target)
    runtime.run(bundle.probe("stat", outside)).ok()
    seen = mounts()
    assert not any(m == outside or m.startswith(outside + "/") for m in seen), seen
    assert any(m.startswith(bundle.inside(outside)) for m in seen), seen


def naive_mkdir(path, outside):
    """What a runtime with MkdirAll does. Whether it has hit the folder outside."""
    subprocess.run(["mkdir", "-p", path], check=False, stderr=subprocess.DEVNULL)
    found = [n for n in os.listdir(outside) if n != "secret"]
    for n in found:
        subprocess.run(["rm", "-r", os.path.join(outside, n)], check=True)
    return bool(found)


def make_trap(bundle, outside):
    """vol/dir is a folder, vol/link leads outside (with the host's words and the container's): to be swapped."""
    os.makedirs(bundle.inside("vol/dir"))
    os.symlink(outside, bundle.inside("vol/link"))
    return bundle.inside("vol/dir"), bundle.inside("vol/link")


def test_the_trap_works_on_others(bundle, outside):
    a, b = make_trap(bundle, outside)
    count = iter(range(100000))
    with swapping(a, b):
        for _ in range(2000):
            if naive_mkdir(os.path.join(a, f"n{next(count)}"), outside):
                return
    raise AssertionError("mkdir -p never fell into it: the attacker is too slow")


@pytest.mark.parametrize("what", ["tmpfs", "folder", "file", "device", "cwd"])
def test_swapped_while_we_look(runtime, bundle, outside, mounts, place, what):
    """A second container on the same volume swaps a folder and a link to the host."""
    a, b = make_trap(bundle, outside)
    count = iter(range(100000))
    source = os.path.join(place, "source")
    if what == "file":
        open(source, "w").close()
    else:
        os.mkdir(source)
    codes = {}

    def attempt():
        target = f"/vol/dir/n{next(count)}/m"
        bundle.config["mounts"] = bundle.config["mounts"][:7]
        bundle.linux["devices"] = []
        if what == "tmpfs":
            bundle.mount(target, "tmpfs", "tmpfs")
        elif what in ("folder", "file"):
            bundle.bind(source, target)
        elif what == "device":
            bundle.linux["devices"] = [{"path": target, "type": "c", "major": 1, "minor": 5}]
        else:
            bundle.process["cwd"] = target
        result = runtime.run(bundle.args("true"))
        codes[result.code] = codes.get(result.code, 0) + 1
        if result.code:
            assert any(w in result.err.lower() for w in MISS), str(result)
        seen = mounts() if result.code == 0 else set()
        assert not any(m == outside or m.startswith(outside + "/") for m in seen), seen
        assert os.listdir(outside) == ["secret"]

    with swapping(a, b):
        race(attempt)
    assert 0 in codes, "no run ever succeeded: nothing was raced"


def test_target_swapped_for_a_link(runtime, bundle, outside, mounts):
    """The target itself, not a folder above it: it is opened once and mounted on by that descriptor."""
    a, b = make_trap(bundle, outside)
    bundle.mount("/vol/dir", "tmpfs", "tmpfs").args("true")
    good = 0
    with swapping(a, b):
        def attempt():
            nonlocal good
            result = runtime.run(bundle)
            if result.code == 0:
                good += 1
                seen = mounts()
                assert not any(m.startswith(outside) for m in seen), seen
        race(attempt)
    assert good
