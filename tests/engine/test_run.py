# SPDX-License-Identifier: Apache-2.0
"""berth run, create, start, stop, exec, rm: what people type, and what they get."""
import json
import os
import pty
import re
import select
import subprocess
import time

import pytest
from harness import LANE, USER, Cgroups, wait_for


def test_output_and_streams(berth):
    p = berth.run("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2")
    assert (p.stdout, p.stderr, p.returncode) == ("out\n", "err\n", 0)


@pytest.mark.parametrize("script, code", [("exit 0", 0), ("exit 42", 42), ("sh -c 'kill -TERM $$'; exit $?", 143)])
def test_exit_code(berth, script, code):
    assert berth.run("run", "--rm", "busybox", "sh", "-c", script).returncode == code


@pytest.mark.parametrize("words, code, text", [
    (["busybox", "nosuch"], 127, "executable file not found"),
    (["busybox", "/etc"], 126, "permission denied"),
    (["busybox", "/etc/passwd"], 126, "permission denied"),
    (["--nosuch", "busybox"], 125, "not defined: -nosuch"),
    (["-m", "4", "busybox", "true"], 125, "--memory 4"),
    (["--name", "a b", "busybox", "true"], 125, "invalid container name"),
    (["--network", "nosuch", "busybox", "true"], 125, "network nosuch not found"),
    (["--pull", "never", "nosuch", "true"], 125, "no such image: nosuch"),
    (["-v", "a/b:/x", "busybox", "true"], 125, "volume name"),
    (["-v", "/x:y", "busybox", "true"], 125, "absolute"),
    (["--mount", "type=bind,src=/nosuch,dst=/x", "busybox", "true"], 125, "does not exist"),
    (["-u", "nosuch", "busybox", "true"], 125, "unable to find user nosuch"),
    (["-u", "99999999999", "busybox", "true"], 125, "ids are within"),
    (["-w", "x", "busybox", "true"], 125, "absolute path"),
    (["--cap-add", "NOSUCH", "busybox", "true"], 125, "NOSUCH"),
    (["--ulimit", "nosuch=1", "busybox", "true"], 125, "ulimit"),
    (["--sysctl", "kernel.panic=1", "busybox", "true"], 125, "kernel.panic"),
    (["--restart", "sometimes", "busybox", "true"], 125, "--restart"),
    (["--rm", "--restart", "always", "busybox", "true"], 125, "conflicting"),
    (["--tmpfs", "x", "busybox", "true"], 125, "absolute"),
    (["--time-offset", "x=1", "busybox", "true"], 125, "--time-offset"),
    (["--cpus", "x", "busybox", "true"], 125, "--cpus"),
    (["--pid", "container:nosuch", "busybox", "true"], 125, "no such container: nosuch"),
    (["--stop-signal", "NOSUCH", "busybox", "true"], 125, "--stop-signal"),
    (["--log-driver", "nosuch", "busybox", "true"], 125, "--log-driver"),
    (["--env-file", "/nosuch", "busybox", "true"], 125, "/nosuch"),
    (["--device", "/dev/nosuch", "busybox", "true"], 125, "/dev/nosuch"),
    (["--security-opt", "nosuch", "busybox", "true"], 125, "nosuch"),
    (["--userns", "nosuch", "busybox", "true"], 125, "--userns"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else None)
def test_bad_input(berth, words, code, text):
    """One line that says what is wrong, and nothing left behind but a container whose program did not start."""
    assert text in berth.fails("run", *words, code=code)
    berth.run("rm", "-f", *berth.containers())
    assert not berth.leftovers()


def test_environment(berth, place):
    path = os.path.join(place, "env")
    with open(path, "w") as f:
        f.write("# comment\nFROM_FILE=1\nOVER=file\n\n")
    berth.env["TAKEN"] = "caller"
    env = dict(line.split("=", 1) for line in berth(
        "run", "--rm", "-h", "box", "--env-file", path, "-e", "OVER=line", "-e", "TAKEN", "-e", "NOT_THERE", "busybox", "env")
        .splitlines())
    assert env["FROM_FILE"] == "1" and env["OVER"] == "line" and env["TAKEN"] == "caller" and "NOT_THERE" not in env
    assert env["HOSTNAME"] == "box" and env["HOME"] == "/root" and env["PATH"].startswith("/usr/local/sbin")


def test_process_options(berth):
    out = berth("run", "--rm", "-w", "/tmp", "-u", "1000:5", "--group-add", "10", "--hostname", "box", "--ulimit",
                "nofile=64:128", "--oom-score-adj", "100", "busybox", "sh", "-c",
                "pwd; id -u; id -g; id -G; hostname; ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj")
    assert out.split() == ["/tmp", "1000", "5", "5", "10", "box", "64", "128", "100"]


def test_entrypoint(berth):
    assert berth("run", "--rm", "--entrypoint", "echo", "busybox", "a", "b") == "a b\n"
    assert berth("run", "--rm", "--entrypoint", "", "busybox", "echo", "c") == "c\n"


def test_hosts_and_names(berth):
    out = berth("run", "--rm", "--add-host", "db:10.0.0.9", "--dns", "192.0.2.1", "--hostname", "me", "busybox", "cat",
                "/etc/hosts", "/etc/resolv.conf", "/etc/hostname")
    assert "10.0.0.9\tdb" in out and "nameserver 192.0.2.1" in out and out.endswith("me\n")


def test_read_only_tmpfs_and_shm(berth):
    out = berth("run", "--rm", "--read-only", "--tmpfs", "/t:size=1m,exec", "--shm-size", "2m", "busybox", "sh", "-c",
                "touch /x 2>&1; touch /t/y && stat -c %a /t; df -k /t /dev/shm | awk 'NR>1{print $2}'")
    assert "Read-only file system" in out and out.split()[-3:] == ["1777", "1024", "2048"]


# ---- volumes ------------------------------------------------------------------------------------------------------


def test_named_volume_keeps_its_content(berth):
    berth("run", "--rm", "-v", "data:/d", "busybox", "sh", "-c", "echo kept > /d/file")
    assert berth("run", "--rm", "-v", "data:/d:ro", "busybox", "cat", "/d/file") == "kept\n"
    assert "Read-only" in berth.run("run", "--rm", "-v", "data:/d:ro", "busybox", "touch", "/d/x").stderr
    berth("run", "-d", "--name", "user", "-v", "data:/d", "busybox", "sleep", "100")
    assert "in use by container user" in berth.fails("volume", "rm", "data")
    berth("rm", "-f", "user")
    berth("volume", "rm", "data")


def test_volume_takes_after_the_image(berth):
    berth("run", "--rm", "-v", "etc:/etc", "busybox", "true")
    assert "root:" in berth("run", "--rm", "-v", "etc:/x", "busybox", "cat", "/x/passwd")
    berth("run", "--rm", "-v", "empty:/etc:nocopy", "busybox", "true")
    assert berth("run", "--rm", "-v", "empty:/x", "busybox", "ls", "/x") == ""


def test_anonymous_volume_goes_with_rm(berth):
    berth("run", "--rm", "-v", "/anon", "busybox", "touch", "/anon/x")
    assert berth("volume", "ls", "-q") == ""
    berth("create", "--name", "c", "-v", "/anon", "busybox", "true")
    assert len(berth("volume", "ls", "-q").split()) == 1
    berth("rm", "-v", "c")
    assert berth("volume", "ls", "-q") == ""


def test_bind(berth, place):
    source = os.path.join(place, "made", "here")
    berth("run", "--rm", "-v", source + ":/s:U", "-u", "7:8", "busybox", "touch", "/s/x")
    assert (os.stat(os.path.join(source, "x")).st_uid, os.stat(source).st_gid) == (7, 8)
    assert berth("run", "--rm", "--mount", f"type=bind,source={source},target=/m,readonly", "busybox", "ls", "/m") == "x\n"
    assert "Read-only" in berth.run("run", "--rm", "-v", source + ":/s:ro", "busybox", "touch", "/s/y").stderr


def test_idmap_gives_files_to_the_folder_s_owner(berth, place):
    source = os.path.join(place, "mine")
    os.mkdir(source)
    os.chown(source, 4321, 4322)
    p = berth.run("run", "--rm", "-v", source + ":/s:idmap", "busybox", "sh", "-c", "touch /s/x; stat -c %u:%g /s /s/x")
    if "has none" in p.stderr:
        pytest.skip("the file system below /tmp has no id-mapped mounts")
    assert p.stdout.split() == ["0:0", "0:0"], p.stderr
    made = os.stat(os.path.join(source, "x"))
    assert (made.st_uid, made.st_gid) == (4321, 4322)


@pytest.mark.parametrize("userns", [[], ["--userns", "auto"]])
def test_bind_of_the_whole_host(berth, userns):
    """It shows the host's root, not the container's, which lies on top of it while it is made."""
    p = berth.run("run", "--rm", *userns, "-v", "/:/host:ro", "busybox", "ls", "/host")
    if "no id-mapped mounts" in p.stderr:
        pytest.skip("the store's file system has no id-mapped mounts")
    out = p.stdout.split()
    assert set(out) >= {"usr", "boot", "opt"} and "host" not in out


def test_path_below_a_volume_stays_there(berth):
    berth("run", "--rm", "-v", "data:/d", "busybox", "sh", "-c", "mkdir -p /d/in/deep; touch /d/in/deep/x; ln -s /etc /d/out")
    mount = "type=volume,source=data,target=/m,volume-subpath="
    assert berth("run", "--rm", "--mount", mount + "in/deep", "busybox", "ls", "/m") == "x\n"
    berth.fails("run", "--rm", "--mount", mount + "out", "busybox", "ls", "/m")
    assert "without" in berth.fails("run", "--rm", "--mount", mount + "../..", "busybox", "ls", "/m")


def test_volumes_from(berth):
    berth("create", "--name", "first", "-v", "data:/d", "-v", "/anon", "busybox", "true")
    out = berth("run", "--rm", "--volumes-from", "first:ro", "busybox", "sh", "-c", "ls -d /d /anon; touch /d/x 2>&1; true")
    assert out.startswith("/anon\n/d\n") and "Read-only" in out
    berth("rm", "-v", "first")


def test_image_mount(berth):
    assert berth("run", "--rm", "--mount", "type=image,source=busybox,target=/i", "busybox", "ls", "/i/bin/sh") == "/i/bin/sh\n"
    assert "Read-only" in berth.run("run", "--rm", "--mount", "type=image,source=busybox,target=/i", "busybox", "touch",
                                    "/i/x").stderr


# ---- limits -------------------------------------------------------------------------------------------------------


def group(berth, name):
    return Cgroups(berth.inspect(name)["State"]["Pid"])


def test_limits(berth):
    berth("run", "-d", "--name", "c", "-m", "64m", "--memory-reservation", "32m", "--cpus", "0.5", "--cpu-shares", "512",
          "--pids-limit", "33", "--cpuset-cpus", "0", "busybox", "sleep", "100")
    g = group(berth, "c")
    assert int(g.read_either("memory.limit_in_bytes", "memory.max")) == 64 << 20
    assert g.read("pids.max").strip() == "33" and g.read("cpuset.cpus").strip() == "0"
    if LANE == "v2":
        assert g.read("cpu.max").split() == ["50000", "100000"] and g.read("memory.low").strip() == str(32 << 20)
    else:
        assert g.read("cpu.cfs_quota_us").strip() == "50000" and g.read("cpu.shares").strip() == "512"
    berth("rm", "-f", "c")


@pytest.mark.v2
def test_files_of_the_group(berth):
    berth("run", "-d", "--name", "c", "-m", "64m", "--memory-high", "48m", "--oom-group", "--cgroup-conf", "memory.low=1M",
          "busybox", "sleep", "100")
    g = group(berth, "c")
    assert g.read("memory.high").strip() == str(48 << 20) and g.read("memory.oom.group").strip() == "1"
    assert g.read("memory.low").strip() == str(1 << 20)
    berth("rm", "-f", "c")


def test_out_of_memory_is_told(berth):
    p = berth.run("run", "--name", "big", "-m", "16m", "--memory-swap", "16m", "busybox", "sh", "-c",
                  "x=0123456789abcdef; while true; do x=$x$x; done")
    assert p.returncode == 137
    assert berth.inspect("big")["State"]["OOMKilled"] is True


# ---- security -----------------------------------------------------------------------------------------------------


def caps(berth, *options):
    out = berth("run", "--rm", *options, "busybox", "grep", "Cap", "/proc/self/status")
    return {line.split()[0][:-1]: int(line.split()[1], 16) for line in out.splitlines()}


def test_capabilities(berth):
    assert caps(berth)["CapEff"] == 0xa80425fb and caps(berth)["CapInh"] == 0
    assert caps(berth, "--cap-drop", "ALL", "--cap-add", "net_admin")["CapBnd"] == 1 << 12
    assert caps(berth, "-u", "1000")["CapEff"] == 0


def test_seccomp_and_no_new_privileges(berth):
    status = berth("run", "--rm", "--security-opt", "no-new-privileges", "busybox", "cat", "/proc/self/status")
    assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status
    status = berth("run", "--rm", "--security-opt", "seccomp=unconfined", "busybox", "cat", "/proc/self/status")
    assert "NoNewPrivs:\t0" in status and "Seccomp:\t0" in status


def test_privileged(berth):
    out = berth("run", "--rm", "--privileged", "busybox", "sh", "-c", "ls /dev | wc -l; mount -t tmpfs none /tmp && echo may")
    assert out.endswith("may\n")
    assert int(out.split()[0]) > 15


def test_masks(berth):
    p = berth.run("run", "--rm", "busybox", "sh", "-c", "cat /proc/keys /proc/timer_list | wc -c; ls /sys/firmware | wc -l; "
                  "echo 1 > /proc/sys/vm/drop_caches")
    assert p.stdout.split() == ["0", "0"] and "Read-only file system" in p.stderr and p.returncode == 1


# ---- namespaces ---------------------------------------------------------------------------------------------------


def namespaces(berth, *options):
    out = berth("run", "--rm", *options, "busybox", "sh", "-c", "for n in cgroup ipc mnt net pid time user uts; do "
                "echo $n $(readlink /proc/self/ns/$n); done")
    return dict(line.split() for line in out.splitlines())


def host_namespace(kind):
    return os.readlink(f"/proc/self/ns/{kind}")


def test_own_namespaces(berth):
    mine = namespaces(berth)
    for kind in "cgroup ipc mnt net pid uts".split():
        assert mine[kind] != host_namespace(kind), kind
    assert mine["user"] == host_namespace("user") and mine["time"] == host_namespace("time")


@pytest.mark.parametrize("option, kind", [("--network", "net"), ("--pid", "pid"), ("--ipc", "ipc"), ("--uts", "uts"),
                                          ("--cgroupns", "cgroup"), ("--userns", "user")])
def test_namespace_of_the_host(berth, option, kind):
    assert namespaces(berth, option, "host")[kind] == host_namespace(kind)


@pytest.mark.parametrize("option, kind", [("--network", "net"), ("--pid", "pid"), ("--ipc", "ipc"), ("--uts", "uts")])
def test_namespace_of_another(berth, option, kind):
    berth("run", "-d", "--name", "first", "busybox", "sleep", "100")
    pid = berth.inspect("first")["State"]["Pid"]
    assert namespaces(berth, option, "container:first")[kind] == os.readlink(f"/proc/{pid}/ns/{kind}")
    assert namespaces(berth, option, f"ns:/proc/{pid}/ns/{kind}")[kind] == os.readlink(f"/proc/{pid}/ns/{kind}")
    berth("rm", "-f", "first")


def test_clocks(berth):
    out = berth("run", "--rm", "--time-offset", "boottime=48h", "--time-offset", "monotonic=1h30m", "busybox", "cat",
                "/proc/uptime", "/proc/self/timens_offsets")
    with open("/proc/uptime") as f:
        assert float(out.split()[0]) - float(f.read().split()[0]) > 47 * 3600
    assert re.search(r"monotonic\s+5400\s", out)


def test_ids_of_its_own(berth):
    p = berth.run("run", "-d", "--name", "u", "--userns", "auto", "-v", "data:/d", "busybox", "sh", "-c",
                  "touch /d/x /y; sleep 100")
    if "id-mapped" in p.stderr:
        pytest.skip("this kernel or file system has no id-mapped mounts for overlay")
    assert p.returncode == 0, p.stderr
    pid = berth.inspect("u")["State"]["Pid"]
    with open(f"/proc/{pid}/uid_map") as f:
        inside, outside, count = (int(n) for n in f.read().split())
    assert (inside, count) == (0, 65536) and outside >= 65536
    assert os.stat(f"/proc/{pid}").st_uid == outside
    assert berth("exec", "u", "stat", "-c", "%u", "/d/x", "/y", "/bin/sh", "/etc/hosts").split() == ["0"] * 4
    assert os.stat(os.path.join(berth.data, "volumes", "data", "data", "x")).st_uid == 0
    assert berth("run", "--rm", "--userns", "auto", "-v", "data:/d", "busybox", "stat", "-c", "%u", "/d/x") == "0\n"
    berth("restart", "-t", "0", "u")
    assert berth("exec", "u", "stat", "-c", "%u", "/y") == "0\n"
    berth("rm", "-f", "u")


# ---- lives --------------------------------------------------------------------------------------------------------


def test_life(berth):
    berth("create", "--name", "one", "busybox", "sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done")
    assert berth.inspect("one")["State"]["Status"] == "created"
    assert berth("start", "one") == "one\n" and berth("start", "one") == "one\n"
    assert berth.inspect("one")["State"]["Running"]
    berth("pause", "one")
    assert berth.inspect("one")["State"]["Status"] == "paused"
    assert "is paused" in berth.fails("exec", "one", "true")
    berth("unpause", "one")
    wait_for(lambda: "sleep" in berth("top", "one", "-o", "args"))
    berth("stop", "one")
    state = berth.inspect("one")["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 3)
    berth("restart", "one")
    berth("kill", "-s", "KILL", "one")
    assert berth("wait", "one") == "137\n"
    berth("rename", "one", "other")
    assert "no such container: one" in berth.fails("rm", "one")
    berth("rm", "other")


def test_exec(berth):
    berth("run", "-d", "--name", "c", "-e", "A=1", "busybox", "sleep", "100")
    assert berth("exec", "c", "sh", "-c", "echo $A $B", stdin="") == "1\n"
    assert berth("exec", "-e", "B=2", "-w", "/tmp", "-u", "nobody", "c", "sh", "-c", "echo $A $B; pwd; id -un").split() == [
        "1", "2", "/tmp", "nobody"]
    assert berth("exec", "-i", "c", "cat", stdin="through") == "through"
    assert berth.run("exec", "c", "sh", "-c", "exit 9").returncode == 9
    assert berth.run("exec", "c", "nosuch").returncode == 127
    berth("exec", "-d", "c", "touch", "/made")
    wait_for(lambda: berth.run("exec", "c", "test", "-e", "/made").returncode == 0)
    berth("rm", "-f", "c")
    assert "no such container: c" in berth.fails("exec", "c", "true", code=1)


def test_prefixes(berth):
    ident = berth("run", "-d", "--name", "c", "busybox", "sleep", "100").strip()
    assert berth("exec", ident[:6], "echo", "short") == "short\n"
    assert "no such container" in berth.fails("exec", "zzz", "true")
    berth("rm", "-f", ident[:12])


def test_names_are_taken_once(berth):
    berth("create", "--name", "c", "busybox", "true")
    assert "c" in berth.fails("create", "--name", "c", "busybox", "true", code=125)
    berth("create", "--name", "c", "--replace", "busybox", "true")
    assert len(berth.containers()) == 1


def test_cidfile(berth, place):
    path = os.path.join(place, "cid")
    berth("create", "--cidfile", path, "--name", "c", "busybox", "true")
    with open(path) as f:
        assert f.read() == berth.id("c")
    assert "container ID file found" in berth.fails("create", "--cidfile", path, "busybox", "true", code=125)


def test_detached_output_is_kept(berth):
    berth("run", "-d", "--name", "c", "busybox", "sh", "-c", "echo one; echo two >&2")
    berth("wait", "c")
    p = berth.run("logs", "c")
    assert (p.stdout, p.stderr) == ("one\n", "two\n")


def test_restart_policy(berth):
    berth("run", "-d", "--name", "c", "--restart", "on-failure:2", "busybox", "sh", "-c", "echo life; exit 1")
    wait_for(lambda: berth.inspect("c")["State"]["Status"] == "exited", 20)
    assert berth("logs", "c") == "life\n" * 3 and berth.inspect("c")["RestartCount"] == 2


def test_init(berth):
    assert berth("run", "--rm", "--init", "busybox", "sh", "-c", "cat /proc/1/comm").strip() == "berth-init"


def test_health(berth):
    berth("run", "-d", "--name", "c", "--health-cmd", "test -e /well", "--health-interval", "100ms", "--health-retries", "2",
          "busybox", "sleep", "100")
    wait_for(lambda: berth.inspect("c")["State"].get("Health", {}).get("Status") == "unhealthy", 20)
    berth("exec", "c", "touch", "/well")
    wait_for(lambda: berth.inspect("c")["State"]["Health"]["Status"] == "healthy", 20)
    berth("rm", "-f", "c")


def test_terminal(berth):
    master, slave = pty.openpty()
    p = subprocess.Popen(berth.argv("run", "--rm", "-it", "busybox", "sh"), env=berth.env, stdin=slave, stdout=slave,
                         stderr=slave, start_new_session=True)
    os.close(slave)
    out = b""

    def read_until(text):
        nonlocal out
        end = time.monotonic() + 20
        while text not in out and time.monotonic() < end:
            if select.select([master], [], [], 0.5)[0]:
                out += os.read(master, 4096)
        assert text in out, out
    read_until(b"# ")
    os.write(master, b"echo $((6*7)); tty\n")
    read_until(b"42\r\n/dev/pts/0\r\n")
    os.write(master, b"exit 5\n")
    assert p.wait(20) == 5
    os.close(master)


def test_tour(berth):
    out = berth("run")
    assert "berth run busybox echo hello" in out


def test_many_at_once(berth):
    running = [berth.popen("run", "--rm", "busybox", "echo", str(i)) for i in range(16)]
    assert sorted(int(p.communicate(timeout=60)[0]) for p in running) == list(range(16))


def test_inspect_in_docker_s_shape(berth):
    berth("create", "--name", "c", "-m", "64m", "--label", "a=b", "-v", "data:/d:ro", "--restart", "always", "-e", "X=1", "busybox",
          "sleep", "1")
    c = berth.inspect("c")
    assert c["Name"] == "/c" and c["Path"] == "sleep" and c["Args"] == ["1"] and c["Config"]["Labels"] == {"a": "b"}
    assert c["HostConfig"]["Memory"] == 64 << 20 and c["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert c["Mounts"][0]["Type"] == "volume" and c["Mounts"][0]["RW"] is False and "X=1" in c["Config"]["Env"]
    assert berth("inspect", "-f", "{{.State.Status}} {{index .Config.Cmd 1}} {{json .Config.Labels}}", "c") == \
        'created 1 {"a":"b"}\n'
    assert json.loads(berth("inspect", "-f", "json", "c"))["Name"] == "/c"
    assert "no such object: x" in berth.run("inspect", "x").stderr


# ---- as an ordinary user ------------------------------------------------------------------------------------------


def test_user_runs(user):
    assert user("run", "--rm", "busybox", "sh", "-c", "id -u; awk '{print $3}' /proc/self/uid_map").split() == ["0", "1", "65536"]
    assert user("run", "--rm", "-u", "nobody", "busybox", "id", "-un") == "nobody\n"
    assert "net" in user("run", "--rm", "--network", "host", "busybox", "ls", "/sys/class")


def test_user_lives(user):
    user("run", "-d", "--name", "c", "-v", "data:/d", "busybox", "sh", "-c", "echo hello; touch /d/x; sleep 100")
    assert user("exec", "c", "id", "-u") == "0\n"
    assert user("exec", "-u", "nobody", "c", "id", "-un") == "nobody\n"
    assert "c" in user("ps", "--format", "{{.Names}}")
    assert user("run", "--rm", "--pid", "container:c", "busybox", "sh", "-c", "ps | grep -c 'sleep 100'").strip() != "0"
    user("restart", "-t", "0", "c")
    wait_for(lambda: user("logs", "c") == "hello\nhello\n")
    user("stop", "-t", "0", "c")
    user("commit", "c", "made:1")
    assert user("run", "--rm", "-v", "data:/d", "made:1", "ls", "/d") == "x\n"
    user("rm", "c")


def test_user_keeps_his_id(user):
    assert user("run", "--rm", "--userns", "keep-id", "busybox", "id", "-u") == f"{USER}\n"
