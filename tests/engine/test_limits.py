# SPDX-License-Identifier: Apache-2.0
"""berth limits: what was asked, what the kernel holds, and where the tightest one sits."""
import json
import os

import pytest
from harness import LANE

V2 = LANE == "v2"


@pytest.fixture
def store(berth):
    yield berth
    berth("rm", "--all", "--force")
    for name in reversed(berth("pool", "ls", "-q").split()):
        berth("pool", "rm", name)


def rows(berth, name):
    return {r["Limit"]: r for r in map(json.loads, berth("limits", "--format", "json", name).splitlines())}


def test_own_limits(store):
    store("run", "-d", "--name", "box", "-m", "64m", "--cpus", "0.5", "--pids-limit", "20", "--cpu-weight", "200", "busybox",
          "sleep", "1000")
    r = rows(store, "box")
    assert (r["memory"]["Asked"], r["memory"]["Kernel"], r["memory"]["Where"]) == ("64m", "64MiB", "own")
    assert (r["processor time"]["Asked"], r["processor time"]["TightestValue"]) == ("0.5", 0.5)
    assert (r["processes and threads"]["Kernel"], r["processes and threads"]["Where"]) == ("20", "own")
    assert r["processor weight"]["Kernel"] == ("200" if V2 else "2048")
    for row in r.values():
        with open(row["OwnFile"]) as f:
            assert f.read().strip() == row["OwnText"]
    table = store("limits", "box").splitlines()
    assert table[0].split() == ["LIMIT", "ASKED", "KERNEL", "TIGHTEST", "WHERE", "FILE"]


def test_the_tightest_may_be_a_pools(store):
    store("pool", "create", "p", "-m", "300m", "--pids-limit", "70")
    store("pool", "create", "p/q", "--pids-limit", "90", "--cpus", "0.5")
    store("run", "-d", "--name", "box", "--pool", "p/q", "-m", "1g", *(["--cpus", "1"] if V2 else []), "busybox",
          "sleep", "1000")
    r = rows(store, "box")
    assert (r["memory"]["Kernel"], r["memory"]["Tightest"], r["memory"]["Where"]) == ("1GiB", "300MiB", "pool p")
    assert (r["processes and threads"]["TightestValue"], r["processes and threads"]["Where"]) == (70, "pool p")
    assert (r["processor time"]["TightestValue"], r["processor time"]["Where"]) == (0.5, "pool p/q")
    if not V2:
        line = store.fails("run", "--rm", "--pool", "p/q", "--cpus", "1", "busybox", "true", code=125)
        assert "refuses more processor time than the group above" in line
    assert os.path.exists(r["memory"]["File"]) and "/pool-p-" in r["memory"]["File"]


def test_what_was_changed_behind_its_back(store):
    store("run", "-d", "--name", "box", "--pids-limit", "20", "busybox", "sleep", "1000")
    with open(rows(store, "box")["processes and threads"]["OwnFile"], "w") as f:
        f.write("11")
    row = rows(store, "box")["processes and threads"]
    assert (row["Asked"], row["Kernel"]) == ("20", "11")


def test_one_that_does_not_run(store):
    store("create", "--name", "box", "-m", "64m", "busybox", "true")
    assert [(r["Limit"], r["Asked"], r["Kernel"], r["OwnFile"]) for r in rows(store, "box").values()] == [
        ("memory", "64m", "-", "")]
    assert "no such container: nosuch" in store.fails("limits", "nosuch")
