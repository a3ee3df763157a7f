# SPDX-License-Identifier: Apache-2.0
"""What a process may do: capabilities, no_new_privs, seccomp, labels, keyrings, limits and ids, read back from inside.

Descriptors, working directories and dumpability are under attack in tests/regress."""
import ctypes
import json
import os
import platform
import resource
import struct

import pytest

from harness import REPO, Runtime

libc = ctypes.CDLL(None, use_errno=True)
DOCKER_LIKE = os.path.join(REPO, "tests", "data", "seccomp", "docker-like.json")
SIGSYS = 128 + 31
CHOWN, NET_BIND_SERVICE, NET_RAW, SYS_ADMIN = 0, 10, 13, 21
ALL = {"bounding": ["CHOWN", "NET_RAW", "NET_BIND_SERVICE"], "permitted": ["CHOWN", "NET_RAW"], "effective": ["CHOWN"],
       "inheritable": ["NET_RAW", "CHOWN"], "ambient": ["NET_RAW"]}


def bits(*caps):
    return sum(1 << c for c in caps)


def set_caps(bundle, **sets):
    bundle.process["capabilities"] = {k: ["CAP_" + c for c in v] for k, v in sets.items()}
    return bundle


def caps_of(result):
    status = result.ok().probe("status")
    return {k: int(status["Cap" + k], 16) for k in ("Bnd", "Prm", "Eff", "Inh", "Amb")}


def without(*caps):
    """A caller that lacks capabilities, as root in a service or a container does."""
    return ["setpriv", "--bounding-set=" + ",".join("-" + c for c in caps)]


@pytest.fixture
def box(runtime, bundle):
    """box() runs the bundle as a container that sleeps."""
    def make():
        old = bundle.process["args"]
        c = runtime.run_detached(bundle.probe("sleep"))
        bundle.process["args"] = old
        return c
    return make


# ---- capabilities -----------------------------------------------------------------------------------


@pytest.mark.parametrize("nnp", [True, False])
@pytest.mark.parametrize("way", ["run", "exec"])
def test_five_sets_of_root(runtime, bundle, box, way, nnp):
    """To root execve(2) gives what is inheritable or bounding, with no_new_privs not more than was permitted."""
    bundle.process["noNewPrivileges"] = nnp
    set_caps(bundle, **ALL).probe("status")
    got = caps_of(runtime.run(bundle) if way == "run" else box().exec("probe", "status"))
    bound = bits(CHOWN, NET_RAW, NET_BIND_SERVICE)
    made = bits(CHOWN, NET_RAW) if nnp else bound
    assert got == {"Bnd": bound, "Prm": made, "Eff": made, "Inh": bits(NET_RAW, CHOWN), "Amb": bits(NET_RAW)}


@pytest.mark.parametrize("way", ["run", "exec"])
def test_five_sets_of_a_user(runtime, bundle, box, way):
    """A user's program keeps the ambient set alone."""
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    set_caps(bundle, **ALL).probe("status")
    got = caps_of(runtime.run(bundle) if way == "run" else box().exec("probe", "status"))
    assert got == {"Bnd": bits(CHOWN, NET_RAW, NET_BIND_SERVICE), "Prm": bits(NET_RAW), "Eff": bits(NET_RAW),
                   "Inh": bits(NET_RAW, CHOWN), "Amb": bits(NET_RAW)}


def test_capabilities_by_effect(runtime, bundle):
    """CAP_CHOWN is there or is not; an ambient one reaches a user."""
    bundle.args("chown", "5", "/tmp")
    set_caps(bundle, bounding=["CHOWN"], permitted=["CHOWN"], effective=["CHOWN"])
    runtime.run(bundle).ok()
    set_caps(bundle, bounding=["NET_RAW"], permitted=["NET_RAW"], effective=["NET_RAW"])
    runtime.run(bundle).fails("not permitted")
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    set_caps(bundle, **{k: ["CHOWN"] for k in ALL})
    runtime.run(bundle).ok()


@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("given", [None, {}], ids=["absent", "empty"])
def test_none_at_all(runtime, bundle, uid, given):
    bundle.process["user"] = {"uid": uid, "gid": uid}
    if given is None:
        del bundle.process["capabilities"]
    else:
        bundle.process["capabilities"] = given
    assert set(caps_of(runtime.run(bundle.probe("status"))).values()) == {0}


def test_all_of_them(runtime, bundle):
    """The privileged container: as many as the caller has."""
    with open("/proc/self/status") as f:
        own = next(int(line.split()[1], 16) for line in f if line.startswith("CapEff"))
    features = runtime("features").ok().json["linux"]["capabilities"]
    bundle.capabilities(*features).probe("status")
    got = caps_of(runtime.run(bundle))
    assert got["Bnd"] == got["Prm"] == got["Eff"] == own & (1 << len(features)) - 1
    assert got["Inh"] == got["Amb"] == 0


def test_unknown_capability_is_a_warning(runtime, bundle):
    bundle.process["capabilities"]["bounding"] += ["CAP_WISH"]
    result = runtime.run(bundle.probe("status")).ok()
    assert "CAP_WISH" in result.err and "level=warning" in result.err


def test_capability_that_we_lack_is_a_warning(runtime, bundle):
    caller = Runtime(runtime.root, prefix=without("net_raw"))
    bundle.capabilities("NET_RAW", "CHOWN").probe("status")
    result = caller.run(bundle)
    assert caps_of(result)["Eff"] == bits(CHOWN)
    assert "CAP_NET_RAW" in result.err and "level=warning" in result.err


def test_exec_with_one_more(runtime, bundle, box):
    set_caps(bundle, bounding=["CHOWN"], permitted=["CHOWN"], effective=["CHOWN"])
    got = caps_of(box().exec("probe", "status", options=["--cap", "CAP_NET_RAW"]))
    assert got["Eff"] == got["Prm"] == got["Bnd"] == bits(CHOWN, NET_RAW) and got["Inh"] == got["Amb"] == 0


# ---- no_new_privs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["run", "exec"])
def test_no_new_privs(runtime, bundle, box, way):
    """By its flag, and by a set-user-id program that a user starts."""
    os.chmod(bundle.inside("bin/probe"), 0o4755)
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    for is_on in (True, False):
        bundle.process["noNewPrivileges"] = is_on
        bundle.args("sh", "-c", "exec probe status -- ids")
        result = runtime.run(bundle) if way == "run" else box().exec(*bundle.process["args"])
        assert result.ok().probe("status")["NoNewPrivs"] == str(int(is_on))
        assert result.probe("ids")["euid"] == (1000 if is_on else 0)


# ---- seccomp ----------------------------------------------------------------------------------------

x86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of system calls of x86-64")
GETPPID, PERSONALITY, KEYCTL, UNSHARE, MOUNT = 110, 135, 250, 272, 165


def seccomp(bundle, action="SCMP_ACT_ERRNO", default="SCMP_ACT_ALLOW", names=("getppid",), args=(), profile=(), **more):
    rule = {"names": list(names), "action": action, **more}
    if args:
        rule["args"] = [dict(zip(("index", "op", "value", "valueTwo"), (i, "SCMP_CMP_" + op, v, w))) for i, op, v, w in args]
    bundle.linux["seccomp"] = {"defaultAction": default, "syscalls": [rule], **dict(profile)}
    return bundle


def answers(result, *errnos):
    """The errnos of all probe syscall commands, None where it worked."""
    assert [line.get("errno") for line in result.ok().lines if line["cmd"] == "syscall"] == list(errnos), str(result)


@x86_64
@pytest.mark.parametrize("way", ["run", "exec"])
@pytest.mark.parametrize("nnp", [True, False])
@pytest.mark.parametrize("uid", [0, 1000])
def test_seccomp_errno(runtime, bundle, box, way, nnp, uid):
    """The errno that was asked for; with and without no_new_privs, for root and a user; exec gets the filter as well."""
    bundle.process["noNewPrivileges"] = nnp
    bundle.process["user"] = {"uid": uid, "gid": uid}
    words = ["syscall", str(GETPPID), "--", "syscall", "39", "--", "status"]
    for more, errno in (({"errnoRet": 38}, "ENOSYS"), ({}, "EPERM"), ({"errnoRet": 0}, None)):
        seccomp(bundle, **more).probe(*words)
        result = runtime.run(bundle) if way == "run" else box().exec("probe", *words)
        answers(result, errno, None)
        assert result.probe("status")["Seccomp"] == "2" and result.probe("status")["Seccomp_filters"] == "1"
    del bundle.linux["seccomp"]
    assert runtime.run(bundle).ok().probe("status")["Seccomp"] == "0"


@x86_64
@pytest.mark.parametrize("action", ["KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP"])
def test_seccomp_deadly(runtime, bundle, box, action):
    seccomp(bundle, "SCMP_ACT_" + action).probe("syscall", "39", "--", "syscall", GETPPID, "--", "exit", 0)
    assert runtime.run(bundle).code == SIGSYS
    assert box().exec("probe", "syscall", GETPPID).code == SIGSYS


@x86_64
def test_seccomp_harmless(runtime, bundle):
    for action, errno in (("LOG", None), ("ALLOW", None), ("TRACE", "ENOSYS")):
        answers(runtime.run(seccomp(bundle, "SCMP_ACT_" + action).probe("syscall", GETPPID)), errno)


@x86_64
def test_seccomp_default_action(runtime, bundle):
    """An allow list: what is not named gets the default's errno, and one action may have several names."""
    with open(DOCKER_LIKE) as f:
        names = json.load(f)["syscalls"][0]["names"]
    allowed = [n for n in names if n != "getppid"]
    for profile, errno in (({"defaultErrnoRet": 38}, "ENOSYS"), ({}, "EPERM")):
        seccomp(bundle, "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", allowed + ["no_such_call"], profile=profile)
        answers(runtime.run(bundle.probe("syscall", GETPPID, "--", "syscall", 39)), errno, None)
    seccomp(bundle, "SCMP_ACT_ALLOW", "SCMP_ACT_KILL_PROCESS", allowed)
    assert runtime.run(bundle.probe("syscall", GETPPID)).code == SIGSYS


BIG = 0x1_0000_0005
OPERATORS = [
    ("EQ", 5, 0, [5], [4, 6, BIG]), ("NE", 5, 0, [4, 6, BIG], [5]), ("LT", 5, 0, [0, 4], [5, 6, BIG, -1]),
    ("LE", 5, 0, [0, 5], [6, BIG, -1]), ("GE", 5, 0, [5, 6, BIG, -1], [0, 4]), ("GT", 5, 0, [6, BIG, -1], [0, 5]),
    ("EQ", BIG, 0, [BIG], [5, BIG + 1, 0x2_0000_0005]), ("NE", BIG, 0, [5, 0x2_0000_0005], [BIG]),
    ("LT", BIG, 0, [5, 0xffffffff, BIG - 1], [BIG, 0x2_0000_0000, -1]),
    ("LE", BIG, 0, [BIG, BIG - 1, 0x0_ffff_ffff], [BIG + 1, 0x2_0000_0000]),
    ("GT", BIG, 0, [BIG + 1, 0x2_0000_0000, -1], [BIG, 6, 0xffffffff]),
    ("GE", BIG, 0, [BIG, 0x2_0000_0000], [BIG - 1, 0xffffffff]),
    ("EQ", (1 << 64) - 1, 0, [-1], [0xffffffff, 1]),
    ("MASKED_EQ", 0xff, 5, [5, 0x105, BIG], [6, 0x106]),
    ("MASKED_EQ", 0xf_0000_0000, 0x1_0000_0000, [BIG, 0x1_0000_0000], [5, 0x2_0000_0005]),
]


@x86_64
@pytest.mark.parametrize("index", [0, 5])
@pytest.mark.parametrize("op, value, two, hits, misses", OPERATORS, ids=[f"{o[0]}-{o[1]:x}" for o in OPERATORS])
def test_seccomp_operators(runtime, bundle, index, op, value, two, hits, misses):
    """getppid takes no arguments, the filter sees them all the same."""
    seccomp(bundle, errnoRet=17, args=[(index, op, value, two)])
    words = []
    for v in hits + misses:
        words += ["--", "syscall", str(GETPPID), *["0"] * index, str(v)]
    result = runtime.run(bundle.probe(*words[1:]))
    answers(result, *["EEXIST"] * len(hits), *[None] * len(misses))


@x86_64
def test_seccomp_many_conditions(runtime, bundle):
    """Arguments of a rule must all hold; rules of a call are tried in turn."""
    seccomp(bundle, errnoRet=17, args=[(0, "EQ", 1, 0), (1, "GT", 5, 0)])
    bundle.linux["seccomp"]["syscalls"].append({"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38,
                                                "args": [{"index": 2, "value": 9, "op": "SCMP_CMP_EQ"}]})
    calls = [(1, 6, 0), (1, 5, 0), (2, 6, 0), (0, 0, 9), (1, 6, 1)]
    words = " -- ".join(f"syscall {GETPPID} {a} {b} {c}" for a, b, c in calls).split()
    answers(runtime.run(bundle.probe(*words)), "EEXIST", None, None, "ENOSYS", "EEXIST")


def program_32():
    """getpid by int 0x80; exits with 7, or with 1 where it failed."""
    code = bytes.fromhex("b814000000cd8085c0bb070000007905bb01000000b801000000cd80")
    at, size = 0x08048000, 52 + 32 + len(code)
    header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\1\1\1", 2, 3, 1, at + 84, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    return header + struct.pack("<IIIIIIII", 1, 0, at, at, size, size, 5, 0x1000) + code


@x86_64
def test_seccomp_architectures(runtime, bundle):
    """The calls of another architecture have numbers of their own: not listed, they kill; listed, the rules hold there."""
    with open(bundle.inside("bin/small"), "wb") as f:
        f.write(program_32())
    os.chmod(f.name, 0o755)
    bundle.args("small")
    if runtime.run(bundle).code != 7:
        pytest.skip("this kernel runs no 32-bit programs")
    seccomp(bundle, names=["getppid"])
    assert runtime.run(bundle).code == SIGSYS
    seccomp(bundle, names=["getppid"], profile={"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]})
    assert runtime.run(bundle).code == 7
    seccomp(bundle, names=["getpid"], profile={"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]})
    assert runtime.run(bundle).code == 1


@x86_64
def test_seccomp_x32(runtime, bundle):
    """The same call by its x32 number must not pass a filter that was not asked for x32."""
    x32 = 0x40000000 + GETPPID
    result = runtime.run(seccomp(bundle).probe("syscall", x32))
    assert result.code == SIGSYS or result.ok().probe("syscall")["errno"] in ("EPERM", "ENOSYS")


@x86_64
def test_seccomp_flags(runtime, bundle):
    known = runtime("features").ok().json["linux"]["seccomp"]["supportedFlags"]
    assert {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"} <= set(known)
    for flags in (*([k] for k in known if "WAIT" not in k), [k for k in known if "WAIT" not in k], []):
        seccomp(bundle, profile={"flags": flags})
        answers(runtime.run(bundle.probe("syscall", GETPPID)), "EPERM")


@x86_64
@pytest.mark.parametrize("way", ["run", "exec"])
def test_seccomp_docker_like(runtime, bundle, box, way):
    """350 names: ordinary things go, keyctl, odd personalities, mount and unshare do not, whatever the capabilities."""
    with open(DOCKER_LIKE) as f:
        profile = json.load(f)
    bundle.capabilities("SYS_ADMIN")
    calls = [(KEYCTL, 0, -3, 0), (PERSONALITY, 0x20001), (MOUNT, 0, 0, 0), (UNSHARE, 0x04000000), (PERSONALITY, 0xffffffff),
             (GETPPID,)]
    words = " -- ".join(" ".join(map(str, ("syscall", *c))) for c in calls).split()
    plain = runtime.run(bundle.probe(*words)).ok()
    assert [line.get("errno") for line in plain.lines][4:] == [None, None] and plain.lines[1].get("errno") is None
    bundle.linux["seccomp"] = profile
    result = runtime.run(bundle) if way == "run" else box().exec("probe", *words)
    answers(result, "EPERM", "EPERM", "EPERM", "EPERM", None, None)
    script = "ls / && cat /etc/passwd | sort && sleep 0.01 && touch /tmp/x && hostname"
    bundle.args("sh", "-c", script)
    (runtime.run(bundle) if way == "run" else box().exec("sh", "-c", script)).ok()


# ---- labels and keyrings ----------------------------------------------------------------------------


def test_apparmor(runtime, bundle):
    """A profile that the kernel cannot give is an error, be AppArmor there or not."""
    bundle.process["apparmorProfile"] = "berth-no-such-profile"
    runtime.run(bundle).fails("apparmor", "berth-no-such-profile", code=1)
    assert runtime.ids() == []
    bundle.process["apparmorProfile"] = ""
    c = runtime.run_detached(bundle.probe("sleep"))
    c.exec("true", options=["--apparmor", "berth-no-such-profile"]).fails("apparmor", code=255)
    bundle.process["apparmorProfile"] = "unconfined"
    runtime.run(bundle.args("true")).ok()


def test_selinux(runtime, bundle):
    if os.path.exists("/sys/fs/selinux/enforce"):
        pytest.skip("this kernel has SELinux: its labels need a policy that the tests do not bring")
    bundle.process["selinuxLabel"] = "system_u:system_r:svirt_t:s0"
    runtime.run(bundle).fails("selinux", "svirt_t", code=1)
    del bundle.process["selinuxLabel"]
    bundle.linux["mountLabel"] = "system_u:object_r:container_t:s0"
    runtime.run(bundle).fails("selinux", "container_t", code=1)
    assert runtime.ids() == []
    del bundle.linux["mountLabel"]
    c = runtime.run_detached(bundle.probe("sleep"))
    c.exec("true", options=["--process-label", "a:b:c:d"]).fails("selinux", code=255)


@x86_64
def test_session_keyring(runtime, bundle):
    """New for a container and one for all that runs in it; the caller's where that is asked for."""
    ours = libc.syscall(KEYCTL, 0, -3, 0, 0, 0)
    if ours < 0:
        pytest.skip("this kernel has no keyrings: " + os.strerror(ctypes.get_errno()))
    words = ("syscall", str(KEYCTL), "0", "-3", "0")

    def ring(result):
        return result.ok().probe("syscall")["ret"]

    bundle.probe(*words, "--", "sleep")
    c = runtime.run_detached(bundle)
    assert c.probe("syscall")["ret"] != ours
    assert ring(c.exec("probe", *words)) == c.probe("syscall")["ret"]
    other = runtime.run_detached(bundle)
    assert other.probe("syscall")["ret"] not in (ours, c.probe("syscall")["ret"])
    kept = runtime.run_detached(bundle, "--no-new-keyring")
    assert kept.probe("syscall")["ret"] == ours
    assert ring(kept.exec("probe", *words)) == ours


# ---- limits -----------------------------------------------------------------------------------------


def limit(bundle, **limits):
    bundle.process["rlimits"] = [{"type": "RLIMIT_" + k, "soft": s, "hard": h} for k, (s, h) in limits.items()]
    return bundle


def test_rlimits(runtime, bundle, box):
    wanted = {"NOFILE": (100, 200), "CORE": (0, 0), "CPU": (1000, 2000), "FSIZE": (1 << 30, 1 << 40), "STACK": (1 << 20, 1 << 22),
              "NPROC": (50, 60), "AS": (1 << 33, 1 << 34), "MSGQUEUE": (1000, 2000), "SIGPENDING": (9, 9)}
    limit(bundle, **wanted)
    for result in (runtime.run(bundle.probe("limits")), box().exec("probe", "limits")):
        got = result.ok().probe("limits")
        assert {k: tuple(got["RLIMIT_" + k]) for k in wanted} == wanted
        # What is not named is the caller's.
        assert tuple(got["RLIMIT_LOCKS"]) == resource.getrlimit(10)


def test_rlimit_by_effect(runtime, bundle):
    limit(bundle, FSIZE=(4096, 4096))
    bundle.args("dd", "if=/dev/zero", "of=/tmp/x", "bs=8192", "count=1")
    result = runtime.run(bundle)
    assert result.code != 0 and os.path.getsize(bundle.inside("tmp/x")) == 4096


def test_unlimited(runtime, bundle):
    limit(bundle, CORE=(0, (1 << 64) - 1))
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
        pytest.skip("our own hard limit of core files is lower")
    assert runtime.run(bundle.probe("limits")).ok().probe("limits")["RLIMIT_CORE"] == [0, -1]


def test_raising_a_hard_limit(runtime, bundle):
    """Without CAP_SYS_RESOURCE: an error that says so, in run and in exec."""
    caller = Runtime(runtime.root, prefix=["prlimit", "--nofile=500:500", *without("sys_resource")])
    limit(bundle, NOFILE=(400, 600))
    caller.run(bundle).fails("RLIMIT_NOFILE", "500 -> 600", "CAP_SYS_RESOURCE", code=1)
    assert runtime.ids() == []
    limit(bundle, NOFILE=(300, 400))
    assert caller.run(bundle.probe("limits")).ok().probe("limits")["RLIMIT_NOFILE"] == [300, 400]


def test_oom_score_adj(runtime, bundle, box):
    with open("/proc/self/oom_score_adj") as f:
        ours = f.read()
    bundle.args("cat", "/proc/self/oom_score_adj")
    assert runtime.run(bundle).ok().out == ours
    for value in (0 if int(ours) <= 0 else 900, 500, 1000):
        bundle.process["oomScoreAdj"] = value
        assert runtime.run(bundle).ok().out == f"{value}\n"
        assert box().exec("cat", "/proc/self/oom_score_adj").ok().out == f"{value}\n"
    bundle.process["oomScoreAdj"] = -900
    Runtime(runtime.root, prefix=without("sys_resource")).run(bundle).fails("oomScoreAdj -900", "CAP_SYS_RESOURCE", code=1)


@pytest.mark.parametrize("uid", [0, 1000])
def test_oom_score_adj_in_a_user_namespace(runtime, bundle, uid):
    bundle.user_namespace().own_rootfs(100000)
    bundle.process["user"] = {"uid": uid, "gid": uid}
    bundle.process["oomScoreAdj"] = 432
    assert runtime.run(bundle.args("cat", "/proc/self/oom_score_adj")).ok().out == "432\n"


# ---- the rest ---------------------------------------------------------------------------------------


def test_personality(runtime, bundle, box):
    bundle.linux["personality"] = {"domain": "LINUX32"}
    for result in (runtime.run(bundle.probe("scheduling", "--", "uname")), box().exec("probe", "scheduling", "--", "uname")):
        assert result.ok().probe("scheduling")["personality"] == 8
        assert result.probe("uname")["machine"] != "x86_64"
    bundle.linux["personality"] = {"domain": "LINUX"}
    assert runtime.run(bundle).ok().probe("scheduling")["personality"] == 0


@pytest.mark.parametrize("way", ["run", "exec"])
@pytest.mark.parametrize("namespace", [False, True], ids=["", "user-namespace"])
def test_ids(runtime, bundle, box, way, namespace):
    if namespace:
        bundle.user_namespace().own_rootfs(100000)
    bundle.process["user"] = {"uid": 1001, "gid": 1002, "umask": 0o27, "additionalGids": [4, 5, 60000]}
    bundle.args("sh", "-c", "probe ids; touch /tmp/x")
    os.chmod(bundle.inside("tmp"), 0o1777)
    result = runtime.run(bundle) if way == "run" else box().exec(*bundle.process["args"])
    ids = result.ok().probe("ids")
    assert {ids[k] for k in ("uid", "euid", "suid")} == {1001} and {ids[k] for k in ("gid", "egid", "sgid")} == {1002}
    assert sorted(set(ids["groups"]) - {1002}) == [4, 5, 60000] and ids["umask"] == 0o27
    st = os.stat(bundle.inside("tmp/x"))
    assert (st.st_uid, st.st_gid, st.st_mode & 0o777) == (1001 + 100000 * namespace, 1002 + 100000 * namespace, 0o640)


def test_umask_by_default(runtime, bundle):
    """Without one: 022, whatever the caller's is."""
    caller = Runtime(runtime.root, prefix=["sh", "-c", 'umask 077; exec "$@"', "sh"])
    assert runtime.run(bundle).ok().probe("ids")["umask"] == caller.run(bundle).ok().probe("ids")["umask"] == 0o22


def test_unmapped_ids(runtime, bundle):
    bundle.user_namespace(size=1000).own_rootfs(100000)
    for user in ({"uid": 1000, "gid": 0}, {"uid": 0, "gid": 1000}, {"uid": 0, "gid": 0, "additionalGids": [5000]}):
        bundle.process["user"] = user
        runtime.run(bundle).fails("id", code=1)
    assert runtime.ids() == []


@pytest.mark.parametrize("policy, number, nice", [("SCHED_OTHER", 0, 7), ("SCHED_BATCH", 3, 3), ("SCHED_IDLE", 5, 0)])
def test_scheduler(runtime, bundle, policy, number, nice):
    bundle.process["scheduler"] = {"policy": policy, "nice": nice}
    got = runtime.run(bundle.probe("scheduling")).ok().probe("scheduling")
    assert (got["policy"], got["nice"]) == (number, nice)


@pytest.mark.parametrize("kind, number", [("IOPRIO_CLASS_RT", 1), ("IOPRIO_CLASS_BE", 2), ("IOPRIO_CLASS_IDLE", 3)])
def test_io_priority(runtime, bundle, kind, number):
    priority = 0 if number == 3 else 6
    bundle.process["ioPriority"] = {"class": kind, "priority": priority}
    got = runtime.run(bundle.probe("scheduling")).ok().probe("scheduling")
    assert got["io_priority"] == number << 13 | priority


@pytest.mark.parametrize("mode, word", [("MPOL_BIND", "bind:0"), ("MPOL_INTERLEAVE", "interleave:0"), ("MPOL_PREFERRED", "prefer:0"),
                                        ("MPOL_DEFAULT", "default")])
def test_memory_policy(runtime, bundle, mode, word):
    if not os.path.exists("/proc/self/numa_maps"):
        pytest.skip("this kernel has no NUMA")
    bundle.linux["memoryPolicy"] = {"mode": mode, "nodes": "" if mode == "MPOL_DEFAULT" else "0"}
    text = runtime.run(bundle.probe("cat", "/proc/self/numa_maps")).ok().probe("cat")["text"]
    assert all(line.split()[1].replace("=static", "") == word for line in text.splitlines()[:1]), text
