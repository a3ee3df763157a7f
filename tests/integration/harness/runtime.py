# SPDX-License-Identifier: Apache-2.0
"""The runtime under test: each call with a time-out, its output in files so that a container may keep them."""
import json
import os
import subprocess
import tempfile
import uuid

from .cgroups import Cgroups
from .paths import RUNTIME, SLOW, wait_for

TIMEOUT = 20.0  # seconds for one call


class Result:
    """One call's end: code (128+n for signal n of the runtime itself is negative n, as subprocess says), out, err."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self._out, self._err = command, code, out, err

    @staticmethod
    def _read(f):
        return os.pread(f.fileno(), os.fstat(f.fileno()).st_size, 0).decode(errors="replace")

    # Read anew each time: a detached container writes on after the call.
    out = property(lambda self: self._read(self._out))
    err = property(lambda self: self._read(self._err))

    @property
    def lines(self):
        """The JSON lines that a probe printed."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    @property
    def json(self):
        return json.loads(self.out)

    def probe(self, cmd, n=-1):
        """What probe's command CMD printed; the last one, or the one numbered n."""
        found = [line for line in self.lines if line["cmd"] == cmd]
        assert found, f"no answer of probe {cmd} in:\n{self}"
        return found[n]

    def ok(self):
        assert self.code == 0, str(self)
        return self

    def fails(self, *words, code=None):
        """The call failed, in one clear line that has these words."""
        assert self.code != 0, f"was to fail:\n{self}"
        assert code is None or self.code == code, f"code {code} wanted:\n{self}"
        for word in words:
            assert word in self.err, f"{word!r} wanted in the error:\n{self}"
        return self

    def __str__(self):
        return f"$ {' '.join(self.command)}\nexit {self.code}\nstdout: {self.out}\nstderr: {self.err}"


class Container:
    """A container that was created or runs detached."""

    def __init__(self, runtime, bundle, ident, result):
        self.runtime, self.bundle, self.id, self.result = runtime, bundle, ident, result

    out = property(lambda self: self.result.out)
    err = property(lambda self: self.result.err)

    def call(self, verb, *args, **more):
        return self.runtime(verb, *args, self.id, **more)

    def start(self):
        self.call("start").ok()
        return self

    def state(self):
        return self.call("state").ok().json

    @property
    def status(self):
        return self.state()["status"]

    @property
    def pid(self):
        return self.state()["pid"]

    @property
    def cgroups(self):
        return Cgroups(self.pid)

    def exec(self, *args, options=(), **more):
        """exec ARGS in it; the result, whatever it is."""
        return self.runtime("exec", *options, self.id, *args, **more)

    def kill(self, signal="KILL", *options):
        return self.runtime("kill", *options, self.id, str(signal))

    def delete(self, *options):
        return self.call("delete", *options)

    def wait(self, status="stopped", timeout=5):
        wait_for(lambda: self.status == status, timeout)
        return self

    def wait_out(self, text, timeout=5):
        """Until the container has printed TEXT."""
        wait_for(lambda: text in self.out, timeout)
        return self

    def probe(self, cmd, n=-1):
        wait_for(lambda: any(line["cmd"] == cmd for line in self.result.lines))
        return self.result.probe(cmd, n)


class Runtime:
    """runtime(VERB, ARG...) runs it and returns a Result; the methods are the common verbs.

    prefix goes before the command (setpriv for another user), env over the environment."""

    def __init__(self, root, binary=RUNTIME, prefix=(), env=None, options=()):
        self.root, self.binary, self.prefix = str(root), binary, list(prefix)
        self.env, self.options = dict(os.environ, **(env or {})), list(options)
        self.containers = []

    def command(self, *args):
        return [*self.prefix, self.binary, "--root", self.root, *self.options, *map(str, args)]

    def popen(self, *args, **more):
        """The call as a Popen, for terminals and long runs; standard streams as subprocess takes them."""
        more.setdefault("env", self.env)
        return subprocess.Popen(self.command(*args), **more)

    def __call__(self, *args, stdin="", timeout=TIMEOUT, **more):
        out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        with tempfile.TemporaryFile() as given:
            given.write(stdin.encode())
            given.seek(0)
            p = self.popen(*args, stdin=given, stdout=out, stderr=err, **more)
            try:
                code = p.wait(timeout * SLOW)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
                raise AssertionError(f"timed out after {timeout * SLOW:.0f} s:\n"
                                     f"{Result(p.args, p.returncode, out, err)}") from None
        return Result(p.args, code, out, err)

    @staticmethod
    def name():
        return "t" + uuid.uuid4().hex[:10]

    def run(self, bundle, *options, ident=None, **more):
        """run in the foreground until it ends."""
        bundle.write()
        return self("run", "--bundle", bundle.path, *options, ident or self.name(), **more)

    def _hold(self, verb, bundle, options, ident, more):
        bundle.write()
        ident = ident or self.name()
        result = self(verb, "--bundle", bundle.path, *options, ident, **more).ok()
        self.containers.append(Container(self, bundle, ident, result))
        return self.containers[-1]

    def create(self, bundle, *options, ident=None, **more):
        return self._hold("create", bundle, options, ident, more)

    def run_detached(self, bundle, *options, ident=None, **more):
        return self._hold("run", bundle, ["--detach", *options], ident, more)

    def list(self):
        return self("list", "--format", "json").ok().json or []

    def ids(self):
        """The containers that have a folder of state."""
        try:
            return sorted(e.name for e in os.scandir(self.root) if e.is_dir())
        except FileNotFoundError:
            return []

    def delete_all(self):
        """delete --force of what a test left; a failure is the test's failure."""
        for ident in self.ids():
            self("delete", "--force", ident).ok()
