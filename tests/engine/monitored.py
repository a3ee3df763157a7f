# SPDX-License-Identifier: Apache-2.0
"""A container's folder made by hand and its monitor spoken to directly: what `berth run` does, step by step."""
import ctypes
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import time

from harness import REPO, SLOW, Bundle

MONITOR = os.environ.get("BERTH_MONITOR", os.path.join(REPO, "build", "berth-monitor"))
HELLO, STARTED, FAILED, OUT, ERR, IN, IN_EOF, RESIZE, DROPPED, EXIT, STOPPING, RELOAD = range(12)
STDIN, STDOUT, STDERR = 1, 2, 4
SYS_OPEN_TREE, OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC = 428, 1, os.O_CLOEXEC
SYS_MOUNT_SETATTR, AT_EMPTY_PATH, MS_PRIVATE = 442, 0x1000, 1 << 18
LAYER = "0" * 64
libc = ctypes.CDLL(None, use_errno=True)


class Client:
    """One end of an attach socket."""

    def __init__(self, sock):
        self.sock = sock
        self.out, self.err, self.dropped = b"", b"", 0
        self.sock.settimeout(30 * SLOW)

    def send(self, kind, value=0, data=b""):
        self.sock.send(struct.pack("=IIq", kind, 0, value) + data)

    def receive(self):
        """(kind, value, data) or None at the end."""
        try:
            packet = self.sock.recv(65536)
        except ConnectionResetError:
            packet = self.sock.recv(65536)  # the kernel tells it once, before what was sent to us
        if not packet:
            return None
        kind, _, value = struct.unpack("=IIq", packet[:16])
        data = packet[16:]
        self.out += data if kind == OUT else b""
        self.err += data if kind == ERR else b""
        self.dropped += value if kind == DROPPED else 0
        return kind, value, data

    def until(self, kind):
        """The first packet of that kind; None: the end came first."""
        while True:
            packet = self.receive()
            if packet is None or packet[0] == kind:
                return packet
            if packet[0] == FAILED:
                raise AssertionError("failed: " + error_text(packet[2]))

    def until_out(self, text):
        while text not in self.out:
            assert self.receive() is not None, f"the end came before {text!r}: {self.out!r}"
        return self.out

    def exit_code(self):
        packet = self.until(EXIT)
        assert packet, f"no EXIT; {len(self.out)} bytes of output, at the end {self.out[-200:]!r} {self.err[-200:]!r}"
        return packet[1]

    def close(self):
        self.sock.close()


def error_text(data):
    return data[4:].split(b"\0")[0].decode()


class Monitored:
    """One container. record: more members of record.json; config: of the bundle before it is written."""

    def __init__(self, place, *args, log=None, **record):
        self.id = "%064x" % random.getrandbits(256)
        self.data, self.run = os.path.join(place, "data"), os.path.join(place, "run")
        for folder in ("blobs/sha256", "layers", "images", "refs", "containers", "names", "volumes", "tmp"):
            os.makedirs(os.path.join(self.data, folder), exist_ok=True)
        os.makedirs(self.run, mode=0o700, exist_ok=True)
        self.folder = os.path.join(self.data, "containers", self.id)
        self.bundle = Bundle(self.folder, *args)
        diff = os.path.join(self.data, "layers", LAYER, "diff")
        if not os.path.exists(diff):
            os.makedirs(os.path.dirname(diff))
            shutil.copytree(self.bundle.rootfs, diff, symlinks=True)
        shutil.rmtree(self.bundle.rootfs)
        os.mkdir(self.bundle.rootfs)
        self.bundle.linux["cgroupsPath"] = f"/berth-test-{self.id[:12]}"
        self.record = {"id": self.id, "name": "m-" + self.id[:8], "layers": [LAYER], "stopSignal": "SIGTERM",
                       "stopTimeout": 10, "restart": "no",
                       "log": {"driver": "json-file", "maxSize": 10 << 20, "maxFiles": 3, **(log or {})}, **record}
        if self.record.get("tty"):
            self.bundle.process["terminal"] = True
        self.env = {**os.environ, "BERTH_ROOT": self.data, "BERTH_RUN_ROOT": self.run, "BERTH_UID": "0",
                    "BERTH_GID": "0", "BERTH_LIB": os.path.dirname(MONITOR)}
        self.monitor = None

    def root(self):
        """A detached mount of the layer, which the test may write to."""
        path = os.path.join(self.data, "layers", LAYER, "diff").encode()
        fd = libc.syscall(SYS_OPEN_TREE, -100, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
        assert fd >= 0, os.strerror(ctypes.get_errno())
        private = struct.pack("=QQQQ", 0, 0, MS_PRIVATE, 0)
        assert libc.syscall(SYS_MOUNT_SETATTR, fd, b"", AT_EMPTY_PATH, private, len(private)) == 0
        return fd

    def start(self, wants=0, stdio=None):
        """Starts the monitor; the client of its starter, who has heard STARTED."""
        client = self.launch(wants, stdio)
        packet = client.until(STARTED)
        assert packet, "the monitor ended without a word: " + self.warnings()
        self.pid = packet[1]
        return client

    def launch(self, wants=0, stdio=None):
        self.bundle.write()
        with open(os.path.join(self.folder, "record.json"), "w") as f:
            json.dump(self.record, f)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client = Client(ours)
        client.send(HELLO, wants)
        lock = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.fcntl(lock, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))  # F_OFD_SETLK
        fds = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 20) for fd in (theirs.fileno(), lock, self.root())]

        def place():
            for i, fd in enumerate(fds):
                os.dup2(fd, 3 + i)
        self.monitor = subprocess.Popen([MONITOR, self.id], env=self.env, preexec_fn=place, close_fds=False,
                                        **(stdio or {k: subprocess.DEVNULL for k in ("stdin", "stdout", "stderr")}))
        for fd in fds:
            os.close(fd)
        os.close(lock)
        theirs.close()
        return client

    def attach(self, wants=STDOUT | STDERR):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(os.path.join(self.run, self.id, "monitor.sock"))
        client = Client(s)
        client.send(HELLO, wants)
        packet = client.receive()
        assert packet and packet[0] == HELLO, packet
        client.has_tty = packet[1] == 1
        return client

    def path(self, name):
        return os.path.join(self.folder, name)

    def status(self):
        with open(self.path("status.jsonl")) as f:
            return json.loads(f.readlines()[-1])

    def exits(self):
        with open(self.path("exits.jsonl")) as f:
            return [json.loads(line) for line in f]

    def events(self):
        with open(os.path.join(self.run, "events.jsonl")) as f:
            events = [json.loads(line) for line in f]
        return [e["action"] for e in events if e["id"] == self.id]

    def log(self):
        """The entries of all log files, oldest first."""
        names = [self.path("log.json")]
        while os.path.exists(self.path(f"log.json.{len(names)}")):
            names.append(self.path(f"log.json.{len(names)}"))
        entries = []
        for name in reversed(names):
            with open(name, "rb") as f:
                entries += [json.loads(line) for line in f]
        return entries

    def log_bytes(self, stream=None):
        text = "".join(e["log"] for e in self.log() if stream in (None, e["stream"]))
        return text.encode("utf-8", "surrogateescape")

    def warnings(self):
        try:
            with open(self.path("monitor.log")) as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def is_locked(self):
        with open(self.path("lock"), "r+") as f:
            kind = struct.unpack("hhqqi4x", fcntl.fcntl(f, 36, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)))[0]
        return kind != fcntl.F_UNLCK

    def wait(self, seconds=20):
        """Until the monitor is gone; nothing of it but the container's folder is left."""
        self.monitor.wait(seconds * SLOW)
        assert not os.path.exists(os.path.join(self.run, self.id))
        assert not os.path.exists(os.path.join(self.run, "runtime", self.id))
        return self.monitor.returncode

    def end(self):
        """Whatever is left, at the end of a test."""
        if self.monitor and self.monitor.poll() is None:
            self.monitor.send_signal(signal.SIGTERM)
            try:
                self.monitor.wait(0.2)
            except subprocess.TimeoutExpired:
                subprocess.run([os.path.join(REPO, "build", "berth-runtime"), "--root",
                                os.path.join(self.run, "runtime"), "delete", "--force", self.id],
                               stderr=subprocess.DEVNULL, check=False)
                try:
                    self.monitor.wait(20 * SLOW)
                except subprocess.TimeoutExpired:
                    self.monitor.kill()
                    self.monitor.wait()


def wait_until(what, seconds=10):
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        try:
            if what():
                return
        except (OSError, ValueError):
            pass
        time.sleep(0.01)
    raise AssertionError("it did not come true")
