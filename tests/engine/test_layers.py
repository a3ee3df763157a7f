# SPDX-License-Identifier: Apache-2.0
"""Layers unpacked: what ordinary ones become, and what hostile ones cannot do."""
import bz2
import ctypes
import errno
import gzip
import hashlib
import json
import lzma
import os
import re
import stat
import subprocess
import zlib

import pytest

from archives import CONFIG, LAYER, Layout, sha
from conftest import Berth
from harness import SLOW, USER, wait_for
from layers import BLOCK, CHAR, FIFO, FILE, FOLDER, HARD, SOFT, entry, hard, header, pax, soft, sparse, tar

CANARY = b"untouched\n"


class Loader:
    """Layers through `berth load`, and what they look like in the store."""

    def __init__(self, store, place):
        self.store, self.place = store, place
        # A name that layers can know and that no other test has.
        self.outside = os.path.join(place, "outside")
        os.mkdir(self.outside)
        with open(os.path.join(self.outside, "file"), "wb") as f:
            f.write(CANARY)
        self.before = self.host()

    def host(self):
        """All of the canary that no reader changes."""
        found = [os.lstat(path) for path in (self.outside, os.path.join(self.outside, "file"))]
        return [(s.st_mode, s.st_ino, s.st_nlink, s.st_uid, s.st_gid, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in found]

    def layout(self, *layers, packed=None):
        """An OCI layout of layers; packed: what is stored instead of them."""
        layout = Layout(list(layers), name="made:1")
        if packed:
            blobs = [layout.blob(data, "application/vnd.oci.image.layer.v1.tar+gzip") for data in packed]
            layout.replace(layers=blobs)
        return layout.write(os.path.join(self.place, "layout"))

    def load(self, *layers, packed=None):
        self.store("load", "-q", "-i", self.layout(*layers, packed=packed))
        self.check()
        return [self.folder(layers[:i + 1]) for i in range(len(layers))]

    def folder(self, layers):
        chain = sha(layers[0])
        for data in layers[1:]:
            chain = sha(f"sha256:{chain} sha256:{sha(data)}".encode())
        return os.path.join(self.store.data, "layers", chain, "diff")

    def refused(self, *layers, packed=None):
        line = self.store.fails("load", "-q", "-i", self.layout(*layers, packed=packed), code=1)
        self.check()
        for name in ("layers", "images", "refs", "tmp", "blobs/sha256"):
            assert os.listdir(os.path.join(self.store.data, name)) == []
        return line

    def check(self):
        assert self.host() == self.before and os.listdir(self.outside) == ["file"]
        with open(os.path.join(self.outside, "file"), "rb") as f:
            assert f.read() == CANARY


@pytest.fixture
def loader(place):
    store = Berth(place)
    yield Loader(store, place)
    store.close()


def tree(folder):
    """{name: kind and content} of everything below a folder."""
    found = {}
    for base, folders, files in os.walk(os.fsencode(folder)):
        for name in folders + files:
            path = os.path.join(base, name)
            found[os.path.relpath(path, os.fsencode(folder)).decode(errors="surrogateescape")] = describe(path)
    return found


def describe(path):
    s = os.lstat(path)
    if stat.S_ISREG(s.st_mode):
        with open(path, "rb") as f:
            return f.read(100)
    if stat.S_ISLNK(s.st_mode):
        return "-> " + os.readlink(path).decode()
    if stat.S_ISDIR(s.st_mode):
        return "opaque" if "trusted.overlay.opaque" in os.listxattr(path) else "folder"
    if stat.S_ISCHR(s.st_mode):
        return "whiteout" if s.st_rdev == 0 else "device"
    return "fifo" if stat.S_ISFIFO(s.st_mode) else "other"


# ---- what is refused ---------------------------------------------------------------------------------

DEEP = "/".join(["d"] * 1100)
LONG_PATH = "/".join(["n" * 200] * 25)
SMALL = tar(entry("file", b"content\n"))
NEGATIVE = b"\xff" * 12
HUGE = b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7

REFUSED = {
    "climbs out": (lambda o: tar(entry("../escape", b"x")), 'has ".." in its name'),
    "climbs out by the middle": (lambda o: tar(entry("a/../../escape", b"x")), 'has ".." in its name'),
    "climbs out to an absolute place": (lambda o: tar(entry("../" * 20 + o[1:] + "/x", b"x")), 'has ".."'),
    "a folder above": (lambda o: tar(entry("../", kind=FOLDER)), 'has ".."'),
    "no name": (lambda o: tar(entry("", b"x")), "no"),
    "a link climbs out": (lambda o: tar(hard("link", "../" * 20 + o[1:] + "/file")), 'has ".."'),
    "a hard link to the host": (lambda o: tar(hard("link", o + "/file")), "no such file or directory"),
    "a hard link by a link": (lambda o: tar(soft("d", o), hard("link", "d/file")), "no such file or directory"),
    "a hard link by two links": (lambda o: tar(soft("a", "b"), soft("b", o), hard("link", "a/file")), "no such file"),
    "a hard link by links that climb": (lambda o: tar(soft("d", "../" * 20 + o[1:]), hard("link", "d/file")), "no such file"),
    "a hard link to itself": (lambda o: tar(hard("link", "./link")), "is a link to itself"),
    "a hard link to the root": (lambda o: tar(hard("link", "./")), "a link to the layer itself"),
    "a hard link to nothing": (lambda o: tar(hard("link", "")), "link"),
    "a hard link to a folder": (lambda o: tar(entry("d/"), hard("link", "d")), "operation not permitted"),
    "a hard link to a later file": (lambda o: tar(hard("link", "file"), entry("file", b"x")), "no such file"),
    "a hard link to a whiteout": (lambda o: tar(entry(".wh.a"), hard("b", "a")), "whiteout"),
    "a link to nothing": (lambda o: tar(soft("link", "")), "is a link to nothing"),
    "a file through a link out": (lambda o: tar(soft("d", o), entry("d/file", b"x")), "not a directory"),
    "a file through a loop": (lambda o: tar(soft("a", "b"), soft("b", "a"), entry("a/file", b"x")), "too many levels"),
    "a file below a file": (lambda o: tar(entry("a", b"x"), entry("a/b", b"x")), "not a directory"),
    "opaque through a link": (lambda o: tar(entry("d/"), soft("l", "d"), entry("l/.wh..wh..opq")), "make opaque"),
    "a whiteout device": (lambda o: tar(entry("a", kind=CHAR)), "is a device 0/0"),
    "a whiteout of the folder": (lambda o: tar(entry(".wh..")), "hides nothing"),
    "a whiteout of the parent": (lambda o: tar(entry("a/.wh...")), "hides nothing"),
    "a whiteout of nothing": (lambda o: tar(entry(".wh.")), "hides nothing"),
    "the root is a file": (lambda o: tar(entry(".", b"x", kind=FILE)), "root of the layer is no folder"),
    "the root is a link": (lambda o: tar(soft(".", o)), "root of the layer is no folder"),
    "the root is a device": (lambda o: tar(entry("/", kind=CHAR, major=1, minor=3)), "root of the layer is no folder"),
    "a long name": (lambda o: tar(entry("n" * 256, b"x")), "has too long a name"),
    "a long path": (lambda o: tar(entry(LONG_PATH, b"x")), "has too long a path"),
    "a deep path": (lambda o: tar(entry(DEEP, b"x")), "lies too deep"),
    "a negative size": (lambda o: tar(header(b"a", raw_size=NEGATIVE)), "size"),
    "a huge size": (lambda o: tar(header(b"a", raw_size=HUGE)), ""),
    "a huge sparse file": (lambda o: tar(sparse("a", (1 << 62), [(0, b"x")])), "file too large"),
    "sparse pieces beyond the end": (lambda o: tar(sparse("a", 10, [(1 << 40, b"x" * 100)])), ""),
    "a pax size that lies": (lambda o: tar(pax(size=b"99999999999"), entry("a", b"x")), ""),
    "a wrong check sum": (lambda o: tar(header(b"a", checksum=1)), "cannot be read"),
    "no tar": (lambda o: b"no tar at all\n" * 100, ""),
    "cut in a header": (lambda o: SMALL[:300], ""),
    "cut in a file": (lambda o: tar(entry("a", b"x" * 5000))[:2000], "truncated"),
    "a pax header of 4 MiB": (lambda o: tar(pax(comment=b"x" * (4 << 20)), entry("a", b"x")), ""),
    "a long name of 4 MiB": (lambda o: tar(header(b"././@LongLink", b"L", 4 << 20) + b"x" * (4 << 20), entry("a", b"x")), ""),
    "an attribute of 100 KiB": (lambda o: tar(pax(SCHILY__xattr__user__a=b"x" * 100000), entry("a", b"x")), "attribute"),
    "300 attributes": (lambda o: tar(pax(**{f"SCHILY__xattr__user__a{i}": b"x" for i in range(300)}), entry("a", b"x")), "attributes"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(loader, what):
    """One line that says why; nothing of it stays; nothing outside changes."""
    make, said = REFUSED[what]
    line = loader.refused(make(loader.outside))
    assert line.startswith("berth-image: ") and said.lower() in line.lower()


# ---- what stays inside -------------------------------------------------------------------------------

CONTAINED = {
    "absolute names": (lambda o: tar(entry(o + "/new", b"in"), entry("//a//./b", b"in")),
                       lambda o: {o[1:] + "/new": b"in", "a/b": b"in"}),
    "a file by a link that climbs": (lambda o: tar(entry("d/"), soft("l", "../../../d"), entry("l/a", b"in")),
                                     lambda o: {"d/a": b"in", "l": "-> ../../../d"}),
    "a file by an absolute link": (lambda o: tar(entry("d/"), soft("l", "/d"), entry("l/a", b"in")), lambda o: {"d/a": b"in", "l": "-> /d"}),
    "a file in the place of a link out": (lambda o: tar(soft("l", o + "/file"), entry("l", b"in")), lambda o: {"l": b"in"}),
    "a folder in the place of a link out": (lambda o: tar(soft("l", o), entry("l/", mode=0o777), entry("l/file", b"in")),
                                            lambda o: {"l": "folder", "l/file": b"in"}),
    "a folder in the place of a used link": (
        lambda o: tar(entry("d/"), soft("l", "d"), entry("l/a", b"1"), entry("l/"), entry("l/b", b"2")),
        lambda o: {"d/a": b"1", "d/b": None, "l/b": b"2"}),
    "a link in the place of a used folder": (
        lambda o: tar(entry("d/"), entry("l/"), entry("l/a", b"1"), soft("l", "d"), entry("l/b", b"2")),
        lambda o: {"d/b": b"2", "l": "-> d"}),
    "a hard link to a link out": (lambda o: tar(soft("l", o + "/file"), hard("h", "l"), entry("h", b"in")),
                                  lambda o: {"l": f"-> {o}/file", "h": b"in"}),
    "a file over a hard link": (lambda o: tar(entry("a", b"1"), hard("b", "a"), entry("b", b"2")), lambda o: {"a": b"1", "b": b"2"}),
    "a hard link over a file": (lambda o: tar(entry("a", b"1"), entry("b", b"2"), hard("b", "a")), lambda o: {"a": b"1", "b": b"1"}),
    "a file, a folder, a file": (lambda o: tar(entry("a", b"1"), entry("a/"), entry("a/b", b"2"), entry("a", b"3")),
                                 lambda o: {"a": b"3"}),
    "twice": (lambda o: tar(entry("a", b"long"), entry("a", b"2")), lambda o: {"a": b"2"}),
    "a link out as whiteout's folder": (lambda o: tar(entry("d/"), soft("l", "/d"), entry("l/.wh.x")),
                                        lambda o: {"d/x": "whiteout", "l": "-> /d"}),
    "overlay's own attributes": (
        lambda o: tar(pax(SCHILY__xattr__trusted__overlay__opaque=b"y", SCHILY__xattr__trusted__overlay__redirect=b"/x",
                          SCHILY__xattr__user__overlay__opaque=b"y", SCHILY__xattr__user__ok=b"1"), entry("d/")),
        lambda o: {"d": "folder"}),
    "odd names": (lambda o: tar(entry("new\nline", b"1"), entry("\x1b[31m", b"2"), entry(b"\xff\xfe", b"3"), entry("-rf", b"4"),
                                entry("a\\..\\b", b"5"), entry("...", b"6"), entry(" ", b"7")),
                  lambda o: {"new\nline": b"1", "\x1b[31m": b"2", "\udcff\udcfe": b"3", "-rf": b"4", "a\\..\\b": b"5", "...": b"6",
                             " ": b"7"}),
    "a long path that is allowed": (lambda o: tar(entry("/".join(["n" * 255] * 15), b"1")), lambda o: {"/".join(["n" * 255] * 15): b"1"}),
    "aufs's own files": (lambda o: tar(entry(".wh..wh.aufs", b"1"), entry(".wh..wh.plnk/", mode=0o700), entry(".wh..wh.plnk/1.2", b"1"),
                                       entry("a", b"1")), lambda o: {"a": b"1"}),
    "a kind that nobody knows": (lambda o: tar(entry("a", b"1", kind=b"Z")), lambda o: {"a": b"1"}),
    "more after the end": (lambda o: tar(entry("a", b"1")) + tar(entry("b", b"2")), lambda o: {"a": b"1"}),
    "no end": (lambda o: entry("a", b"1"), lambda o: {"a": b"1"}),
    "nothing at all": (lambda o: tar(), lambda o: {}),
    "devices": (lambda o: tar(entry("null", kind=CHAR, major=1, minor=3), entry("pipe", kind=FIFO), entry("disk", kind=BLOCK, major=7, minor=255)),
                lambda o: {"null": "device", "pipe": "fifo", "disk": "other"}),
    "a device, then a file": (lambda o: tar(entry("a", kind=CHAR, major=1, minor=3), entry("a", b"1")), lambda o: {"a": b"1"}),
    "a fifo, then a file": (lambda o: tar(entry("a", kind=FIFO), entry("a", b"1")), lambda o: {"a": b"1"}),
    "a pax record that lies": (
        lambda o: tar(header(b"PaxHeader", b"x", 20) + b"9999 path=x\n".ljust(512, b"\0"), entry("a", b"1")), lambda o: {"a": b"1"}),
    "a link as a folder's whiteout": (lambda o: tar(entry(".wh.a"), soft("a", o)), lambda o: {"a": f"-> {o}"}),
}


@pytest.mark.parametrize("what", CONTAINED)
def test_contained(loader, what):
    make, want = CONTAINED[what]
    folder, = loader.load(make(loader.outside))
    found = tree(folder)
    for path, content in want(loader.outside).items():
        assert found.get(path) == content, path
    # Folders may be there beyond what is listed, nothing else.
    names = set(want(loader.outside))
    assert not {path for path, kind in found.items() if kind not in ("folder", b"1") and path not in names}


# ---- compression -------------------------------------------------------------------------------------

def zstd(data):
    """By the library that berth-image has, since not every machine has the program."""
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_compress.restype = library.ZSTD_compressBound.restype = ctypes.c_size_t
    out = ctypes.create_string_buffer(library.ZSTD_compressBound(ctypes.c_size_t(len(data))))
    n = library.ZSTD_compress(out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)), 3)
    return out.raw[:n]


def members(data):
    """Several gzip members in a row, the first of no content."""
    return gzip.compress(b"") + gzip.compress(data[:700]) + gzip.compress(data[700:]) + bytes(100)


BIG = tar(entry("a", b"".join(sha(b"%d" % i).encode() for i in range(20000))))


@pytest.mark.parametrize("pack", [gzip.compress, members, zstd, lambda d: zstd(d[:600]) + zstd(d[600:]), bytes],
                         ids=["gzip", "members", "zstd", "frames", "plain"])
def test_compression(loader, pack):
    folder, = loader.load(BIG, packed=[pack(BIG)])
    assert os.path.getsize(os.path.join(folder, "a")) == 64 * 20000


SPOILED = {
    "gzip cut": (lambda: gzip.compress(BIG)[:-1000], "cut short"),
    "gzip cut in its trailer": (lambda: gzip.compress(BIG)[:-3], "cut short"),
    "gzip of a wrong sum": (lambda: gzip.compress(BIG)[:-8] + b"1234" + gzip.compress(BIG)[-4:], "damaged"),
    "gzip with more": (lambda: gzip.compress(BIG) + b"trash", "cut short"),
    "gzip header alone": (lambda: b"\x1f\x8b", ""),
    "zlib": (lambda: zlib.compress(BIG), ""),
    "zstd cut": (lambda: zstd(BIG)[:-1000], "cut short"),
    "zstd damaged": (lambda: zstd(BIG)[:1000] + bytes(100) + zstd(BIG)[1100:], "layer"),
    "bzip2": (lambda: bz2.compress(BIG), "bzip2 or xz"),
    "xz": (lambda: lzma.compress(BIG), "bzip2 or xz"),
    "other content": (lambda: gzip.compress(SMALL), "diff id mismatch"),
    "nothing": (lambda: gzip.compress(b""), "diff id mismatch"),
}


@pytest.mark.parametrize("what", SPOILED)
def test_spoiled_compression(loader, what):
    make, said = SPOILED[what]
    assert said in loader.refused(BIG, packed=[make()])


GIB = pytest.mark.skipif(SLOW > 2, reason="a GiB is too much for an emulated processor")


@GIB
def test_bomb(loader):
    """A gzip stream of zeros behind the end of the tar: told by its ratio, after the first GiB."""
    z = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    bomb = z.compress(SMALL) + b"".join(z.compress(block) for _ in range(1100)) + z.flush()
    assert "taken for a bomb" in loader.refused(SMALL, packed=[bomb])


def packed(*pieces):
    """(bytes, times) one after the other: the digest of it all, and gzip of it."""
    z, digest = zlib.compressobj(1, zlib.DEFLATED, 31), hashlib.sha256()
    out = []
    for data, times in pieces:
        many = data * min(times, 4096)
        for at in range(0, times, 4096):
            piece = many[:len(data) * min(4096, times - at)]
            digest.update(piece)
            out.append(z.compress(piece))
    return digest.hexdigest(), b"".join(out) + z.flush()


@GIB
@pytest.mark.parametrize("what, one, times, said", [
    ("entries", entry(".wh..wh.x"), 2000001, "more than 2000000 entries"),
    ("names of folders", entry("/".join(["n" * 200] * 15) + "/"), 90000, "take up too much memory")],
    ids=["entries", "names"])
def test_limits(loader, what, one, times, said):
    """Few bytes that stand for many entries, on disk or in memory."""
    digest, data = packed((one, times), (bytes(512), 2))
    layout = Layout([], name="made:1")
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]}}).encode()
    layout.replace(config=layout.blob(config, CONFIG), layers=[layout.blob(data, LAYER + "+gzip")])
    folder = layout.write(os.path.join(loader.place, "layout"))
    assert len(data) < 40 << 20
    assert said in loader.store.fails("load", "-q", "-i", folder, code=1)
    for name in ("layers", "images", "tmp", "blobs/sha256"):
        assert os.listdir(os.path.join(loader.store.data, name)) == []


# ---- what ordinary layers become ---------------------------------------------------------------------

def test_attributes(loader):
    """Owners, modes, times, extended attributes and capabilities; the order of their setting keeps all of them."""
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    folder, = loader.load(tar(
        pax(mtime=b"1234567890.5"), entry("su", b"x", mode=0o4755, uid=12, gid=34),
        entry("sticky/", mode=0o1777), entry("group/", mode=0o2750, uid=1, gid=2), entry("group/file", b"x", mode=0),
        pax(SCHILY__xattr__security__capability=capability), entry("ping", b"x", mode=0o755, uid=5),
        entry("named/", mtime=5), entry("named/later", b"x", mtime=7),
        entry("owned", kind=SOFT, link="su", uid=3, gid=4, mtime=77), entry("pipe", kind=FIFO, mode=0o622, uid=9),
        pax(uid=b"70000", gid=b"80000"), entry("far", b"x"), entry("old", b"x", mtime=0)))

    def at(name):
        s = os.lstat(os.path.join(folder, name))
        return s.st_mode & 0o7777, s.st_uid, s.st_gid, s.st_mtime

    assert at("su") == (0o4755, 12, 34, 1234567890.5)
    assert at("sticky") == (0o1777, 0, 0, 1000) and at("group") == (0o2750, 1, 2, 1000)
    assert at("group/file")[:3] == (0, 0, 0)
    assert os.getxattr(os.path.join(folder, "ping"), "security.capability") == capability
    assert at("named")[3] == 5 and at("named/later")[3] == 7
    assert at("owned")[1:] == (3, 4, 77) and at("pipe")[:2] == (0o622, 9)
    assert at("far")[1:3] == (70000, 80000) and at("old")[3] == 0


def want_user_attributes(place):
    try:
        os.setxattr(place, "user.berth", b"x")
    except OSError as e:
        if e.errno != errno.ENOTSUP:
            raise
        pytest.skip("the file system of /tmp has no user.* attributes (tmpfs before Linux 6.6)")


def test_user_attributes(loader, place):
    want_user_attributes(place)
    folder, = loader.load(tar(pax(SCHILY__xattr__user__name=b"a\0b"), entry("file", b"x", mode=0o400, uid=5),
                              pax(SCHILY__xattr__user__of=b"folder"), entry("folder/", mode=0o500)))
    assert os.getxattr(os.path.join(folder, "file"), "user.name") == b"a\0b"
    assert os.getxattr(os.path.join(folder, "folder"), "user.of") == b"folder"


def test_missing_folders(loader):
    """They are root's and 0755, whatever the umask; so is the layer itself."""
    path = loader.layout(data := tar(entry("a/b/c", b"x")))
    p = subprocess.run(loader.store.argv("load", "-q", "-i", path), env=loader.store.env, umask=0o077, check=False,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.returncode == 0, p.stderr
    folder = loader.folder([data])
    for name in (".", "a", "a/b"):
        s = os.stat(os.path.join(folder, name))
        assert (s.st_mode & 0o7777, s.st_uid, s.st_gid) == (0o755, 0, 0)


def test_root(loader):
    """The layer's own entry for its root counts."""
    folder, = loader.load(tar(entry("./", mode=0o711, uid=1, gid=2, mtime=99), entry("./a", b"x")))
    s = os.stat(folder)
    assert (s.st_mode & 0o7777, s.st_uid, s.st_gid, s.st_mtime) == (0o711, 1, 2, 99)


def test_sparse(loader):
    pieces = [(0, b"start"), (50 << 20, b"middle")]
    folder, = loader.load(tar(sparse("disk", 100 << 20, pieces), entry("after", b"x")))
    path = os.path.join(folder, "disk")
    s = os.stat(path)
    assert s.st_size == 100 << 20 and s.st_blocks < 1000
    with open(path, "rb") as f:
        assert f.read(6) == b"start\0" and f.seek(50 << 20) and f.read(7) == b"middle\0"
    assert tree(folder)["after"] == b"x"


def test_description(loader):
    """layer.json says what `berth history` and others want to know."""
    data = tar(entry("d/"), entry("d/a", b"12345"), hard("d/b", "d/a"))
    below, above = loader.load(SMALL, data)
    with open(os.path.join(os.path.dirname(above), "layer.json")) as f:
        said = json.load(f)
    chain = [os.path.basename(os.path.dirname(folder)) for folder in (below, above)]
    assert said["chain"] == "sha256:" + chain[1] and said["parent"] == "sha256:" + chain[0]
    assert said["diffId"] == said["digest"] == "sha256:" + sha(data) and said["size"] == len(data)
    assert (said["unpackedSize"], said["entries"]) == (5, 3)


WHITEOUTS = [
    (["gone", "opaque", "again", "kept"], tar(
        entry("gone", b"1"), entry("opaque/"), entry("opaque/old", b"1"), entry("again/"), entry("again/old", b"1"),
        entry("deep/"), entry("deep/a", b"1"), entry("deep/b", b"1"), entry("kept", b"1"), entry("root", b"1"),
        entry("late/"), entry("late/old", b"1"), entry("bare/"), entry("bare/old", b"1"))),
    (["opaque"], tar(
        entry(".wh.gone"), entry("opaque/"), entry("opaque/.wh..wh..opq"), entry("opaque/new", b"2"),
        entry(".wh.again"), entry("again/"), entry("again/new", b"2"), entry("deep/.wh.a"),
        entry("late/"), entry("late/new", b"2"), entry(".wh.late"), entry(".wh.kept"), entry("kept", b"2"),
        entry(".wh.bare"), entry("bare/new", b"2"), entry(".wh.never")))]
MERGED = ["again/new", "bare/new", "deep/b", "kept", "late/new", "opaque/new", "root"]


def exported(berth, place):
    """The files of a container of the image, as the kernel shows them."""
    name = berth("create", "--network", "none", "made:1", "true").strip()
    out = os.path.join(place, "out.tar")
    berth("export", "-o", out, name)
    listed = subprocess.run(["tar", "-tf", out], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    return sorted(re.sub(r"^\./", "", line) for line in listed if not line.endswith("/"))


def test_whiteouts(berth, place):
    """What lower layers have is hidden in a container, whatever the order within the layer."""
    loader = Loader(berth, place)
    loader.load(*(data for _, data in WHITEOUTS))
    assert exported(berth, place) == MERGED


def test_opaque_root(berth, place):
    """All of the lower layers is hidden."""
    loader = Loader(berth, place)
    loader.load(tar(entry("old", b"1"), entry("d/"), entry("d/old", b"1")),
                tar(entry(".wh..wh..opq"), entry("d/"), entry("d/new", b"2")))
    assert exported(berth, place) == ["d/new"]


# ---- an ordinary user --------------------------------------------------------------------------------

@pytest.fixture
def user_loader(place, subids):
    """As USER, with subordinate ids."""
    home = os.path.join(place, "user")
    os.mkdir(home)
    os.chown(home, USER, USER)
    store = Berth(home)
    os.chown(store.place, USER, USER)
    store.prefix = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    store.env.update(HOME=home, XDG_RUNTIME_DIR=home)
    yield Loader(store, place)
    subprocess.run(["rm", "-rf", store.place], check=True)


def test_rootless(user_loader, subids, place):
    """Owners are subordinate ids, whiteouts and opaque folders are the kernel's own, devices are left out."""
    want_user_attributes(place)
    data = tar(entry("mine", b"x"), entry("other", b"x", uid=1000, gid=5), entry(".wh.gone"), entry("d/"), entry("d/.wh..wh..opq"),
               entry("null", kind=CHAR, major=1, minor=3), entry("pipe", kind=FIFO), entry("su", b"x", mode=0o4755, uid=1),
               pax(SCHILY__xattr__user__a=b"1"), entry("x", b"x"))
    p = user_loader.store.run("load", "-q", "-i", user_loader.layout(data))
    assert p.returncode == 0, p.stderr
    assert "1 device(s) of the layer are left out" in p.stderr
    folder = user_loader.folder([data])
    s = {name: os.lstat(os.path.join(folder, name)) for name in os.listdir(folder)}
    assert sorted(s) == ["d", "gone", "mine", "other", "pipe", "su", "x"]
    assert s["mine"].st_uid == USER and (s["other"].st_uid, s["other"].st_gid) == (subids + 999, subids + 4)
    assert stat.S_ISCHR(s["gone"].st_mode) and s["gone"].st_rdev == 0 and s["su"].st_mode & 0o7777 == 0o4755
    assert os.getxattr(os.path.join(folder, "d"), "user.overlay.opaque") == b"y"
    assert os.getxattr(os.path.join(folder, "x"), "user.a") == b"1"


@pytest.mark.parametrize("what", ["climbs out", "a hard link by a link", "a file through a link out", "the root is a link"])
def test_rootless_refused(user_loader, what):
    make, said = REFUSED[what]
    assert said.lower() in user_loader.refused(make(user_loader.outside)).lower()


# ---- the process that unpacks ------------------------------------------------------------------------

def test_confined(loader, place):
    """While it waits for the rest of a layer: its root, descriptors, capabilities, filter and namespaces."""
    p = loader.store.popen("import", "-", "made:1", stdin=subprocess.PIPE)
    data = tar(entry("a", os.urandom(3 << 20)))
    try:
        p.stdin.write(data[:2 << 20])
        p.stdin.flush()
        child = wait_for(lambda: unpacker_of(p.pid))
        proc = f"/proc/{child}"
        wait_for(lambda: status_of(child).get("Seccomp") == "2")
        status = status_of(child)
        assert status["NoNewPrivs"] == "1" and status["CapInh"] == "0" * 16
        # chown, dac_override, fowner, fsetid, sys_admin, mknod, setfcap
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0x8820001b
        assert re.fullmatch(re.escape(os.path.join(loader.store.data, "tmp")) + r"/layer-[0-9a-f]+/layer/diff|/", os.readlink(proc + "/root"))
        wait_for(lambda: os.listdir(proc + "/root/") == ["a"])
        open_files = {fd: os.readlink(f"{proc}/fd/{fd}") for fd in os.listdir(proc + "/fd")}
        assert [open_files[fd] for fd in "012"] == ["/dev/null"] * 3
        # The tar, the folder, the result, and the file that is being written.
        assert set(open_files) <= set("0123456") and open_files.get("6", "/a").endswith("/a")
        for name in ("net", "mnt", "ipc"):
            assert os.readlink(f"{proc}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
        p.stdin.write(data[2 << 20:])
        p.stdin.close()
        assert p.wait(30) == 0, p.stderr.read()
    finally:
        p.kill()
        p.wait()


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)


def unpacker_of(pid):
    """berth becomes berth-image, whose only child it is; berth may have made that one first."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as f:
            for child in f.read().split():
                return unpacker_of(child) or child
    return None


def test_full_disk(loader, place):
    """No space: one line, nothing stays, and the next one works."""
    small = os.path.join(place, "small")
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "berth-test", small], check=True)
    try:
        loader.store.data = loader.store.env["BERTH_ROOT"] = os.path.join(small, "data")
        line = loader.refused(tar(entry("a", os.urandom(2 << 20))))
        assert os.strerror(errno.ENOSPC).lower() in line
        loader.load(SMALL)
    finally:
        subprocess.run(["umount", "-l", small], check=True)
