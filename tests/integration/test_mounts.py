# SPDX-License-Identifier: Apache-2.0
"""Every mount option of the specification, as the container and the host see the mounts that come of it."""
import os
import subprocess

import pytest

from harness import wait_for
from harness.mounts import both, inside, mount, outside, tree  # noqa: F401

MOUNTINFO = ("cat", "/proc/self/mountinfo")

# option(s) of a new tmpfs -> (flags it has, flags it has not); the access time has tests of its own
NEW = {
    "defaults": ("rw relatime", "ro nosuid nodev noexec nosymfollow nodiratime"),
    "rw": ("rw", "ro"),
    "ro": ("ro", "rw"),
    "ro,rw": ("rw", "ro"),
    "rw,ro": ("ro", "rw"),
    "suid": ("rw", "nosuid"),
    "nosuid": ("nosuid", ""),
    "nosuid,suid": ("", "nosuid"),
    "dev": ("", "nodev"),
    "nodev": ("nodev", ""),
    "nodev,dev": ("", "nodev"),
    "exec": ("", "noexec"),
    "noexec": ("noexec", ""),
    "noexec,exec": ("", "noexec"),
    "symfollow": ("", "nosymfollow"),
    "nosymfollow": ("nosymfollow", ""),
    "nosymfollow,symfollow": ("", "nosymfollow"),
    "diratime": ("", "nodiratime"),
    "nodiratime": ("nodiratime", ""),
    "nodiratime,diratime": ("", "nodiratime"),
    "nosuid,nodev,noexec,ro": ("nosuid nodev noexec ro", ""),
    "rro": ("ro", ""),
    "rro,rrw": ("rw", "ro"),
    "rnosuid,rnodev,rnoexec,rnosymfollow,rnodiratime": ("nosuid nodev noexec nosymfollow nodiratime", ""),
    "rnosuid,rsuid,rnodev,rdev,rnoexec,rexec": ("", "nosuid nodev noexec"),
    "rnosymfollow,rsymfollow,rnodiratime,rdiratime": ("", "nosymfollow nodiratime"),
}
ATIMES = {
    "": "relatime", "atime": "relatime", "relatime": "relatime", "norelatime": "relatime",
    "noatime": "noatime", "strictatime": "strictatime", "nostrictatime": "relatime",
    "noatime,atime": "relatime", "noatime,strictatime": "strictatime", "strictatime,noatime": "noatime",
    "strictatime,nostrictatime": "relatime", "noatime,relatime": "relatime",
    "rnoatime": "noatime", "rstrictatime": "strictatime", "rrelatime": "relatime", "rnoatime,ratime": "relatime",
    "rstrictatime,rnostrictatime": "relatime", "rnorelatime": "relatime",
}
SUPER = {
    "sync": ("sync", ""), "sync,async": ("", "sync"), "async": ("", "sync"), "dirsync": ("dirsync", ""),
    "lazytime": ("lazytime", ""), "lazytime,nolazytime": ("", "lazytime"), "nolazytime": ("", "lazytime"),
    "size=64k,mode=1770": ("size=64k mode=1770", ""), "nr_inodes=7": ("nr_inodes=7", ""),
    # These leave no trace on a tmpfs; that they are no error is all there is to see.
    "mand": ("", ""), "nomand": ("", ""), "iversion": ("", ""), "noiversion": ("", ""), "silent": ("", ""),
    "loud": ("", ""), "acl": ("", ""), "noacl": ("", ""), "idmap-none": None,
}
SPREAD = {
    "private": "private", "rprivate": "private", "shared": "shared", "rshared": "shared",
    "unbindable": "unbindable", "runbindable": "unbindable", "slave": "private", "rslave": "private",
}
# Flags of a whole tree before, options of its recursive bind, flags after: of the top, of what is below.
TREES = {
    "none": ("nosuid,noexec", "", "nosuid noexec", "nosuid noexec"),
    "ro": ("rw", "ro", "ro", "rw"),
    "rro": ("rw", "rro", "ro", "ro"),
    "rro-rw": ("rw", "rro,rw", "rw", "ro"),
    "ro-rrw": ("ro", "rrw", "rw", "rw"),
    "rnosuid": ("rw", "rnosuid", "nosuid", "nosuid"),
    "rsuid": ("nosuid", "rsuid", "-nosuid", "-nosuid"),
    "rnodev": ("rw", "rnodev", "nodev", "nodev"),
    "rdev": ("nodev", "rdev", "-nodev", "-nodev"),
    "rnoexec": ("rw", "rnoexec", "noexec", "noexec"),
    "rexec": ("noexec", "rexec", "-noexec", "-noexec"),
    "rnosymfollow": ("rw", "rnosymfollow", "nosymfollow", "nosymfollow"),
    "rsymfollow": ("nosymfollow", "rsymfollow", "-nosymfollow", "-nosymfollow"),
    "rnodiratime": ("rw", "rnodiratime", "nodiratime", "nodiratime"),
    "rdiratime": ("nodiratime", "rdiratime", "-nodiratime", "-nodiratime"),
    "rnoatime": ("rw", "rnoatime", "noatime", "noatime"),
    "ratime": ("noatime", "ratime", "relatime", "relatime"),
    "rrelatime": ("noatime", "rrelatime", "relatime", "relatime"),
    "rnorelatime": ("noatime", "rnorelatime", "relatime", "relatime"),
    "rstrictatime": ("rw", "rstrictatime", "-relatime -noatime", "-relatime -noatime"),
    "rnostrictatime": ("strictatime", "rnostrictatime", "relatime", "relatime"),
    "noatime": ("rw", "noatime", "noatime", "relatime"),
    "nosuid": ("rw", "nosuid", "nosuid", "-nosuid"),
    "suid": ("nosuid", "suid", "-nosuid", "nosuid"),
    "mixed": ("nosuid", "rnoexec,nodev,suid", "noexec nodev -nosuid", "noexec nosuid -nodev"),
}


def check(m, has, lacks=""):
    wanted, unwanted = set(has.split()), set(lacks.split())
    unwanted |= {w[1:] for w in wanted if w.startswith("-")}
    wanted = {w for w in wanted if not w.startswith("-")}
    assert wanted <= m.flags and not unwanted & m.flags, f"{m}: wanted {has}, not {lacks}"


def each(bundle, table):
    """A tmpfs for each key of the table, which are options, at /m0, /m1, ..."""
    for i, options in enumerate(table):
        bundle.mount(f"/m{i}", "tmpfs", f"t{i}", *filter(None, options.split(",")))
    return bundle.probe("sleep")


# ---- new file systems -----------------------------------------------------------------------------


def test_flags(runtime, bundle):
    found = both(runtime.run_detached(each(bundle, NEW)))
    for i, (has, lacks) in enumerate(NEW.values()):
        check(found[f"/m{i}"], has, lacks)
        assert found[f"/m{i}"].source == f"t{i}"


def test_access_times(runtime, bundle):
    found = both(runtime.run_detached(each(bundle, ATIMES)))
    for i, (options, wanted) in enumerate(ATIMES.items()):
        assert found[f"/m{i}"].atime == wanted, options


def test_super_block(runtime, bundle):
    table = {k: v for k, v in SUPER.items() if v}
    found = both(runtime.run_detached(each(bundle, table)))
    for i, (has, lacks) in enumerate(table.values()):
        assert set(has.split()) <= found[f"/m{i}"].super and not set(lacks.split()) & found[f"/m{i}"].super


def test_propagation_of_new(runtime, bundle):
    found = both(runtime.run_detached(each(bundle, SPREAD)))
    for i, (option, wanted) in enumerate(SPREAD.items()):
        assert found[f"/m{i}"].spreads == {wanted}, option


def test_features_has_them_all(runtime):
    """What is tested here, and no more, is what `features` promises."""
    tested = {o for t in (NEW, ATIMES, SUPER, SPREAD, *([v[1]] for v in TREES.values())) for k in t
              for o in k.split(",") if o and "=" not in o and o != "idmap-none"}
    tested |= {"bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap"}
    promised = runtime("features").ok().json["mountOptions"]
    assert len(promised) == len(set(promised))
    assert set(promised) == tested


@pytest.mark.parametrize("options, words", [
    (["frobnicate"], "frobnicate"), (["size=many"], "size"), (["mode=9"], "mode"), (["ro", "nosiud"], "nosiud")])
def test_unknown_options(runtime, bundle, options, words):
    bundle.mount("/m", "tmpfs", "t", *options)
    runtime.run(bundle).fails(words, "/m", "tmpfs", code=1)


@pytest.mark.parametrize("kind, word", [("nosuchfs", "no such device"), ("ext4", "not a directory")])
def test_no_such_file_system(runtime, bundle, kind, word):
    runtime.run(bundle.mount("/m", kind, "/dev/null/none")).fails("/m", "/dev/null/none", word, code=1)


def test_effects(runtime, bundle):
    """What the flags do, not only what they are called."""
    for option in ("ro", "noexec", "nodev", "nosymfollow", "nosuid"):
        bundle.mount(f"/{option}", "tmpfs", "t", option, "tmpcopyup")
        os.mkdir(bundle.inside(option))
    bundle.mount("/free", "tmpfs", "t", "tmpcopyup")
    os.mkdir(bundle.inside("free"))
    for name in ("noexec", "free"):
        subprocess.run(["cp", bundle.inside("bin/busybox"), bundle.inside(name, "true")], check=True)
    for name in ("nosymfollow", "free"):
        os.symlink("/bin/busybox", bundle.inside(name, "link"))
    for name in ("nodev", "free"):
        os.mknod(bundle.inside(name, "null"), 0o20666, os.makedev(1, 3))
    bundle.linux["resources"]["devices"].append({"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rw"})
    words = []
    for path, mode in (("/ro/x", "c"), ("/free/x", "c"), ("/nodev/null", "w"), ("/free/null", "w"),
                       ("/nosymfollow/link", "r"), ("/free/link", "r")):
        words += ["open", path, mode, "--"]
    c = runtime.run_detached(bundle.probe(*words, "sleep"))
    wait_for(lambda: any(line["cmd"] == "sleep" for line in c.result.lines))
    errors = {line["path"]: line.get("errno") for line in c.result.lines if line["cmd"] == "open"}
    assert errors == {"/ro/x": "EROFS", "/free/x": None, "/nodev/null": "EACCES", "/free/null": None,
                      "/nosymfollow/link": "ELOOP", "/free/link": None}
    c.exec("/free/true").ok()
    c.exec("/noexec/true").fails("permission denied")


# ---- binds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("before, options, top, below", TREES.values(), ids=TREES)
def test_recursive_attributes(runtime, bundle, tree, before, options, top, below):  # noqa: F811
    source = tree("source", before, "a", "a/b")
    first = {p: repr(m) for p, m in outside("self").items() if p.startswith(source)}
    bundle.bind(source, "/t", "rbind", *filter(None, options.split(",")))
    found = both(runtime.run_detached(bundle.probe("sleep")))
    check(found["/t"], top)
    check(found["/t/a"], below)
    check(found["/t/a/b"], below)
    # the host's own mounts are as they were
    assert {p: repr(m) for p, m in outside("self").items() if p.startswith(source)} == first


def test_bind_is_not_recursive(runtime, bundle, tree):  # noqa: F811
    source = tree("source", "rw", "a")
    bundle.bind(source, "/t", "bind", "rro").probe(*MOUNTINFO, "--", "ls", "/t/a")
    result = runtime.run(bundle).ok()
    check(inside(result)["/t"], "ro")
    assert "/t/a" not in inside(result)
    assert result.probe("ls")["names"] == []


def test_bind_is_not_recursive_in_a_user_namespace(runtime, bundle, tree):  # noqa: F811
    """Its root may not take the mounts below off, so the parent clones the tree."""
    bundle.user_namespace(100000).own_rootfs(100000).bind(tree("source", "rw", "a"), "/t", "bind")
    result = runtime.run(bundle.probe("cat", "/t/name", "--", "ls", "/t/a")).ok()
    assert result.probe("cat")["text"] == "source"
    assert result.probe("ls")["names"] == []


@pytest.mark.parametrize("option", ["bind", "rbind"])
def test_type_says_nothing(runtime, bundle, tree, option):  # noqa: F811
    """With the option, the type is for people; with the type "bind", the option is."""
    source = tree("source")
    bundle.mount("/t", "none", source, option).mount("/u", "bind", source).mount("/v", "ext9", source, option)
    bundle.config["mounts"].append({"destination": "/w", "source": source, "options": [option]})
    result = runtime.run(bundle.probe(*[w for d in "tuvw" for w in ("cat", f"/{d}/name", "--")])).ok()
    assert [line["text"] for line in result.lines] == ["source"] * 4


def test_bind_keeps_flags(runtime, bundle, tree):  # noqa: F811
    """Options that are not given stay as the source has them."""
    source = tree("source", "ro,nosuid,nodev,noexec,noatime,nosymfollow")
    bundle.bind(source, "/t", "bind")
    bundle.bind(source, "/u", "bind", "exec", "rw", "strictatime")
    found = both(runtime.run_detached(bundle.probe("sleep")))
    check(found["/t"], "ro nosuid nodev noexec noatime nosymfollow")
    check(found["/u"], "rw nosuid nodev nosymfollow -noexec -noatime -relatime")


SPREADS = {
    "private": ("private", "private", "private"), "rprivate": ("private", "private", "private"),
    "shared": ("private", "shared", "private"), "rshared": ("private", "shared", "shared"),
    "slave": ("shared", "slave", "shared"), "rslave": ("shared", "slave", "slave"),
    "unbindable": ("private", "unbindable", "private"), "runbindable": ("private", "unbindable", "unbindable"),
}


@pytest.mark.parametrize("option", SPREADS)
def test_propagation_of_binds(runtime, bundle, tree, option):  # noqa: F811
    before, top, below = SPREADS[option]
    source = tree("source", "rw", "a")
    mount("--make-r" + before, source)
    bundle.bind(source, "/t", "rbind", option)
    found = both(runtime.run_detached(bundle.probe("sleep")))
    # what was a peer of the host's before is one of its slaves, since the tree of the container is
    inherited = {"shared": {"slave"}, "private": {"private"}, "slave": {"slave"}}
    assert found["/t"].spreads >= {top}
    assert found["/t/a"].spreads in ({below}, inherited.get(below, set())), found["/t/a"]


@pytest.mark.parametrize("option, arrives", [("rslave", True), ("rprivate", False)])
def test_mounts_of_the_host(runtime, bundle, tree, option, arrives):  # noqa: F811
    """A mount made on the host later comes into a slave, not into a private bind; never the other way."""
    source = tree("source")
    os.makedirs(os.path.join(source, "late"))
    os.makedirs(os.path.join(source, "inner"))
    mount("--make-shared", source)
    bundle.bind(source, "/t", "rbind", option).capabilities("SYS_ADMIN")
    c = runtime.run_detached(bundle.probe("mount", "none", "/t/inner", "tmpfs", "--", "sleep"))
    assert c.probe("mount").get("errno") is None
    mount("-t", "tmpfs", "none", os.path.join(source, "late"))
    try:
        assert ("/t/late" in both(c)) == arrives
        assert os.path.join(source, "inner") not in outside("self")
    finally:
        subprocess.run(["umount", os.path.join(source, "late")], check=True)


def test_mounts_of_the_container(runtime, bundle, tree):  # noqa: F811
    """rshared: what the container mounts there is seen on the host, as volume plugins want it."""
    source = tree("source")
    os.makedirs(os.path.join(source, "inner"))
    mount("--make-shared", source)
    bundle.linux["rootfsPropagation"] = "rshared"
    bundle.bind(source, "/t", "rbind", "rshared").capabilities("SYS_ADMIN")
    c = runtime.run_detached(bundle.probe("mount", "none", "/t/inner", "tmpfs", "--", "sleep"))
    assert c.probe("mount").get("errno") is None
    assert outside("self")[os.path.join(source, "inner")].type == "tmpfs"
    subprocess.run(["umount", os.path.join(source, "inner")], check=True)


def test_file_onto_missing(runtime, bundle, place):
    source = os.path.join(place, "file")
    with open(source, "w") as f:
        f.write("from the host")
    bundle.bind(source, "/deep/er/file", "bind", "ro")
    result = runtime.run(bundle.probe("cat", "/deep/er/file", "--", "open", "/deep/er/file", "w")).ok()
    assert result.probe("cat")["text"] == "from the host"
    assert result.probe("open")["errno"] == "EROFS"
    assert os.path.getsize(bundle.inside("deep/er/file")) == 0
    assert os.stat(bundle.inside("deep")).st_mode & 0o777 == 0o755


def test_folder_onto_missing(runtime, bundle, tree):  # noqa: F811
    result = runtime.run(bundle.bind(tree("source"), "/deep/er/folder").probe("cat", "/deep/er/folder/name")).ok()
    assert result.probe("cat")["text"] == "source"
    assert os.listdir(bundle.inside("deep/er/folder")) == []


def test_onto_the_other_kind(runtime, bundle, place, tree):  # noqa: F811
    source = os.path.join(place, "file")
    open(source, "w").close()
    runtime.run(bundle.bind(source, "/tmp", "bind")).fails("not a directory", source, "/tmp", code=1)
    bundle.drop_mount("/tmp").bind(tree("source"), "/etc/passwd", "bind")
    runtime.run(bundle).fails("not a directory", "/etc/passwd", code=1)
    bundle.drop_mount("/etc/passwd").mount("/etc/passwd", "tmpfs", "t")
    runtime.run(bundle).fails("not a directory", "/etc/passwd", code=1)


def test_missing_source(runtime, bundle, place):
    path = os.path.join(place, "missing")
    runtime.run(bundle.bind(path, "/deep/t")).fails(path, "/deep/t", "no such file or directory", code=1)
    assert not os.path.exists(bundle.inside("deep"))


def test_relative_paths(runtime, bundle):
    """The source is relative to the bundle, the destination to /."""
    with open(os.path.join(bundle.path, "here"), "w") as f:
        f.write("bundle")
    bundle.bind("here", "some/file", "bind").bind("./x/../here", "/other", "bind")
    result = runtime.run(bundle.probe("cat", "/some/file", "--", "cat", "/other")).ok()
    assert [line["text"] for line in result.lines] == ["bundle", "bundle"]


@pytest.mark.parametrize("link", ["/tmp/outside", "../../../../../tmp/outside"])
def test_target_through_links(runtime, bundle, place, tree, link):  # noqa: F811
    """A link in the image leads to a place in the image, whatever it says."""
    os.symlink(link, bundle.inside("link"))
    result = runtime.run(bundle.bind(tree("source"), "/link").probe("cat", "/tmp/outside/name")).ok()
    assert result.probe("cat")["text"] == "source"
    assert not os.path.exists("/tmp/outside")
    assert os.path.isdir(bundle.inside("tmp/outside"))


def test_source_is_a_link(runtime, bundle, place, tree):  # noqa: F811
    os.symlink(tree("source"), os.path.join(place, "link"))
    result = runtime.run(bundle.bind(os.path.join(place, "link"), "/t").probe("cat", "/t/name")).ok()
    assert result.probe("cat")["text"] == "source"


def test_order(runtime, bundle, tree):  # noqa: F811
    """Later mounts lie upon earlier ones."""
    one, two = tree("one"), tree("two")
    bundle.mount("/t", "tmpfs", "t").bind(one, "/t/a").bind(two, "/t/a").bind(two, "/t/b").mount("/t/b/in", "tmpfs", "t")
    c = runtime.run_detached(bundle.probe("cat", "/t/a/name", "--", "cat", "/t/b/name", "--", "sleep"))
    c.probe("sleep")
    assert [line["text"] for line in c.result.lines if line["cmd"] == "cat"] == ["two", "two"]
    assert {"/t", "/t/a", "/t/b", "/t/b/in"} <= set(both(c))
    assert os.path.isdir(os.path.join(two, "in"))


def test_odd_names(runtime, bundle, place):
    name = 'a b\tc\\d"e,f\u00e9'
    os.mkdir(os.path.join(place, name))
    with open(os.path.join(place, name, "f"), "w") as f:
        f.write("odd")
    bundle.bind(os.path.join(place, name), "/x/" + name)
    assert runtime.run(bundle.probe("cat", f"/x/{name}/f")).ok().probe("cat")["text"] == "odd"


def test_many(runtime, bundle, tree):  # noqa: F811
    source = tree("source")
    for i in range(200):
        bundle.bind(source, f"/many/{i}", "rbind", "ro" if i % 2 else "rw")
    found = both(runtime.run_detached(bundle.probe("sleep")))
    for i in range(200):
        check(found[f"/many/{i}"], "ro" if i % 2 else "rw")


# ---- remounts -------------------------------------------------------------------------------------


def test_remount(runtime, bundle, tree):  # noqa: F811
    bundle.mount("/m", "tmpfs", "t", "nosuid").mount("/m", "none", "none", "remount", "ro", "nodev", "nosuid")
    bundle.bind(tree("source", "rw", "a"), "/b").mount("/b", "bind", "none", "remount", "bind", "ro")
    bundle.mount("/s", "tmpfs", "t", "size=64k").mount("/s", "tmpfs", "t", "remount", "size=128k")
    found = both(runtime.run_detached(bundle.probe("sleep")))
    check(found["/m"], "ro nodev nosuid")
    check(found["/b"], "ro")
    check(found["/b/a"], "rw")
    assert "size=128k" in found["/s"].super


def test_remount_keeps_the_rest(runtime, bundle, tree):  # noqa: F811
    """Flags that are not named stay, whether the super block is changed or not."""
    bundle.mount("/s", "tmpfs", "t", "size=64k", "nosuid", "noexec", "sync", "lazytime")
    bundle.mount("/s", "tmpfs", "t", "remount", "size=128k", "nodev")
    bundle.mount("/d", "tmpfs", "t", "nosuid").mount("/d", "tmpfs", "t", "remount", "dirsync", "lazytime")
    bundle.mount("/a", "tmpfs", "t", "sync", "lazytime").mount("/a", "tmpfs", "t", "remount", "async", "nolazytime")
    bundle.bind(tree("source", "nosuid", "a"), "/b").mount("/b", "none", "none", "remount", "rro", "rnodev", "rprivate")
    found = both(runtime.run_detached(bundle.probe("sleep")))
    check(found["/s"], "rw nosuid noexec nodev")
    assert {"sync", "lazytime", "size=128k"} <= found["/s"].super
    check(found["/d"], "rw nosuid")
    # dirsync is for good or never, says the kernel, and no error
    assert "lazytime" in found["/d"].super and "dirsync" not in found["/d"].super
    assert not {"sync", "lazytime"} & found["/a"].super
    for path in ("/b", "/b/a"):
        check(found[path], "ro nosuid nodev")
        assert found[path].spreads == {"private"}


def test_remount_with_unknown_options(runtime, bundle):
    bundle.mount("/s", "tmpfs", "t").mount("/s", "tmpfs", "t", "remount", "frobnicate")
    runtime.run(bundle).fails("/s", "frobnicate", code=1)


def test_remount_of_nothing(runtime, bundle):
    runtime.run(bundle.mount("/tmp", "none", "none", "remount", "ro")).fails("/tmp", code=1)


# ---- tmpcopyup ------------------------------------------------------------------------------------


def test_copy_up(runtime, bundle):
    top = bundle.inside("data")
    os.makedirs(os.path.join(top, "folder"))
    os.chmod(top, 0o1770)
    os.chown(top, 7, 8)
    with open(os.path.join(top, "folder", "file"), "w") as f:
        f.write("image")
    os.chown(os.path.join(top, "folder", "file"), 5, 6)
    os.chmod(os.path.join(top, "folder", "file"), 0o4751)
    os.utime(os.path.join(top, "folder", "file"), (10, 20))
    os.symlink("folder/file", os.path.join(top, "link"))
    os.link(os.path.join(top, "folder", "file"), os.path.join(top, "hard"))
    os.mkfifo(os.path.join(top, "pipe"))
    bundle.mount("/data", "tmpfs", "t", "tmpcopyup", "ro")
    result = runtime.run(bundle.probe(*[w for p in ("", "/folder/file", "/link", "/hard", "/pipe")
                                        for w in ("stat", "/data" + p, "--")],
                                      "cat", "/data/link", "--", "open", "/data/new", "c")).ok()
    st = {line["path"]: line for line in result.lines if line["cmd"] == "stat"}
    assert (st["/data"]["mode"], st["/data"]["uid"], st["/data"]["gid"]) == (0o1770, 7, 8)
    file = st["/data/folder/file"]
    assert (file["mode"], file["uid"], file["gid"], file["size"]) == (0o4751, 5, 6, 5)
    assert st["/data/link"]["link"] == "folder/file" and st["/data/pipe"]["type"] == "p"
    assert st["/data/hard"]["size"] == 5
    assert result.probe("cat")["text"] == "image"
    assert result.probe("open")["errno"] == "EROFS"
    assert sorted(os.listdir(top)) == ["folder", "hard", "link", "pipe"]


def test_copy_up_of_nothing(runtime, bundle):
    result = runtime.run(bundle.mount("/new", "tmpfs", "t", "tmpcopyup").probe("ls", "/new")).ok()
    assert result.probe("ls")["names"] == []


def test_copy_up_too_small(runtime, bundle):
    os.mkdir(bundle.inside("data"))
    with open(bundle.inside("data/big"), "wb") as f:
        f.write(b"x" * 200000)
    bundle.mount("/data", "tmpfs", "t", "tmpcopyup", "size=64k")
    runtime.run(bundle).fails("/data", "no space left on device", code=1)


def test_copy_up_elsewhere(runtime, bundle):
    runtime.run(bundle.mount("/m", "proc", "proc", "tmpcopyup")).fails("tmpcopyup is for tmpfs only", code=1)


def test_tmpfs_takes_the_mode_below(runtime, bundle):
    os.chmod(bundle.inside("var"), 0o2751)
    bundle.mount("/var", "tmpfs", "t").mount("/tmp", "tmpfs", "t").mount("/home", "tmpfs", "t", "mode=711")
    result = runtime.run(bundle.probe("stat", "/var", "--", "stat", "/tmp", "--", "stat", "/home")).ok()
    assert [line["mode"] for line in result.lines] == [0o2751, 0o1777, 0o711]


# ---- without a mount namespace, and by an ordinary user -------------------------------------------


def test_without_a_mount_namespace(runtime, bundle):
    runtime.run(bundle.drop_namespace("mount")).fails("mount namespace", code=1)


def test_locked_flags(rootless, subids, bundle, tree):  # noqa: F811
    """What the host's owner locked stays, and is no error, where a user binds it."""
    source = tree("source", "nosuid,nodev,noexec")
    bundle.user_namespace(subids).own_rootfs(subids)
    ids = [{"containerID": 0, "hostID": subids, "size": 65536}]
    bundle.linux["uidMappings"], bundle.linux["gidMappings"] = ids, list(ids)
    bundle.linux["resources"] = {}
    bundle.bind(source, "/t", "rbind", "ro").bind(source, "/u", "rbind", "rro", "rexec")
    for m in bundle.config["mounts"]:
        m["options"] = [o for o in m["options"] if not o.startswith("gid=")]
    result = rootless.run(bundle.probe(*MOUNTINFO)).ok()
    check(inside(result)["/t"], "ro nosuid nodev noexec")
    check(inside(result)["/u"], "ro nosuid nodev noexec")
