# SPDX-License-Identifier: Apache-2.0
"""Checkpoint and restore by criu: what comes back, where it goes on, and what is said when it cannot."""
import array
import json
import os
import shutil
import socket
import subprocess

import pytest

from harness import Cgroups, Container, wait_for

COUNT = "i=0; while :; do i=$((i+1)); echo $i; echo $i > /data/n; sleep 0.1; done"


@pytest.fixture
def criu():
    if not shutil.which("criu"):
        pytest.skip("criu is not installed")


@pytest.fixture
def counter(bundle, place):
    """A bundle that counts into a volume."""
    data = os.path.join(place, "data")
    os.mkdir(data)
    bundle.data = os.path.join(data, "n")
    bundle.bind(data, "/data").args("sh", "-c", COUNT)
    bundle.resources["memory"] = {"limit": 64 << 20}
    return bundle


def count(bundle):
    """What it has counted to."""
    wait_for(lambda: os.path.exists(bundle.data) and os.path.getsize(bundle.data) > 0)
    wait_for(lambda: open(bundle.data).read().strip())
    return int(open(bundle.data).read() or 0)


def counts_on(bundle, start):
    wait_for(lambda: count(bundle) > start + 2)
    assert count(bundle) < start + 200


def detached(runtime, bundle, place, ident, *words):
    """A detached call with streams that criu can open again (the harness's files have no names)."""
    bundle.write()
    with open(os.path.join(place, "out"), "ab") as out, open(os.path.join(place, "err"), "w+b") as err:
        p = runtime.popen(*words, "--detach", "--bundle", bundle.path, ident, stdin=subprocess.DEVNULL, stdout=out,
                          stderr=err)
        code = p.wait(60)
        err.seek(0)
        assert code == 0, err.read().decode()
    return Container(runtime, bundle, ident, None)


def started(runtime, bundle, place, *options):
    return detached(runtime, bundle, place, runtime.name(), "run", *options)


def restored(runtime, bundle, place, images, *options, ident=None):
    return detached(runtime, bundle, place, ident or runtime.name(), "restore", "--image-path", images, *options)


@pytest.mark.v2
def test_round_trip(runtime, counter, place, criu):
    """Gone after the checkpoint, back after the restore: memory, group with limits, volume, streams, hooks."""
    log = os.path.join(place, "hooks")
    for kind in ("prestart", "poststart", "poststop"):
        counter.hook(kind, "/bin/sh", "sh", "-c", f"echo {kind} >> {log}")
    images = os.path.join(place, "images")
    c = started(runtime, counter, place)
    n = count(counter)
    c.call("checkpoint", "--image-path", images, timeout=60).ok()
    assert runtime.ids() == []
    n = count(counter)
    again = restored(runtime, counter, place, images, "--pid-file", os.path.join(place, "pid"), ident=c.id)
    counts_on(counter, n)
    state = again.state()
    assert state["status"] == "running" and state["bundle"] == counter.path
    assert open(os.path.join(place, "pid")).read() == str(state["pid"])
    assert again.cgroups.read("memory.max") == str(64 << 20)
    assert again.cgroups[""].endswith("/" + c.id)
    with open(os.path.join(place, "out")) as f:
        numbers = [int(line) for line in f.read().split()]
    assert numbers == list(range(1, numbers[-1] + 1))  # into the stream of the restore, without a gap
    assert again.exec("cat", "/proc/1/comm").ok().out.strip() == "sh"
    assert "/data" in again.exec("cat", "/proc/mounts").ok().out
    again.kill().ok()
    again.wait().delete().ok()
    assert open(log).read().split() == ["prestart", "poststart", "poststop"] * 2


@pytest.mark.v2
def test_leave_running_and_another_name(runtime, counter, place, criu):
    images = os.path.join(place, "images")
    c = started(runtime, counter, place)
    count(counter)
    c.call("checkpoint", "--image-path", images, "--leave-running", timeout=60).ok()
    assert c.status == "running"
    counts_on(counter, count(counter))
    c.kill().ok()
    c.wait()
    other = restored(runtime, counter, place, images)
    counts_on(counter, count(counter))
    assert other.cgroups[""].endswith("/" + other.id)
    assert Cgroups(other.pid).read("memory.max") == str(64 << 20)
    c.delete().ok()
    other.call("pause").ok()
    other.call("resume").ok()


@pytest.mark.v2
def test_pre_dump_and_work_path(runtime, counter, place, criu):
    """The memory first, the rest later; criu's log in a folder of its own."""
    work = os.path.join(place, "work")
    c = started(runtime, counter, place)
    count(counter)
    c.call("checkpoint", "--pre-dump", "--image-path", os.path.join(place, "first"), timeout=60).ok()
    assert c.status == "running"
    c.call("checkpoint", "--image-path", os.path.join(place, "second"), "--work-path", work, "--parent-path",
           "../first", timeout=60).ok()
    assert os.path.exists(os.path.join(work, "dump.log"))
    assert not os.path.exists(os.path.join(place, "second", "dump.log"))
    n = count(counter)
    restored(runtime, counter, place, os.path.join(place, "second"), "--work-path", work)
    counts_on(counter, n)
    assert os.path.exists(os.path.join(work, "restore.log"))


def accept_master(server):
    server.settimeout(60)
    client, _ = server.accept()
    with client:
        _, control, _, _ = client.recvmsg(4096, socket.CMSG_SPACE(4))
    fds = array.array("i")
    fds.frombytes(control[0][2][:4])
    return fds[0]


@pytest.mark.v2
def test_terminal(runtime, bundle, place, criu):
    """The terminal's master is handed out anew."""
    path, images = os.path.join(place, "console"), os.path.join(place, "images")
    bundle.process["terminal"] = True
    bundle.args("sh", "-c", "while read line; do echo got $line; done")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        c = runtime.run_detached(bundle, "--console-socket", path)
        first = accept_master(server)
        c.call("checkpoint", "--image-path", images, timeout=60).ok()
        os.close(first)
        restored(runtime, bundle, place, images, "--console-socket", path)
        master = accept_master(server)
    os.write(master, b"word\n")
    seen = b""
    while b"got word" not in seen:
        seen += os.read(master, 4096)
    os.close(master)


@pytest.mark.v2
def test_foreground_restore(runtime, bundle, place, criu):
    """The exit code of what was restored is the restore's, and nothing is left."""
    images = os.path.join(place, "images")
    bundle.args("sh", "-c", "while [ ! -e /go ]; do sleep 0.1; done; exit 7")
    c = started(runtime, bundle, place)
    c.call("checkpoint", "--image-path", images, timeout=60).ok()
    open(bundle.inside("/go"), "w").close()
    with open(os.path.join(place, "out"), "ab") as out, open(os.path.join(place, "err"), "ab") as err:
        p = runtime.popen("restore", "--image-path", images, "--bundle", bundle.path, c.id, stdin=subprocess.DEVNULL,
                          stdout=out, stderr=err)
        assert p.wait(60) == 7
    assert runtime.ids() == []


@pytest.mark.v2
def test_no_cgroup_namespace(runtime, counter, place, criu):
    counter.drop_namespace("cgroup")
    images = os.path.join(place, "images")
    c = started(runtime, counter, place)
    count(counter)
    c.call("checkpoint", "--image-path", images, timeout=60).ok()
    n = count(counter)
    restored(runtime, counter, place, images)
    counts_on(counter, n)


@pytest.mark.v2
def test_joined_network(runtime, counter, place, criu):
    """A network namespace that others made is theirs to keep."""
    holder = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
    try:
        path = f"/proc/{holder.pid}/ns/net"
        wait_for(lambda: os.stat(path).st_ino != os.stat("/proc/self/ns/net").st_ino)
        counter.add_namespace("network", path)
        images = os.path.join(place, "images")
        c = started(runtime, counter, place)
        count(counter)
        c.call("checkpoint", "--image-path", images, timeout=60).ok()
        n = count(counter)
        again = restored(runtime, counter, place, images)
        counts_on(counter, n)
        assert os.stat(f"/proc/{again.pid}/ns/net").st_ino == os.stat(path).st_ino
        again.delete("--force").ok()
    finally:
        holder.kill()
        holder.wait()


@pytest.mark.v2
def test_words_of_criu(runtime, bundle, place, criu):
    """What criu says of its failure is in our line, and nothing is left of the try."""
    images = os.path.join(place, "images")
    os.mkdir(images)
    bundle.write()
    runtime("restore", "--image-path", images, "--bundle", bundle.path, "broken", timeout=60).fails(
        "criu could not restore the container: Error (criu/", f"(see {images}/restore.log)", code=1)
    assert runtime.ids() == []


def test_no_criu(runtime, bundle, place):
    c = runtime.run_detached(bundle.args("sleep", "100"))
    env = dict(os.environ, PATH=place)
    c.call("checkpoint", "--image-path", os.path.join(place, "images"), env=env).fails(
        "criu is not installed", "apt-get install criu", "--criu PATH", code=1)
    assert c.status == "running"
    runtime("--criu", "/nosuch/criu", "checkpoint", "--image-path", os.path.join(place, "images"), c.id).fails(
        "start /nosuch/criu: no such file or directory", code=1)
    runtime("restore", "--image-path", os.path.join(place, "images"), "--bundle", bundle.path, "other",
            env=env).fails("criu is not installed", code=1)
    assert runtime.ids() == [c.id]


@pytest.mark.parametrize("option, text", [
    (["--manage-cgroups-mode", "hard"], "invalid value for manage-cgroups-mode: hard"),
    (["--empty-ns", "pid"], "only network can be empty"),
    (["--page-server", "here"], "use ADDRESS:PORT"),
    (["--status-fd", "x"], "invalid value for status-fd: x"),
    (["--parent-path", "/abs"], "must be relative"),
    (["--parent-path", "none"], "no such file or directory"),
    (["--network-lock", "tar"], "invalid value for network-lock: tar")], ids=lambda v: v[0] if isinstance(v, list) else "")
def test_bad_options(runtime, bundle, place, option, text):
    c = runtime.run_detached(bundle.args("sleep", "100"))
    c.call("checkpoint", "--image-path", os.path.join(place, "images"), *option).fails(text, code=1)
    assert c.status == "running"


def test_wrong_states(runtime, bundle, place):
    images = os.path.join(place, "images")
    c = runtime.create(bundle.args("sleep", "100"))
    c.call("checkpoint", "--image-path", images).fails("not running or paused: created", code=1)
    assert not os.path.exists(images)
    runtime("checkpoint", "nosuch").fails("container nosuch does not exist", code=1)
    runtime("restore", "--image-path", images, "--bundle", bundle.path, "x").fails(
        f"open the image folder {images}: no such file or directory", code=1)
    os.mkdir(images)
    runtime("restore", "--image-path", images, "--bundle", bundle.path, c.id).fails("container with id exists", code=1)
    assert c.status == "created"
    with open(os.path.join(images, "descriptors.json"), "w") as f:
        json.dump({"no": "list"}, f)
    runtime("restore", "--image-path", images, "--bundle", bundle.path, "x").fails("descriptors.json", code=1)
    assert runtime.ids() == [c.id]
