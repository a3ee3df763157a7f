# SPDX-License-Identifier: Apache-2.0
"""A registry on loopback, a proxy before it that misbehaves as told, and images made by hand."""
import gzip
import hashlib
import http.client
import http.server
import io
import json
import os
import random
import socket
import socketserver
import subprocess
import tarfile
import threading

from harness import REPO, SLOW, wait_for

IMAGE = os.environ.get("BERTH_IMAGE", os.path.join(REPO, "build", "berth-image"))
BERTH = os.path.join(REPO, "build", "berth")
ARCH = "amd64"
OCI = "application/vnd.oci.image."
TYPES = {"manifest": OCI + "manifest.v1+json", "index": OCI + "index.v1+json", "config": OCI + "config.v1+json",
         "gzip": OCI + "layer.v1.tar+gzip", "zstd": OCI + "layer.v1.tar+zstd", "tar": OCI + "layer.v1.tar"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


# ---- images ------------------------------------------------------------------------------------------

def layer_tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.uid = len(data), 1000 if name.startswith("home/") else 0
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def pack(tar, kind):
    if kind == "gzip":
        return gzip.compress(tar, 1, mtime=0)
    if kind == "zstd":
        return subprocess.run(["zstd", "-q", "-1", "-c"], input=tar, stdout=subprocess.PIPE, check=True).stdout
    return tar


class Image:
    """An OCI image layout in a folder, with one image for each architecture."""

    def __init__(self, place, layers, kind="gzip", architectures=(ARCH,), config_type=TYPES["config"]):
        self.place, self.kind = place, kind
        os.makedirs(os.path.join(place, "blobs", "sha256"))
        self.write("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        self.manifests, self.configs, self.layers, self.diff_ids = [], [], [], []
        for architecture in architectures:
            self.manifests.append(self.image(layers, architecture, config_type))
        index = {"schemaVersion": 2, "mediaType": TYPES["index"], "manifests": self.manifests}
        self.digest = self.manifests[0]["digest"]
        if len(architectures) > 1:
            top = self.blob(json.dumps(index).encode(), TYPES["index"])
            self.digest = top["digest"]
            index = {"schemaVersion": 2, "manifests": [top]}
        index["manifests"][0]["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
        self.write("index.json", json.dumps(index).encode())

    def write(self, name, data):
        with open(os.path.join(self.place, name), "wb") as f:
            f.write(data)

    def blob(self, data, kind):
        name = digest(data)
        self.write("blobs/sha256/" + name[7:], data)
        return {"mediaType": kind, "digest": name, "size": len(data)}

    def image(self, layers, architecture, config_type):
        self.diff_ids = [digest(layer_tar(files)) for files in layers]
        config = self.blob(json.dumps({"architecture": architecture, "os": "linux", "config": {"Cmd": ["sh"]},
                                       "rootfs": {"type": "layers", "diff_ids": self.diff_ids}}).encode(), config_type)
        self.configs.append(config["digest"])
        self.layers = [self.blob(pack(layer_tar(files), self.kind), TYPES[self.kind]) for files in layers]
        manifest = {"schemaVersion": 2, "mediaType": TYPES["manifest"], "config": config, "layers": self.layers}
        return dict(self.blob(json.dumps(manifest).encode(), TYPES["manifest"]),
                    platform={"os": "linux", "architecture": architecture})

    def push(self, name, *words):
        skopeo("copy", "--all", "--preserve-digests", "--dest-tls-verify=false", *words, f"oci:{self.place}:latest",
               "docker://" + name)


def skopeo(*words):
    p = subprocess.run(["skopeo", "--insecure-policy", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, timeout=120 * SLOW, check=False)
    assert p.returncode == 0, p.stderr
    return p.stdout


def noise(seed, size):
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(size)


# ---- the registry ------------------------------------------------------------------------------------

class Registry:
    def __init__(self, place, users=None, tls=None):
        os.makedirs(place)
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        config = {"version": 0.1, "log": {"level": "error", "accesslog": {"disabled": True}},
                  "storage": {"filesystem": {"rootdirectory": os.path.join(place, "data")},
                              "delete": {"enabled": True}},
                  "http": {"addr": self.name}}
        if users:
            path = os.path.join(place, "htpasswd")
            for name, password in users.items():
                line = subprocess.run(["htpasswd", "-Bbn", name, password], stdout=subprocess.PIPE, check=True).stdout
                with open(path, "ab") as f:
                    f.write(line.strip() + b"\n")
            config["auth"] = {"htpasswd": {"realm": "here", "path": path}}
        if tls:
            config["http"]["tls"] = {"certificate": tls[0], "key": tls[1]}
        path = os.path.join(place, "config.yml")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)
        with open(os.path.join(place, "log"), "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", path], stdout=log, stderr=log)
        wait_for(self.is_up, 20)

    def is_up(self):
        assert self.process.poll() is None
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self.process.terminate()
        self.process.wait(20 * SLOW)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def forward(self, change=None):
        """Asks the registry and gives its answer on; change(status, headers, body) may change it."""
        length = int(self.headers.get("Content-Length") or 0)
        peer = http.client.HTTPConnection("127.0.0.1", self.server.to, timeout=60)
        peer.request(self.command, self.path, self.rfile.read(length) if length else b"" if self.command != "GET" else None,
                     dict(self.headers))
        got = peer.getresponse()
        status, headers, body = got.status, got.getheaders(), got.read()
        peer.close()
        if change:
            status, headers, body = change(status, headers, body)
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "date", "server") or self.command == "HEAD" and \
                    name.lower() == "content-length":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return body

    def cut(self, body):
        """Sends this and breaks the connection."""
        self.wfile.write(body)
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def work(self):
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        if not (self.server.rule and self.server.rule(self)):
            body = self.forward()
            if self.command != "HEAD":
                self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = work

    def log_message(self, *_):
        pass


class Proxy(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """rule(handler) answers a request itself and returns True, or leaves it to the registry behind."""
    daemon_threads = True

    def __init__(self, to, rule=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.to, self.rule, self.seen = to, rule, []
        self.name = f"127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def handle_error(self, *_):
        pass  # a peer that went away is what tests are about

    def paths(self, method):
        return [path for command, path, _ in self.seen if command == method]

    def close(self):
        self.shutdown()
        self.server_close()


# ---- the store ---------------------------------------------------------------------------------------

class Store:
    """user: an ordinary user's id, whose store it is."""

    def __init__(self, place, user=0):
        self.place, self.data = place, os.path.join(place, "data")
        self.home = os.path.join(place, "home")
        self.prefix = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        os.makedirs(self.home)
        for path in (self.place, self.home):
            os.chown(path, user, user)
        self.env = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
            self.env.pop(name, None)
        self.env.update(BERTH_ROOT=self.data, BERTH_RUN_ROOT=os.path.join(place, "run"), HOME=self.home)

    def start(self, *words, **more):
        return subprocess.Popen([*self.prefix, IMAGE, *words], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, **more)

    def run(self, *words, answer=""):
        return subprocess.run([*self.prefix, IMAGE, *words], env=self.env, input=answer, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=120 * SLOW, check=False)

    def berth(self, *words, answer=""):
        p = self.run(*words, answer=answer)
        assert p.returncode == 0, p.stderr
        return p.stdout

    def fails(self, *words, answer=""):
        p = self.run(*words, answer=answer)
        assert p.returncode == 1, (p.returncode, p.stdout, p.stderr)
        assert p.stderr.count("\n") == 1, p.stderr
        return p.stderr

    def names(self, folder):
        try:
            return sorted(os.listdir(os.path.join(self.data, folder)))
        except FileNotFoundError:
            return []

    def nothing_half_made(self):
        """No name, no image, no layer, nothing under way."""
        assert self.names("refs") == self.names("images") == self.names("tmp") == []

    def image(self, image_id):
        with open(os.path.join(self.data, "images", image_id[7:] + ".json"), encoding="utf-8") as f:
            return json.load(f)

    def file(self, image_id, name):
        """The bytes of a file of the image's topmost layer that has it."""
        for layer in reversed(self.image(image_id)["layers"]):
            path = os.path.join(self.data, "layers", layer, "diff", name)
            if os.path.lexists(path):
                with open(path, "rb") as f:
                    return f.read()
        return None

    def configure(self, text):
        folder = os.path.join(self.home, ".config", "berth")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "registries.conf"), "w", encoding="utf-8") as f:
            f.write(text)

    def docker_config(self, value=None):
        path = os.path.join(self.home, ".docker", "config.json")
        if value is not None:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                json.dump(value, f)
        with open(path, encoding="utf-8") as f:
            return json.load(f)

def wait_gone(process):
    """Ends a program that hangs in a failed test."""
    if process.poll() is None:
        process.kill()
    process.communicate()
