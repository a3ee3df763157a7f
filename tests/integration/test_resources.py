# SPDX-License-Identifier: Apache-2.0
"""Every resource of the specification, given in config.json and by `update`, read back from the kernel's files."""
import json
import os
import subprocess

import pytest

from harness import LANE, Cgroups
from harness.blocks import loop  # noqa: F401
from harness.cgroups import folder_of, folders, hierarchies, kernel_files, version
from harness.resources import CASES, MIB, Refused, weight_v2

# Below the root: a real-time budget is what the group above gives.
GROUP = f"/berth-resources-{os.getpid()}"


@pytest.fixture
def bundle(bundle):
    bundle.linux["cgroupsPath"] = GROUP
    return bundle.probe("sleep")


def expected(case):
    """{file: text} for this kernel, or the Refused that it must be."""
    where = version(case.controller)
    if where is None:
        return Refused("linux.resources.", f"{case.controller} controller")
    choices = case.v2 if where == "v2" else case.v1
    if where == "v2" and LANE != "v2" and isinstance(choices[-1], Refused) and "v2" in choices[-1]:
        pytest.skip(f"{case.controller} is neither wholly on v1 nor on v2 here")
    if not choices[-1] or isinstance(choices[-1], Refused):
        return choices[-1]
    files = kernel_files(case.controller)
    for choice in choices:
        if set(choice) <= files:
            return choice
    lacking = [name for name in choices[-1] if name not in files]
    return Refused("linux.resources.", f"{GROUP}/{lacking[0]}", "no such file or directory")


def assert_files(c, files):
    for name, text in files.items():
        found = c.cgroups.read(name)
        assert found == text or text in found.splitlines(), f"{c.cgroups.path(name)}: {found!r}, not {text!r}"


def by_config(runtime, bundle, case):
    bundle.resources.update(case.resources)
    wanted = expected(case)
    if case.name == "pids-zero" and LANE == "v2":
        # The first process is cloned into the group, and its limit leaves no room for one.
        wanted = Refused("pids limit")
    if not isinstance(wanted, Refused):
        assert_files(runtime.create(bundle), wanted)
        return
    bundle.write()
    runtime("create", "--bundle", bundle.path, "x").fails(*wanted, code=1)
    assert runtime.ids() == []
    assert not [f for f in folders() if f.endswith(GROUP)]


def by_update(runtime, bundle, case, *args, **more):
    wanted = expected(case)
    c = runtime.create(bundle)
    before = Cgroups(c.pid).folder
    result = c.call("update", *args, **more)
    if isinstance(wanted, Refused):
        result.fails(*wanted, code=1)
        assert Cgroups(c.pid).folder == before
        return
    result.ok()
    assert_files(c, wanted)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_config(runtime, bundle, case):
    by_config(runtime, bundle, case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_update_by_file(runtime, bundle, place, case):
    path = os.path.join(place, "resources.json")
    with open(path, "w") as f:
        json.dump(case.resources, f)
    by_update(runtime, bundle, case, "-r", path)


@pytest.mark.parametrize("case", [c for c in CASES if c.flags], ids=lambda case: case.name)
def test_update_by_flags(runtime, bundle, case):
    by_update(runtime, bundle, case, *case.flags)
