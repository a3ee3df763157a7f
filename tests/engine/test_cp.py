# SPDX-License-Identifier: Apache-2.0
"""berth cp: into containers and out of them, also of those that fight back."""
import io
import os
import subprocess
import tarfile
import time

import pytest

from harness import wait_for


@pytest.fixture(params=["running", "stopped"])
def box(berth, request):
    berth("run", "-d", "--name", "box", "busybox", "sh", "-c",
          "mkdir -p /src/deep /into /full; echo one > /src/file; echo two > /src/deep/two; ln -s file /src/link; "
          "ln -s /etc/passwd /src/out; chmod 4711 /src/deep/two; chown 7:8 /src/file; echo old > /full/file; touch /ready; "
          "sleep 1000")
    for _ in range(500):
        if berth.run("exec", "box", "test", "-e", "/ready").returncode == 0:
            break
        time.sleep(0.01)
    if request.param == "stopped":
        berth("stop", "-t", "0", "box")
    yield "box"


def inside(berth, command):
    """What a shell says in the container, started if need be, and ended again."""
    was = berth.inspect("box")["State"]["Running"]
    if not was:
        # Its program would make everything anew: look with another one at what is there.
        berth("commit", "box", "looked")
        return berth("run", "--rm", "looked", "sh", "-c", command)
    return berth("exec", "box", "sh", "-c", command)


def read(*path):
    with open(os.path.join(*path)) as f:
        return f.read()


def test_file_out(berth, box, place):
    berth("cp", "box:/src/file", place)
    berth("cp", "box:src/file", os.path.join(place, "renamed"))
    assert read(place, "file") == read(place, "renamed") == "one\n"
    assert os.stat(os.path.join(place, "file")).st_uid == 0
    berth("cp", "-a", "box:/src/file", os.path.join(place, "kept"))
    assert (os.stat(os.path.join(place, "kept")).st_uid, os.stat(os.path.join(place, "kept")).st_gid) == (7, 8)


def test_folder_out(berth, box, place):
    berth("cp", "box:/src", place)
    assert read(place, "src", "deep", "two") == "two\n" and os.stat(os.path.join(place, "src/deep/two")).st_mode & 0o7777 == 0o4711
    assert os.readlink(os.path.join(place, "src/link")) == "file"
    berth("cp", "box:/src", os.path.join(place, "new"))
    assert read(place, "new", "file") == "one\n"
    berth("cp", "box:/src/.", os.path.join(place, "content"))
    assert read(place, "content", "file") == "one\n"
    os.mkdir(os.path.join(place, "there"))
    berth("cp", "box:/src/.", os.path.join(place, "there"))
    assert read(place, "there", "deep", "two") == "two\n"


def test_links_out(berth, box, place):
    berth("cp", "box:/src/out", place)
    assert os.readlink(os.path.join(place, "out")) == "/etc/passwd"
    berth("cp", "-L", "box:/src/out", os.path.join(place, "followed"))
    assert read(place, "followed") != read("/etc/passwd") and "root:" in read(place, "followed")


def test_into(berth, box, place):
    path = os.path.join(place, "mine")
    with open(path, "w") as f:
        f.write("mine\n")
    os.chown(path, 1234, 1234)
    berth("cp", path, "box:/into")
    berth("cp", path, "box:/into/renamed")
    berth("cp", path, "box:/full/file")
    assert inside(berth, "cat /into/mine /into/renamed /full/file; stat -c %u:%g /into/mine").split() == ["mine"] * 3 + ["0:0"]
    berth("cp", "-a", path, "box:/into/owned")
    assert inside(berth, "stat -c %u:%g /into/owned") == "1234:1234\n"


def test_folder_into(berth, box, place):
    os.makedirs(os.path.join(place, "tree", "deep"))
    with open(os.path.join(place, "tree", "deep", "x"), "w") as f:
        f.write("x\n")
    with open(os.path.join(place, "tree", "file"), "w") as f:
        f.write("new\n")
    berth("cp", os.path.join(place, "tree"), "box:/into")
    berth("cp", os.path.join(place, "tree") + "/.", "box:/full")
    assert inside(berth, "cat /into/tree/deep/x /full/deep/x /full/file").split() == ["x", "x", "new"]


@pytest.mark.parametrize("words, text", [
    (["box:/nosuch", "HERE"], "could not find the file box:/nosuch"),
    (["box:/src", "HERE/file"], "it is a file"),
    (["HERE/file", "box:/nosuch/"], "no such directory"),
    (["HERE/file", "box:/nosuch/deeper/x"], "no such directory"),
    (["HERE", "box:/src/file"], "it is a file"),
    (["nosuch:/x", "HERE"], "no such container: nosuch"),
    (["HERE/file", "HERE/other"], "at least one container"),
    (["box:/x", "box:/y"], "between containers"),
    (["HERE/nosuch", "box:/into"], "could not find the file"),
])
def test_refused(berth, box, place, words, text):
    with open(os.path.join(place, "file"), "w") as f:
        f.write("x")
    assert text in berth.fails("cp", *[w.replace("HERE", place) for w in words])


def test_stream_out(berth, box):
    p = subprocess.run(berth.argv("cp", "box:/src", "-"), env=berth.env, stdout=subprocess.PIPE, check=True)
    with tarfile.open(fileobj=io.BytesIO(p.stdout)) as t:
        assert "src/deep/two" in [name.lstrip("./") for name in t.getnames()]
        assert t.extractfile([m for m in t.getmembers() if m.name.endswith("src/file")][0]).read() == b"one\n"


def test_stream_into(berth, box):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as t:
        for name, text in (("a", b"A\n"), ("d/b", b"B\n")):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            t.addfile(info, io.BytesIO(text))
    subprocess.run(berth.argv("cp", "-", "box:/into"), env=berth.env, input=data.getvalue(), check=True)
    assert inside(berth, "cat /into/a /into/d/b").split() == ["A", "B"]
    bad = io.BytesIO()
    with tarfile.open(fileobj=bad, mode="w") as t:
        t.addfile(tarfile.TarInfo("../out"))
    p = subprocess.run(berth.argv("cp", "-", "box:/into"), env=berth.env, input=bad.getvalue(), stderr=subprocess.PIPE, check=False)
    assert p.returncode != 0 and b'".." in its name' in p.stderr


def test_links_lead_nowhere(berth, box, place):
    """A container that has made its folders links to the host's."""
    secret = os.path.join(place, "secret")
    os.mkdir(secret)
    with open(os.path.join(secret, "key"), "w") as f:
        f.write("secret\n")
    if box and berth.inspect("box")["State"]["Running"]:
        berth("exec", "box", "sh", "-c", f"ln -s {place} /trap; ln -s ../../../../../../{place} /up; ln -s {secret}/key /keylink")
        for source in ("/trap/secret/key", "/up/secret/key"):
            assert "could not find" in berth.fails("cp", "box:" + source, os.path.join(place, "stolen"))
        assert berth.run("cp", "-L", "box:/keylink", os.path.join(place, "stolen")).returncode != 0
        with open(os.path.join(place, "file"), "w") as f:
            f.write("x")
        berth.run("cp", os.path.join(place, "file"), "box:/trap/secret/key")
        berth.run("cp", os.path.join(place, "file"), "box:/keylink")
        assert read(secret, "key") == "secret\n" and os.listdir(secret) == ["key"]
        assert not os.path.exists(os.path.join(place, "stolen"))


def test_race(berth, place):
    """A folder and a link to the host's take turns in the same place while we write there (CVE-2018-15664)."""
    target = os.path.join(place, "target")
    os.mkdir(target)
    with open(os.path.join(place, "file"), "w") as f:
        f.write("x")
    berth("run", "-d", "--name", "box", "busybox", "sh", "-c",
          f"cd /; mkdir real; ln -s {target} fake; while :; do ln -sfn real swap; mv -T swap way; ln -sfn {target} swap; "
          "mv -T swap way; done")
    end = time.monotonic() + 2
    while time.monotonic() < end:
        berth.run("cp", os.path.join(place, "file"), "box:/way/")
        berth.run("cp", os.path.join(place, "file"), "box:/way/file")
    assert os.listdir(target) == []


def test_volume_of_a_stopped_container(berth, place):
    """A path below a volume or a bind leads there; what is nowhere any more is an error."""
    bound = os.path.join(place, "bound")
    os.mkdir(bound)
    berth("run", "--name", "box", "-v", "/data", "-v", f"{bound}:/bound:ro", "--tmpfs", "/tmpfs", "busybox", "sh", "-c",
          "mkdir /data/in; echo x > /data/in/file; echo y > /database")
    berth("cp", "box:/data/in/file", place)
    assert read(place, "file") == "x\n"
    berth("cp", place + "/file", "box:/data/new")
    berth("cp", place + "/file", "box:/data/in")
    berth("cp", "box:/data/.", place + "/all")
    assert sorted(os.listdir(place + "/all")) == ["in", "new"]
    assert "write /data/. for what is in it" in berth.fails("cp", "box:/data", place)
    assert "mounted at /bound is read-only" in berth.fails("cp", place + "/file", "box:/bound/x")
    assert "in the tmpfs mounted at /tmpfs: start the container first" in berth.fails("cp", place + "/file", "box:/tmpfs/x")
    assert os.listdir(bound) == []
    berth("cp", "box:/database", place)
    assert read(place, "database") == "y\n"


@pytest.mark.parametrize("is_running", [True, False])
def test_stream_has_the_ids_of_the_container(berth, is_running):
    berth("run", "-d", "--name", "box", "--userns", "auto", "busybox", "sh", "-c", "echo > /root/f; chown 5:6 /root/f; exec sleep 100")
    wait_for(lambda: berth("exec", "box", "stat", "-c", "%u", "/root/f").strip() == "5")
    if not is_running:
        berth("kill", "box")
        berth("wait", "box")
    out = berth.popen("cp", "box:/root/f", "-").communicate()[0]
    with tarfile.open(fileobj=io.BytesIO(out)) as tar:
        assert [(m.name, m.uid, m.gid) for m in tar] == [("f", 5, 6)]


def test_as_a_user(user, place):
    path = os.path.join(user.place, "mine")
    user("run", "-d", "--name", "box", "busybox", "sleep", "100")
    with open(path, "w") as f:
        f.write("mine\n")
    os.chmod(path, 0o644)
    user("cp", path, "box:/root/")
    assert user("exec", "box", "cat", "/root/mine") == "mine\n"
    user("cp", "box:/etc/passwd", os.path.join(user.place, "out"))
    assert os.stat(os.path.join(user.place, "out")).st_uid == os.stat(user.place).st_uid
