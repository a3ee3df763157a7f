#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make bench-engine: berth beside Podman on the same image, in one run and one table.

Both keep their stores on the same file system; the contenders take turns, what is shown are medians. Every process is
started and timed by build/bench/launch.
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
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, *(os.path.join(HERE, "..", name) for name in ("engine", "integration"))]
import run as bench  # noqa: E402

ROWS = {  # name: (what it says, unit, most that our figure may be as a share of Podman's)
    "run": ("run --rm --network none", "ms", 1 / 15),
    "bridge": ("run --rm on the default bridge", "ms", 1 / 25),
    "many": ("64 of them, 16 at a time", "ms", 1 / 20),
    "exec": ("exec", "ms", 1 / 20),
    "rm": ("rm --force of 20", "ms", 1 / 20),
    "ps": ("ps --all with {} containers", "ms", 1 / 3),
    "stats": ("stats --no-stream of {} running", "ms", 1 / 10),
    "pss": ("monitor, PSS of one of 20", "KiB", 1 / 4),
    "load": ("load of {}", "ms", 1 / 4),
    "pull": ("pull of {} from loopback", "ms", 1 / 4),
}
NAME = "busybox"
# Podman's defaults ask for rlimits that need CAP_SYS_RESOURCE, which a machine need not give.
CONFIG = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
"""


class Contender:
    """A command line of Docker's kind on a store of its own."""

    def __init__(self, name, base, env, build, work):
        self.name, self.base, self.env = name, base, env
        os.environ.update(env)
        self.launch = bench.Launcher(build, work, name)

    def call(self, *words, check=True, **more):
        p = subprocess.run([*self.base, *words], env=dict(os.environ, **self.env), stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, check=False, **more)
        if check and p.returncode:
            raise bench.Failed(f"{self.name} {' '.join(words)}: {p.stderr.strip()[-300:]}")
        return p.stdout

    def time(self, *words, timeout=120000):
        return self.launch.run([*self.base, *words], timeout)["ns"]

    def run_words(self, *options):
        return ["run", *options, "--network", "none", NAME]


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = tempfile.mkdtemp(prefix="berth-bench-", dir=options.dir)
        build = os.path.abspath(options.build)
        path = lambda *p: os.path.join(self.work, *p)  # noqa: E731
        self.contenders = [
            Contender("berth", [os.path.join(build, "berth")],
                      {"BERTH_ROOT": path("berth"), "BERTH_RUN_ROOT": path("berth-run")}, build, self.work),
            Contender("podman", ["/usr/bin/podman", "--root", path("podman"), "--runroot", path("podman-run"),
                                 "--tmpdir", path("podman-tmp"), "--storage-driver", "overlay", "--runtime", "/usr/sbin/runc", "--log-level", "error"],
                      {"CONTAINERS_CONF": path("containers.conf")}, build, self.work)]
        with open(path("containers.conf"), "w", encoding="utf-8") as f:
            f.write(CONFIG)
        self.samples, self.stores = {}, 0

    def prepare(self):
        berth, podman = self.contenders
        archive = os.path.join(self.work, "image.tar")
        berth.call("run", "--rm", "--network", "none", NAME, "true")
        berth.call("save", "-o", archive, NAME)
        podman.call("load", "-i", archive)

    def measure(self, row, n, step, warm=1):
        """step(contender) -> nanoseconds, n times each, in turns."""
        samples = {c.name: [] for c in self.contenders}
        for i in range(n + warm):
            for c in self.contenders:
                value = step(c)
                if i >= warm:
                    samples[c.name].append(value)
        self.samples[row] = {name: statistics.median(v) / 1e6 for name, v in samples.items()}

    def row_run(self):
        self.measure("run", self.options.n, lambda c: c.time(*c.run_words("--rm"), "true"))

    def row_bridge(self):
        self.measure("bridge", self.options.n, lambda c: c.time("run", "--rm", NAME, "true"))

    def row_stats(self):
        names = [f"s{i}" for i in range(self.options.running)]
        for c in self.contenders:
            for name in names:
                c.call(*c.run_words("-d", "--name", name), "sleep", "1000")
        time.sleep(3)
        self.measure("stats", 3, lambda c: c.time("stats", "--no-stream"))
        for c in self.contenders:
            c.call("rm", "-f", *(["-t", "0"] if c.name == "podman" else []), *names)

    def row_many(self):
        def step(c):
            return c.launch.ask("many", 64, 16, *c.base, *c.run_words("--rm"), "true")["ns"]
        self.measure("many", max(1, self.options.n // 10), step, warm=0)

    def row_exec(self):
        for c in self.contenders:
            c.call(*c.run_words("-d", "--name", "sleeper"), "sleep", "1000")
        self.measure("exec", self.options.n, lambda c: c.time("exec", "sleeper", "true"))
        for c in self.contenders:
            c.call("rm", "-f", *(["-t", "0"] if c.name == "podman" else []), "sleeper")

    def row_rm(self):
        def step(c):
            names = [f"r{i}" for i in range(20)]
            for name in names:
                c.call(*c.run_words("-d", "--name", name), "sleep", "1000")
            return c.time("rm", "--force", *(["--time", "0"] if c.name == "podman" else []), *names)
        self.measure("rm", 2, step, warm=0)

    def row_ps(self):
        for c in self.contenders:
            for i in range(self.options.containers):
                c.call("create", "--name", f"c{i}", "--network", "none", NAME, "true")
        self.measure("ps", max(3, self.options.n // 4), lambda c: c.time("ps", "--all"))
        for c in self.contenders:
            c.call("rm", "--all", "--force")

    def row_pss(self):
        """The mean of 20 monitors, once they have settled."""
        self.samples["pss"] = {}
        names = [f"w{i}" for i in range(20)]
        for c in self.contenders:
            for name in names:
                c.call(*c.run_words("-d", "--name", name), "sleep", "1000")
        time.sleep(3)
        for c in self.contenders:
            found = []
            for name in names:
                pid = int(c.call("inspect", "--format", "{{.State.Pid}}", name))
                with open(f"/proc/{pid}/status") as f:
                    parent = next(int(line.split()[1]) for line in f if line.startswith("PPid:"))
                with open(f"/proc/{parent}/smaps_rollup") as f:
                    found.append(next(int(line.split()[1]) for line in f if line.startswith("Pss:")))
            self.samples["pss"][c.name] = statistics.mean(found)
        for c in self.contenders:
            c.call("rm", "-f", *(["-t", "0"] if c.name == "podman" else []), *names)

    def measure_image(self, row, *words):
        """What brings the image in, each time into a store of its own: where files were just deleted, ext4 searches
        long for inodes that it may use again."""
        def step(c):
            self.stores += 1
            store = os.path.join(self.work, f"{c.name}-store-{self.stores}")
            os.mkdir(store)
            return c.time("--root", store, *words, *(["--tls-verify=false"] if row == "pull" and c.name == "podman" else []),
                          timeout=600000)
        self.measure(row, 3, step, warm=1)

    def row_load(self):
        if self.options.image:
            self.measure_image("load", "load", "-q", "-i", self.options.image)

    def row_pull(self):
        if not self.options.image:
            return
        from registries import Registry  # pylint: disable=import-outside-toplevel
        registry = Registry(os.path.join(self.work, "registry"))
        try:
            name = f"{registry.name}/bench:1"
            subprocess.run(["skopeo", "copy", "-q", "--dest-tls-verify=false", f"docker-archive:{self.options.image}",
                            f"docker://{name}"], check=True)
            self.measure_image("pull", "pull", "-q", name)
        finally:
            registry.close()

    def close(self):
        for c in self.contenders:
            c.call("rm", "--all", "--force", *(["--time", "0"] if c.name == "podman" else []), check=False)
            c.launch.close()
        # Podman may leave its store mounted on itself.
        for overlay in glob.glob(os.path.join(self.work, "podman*", "overlay")):
            subprocess.run(["umount", "-l", overlay], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.work, ignore_errors=True)


def show(samples, options):
    print(f"{'':34}{'berth':>10}{'podman':>10}{'ratio':>9}{'goal':>9}")
    for row, (what, unit, goal) in ROWS.items():
        if row not in samples:
            continue
        ours, theirs = samples[row]["berth"], samples[row]["podman"]
        what = what.format({"ps": options.containers, "stats": options.running}.get(row, os.path.basename(options.image or "")))
        ratio = ours / theirs
        print(f"{what + ' (' + unit + ')':34}{ours:10.1f}{theirs:10.1f}{ratio:9.3f}{goal:9.3f}"
              f"{'' if ratio <= goal else '  MISSED'}")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default="build")
    p.add_argument("--rows", default=",".join(ROWS))
    p.add_argument("--image", help="a docker-archive for the rows load and pull")
    p.add_argument("--containers", type=int, default=500, help="for the row ps")
    p.add_argument("--running", type=int, default=200, help="for the row stats")
    p.add_argument("--dir", help="where both stores are made")
    p.add_argument("--json", action="store_true")
    p.add_argument("-n", type=int, default=20)
    options = p.parse_args()
    if os.geteuid() != 0:
        sys.exit("make bench-engine: needs root")
    # In a network namespace of its own: both make bridges and rules.
    if os.environ.get("BERTH_BENCH_NET") != "own":
        os.execvpe("unshare", ["unshare", "--net", sys.executable, *sys.argv], dict(os.environ, BERTH_BENCH_NET="own"))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    b = Bench(options)
    try:
        b.prepare()
        for row in options.rows.split(","):
            getattr(b, "row_" + row)()
        print(json.dumps(b.samples) if options.json else "", end="")
        if not options.json:
            show(b.samples, options)
    except bench.Failed as e:
        sys.exit(f"bench-engine: {e}")
    finally:
        b.close()


if __name__ == "__main__":
    main()
