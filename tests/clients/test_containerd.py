# SPDX-License-Identifier: Apache-2.0
"""containerd's shim calls the runtime: what `ctr` can make it do."""
import os

import pytest

from image import NAME
from room import Room

NAMESPACE = "berth-clients"
CONFIG = """
version = 2
root = "{dir}/root"
state = "{dir}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{dir}/containerd.sock"
"""


class Containerd:
    def __init__(self, room, runtime):
        self.room, self.runtime = room, runtime
        self.base = ["ctr", "-a", room.path("containerd.sock"), "-n", NAMESPACE]

    def ctr(self, *argv, **more):
        return self.room.run(*self.base, *argv, **more)

    def run_argv(self, *argv):
        return ["run", "--runc-binary", self.runtime, "--runc-root", self.room.path("runtime"), *argv]

    def run(self, name, *command, options=(), **more):
        return self.ctr(*self.run_argv("--rm", *options, NAME, name, *command), **more)

    def status(self, name):
        for line in self.ctr("task", "ls").stdout.splitlines():
            if line.split()[0] == name:
                return line.split()[2]
        return None

    def remove(self, name):
        self.ctr("task", "delete", "--force", name, ok=False)
        self.ctr("container", "delete", name, ok=False)


@pytest.fixture(scope="module")
def daemon(runtime, archive):
    room = Room(NAMESPACE)
    try:
        with open(room.path("config.toml"), "w", encoding="utf-8") as f:
            f.write(CONFIG.format(dir=room.dir))
        room.start("containerd", "containerd", "-c", room.path("config.toml"))
        c = Containerd(room, runtime)
        room.wait_for(lambda: os.path.exists(room.path("containerd.sock")) and
                      c.ctr("version", ok=False).returncode == 0, "containerd")
        c.ctr("image", "import", archive)
        yield c
    finally:
        room.close()


@pytest.fixture
def containerd(daemon):
    yield daemon
    for name in daemon.ctr("container", "ls", "-q").stdout.split():
        daemon.remove(name)
    assert daemon.room.container_groups() == []
    state = daemon.room.path("runtime", NAMESPACE)
    assert not os.path.isdir(state) or os.listdir(state) == []


@pytest.fixture
def sleeper(containerd):
    containerd.ctr(*containerd.run_argv("-d", "--memory-limit", str(64 << 20), NAME, "s1", "sleep", "1000"))
    return "s1"


def test_run_prints_what_the_command_prints(containerd):
    assert containerd.run("c1", "echo", "hello").stdout == "hello\n"


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_run_hands_on_the_exit_code(containerd, code):
    assert containerd.run("c1", "sh", "-c", f"exit {code}", ok=False).returncode == code


def test_command_sees_its_own_namespaces(containerd):
    out = containerd.run("c1", "sh", "-c", "echo $$; ls /sys/class/net; hostname").stdout.split()
    assert out[0] == "1" and "lo" in out


def test_limits_are_held_by_the_kernel(containerd):
    containerd.ctr(*containerd.run_argv("-d", "--memory-limit", str(32 << 20), "--cpus", "0.5", NAME, "c1",
                                        "sleep", "1000"))
    room = containerd.room
    assert room.group_value("c1", "memory/memory.limit_in_bytes", "memory.max") == str(32 << 20)
    quota = room.group_value("c1", "cpu/cpu.cfs_quota_us", "cpu.max").split()[0]
    assert quota == "50000"


def test_task_is_listed_with_its_pid(containerd, sleeper):
    assert containerd.status(sleeper) == "RUNNING"
    assert "sleep 1000" in containerd.ctr("task", "exec", "--exec-id", "e", sleeper, "ps").stdout


def test_exec_hands_on_the_exit_code_and_output(containerd, sleeper):
    done = containerd.ctr("task", "exec", "--exec-id", "e", sleeper, "sh", "-c", "echo in; echo err >&2; exit 9",
                          ok=False)
    assert (done.returncode, done.stdout) == (9, "in\n") and "err" in done.stderr


def test_exec_of_a_missing_program_says_so(containerd, sleeper):
    done = containerd.ctr("task", "exec", "--exec-id", "e", sleeper, "/no/such", ok=False)
    assert done.returncode != 0 and "no such file or directory" in done.stderr
    assert containerd.status(sleeper) == "RUNNING"


def test_exec_joins_the_groups_of_the_container(containerd, sleeper):
    out = containerd.ctr("task", "exec", "--exec-id", "e", sleeper, "cat", "/proc/self/cgroup").stdout
    inside = [line.split(":", 2)[2] for line in out.splitlines() if ":memory:" in line or ":pids:" in line]
    assert all(p in ("/", f"/{NAMESPACE}/{sleeper}") for p in inside), out


def test_pause_and_resume(containerd, sleeper):
    containerd.ctr("task", "pause", sleeper)
    assert containerd.status(sleeper) == "PAUSED"
    refused = containerd.ctr("task", "exec", "--exec-id", "e", sleeper, "true", ok=False, timeout=20)
    assert refused.returncode != 0
    containerd.ctr("task", "resume", sleeper)
    assert containerd.status(sleeper) == "RUNNING"
    containerd.ctr("task", "exec", "--exec-id", "f", sleeper, "true")


def test_metrics(containerd, sleeper):
    out = containerd.ctr("task", "metrics", sleeper).stdout
    figures = {line.split(None, 1)[0]: line.split(None, 1)[1].strip() for line in out.splitlines() if line.strip()}
    assert figures.get("memory.limit_in_bytes", figures.get("memory.usage_limit")) == str(64 << 20), out
    assert figures["pids.current"] == "1", out


def test_ps_lists_the_processes(containerd, sleeper):
    assert len(containerd.ctr("task", "ps", sleeper).stdout.splitlines()) == 2


def test_kill_and_delete(containerd, sleeper):
    containerd.ctr("task", "kill", "-s", "KILL", sleeper)
    containerd.room.wait_for(lambda: containerd.status(sleeper) == "STOPPED", "end of the task")
    containerd.ctr("task", "delete", sleeper, ok=False)  # hands on 137
    assert containerd.status(sleeper) is None
    containerd.ctr("container", "delete", sleeper)


def test_kill_of_all_processes(containerd, sleeper):
    containerd.ctr("task", "exec", "-d", "--exec-id", "e", sleeper, "sleep", "999")
    containerd.ctr("task", "kill", "-a", "-s", "KILL", sleeper)
    containerd.room.wait_for(lambda: containerd.status(sleeper) == "STOPPED", "end of the task")


def test_memory_hog_is_killed(containerd):
    done = containerd.run("c1", "tail", "/dev/zero", options=["--memory-limit", str(16 << 20)], ok=False)
    assert done.returncode == 137


def test_missing_program_is_told(containerd):
    done = containerd.run("c1", "nosuch", ok=False)
    assert done.returncode != 0 and "executable file not found" in done.stderr


def test_terminal(containerd):
    argv = containerd.base + containerd.run_argv("--rm", "-t", NAME, "c1", "sh", "-c",
                                                 "tty; sleep 0.5; stty size; echo end")
    code, out = containerd.room.run_in_terminal(*argv)
    assert code == 0, out
    assert "/dev/pts/0" in out or "/dev/console" in out, out
    assert "40 100" in out and "end" in out, out


def test_seccomp_profile(containerd):
    out = containerd.run("c1", "grep", "Seccomp:", "/proc/self/status", options=["--seccomp"]).stdout
    assert out.split() == ["Seccomp:", "2"]


def test_read_only_root(containerd):
    done = containerd.run("c1", "touch", "/x", options=["--read-only"], ok=False)
    assert done.returncode == 1 and "Read-only file system" in done.stderr


def test_bind_mount(containerd):
    with open(containerd.room.path("shared"), "w", encoding="ascii") as f:
        f.write("from outside\n")
    mount = f"type=bind,src={containerd.room.path('shared')},dst=/shared,options=rbind:ro"
    done = containerd.run("c1", "sh", "-c", "cat /shared; echo x > /shared", options=["--mount", mount], ok=False)
    assert done.stdout == "from outside\n" and "Read-only" in done.stderr


def test_host_network(containerd):
    inside = containerd.run("c1", "readlink", "/proc/self/ns/net", options=["--net-host"]).stdout.strip()
    assert inside == os.readlink(f"/proc/{containerd.room.pid}/ns/net")


def test_joining_a_namespace(containerd, sleeper):
    pid = next(l.split()[1] for l in containerd.ctr("task", "ls").stdout.splitlines() if l.startswith(sleeper))
    option = f"uts:/proc/{pid}/ns/uts"
    ours = containerd.run("c2", "readlink", "/proc/self/ns/uts", options=["--with-ns", option]).stdout
    theirs = containerd.ctr("task", "exec", "--exec-id", "e", sleeper, "readlink", "/proc/self/ns/uts").stdout
    assert ours == theirs
