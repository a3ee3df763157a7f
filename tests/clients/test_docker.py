# SPDX-License-Identifier: Apache-2.0
"""Docker with --add-runtime: dockerd starts its own containerd, whose shim calls the runtime."""
import json
import os

import pytest

from image import NAME
from room import Room


class Docker:
    def __init__(self, room, runtime):
        self.room = room
        self.base = ["/usr/bin/docker", "-H", "unix://" + room.path("docker.sock")]
        with open(room.path("daemon.json"), "w", encoding="ascii") as f:
            f.write("{}")
        room.start("dockerd", "dockerd", "-H", self.base[2][:7] + room.path("docker.sock"),
                   "--config-file", room.path("daemon.json"), "--data-root", room.path("data"),
                   "--exec-root", room.path("exec"), "--pidfile", room.path("docker.pid"),
                   "--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false",
                   "--ip-masq=false", "--add-runtime", "tested=" + runtime)

    def docker(self, *argv, **more):
        return self.room.run(*self.base, *argv, **more)

    def run_argv(self, *argv, network="none"):
        return ["run", "--runtime", "tested", "--network", network, *argv]

    def run(self, *command, options=(), network="none", **more):
        return self.docker(*self.run_argv("--rm", *options, NAME, *command, network=network), **more)

    def inspect(self, name, form):
        return self.docker("inspect", "--format", form, name).stdout.strip()


@pytest.fixture(scope="module")
def daemon(runtime, archive):
    room = Room("docker")
    try:
        d = Docker(room, runtime)
        room.wait_for(lambda: d.docker("version", ok=False).returncode == 0, "dockerd", 40)
        d.docker("load", "-i", archive)
        yield d
    finally:
        room.close()


@pytest.fixture
def docker(daemon):
    yield daemon
    ids = daemon.docker("ps", "-aq").stdout.split()
    if ids:
        daemon.docker("rm", "-f", *ids)
    assert daemon.room.container_groups() == []


@pytest.fixture
def sleeper(docker):
    docker.docker(*docker.run_argv("-d", "--name", "s1", NAME, "sleep", "1000"))
    return "s1"


def id_of(docker, name):
    return docker.inspect(name, "{{.Id}}")


def test_run_prints_what_the_command_prints(docker):
    assert docker.run("echo", "hello").stdout == "hello\n"


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_run_hands_on_the_exit_code(docker, code):
    assert docker.run("sh", "-c", f"exit {code}", ok=False).returncode == code


def test_the_runtime_is_the_tested_one(docker, sleeper):
    assert docker.inspect(sleeper, "{{.HostConfig.Runtime}}") == "tested"


@pytest.mark.parametrize("command, code, words", [
    ("nosuch", 127, "executable file not found"), ("/no/such", 127, "no such file or directory"),
    ("/etc/passwd", 126, "permission denied")])
def test_run_of_no_program(docker, command, code, words):
    done = docker.run(command, ok=False)
    assert done.returncode == code and words in done.stderr.lower(), (done.returncode, done.stderr)


def test_missing_directory_is_made(docker):
    assert docker.run("pwd", options=["-w", "/no/such"]).stdout == "/no/such\n"


def test_input_reaches_the_container(docker):
    done = docker.docker(*docker.run_argv("--rm", "-i", NAME, "cat"), stdin_text="through\n")
    assert done.stdout == "through\n"


def test_terminal(docker):
    argv = docker.base + docker.run_argv("--rm", "-it", NAME, "sh", "-c", "tty; sleep 0.5; stty size; exit 3")
    code, out = docker.room.run_in_terminal(*argv)
    assert code == 3 and "/dev/pts/0" in out and "40 100" in out, out


def test_terminal_takes_what_is_typed(docker):
    code, out = docker.room.run_in_terminal(*docker.base, *docker.run_argv("--rm", "-it", NAME, "sh"),
                                            say="echo $((6*7))\nexit 5\n")
    assert code == 5 and "42" in out, out


def test_exec(docker, sleeper):
    done = docker.docker("exec", sleeper, "sh", "-c", "echo in; echo err >&2; exit 9", ok=False)
    assert (done.returncode, done.stdout, done.stderr) == (9, "in\n", "err\n")


def test_exec_in_a_terminal(docker, sleeper):
    code, out = docker.room.run_in_terminal(*docker.base, "exec", "-it", sleeper, "sh", "-c", "tty; exit 4")
    assert code == 4 and "/dev/pts/" in out, out


def test_exec_with_user_directory_and_environment(docker, sleeper):
    out = docker.docker("exec", "-u", "1000:1000", "-w", "/tmp", "-e", "A=b c", sleeper, "sh", "-c",
                        "id -u; id -g; pwd; echo $A").stdout
    assert out.splitlines() == ["1000", "1000", "/tmp", "b c"]


# Docker 20.10 says 126 for both, newer ones 127 for the first.
@pytest.mark.parametrize("command, codes, words", [("nosuch", (126, 127), "executable file not found"),
                                                   ("/etc/passwd", (126,), "permission denied")])
def test_exec_of_no_program(docker, sleeper, command, codes, words):
    done = docker.docker("exec", sleeper, command, ok=False)
    assert done.returncode in codes and words in (done.stdout + done.stderr).lower(), done.stdout


def test_init(docker):
    out = docker.run("ps", options=["--init"]).stdout
    assert "docker-init" in out.splitlines()[1], out


def test_limits_are_held_by_the_kernel(docker):
    docker.docker(*docker.run_argv("-d", "--name", "c1", "--memory", "32m", "--cpus", "0.5", "--pids-limit", "20",
                                   "--cpu-shares", "512", NAME, "sleep", "1000"))
    group, room = id_of(docker, "c1"), docker.room
    assert room.group_value(group, "memory/memory.limit_in_bytes", "memory.max") == str(32 << 20)
    assert room.group_value(group, "cpu/cpu.cfs_quota_us", "cpu.max").split()[0] == "50000"
    assert room.group_value(group, "pids/pids.max", "pids.max") == "20"


def test_update(docker):
    docker.docker(*docker.run_argv("-d", "--name", "c1", "--memory", "32m", NAME, "sleep", "1000"))
    docker.docker("update", "--memory", "48m", "--memory-swap", "96m", "--cpus", "0.25", "--pids-limit", "33", "c1")
    group, room = id_of(docker, "c1"), docker.room
    assert room.group_value(group, "memory/memory.limit_in_bytes", "memory.max") == str(48 << 20)
    assert room.group_value(group, "cpu/cpu.cfs_quota_us", "cpu.max").split()[0] == "25000"
    assert room.group_value(group, "pids/pids.max", "pids.max") == "33"


def test_top(docker, sleeper):
    assert "sleep 1000" in docker.docker("top", sleeper).stdout
    assert "sleep 1000" in docker.docker("top", sleeper, "-o", "pid,args").stdout


def test_pause_and_unpause(docker, sleeper):
    docker.docker("pause", sleeper)
    assert docker.inspect(sleeper, "{{.State.Status}}") == "paused"
    docker.docker("unpause", sleeper)
    docker.docker("exec", sleeper, "true")


def test_stats(docker):
    docker.docker(*docker.run_argv("-d", "--name", "c1", "--memory", "32m", NAME, "sleep", "1000"))
    stats = json.loads(docker.docker("stats", "--no-stream", "--format", "{{json .}}", "c1").stdout)
    assert stats["PIDs"] == "1" and "32MiB" in stats["MemUsage"], stats


def test_memory_hog_is_killed_and_the_engine_knows_why(docker):
    docker.docker(*docker.run_argv("--name", "c1", "--memory", "16m", "--memory-swap", "16m", NAME, "tail",
                                   "/dev/zero"), ok=False)
    assert docker.inspect("c1", "{{.State.ExitCode}} {{.State.OOMKilled}}") == "137 true"


def test_stop_and_start_again(docker, sleeper):
    docker.docker("stop", "-t", "1", sleeper)
    assert docker.inspect(sleeper, "{{.State.Status}} {{.State.ExitCode}}") == "exited 137"
    docker.docker("start", sleeper)
    docker.docker("restart", "-t", "0", sleeper)
    assert docker.inspect(sleeper, "{{.State.Status}}") == "running"


def test_kill_with_a_signal(docker):
    docker.docker(*docker.run_argv("-d", "--name", "c1", NAME, "sh", "-c",
                                   "trap 'exit 42' USR1; while :; do sleep 0.1; done"))
    docker.room.run("sleep", "0.3")
    docker.docker("kill", "-s", "USR1", "c1")
    assert docker.docker("wait", "c1").stdout.strip() == "42"


def test_default_profile_and_capabilities(docker):
    out = docker.run("grep", "-E", "^(Seccomp|CapEff|CapInh):", "/proc/self/status").stdout
    assert out.split() == ["CapInh:", "0" * 16, "CapEff:", "00000000a80425fb", "Seccomp:", "2"]


def test_default_profile_refuses_a_new_user_namespace(docker):
    done = docker.run("unshare", "-U", "true", ok=False)
    assert done.returncode != 0 and "not permitted" in done.stderr


def test_masked_and_read_only_paths(docker):
    out = docker.run("sh", "-c", "wc -c < /proc/timer_list; echo 1 2>&1 > /proc/sys/kernel/hostname", ok=False)
    assert out.stdout.split()[0] == "0" and "Read-only" in out.stdout + out.stderr


def test_privileged(docker):
    # Docker asks for every capability; where the machine withholds one, the specification wants a warning.
    out = docker.run("sh", "-c", "grep Seccomp: /proc/self/status; ls /dev | grep -c .; mount -t tmpfs t /tmp && echo ok",
                     options=["--privileged"]).stdout.split()
    assert out[:2] == ["Seccomp:", "0"] and int(out[2]) > 15 and out[3] == "ok"


def test_read_only_root_with_writable_places(docker):
    done = docker.run("sh", "-c", "echo 1 > /t/x; echo 2 > /x", options=["--read-only", "--tmpfs", "/t"], ok=False)
    assert "/x: Read-only" in done.stderr and "/t/x" not in done.stderr


def test_volume(docker):
    os.makedirs(docker.room.path("volume"), exist_ok=True)
    docker.run("sh", "-c", "echo from inside > /v/file", options=["-v", docker.room.path("volume") + ":/v"])
    with open(docker.room.path("volume", "file"), encoding="ascii") as f:
        assert f.read() == "from inside\n"


def test_hostname_sysctl_user_and_groups(docker):
    out = docker.run("sh", "-c", "hostname; cat /proc/sys/net/ipv4/ip_default_ttl; id -u; id -G", options=[
        "--hostname", "somewhere", "--sysctl", "net.ipv4.ip_default_ttl=33", "--user", "1000:1000",
        "--group-add", "77"]).stdout
    assert out.splitlines() == ["somewhere", "33", "1000", "1000 77"]


def test_sharing_namespaces_of_a_container(docker, sleeper):
    out = docker.run("sh", "-c", "ps; readlink /proc/self/ns/net", options=["--pid", f"container:{sleeper}"],
                     network=f"container:{sleeper}").stdout
    assert "sleep 1000" in out
    assert docker.docker("exec", sleeper, "readlink", "/proc/self/ns/net").stdout.strip() in out


def test_host_namespaces(docker):
    out = docker.run("sh", "-c", "for n in net pid ipc; do readlink /proc/self/ns/$n; done", options=["--pid", "host", "--ipc", "host"], network="host").stdout.split()
    assert out == [os.readlink(f"/proc/{docker.room.pid}/ns/{n}") for n in ("net", "pid", "ipc")]


def test_ten_at_once(docker):
    names = [f"m{i}" for i in range(10)]
    for n in names:
        docker.docker(*docker.run_argv("-d", "--name", n, NAME, "sleep", "1000"))
    assert len(docker.docker("ps", "-q").stdout.split()) == 10
    docker.docker("kill", *names)
