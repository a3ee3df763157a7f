# SPDX-License-Identifier: Apache-2.0
"""A room for somebody else's daemon: its own mounts, network and processes, gone when the room is closed.

Container engines leave things behind: bridges, firewall chains, forwarding switched on, /run/netns,
shims. In namespaces of their own they do it to nobody, and the death of the room's first process ends
all of them. Control groups are the host's: those of the engine are removed at the end.
"""
import fcntl
import glob
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

FIRST = r"""
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
if [ -d /etc/cni/net.d ]; then
    cp -a /etc/cni/net.d /run/cni-config
    mount --bind /run/cni-config /etc/cni/net.d
fi
mount -t tmpfs tmpfs /var/lib
ip link set lo up
echo ready
exec /usr/bin/python3 -c '
import os, time
while True:
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(0.02)
'
"""


TOP = "/sys/fs/cgroup"


def hierarchies():
    if os.path.exists(TOP + "/cgroup.controllers"):
        return [TOP]
    return [d for d in glob.glob(TOP + "/*") if os.path.isdir(d) and not os.path.islink(d)]


class Room:
    """group: the control group under which the engine makes those of its containers."""

    def __init__(self, group):
        self.group = group
        self.dir = tempfile.mkdtemp(prefix="berth-room.")
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.dir, "TMPDIR": self.dir,
                    "LC_ALL": "C"}
        self.daemons = []
        self.first = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
             "--propagation", "private", "sh", "-c", FIRST],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
            env=self.env)
        if self.first.stdout.readline() != "ready\n":
            raise RuntimeError("the room's first process did not start")
        children = f"/proc/{self.first.pid}/task/{self.first.pid}/children"
        with open(children, encoding="ascii") as f:
            self.pid = int(f.read().split()[0])

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def argv(self, *argv):
        return ["nsenter", "-t", str(self.pid), "-m", "-n", "-p", "--", *argv]

    def run(self, *argv, ok=True, timeout=60, stdin_text=""):
        """Runs a command in the room; its CompletedProcess, with text. ok: it must succeed."""
        done = subprocess.run(self.argv(*argv), env=self.env, capture_output=True, text=True,
                              input=stdin_text, timeout=timeout, check=False)
        if ok:
            assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def run_in_terminal(self, *argv, say="", timeout=30):
        """The same with a pty of 40x100 as the three standard streams; (exit code, output)."""
        pid, master = pty.fork()
        if pid == 0:
            try:
                os.execvpe("nsenter", self.argv(*argv), self.env)
            finally:
                os._exit(127)
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        out, end, said = b"", time.monotonic() + timeout, not say
        while time.monotonic() < end:
            if not select.select([master], [], [], 0.5)[0]:
                if not said:
                    os.write(master, say.encode())
                    said = True
                continue
            try:
                data = os.read(master, 4096)
            except OSError:
                break
            if not data:
                break
            out += data
        else:
            os.kill(pid, signal.SIGKILL)
        os.close(master)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out.decode(errors="replace")

    def start(self, name, *argv):
        """Starts a daemon; its output is in NAME.log."""
        with open(self.path(name + ".log"), "w", encoding="utf-8") as log:
            self.daemons.append(subprocess.Popen(self.argv(*argv), env=self.env, stdout=log, stderr=log,
                                                 stdin=subprocess.DEVNULL))

    def log(self, name):
        with open(self.path(name + ".log"), encoding="utf-8", errors="replace") as f:
            return f.read()[-6000:]

    def wait_for(self, question, what, seconds=20):
        end = time.monotonic() + seconds
        while not question():
            assert time.monotonic() < end, f"no {what} after {seconds} s"
            assert all(d.poll() is None for d in self.daemons), "a daemon ended: " + "".join(
                self.log(os.path.basename(p)[:-4]) for p in glob.glob(self.path("*.log")))
            time.sleep(0.05)

    def close(self):
        for daemon in self.daemons:
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        os.kill(self.pid, signal.SIGKILL)
        self.first.wait(10)
        self.first.stdout.close()
        for top in self.groups():
            for path, _, _ in sorted(os.walk(top), reverse=True):
                try:
                    os.rmdir(path)
                except OSError:
                    pass
        shutil.rmtree(self.dir, ignore_errors=True)

    def groups(self):
        return [d for h in hierarchies() if os.path.isdir(d := os.path.join(h, self.group))]

    def container_groups(self):
        """What the containers of the engine hold at this moment."""
        return sorted(os.path.join(d, n) for g in self.groups() for d, names, _ in os.walk(g) for n in names)

    def group_value(self, name, v1, v2):
        """The file of a container's group, as the host's kernel holds it. v1: "memory/memory.limit_in_bytes"."""
        if hierarchies() == [TOP]:
            path = os.path.join(TOP, self.group, name, v2)
        else:
            controller, file = v1.split("/")
            path = os.path.join(TOP, controller, self.group, name, file)
        with open(path, encoding="ascii") as f:
            return f.read().strip()
