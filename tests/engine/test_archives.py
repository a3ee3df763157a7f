# SPDX-License-Identifier: Apache-2.0
"""load, save, import, export, commit: round trips with the tools of others, and archives made to do harm."""
import gzip
import hashlib
import io
import json
import lzma
import os
import pty
import shutil
import signal
import subprocess
import tarfile
import time

import pytest

import archives
from archives import Layout, docker_members, layer, link, sha, skopeo, tar_of, write
from conftest import BUILD, Berth
from harness import REPO, USER

def needs(*tools):
    """The microvm has fewer programs than a machine with tools/install-deps."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed here: {' '.join(missing)}")


FORMATS = ["docker-archive", "oci-archive", "oci-dir"]


def transport(kind, path):
    return ("oci" if kind == "oci-dir" else kind) + ":" + path


@pytest.fixture
def empty(place):
    """A store without any image."""
    store = Berth(place, "empty")
    yield store
    store.close()


def image_ids(store):
    folder = os.path.join(store.data, "images")
    return sorted(name[:64] for name in os.listdir(folder)) if os.path.isdir(folder) else []


def holdings(store):
    """What a store has of images, to see that a failure left nothing."""
    return {name: sorted(os.listdir(os.path.join(store.data, name)))
            for name in ("images", "refs", "layers", "blobs/sha256", "tmp") if os.path.isdir(os.path.join(store.data, name))}


def binary(store, *words, stdin=None):
    p = subprocess.run(store.argv(*words), env=store.env, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                       check=False)
    assert p.returncode == 0, p.stderr
    return p.stdout


# ---- the built-in image ----------------------------------------------------------------------------


@needs("skopeo")
def test_builtin_image_is_reproducible(place):
    paths = [os.path.join(place, name) for name in ("a.tar", "b.tar")]
    for path in paths:
        subprocess.run([os.path.join(REPO, "tools", "builtin-image"), path], check=True)
    with open(paths[0], "rb") as a, open(paths[1], "rb") as b:
        assert a.read() == b.read()
    assert json.loads(skopeo("inspect", "--config", "oci-archive:" + paths[0]))["config"]["Cmd"] == ["sh"]


# ---- round trips ------------------------------------------------------------------------------------


@needs("skopeo")
@pytest.mark.parametrize("kind", FORMATS)
def test_saved_is_read_by_skopeo_and_by_us(berth, empty, place, kind):
    path = os.path.join(place, "saved")
    assert berth("save", "--format", kind, "-o", path, "busybox") == ""
    config = skopeo("inspect", "--raw", "--config", transport(kind, path)).encode()
    assert [sha(config)] == image_ids(berth)
    skopeo("copy", "-q", transport(kind, path), "dir:" + os.path.join(place, "copy"))
    assert empty("load", "-i", path) == "Loaded image: busybox:latest\n"
    assert image_ids(empty) == image_ids(berth)
    assert holdings(empty)["refs"] == ["docker.io+library+busybox:latest"]
    assert empty("run", "--rm", "--network", "none", "busybox", "echo", "hi") == "hi\n"


@needs("skopeo")
@pytest.mark.parametrize("kind", FORMATS)
def test_made_by_skopeo(berth, empty, place, kind):
    source, path = os.path.join(place, "source"), os.path.join(place, "made")
    berth("save", "-o", source, "busybox")
    skopeo("copy", "-q", "docker-archive:" + source, transport(kind, path) + ":localhost:5000/team/box:1")
    assert empty("load", "-i", path) == "Loaded image: localhost:5000/team/box:1\n"
    assert empty("run", "--rm", "--network", "none", "localhost:5000/team/box:1", "echo", "hi") == "hi\n"


@needs("podman", "buildah")
def test_podman_and_buildah(berth, empty, place):
    """Podman loads what we saved; what Podman saves and buildah makes, we load."""
    own = ["--root", os.path.join(place, "podman"), "--runroot", os.path.join(place, "podman-run"), "--storage-driver", "vfs"]
    path = os.path.join(place, "saved")
    berth("save", "-o", path, "busybox")
    try:
        for kind in ("docker-archive", "oci-archive"):
            berth("save", "--format", kind, "-o", path, "busybox")
            out = subprocess.run(["podman", *own, "load", "-q", "-i", path], check=True, stdout=subprocess.PIPE, text=True).stdout
            assert "docker.io/library/busybox:latest" in out
        for kind in ("docker-archive", "oci-archive", "oci-dir"):
            again = os.path.join(place, "again-" + kind)
            subprocess.run(["podman", *own, "save", "-q", "--format", kind, "-o", again, "docker.io/library/busybox:latest"],
                           check=True, stdout=subprocess.DEVNULL)
            assert "busybox:latest" in empty("load", "-i", again) or kind == "oci-dir"
        assert set(image_ids(berth)) <= set(image_ids(empty))
        built = os.path.join(place, "built")
        name = subprocess.run(["buildah", *own, "from", "--pull-never", "docker.io/library/busybox:latest"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout.strip()
        subprocess.run(["buildah", *own, "copy", "-q", name, __file__, "/tests/file"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["buildah", *own, "config", "--label", "a=b", name], check=True)
        subprocess.run(["buildah", *own, "commit", "-q", name, "oci-archive:" + built + ":built:7"], check=True,
                       stdout=subprocess.DEVNULL)
        assert empty("load", "-i", built) == "Loaded image: built:7\n"
        with open(__file__, encoding="utf-8") as f:
            assert empty("run", "--rm", "--network", "none", "built:7", "cat", "/tests/file") == f.read()
    finally:
        subprocess.run(["buildah", *own, "rm", "-a"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def test_pipes_and_compression(berth, empty, place):
    """save | load, as it is and behind each compression."""
    text = binary(berth, "save", "busybox")
    path = os.path.join(place, "saved")
    berth("save", "-o", path, "busybox")
    with open(path, "rb") as f:
        assert f.read() == text, "a pipe and a file get the same bytes"
    assert oct(os.stat(path).st_mode & 0o777) == "0o644"
    for tool in ("cat", "gzip", "zstd", "xz", "bzip2"):
        if shutil.which(tool) is None:
            continue
        packed = subprocess.run([tool] if tool == "cat" else [tool, "-c"], input=text, stdout=subprocess.PIPE, check=True).stdout
        assert binary(empty, "load", stdin=packed) == b"Loaded image: busybox:latest\n"
        assert binary(empty, "load", "-q", "-i", write(path, packed)) == b"Loaded image: busybox:latest\n"
        empty("rmi", "busybox")
        assert holdings(empty) == dict.fromkeys(holdings(empty), [])


def test_several_images(berth, empty, place):
    berth("tag", "busybox", "other:2")
    path = write(os.path.join(place, "root.tar"), [("file", b"x")])
    made = berth("import", path, "made").strip()
    for kind in FORMATS:
        out = os.path.join(place, kind)
        berth("save", "--format", kind, "-o", out, "busybox", "other:2", made[:19], "made")
        assert sorted(empty("load", "-i", out).splitlines()) == [
            "Loaded image: busybox:latest", "Loaded image: made:latest", "Loaded image: other:2"]
        assert image_ids(empty) == image_ids(berth)
    berth("save", "-o", out + "2", made)
    empty("rmi", "made")
    assert empty("load", "-i", out + "2") == f"Loaded image ID: {made}\n"


def test_output(berth, place):
    """Nothing to a terminal; a file is replaced at once or stays."""
    parent, child = pty.openpty()
    p = subprocess.run(berth.argv("save", "busybox"), env=berth.env, stdout=child, stderr=subprocess.PIPE, text=True, check=False)
    os.close(parent)
    os.close(child)
    assert p.returncode == 1 and "refusing to save" in p.stderr
    path = write(os.path.join(place, "old"), b"old")
    berth.fails("save", "-o", path, "busybox", "nothing")
    layers = os.path.join(berth.data, "blobs/sha256")
    largest = max(os.listdir(layers), key=lambda name: os.stat(os.path.join(layers, name)).st_size)
    with open(os.path.join(layers, largest), "r+b") as f:
        f.seek(5000)
        f.write(b"damaged")
    for kind in ("docker-archive", "oci-archive"):
        berth.fails("save", "--format", kind, "-o", path, "busybox")
        with open(path, "rb") as f:
            assert f.read() == b"old"
    assert "damaged" in berth.fails("save", "--format", "oci-dir", "-o", os.path.join(place, "dir"), "busybox")
    assert "is a folder" in berth.fails("save", "-o", place, "busybox")
    assert "unknown format" in berth.fails("save", "--format", "zip", "busybox")
    assert sorted(os.listdir(place)) == ["engine", "old"]


def test_layout_with_platforms(empty, place):
    """An index of several platforms: ours, or the one that is asked for; attestations are no images."""
    layout = Layout([layer(here="x")])
    layout.index["manifests"].clear()
    nested = Layout([layer(there="x")], config=archives.config_of([layer(there="x")], architecture="riscv64"))
    layout.files.update(nested.files)
    index = {"schemaVersion": 2, "mediaType": archives.INDEX, "manifests": [
        {**layout.blob(json.dumps(nested.manifest).encode(), archives.MANIFEST), "platform": {"os": "linux", "architecture": "riscv64"}},
        {**layout.blob(json.dumps(layout.manifest).encode(), archives.MANIFEST), "platform": {"os": "linux", "architecture": "amd64"}},
        {**layout.blob(b"{}", archives.MANIFEST), "platform": {"os": "unknown", "architecture": "unknown"}}]}
    layout.add(index, "both:1", archives.INDEX)
    path = layout.write(os.path.join(place, "layout"))
    assert empty("load", "-i", path) == "Loaded image: both:1\n"
    assert image_ids(empty) == [layout.config["digest"][7:]]
    empty("load", "--platform", "linux/riscv64", "-i", path)
    assert nested.config["digest"][7:] in image_ids(empty)
    assert "no image for linux/s390x" in empty.fails("load", "--platform", "linux/s390x", "-i", path)


def test_links_between_layers(empty, place):
    """Older archives of Docker name a layer that is there already by a link."""
    members = docker_members([layer(a="1"), layer(b="2")])
    members += [("again/layer.tar", link("again/layer.tar", "../0/layer.tar"))]
    manifest = json.loads(members[0][1])
    manifest[0]["Layers"][0] = "again/layer.tar"
    members[0] = ("manifest.json", json.dumps(manifest).encode())
    assert empty("load", "-i", write(os.path.join(place, "a.tar"), members)) == "Loaded image: made:1\n"
    manifest[0]["Layers"][1] = "again/layer.tar"
    members[0] = ("manifest.json", json.dumps(manifest).encode())
    empty("rmi", "made:1")
    empty.fails("load", "-i", write(os.path.join(place, "a.tar"), members))


# ---- archives made to do harm -------------------------------------------------------------------------


def spoiled(change):
    members = docker_members([layer(a="1"), layer(b="2")])
    return change(dict(members)) or members


def with_manifest(text):
    return docker_members(manifest=text)


def manifest_item(**changes):
    members = docker_members()
    item = json.loads(members[0][1])[0]
    item.update(changes)
    return [("manifest.json", json.dumps([item]).encode()), *members[1:]]


def wrong_config_name():
    return docker_members(config_name="0" * 64 + ".json")


def layer_of_other_content():
    members = docker_members([layer(a="1")])
    return [*members[:2], ("0/layer.tar", layer(a="2"))]


def twice():
    members = docker_members()
    return [*members, ("manifest.json", members[0][1].replace(b"made:1", b"made:2"))]


def bad_blob(which, data):
    layout = Layout()
    digest = {"config": layout.config, "layer": layout.layers[0], "manifest": layout.index["manifests"][0]}[which]["digest"]
    if data is None:
        del layout.files["blobs/sha256/" + digest[7:]]
    else:
        name = "blobs/sha256/" + digest[7:]
        layout.files[name] = data(layout.files[name])
    return layout.members()


def index_of(**changes):
    layout = Layout()
    layout.index["manifests"][0].update(changes)
    return layout.members()


def endless_indexes():
    layout = Layout()
    entry = layout.index["manifests"][0]
    for _ in range(9):
        document = {"schemaVersion": 2, "mediaType": archives.INDEX,
                    "manifests": [{**entry, "platform": {"os": "linux", "architecture": "amd64"}}]}
        layout.index["manifests"].clear()
        entry = layout.add(document, "made:1", archives.INDEX)
    return layout.members()


DIGEST = "sha256:" + "0" * 64
HOSTILE = {
    "empty": lambda: b"",
    "zeros": lambda: bytes(10240),
    "no tar": lambda: b"no tar file at all\n" * 100,
    "truncated header": lambda: tar_of(docker_members())[:700],
    "truncated": lambda: tar_of(docker_members())[:3000],
    "truncated gzip": lambda: gzip.compress(tar_of(docker_members()))[:-100],
    "damaged gzip": lambda: gzip.compress(tar_of(docker_members()))[:60] + b"x" * 60 + gzip.compress(tar_of(docker_members()))[120:],
    "a root": lambda: [("etc/passwd", b"x"), ("bin/sh", b"x")],
    "no JSON": lambda: with_manifest(b"{"),
    "an object": lambda: with_manifest(b"{}"),
    "no image": lambda: with_manifest(b"[]"),
    "deep": lambda: with_manifest(b"[" * 100000),
    "huge manifest": lambda: with_manifest(b"[" + b" " * (5 << 20) + b"]"),
    "two manifests": twice,
    "path traversal": lambda: manifest_item(Config="../../../../etc/passwd"),
    "absolute path": lambda: manifest_item(Config="/etc/passwd"),
    "layer out of it": lambda: manifest_item(Layers=["../../../../bin/busybox"]),
    "bad name": lambda: manifest_item(RepoTags=["../../etc/x:1"]),
    "name in capitals": lambda: manifest_item(RepoTags=["Made:1"]),
    "no config": lambda: manifest_item(Config="missing.json"),
    "missing layer": lambda: manifest_item(Layers=["missing.tar"]),
    "a layer too many": lambda: manifest_item(Layers=["0/layer.tar", "0/layer.tar"]),
    "no layer": lambda: manifest_item(Layers=[]),
    "config by another name": wrong_config_name,
    "other content": layer_of_other_content,
    "config is a list": lambda: docker_members(config=b"[]"),
    "config without rootfs": lambda: docker_members(config=b'{"os":"linux"}'),
    "layer is no tar": lambda: docker_members([b"x" * 2048]),
    "layer is a bad gzip": lambda: docker_members([b"\x1f\x8b" + b"x" * 2048]),
    "link loop": lambda: [*manifest_item(Layers=["a"]), ("a", link("a", "b")), ("b", link("b", "a"))],
    "link out": lambda: [*manifest_item(Layers=["a"]), ("a", link("a", "/bin/busybox"))],
    "index missing": lambda: [member for member in Layout().members() if member[0] != "index.json"],
    "blob missing: config": lambda: bad_blob("config", None),
    "blob missing: layer": lambda: bad_blob("layer", None),
    "blob missing: manifest": lambda: bad_blob("manifest", None),
    "blob of other content: config": lambda: bad_blob("config", lambda text: text.replace(b"sh", b"su")),
    "blob of other content: layer": lambda: bad_blob("layer", lambda text: text.replace(b"content", b"kontent")),
    "blob of other content: manifest": lambda: bad_blob("manifest", lambda text: text + b" "),
    "blob cut short": lambda: bad_blob("layer", lambda text: text[:-512]),
    "blob too long": lambda: bad_blob("layer", lambda text: text + bytes(512)),
    "digest of no blob": lambda: index_of(digest=DIGEST),
    "digest is a path": lambda: index_of(digest="sha256:../../../../etc/passwd"),
    "digest of another kind": lambda: index_of(digest="sha512:" + "0" * 128),
    "size is wrong": lambda: index_of(size=3),
    "size is negative": lambda: index_of(size=-1),
    "layer of no size": lambda: Layout().replace(layers=[{"mediaType": archives.LAYER, "digest": DIGEST, "size": 0}]).members(),
    "an artifact": lambda: Layout().replace(config={**Layout().config, "mediaType": "application/x.other"}).members(),
    "manifest and index at once": lambda: Layout().replace(manifests=[Layout().config]).members(),
    "endless indexes": endless_indexes,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile(berth, place, what):
    """Refused in one line, from a file and from a pipe; nothing of it is left; the store goes on working."""
    data = HOSTILE[what]()
    text = data if isinstance(data, bytes) else tar_of(data)
    before = holdings(berth)
    line = berth.fails("load", "-i", write(os.path.join(place, "a.tar"), text), code=1)
    assert line.startswith("berth-image: ") and "internal" not in line
    p = subprocess.run(berth.argv("load"), env=berth.env, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                       check=False)
    assert p.returncode == 1 and p.stdout == b"" and p.stderr.count(b"\n") == 1
    assert holdings(berth) == before


def test_hostile_names(empty, place):
    """Members that would climb out of a folder are of no interest, and nothing is written by them."""
    outside = os.path.join(place, "outside")
    members = [("../" * 12 + outside[1:], b"x"), (outside, b"x"), ("a", link("a", "/")), ("a/" + outside[1:], b"x"), *docker_members()]
    assert empty("load", "-i", write(os.path.join(place, "a.tar"), members)) == "Loaded image: made:1\n"
    assert not os.path.exists(outside)


def test_first_image_stays(empty, place):
    """Of two images the second is broken: the first is there whole, of the second nothing."""
    good, bad = docker_members([layer(a="1")], tags=["good:1"]), docker_members([layer(a="2")], tags=["bad:1"])
    items = [json.loads(good[0][1])[0], {**json.loads(bad[0][1])[0], "Layers": ["missing"]}]
    p = empty.run("load", "-i", write(os.path.join(place, "a.tar"), [("manifest.json", json.dumps(items).encode()), *good[1:], *bad[1:2]]))
    assert p.returncode == 1 and p.stdout == "Loaded image: good:1\n" and "missing is missing" in p.stderr
    assert holdings(empty)["refs"] == ["docker.io+library+good:1"]
    assert len(image_ids(empty)) == 1 and len(holdings(empty)["layers"]) == 1 and holdings(empty)["tmp"] == []


def test_killed(berth, place):
    """SIGKILL while loading: what is left is taken by the next clearing up."""
    before = holdings(berth)
    big = tar_of([(f"file{i}", os.urandom(1 << 20)) for i in range(24)])
    path = write(os.path.join(place, "a.tar"), docker_members([big]))
    for pause in (0.005, 0.02, 0.05, 0.1):
        p = berth.popen("load", "-i", path)
        time.sleep(pause)
        p.send_signal(signal.SIGKILL)
        p.wait()
        p.stdout.close()
        p.stderr.close()
        berth("rmi", "-f", "made:1")
        berth("image", "prune", "-f")
        assert holdings(berth) == before
    assert berth("load", "-i", path) == "Loaded image: made:1\n"


# ---- commit, export, import ---------------------------------------------------------------------------

CHANGES = """
set -e
echo new > /new; ln /new /linked; ln -s /new /pointer; mkfifo /fifo
rm /etc/group; rm -r /var; mkdir -p /var/fresh; echo over > /etc/passwd
chown 12:34 /new; chmod 4751 /new; mkdir -m 1777 /sticky
mknod /device c 1 3
truncate -s 64M /sparse; echo end >> /sparse
touch "/odd
name" /$(printf '%0150d' 0)
"""
SEEN = """
ls -lnR /new /linked /pointer /fifo /etc/passwd /var /device /sparse /odd* /00* | grep -v ^total; ls -ld /sticky
stat -c '%h %i' /new /linked | sort -u | wc -l; [ -e /etc/group ] && echo group; cat /new /etc/passwd; du -k /sparse | cut -f1; tail -c 4 /sparse
"""


def has_user_attributes(folder):
    """tmpfs has none before Linux 6.6."""
    probe = os.path.join(os.path.dirname(folder), "probe")
    try:
        open(probe, "wb").close()
        os.setxattr(probe, "user.color", b"x")
        return True
    except OSError:
        return False
    finally:
        os.unlink(probe)


def changed(berth, name="changed"):
    berth("run", "--network", "none", "--name", name, "busybox", "sh", "-c", CHANGES)
    upper = os.path.join(berth.folder(name), "upper")
    if has_user_attributes(upper):
        os.setxattr(os.path.join(upper, "new"), "user.color", b"blue")
    os.setxattr(os.path.join(upper, "new"), "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
    return upper


def test_commit(berth, empty, place):
    upper = changed(berth)
    out = berth("commit", "-m", "a word", "-a", "Me <me@example.com>", "-c", "CMD [\"cat\", \"/new\"]", "-c", "ENV A=1 B=\"2 3\"",
                "-c", "EXPOSE 80 53/udp", "-c", "LABEL x=y", "-c", "USER 12:34", "-c", "WORKDIR /var", "-c", "VOLUME /data",
                "-c", "STOPSIGNAL SIGINT", "changed", "mine:1").strip()
    assert out == "sha256:" + json.loads(berth("image", "inspect", "mine:1"))[0]["Id"][7:]
    config = json.loads(berth("image", "inspect", "mine:1"))[0]
    assert config["Author"] == "Me <me@example.com>" and config["Config"]["Cmd"] == ["cat", "/new"]
    assert {"A=1", "B=2 3"} <= set(config["Config"]["Env"]) and not [word for word in config["Config"]["Env"] if word.startswith("HOST")]
    assert set(config["Config"]["ExposedPorts"]) == {"80/tcp", "53/udp"} and config["Config"]["Labels"]["x"] == "y"
    assert config["Config"]["User"] == "12:34" and config["Config"]["WorkingDir"] == "/var" and config["Config"]["StopSignal"] == "SIGINT"
    assert "a word" in berth("history", "mine:1")
    assert berth("run", "--rm", "--network", "none", "mine:1") == "new\n"
    look = ["--rm", "--network", "none", "--user", "0"]
    seen = berth("run", *look, "mine:1", "sh", "-c", SEEN)
    again = os.path.join(place, "mine.tar")
    berth("save", "-o", again, "mine:1")
    empty("load", "-i", again)
    assert empty("run", *look, "mine:1", "sh", "-c", SEEN) == seen
    assert "group" not in seen.splitlines() and "-rwsr-x--x" in seen and "/var/fresh" in seen and "log" not in seen
    diff = os.path.join(berth.data, "layers", archive_top(berth, "mine:1"), "diff")
    if has_user_attributes(diff):
        assert os.getxattr(os.path.join(diff, "new"), "user.color") == b"blue"
    assert os.getxattr(os.path.join(diff, "new"), "security.capability") == os.getxattr(os.path.join(upper, "new"), "security.capability")
    assert os.stat(os.path.join(diff, "sparse")).st_blocks < 1024
    names = members(binary(berth, "save", "mine:1"), -1)
    assert "etc/.wh.group" in names and "var/.wh..wh..opq" in names and "./" not in names[1:]
    assert not {"etc/hosts", "etc/hostname", "etc/resolv.conf"} & set(names), "what the runtime mounted onto"


def archive_top(store, name):
    with open(os.path.join(store.data, "images", json.loads(store("image", "inspect", name))[0]["Id"][7:] + ".json")) as f:
        return json.load(f)["layers"][-1]


def members(archive, which):
    """The names in a layer of a docker-archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as outer:
        manifest = json.load(outer.extractfile("manifest.json"))
        with tarfile.open(fileobj=outer.extractfile(manifest[0]["Layers"][which])) as inner:
            return inner.getnames()


def test_commit_running(berth):
    berth("run", "-d", "--network", "none", "--name", "busy", "busybox", "sh", "-c", "while :; do echo x >> /log; done")
    berth("commit", "busy", "one")
    berth("commit", "--pause=false", "busy", "two")
    assert berth("exec", "busy", "echo", "alive") == "alive\n"
    assert berth("run", "--rm", "--network", "none", "one", "head", "-c", "2", "/log") == "x\n"
    berth("rm", "-f", "busy")


def test_commit_refusals(berth):
    berth("create", "--name", "new", "busybox", "true")
    before = holdings(berth)
    assert "must be lowercase" in berth.fails("commit", "new", "Bad")
    assert "not one of CMD" in berth.fails("commit", "-c", "RUN x", "new", "good")
    assert "malformed" in berth.fails("commit", "-c", "EXPOSE x", "new", "good")
    assert "no such container" in berth.fails("commit", "nothing", "good")
    assert holdings(berth) == before
    berth("commit", "new", "same")  # it never ran: no layer of its own
    assert len(json.loads(berth("image", "inspect", "same"))[0]["RootFS"]["Layers"]) == 1


def test_export_and_import(berth, place):
    changed(berth)
    path = os.path.join(place, "root.tar")
    assert berth("export", "-o", path, "changed") == ""
    assert binary(berth, "export", "changed") == open(path, "rb").read()
    with tarfile.open(path) as tar:
        names = {member.name: member for member in tar}
    assert "etc/group" not in names and "var/fresh" in names and "var/log" not in names and "bin/busybox" in names
    assert names["new"].islnk() != names["linked"].islnk() and names["sparse"].size == (64 << 20) + 4
    assert not [name for name in names if ".wh." in name] and os.stat(path).st_size < 16 << 20
    out = berth("import", "-m", "from files", "-c", "CMD cat /new", path, "flat:1").strip()
    assert berth("run", "--rm", "--network", "none", "flat:1") == "new\n"
    image, = json.loads(berth("image", "inspect", out))
    assert image["Config"]["Cmd"] == ["/bin/sh", "-c", "cat /new"] and len(image["RootFS"]["Layers"]) == 1
    for pack in (gzip.compress, lzma.compress):
        with open(path, "rb") as f:
            binary(berth, "import", "-", "flat:2", stdin=pack(f.read()))
        again, = json.loads(berth("image", "inspect", "flat:2"))
        assert again["RootFS"] == image["RootFS"]


def test_export_running(berth):
    berth("run", "-d", "--network", "none", "--name", "busy", "-v", "/inside", "busybox", "sh", "-c", "echo a > /inside/file; echo x > /x; sleep 1000")
    while "x" not in berth("exec", "busy", "ls", "/"):
        time.sleep(0.05)
    with tarfile.open(fileobj=io.BytesIO(binary(berth, "export", "busy"))) as tar:
        names = tar.getnames()
    assert "x" in names and "inside" in names and "inside/file" not in names
    berth("rm", "-f", "-v", "busy")


def test_import_refusals(berth, place):
    before = holdings(berth)
    for data in (b"", b"junk" * 1000, gzip.compress(b"junk" * 1000), gzip.compress(tar_of([("a", b"x" * 5000)]))[:-30]):
        p = subprocess.run(berth.argv("import", "-", "x"), env=berth.env, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=60, check=False)
        assert p.returncode == 1 and p.stderr.count(b"\n") == 1 and p.stdout == b"", data[:20]
        assert holdings(berth) == before
    assert "fetch it first" in berth.fails("import", "http://example.com/x", "x")


def test_commit_is_deterministic(berth):
    """The same files give the same layer."""
    changed(berth)
    berth("commit", "changed", "one")
    berth("commit", "changed", "two")
    one, two = (json.loads(berth("image", "inspect", name))[0]["RootFS"] for name in ("one", "two"))
    assert one == two
    assert hashlib.sha256(binary(berth, "export", "changed")).digest() == hashlib.sha256(binary(berth, "export", "changed")).digest()
    assert os.path.exists(os.path.join(BUILD, "busybox.tar"))


# ---- an ordinary user --------------------------------------------------------------------------------


@pytest.fixture
def user(place, subids):
    """A store of USER's, who has subordinate ids."""
    home = os.path.join(place, "user")
    os.mkdir(home)
    os.chown(home, USER, USER)
    store = Berth(home)
    os.chown(store.place, USER, USER)
    store.prefix = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    store.env.update(HOME=home, XDG_RUNTIME_DIR=home)
    yield store
    store.close()


def test_rootless(user, place):
    """Owners, whiteouts and opaque folders go through commit, save, load and export of an ordinary user."""
    look = "ls -ln /new /linked; ls /var; [ -e /etc/group ] && echo group; cat /new"
    user("load", "-i", os.path.join(BUILD, "busybox.tar"))
    user("run", "--network", "none", "--name", "changed", "busybox", "sh", "-c",
         "echo new > /new; ln /new /linked; chown 12:34 /new; rm /etc/group; rm -r /var; mkdir -p /var/fresh")
    user("commit", "changed", "mine")
    seen = user("run", "--rm", "--network", "none", "mine", "sh", "-c", look + "; true")
    lines = seen.splitlines()
    assert lines[0].split()[1:4] == ["2", "12", "34"] and lines[2:] == ["fresh", "new"]
    archive = binary(user, "save", "mine")
    names = members(archive, -1)
    # Where files have no user.* attributes the kernel hides each name by itself.
    assert "etc/.wh.group" in names and {"var/.wh..wh..opq", "var/.wh.log"} & set(names), names
    user("rmi", "mine")
    assert binary(user, "load", stdin=archive) == b"Loaded image: mine:latest\n"
    assert user("run", "--rm", "--network", "none", "mine", "sh", "-c", look + "; true") == seen
    flat = binary(user, "export", "changed")
    with tarfile.open(fileobj=io.BytesIO(flat)) as tar:
        files = {member.name: member for member in tar}
    assert (files["new"].uid, files["new"].gid) == (12, 34) or (files["linked"].uid, files["linked"].gid) == (12, 34)
    assert "etc/group" not in files and "var/log" not in files and files["bin/busybox"].uid == 0
    binary(user, "import", "-c", "CMD cat /new", "-", "flat", stdin=flat)
    assert user("run", "--rm", "--network", "none", "flat") == "new\n"
    user("run", "-d", "--network", "none", "--name", "busy", "busybox", "sleep", "1000")
    user("commit", "busy", "running")
    assert user("exec", "busy", "echo", "alive") == "alive\n"
