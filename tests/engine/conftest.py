# SPDX-License-Identifier: Apache-2.0
"""The engine as people use it: berth on a store of its own, as root or as an ordinary user."""
import ctypes
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

from harness import REPO, SLOW, USER, wait_for  # noqa: E402

pytest_plugins = ["harness.fixtures"]


def leave_host_network():
    """Networks, their firewall and ip_forward are made in a namespace of the tests' own: the host's stays as it is."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNET) != 0:
        return
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


CLONE_NEWNET = 0x40000000
leave_host_network()
BUILD = os.environ.get("BERTH_BUILD", os.path.join(REPO, "build"))


class Berth:
    """Commands on one store. berth(...) must succeed and gives its output; berth.run(...) gives everything."""

    def __init__(self, place, name="engine"):
        self.place = os.path.join(place, name)
        self.data, self.rundir = os.path.join(self.place, "data"), os.path.join(self.place, "run")
        os.makedirs(self.place, exist_ok=True)
        self.env = dict(os.environ, BERTH_ROOT=self.data, BERTH_RUN_ROOT=self.rundir)
        self.prefix = []

    def argv(self, *words):
        return [*self.prefix, os.path.join(BUILD, "berth"), *words]

    def run(self, *words, stdin="", timeout=60, **kwargs):
        return subprocess.run(self.argv(*words), env=self.env, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=timeout * SLOW, check=False, **kwargs)

    def __call__(self, *words, **kwargs):
        p = self.run(*words, **kwargs)
        assert p.returncode == 0, f"{words}: exit code {p.returncode}: {p.stderr}"
        return p.stdout

    def fails(self, *words, code=None, **kwargs):
        """The one line it complains with."""
        p = self.run(*words, **kwargs)
        assert p.returncode != 0 and (code is None or p.returncode == code), f"{words}: exit code {p.returncode}: {p.stderr}"
        assert len(p.stderr.splitlines()) == 1, p.stderr
        return p.stderr

    def popen(self, *words, **kwargs):
        kwargs = dict({"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}, **kwargs)
        return subprocess.Popen(self.argv(*words), env=self.env, **kwargs)

    def inspect(self, name):
        return json.loads(self("inspect", name))[0]

    def status(self, name):
        """The last line of status.jsonl of a container; None before its first start."""
        path = os.path.join(self.folder(name), "status.jsonl")
        if not os.path.exists(path):
            return None
        with open(path) as f:
            return json.loads(f.readlines()[-1])

    def id(self, name):
        with open(os.path.join(self.data, "names", name)) as f:
            return f.read()

    def folder(self, name):
        return os.path.join(self.data, "containers", self.id(name))

    def config(self, name):
        with open(os.path.join(self.folder(name), "config.json")) as f:
            return json.load(f)

    def containers(self):
        path = os.path.join(self.data, "containers")
        return sorted(os.listdir(path)) if os.path.isdir(path) else []

    def await_state(self, name, state):
        wait_for(lambda: (self.status(name) or {}).get("state") == state)

    def leftovers(self):
        """What a store without containers must not hold."""
        found = [f"containers/{name}" for name in self.containers()]
        for folder in (os.path.join(self.data, "tmp"), os.path.join(self.data, "names"), os.path.join(self.rundir, "runtime")):
            if os.path.isdir(folder):
                found += [os.path.join(folder, name) for name in os.listdir(folder)]
        if os.path.isdir(self.rundir):
            found += [name for name in os.listdir(self.rundir)
                      if name not in ("runtime", "networks", "firewall.lock") and not name.startswith(("events", "ended"))]
        found += [path for path in glob.glob(os.path.join(self.rundir, "*", "*")) if len(path.split("/")[-2]) == 64]
        return found + self.claims()

    def claims(self):
        """Addresses that containers have."""
        return [os.path.relpath(path, self.rundir) for path in glob.glob(os.path.join(self.rundir, "networks", "*", "*"))
                if os.path.basename(path) not in ("up", "next4", "next6", "ports")]

    def remove_networks(self):
        """Links and tables: the store goes, and no command would find them any more."""
        for path in glob.glob(os.path.join(self.data, "networks", "*.json")):
            with open(path) as f:
                network = json.load(f)
            if network["driver"] == "bridge":
                subprocess.run([*self.prefix, "ip", "link", "delete", network["interface"]], stderr=subprocess.DEVNULL,
                               check=False)
        if not shutil.which("nft"):
            return
        table = "berth-" + hashlib.sha256(self.data.encode()).hexdigest()[:8]
        subprocess.run([*self.prefix, "nft", "delete", "table", "inet", table], stderr=subprocess.DEVNULL, check=False)

    def close(self):
        self.run("rm", "--all", "--force", "--volumes")
        left = self.leftovers()
        if os.path.isdir(os.path.join(self.rundir, "networks")):
            self.remove_networks()
        shutil.rmtree(self.place, ignore_errors=True)
        assert not left, f"left in the store: {left}"


@pytest.fixture(scope="session")
def loaded(tmp_path_factory):
    """A store with the built-in image, to be copied: loading takes longer than most tests."""
    place = str(tmp_path_factory.mktemp("berth"))
    berth = Berth(place)
    berth("run", "--rm", "busybox", "true")
    yield berth
    berth.close()


@pytest.fixture
def berth(place, loaded):
    """A store with the image busybox; empty of containers again at the end, whatever the test left."""
    store = Berth(place)
    subprocess.run(["cp", "-a", "--reflink=auto", loaded.data, store.data], check=True)
    yield store
    store.close()


@pytest.fixture
def user(place, subids, loaded):
    """berth as an ordinary user with subordinate ids."""
    home = os.path.join(place, "home")
    os.mkdir(home)
    store = Berth(home)
    store.env.update(HOME=home, XDG_RUNTIME_DIR=home)
    subprocess.run(["chown", "-R", f"{USER}:{USER}", home], check=True)
    store.prefix = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    yield store
    store.run("rm", "--all", "--force", "--volumes")
    assert not store.leftovers()
