# SPDX-License-Identifier: Apache-2.0
"""Commands for images on a store made by hand: images, tag, rmi, history, image inspect, image prune."""
import hashlib
import json
import os
import subprocess

import pytest

from harness import REPO

BERTH = os.environ.get("BERTH", os.path.join(REPO, "build", "berth"))


class Store:
    """A store with one image of two layers, and berth's commands on it."""

    def __init__(self, place):
        self.data = os.path.join(place, "data")
        self.env = dict(os.environ, BERTH_ROOT=self.data, BERTH_RUN_ROOT=os.path.join(place, "run"))
        self.berth("images")  # makes the folders

    def run(self, *words, answer=""):
        return subprocess.run([BERTH, *words], env=self.env, input=answer, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)

    def berth(self, *words, answer=""):
        p = self.run(*words, answer=answer)
        assert p.returncode == 0, p.stderr
        return p.stdout

    def fails(self, *words):
        p = self.run(*words)
        assert p.returncode == 1
        return p.stderr

    def add(self, number, created="2024-05-01T12:34:56Z", labels=None):
        layers = ["c" * 64, f"{number:064x}"]
        for layer in layers:
            os.makedirs(os.path.join(self.data, "layers", layer, "diff"), exist_ok=True)
            with open(os.path.join(self.data, "layers", layer, "diff", "file"), "w") as f:
                f.write("x" * 5000)
        config = {"created": created, "architecture": "amd64", "os": "linux",
                  "config": {"Env": [f"N={number}"], "Cmd": ["sh"], "Labels": labels or {}, "ExposedPorts": {"80/tcp": {}}},
                  "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64, "sha256:" + "2" * 64]},
                  "history": [{"created": created, "created_by": "ADD " + "x" * 60},
                              {"created_by": "ENV A=1", "empty_layer": True}, {"created_by": "RUN\tmake"}]}
        digest = hashlib.sha256(json.dumps(config).encode()).hexdigest()
        with open(os.path.join(self.data, "images", digest + ".json"), "w") as f:
            json.dump({"id": "sha256:" + digest, "created": 1714566896000000000 + number, "size": 10000, "layers": layers,
                       "config": config}, f)
        return digest

    def ids(self, *words):
        return self.berth("images", "-q", "--no-trunc", *words).split()

    def layers(self):
        return sorted(os.listdir(os.path.join(self.data, "layers")))


@pytest.fixture
def store(place):
    return Store(place)


def test_table(store):
    one = store.add(1)
    heads, row = store.berth("images").splitlines()
    assert heads.split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    assert row.split()[:3] == ["<none>", "<none>", one[:12]]
    store.berth("tag", one[:12], "box")
    store.berth("tag", "box", "localhost:5000/team/box:1")
    lines = store.berth("images").splitlines()
    assert lines[1].split()[:3] == ["box", "latest", one[:12]] and lines[1].endswith("10kB")
    assert lines[2].split()[:3] == ["localhost:5000/team/box", "1", one[:12]]
    assert store.berth("images", "--format", "{{.Repository}}:{{.Tag}}", "box") == "box:latest\n"
    store.berth("tag", "box", "box@sha256:" + "f" * 64)
    assert "sha256:" + "f" * 64 in store.berth("images", "--digests")
    row = json.loads(store.berth("images", "--format", "json", "box"))
    assert (row["Repository"], row["Tag"], row["ID"]) == ("box", "latest", one[:12])


def test_filters(store):
    one, two = store.add(1, labels={"kind": "a"}), store.add(2)
    store.berth("tag", one, "box:1")
    assert store.ids() == ["sha256:" + two, "sha256:" + one]
    for words, wanted in ((["--filter", "dangling=true"], two), (["--filter", "dangling=false"], one),
                          (["--filter", "label=kind=a"], one), (["--filter", "reference=bo*:1"], one),
                          (["--filter", "since=box:1"], two), (["--filter", "before=" + two], one), (["box"], one)):
        assert store.ids(*words) == ["sha256:" + wanted], words
    assert store.ids("--filter", "label=kind=b") == store.ids("nothing") == []
    assert "invalid filter 'size'" in store.fails("images", "--filter", "size=1")


def test_names(store):
    one = store.add(1)
    assert "no such image: box" in store.fails("tag", "box", "other")
    assert "must be lowercase" in store.fails("tag", one, "Box")
    store.berth("tag", one, "box:1")
    store.berth("tag", one, "other")
    assert "several repositories" in store.fails("rmi", one)
    p = store.run("rmi", "nothing", "other:latest")
    assert p.returncode == 1 and p.stdout == "Untagged: other:latest\n" and "no such image: nothing" in p.stderr
    assert store.berth("rmi", "box:1") == f"Untagged: box:1\nDeleted: sha256:{one}\n"
    assert store.ids() == [] and store.layers() == []


def test_in_use(store):
    one = store.add(1)
    store.berth("tag", one, "box")
    folder = os.path.join(store.data, "containers", "d" * 64)
    os.mkdir(folder)
    with open(os.path.join(folder, "record.json"), "w") as f:
        json.dump({"id": "d" * 64, "name": "mine", "imageId": "sha256:" + one, "layers": ["c" * 64]}, f)
    assert "in use by container mine" in store.fails("rmi", "box")
    assert store.berth("rmi", "-f", "box") == "Untagged: box:latest\n"
    assert "0B" in store.berth("image", "prune", "-a", "-f")
    assert store.ids() == ["sha256:" + one] and len(store.layers()) == 2


def test_prune(store):
    one, two = store.add(1), store.add(2)
    store.berth("tag", two, "box")
    assert store.berth("image", "prune", answer="n\n").startswith("WARNING!") and len(store.ids()) == 2
    out = store.berth("image", "prune", answer="y\n")
    assert f"Deleted: sha256:{one}\n" in out and "Total reclaimed space: " in out
    assert store.ids() == ["sha256:" + two]
    assert "Untagged: box:latest" in store.berth("image", "prune", "-a", "-f")
    assert store.layers() == []


def test_history(store):
    one = store.add(1)
    lines = store.berth("history", one).splitlines()
    assert lines[0].split() == ["IMAGE", "CREATED", "CREATED", "BY", "SIZE", "COMMENT"]
    assert lines[1].startswith(one[:12]) and "RUN make" in lines[1]
    assert all(line.startswith("<missing>") for line in lines[2:]) and len(lines) == 4
    assert "x\u2026" in lines[3] and "x" * 60 in store.berth("history", "--no-trunc", one)


def test_inspect(store):
    one = store.add(1)
    store.berth("tag", one, "box")
    image, = json.loads(store.berth("image", "inspect", one[:12]))
    assert image["Id"] == "sha256:" + one and image["RepoTags"] == ["box:latest"] and image["RepoDigests"] == []
    assert image["Config"]["Cmd"] == ["sh"] and image["Config"]["Entrypoint"] is None
    assert image["Config"]["ExposedPorts"] == {"80/tcp": {}} and len(image["RootFS"]["Layers"]) == 2
    assert store.berth("image", "inspect", "-f", "{{.Os}}/{{.Architecture}}", "box") == "linux/amd64\n"
    p = store.run("image", "inspect", "nothing", "box")
    assert p.returncode == 1 and "no such image: nothing" in p.stderr and len(json.loads(p.stdout)) == 1
