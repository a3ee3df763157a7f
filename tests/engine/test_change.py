# SPDX-License-Identifier: Apache-2.0
"""berth diff, update and prune."""
import os
import signal

import pytest
from harness import LANE, Cgroups, wait_for


def group(berth, name):
    return Cgroups(berth.inspect(name)["State"]["Pid"])


# ---- diff -----------------------------------------------------------------------------------------------------------


def test_diff(berth):
    berth("run", "--name", "box", "-v", "data:/data", "--tmpfs", "/t", "busybox", "sh", "-c",
          "echo x > /new; mkdir -p /made/deep; rm /etc/group; echo y >> /etc/passwd; rm -r /home; mkdir /home; chmod 700 /var; "
          "touch /data/x /t/y")
    assert berth("diff", "box").splitlines() == [
        "C /etc", "D /etc/group", "C /etc/passwd", "A /made", "A /made/deep", "A /new", "C /var"]


def test_diff_of_what_never_ran(berth):
    berth("create", "--name", "box", "-v", "data:/data", "busybox", "true")
    assert berth("diff", "box") == ""
    assert "no such container: nosuch" in berth.fails("diff", "nosuch")


def test_diff_hides_what_an_opaque_folder_hides(berth):
    berth("run", "--name", "box", "busybox", "sh", "-c", "rm -r /var && mkdir /var && touch /var/mine")
    lines = berth("diff", "box").splitlines()
    assert {"C /var", "A /var/mine", "D /var/log", "D /var/tmp"} <= set(lines)


def test_diff_as_a_user(user):
    user("run", "--name", "box", "busybox", "sh", "-c", "rm /etc/group; touch /new")
    assert user("diff", "box").splitlines() == ["C /etc", "D /etc/group", "A /new"]


# ---- update ---------------------------------------------------------------------------------------------------------


def test_update_of_a_running_container(berth):
    berth("run", "-d", "--name", "box", "-m", "64m", "--cpus", "0.5", "--pids-limit", "20", "busybox", "sleep", "100")
    assert berth("update", "-m", "96m", "--memory-swap", "192m", "--cpus", "1", "--pids-limit", "40", "box") == "box\n"

    def check():
        g = group(berth, "box")
        assert int(g.read_either("memory.limit_in_bytes", "memory.max")) == 96 << 20 and g.read("pids.max").strip() == "40"
        if LANE == "v2":
            assert g.read("cpu.max").split() == ["100000", "100000"]
        else:
            assert g.read("cpu.cfs_quota_us").strip() == "100000"
    check()
    host = berth.inspect("box")["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (96 << 20, 10 ** 9, 40)
    berth("restart", "-t", "0", "box")
    check()
    berth("rm", "-f", "box")


def test_update_of_a_stopped_container(berth):
    berth("create", "--name", "box", "busybox", "sleep", "100")
    berth("update", "-m", "64m", "--restart", "on-failure:3", "box")
    host = berth.inspect("box")["HostConfig"]
    assert host["Memory"] == 64 << 20 and host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    berth("start", "box")
    assert int(group(berth, "box").read_either("memory.limit_in_bytes", "memory.max")) == 64 << 20
    berth("rm", "-f", "box")


def test_update_of_a_policy_reaches_the_monitor(berth):
    berth("run", "-d", "--name", "box", "busybox", "sleep", "100")
    berth("update", "--restart", "always", "box")
    first = berth.inspect("box")["State"]["Pid"]
    os.kill(first, signal.SIGKILL)

    def is_anew():
        state = berth.inspect("box")["State"]
        return state["Running"] and state["Pid"] != first
    wait_for(is_anew, 20)
    berth("rm", "-f", "box")


@pytest.mark.parametrize("words, text", [
    ([], "one or more flags"), (["-m", "4k"], "--memory 4k"), (["--cpus", "x"], "--cpus"), (["--restart", "x"], "--restart"),
    (["--pids-limit", "x"], "--pids-limit"), (["--cpus", "1", "--cpu-quota", "1000"], "conflicting"),
])
def test_update_refuses(berth, words, text):
    berth("create", "--name", "box", "busybox", "true")
    before = berth.config("box")
    assert text in berth.fails("update", *words, "box")
    assert berth.config("box") == before


# ---- prune ----------------------------------------------------------------------------------------------------------


def test_prune_containers(berth):
    berth("run", "-d", "--name", "lives", "busybox", "sleep", "100")
    berth("create", "--name", "kept", "--label", "keep=1", "busybox", "true")
    gone = berth("create", "busybox", "true").strip()
    assert "nobody is there" in berth.run("container", "prune").stderr
    out = berth("container", "prune", "-f", "--filter", "label!=keep")
    assert gone in out and len(berth.containers()) == 2
    assert "invalid filter" in berth.fails("container", "prune", "-f", "--filter", "x=y")
    berth("container", "prune", "-f")
    assert len(berth.containers()) == 1
    berth("rm", "-f", "lives")


def test_prune_everything(berth):
    berth("create", "--name", "old", "-v", "/anon", "busybox", "true")
    out = berth("system", "prune", "-f", "--all", "--volumes")
    assert "Deleted Containers:" in out and "Deleted Volumes:" in out and "Deleted Images:" in out
    assert berth("images", "-q") == "" and not berth.leftovers()


def test_filter_spares_images_and_volumes(berth):
    berth("run", "--name", "gone", "--label", "x", "-v", "/data", "busybox", "true")
    assert "not together with --volumes" in berth.fails("system", "prune", "-f", "--volumes", "--filter", "label=x")
    assert "not together with --all" in berth.fails("system", "prune", "-f", "--all", "--filter", "label=x")
    assert "gone" in berth("ps", "-a")
    berth("system", "prune", "-f", "--filter", "label=x")
    assert not berth.containers() and "busybox" in berth("images")
