#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make bench: our runtime beside runc, crun, bubblewrap and the floor, in one run and one table.

The contenders take turns (A B C A B C ...), so that a machine that gets slower or faster in the middle
moves all of them; what is shown are medians. Every process is started and timed by build/bench/launch.
"""
import argparse
import glob
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bundle  # noqa: E402

ROWS = {  # name: (what it says, unit, {peer: most that our figure may be, as a share of the peer's})
    "run": ("run, back to back", "ms", {"runc": 0.18, "crun0": 0.60, "floor": 1.3}),
    "idle": ("run after 0.3 s idle", "ms", {"runc": 0.20, "crun0": 0.60, "floor": 1.3}),
    "seccomp": ("run, seccomp, back to back", "ms", {"crun0": 0.40}),
    "cycle": ("create start kill delete", "ms", {}),
    "exec": ("exec, back to back", "ms", {}),
    "execidle": ("exec after 0.1 s idle", "ms", {"runc": 0.15}),
    "many": ("200 runs, 8 at a time", "ms", {}),
    "version": ("--version", "ms", {"crun0": 0.2}),
    "rss": ("peak RSS of run", "KiB", {"crun0": 0.5}),
    "memory": ("smallest memory limit", "KiB", {}),
}
RATIOS = ("runc", "crun0", "crun", "floor")
TITLES = {"berth": "berth", "runc": "runc", "crun0": "crun*", "crun": "crun", "bwrap": "bwrap**", "floor": "floor"}
GROUP = "berth-bench"


class Failed(Exception):
    """One command of a contender failed."""


class Launcher:
    """Talks to one build/bench/launch."""

    def __init__(self, build, work, name, hide=None):
        self.errors = os.path.join(work, name + ".stderr")
        argv = [os.path.join(build, "bench/launch"), self.errors] + ([hide] if hide else [])
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *fields):
        self.process.stdin.write("\t".join(str(f) for f in fields) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failed("the launcher died")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def run(self, argv, timeout=20000, check=True):
        answer = self.ask("run", timeout, *argv)
        if check and answer["status"] != 0:
            raise Failed(f"{' '.join(argv)}: wait status {answer['status']}: {self.last_error()}")
        return answer

    def last_error(self):
        try:
            with open(self.errors, encoding="utf-8", errors="replace") as f:
                return (f.read().strip().splitlines() or [""])[-1]
        except OSError:
            return ""

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class Oci:
    """A runtime with runc's command line."""
    has_exec = has_cycle = has_limits = True

    def __init__(self, bench, name, program, options=(), launcher=None):
        self.bench, self.name, self.program = bench, name, program
        self.launch = launcher or bench.launcher
        self.root = os.path.join(bench.work, "state", name)
        os.makedirs(self.root)
        self.base = [program, *options, "--root", self.root]
        self.running = None

    def bundle(self, kind, number=None, change=None):
        """The directory of a bundle of this contender, written when first asked for."""
        key = kind if number is None else f"{kind}{number}"
        path = os.path.join(self.bench.work, "bundles", self.name, key)
        if change or not os.path.exists(path):
            def edit(c):
                c["linux"]["cgroupsPath"] = f"/{GROUP}/{self.name}-{key}"
                if kind == "sleep":
                    c["process"]["args"] = ["/bin/sleep", "1000"]
                if kind == "seccomp":
                    c["linux"]["seccomp"] = self.bench.profile
                if change:
                    change(c)
            bundle.write_bundle(path, self.bench.rootfs, edit)
        return path

    def run_argv(self, kind="plain"):
        return [*self.base, "run", "--bundle", self.bundle(kind), f"{self.name}-{kind}"]

    def many_argv(self, n):
        for i in range(n):
            self.bundle("many", i)
        return [*self.base, "run", "--bundle", os.path.join(self.bench.work, "bundles", self.name, "many{}"),
                self.name + "-many{}"]

    def cycle(self):
        name, pid_file = f"{self.name}-sleep", os.path.join(self.bench.work, self.name + ".pid")
        path, total = self.bundle("sleep"), 0
        total += self.launch.run([*self.base, "create", "--bundle", path, "--pid-file", pid_file, name])["ns"]
        total += self.launch.run([*self.base, "start", name])["ns"]
        total += self.launch.run([*self.base, "kill", name, "KILL"])["ns"]
        self.launch.ask("reap", pid_file)
        return total + self.launch.run([*self.base, "delete", name])["ns"]

    def start_sleep(self):
        name = f"{self.name}-sleep"
        pid_file = os.path.join(self.bench.work, self.name + ".pid")
        self.launch.run([*self.base, "create", "--bundle", self.bundle("sleep"), "--pid-file", pid_file, name])
        self.running = name
        self.launch.run([*self.base, "start", name])

    def exec_argv(self):
        return [*self.base, "exec", self.running, "/bin/true"]

    def stop_sleep(self):
        if self.running:
            self.launch.run([*self.base, "delete", "--force", self.running], check=False)
            self.running = None

    def starts_with(self, limit):
        def change(c):
            c["linux"]["resources"]["memory"]["limit"] = limit
        self.bundle("memory", change=change)
        answer = self.launch.run(self.run_argv("memory"), timeout=5000, check=False)
        if answer["status"] != 0:
            self.launch.run([*self.base, "delete", "--force", f"{self.name}-memory"], check=False)
        return answer["status"] == 0


class Floor(Oci):
    has_cycle = False

    def run_argv(self, kind="plain", limit=bundle.MEMORY):
        return [self.program, "run", self.root, f"floor-{kind}", str(limit),
                self.bench.filter if kind == "seccomp" else "-", self.bench.rootfs, "/bin/true"]

    def many_argv(self, n):
        argv = self.run_argv()
        argv[3] = "floor-many{}"
        return argv

    def start_sleep(self):
        argv = self.run_argv("sleep")[:-1] + ["/bin/sleep", "1000"]
        self.running = subprocess.Popen(argv)
        path = os.path.join(self.root, "floor-sleep/state")
        while not os.path.exists(path):
            if self.running.poll() is not None:
                raise Failed("floor ended")
        with open(path, encoding="ascii") as f:
            self.pid = int(f.read().split()[1])
        self.launch.ask("idle", 50)

    def exec_argv(self):
        return [self.program, "exec", "floor-sleep", str(self.pid), "/bin/true"]

    def stop_sleep(self):
        if self.running:
            os.kill(self.pid, 9)
            self.running.wait(10)
            self.running = None

    def starts_with(self, limit):
        return self.launch.run(self.run_argv("memory", limit), timeout=5000, check=False)["status"] == 0


class Bwrap(Oci):
    has_exec = has_cycle = has_limits = False

    def run_argv(self, kind="plain"):
        argv = [self.program, "--unshare-all", "--hostname", "bench", "--die-with-parent",
                "--bind", self.bench.rootfs, "/", "--proc", "/proc", "--dev", "/dev", "--mqueue",
                "/dev/mqueue", "--ro-bind", "/sys", "/sys", "--tmpfs", "/tmp", "--tmpfs", "/dev/shm"]
        for path in ("/proc/acpi", "/sys/firmware"):
            if os.path.isdir(path):
                argv += ["--tmpfs", path]
        for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list"):
            if os.path.exists(path):
                argv += ["--ro-bind", "/dev/null", path]
        if kind == "seccomp":
            argv += ["--seccomp", "3"]
        return argv + ["--cap-drop", "ALL", "/bin/true"]

    def many_argv(self, n):
        return self.run_argv()


class Bench:
    def __init__(self, options):
        self.options = options
        self.build = os.path.abspath(options.build)
        shm = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.work = tempfile.mkdtemp(prefix="berth-bench.", dir=shm)
        self.rootfs = os.path.join(self.work, "rootfs")
        self.filter = os.path.join(self.work, "filter.bpf")
        self.profile = bundle.load_profile(options.seccomp)
        self.launchers, self.contenders, self.notes = [], {}, []
        self.samples = {}

    def prepare(self):
        bundle.make_rootfs(self.rootfs)
        bundle.floor_filter(self.filter, bundle.seccomp_profile())
        for directory in hierarchies():
            os.makedirs(os.path.join(directory, GROUP), exist_ok=True)
        self.launcher = self.new_launcher("launch")
        self.add(Oci, "berth", os.path.join(self.build, "berth-runtime"))
        self.add(Oci, "runc", shutil.which("runc"))
        crun = shutil.which("crun")
        hidden = self.new_launcher("hidden", hybrid_controllers())
        self.add(Oci, "crun0", crun, ["--cgroup-manager=disabled"], hidden)
        self.add(Oci, "crun", crun, ["--cgroup-manager=cgroupfs"], hidden)
        self.add(Bwrap, "bwrap", shutil.which("bwrap"))
        self.add(Floor, "floor", os.path.join(self.build, "bench/floor"))

    def new_launcher(self, name, hide=None):
        self.launchers.append(Launcher(self.build, self.work, name, hide))
        return self.launchers[-1]

    def add(self, kind, name, program, *more):
        only = self.options.only
        if only and name not in only:
            return
        if not program or not os.path.exists(program):
            self.notes.append(f"{name}: not installed")
            return
        self.contenders[name] = kind(self, name, program, *more)

    def measure(self, row, make, n, before=None, block=1, warm=0):
        """Fills samples[row] with n figures of each contender for which make(contender) gives a thing to do."""
        todo = {}
        for name, contender in self.contenders.items():
            try:
                step = make(contender)
                if step:
                    step()
                    todo[name] = step
            except Failed as e:
                self.notes.append(f"{name}, {row}: {e}")
        done = 0
        while done < n and todo:
            for name in list(todo):
                try:
                    for _ in range(warm):
                        todo[name]()
                    for _ in range(min(block, n - done)):
                        if before:
                            self.contenders[name].launch.ask("idle", before)
                        self.samples.setdefault(row, {}).setdefault(name, []).append(todo[name]())
                except Failed as e:
                    self.notes.append(f"{name}, {row}: {e}")
                    del todo[name]
            done += block

    def runs(self, kind="plain"):
        def make(c):
            argv = c.run_argv(kind)

            def step():
                if kind == "seccomp" and c.name == "bwrap":
                    c.launch.ask("input", self.filter)
                answer = c.launch.run(argv)
                if kind == "plain":
                    self.samples.setdefault("rss", {}).setdefault(c.name, []).append(answer["rss"])
                return answer["ns"] / 1e6
            return step
        return make

    def row_run(self, n):
        self.measure("run", self.runs(), n, block=5, warm=1)

    def row_idle(self, n):
        self.measure("idle", self.runs(), max(n // 3, 3), before=300)

    def row_seccomp(self, n):
        self.measure("seccomp", self.runs("seccomp"), n, block=5, warm=1)

    def row_rss(self, n):
        if "rss" not in self.samples:
            self.measure("-", self.runs(), min(n, 10))

    def row_cycle(self, n):
        self.measure("cycle", lambda c: (lambda: c.cycle() / 1e6) if c.has_cycle else None,
                     max(n // 2, 3))

    def with_sleepers(self, row, n, **how):
        started = []

        def make(c):
            if not c.has_exec:
                return None
            started.append(c)
            c.start_sleep()
            argv = c.exec_argv()
            return lambda: c.launch.run(argv)["ns"] / 1e6
        try:
            self.measure(row, make, n, **how)
        finally:
            for c in started:
                c.stop_sleep()

    def row_exec(self, n):
        self.with_sleepers("exec", n, block=5, warm=1)

    def row_execidle(self, n):
        self.with_sleepers("execidle", max(n // 2, 3), before=100)

    def row_many(self, n):
        rounds, count = (4, 50) if n >= 10 else (1, 40)
        total = {}
        for _ in range(rounds):
            for name, c in self.contenders.items():
                answer = c.launch.ask("many", count, 8, *c.many_argv(count))
                if answer["failed"]:
                    self.notes.append(f"{name}, many: {answer['failed']} of {count} failed: {c.launch.last_error()}")
                total[name] = total.get(name, 0) + answer["ns"] / 1e6 * 200 / (rounds * count)
        self.samples["many"] = {name: [ms] for name, ms in total.items()}

    def row_version(self, n):
        def make(c):
            argv = [c.program, "--version"]
            return lambda: c.launch.run(argv)["ns"] / 1e6
        self.measure("version", make, n, block=5, warm=1)

    def row_memory(self, n):
        for name, c in self.contenders.items():
            if not c.has_limits or name == "crun0":
                continue
            low, high, step = 0, 32 << 20, 64 << 10  # low fails, high works
            if not c.starts_with(high):
                self.notes.append(f"{name}, memory: does not start with 32 MiB: {c.launch.last_error()}")
                continue
            while high - low > step:
                middle = (low + high) // 2 // step * step
                if all(c.starts_with(middle) for _ in range(3)):
                    high = middle
                else:
                    low = middle
            self.samples.setdefault("memory", {})[name] = [high / 1024]

    def close(self):
        for c in self.contenders.values():
            try:
                c.stop_sleep()
            except (Failed, OSError, subprocess.SubprocessError):
                pass
        for launcher in self.launchers:
            launcher.close()
        for directory in hierarchies():
            top = os.path.join(directory, GROUP)
            for path, _, _ in sorted(os.walk(top), reverse=True):
                os.rmdir(path)
        shutil.rmtree(self.work)


def hierarchies():
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return ["/sys/fs/cgroup"]
    return [d for d in glob.glob("/sys/fs/cgroup/*") if os.path.isdir(d) and not os.path.islink(d)]


def hybrid_controllers():
    """The file that makes crun refuse a hybrid layout, or None."""
    path = "/sys/fs/cgroup/unified/cgroup.controllers"
    return path if os.path.exists(path) and open(path, encoding="ascii").read().strip() else None


def table(samples, names, rows):
    medians = {r: {c: statistics.median(v) for c, v in samples.get(r, {}).items()} for r in rows}
    peers = [p for p in RATIOS if p in names]
    head = f"{'median':28}" + "".join(f"{TITLES[c]:>9}" for c in names)
    lines = [head + "  " + "".join(f"{'/' + TITLES[p]:<22}" for p in peers)]
    missed = 0
    for row in rows:
        what, unit, targets = ROWS[row]
        values = medians[row]
        line = f"{what + ', ' + unit:28}"
        for c in names:
            line += f"{values[c]:9.2f}" if c in values and unit == "ms" else \
                f"{values[c]:9.0f}" if c in values else f"{'-':>9}"
        line += "  "
        for p in peers:
            text = ""
            if "berth" in values and values.get(p):
                ratio = values["berth"] / values[p]
                text = f"{ratio:.2f}"
                if p in targets:
                    is_met = ratio <= targets[p]
                    missed += not is_met
                    text += f" (<={targets[p]:.2f} {'met' if is_met else 'MISSED'})"
            elif p in targets:
                text = f"?    (<={targets[p]:.2f})"
            line += f"{text:<22}"
        lines.append(line.rstrip())
    return lines, missed


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default="build")
    p.add_argument("--rows", default=",".join(ROWS), help="a list of " + ",".join(ROWS))
    p.add_argument("--only", default="", help="a list of " + ",".join(TITLES))
    p.add_argument("-n", type=int, default=60, help="samples of a row (idle rows take fewer)")
    p.add_argument("--quick", action="store_true", help="few samples: a look, not a figure")
    p.add_argument("--seccomp", default="tests/data/seccomp/docker-like.json")
    p.add_argument("--json", metavar="FILE", help="also write all samples")
    p.add_argument("--strict", action="store_true", help="exit 1 where a target is missed")
    options = p.parse_args()
    options.only = [n for n in options.only.split(",") if n]
    rows = [r for r in options.rows.split(",") if r]
    for r in rows:
        if r not in ROWS:
            p.error(f"no row {r}")
    if os.geteuid() != 0:
        raise SystemExit("the bench needs root: the contenders make cgroups")
    bench = Bench(options)
    try:
        bench.prepare()
        for r in rows:
            getattr(bench, "row_" + r)(9 if options.quick else options.n)
    finally:
        bench.close()
    lines, missed = table(bench.samples, list(bench.contenders), rows)
    print("\n".join(lines))
    print("*  crun --cgroup-manager=disabled: it makes no cgroups, which favours crun. Both crun columns ran where"
          "\n   the v2 hierarchy seems to have no controllers, as Debian's crun refuses a hybrid layout that has some."
          "\n** makes no cgroups, and a smaller set of masked paths.")
    for note in bench.notes:
        print("!  " + note)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump({"samples": bench.samples, "notes": bench.notes}, f)
    return 1 if options.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
