# SPDX-License-Identifier: Apache-2.0
"""CVE-2019-5736: a container catches the runtime through /proc/PID/exe and writes to it once it has ended.

Broken, "write" of the caught program says "ok", the next start of the runtime runs the attacker's text as the host's
root, and the hash of the binary differs."""
import hashlib
import json
import os
import shutil

import pytest

from attacker import prey_of
from harness import RUNTIME, USER, Runtime, wait_for


@pytest.fixture
def copy(place):
    """A runtime of our own to lose."""
    path = os.path.join(place, "runtime")
    shutil.copy(RUNTIME, path)
    os.chmod(path, 0o777)
    return path


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


@pytest.mark.parametrize("program", ["#!/proc/self/exe --version\n", "#!/proc/self/exe\n"], ids=["version", "usage"])
def test_through_proc_pid_exe(place, copy, bundle, arm, program):
    """The container's program is `#!/proc/self/exe`: the runtime starts itself inside, and is caught there."""
    arm(bundle)
    bundle.capabilities("SYS_PTRACE", "DAC_OVERRIDE", "SYS_ADMIN", "DAC_READ_SEARCH")
    evil = bundle.inside("bin", "evil")
    with open(evil, "w") as f:
        f.write(program)
    os.chmod(evil, 0o755)
    runtime = Runtime(os.path.join(place, "state"), binary=copy)
    before = digest(copy)
    prey = prey_of(runtime, bundle, lambda c: c.exec("evil"), writes=["write"])["prey"]
    caught = [p for p in prey if not p["exe"].startswith("/bin/")]
    assert caught, f"the attacker has never seen the runtime: {prey}"
    assert {p["write"] for p in caught} == {"EROFS"}, caught
    assert digest(copy) == before


def test_the_attack_works_on_others(runtime, bundle, arm):
    """A program of the container's own is overwritten by the same attacker."""
    arm(bundle)
    victim = bundle.inside("bin", "victim")
    shutil.copy(bundle.inside("bin", "busybox"), victim)
    link = bundle.inside("bin", "usleep")
    with open(link, "w") as f:
        f.write("#!/bin/victim sh\nfor i in 1 2 3; do read x < /proc/version; done\n")
    os.chmod(link, 0o755)
    prey = prey_of(runtime, bundle, lambda c: c.exec("usleep"), 2, ["write"])["prey"]
    assert any(p["exe"] == "/bin/victim" and p["write"] == "ok" for p in prey), prey
    with open(victim, "rb") as f:
        assert f.read(8) == b"#!/evil\n"


def test_through_proc_self_exe(place, copy, bundle):
    """Asked for by that name, the runtime starts itself inside, and is none the worse."""
    runtime = Runtime(os.path.join(place, "state"), binary=copy)
    before = digest(copy)
    bundle.args("/proc/self/exe", "--version")
    result = runtime.run(bundle)
    assert result.code == 0 and "berth-runtime version" in result.out, str(result)
    assert digest(copy) == before


def test_waiting_runtime(place, copy, bundle):
    """Between create and start the runtime's process is the container's first one: from the host's side its program
    must be a read-only or sealed copy, because another container with that pid namespace sees the same."""
    runtime = Runtime(os.path.join(place, "state"), binary=copy)
    c = runtime.create(bundle)
    path = f"/proc/{c.pid}/exe"
    handle = os.open(path, os.O_RDONLY)
    try:
        for flags in (os.O_WRONLY, os.O_RDWR | os.O_TRUNC):
            with pytest.raises(OSError) as e:
                os.open(path, flags)
            assert e.value.errno in (30, 26, 1), e.value
        c.delete("--force").ok()
        wait_for(lambda: not os.path.exists(path))
        with pytest.raises(OSError) as e:
            os.open(f"/proc/self/fd/{handle}", os.O_WRONLY)
        assert e.value.errno in (30, 1), e.value
    finally:
        os.close(handle)


def test_sealed_copy_of_a_user(rootless, bundle, copy):
    """An ordinary user cannot make that mount: the program is a memfd with all seals."""
    rootless.binary = copy
    os.chown(copy, USER, USER)
    bundle.add_namespace("user").own_rootfs(USER)
    one = [{"containerID": 0, "hostID": USER, "size": 1}]
    bundle.linux["uidMappings"], bundle.linux["gidMappings"] = one, list(one)
    bundle.linux["resources"] = {}
    for m in bundle.config["mounts"]:
        m["options"] = [o for o in m["options"] if not o.startswith("gid=")]
    before = digest(copy)
    c = rootless.create(bundle)
    handle = os.open(f"/proc/{c.pid}/exe", os.O_RDONLY)
    try:
        assert os.fstat(handle).st_ino != os.stat(copy).st_ino
        c.delete("--force").ok()
        writable = -1
        try:
            writable = os.open(f"/proc/self/fd/{handle}", os.O_WRONLY)
            with pytest.raises(PermissionError):
                os.write(writable, b"x")
        except OSError as e:
            assert e.errno in (30, 1, 26), e
        finally:
            if writable >= 0:
                os.close(writable)
    finally:
        os.close(handle)
    assert digest(copy) == before
