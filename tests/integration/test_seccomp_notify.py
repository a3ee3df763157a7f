# SPDX-License-Identifier: Apache-2.0
"""SCMP_ACT_NOTIFY: an agent gets the listener with the state of the container process and answers its calls."""
import fcntl
import json
import os
import platform
import socket
import struct
import threading

import pytest

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of system calls of x86-64")
GETPPID = 110
RECV, SEND = 0xC0502100, 0xC0182101  # SECCOMP_IOCTL_NOTIF_*
EEXIST = 17


class Agent(threading.Thread):
    """Takes listeners and answers the first call of each with EEXIST."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen()
        self.socket.settimeout(60)
        self.states, self.calls = [], []

    def run(self):
        while self.serve(self.socket.accept()[0]):
            pass

    def serve(self, connection):
        with connection:
            text, fds, _, _ = socket.recv_fds(connection, 1 << 16, 4)
        if not text:
            return False  # the test is over
        self.states.append((json.loads(text), len(fds)))
        notice = bytearray(80)
        fcntl.ioctl(fds[0], RECV, notice)
        ident, pid, _, nr = struct.unpack_from("=QIIi", notice)
        self.calls.append((pid, nr))
        fcntl.ioctl(fds[0], SEND, struct.pack("=QqiI", ident, 0, -EEXIST, 0))
        for fd in fds:
            os.close(fd)
        return True


@pytest.fixture
def agent(place):
    a = Agent(os.path.join(place, "agent"))
    a.start()
    yield a
    with socket.socket(socket.AF_UNIX) as end:
        end.connect(os.path.join(place, "agent"))
    a.join(10)
    a.socket.close()


@pytest.mark.parametrize("way", ["run", "create"])
def test_agent_answers(runtime, bundle, place, agent, way):
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": os.path.join(place, "agent"), "listenerMetadata": "word",
        "syscalls": [{"names": ["getppid"], "action": "SCMP_ACT_NOTIFY"}]}
    bundle.config["annotations"] = {"org.example.key": "value"}
    bundle.probe("syscall", GETPPID)
    if way == "run":
        line = runtime.run(bundle).ok().probe("syscall")
        ident = None
    else:
        c = runtime.create(bundle)
        assert agent.states == []  # the filter is loaded by start
        ident = c.id
        line = c.start().probe("syscall")
    assert line["errno"] in (EEXIST, "EEXIST")
    (state, fds), = agent.states
    (pid, nr), = agent.calls
    assert fds == 1 and state["fds"] == ["seccompFd"] and state["metadata"] == "word"
    assert state["pid"] == state["state"]["pid"] == pid and nr == GETPPID
    assert state["state"]["bundle"] == bundle.path and state["state"]["annotations"] == {"org.example.key": "value"}
    assert state["ociVersion"] == state["state"]["ociVersion"]
    assert ident is None or state["state"]["id"] == ident
    if way == "create":
        c.wait()
