# SPDX-License-Identifier: Apache-2.0
"""pull, push, login and logout against a registry on loopback, and against one that misbehaves."""
import base64
import fcntl
import json
import os
import pty
import random
import shutil
import signal
import subprocess
import tempfile
import termios

import pytest

from harness import SLOW, USER, wait_for
from registries import BERTH, IMAGE, TYPES, Image, Proxy, Registry, Store, digest, noise, skopeo, wait_gone


def needs(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {' '.join(missing)}")


pytestmark = needs("docker-registry", "skopeo", "htpasswd", "openssl")
USERS = {"me": "p:w", "you": "other"}


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    r = Registry(str(tmp_path_factory.mktemp("registry") / "r"))
    yield r
    r.close()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    r = Registry(str(tmp_path_factory.mktemp("guarded") / "r"), USERS)
    yield r
    r.close()


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "store"))


@pytest.fixture
def image(tmp_path):
    """Two layers: a small one and 3 MB that do not compress."""
    return Image(str(tmp_path / "image"), [{"etc/name": b"one", "etc/other": b"x"},
                                           {"etc/name": b"two", "big": noise("big", 3 << 20)}])


@pytest.fixture
def proxy(registry):
    p = Proxy(registry.port)
    yield p
    p.close()


def check_image(store, image, number=0):
    config = image.configs[number]
    assert store.image(config)["manifest"] == image.manifests[number]["digest"]
    assert store.file(config, "etc/name") == b"two" and store.file(config, "etc/other") == b"x"
    assert store.file(config, "big") == noise("big", 3 << 20)
    assert store.names("tmp") == []


# ---- the usual ---------------------------------------------------------------------------------------

def test_pull(store, registry, image):
    name = f"{registry.name}/team/app"
    image.push(name + ":1")
    lines = store.berth("pull", name + ":1").splitlines()
    assert lines[0] == "1: Pulling from team/app"
    assert {line.split(": ")[1] for line in lines[1:3]} == {"Pull complete"}
    assert lines[3:] == ["Digest: " + image.digest, "Status: Downloaded newer image for " + name + ":1", name + ":1"]
    check_image(store, image)
    lines = store.berth("pull", name + ":1").splitlines()
    assert lines[1:] == ["Digest: " + image.digest, "Status: Image is up to date for " + name + ":1", name + ":1"]
    # Without its configuration's file the image has to be made again, of what is here.
    os.unlink(os.path.join(store.data, "images", image.configs[0][7:] + ".json"))
    lines = store.berth("pull", name + ":1").splitlines()
    assert {line.split(": ")[1] for line in lines[1:3]} == {"Already exists"}
    assert store.berth("pull", "-q", f"{name}@{image.digest}") == f"{name}@{image.digest}\n"
    assert sorted(store.names("refs")) == sorted([name.replace("/", "+") + ":1", name.replace("/", "+") + "@" + image.digest])
    events = os.path.join(store.place, "run", "events.jsonl")
    with open(events, encoding="utf-8") as f:
        event = json.loads(f.readline())
    assert (event["type"], event["action"], event["id"]) == ("image", "pull", image.configs[0])


@needs("zstd")
@pytest.mark.parametrize("kind", ["zstd", "tar"])
def test_layer_kinds(store, registry, tmp_path, kind):
    image = Image(str(tmp_path / "image"), [{"etc/name": b"one", "etc/other": b"x"},
                                            {"etc/name": b"two", "big": noise("big", 3 << 20)}], kind)
    image.push(f"{registry.name}/kind:{kind}")
    store.berth("pull", f"{registry.name}/kind:{kind}")
    check_image(store, image)


def test_platforms(store, registry, tmp_path):
    image = Image(str(tmp_path / "image"), [{"etc/name": b"one"}], architectures=("arm64", "amd64", "s390x"))
    name = f"{registry.name}/many"
    image.push(name)
    out = store.berth("pull", name).splitlines()
    assert out[:2] == ["Using default tag: latest", "latest: Pulling from many"] and "Digest: " + image.digest in out
    own = {"x86_64": 1, "aarch64": 0, "s390x": 2}[os.uname().machine]
    assert [i + ".json" for i in [image.configs[own][7:]]] == store.names("images")
    store.berth("pull", "--platform", "linux/s390x", name)
    assert store.image(image.configs[2])["config"]["architecture"] == "s390x"
    assert "no matching manifest for linux/riscv64" in store.fails("pull", "--platform", "riscv64", name)
    assert "want OS/ARCHITECTURE" in store.fails("pull", "--platform", "a/b/c/d", name)
    single = Image(str(tmp_path / "single"), [{"etc/name": b"one"}], architectures=("s390x",))
    single.push(f"{registry.name}/single")
    assert "does not match the specified platform" in store.fails("pull", "--platform", "amd64", f"{registry.name}/single")
    p = store.run("pull", f"{registry.name}/single")
    assert p.returncode == 0 and "is made for linux/s390x" in p.stderr


def test_all_tags(store, registry, image):
    for tag in ("a", "b", "c"):
        image.push(f"{registry.name}/tags:{tag}")
    out = store.berth("pull", "-a", f"{registry.name}/tags")
    assert out.count("Status: ") == 3 and len([n for n in store.names("refs") if "@" not in n]) == 3
    assert "tag can't be used with --all-tags" in store.fails("pull", "-a", f"{registry.name}/tags:a")


def test_push(store, registry, image):
    source, name = f"{registry.name}/push/from:1", f"{registry.name}/push/to:2"
    image.push(source)
    store.berth("pull", source)
    os.rename(os.path.join(store.data, "refs", source.replace("/", "+")),
              os.path.join(store.data, "refs", name.replace("/", "+")))
    lines = store.berth("push", name).splitlines()
    assert lines[0] == f"The push refers to repository [{registry.name}/push/to]"
    assert [line.split(": ")[1] for line in lines[1:3]] == ["Mounted from push/from"] * 2
    assert lines[3].startswith(f"2: digest: {image.digest} size: ")
    assert json.loads(skopeo("inspect", "--tls-verify=false", "docker://" + name))["Digest"] == image.digest
    again = store.berth("push", name)
    assert again.count("Layer already exists") == 2
    assert store.berth("push", "-q", name) == name + "\n"
    assert f"{registry.name}+push+to@{image.digest}" in store.names("refs")
    assert "cannot push a digest" in store.fails("push", f"{registry.name}/push/to@{image.digest}")
    assert "no such image" in store.fails("push", f"{registry.name}/push/nothing")


@needs("podman")
def test_push_elsewhere(store, registry, guarded, image, tmp_path):
    """To a registry that has nothing of it: blobs in one piece and as a stream; Podman and skopeo read it."""
    source, name = f"{registry.name}/plain", f"{guarded.name}/mine/app:1"
    image.push(source)
    store.berth("pull", source)
    os.rename(os.path.join(store.data, "refs", source.replace("/", "+") + ":latest"),
              os.path.join(store.data, "refs", name.replace("/", "+")))
    assert "authentication required" in store.fails("push", name)
    store.berth("login", "-u", "me", "--password-stdin", guarded.name, answer="p:w\n")
    assert store.berth("push", name).count("Pushed") == 2
    skopeo("copy", "--src-tls-verify=false", "--src-creds", "me:p:w", "docker://" + name, f"dir:{tmp_path}/copy")
    with open(tmp_path / "copy" / "manifest.json", "rb") as f:
        assert digest(f.read()) == image.digest
    # Podman wants a short path.
    with tempfile.TemporaryDirectory(prefix="podman.") as run:
        podman = ["podman", "--root", str(tmp_path / "root"), "--runroot", run, "--storage-driver", "vfs",
                  "--events-backend", "none"]
        for words in (["pull", "-q", "--tls-verify=false", "--creds", "me:p:w", name], ["rmi", "-a"]):
            p = subprocess.run([*podman, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120 * SLOW,
                               check=False)
            assert p.returncode == 0, p.stderr


@needs("buildah")
def test_buildah(store, registry, tmp_path):
    flags = ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run"), "--storage-driver", "vfs"]

    def buildah(*words):
        p = subprocess.run(["buildah", *flags, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           timeout=120 * SLOW, check=False)
        assert p.returncode == 0, p.stderr
        return p.stdout.strip()

    (tmp_path / "file").write_text("by buildah")
    box = buildah("from", "scratch")
    buildah("copy", box, str(tmp_path / "file"), "/etc/made")
    buildah("config", "--cmd", "true", "--env", "A=1", box)
    for form in ("oci", "docker"):
        name = f"{registry.name}/buildah:{form}"
        buildah("commit", "-q", "--format", form, box, name)
        buildah("push", "-q", "--tls-verify=false", name)
        store.berth("pull", "-q", name)
        with open(os.path.join(store.data, "refs", name.replace("/", "+")), encoding="utf-8") as f:
            image_id = "sha256:" + f.read()
        assert store.file(image_id, "etc/made") == b"by buildah"
        assert "A=1" in store.image(image_id)["config"]["config"]["Env"]
    buildah("rm", "-a")
    buildah("rmi", "-a")


def test_rootless(place, subids, guarded, tmp_path):
    """An ordinary user pulls, with owners of files, and pushes."""
    image = Image(str(tmp_path / "image"), [{"etc/name": b"one", "home/file": b"x"}])
    name = f"{guarded.name}/rootless"
    image.push(name, "--dest-creds", "me:p:w")
    store = Store(os.path.join(place, "store"), USER)
    store.berth("login", "-u", "me", "--password-stdin", guarded.name, answer="p:w\n")
    store.berth("pull", name)
    layer, = store.image(image.configs[0])["layers"]
    diff = os.path.join(store.data, "layers", layer, "diff")
    assert os.stat(os.path.join(diff, "etc", "name")).st_uid == USER
    assert os.stat(os.path.join(diff, "home", "file")).st_uid == subids + 999
    assert "Layer already exists" in store.berth("push", name)


# ---- who we are --------------------------------------------------------------------------------------

def test_login(store, guarded, image):
    name = f"{guarded.name}/secret"
    image.push(name, "--dest-creds", "me:p:w")
    said = store.fails("pull", name)
    assert "pull access denied" in said and "authentication required" in said and f"berth login {guarded.name}" in said
    store.nothing_half_made()
    assert "incorrect username or password" in store.fails("login", "-u", "me", "--password-stdin", guarded.name, answer="no")
    store.docker_config({"psFormat": "x", "auths": {"other.test": {"auth": "eDp5"}}})
    p = store.run("login", "-u", "me", "-p", "p:w", guarded.name)
    assert (p.returncode, p.stdout) == (0, "Login Succeeded\n")
    assert "--password via the CLI is insecure" in p.stderr and "stored unencrypted" in p.stderr
    config = store.docker_config()
    assert config["psFormat"] == "x" and config["auths"]["other.test"] == {"auth": "eDp5"}
    assert base64.b64decode(config["auths"][guarded.name]["auth"]) == b"me:p:w"
    store.berth("pull", name)
    check_image(store, image)
    assert store.berth("logout", guarded.name) == f"Removing login credentials for {guarded.name}\n"
    assert store.berth("logout", guarded.name) == f"Not logged in to {guarded.name}\n"
    assert "authentication required" in store.fails("pull", name)
    assert store.docker_config()["auths"] == {"other.test": {"auth": "eDp5"}}
    assert "no terminal" in store.fails("login", guarded.name)


def login_on_terminal(store, guarded, *keys):
    """(what the terminal showed, exit code, does it echo at the end)"""
    ours, theirs = pty.openpty()
    shown = b""

    def ask(question):
        nonlocal shown
        while question not in shown:
            shown += os.read(ours, 4096)

    try:
        p = subprocess.Popen([IMAGE, "login", guarded.name], env=store.env, stdin=theirs, stdout=theirs, stderr=theirs,
                             start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        try:
            for question, key in keys:
                ask(question)
                # Echo goes off after the question: what is typed before would be shown.
                if question == b"Password: ":
                    wait_for(lambda: not termios.tcgetattr(theirs)[3] & termios.ECHO)
                os.write(ours, key)
            code = p.wait(20 * SLOW)
        finally:
            wait_gone(p)
        echoes = bool(termios.tcgetattr(theirs)[3] & termios.ECHO)
        os.set_blocking(ours, False)
        try:
            shown += os.read(ours, 4096)
        except BlockingIOError:
            pass
        return shown, code, echoes
    finally:
        os.close(ours)
        os.close(theirs)


def test_login_on_terminal(store, guarded):
    shown, code, echoes = login_on_terminal(store, guarded, (b"Username: ", b"me\n"), (b"Password: ", b"p:w\n"))
    assert code == 0 and b"Login Succeeded" in shown and b"p:w" not in shown and echoes
    shown, code, echoes = login_on_terminal(store, guarded, (b"Username: ", b"me\n"), (b"Password: ", b"\x03"))
    assert code == 130 and echoes


def test_credential_helper(store, guarded, image):
    name = f"{guarded.name}/helped"
    image.push(name, "--dest-creds", "me:p:w")
    path = os.path.join(store.place, "docker-credential-mine")
    with open(path, "w", encoding="utf-8") as f:
        f.write('#!/bin/sh\nread server\necho "$1 $server" >> ' + store.place + "/asked\n"
                'echo \'{"ServerURL":"","Username":"me","Secret":"p:w"}\'\n')
    os.chmod(path, 0o755)
    store.env["PATH"] = store.place + ":" + store.env["PATH"]
    store.docker_config({"credHelpers": {guarded.name: "mine"}})
    store.berth("pull", name)
    with open(os.path.join(store.place, "asked"), encoding="utf-8") as f:
        assert f.read() == f"get {guarded.name}\n"


class TokenRule:
    """A registry whose tokens come from a server of its own and end when told."""

    def __init__(self, basic):
        self.basic, self.number, self.asked, self.uses = basic, 0, [], 1000

    def __call__(self, h):
        if h.path.startswith("/token"):
            self.asked.append((h.path, h.headers.get("Authorization")))
            if h.headers.get("Authorization") not in (None, self.basic):
                h.answer(401, b'{"details":"incorrect username or password"}')
                return True
            self.number += 1
            h.answer(200, json.dumps({"access_token": f"t{self.number}", "expires_in": 300}).encode())
            return True
        wanted = f"Bearer t{self.number}"
        if h.headers.get("Authorization") != wanted or not self.number or self.uses == 0:
            self.uses = 1000
            realm = f'Bearer realm="http://{h.headers["Host"]}/token",service="here",scope="repository:x:pull"'
            h.answer(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}',
                     [("WWW-Authenticate", realm)])
            return True
        self.uses -= 1
        return False


def test_tokens(store, registry, proxy, image):
    image.push(f"{registry.name}/token/app")
    rule = TokenRule("Basic " + base64.b64encode(b"me:p:w").decode())
    proxy.rule = rule
    store.berth("pull", f"{proxy.name}/token/app")
    check_image(store, image)
    assert len(rule.asked) == 1 and rule.asked[0][1] is None
    assert "service=here" in rule.asked[0][0] and "scope=repository%3Atoken%2Fapp%3Apull" in rule.asked[0][0]
    rule.basic = None
    assert "incorrect username or password" in store.fails("login", "-u", "me", "--password-stdin", proxy.name, answer="x")
    rule.basic = "Basic " + base64.b64encode(b"me:p:w").decode()
    assert store.berth("login", "-u", "me", "--password-stdin", proxy.name, answer="p:w\n") == "Login Succeeded\n"
    assert rule.asked[-1][1] == rule.basic and "account=me" in rule.asked[-1][0]
    # A token that ends on the way is renewed.
    rule.uses = 2
    store.berth("pull", "--platform", "linux/amd64", f"{proxy.name}/token/app@{image.digest}")


def test_realm_without_tls(store, registry, proxy, image):
    """Credentials go to no realm without TLS, unless it is on loopback."""
    image.push(f"{registry.name}/realm")
    proxy.rule = lambda h: h.answer(401, b"", [("WWW-Authenticate", 'Bearer realm="http://registry.test/token"')]) or True
    assert "refused without TLS" in store.fails("pull", f"{proxy.name}/realm")


# ---- trouble -----------------------------------------------------------------------------------------

def blob_rule(image, number, what):
    """what(handler) for GETs of that layer."""
    path = "/blobs/" + image.layers[number]["digest"]
    return lambda h: h.command == "GET" and path in h.path and what(h)


def test_resume(store, registry, proxy, image):
    image.push(f"{registry.name}/resume")

    def cut(h):
        h.cut(h.forward()[:700000] if len(proxy.seen) < 1000 else b"")
        return True

    proxy.rule = blob_rule(image, 1, cut)
    store.berth("pull", f"{proxy.name}/resume")
    check_image(store, image)
    ranges = [headers.get("Range") for _, path, headers in proxy.seen if image.layers[1]["digest"] in path]
    assert ranges == [None] + [f"bytes={n * 700000}-" for n in range(1, len(ranges))] and len(ranges) >= 5


def test_resume_without_ranges(store, registry, proxy, image):
    """A server that sends all of it again."""
    image.push(f"{registry.name}/norange")
    times = []

    def cut(h):
        times.append(h.headers.get("Range"))
        del h.headers["Range"]
        body = h.forward()
        if len(times) < 4:
            h.cut(body[:len(times) * 800000])
        else:
            h.wfile.write(body)
        return True

    proxy.rule = blob_rule(image, 1, cut)
    store.berth("pull", f"{proxy.name}/norange")
    check_image(store, image)
    assert times == [None, "bytes=800000-", "bytes=1600000-", "bytes=2400000-"]


def test_wrong_range(store, registry, proxy, image):
    image.push(f"{registry.name}/wrong")

    def cut(h):
        if h.headers.get("Range"):
            h.answer(206, b"x" * 100, [("Content-Range", "bytes 5-104/1000000")])
        else:
            h.cut(h.forward()[:700000])
        return True

    proxy.rule = blob_rule(image, 1, cut)
    assert "got others" in store.fails("pull", f"{proxy.name}/wrong")
    store.nothing_half_made()


def flip(body):
    return body[:len(body) // 2] + bytes([body[len(body) // 2] ^ 1]) + body[len(body) // 2 + 1:]


def tamper(change):
    def what(h):
        h.wfile.write(h.forward(lambda status, headers, body: (status, headers, change(body))))
        return True
    return what


@pytest.mark.parametrize("change,said", [(flip, "digest mismatch"), (lambda b: b + b"x", "more than the"),
                                         (lambda b: b[:-1], "ended after"), (lambda b: b"", "ended after")])
def test_tampered_blob(store, registry, proxy, image, change, said):
    image.push(f"{registry.name}/tampered")
    proxy.rule = blob_rule(image, 0, tamper(change))
    error = store.fails("pull", f"{proxy.name}/tampered")
    assert any(words in error for words in (said, "digest mismatch", "damaged")), error
    store.nothing_half_made()


def test_tampered_manifest(store, registry, proxy, image):
    image.push(f"{registry.name}/tampered2")
    what = tamper(lambda body: body.replace(b'"layers"', b'"x":1,"layers"'))
    proxy.rule = lambda h: "/manifests/" in h.path and what(h)
    for name in (f"{proxy.name}/tampered2", f"{proxy.name}/tampered2@{image.digest}"):
        assert "digest mismatch" in store.fails("pull", name)
        store.nothing_half_made()
    config = "/blobs/" + image.configs[0]
    what2 = tamper(lambda body: body.replace(b"sh", b"ps"))
    proxy.rule = lambda h: config in h.path and what2(h)
    assert "digest mismatch" in store.fails("pull", f"{proxy.name}/tampered2")
    store.nothing_half_made()


def test_wrong_diff_id(store, registry, tmp_path):
    image = Image(str(tmp_path / "image"), [{"a": b"1"}])
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers",
                                                                            "diff_ids": ["sha256:" + "1" * 64]}}).encode()
    manifest = {"schemaVersion": 2, "config": image.blob(config, TYPES["config"]), "layers": image.layers}
    top = image.blob(json.dumps(manifest).encode(), TYPES["manifest"])
    image.write("index.json", json.dumps({"schemaVersion": 2, "manifests": [
        dict(top, annotations={"org.opencontainers.image.ref.name": "latest"})]}).encode())
    image.push(f"{registry.name}/diffid")
    store.fails("pull", f"{registry.name}/diffid")
    store.nothing_half_made()


def endless(h):
    h.send_response(200)
    h.send_header("Content-Type", TYPES["manifest"])
    h.end_headers()
    try:
        while True:
            h.wfile.write(b" " * 65536)
    except OSError:
        pass
    h.close_connection = True
    return True


def test_endless(store, registry, proxy, image):
    image.push(f"{registry.name}/endless")
    proxy.rule = lambda h: "/manifests/" in h.path and endless(h)
    assert "longer than" in store.fails("pull", f"{proxy.name}/endless")
    proxy.rule = blob_rule(image, 0, endless)
    store.fails("pull", f"{proxy.name}/endless")
    store.nothing_half_made()

    def headers(h):
        try:
            h.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                h.wfile.write(b"X-More: " + b"y" * 1000 + b"\r\n")
        except OSError:
            h.close_connection = True
        return True

    proxy.rule = lambda h: "/manifests/" in h.path and headers(h)
    assert "headers" in store.fails("pull", f"{proxy.name}/endless")


def test_busy(store, registry, proxy, image):
    """429 and 503 are tried again, as long as that makes sense."""
    image.push(f"{registry.name}/busy")
    left = {"manifests": 2, "blobs": 2}

    def busy(h):
        for part in left:
            if part in h.path and left[part]:
                left[part] -= 1
                h.answer(429 if part == "blobs" else 503, b"later", [("Retry-After", "0")])
                return True
        return False

    proxy.rule = busy
    store.berth("pull", f"{proxy.name}/busy")
    check_image(store, image)
    proxy.rule = lambda h: h.answer(503, b"<html>\n\x1b[31mno</html>") or True
    assert "service unavailable" in store.fails("pull", f"{proxy.name}/busy")
    proxy.rule = lambda h: h.answer(429, b"", [("Retry-After", "86400")]) or True
    seen = len(proxy.seen)
    assert "toomanyrequests" in store.fails("pull", f"{proxy.name}/busy")
    assert len(proxy.seen) - seen <= 2


def test_redirect(store, guarded, image):
    """Blobs may come from another host, but what proves who we are stays here."""
    image.push(f"{guarded.name}/redirect", "--dest-creds", "me:p:w")
    store.docker_config({"auths": {}})
    other = Proxy(guarded.port)
    first = Proxy(guarded.port)
    basic = "Basic " + base64.b64encode(b"me:p:w").decode()

    def elsewhere(h):
        # The other host has its own way to know that this is fine.
        h.headers["Authorization"] = basic
        return False

    def away(h):
        if "/blobs/" in h.path and h.headers.get("Authorization"):
            h.answer(307, b"", [("Location", f"http://{other.name}{h.path}")])
            return True
        return False

    try:
        first.rule, other.rule = away, None
        store.docker_config({"auths": {first.name: {"auth": base64.b64encode(b"me:p:w").decode()}}})
        # Asked without Authorization the guarded registry says 401, and no credentials follow.
        assert "unauthorized" in store.fails("pull", f"{first.name}/redirect")
        assert other.seen and all("Authorization" not in headers for _, _, headers in other.seen)
        del other.seen[:]
        given = []
        other.rule = lambda h: given.append(h.headers.get("Authorization")) or elsewhere(h)
        store.berth("pull", f"{first.name}/redirect")
        check_image(store, image)
        assert given and set(given) == {None}
    finally:
        first.close()
        other.close()


def test_redirect_refused(store, registry, proxy, image):
    image.push(f"{registry.name}/refused")
    for target, said in (("http://registry.test/x", "refused without TLS"), ("file:///etc/passwd", "is no address"),
                         ("ftp://registry.test/x", "only https"),
                         ("/v2/loop", "more than 10 redirects"), ("http://", "redirect to nowhere")):
        proxy.rule = lambda h, to=target: ("/blobs/" in h.path or "/v2/loop" in h.path) and \
            (h.answer(302, b"", [("Location", to)]) or True)
        assert said in store.fails("pull", f"{proxy.name}/refused"), target
        store.nothing_half_made()


def test_refusals(store, registry, proxy, image, tmp_path):
    assert "manifest unknown" in store.fails("pull", f"{registry.name}/nothing:1")
    image.push(f"{registry.name}/refusals")
    one = {"schemaVersion": 1, "name": "x", "tag": "1", "fsLayers": [{"blobSum": "sha256:" + "0" * 64}], "history": []}
    proxy.rule = lambda h: "/manifests/" in h.path and (h.answer(200, json.dumps(one).encode(), [
        ("Content-Type", "application/vnd.docker.distribution.manifest.v1+prettyjws")]) or True)
    assert "old schema 1" in store.fails("pull", f"{proxy.name}/refusals")
    proxy.rule = lambda h: "/manifests/" in h.path and (h.answer(403, json.dumps({"errors": [
        {"code": "DENIED", "message": "not\nfor \x1b[31myou"}]}).encode()) or True)
    assert "denied: not for  [31myou" in store.fails("pull", f"{proxy.name}/refusals")
    chart = Image(str(tmp_path / "chart"), [{"a": b"1"}], config_type="application/vnd.cncf.helm.config.v1+json")
    chart.push(f"{registry.name}/chart")
    assert "no container image" in store.fails("pull", f"{registry.name}/chart")
    assert "must be lowercase" in store.fails("pull", "localhost/Upper")
    store.nothing_half_made()


def test_tls_wanted(store, registry, image):
    image.push(f"{registry.name}/wanted")
    said = store.fails("pull", "--tls-verify", f"{registry.name}/wanted")
    assert "https://" in said and "http://" not in said


def test_nobody_there(store, registry):
    registry_less = "127.0.0.1:1"
    said = store.fails("pull", f"{registry_less}/x")
    assert "127.0.0.1:1" in said and said.endswith(": connect: connection refused\n")
    store.nothing_half_made()


def stalled(image, number, started):
    def what(h):
        body = h.forward()
        h.wfile.write(body[:200000])
        h.wfile.flush()
        started.append(1)
        wait_for(lambda: h.connection.recv(1) == b"" if not h.server.rule is None else True, 60)
        h.close_connection = True
        return True
    return blob_rule(image, number, what)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_cancel(store, registry, proxy, image, number):
    image.push(f"{registry.name}/cancel")
    started = []
    proxy.rule = stalled(image, 1, started)
    p = store.start("pull", f"{proxy.name}/cancel")
    try:
        wait_for(lambda: started, 20)
        p.send_signal(number)
        _, err = p.communicate(timeout=20 * SLOW)
        assert p.returncode == 128 + number and err == ""
    finally:
        wait_gone(p)
    store.nothing_half_made()
    proxy.rule = None
    store.berth("pull", f"{proxy.name}/cancel")
    check_image(store, image)


def test_killed(store, registry, proxy, image):
    """What a killed pull leaves has no name; the next one goes on with it."""
    image.push(f"{registry.name}/killed")
    started = []
    proxy.rule = stalled(image, 1, started)
    p = store.start("pull", f"{proxy.name}/killed")
    big = image.layers[1]["digest"]

    def has_come():
        for draft in store.names("tmp"):
            path = os.path.join(store.data, "tmp", draft, "blob")
            if draft.startswith("layer-" + big[7:]) and os.path.exists(path):
                return os.path.getsize(path) == 200000
        return False

    try:
        wait_for(has_come, 20)
    finally:
        wait_gone(p)
    assert store.names("refs") == store.names("images") == []
    proxy.rule = None
    del proxy.seen[:]
    store.berth("pull", f"{proxy.name}/killed")
    check_image(store, image)
    assert [headers.get("Range") for _, path, headers in proxy.seen if big in path] == ["bytes=200000-"]


def test_damaged_partial(store, registry, image):
    """What a killed pull left, and a power cut spoilt."""
    image.push(f"{registry.name}/damaged")
    store.run("pull", f"{registry.name}/nothing")
    for number, content in ((0, b"\0" * 50), (1, noise("other", 1 << 20))):
        draft = os.path.join(store.data, "tmp", f"layer-{image.layers[number]['digest'][7:]}-{number:016}")
        os.makedirs(draft)
        with open(os.path.join(draft, "blob"), "wb") as f:
            f.write(content)
    store.berth("pull", f"{registry.name}/damaged")
    check_image(store, image)


def test_stall(store, registry, proxy, image):
    """A connection on which nothing comes any more is given up and made again."""
    image.push(f"{registry.name}/stall")
    started = []
    rule = stalled(image, 1, started)
    proxy.rule = lambda h: not started and rule(h)
    store.env["BERTH_REGISTRY_TIMEOUT"] = "2"
    store.berth("pull", f"{proxy.name}/stall")
    check_image(store, image)
    assert started


# ---- uploads that break ------------------------------------------------------------------------------

def held(store, registry, image, name):
    """The image in the store under a name of the proxy's."""
    source = f"{registry.name}/held/{name}:1"
    image.push(source)
    store.berth("pull", source)

    def rename(to):
        path = os.path.join(store.data, "refs", source.replace("/", "+"))
        os.rename(path, os.path.join(store.data, "refs", to.replace("/", "+")))
        for ref in store.names("refs"):
            if "@" in ref:
                os.unlink(os.path.join(store.data, "refs", ref))
    return rename


def test_push_resume(store, registry, guarded, image):
    """A stream that breaks goes on, or begins again."""
    proxy = Proxy(guarded.port)
    name = f"{proxy.name}/resumed/app:1"
    held(store, registry, image, "resume")(name)
    store.docker_config({"auths": {proxy.name: {"auth": base64.b64encode(b"me:p:w").decode()}}})
    broken = []

    def cut(h):
        if h.command == "PATCH" and len(broken) < 2:
            broken.append(int(h.headers["Content-Length"]))
            h.rfile.read(100000)
            h.cut(b"")
            return True
        return False

    try:
        proxy.rule = cut
        assert "Pushed" in store.berth("push", name)
        assert len(broken) == 2 and len(proxy.paths("PATCH")) >= 3
        assert json.loads(skopeo("inspect", "--tls-verify=false", "--creds", "me:p:w",
                                 f"docker://{guarded.name}/resumed/app:1"))["Digest"] == image.digest
        proxy.rule = lambda h: h.command == "PATCH" and (h.rfile.read(100) and False or h.cut(b"") or True)
        other = f"{proxy.name}/never/app:1"
        os.rename(os.path.join(store.data, "refs", name.replace("/", "+")),
                  os.path.join(store.data, "refs", other.replace("/", "+")))
        for ref in store.names("refs"):
            if "@" in ref:
                os.unlink(os.path.join(store.data, "refs", ref))
        assert "PATCH" in store.fails("push", other)
        assert not any("@" in ref for ref in store.names("refs"))
    finally:
        proxy.close()


def test_push_without_blob(store, registry, image):
    name = f"{registry.name}/unpacked/app:1"
    held(store, registry, image, "unpacked")(name)
    os.unlink(os.path.join(store.data, "blobs", "sha256", image.layers[0]["digest"][7:]))
    assert "only unpacked" in store.fails("push", name)


# ---- TLS and proxies ---------------------------------------------------------------------------------

@pytest.fixture
def secure(tmp_path):
    key, cert = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, stderr=subprocess.DEVNULL)
    r = Registry(str(tmp_path / "secure"), tls=(cert, key))
    r.cert = cert
    yield r
    r.close()


def test_tls(store, secure, image):
    name = f"{secure.name}/tls"
    image.push(name)
    said = store.fails("pull", name)
    assert "certificate" in said and "certs.d" in said
    store.nothing_half_made()
    store.berth("pull", "--tls-verify=false", name)
    check_image(store, image)
    folder = os.path.join(store.home, ".config", "docker", "certs.d", secure.name)
    os.makedirs(folder)
    os.symlink(secure.cert, os.path.join(folder, "ca.crt"))
    store.berth("pull", name)


def test_http_proxy_and_insecure(store, registry, image):
    """Plain http to a host that is not loopback only where it is named, and through the proxy of the environment."""
    image.push(f"{registry.name}/proxied")
    other = Proxy(registry.port)

    def rule(h):
        # What a proxy gets has the whole address.
        if not h.path.startswith("http://registry.test:5000/"):
            return False
        h.path = h.path[len("http://registry.test:5000"):]
        return False

    other.rule = rule
    try:
        store.env.update(http_proxy="http://" + other.name, https_proxy="http://" + other.name)
        name = "registry.test:5000/proxied"
        store.fails("pull", name)
        assert all(command == "CONNECT" for command, _, _ in other.seen)
        store.configure("# the lab\ninsecure registry.test:5000\n")
        store.berth("pull", name)
        check_image(store, image)
        assert any(path.startswith("http://registry.test:5000/v2/") for path in other.paths("GET"))
        store.configure("insecure\n")
        assert "registries.conf: line 1" in store.fails("pull", name)
        os.unlink(os.path.join(store.home, ".config", "berth", "registries.conf"))
        store.berth("pull", "--tls-verify=false", name)
    finally:
        other.close()


# ---- what is shown -----------------------------------------------------------------------------------

def test_terminal(store, registry, proxy, image):
    """Bars on a terminal; their last state is one line each."""
    image.push(f"{registry.name}/bars")
    out = subprocess.run(["script", "-qec", f"{IMAGE} pull {proxy.name}/bars", "/dev/null"], env=store.env,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, timeout=60 * SLOW).stdout
    assert b"\x1b[" in out and out.count(b"Pull complete") >= 2 and b"Status: Downloaded newer image" in out


def test_killed_at_random(store, registry, tmp_path):
    """At whatever moment: nothing half-made has a name, and the next pull that is left alone leaves tmp/ empty."""
    image = Image(str(tmp_path / "image"), [{f"{n}/file{i}": noise(f"{n}{i}", 40000) for i in range(20)} for n in range(6)])
    name = f"{registry.name}/random"
    image.push(name)
    moments = random.Random(7)
    for turn in range(30):
        p = store.start("pull", name)
        try:
            p.wait(moments.uniform(0, 0.15) * SLOW)
        except subprocess.TimeoutExpired:
            pass
        done = p.poll() is not None
        wait_gone(p)
        if not done and store.names("refs"):
            # Between the names and the end: whole.
            assert store.names("images") == [image.configs[0][7:] + ".json"]
        if turn % 7 == 6:
            store.berth("pull", name)
            assert store.names("tmp") == []
            for folder in ("refs", "images", "layers", "blobs/sha256"):
                subprocess.run(["rm", "-rf", os.path.join(store.data, folder)], check=True)
                os.makedirs(os.path.join(store.data, folder))
    store.berth("pull", name)
    assert store.names("tmp") == [] and len(store.names("layers")) == 6
    assert store.file(image.configs[0], "3/file7") == noise("37", 40000)


def test_at_once(store, registry, image):
    """Several pulls of one image, and of layers that they share, while garbage is collected."""
    names = [f"{registry.name}/once:{tag}" for tag in ("a", "b")]
    for name in names:
        image.push(name)
    for _ in range(3):
        pulls = [store.start("pull", name) for name in names * 2]
        try:
            while any(p.poll() is None for p in pulls):
                subprocess.run([BERTH, "image", "prune", "-f"], env=store.env,
                               stdout=subprocess.DEVNULL, check=True)
            assert [p.wait() for p in pulls] == [0] * 4, [p.communicate() for p in pulls]
        finally:
            for p in pulls:
                wait_gone(p)
        check_image(store, image)
        for name in names:
            subprocess.run([BERTH, "rmi", name], env=store.env,
                           stdout=subprocess.DEVNULL, check=True)
        assert store.names("images") == store.names("layers") == []


# ---- together ----------------------------------------------------------------------------------------

def test_run(berth, registry):
    """The built-in image goes to a registry, away, and comes back for a run."""
    name = f"{registry.name}/team/box:1"
    berth("tag", "busybox", name)
    assert "1: digest: sha256:" in berth("push", name)
    berth("rmi", "-f", "busybox", name)
    berth("image", "prune", "-a", "-f")
    p = berth.run("run", "--rm", "--network", "none", name, "echo", "here")
    assert (p.returncode, p.stdout) == (0, "here\n"), p.stderr
    assert "Pull complete" in p.stderr and name in p.stderr
    digest_name = berth("images", "--digests", "--format", "{{.Digest}}").strip()
    assert digest_name.startswith("sha256:")
    assert berth("run", "--rm", "--network", "none", "--pull", "always", name, "echo", "again") == "again\n"
