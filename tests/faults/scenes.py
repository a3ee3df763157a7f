# SPDX-License-Identifier: Apache-2.0
"""The commands that faults are injected into: what has to be there before, and how one sees that it was done."""
import json
import os
import subprocess
import time

from harness import LANE, REPO, RUNTIME, SLOW, Bundle, Cgroups, host
from harness.cgroups import hierarchies

INJECT = os.path.join(REPO, "build", "inject")
HANG_SECONDS = 10
GRACE_SECONDS = 3


class Report:
    """What inject saw."""

    def __init__(self, text):
        self.calls, self.crashes, self.is_hit, self.is_hung, self.signal = [], [], False, False, 0
        for line in text.splitlines():
            word, *rest = line.split()
            if word == "call":
                self.calls.append((int(rest[0]), int(rest[1]), rest[2]))
            elif word == "crash":
                self.crashes.append(" signal ".join(rest))
            elif word == "hit":
                self.is_hit = True
            elif word == "hang":
                self.is_hung = True
            elif word == "signal":
                self.signal = int(rest[0])
                self.code = 128 + self.signal
            elif word == "exit":
                self.code = int(rest[0])


class End:
    """How one point ended; defects() says what was wrong with that."""

    def __init__(self, point, report, out, err):
        self.point, self.report, self.out, self.err = point, report, out, err
        self.dirty, self.wrong = [], []

    code = property(lambda self: self.report.code)
    crashes = property(lambda self: self.report.crashes)
    is_hit = property(lambda self: self.report.is_hit)
    # We killed the command itself: it cannot say anything.
    is_killed = property(lambda self: self.point.what == "kill" and self.point.process == 0 and self.is_hit)

    def defects(self):
        found = [f"crash of process {c}" for c in self.crashes]
        if self.report.is_hung:
            found.append(f"hung for {HANG_SECONDS} s")
        if self.report.signal and not self.is_killed and not self.report.is_hung:
            found.append(f"killed by signal {self.report.signal}")
        if self.code and not self.is_killed and not self.err.strip():
            found.append("failed without a word")
        return found + self.wrong + [f"left: {d}" for d in self.dirty]


class Scene:
    """begin() once, then for each point try_point(). Subclasses say what is there before and what is done."""
    words = ()          # of the command, {id}, {bundle} and {n} are filled in
    options = ()
    program = ("echo", "ran")
    attaches = False    # to the container's first process: number 1
    is_shared = False   # one container for all points

    def __init__(self, name, place):
        self.name, self.place, self.count, self.ident = name, place, 0, None
        self.root = os.path.join(place, "state")
        self.bundle = Bundle(os.path.join(place, "bundle-" + name.replace(" ", "-")), *self.program)
        self.bundle.resources["pids"] = {"limit": 100}
        self.bundle.resources["memory"] = {"limit": 256 << 20}
        self.bundle.bind("/etc", "/mnt", "rbind", "ro")
        self.bundle.config["linux"]["sysctl"] = {"kernel.domainname": "faults"}
        self.shape()
        self.groups = sorted({point for point, _ in hierarchies().values()})

    def shape(self):
        """Changes of the bundle."""

    # ---- the runtime ----

    def runtime(self, *words, timeout=30):
        p = subprocess.run([RUNTIME, "--root", self.root, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           errors="replace", timeout=timeout * SLOW, check=False)
        return p.returncode, p.stdout, p.stderr

    def hold(self, *words):
        """A call whose standard streams a container keeps."""
        with open(self.out, "w") as out:
            p = subprocess.run([RUNTIME, "--root", self.root, *words], stdin=subprocess.DEVNULL, stdout=out,
                               stderr=subprocess.STDOUT, timeout=30 * SLOW, check=False)
        if p.returncode:
            raise AssertionError(f"{words}: exit {p.returncode}: {self.text(self.out)}")

    out = property(lambda self: os.path.join(self.place, "out"))
    err = property(lambda self: os.path.join(self.place, "err"))
    report = property(lambda self: os.path.join(self.place, "report"))

    @staticmethod
    def text(path):
        with open(path, errors="replace") as f:
            return f.read()

    def state(self):
        code, out, _ = self.runtime("state", self.ident)
        return json.loads(out) if code == 0 else None

    def inject(self, process, call, what):
        pid = (self.state() or {}).get("pid", 0) if self.attaches else 0
        words = [w.format(id=self.ident, bundle=self.bundle.path, n=100 + self.count % 1000) for w in self.words]
        with open(self.out, "a" if self.attaches else "w") as out, open(self.err, "w") as err:
            subprocess.run([INJECT, self.report, str(int(HANG_SECONDS * SLOW)), str(pid), str(process), str(call), str(what),
                            RUNTIME, "--root", self.root, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                           check=False)
        return Report(self.text(self.report))

    # ---- one point ----

    def begin(self):
        if self.is_shared:
            self.name_container()
            self.prepare()

    def end(self):
        if self.is_shared:
            self.runtime("delete", "--force", self.ident)

    def name_container(self):
        self.count += 1
        self.ident = f"f{os.getpid()}-{self.count}"
        self.bundle.linux["cgroupsPath"] = f"/berth-faults-{self.ident}"
        self.bundle.write()

    def prepare(self):
        """What the command works on."""

    def check(self, end):
        """Appends to end.wrong where the command said it did what it did not do."""

    def list_calls(self):
        if not self.is_shared:
            self.name_container()
            self.prepare()
        report = self.inject(0, 0, "list")
        if report.code:
            raise AssertionError(f"{self.name} fails without a fault: {self.text(self.err)}")
        if not self.is_shared:
            self.runtime("delete", "--force", self.ident)
        return report.calls

    def try_point(self, point):
        if self.is_shared:
            self.count += 1
            self.revive()
        else:
            self.name_container()
            self.prepare()
        before = host.mounts()
        end = End(point, self.inject(point.process, point.call, point.value), "", self.text(self.err))
        if end.code == 0:
            self.check(end)
        end.out = self.text(self.out)
        if not self.is_shared:
            code, _, err = self.runtime("delete", "--force", self.ident)
            if code:
                end.dirty.append(f"delete --force: {err.strip()}")
        end.dirty += self.leftovers(before)
        for path in (os.path.join(self.root, self.ident),) if end.dirty and not self.is_shared else ():
            subprocess.run(["rm", "-rf", path], check=False)
        return end

    def revive(self):
        """A shared container that a fault ended is made anew."""
        if (self.state() or {}).get("status") != "running":
            self.runtime("delete", "--force", self.ident)
            self.name_container()
            self.prepare()

    # ---- what is left ----

    def remains(self, before):
        left = [f"group {p}" for p in (m + self.bundle.linux["cgroupsPath"] for m in self.groups) if os.path.isdir(p)]
        left += [f"state {self.ident}"] if os.path.exists(os.path.join(self.root, self.ident)) else []
        left += [f"mount {m}" for m in host.mounts() - before]
        return left + [f"process {p}: {c}" for p, c in host.processes().items()]

    def leftovers(self, before):
        end = time.monotonic() + GRACE_SECONDS * SLOW
        while True:
            left = self.remains(before)
            if not left or time.monotonic() > end:
                break
            time.sleep(0.01)
        for pid in host.processes() if left and not self.is_shared else ():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        return left

    def has_said(self, word, seconds=GRACE_SECONDS):
        end = time.monotonic() + seconds * SLOW
        while word not in self.text(self.out):
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True


class Create(Scene):
    words = ("create", "--bundle", "{bundle}", "{id}")

    def check(self, end):
        state = self.state()
        if not state or state["status"] != "created":
            end.wrong.append(f"success, and the state is {state and state['status']}")
            return
        code, _, err = self.runtime("start", self.ident)
        if code or not self.has_said("ran"):
            end.wrong.append(f"success, and start says: {err.strip()}")


class Start(Scene):
    words = ("start", "{id}")
    attaches = True

    def prepare(self):
        self.hold("create", "--bundle", self.bundle.path, self.ident)

    def check(self, end):
        if not self.has_said("ran", 1) and end.point.what != "kill":
            end.wrong.append("success, and the program did not run")


class Run(Scene):
    words = ("run", "--bundle", "{bundle}", "{id}")

    def check(self, end):
        if not self.has_said("ran", 0):
            end.wrong.append("success, and the program did not run")


class RunDetached(Run):
    words = ("run", "--detach", "--bundle", "{bundle}", "{id}")

    def check(self, end):
        if not self.has_said("ran", 1):
            end.wrong.append("success, and the program did not run")


class RunUser(Run):
    """In a user namespace, with a hook: three more processes and the steps of the handshake that only they take."""

    def shape(self):
        self.bundle.user_namespace().own_rootfs(100000)
        self.bundle.config["linux"].pop("sysctl")
        self.bundle.hook("createRuntime", "/bin/true")


class Shared(Scene):
    is_shared = True
    program = ("sleep", "100000")

    def prepare(self):
        self.hold("run", "--detach", "--bundle", self.bundle.path, self.ident)
        self.pid = self.state()["pid"]

    def remains(self, before):
        left = [f"mount {m}" for m in host.mounts() - before]
        return left + [f"process {p}: {c}" for p, c in host.processes().items() if p != self.pid]


class Exec(Shared):
    words = ("exec", "{id}", "echo", "ran")

    def check(self, end):
        if not self.has_said("ran", 0):
            end.wrong.append("success, and the program did not run")


class ExecDetached(Shared):
    words = ("exec", "--detach", "{id}", "echo", "ran")

    def check(self, end):
        if not self.has_said("ran", 1):
            end.wrong.append("success, and the program did not run")


class Update(Shared):
    words = ("update", "--pids-limit", "{n}", "--memory", "{n}M", "--cpu-share", "{n}", "{id}")

    def check(self, end):
        groups, n = Cgroups(self.pid), 100 + self.count % 1000
        memory = groups.read_either("memory.limit_in_bytes", "memory.max")
        if groups.read("pids.max") != str(n) or memory != str(n << 20):
            end.wrong.append(f"success, and the limits are {groups.read('pids.max')}, {memory}")


class Delete(Scene):
    words = ("delete", "{id}")

    def prepare(self):
        self.hold("run", "--detach", "--bundle", self.bundle.path, self.ident)
        end = time.monotonic() + 5 * SLOW
        while self.state()["status"] != "stopped" and time.monotonic() < end:
            time.sleep(0.002)

    def check(self, end):
        if os.path.exists(os.path.join(self.root, self.ident)):
            end.wrong.append("success, and it is still there")


class DeleteForce(Delete):
    words = ("delete", "--force", "{id}")
    program = ("sleep", "100000")

    def prepare(self):
        self.hold("run", "--detach", "--bundle", self.bundle.path, self.ident)


SCENES = {"create": Create, "start": Start, "run": Run, "run-detached": RunDetached, "run-user": RunUser, "exec": Exec,
          "exec-detached": ExecDetached, "update": Update, "delete": Delete, "delete-force": DeleteForce}
assert LANE in ("host", "v2")
