# SPDX-License-Identifier: Apache-2.0
"""A container's life: states, hooks, terminals, descriptors, signals, and the documents about it."""
import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import termios
import time

import jsonschema
import pytest

from harness import LANE, REPO, Runtime, wait_for

SCHEMAS = os.path.join(REPO, "tests", "data", "schema")
AT_CREATE = ["prestart", "createRuntime", "createContainer"]
AT_START = ["startContainer", "poststart"]


def validate(document, name):
    """Against a schema of the runtime specification; nothing is fetched."""
    store = {}
    for file in os.listdir(SCHEMAS):
        if file.endswith(".json"):
            with open(os.path.join(SCHEMAS, file)) as f:
                store["file:///" + file] = json.load(f)
    resolver = jsonschema.RefResolver("file:///" + name, store["file:///" + name], store)
    jsonschema.Draft4Validator(store["file:///" + name], resolver=resolver).validate(document)


@pytest.fixture
def bundle(bundle):
    return bundle.probe("sleep")


# ---- states ---------------------------------------------------------------------------------------


def test_states(runtime, bundle):
    bundle.config["annotations"] = {"org.example.key": "value"}
    c = runtime.create(bundle)
    seen = []

    def see(status):
        state = c.state()
        # "paused" is ours, as the specification allows; its schema does not know it.
        validate(dict(state, status="running") if status == "paused" else state, "state-schema.json")
        assert state["status"] == status
        assert state["annotations"] == {"org.example.key": "value"}
        assert state["bundle"] == bundle.path and state["id"] == c.id
        seen.append(state["pid"])

    see("created")
    c.start()
    see("running")
    c.call("pause").ok()
    see("paused")
    c.call("resume").ok()
    see("running")
    c.kill().ok()
    c.wait()
    see("stopped")
    assert seen[0] > 0 and seen[:4] == [seen[0]] * 4 and seen[4] == 0
    c.delete().ok()
    c.call("state").fails("does not exist", code=1)


def test_what_a_running_container_refuses(runtime, bundle):
    c = runtime.create(bundle)
    runtime("create", "--bundle", bundle.path, c.id).fails("container with id exists", code=1)
    c.call("resume").fails("container not paused", code=1)
    c.start()
    c.call("start").fails("cannot start an already running container", code=1)
    c.call("delete").fails("not stopped: running", code=1)
    runtime("run", "--bundle", bundle.path, c.id).fails("container with id exists", code=1)
    assert c.status == "running"


def test_what_a_stopped_container_refuses(runtime, bundle):
    c = runtime.run_detached(bundle)
    c.kill().ok()
    c.wait()
    c.call("start").fails("cannot start a container that has stopped", code=1)
    c.kill().fails("container not running", code=1)
    c.exec("true").fails("stopped", code=255)
    c.call("pause").fails("not running", code=1)
    c.delete().ok()
    for verb in ("start", "state", "kill", "pause", "resume", "delete"):
        c.call(verb).fails("does not exist", code=1)


def test_delete_of_a_created_container(runtime, bundle):
    """The specification forbids it, but callers rely on it."""
    runtime.create(bundle).delete().ok()
    assert runtime.ids() == []


def test_no_process(runtime, bundle):
    del bundle.config["process"]
    c = runtime.create(bundle)
    assert c.status == "created"
    c.call("start").fails("process", code=1)
    c.delete().ok()
    runtime.run(bundle).fails("process", code=1)
    assert runtime.ids() == []


@pytest.mark.parametrize("args, text", [
    (["nosuch"], "executable file not found"), (["/nosuch"], "no such file or directory"),
    (["/tmp"], "permission denied"), (["/etc/passwd"], "permission denied")], ids=lambda a: str(a[0]))
def test_run_of_what_cannot_run(runtime, bundle, args, text):
    """Docker makes its exit codes 126 and 127 from these words."""
    runtime.run(bundle.args(*args)).fails(text, code=1)
    assert runtime.ids() == []


def test_a_bad_pid_file_leaves_nothing(runtime, bundle):
    for verb in ("create", "run"):
        bundle.write()
        runtime(verb, "--bundle", bundle.path, "--pid-file", "/no/such/pid", "x").fails("no/such", code=1)
        assert runtime.ids() == []


# ---- signals --------------------------------------------------------------------------------------


def test_run_passes_signals_on(runtime, bundle, place):
    out = os.path.join(place, "out")
    bundle.probe("trap", 12, "--", "exit", 9).write()
    with open(out, "w") as f:
        p = runtime.popen("run", "--bundle", bundle.path, "x", stdout=f)
    wait_for(lambda: "trapping" in open(out).read())
    p.send_signal(signal.SIGUSR2)
    assert p.wait(10) == 9
    assert runtime.ids() == []


def test_run_tells_of_a_killed_container(runtime, bundle):
    bundle.write()
    p = runtime.popen("run", "--bundle", bundle.path, "x")
    wait_for(lambda: runtime.ids() and runtime("state", "x").ok().json["status"] == "running")
    runtime("kill", "x", "KILL").ok()
    assert p.wait(10) == 137
    assert runtime.ids() == []


@pytest.mark.parametrize("name", ["TERM", "KILL"])
def test_kill_all(runtime, bundle, name):
    """Without a pid namespace the rest outlives the first process."""
    bundle.drop_namespace("pid").args("sh", "-c", "sleep 1000 & sleep 1001 & wait")

    def pids():
        return runtime("ps", "--format", "json", c.id).ok().json

    c = runtime.run_detached(bundle)
    wait_for(lambda: len(pids()) == 3)
    c.kill("KILL").ok()
    c.wait()
    assert len(pids()) == 2
    c.kill(name, "--all").ok()
    wait_for(lambda: not pids())
    c.delete().ok()


# ---- hooks ----------------------------------------------------------------------------------------


@pytest.fixture
def hooks(bundle, place):
    """add(KIND, COMMAND): a hook whose standard input and folder go to read(), in order, with COMMAND's output."""
    folder = os.path.join(place, "log")
    os.mkdir(folder)
    bundle.bind(folder, "/log", "rbind", "rw")

    class Hooks:
        @staticmethod
        def add(kind, command="true", **more):
            log = "/log/log" if kind == "startContainer" else os.path.join(folder, "log")
            script = f"printf '{kind} %s ' \"$PWD\" >> {log}; /bin/cat >> {log}; echo >> {log}; {command}"
            bundle.hook(kind, "/bin/sh", "sh", "-c", script, **more)

        @staticmethod
        def read():
            """(kind, folder, state) of each hook that ran."""
            try:
                with open(os.path.join(folder, "log")) as f:
                    return [(k, d, json.loads(s)) for k, d, s in (line.split(" ", 2) for line in f)]
            except FileNotFoundError:
                return []

        @staticmethod
        def kinds():
            return [kind for kind, _, _ in Hooks.read()]
    return Hooks


def test_hooks(runtime, bundle, hooks):
    """In the specification's order, each with the state of its moment."""
    bundle.config["annotations"] = {"a": "b"}
    for kind in [*reversed(AT_CREATE + AT_START), "poststop"]:
        hooks.add(kind)
    hooks.add("prestart")
    c = runtime.create(bundle)
    assert hooks.kinds() == ["prestart", *AT_CREATE]
    c.start()
    pid = c.pid
    c.kill().ok()
    c.wait().delete().ok()
    assert hooks.kinds() == ["prestart", *AT_CREATE, *AT_START, "poststop"]
    statuses = ["creating"] * 4 + ["created", "running", "stopped"]
    for (kind, folder, state), status in zip(hooks.read(), statuses):
        validate(state, "state-schema.json")
        assert state["status"] == status, kind
        assert state["id"] == c.id and state["bundle"] == bundle.path
        assert state["annotations"] == {"a": "b"}
        if kind in ("prestart", "createRuntime", "poststart"):
            assert state["pid"] == pid and folder == bundle.path


def test_hooks_of_run(runtime, bundle, hooks):
    for kind in [*AT_CREATE, *AT_START, "poststop"]:
        hooks.add(kind)
    assert runtime.run(bundle.probe("exit", 3)).code == 3
    assert hooks.kinds() == [*AT_CREATE, *AT_START, "poststop"]


def test_hook_environment(runtime, bundle, place):
    """Just what the configuration says, and the standard descriptors."""
    out = os.path.join(place, "out")
    bundle.hook("createRuntime", "/bin/sh", "name", "-c", f"exec > {out}; env; echo $0; ls /proc/$$/fd",
                env=["ONLY=this", "PATH=/bin:/usr/bin"])
    runtime.create(bundle)
    with open(out) as f:
        words = f.read().split()
    assert "ONLY=this" in words and "name" in words and not any(w.startswith("HOME=") for w in words)
    assert [w for w in words if w.isdigit() and int(w) > 2] == []


def test_hook_in_the_containers_namespaces(runtime, bundle, hooks, place):
    """createContainer and startContainer run in them, the others outside."""
    own = os.readlink("/proc/self/ns/uts")
    names = {kind: os.path.join(place, "log", kind) for kind in [*AT_CREATE, *AT_START, "poststop"]}
    for kind, file in names.items():
        file = f"/log/{kind}" if kind == "startContainer" else file
        hooks.add(kind, f"readlink /proc/self/ns/uts > {file}", env=["PATH=/bin:/usr/bin"])
    runtime.create(bundle).start().delete("--force").ok()
    for kind, file in names.items():
        with open(file) as f:
            assert (f.read().strip() == own) == (kind not in ("createContainer", "startContainer")), kind


@pytest.mark.parametrize("kind", [*AT_CREATE, *AT_START])
def test_failing_hook(runtime, bundle, hooks, kind):
    """The container goes, the next hook of that kind does not run, poststop does."""
    hooks.add(kind, "echo sorry >&2; exit 3")
    hooks.add(kind)
    hooks.add("poststop")
    runtime.run(bundle).fails(kind, "sorry", "3", code=1)
    assert runtime.ids() == []
    assert hooks.kinds() == [kind, "poststop"]


@pytest.mark.parametrize("kind", AT_START)
def test_hook_that_fails_start(runtime, bundle, hooks, kind):
    hooks.add(kind, "exit 1")
    c = runtime.create(bundle)
    c.call("start").fails(kind, code=1)
    c.wait()
    c.delete().ok()


def test_failing_poststop(runtime, bundle, hooks):
    """Deletion goes on."""
    hooks.add("poststop", "echo sorry; exit 1")
    hooks.add("poststop")
    c = runtime.run_detached(bundle)
    result = c.delete("--force").ok()
    assert "sorry" in result.err and "level=warning" in result.err
    assert runtime.ids() == []
    assert hooks.kinds() == ["poststop", "poststop"]


def test_hook_timeout(runtime, bundle, hooks):
    hooks.add("createRuntime", "exec sleep 1000", timeout=1)
    start = time.monotonic()
    runtime.run(bundle).fails("createRuntime", "1 s", code=1)
    assert time.monotonic() - start >= 1
    assert runtime.ids() == []


def test_hook_that_is_not_there(runtime, bundle):
    bundle.hook("prestart", "/no/such/hook")
    runtime.run(bundle).fails("/no/such/hook", "no such file or directory", code=1)
    assert runtime.ids() == []


# ---- terminals ------------------------------------------------------------------------------------


class ConsoleSocket:
    """Receives a terminal's master, as callers do."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(1)
        self.socket.settimeout(20)
        self.master = -1

    def receive(self):
        connection, _ = self.socket.accept()
        with connection:
            name, fds, _, _ = socket.recv_fds(connection, 4096, 4)
        assert len(fds) == 1 and name
        self.master = fds[0]
        return self

    def read(self):
        """Until the container's end is closed."""
        return read_all(self.master)

    def close(self):
        self.socket.close()
        if self.master >= 0:
            os.close(self.master)


def read_all(master):
    out = b""
    try:
        while chunk := os.read(master, 4096):
            out += chunk
    except OSError:  # EIO: nobody has the other end any more
        pass
    return out


def answer(out):
    return json.loads(re.search(rb"\{.*\}", out).group())


@pytest.fixture
def console(place):
    s = ConsoleSocket(os.path.join(place, "console"))
    yield s
    s.close()


@pytest.mark.parametrize("uid", [0, 1000])
def test_console_socket(runtime, bundle, console, uid):
    bundle.probe("tty", "--", "stat", "/proc/self/fd/0", "--", "open", "/dev/tty", "rw")
    bundle.process.update(terminal=True, consoleSize={"height": 33, "width": 77}, user={"uid": uid, "gid": 0})
    c = runtime.create(bundle, "--console-socket", console.path)
    console.receive()
    c.start()
    tty, link, controlling = [json.loads(line) for line in console.read().splitlines()]
    assert (tty["tty"], tty["rows"], tty["columns"], tty["onlcr"]) == ([1, 1, 1], 33, 77, 1)
    assert tty["controls"] == 1
    assert link["link"] == "/dev/pts/0"
    assert "errno" not in controlling


def test_console_of_exec(runtime, bundle, console):
    c = runtime.run_detached(bundle)
    c.exec("probe", "tty", options=["--tty", "--detach", "--console-socket", console.path]).ok()
    assert answer(console.receive().read())["tty"] == [1, 1, 1]


def test_terminal_in_the_foreground(runtime, bundle):
    """Keys go in, lines come out whole (no staircase, no second CR), the size follows ours, and our terminal is as it was."""
    bundle.args("sh", "-c", "read x; echo got $x; stty size; exit 3").write()
    bundle.process["terminal"] = True
    bundle.write()
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 99, 0, 0))
    before = termios.tcgetattr(theirs)
    p = runtime.popen("run", "--bundle", bundle.path, "x", stdin=theirs, stdout=theirs, stderr=theirs,
                      start_new_session=True)
    try:
        wait_for(lambda: not termios.tcgetattr(theirs)[3] & termios.ICANON)
        os.write(ours, b"hello\r")
        assert p.wait(20) == 3
        assert termios.tcgetattr(theirs) == before
        os.close(theirs)
        assert read_all(ours) == b"hello\r\ngot hello\r\n40 99\r\n"
    finally:
        os.close(ours)


def test_terminal_without_one_of_ours(runtime, bundle):
    bundle.process["terminal"] = True
    result = runtime.run(bundle.probe("tty"), stdin="typed\n").ok()
    assert result.probe("tty")["tty"] == [1, 1, 1] and result.probe("tty")["onlcr"] == 0
    assert "\r" not in result.out
    result = runtime.run(bundle.args("cat"), stdin="typed\n").ok()
    assert result.out.count("typed") == 2, "the terminal's echo, and cat's"


def test_console_refusals(runtime, bundle, place):
    missing = os.path.join(place, "missing")
    bundle.write()
    runtime("create", "-b", bundle.path, "--console-socket", missing, "x").fails("console socket", code=1)
    bundle.process["terminal"] = True
    bundle.write()
    runtime("create", "-b", bundle.path, "x").fails("cannot allocate tty", "console socket", code=1)
    runtime("create", "-b", bundle.path, "--console-socket", missing, "x").fails("no such file", code=1)
    assert runtime.ids() == []


# ---- descriptors ----------------------------------------------------------------------------------


def with_shell(runtime, script):
    """The runtime started by a shell that runs SCRIPT first, in the same process."""
    return Runtime(runtime.root, prefix=["sh", "-c", script + '; exec "$@"', "sh"])


def files(place, n):
    for i in range(n):
        with open(os.path.join(place, f"file{i}"), "w") as f:
            f.write(f"text{i}")
    return "exec " + " ".join(f"{i + 3}<{place}/file{i}" for i in range(n))


def open_files(result):
    fds = result.ok().probe("fds")["fds"]
    return {n: os.path.basename(target) for n, target in fds.items() if int(n) > 2}


def test_preserve_fds(runtime, bundle, place):
    caller = with_shell(runtime, files(place, 3))
    bundle.probe("fds")
    assert open_files(caller.run(bundle)) == {}
    assert open_files(caller.run(bundle, "--preserve-fds", "2")) == {"3": "file0", "4": "file1"}
    runtime.run(bundle, "--preserve-fds", "500").fails("preserve-fds", code=1)
    runtime.run(bundle, "--preserve-fds", "99999").fails("preserve-fds", code=1)


def test_listen_fds(runtime, bundle, place):
    """Socket activation, sd_listen_fds(3): only what was meant for our pid; the program hears that it is pid 1."""
    opened = files(place, 3)
    bundle.probe("fds", "--", "env")
    meant = with_shell(runtime, opened + "; export LISTEN_FDS=1 LISTEN_PID=$$")
    result = meant.run(bundle)
    assert open_files(result) == {"3": "file0"}
    assert {"LISTEN_FDS=1", "LISTEN_PID=1"} <= set(result.probe("env")["env"])
    assert open_files(meant.run(bundle, "--preserve-fds", "1")) == {"3": "file0", "4": "file1"}
    for environment in ("LISTEN_FDS=1", "LISTEN_FDS=1 LISTEN_PID=1", "LISTEN_FDS=x LISTEN_PID=$$"):
        result = with_shell(runtime, opened + f"; export {environment}").run(bundle)
        assert open_files(result) == {}
        assert not any(e.startswith("LISTEN") for e in result.probe("env")["env"])


def test_notify_socket(runtime, bundle, place):
    """What the container says to its service manager arrives."""
    path = os.path.join(place, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(10)
        caller = Runtime(runtime.root, env={"NOTIFY_SOCKET": path})
        result = caller.run(bundle.probe("notify", "READY=1")).ok()
        assert "errno" not in result.probe("notify"), str(result)
        assert s.recv(100) == b"READY=1"


# ---- exec -----------------------------------------------------------------------------------------


def test_exec_in_a_group_below(runtime, bundle):
    name = f"berth-below-{os.getpid()}"
    bundle.linux["cgroupsPath"] = "/" + name
    bundle.resources["pids"] = {"limit": 100}
    c = runtime.run_detached(bundle)
    folders = {c: f for c, f in c.cgroups.folder.items() if f.endswith("/" + name)}
    for folder in set(folders.values()):
        os.mkdir(os.path.join(folder, "below"))

    def groups(option):
        out = c.exec("cat", "/proc/self/cgroup", options=["--cgroup", option]).ok().out
        return {c: path for line in out.splitlines() for c in line.split(":", 2)[1].split(",")
                for path in [line.split(":", 2)[2]] if c in folders}

    assert folders and groups("below") == {c: "/below" for c in folders}
    # Above the container's own group there is nothing.
    assert groups("../..") == {c: "/" for c in folders}
    if LANE == "host":
        assert groups("pids:below") == {c: "/below" if c == "pids" else "/" for c in folders}
    c.exec("true", options=["--cgroup", "nowhere"]).fails("nowhere", code=255)


def test_exec_before_start(runtime, bundle):
    c = runtime.create(bundle)
    assert c.exec("probe", "exit", 5).code == 5
    assert c.status == "created"


# ---- documents ------------------------------------------------------------------------------------


def test_features_schema(runtime):
    validate(runtime("features").ok().json, "features-schema.json")


def test_plan_touches_nothing(runtime, bundle):
    """As a user without any rights, on a bundle with hooks, limits and devices."""
    bundle.hook("prestart", "/bin/false").resources["memory"] = {"limit": 1 << 30}
    bundle.write()
    nobody = Runtime("/nowhere/at/all", prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])

    def times():
        return {os.path.join(folder, name): os.lstat(os.path.join(folder, name)).st_mtime_ns
                for folder, folders, names in os.walk(bundle.path) for name in folders + names}

    before = times()
    assert nobody("plan", "--bundle", bundle.path).ok().json
    assert times() == before
    assert not os.path.exists("/nowhere")
