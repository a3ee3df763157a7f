# SPDX-License-Identifier: Apache-2.0
"""CVE-2026-30892, 2024-40635: a user that is half read, or too big, becomes root.

Broken, the process runs as uid 0. (tests/integration/test_cli_exec.py has more ways to write `exec -u` badly.)"""
import json
import os

import pytest

WAYS = ["1000x", "x1000", "1000:", ":1000", "1000:x", "1000:1000:1000", "1000 ", "\t1000", "0x3e8", "1e3", "١", "-1", "+1000",
        "4294967295", "4294967296", "8589934592", "18446744073709551616", "1000:4294967296", "1000.0", "1000,0", "", ":",
        "nobody", "root", "1000\n0"]


@pytest.fixture
def box(runtime, bundle):
    return runtime.run_detached(bundle.probe("sleep"))


def test_every_bad_way_is_refused(box):
    for way in WAYS:
        for options in (["-u", way], [f"--user={way}"]):
            result = box.exec("probe", "ids", options=options)
            result.fails("--user", code=255)
            assert result.out == "", way


def test_bad_groups(box):
    for way in ("x", "1x", "-1", "4294967296", ""):
        result = box.exec("probe", "ids", options=["-u", "1000:1000", "--additional-gids", way]).fails(code=255)
        assert result.out == "", way


def test_good_ways(box):
    """The control. The greatest id is 4294967294: one more means "no change" to the kernel."""
    for way, uid, gid in (("1000", 1000, 0), ("1000:7", 1000, 7), ("0", 0, 0), ("4294967294:4294967294", 4294967294, 4294967294)):
        ids = box.exec("probe", "ids", options=["-u", way]).ok().probe("ids")
        assert {ids["uid"], ids["euid"], ids["suid"]} == {uid}
        assert {ids["gid"], ids["egid"], ids["sgid"]} == {gid}


@pytest.mark.parametrize("user", [{"uid": 4294967295, "gid": 0}, {"uid": 4294967296, "gid": 0}, {"uid": -1, "gid": 0},
                                  {"uid": 1, "gid": 4294967295}, {"uid": 1, "gid": -1}, {"uid": "1000", "gid": 0},
                                  {"uid": 1, "gid": 1, "additionalGids": [4294967295]},
                                  {"uid": 1, "gid": 1, "additionalGids": [-1]}])
def test_config_and_process_file(runtime, bundle, place, user):
    c = runtime.run_detached(bundle.probe("sleep"))
    bundle.probe("ids").process["user"] = user
    result = runtime.run(bundle).fails(code=1)
    assert result.out == ""
    path = os.path.join(place, "process.json")
    with open(path, "w") as f:
        json.dump(bundle.process, f)
    result = runtime("exec", "--process", path, c.id).fails(code=255)
    assert result.out == ""


def test_supplementary_groups_of_the_caller(runtime, bundle):
    """CVE-2022-36109, 2022-2989: groups of whoever called us stay outside."""
    caller = type(runtime)(runtime.root, prefix=["setpriv", "--groups=4,27"])
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    assert caller.run(bundle.probe("ids")).ok().probe("ids")["groups"] == []
    c = runtime.run_detached(bundle.probe("sleep"))
    assert caller("exec", "-u", "1000:1000", c.id, "probe", "ids").ok().probe("ids")["groups"] == []
