# SPDX-License-Identifier: Apache-2.0
"""CVE-2022-29162, 2022-24769, 2022-27650, 2025-27612: inheritable capabilities that nobody asked for.

Broken, CapInh is not empty, and an ordinary user gains what a program's file capabilities name as inheritable."""
import os
import struct
import subprocess

import pytest

NET_RAW = 13
DOCKERS = "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP".split()


def sets(result):
    status = result.ok().probe("status")
    return {k: int(status["Cap" + k], 16) for k in ("Inh", "Prm", "Eff", "Bnd", "Amb")}


def give_inheritable(path, cap):
    """The file's inheritable set: security.capability of version 2, with the effective bit (linux/capability.h)."""
    os.setxattr(path, "security.capability", struct.pack("<IIIII", 0x02000001, 0, 1 << cap, 0, 0))


@pytest.mark.parametrize("uid", [0, 1000])
def test_run_and_exec(runtime, bundle, uid):
    bundle.process["user"] = {"uid": uid, "gid": uid}
    bundle.capabilities(*DOCKERS)
    assert sets(runtime.run(bundle.probe("status")))["Inh"] == 0
    c = runtime.run_detached(bundle.probe("sleep"))
    for options in ([], ["--cap", "CAP_NET_RAW"], ["--cap", "CAP_SYS_ADMIN"], ["-u", "1000"], ["-u", "1000", "--cap", "CAP_NET_RAW"]):
        got = sets(c.exec("probe", "status", options=options))
        assert got["Inh"] == 0 and got["Amb"] == 0, options


def test_of_a_caller_that_has_some(runtime, bundle):
    """What our caller inherited does not go on to the container."""
    caller = type(runtime)(runtime.root, prefix=["setpriv", "--inh-caps=+net_raw,+net_admin"])
    own = subprocess.run([*caller.prefix, "grep", "CapInh", "/proc/self/status"], check=True, capture_output=True, text=True)
    assert int(own.stdout.split()[1], 16) != 0, "the control: the caller has them"
    assert sets(caller.run(bundle.probe("status")))["Inh"] == 0
    c = runtime.run_detached(bundle.probe("sleep"))
    assert sets(caller("exec", c.id, "probe", "status"))["Inh"] == 0


def test_file_capabilities_give_nothing(runtime, bundle):
    """The attack: an ordinary user starts a program whose file has CAP_NET_RAW as inheritable."""
    bundle.process["noNewPrivileges"] = False
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    give_inheritable(bundle.inside("bin/probe"), NET_RAW)
    bundle.capabilities(*DOCKERS)
    got = sets(runtime.run(bundle.args("sh", "-c", "exec /bin/probe status")))
    assert got["Prm"] == 0 and got["Eff"] == 0
    # The control: asked for, it works, and so does the file's mark.
    bundle.process["capabilities"]["inheritable"] = ["CAP_NET_RAW"]
    got = sets(runtime.run(bundle))
    assert got["Inh"] == 1 << NET_RAW and got["Eff"] == 1 << NET_RAW
