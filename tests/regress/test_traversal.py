# SPDX-License-Identifier: Apache-2.0
"""Paths that climb: ids, cgroupsPath, exec --cgroup (crun's "sub-cgroup escape"), pid files of nobody.

Broken, folders appear beside the state folder or in foreign groups, or delete removes what is not ours."""
import os

import pytest

from harness.cgroups import folders, hierarchies

IDS = ["..", ".", "../x", "../../etc", "a/b", "/abs", "a/../b", "./a", "", "x/", "a\nb", "a b",
       "x" * 5000, "é", "*", "a:b", "$(id)"]


@pytest.mark.parametrize("verb", ["create", "run", "state", "start", "kill", "delete", "exec", "pause", "resume", "ps",
                                  "events", "update"])
def test_ids(runtime, bundle, place, verb):
    victim = os.path.join(place, "x")
    os.mkdir(victim)
    for name in ("state.json", "config.json"):
        with open(os.path.join(victim, name), "w") as f:
            f.write("{}")
    os.makedirs(runtime.root, exist_ok=True)
    bundle.write()
    before = set(os.listdir(place))
    for ident in IDS:
        words = {"create": ["--bundle", bundle.path, ident], "run": ["--bundle", bundle.path, ident],
                 "delete": ["--force", ident], "exec": [ident, "true"], "kill": [ident, "KILL"],
                 "events": ["--stats", ident], "update": ["--pids-limit", "5", ident]}.get(verb, [ident])
        result = runtime(verb, *words)
        # `rm --force` of nothing is no failure, as for runc.
        assert result.code or verb == "delete", str(result)
        assert len(result.err.splitlines()) <= 1, str(result)
    assert set(os.listdir(place)) == before and runtime.ids() == []
    assert sorted(os.listdir(victim)) == ["config.json", "state.json"]


@pytest.mark.parametrize("ident", ["a", "a-b_c.d+e", "A9", ".x", "...", "-"])
def test_good_ids(runtime, bundle, ident):
    """The control."""
    runtime.run(bundle.args("true"), ident=ident).ok()


def test_climbing_groups(runtime, bundle, lane):
    """It stays below the hierarchy's top, or is refused; no group appears where a ".." would lead."""
    name = f"berth-climb-{os.getpid()}"
    tops = {point for point, _ in hierarchies().values()}
    for path in (f"/../../../{name}", f"/{name}/../../../{name}-up", f"../../{name}", f"/{name}/..", "/..", "..", "/.", "/",
                 f"/{name}/../..", f"//{name}//../.."):
        bundle.linux["cgroupsPath"] = path
        before = folders()
        result = runtime.run(bundle.probe("cat", "/proc/self/cgroup"))
        if result.code:
            result.fails("cgroup", code=1)
        else:
            assert not any(p.startswith("/..") for p in result.probe("cat")["text"].split(":")[2::2])
        for top in tops:
            above = os.path.dirname(top)
            assert name not in os.listdir(above) and f"{name}-up" not in os.listdir(above)
        assert {f for f in folders() - before if name in f} == set()


def test_groups_of_exec(runtime, bundle):
    name = f"berth-sub-{os.getpid()}"
    bundle.linux["cgroupsPath"] = "/" + name
    bundle.drop_namespace("cgroup").probe("sleep")
    c = runtime.run_detached(bundle)
    own = {line.split(":", 2)[2] for line in c.exec("cat", "/proc/self/cgroup").ok().out.splitlines()}
    for way in ("..", "../..", "/..", f"../{name}-x", "a/../../..", "/", "./.."):
        result = c.exec("cat", "/proc/self/cgroup", options=["--cgroup", way])
        if result.code:
            continue
        groups = {line.split(":", 2)[2] for line in result.out.splitlines()}
        assert groups == own, f"{way}: {groups - own}"


def test_pid_file_is_no_link_of_the_containers(runtime, bundle, outside):
    """The bundle is the caller's; what its rootfs holds is not: a pid file there is the caller's wish, and the text is
    put in place by rename, so that a link is replaced and not followed."""
    secret = os.path.join(outside, "secret")
    os.symlink(secret, bundle.inside("pid"))
    result = runtime.run(bundle.args("true"), "--pid-file", bundle.inside("pid"))
    with open(secret) as f:
        assert f.read() == "secret\n", str(result)
