# SPDX-License-Identifier: Apache-2.0
"""Bad input of every kind: one clear line on stderr, a non-zero exit code, and a host as clean as before.

Three tables: what can be wrong with config.json, with the command line, and with the moment (a container
that is not in the state for it). The words that an error must contain name the object and the reason.
"""
import json
import os
import re
import subprocess

import pytest

from harness import LANE, Runtime, host

GROUP = "/berth-bad-input"
TOP = "/sys/fs/cgroup"


def put(path, value):
    """A change of the config: put("process.args", [1])(config). A number is an index, "+" appends."""
    def change(c):
        *way, last = path.split(".")
        for key in way:
            key = int(key) if key.isdigit() else key
            c = c.setdefault(key, {}) if isinstance(c, dict) else c[key]
        if last == "+":
            c.append(value)
        elif isinstance(c, list):
            c[int(last)] = value
        else:
            c[last] = value
    return change


def drop(path):
    def change(c):
        *way, last = path.split(".")
        for key in way:
            c = c[key]
        del c[last]
    return change


def without_namespace(kind):
    def change(c):
        c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != kind]
    return change


def both(*changes):
    def change(c):
        for one in changes:
            one(c)
    return change


def resource(path, value):
    return put("linux.resources." + path, value)


def seccomp(**more):
    return put("linux.seccomp", {"defaultAction": "SCMP_ACT_ALLOW", **more})


def rule(**more):
    return seccomp(syscalls=[{"names": ["getpid"], "action": "SCMP_ACT_ERRNO", **more}])


def hook(kind, **more):
    return put("hooks." + kind, [{"path": "/bin/busybox", **more}])


def mount(**more):
    return put("mounts.+", {"destination": "/m", "type": "tmpfs", "source": "none", **more})


def rlimit(*limits):
    return put("process.rlimits", [{"type": t, "soft": s, "hard": h} for t, s, h in limits])


def has_lsm(name):
    try:
        with open("/sys/kernel/security/lsm", encoding="ascii") as f:
            return name in f.read().split(",")
    except OSError:
        return os.path.isdir("/sys/fs/" + name)


# (name, text or change, words). The words are a regular expression, case does not matter.
CONFIG = [
    # The text.
    ("no-file", None, r"config\.json.*no such file"),
    ("empty", "", r"config\.json"),
    ("cut-off", '{"ociVersion": "1.0.2", "process": {', r"config\.json"),
    ("garbage-after", '{"ociVersion": "1.0.2"} x', r"config\.json"),
    ("not-an-object", "[]", r"config\.json.*object"),
    ("comment", '{ /* no */ "ociVersion": "1.0.2" }', r"config\.json"),
    ("trailing-comma", '{"ociVersion": "1.0.2",}', r"config\.json"),
    ("bad-utf8", b'{"ociVersion": "1.0.2", "hostname": "\xff\xfe"}', r"config\.json.*utf-8"),
    ("nul-byte", b'{"ociVersion": "1.0.2"}\0', r"config\.json"),
    ("deep", "[" * 20000 + "]" * 20000, r"config\.json"),
    # Types and what must be there.
    ("no-version", drop("ociVersion"), r"ociVersion"),
    ("version-no-semver", put("ociVersion", "one"), r"ociVersion.*one"),
    ("version-of-the-future", put("ociVersion", "9.0.0"), r"ociVersion.*9\.0\.0"),
    ("version-number", put("ociVersion", 1), r"ociVersion"),
    ("process-string", put("process", "sh"), r"process"),
    ("args-string", put("process.args", "/bin/true"), r"process\.args"),
    ("args-empty", put("process.args", []), r"process\.args"),
    ("args-number", put("process.args", [1]), r"process\.args\[0\]"),
    ("no-args", drop("process.args"), r"process\.args"),
    ("no-cwd", drop("process.cwd"), r"cwd"),
    ("cwd-relative", put("process.cwd", "tmp"), r"cwd.*absolute"),
    ("uid-negative", put("process.user.uid", -1), r"process\.user\.uid"),
    ("uid-huge", put("process.user.uid", 1 << 32), r"process\.user\.uid"),
    ("uid-string", put("process.user.uid", "root"), r"process\.user\.uid"),
    ("uid-fraction", put("process.user.uid", 0.5), r"process\.user\.uid"),
    ("no-root", drop("root"), r"root"),
    ("root-path-missing", put("root.path", "nowhere"), r"nowhere.*no such file"),
    ("root-path-file", put("root.path", "config.json"), r"config\.json.*not a directory"),
    ("annotation-empty-key", put("annotations", {"": "x"}), r"annotation"),
    # Namespaces.
    ("ns-unknown", put("linux.namespaces.+", {"type": "moon"}), r"namespace.*moon"),
    ("ns-twice", put("linux.namespaces.+", {"type": "pid"}), r"duplicated.*pid"),
    ("ns-path-missing", put("linux.namespaces.1.path", "/no/such/ns"), r"/no/such/ns.*no such file"),
    ("ns-path-other-type", put("linux.namespaces.1.path", "/proc/self/ns/uts"), r"uts namespace, not network"),
    ("ns-path-no-namespace", put("linux.namespaces.1.path", "/etc/passwd"), r"/etc/passwd.*not a namespace"),
    ("ns-path-relative", put("linux.namespaces.1.path", "proc/self/ns/net"), r"absolute"),
    ("hostname-without-uts", both(without_namespace("uts"), put("hostname", "x")), r"hostname.*uts"),
    ("domainname-without-uts", both(without_namespace("uts"), drop("hostname"), put("domainname", "x")),
     r"domainname.*uts"),
    ("hostname-too-long", put("hostname", "h" * 65), r"hostname"),
    ("mounts-without-mount-ns", without_namespace("mount"), r"mount namespace"),
    ("id-maps-without-user-ns", put("linux.uidMappings", [{"containerID": 0, "hostID": 1, "size": 9}]),
     r"mappings.*user namespace"),
    ("user-ns-without-maps", put("linux.namespaces.+", {"type": "user"}), r"user namespace.*mappings"),
    ("offsets-without-time-ns", put("linux.timeOffsets", {"monotonic": {"secs": 1}}), r"time namespace"),
    ("net-sysctl-without-net-ns", both(without_namespace("network"), put("linux.sysctl", {"net.ipv4.ip_forward": "1"})),
     r"net.*network namespace|net.*not in a separate"),
    ("sysctl-of-the-host", put("linux.sysctl", {"kernel.panic": "1"}), r"kernel\.panic.*not in a separate"),
    ("sysctl-climbing", put("linux.sysctl", {"kernel/../kernel/core_pattern": "x"}), r"sysctl"),
    ("sysctl-unknown", put("linux.sysctl", {"net.ipv4.no_such_thing": "1"}), r"no_such_thing"),
    ("sysctl-value", put("linux.sysctl", {"net.ipv4.ip_default_ttl": "many"}), r"ip_default_ttl.*invalid argument"),
    ("net-device-missing", put("linux.netDevices", {"nosuch0": {}}), r"nosuch0"),
    # Mounts and files.
    ("mount-unknown-type", mount(type="nosuchfs"), r"/m.*no such device|nosuchfs"),
    ("mount-source-missing", mount(type="bind", source="/no/such/source", options=["bind"]),
     r"/no/such/source.*no such file"),
    ("mount-no-destination", put("mounts.+", {"type": "tmpfs"}), r"destination"),
    ("mount-bad-data", mount(options=["nosuchoption=1"]), r"/m"),
    ("mount-over-proc", put("mounts.+", {"destination": "/proc/sys", "type": "tmpfs"}), r"inside /proc"),
    ("mount-file-on-directory", mount(destination="/bin", type="bind", source="/etc/passwd", options=["bind"]),
     r"not a directory"),
    ("mount-one-id-map", mount(type="bind", source="/etc", options=["bind"],
                               uidMappings=[{"containerID": 0, "hostID": 1, "size": 1}]), r"gidMappings"),
    ("propagation-unknown", put("linux.rootfsPropagation", "loud"), r"rootfsPropagation.*loud"),
    ("masked-relative", put("linux.maskedPaths", ["proc/kcore"]), r"maskedPaths.*absolute"),
    ("readonly-relative", put("linux.readonlyPaths", ["proc/sys"]), r"readonlyPaths.*absolute"),
    ("device-type", put("linux.devices", [{"path": "/dev/x", "type": "z", "major": 1, "minor": 1}]), r"/dev/x.*type"),
    ("device-relative", put("linux.devices", [{"path": "x", "type": "c", "major": 1, "minor": 1}]), r"absolute"),
    ("device-no-number", put("linux.devices", [{"path": "/dev/x", "type": "c", "major": -1, "minor": 1}]), r"/dev/x"),
    ("device-taken", put("linux.devices", [{"path": "/bin/busybox", "type": "c", "major": 1, "minor": 3}]),
     r"/bin/busybox.*exists"),
    # The process.
    ("program-missing", put("process.args", ["nosuch"]), r"nosuch.*executable file not found in \$PATH"),
    ("program-path-missing", put("process.args", ["/no/such"]), r"/no/such.*no such file"),
    ("program-no-permission", put("process.args", ["/plain"]), r"/plain.*permission denied"),
    ("program-directory", put("process.args", ["/bin"]), r"/bin.*(permission denied|is a directory)"),
    ("no-interpreter", put("process.args", ["/script"]), r"/script.*/no/interpreter.*no such file"),
    ("interpreter-crlf", put("process.args", ["/crlf"]), r"/crlf.*CRLF"),
    ("no-loader", put("process.args", ["/loader"]), r"/loader.*/no/such/ld\.so.*no such file"),
    ("wrong-architecture", put("process.args", ["/foreign"]), r"/foreign.*exec format error"),
    ("no-program-format", put("process.args", ["/empty"]), r"/empty.*exec format error"),
    ("rlimit-unknown", rlimit(("RLIMIT_LOVE", 1, 1)), r"RLIMIT_LOVE"),
    ("rlimit-twice", rlimit(("RLIMIT_CORE", 1, 1), ("RLIMIT_CORE", 2, 2)), r"RLIMIT_CORE.*twice"),
    ("rlimit-soft-above-hard", rlimit(("RLIMIT_CORE", 2, 1)), r"RLIMIT_CORE.*above"),
    ("rlimit-huge", rlimit(("RLIMIT_NOFILE", 1 << 40, 1 << 40)), r"RLIMIT_NOFILE.*not permitted"),
    ("oom-score", put("process.oomScoreAdj", 2000), r"oomScoreAdj.*2000"),
    ("scheduler-policy", put("process.scheduler", {"policy": "SCHED_MAGIC"}), r"SCHED_MAGIC"),
    ("scheduler-nice", put("process.scheduler", {"policy": "SCHED_OTHER", "nice": 99}), r"nice.*99"),
    ("io-class", put("process.ioPriority", {"class": "FAST", "priority": 1}), r"ioPriority.*FAST"),
    ("io-priority", put("process.ioPriority", {"class": "IOPRIO_CLASS_BE", "priority": 9}), r"ioPriority.*9"),
    ("personality", put("linux.personality", {"domain": "SOLARIS"}), r"personality.*SOLARIS"),
    ("memory-policy", put("linux.memoryPolicy", {"mode": "MPOL_MAGIC", "nodes": "0"}), r"MPOL_MAGIC"),
    # Seccomp.
    ("seccomp-action", seccomp(defaultAction="SCMP_ACT_WISH"), r"SCMP_ACT_WISH"),
    ("seccomp-architecture", seccomp(architectures=["SCMP_ARCH_PDP11"]), r"SCMP_ARCH_PDP11"),
    ("seccomp-flag", seccomp(flags=["SECCOMP_FILTER_FLAG_WISH"]), r"SECCOMP_FILTER_FLAG_WISH"),
    ("seccomp-no-names", rule(names=[]), r"names"),
    ("seccomp-operator", rule(args=[{"index": 0, "value": 1, "op": "SCMP_CMP_LIKE"}]), r"SCMP_CMP_LIKE"),
    ("seccomp-index", rule(args=[{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]), r"index.*(6|5)"),
    ("seccomp-errno-of-allow", rule(action="SCMP_ACT_ALLOW", errnoRet=1), r"SCMP_ACT_ALLOW.*errno"),
    ("seccomp-notify-nobody", rule(action="SCMP_ACT_NOTIFY"), r"listenerPath"),
    ("seccomp-listener-missing", both(rule(action="SCMP_ACT_NOTIFY"),
                                      put("linux.seccomp.listenerPath", "/no/such/socket")), r"/no/such/socket"),
    ("seccomp-metadata-alone", seccomp(listenerMetadata="x"), r"listenerMetadata"),
    # Control groups.
    ("group-root", put("linux.cgroupsPath", "/"), r"cgroupsPath"),
    ("memory-string", resource("memory.limit", "64M"), r"memory\.limit"),
    ("swap-below-limit", resource("memory", {"limit": 64 << 20, "swap": 32 << 20}), r"swap.*less than"),
    ("swappiness", resource("memory.swappiness", 500), r"swappiness.*500"),
    ("quota-too-small", resource("cpu.quota", 1), r"quota.*1000"),
    ("period-too-long", resource("cpu", {"quota": 5000, "period": 99999999}), r"period.*1000000"),
    ("burst-above-quota", resource("cpu", {"quota": 10000, "period": 100000, "burst": 20000}), r"burst.*quota"),
    ("cpus-no-list", resource("cpu.cpus", "some"), r"cpus.*some"),
    ("cpus-not-there", resource("cpu.cpus", "900-901"), r"cpus.*900"),
    ("pids-string", resource("pids.limit", "ten"), r"pids\.limit"),
    ("weight-out-of-range", resource("blockIO.weight", 5), r"weight.*5"),
    ("hugepage-size", resource("hugepageLimits", [{"pageSize": "3KB", "limit": 0}]), r"3KB"),
    ("class-id-huge", resource("network.classID", 1 << 33), r"classID"),
    ("device-rule-type", resource("devices", [{"allow": True, "type": "z", "access": "r"}]), r"devices\[0\].*type"),
    ("device-rule-access", resource("devices", [{"allow": True, "access": "rx"}]), r"devices\[0\].*access"),
    ("unified-path", resource("unified", {"../memory.max": "1"}), r"unified"),
    ("unified-unknown", resource("unified", {"memory.nosuch": "1"}), r"unified.*memory\.nosuch|memory\.nosuch.*v2"),
    ("rdt-missing", put("linux.intelRdt", {"closID": "x"}), r"resctrl|intelRdt"),
    # Hooks.
    ("hook-relative", hook("createRuntime", path="busybox"), r"hooks\.createRuntime.*absolute"),
    ("hook-no-time", hook("prestart", timeout=0), r"timeout"),
    ("hook-missing", hook("createRuntime", path="/no/such/hook"), r"/no/such/hook.*no such file"),
    ("hook-fails", hook("prestart", args=["sh", "-c", "echo sorry >&2; exit 3"]), r"hook.*status 3.*sorry"),
    ("hook-dies", hook("createContainer", args=["sh", "-c", "kill -9 $$"]), r"hook.*signal 9"),
    ("hook-too-slow", hook("createRuntime", args=["sleep", "30"], timeout=1), r"hook.*1 s"),
    ("hook-in-container-missing", hook("startContainer", path="/no/such/hook"), r"/no/such/hook.*no such file"),
]
if not has_lsm("apparmor"):
    CONFIG.append(("apparmor-missing", put("process.apparmorProfile", "p"), r"apparmor.*p.*(no AppArmor|not loaded)"))
if not has_lsm("selinux"):
    CONFIG.append(("selinux-missing", put("process.selinuxLabel", "l"), r"selinux.*l.*no SELinux"))

# (name, arguments, words); {b} is a good bundle, {d} a directory of the test.
ARGUMENTS = [
    ("unknown-command", ["fly"], r"fly"),
    ("unknown-option", ["--fly", "list"], r"fly"),
    ("unknown-option-of-command", ["run", "--fly", "x"], r"fly"),
    ("option-without-value", ["--root"], r"root"),
    ("no-id", ["run", "--bundle", "{b}"], r"id|argument"),
    ("too-many-arguments", ["run", "--bundle", "{b}", "x", "y"], r"argument"),
    ("id-empty", ["run", "--bundle", "{b}", ""], r"id.*empty"),
    ("id-climbing", ["run", "--bundle", "{b}", "../x"], r"invalid.*id.*\.\./x"),
    ("id-dots", ["run", "--bundle", "{b}", ".."], r"invalid.*id"),
    ("id-slash", ["run", "--bundle", "{b}", "a/b"], r"invalid.*id"),
    ("id-space", ["run", "--bundle", "{b}", "a b"], r"invalid.*id"),
    ("id-line", ["run", "--bundle", "{b}", "a\nb"], r"invalid.*id"),
    ("id-too-long", ["run", "--bundle", "{b}", "x" * 2000], r"invalid.*id"),
    ("bundle-missing", ["run", "--bundle", "{d}/nowhere", "x"], r"nowhere.*no such file"),
    ("bundle-file", ["run", "--bundle", "{b}/config.json", "x"], r"not a directory"),
    ("root-no-directory", ["--root", "/etc/passwd", "run", "--bundle", "{b}", "x"], r"/etc/passwd.*not a directory"),
    ("log-format", ["--log-format", "xml", "list"], r"xml"),
    ("pid-file-nowhere", ["run", "--pid-file", "{d}/no/pid", "--bundle", "{b}", "x"], r"no/pid.*no such file"),
    ("pidfd-socket-nowhere", ["run", "--pidfd-socket", "{d}/no.sock", "--bundle", "{b}", "x"], r"no\.sock"),
    ("console-socket-without-terminal", ["create", "--console-socket", "{d}/no.sock", "--bundle", "{b}", "x"],
     r"console socket.*terminal"),
    ("preserve-closed-fds", ["run", "--preserve-fds", "3", "--bundle", "{b}", "x"], r"preserve|descriptor|fd"),
    ("preserve-no-number", ["run", "--preserve-fds", "some", "--bundle", "{b}", "x"], r"some"),
    ("state-of-nobody", ["state", "nobody"], r"nobody.*does not exist"),
    ("start-of-nobody", ["start", "nobody"], r"nobody.*does not exist"),
    ("kill-of-nobody", ["kill", "nobody", "TERM"], r"nobody.*does not exist"),
    ("delete-of-nobody", ["delete", "nobody"], r"nobody.*does not exist"),
    ("exec-in-nobody", ["exec", "nobody", "true"], r"nobody.*does not exist"),
    ("pause-of-nobody", ["pause", "nobody"], r"nobody.*does not exist"),
    ("resume-of-nobody", ["resume", "nobody"], r"nobody.*does not exist"),
    ("ps-of-nobody", ["ps", "nobody"], r"nobody.*does not exist"),
    ("update-of-nobody", ["update", "nobody", "--memory", "1000000"], r"nobody.*does not exist"),
    ("events-of-nobody", ["events", "--stats", "nobody"], r"nobody.*does not exist"),
    ("list-format", ["list", "--format", "xml"], r"xml"),
    ("plan-of-nothing", ["plan", "{d}/nowhere"], r"nowhere.*no such file"),
]

# (name, state of container "x", arguments, words)
MOMENTS = [
    ("id-taken", "running", ["run", "--bundle", "{b}", "x"], r"exists.*x|x.*exists"),
    ("start-twice", "running", ["start", "x"], r"cannot start an already running container"),
    ("start-stopped", "stopped", ["start", "x"], r"stopped"),
    ("delete-while-running", "running", ["delete", "x"], r"not stopped"),
    ("kill-stopped", "stopped", ["kill", "x", "TERM"], r"container not running"),
    ("kill-unknown-signal", "running", ["kill", "x", "SIGMAGIC"], r"SIGMAGIC"),
    ("kill-signal-number", "running", ["kill", "x", "999"], r"999"),
    ("exec-stopped", "stopped", ["exec", "x", "true"], r"cannot exec in a stopped container"),
    ("exec-nothing", "running", ["exec", "x"], r"process args|argument|command"),
    ("exec-missing-program", "running", ["exec", "x", "nosuch"], r"nosuch.*executable file not found"),
    ("exec-no-permission", "running", ["exec", "x", "/plain"], r"/plain.*permission denied"),
    ("exec-user-name", "running", ["exec", "--user", "nobody", "x", "true"], r"nobody"),
    ("exec-user-half-number", "running", ["exec", "--user", "0x", "x", "true"], r"0x"),
    ("exec-cwd-relative", "running", ["exec", "--cwd", "tmp", "x", "true"], r"cwd.*absolute"),
    ("exec-cwd-missing", "running", ["exec", "--cwd", "/no/such", "x", "true"], r"/no/such.*no such file"),
    ("exec-process-missing", "running", ["exec", "--process", "{d}/nowhere", "x"], r"nowhere.*no such file"),
    ("exec-process-broken", "running", ["exec", "--process", "{d}/broken", "x"], r"process: line 1 byte 2"),
    ("exec-paused", "paused", ["exec", "x", "true"], r"paused"),
    ("pause-stopped", "stopped", ["pause", "x"], r"not running"),
    ("resume-running", "running", ["resume", "x"], r"not paused"),
    ("update-no-number", "running", ["update", "x", "--memory", "lots"], r"lots"),
    ("update-quota", "running", ["update", "x", "--cpu-quota", "1"], r"quota"),
    ("update-file-missing", "running", ["update", "-r", "{d}/nowhere", "x"], r"nowhere.*no such file"),
    ("update-file-broken", "running", ["update", "-r", "{d}/broken", "x"], r"resources: line 1 byte 2"),
    ("update-stopped", "stopped", ["update", "x", "--pids-limit", "5"], r"stopped|not running"),
    ("ps-format", "running", ["ps", "--format", "xml", "x"], r"xml"),
    ("events-stopped", "stopped", ["events", "--stats", "x"], r"stopped|not running"),
]


def elf(machine, interpreter=b""):
    """A program of another machine, or one whose loader is missing."""
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + (2).to_bytes(2, "little") + machine.to_bytes(2, "little")
    header += (1).to_bytes(4, "little") + (0x400078).to_bytes(8, "little") + (64).to_bytes(8, "little") + bytes(8)
    header += bytes(4) + (64).to_bytes(2, "little") + (56).to_bytes(2, "little")
    header += (1).to_bytes(2, "little") + bytes(6)
    name = interpreter + b"\0"
    program = (3 if interpreter else 1).to_bytes(4, "little") + (5).to_bytes(4, "little")
    program += (120).to_bytes(8, "little") + (0x400078).to_bytes(8, "little") * 2
    program += len(name).to_bytes(8, "little") * 2 + (1 if interpreter else 4096).to_bytes(8, "little")
    return header + program + name


ROOT_FILES = [
    ("plain", b"x", 0o644), ("script", b"#!/no/interpreter\n", 0o755), ("crlf", b"#!/bin/sh\r\n", 0o755),
    ("empty", b"", 0o755), ("foreign", elf(0xF3), 0o755), ("loader", elf(62, b"/no/such/ld.so"), 0o755),
]


@pytest.fixture
def box(bundle, place):
    """The bundle with some programs that cannot run; nothing in it but files, before and after."""
    for name, data, mode in ROOT_FILES:
        with open(bundle.inside(name), "wb") as f:
            f.write(data)
        os.chmod(bundle.inside(name), mode)
    with open(place + "/broken", "w", encoding="ascii") as f:
        f.write("{")
    bundle.args("true")
    before = entries(bundle)
    yield bundle
    new = entries(bundle) - before
    # Places for mounts (folders, empty files) are made in every rootfs; nodes and links are not.
    assert not [p for p in new if os.path.islink(p) or not (os.path.isdir(p) or os.path.isfile(p))]


def entries(bundle):
    return {os.path.join(d, n) for d, folders, files in os.walk(bundle.rootfs) for n in folders + files}


def check_refusal(result, words):
    lines = [line for line in result.err.splitlines() if line.strip()]
    assert result.code > 0, str(result)
    assert len(lines) == 1, f"not one line:\n{result}"
    assert re.search(words, lines[0], re.IGNORECASE), f"{words!r} is not in: {lines[0]}"
    assert len(lines[0]) < 700, f"long: {lines[0]}"
    assert not re.search(r"error -?\d+|errno -?\d+|\(null\)|step \d+", lines[0]), lines[0]


def refuse(runtime, words, *argv):
    """The call must fail with these words and change nothing on the host."""
    before = host.Host()
    state = runtime.ids()
    check_refusal(runtime(*argv), words)
    assert before.leftovers() == []
    assert runtime.ids() == state


@pytest.mark.parametrize("change, words", [c[1:] for c in CONFIG], ids=[c[0] for c in CONFIG])
def test_config(runtime, box, change, words):
    path = box.path + "/config.json"
    if change is None:
        assert not os.path.exists(path)
    elif callable(change):
        change(box.config)
        box.write()
    else:
        with open(path, "wb") as f:
            f.write(change if isinstance(change, bytes) else change.encode())
    refuse(runtime, words, "run", "--bundle", box.path, "x")


def fill(argv, box, place):
    return [a.replace("{b}", box.path).replace("{d}", place) for a in argv]


@pytest.mark.parametrize("argv, words", [c[1:] for c in ARGUMENTS], ids=[c[0] for c in ARGUMENTS])
def test_arguments(runtime, box, place, argv, words):
    box.write()
    if argv[0:1] == ["--root"]:
        runtime = Runtime(place + "/other")
    refuse(runtime, words, *fill(argv, box, place))


@pytest.mark.parametrize("state, argv, words", [c[1:] for c in MOMENTS], ids=[c[0] for c in MOMENTS])
def test_moment(runtime, box, place, state, argv, words):
    c = runtime.run_detached(box.args("sleep", "1000"), ident="x")
    if state == "paused":
        c.call("pause").ok()
    if state == "stopped":
        c.kill().ok()
        c.wait("stopped")
    refuse(runtime, words, *fill(argv, box, place))
    assert c.status == state


def test_terminal_without_console_socket(runtime, box):
    box.process["terminal"] = True
    box.write()
    refuse(runtime, r"console.socket|cannot allocate tty", "create", "--bundle", box.path, "x")


def test_terminal_with_a_dead_console_socket(runtime, box, place):
    box.process["terminal"] = True
    box.write()
    refuse(runtime, r"no\.sock.*no such file", "create", "--console-socket", place + "/no.sock", "--bundle",
           box.path, "x")


def test_rlimit_that_needs_a_missing_capability(box, place):
    rlimit(("RLIMIT_CORE", 4096, 4096))(box.config)
    box.write()
    poor = Runtime(place + "/state", prefix=["prlimit", "--core=1024:1024", "setpriv", "--bounding-set=-sys_resource",
                                             "--inh-caps=-sys_resource"])
    refuse(poor, r"RLIMIT_CORE.*not permitted", "run", "--bundle", box.path, "x")


@pytest.fixture
def group(box):
    """A group of the test where the container is to have its own."""
    box.linux["cgroupsPath"] = GROUP + "/x"
    box.write()
    top = TOP if LANE == "v2" else TOP + "/freezer"
    path = top + GROUP + "/x"
    os.makedirs(path)
    yield path
    os.rmdir(path)
    os.rmdir(top + GROUP)


def put_file(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def test_group_that_is_not_empty(runtime, box, group):
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        put_file(group + "/cgroup.procs", str(sleeper.pid))
        refuse(runtime, r"cgroup.*not empty", "run", "--bundle", box.path, "x")
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_group_that_is_frozen(runtime, box, group):
    file, on, off = ("cgroup.freeze", "1", "0") if LANE == "v2" else ("freezer.state", "FROZEN", "THAWED")
    put_file(f"{group}/{file}", on)
    try:
        refuse(runtime, r"cgroup.*frozen", "run", "--bundle", box.path, "x")
    finally:
        put_file(f"{group}/{file}", off)


def test_memory_limit_too_small_to_start(runtime, box):
    box.resources["memory"] = {"limit": 4096}
    box.write()
    refuse(runtime, r"memory", "run", "--bundle", box.path, "x")


def test_error_in_the_log_file(runtime, place):
    """--log gets the same line, as JSON where asked for: containerd reads it there."""
    log = place + "/log.json"
    runtime("--log", log, "--log-format", "json", "state", "nobody").fails()
    with open(log, encoding="utf-8") as f:
        last = json.loads(f.read().splitlines()[-1])
    assert last["level"] == "error" and "nobody" in last["msg"] and "time" in last
