# SPDX-License-Identifier: Apache-2.0
"""Podman with --runtime: conmon calls the runtime, with a console socket, pid files and exec --process."""
import json
import os

import pytest

from image import NAME
from room import Room

# Its defaults ask for rlimits that need CAP_SYS_RESOURCE, which a machine need not give.
CONFIG = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class Podman:
    def __init__(self, room, runtime):
        self.room = room
        self.base = ["podman", "--root", room.path("root"), "--runroot", room.path("runroot"),
                     "--tmpdir", room.path("tmp"), "--storage-driver", "overlay", "--runtime", runtime]
        room.env["CONTAINERS_CONF"] = room.path("containers.conf")

    def podman(self, *argv, **more):
        return self.room.run(*self.base, *argv, **more)

    def run_argv(self, *argv, network="none"):
        return ["run", "--network", network, *argv]

    def run(self, *command, options=(), network="none", **more):
        return self.podman(*self.run_argv("--rm", *options, NAME, *command, network=network), **more)

    def inspect(self, name, form):
        return self.podman("inspect", "--format", form, name).stdout.strip()


@pytest.fixture(scope="module")
def engine(runtime, archive):
    room = Room("libpod_parent")
    try:
        with open(room.path("containers.conf"), "w", encoding="utf-8") as f:
            f.write(CONFIG)
        p = Podman(room, runtime)
        p.podman("load", "-i", archive)
        yield p
    finally:
        room.close()


@pytest.fixture
def podman(engine):
    yield engine
    if engine.podman("rm", "--force", "--all", "--time", "0", ok=False).returncode:
        # Podman 4.3 finds its own shm mount busy at times, also with runc.
        engine.room.run("sleep", "0.5")
        engine.podman("rm", "--force", "--all", "--time", "0")
    left = [g for g in engine.room.container_groups() if not g.endswith("/conmon")]
    assert left == []


@pytest.fixture
def sleeper(podman):
    podman.podman(*podman.run_argv("-d", "--name", "s1", NAME, "sleep", "1000"))
    return "s1"


def group_of(podman, name):
    return "libpod-" + podman.inspect(name, "{{.Id}}")


def test_run_prints_what_the_command_prints(podman):
    assert podman.run("echo", "hello").stdout == "hello\n"


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_run_hands_on_the_exit_code(podman, code):
    assert podman.run("sh", "-c", f"exit {code}", ok=False).returncode == code


def test_the_runtime_is_the_tested_one(podman, sleeper, runtime):
    assert podman.inspect(sleeper, "{{.OCIRuntime}}") == runtime


def test_input_reaches_the_container(podman):
    done = podman.podman(*podman.run_argv("--rm", "-i", NAME, "cat"), stdin_text="through\n")
    assert done.stdout == "through\n"


def test_terminal(podman):
    argv = podman.base + podman.run_argv("--rm", "-it", NAME, "sh", "-c", "tty; sleep 0.5; stty size; echo end")
    code, out = podman.room.run_in_terminal(*argv)
    assert code == 0 and "/dev/pts/0" in out and "end" in out, out
    assert "40 100" in out, out


def test_terminal_takes_what_is_typed(podman):
    argv = podman.base + podman.run_argv("--rm", "-it", NAME, "sh")
    code, out = podman.room.run_in_terminal(*argv, say="echo $((6*7))\nexit 5\n")
    assert code == 5 and "42" in out, out


def test_exec(podman, sleeper):
    done = podman.podman("exec", sleeper, "sh", "-c", "echo in; echo err >&2; exit 9", ok=False)
    assert (done.returncode, done.stdout) == (9, "in\n") and "err" in done.stderr


def test_exec_in_a_terminal(podman, sleeper):
    code, out = podman.room.run_in_terminal(*podman.base, "exec", "-it", sleeper, "sh", "-c", "tty; exit 4")
    assert code == 4 and "/dev/pts/" in out, out


def test_exec_with_user_directory_and_environment(podman, sleeper):
    out = podman.podman("exec", "--user", "1000:1000", "--workdir", "/tmp", "--env", "A=b c", sleeper, "sh", "-c",
                        "id -u; id -g; pwd; echo $A").stdout
    assert out.splitlines() == ["1000", "1000", "/tmp", "b c"]


@pytest.mark.parametrize("command, code", [("nosuch", 127), ("/etc/passwd", 126)])
def test_exec_of_no_program(podman, sleeper, command, code):
    assert podman.podman("exec", sleeper, command, ok=False).returncode == code


@pytest.mark.parametrize("command, code, words", [
    ("nosuch", 127, "executable file not found"), ("/no/such", 127, "no such file or directory"),
    ("/etc/passwd", 126, "permission denied")])
def test_run_of_no_program(podman, command, code, words):
    done = podman.run(command, ok=False)
    assert done.returncode == code, done.stderr
    assert words in done.stderr.lower()


def test_limits_are_held_by_the_kernel(podman):
    podman.podman(*podman.run_argv("-d", "--name", "c1", "--memory", "32m", "--cpus", "0.5", "--pids-limit", "20",
                                   NAME, "sleep", "1000"))
    group, room = group_of(podman, "c1"), podman.room
    assert room.group_value(group, "memory/memory.limit_in_bytes", "memory.max") == str(32 << 20)
    assert room.group_value(group, "cpu/cpu.cfs_quota_us", "cpu.max").split()[0] == "50000"
    assert room.group_value(group, "pids/pids.max", "pids.max") == "20"


def test_fork_fails_at_the_pids_limit(podman):
    done = podman.run("sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait", options=["--pids-limit", "5"],
                      ok=False)
    assert "can't fork" in done.stderr


def test_memory_hog_is_killed(podman):
    done = podman.run("tail", "/dev/zero", options=["--memory", "16m", "--memory-swap", "16m"], ok=False)
    assert done.returncode == 137


def test_pause_and_unpause(podman, sleeper):
    podman.podman("pause", sleeper)
    assert podman.inspect(sleeper, "{{.State.Status}}") == "paused"
    podman.podman("unpause", sleeper)
    podman.podman("exec", sleeper, "true")


def test_stats(podman):
    podman.podman(*podman.run_argv("-d", "--name", "c1", "--memory", "32m", NAME, "sleep", "1000"))
    stats = json.loads(podman.podman("stats", "--no-stream", "--format", "json", "c1").stdout)[0]
    assert stats["pids"] == "1" and "33.55MB" in stats["mem_usage"], stats


def test_top(podman, sleeper):
    assert "sleep 1000" in podman.podman("top", sleeper).stdout


def test_stop_and_start_again(podman, sleeper):
    podman.podman("stop", "--time", "1", sleeper)
    assert podman.inspect(sleeper, "{{.State.Status}} {{.State.ExitCode}}") == "exited 137"
    podman.podman("start", sleeper)
    assert podman.inspect(sleeper, "{{.State.Status}}") == "running"


def test_kill_with_a_signal(podman):
    podman.podman(*podman.run_argv("-d", "--name", "c1", NAME, "sh", "-c",
                                   "trap 'exit 42' USR1; while :; do sleep 0.1; done"))
    podman.room.run("sleep", "0.3")
    podman.podman("kill", "--signal", "USR1", "c1")
    assert podman.podman("wait", "c1").stdout.strip() == "42"


def test_logs(podman):
    podman.podman(*podman.run_argv("--name", "c1", NAME, "sh", "-c", "echo out; echo err >&2"))
    done = podman.podman("logs", "c1")
    assert done.stdout == "out\n" and done.stderr == "err\n"


def test_user_namespace(podman):
    maps = ["--uidmap", "0:200000:65536", "--gidmap", "0:200000:65536"]
    out = podman.run("sh", "-c", "cat /proc/self/uid_map; id -u; stat -c %u /bin; touch /x && echo wrote",
                     options=maps).stdout.split()
    assert out == ["0", "200000", "65536", "0", "0", "wrote"]


def test_exec_into_a_user_namespace(podman):
    maps = ["--uidmap", "0:200000:65536", "--gidmap", "0:200000:65536"]
    podman.podman(*podman.run_argv("-d", "--name", "c1", *maps, NAME, "sleep", "1000"))
    assert podman.podman("exec", "c1", "cat", "/proc/self/uid_map").stdout.split() == ["0", "200000", "65536"]


def test_init(podman):
    out = podman.run("ps", options=["--init", "--init-path", "/usr/bin/docker-init"]).stdout
    assert "1 root" in out and "/dev/init" in out.splitlines()[1] or "init" in out.splitlines()[1], out


def test_seccomp_and_capabilities(podman):
    out = podman.run("grep", "-E", "^(Seccomp|CapEff):", "/proc/self/status", options=["--cap-drop", "all"]).stdout
    assert out.split() == ["CapEff:", "0" * 16, "Seccomp:", "2"], out


def test_privileged(podman):
    out = podman.run("grep", "Seccomp:", "/proc/self/status", options=["--privileged"]).stdout
    assert out.split() == ["Seccomp:", "0"]


def test_read_only_root_with_writable_places(podman):
    done = podman.run("sh", "-c", "echo 1 > /tmp/x; echo 2 > /x", options=["--read-only", "--tmpfs", "/t"], ok=False)
    assert "/x: Read-only" in done.stderr and "/tmp/x" not in done.stderr


def test_volume(podman):
    os.makedirs(podman.room.path("volume"), exist_ok=True)
    podman.run("sh", "-c", "echo from inside > /v/file", options=["-v", podman.room.path("volume") + ":/v"])
    with open(podman.room.path("volume", "file"), encoding="ascii") as f:
        assert f.read() == "from inside\n"


def test_hostname_sysctl_and_ulimit(podman):
    out = podman.run("sh", "-c", "hostname; cat /proc/sys/net/ipv4/ip_default_ttl; ulimit -n", options=[
        "--hostname", "somewhere", "--sysctl", "net.ipv4.ip_default_ttl=33", "--ulimit", "nofile=77:77",
        "--ulimit", "nproc=4096:4096"]).stdout
    assert out.split() == ["somewhere", "33", "77"]


def test_device(podman):
    out = podman.run("ls", "-l", "/dev/loop-control", options=["--device", "/dev/zero:/dev/loop-control"]).stdout
    assert out.startswith("c") and "1,   5" in out


def test_host_network(podman):
    inside = podman.run("readlink", "/proc/self/ns/net", network="host").stdout.strip()
    assert inside == os.readlink(f"/proc/{podman.room.pid}/ns/net")


def test_sharing_namespaces_of_a_container(podman, sleeper):
    out = podman.run("ps", options=["--pid", f"container:{sleeper}"], network=f"container:{sleeper}").stdout
    assert "sleep 1000" in out


def test_groups_of_the_host_are_read_only(podman):
    done = podman.run("sh", "-c", "cd /sys/fs/cgroup; [ ! -d memory ] || cd memory; mkdir x", ok=False)
    assert done.returncode != 0 and "Read-only" in done.stderr
