# SPDX-License-Identifier: Apache-2.0
"""A small world of network namespaces: a host that berth runs on, and a client outside of it."""
import os
import subprocess

from harness import SLOW

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "netpeer.py")
PYTHON = "/usr/bin/python3"


class Machine:
    """A network namespace, held by a process that sleeps."""

    def __init__(self, name):
        self.name = name
        self.process = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 1000000"], stdout=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL)
        self.process.stdout.readline()
        self.prefix = ["nsenter", f"--net=/proc/{self.process.pid}/ns/net", "--"]
        self.servers = []
        self("ip", "link", "set", "lo", "up")

    def __call__(self, *argv, check=True, timeout=60, **kwargs):
        p = subprocess.run([*self.prefix, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                           timeout=timeout * SLOW, **kwargs)
        assert not check or p.returncode == 0, f"{self.name}: {argv}: {p.stderr}"
        return p.stdout

    def serve(self, name, *places):
        p = subprocess.Popen([*self.prefix, PYTHON, PEER, "serve", name, *places], stdout=subprocess.PIPE,
                             stdin=subprocess.DEVNULL)
        assert p.stdout.readline() == b"ready\n"
        self.servers.append(p)

    def ask(self, protocol, address, port, seconds=5):
        return self(PYTHON, PEER, "ask", protocol, address, str(port), str(seconds)).strip()

    def refuses(self, protocol, address, port):
        return self.ask(protocol, address, port, 0.6) in ("refused", "silence", "unreachable")

    def stop_servers(self):
        for p in self.servers:
            p.kill()
            p.communicate()
        self.servers = []

    def close(self):
        self.stop_servers()
        self.process.kill()
        self.process.communicate()


class World:
    """host 192.0.2.1, client 192.0.2.2, with a cable in between; neither knows a way to the other's networks."""

    HOST, CLIENT, HOST6, CLIENT6 = "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"

    def __init__(self):
        self.host, self.client = Machine("host"), Machine("client")
        self.host("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up0", "netns", str(self.client.process.pid))
        for machine, v4, v6 in ((self.host, self.HOST, self.HOST6), (self.client, self.CLIENT, self.CLIENT6)):
            machine("ip", "addr", "add", v4 + "/24", "dev", "up0")
            machine("ip", "addr", "add", v6 + "/64", "dev", "up0", "nodad")
            machine("ip", "link", "set", "up0", "up")
        self.host("ip", "route", "add", "default", "via", self.CLIENT)
        self.host("ip", "-6", "route", "add", "default", "via", self.CLIENT6)

    def close(self):
        self.client.close()
        self.host.close()


LAB = ["--volume", "/usr:/usr:ro", "--volume", "/usr/lib:/lib:ro", "--volume", "/usr/lib64:/lib64:ro",
       "--volume", os.path.dirname(PEER) + ":/lab:ro"]
INSIDE = "/lab/" + os.path.basename(PEER)


def server(*places, name="me"):
    """The words of a container that serves; its options come before."""
    return [*LAB, "busybox", PYTHON, INSIDE, "serve", name, *places]


def ask(berth, container, protocol, address, port, seconds=5):
    """From within a container that was made with server()."""
    return berth("exec", container, PYTHON, INSIDE, "ask", protocol, address, str(port), str(seconds)).strip()


def refuses(berth, container, protocol, address, port):
    return ask(berth, container, protocol, address, port, 0.6) in ("refused", "silence", "unreachable")
