# SPDX-License-Identifier: Apache-2.0
"""Names in user-defined networks, resolv.conf and hosts; dnsmasq comes and goes with the containers."""
import os
import re
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import wait_for
from netlab import World

from conftest import Berth


@pytest.fixture(scope="module")
def world():
    if os.geteuid() != 0:
        pytest.skip("needs root: the test makes network namespaces and bridges")
    if not shutil.which("dnsmasq", path="/usr/sbin:/usr/bin"):
        pytest.skip("dnsmasq is not installed")
    w = World()
    yield w
    w.close()


@pytest.fixture
def berth(world, place, loaded):
    store = Berth(place)
    store.prefix = world.host.prefix
    subprocess.run(["cp", "-a", "--reflink=auto", loaded.data, store.data], check=True)
    shutil.rmtree(os.path.join(store.data, "networks"), ignore_errors=True)
    os.mkdir(os.path.join(store.data, "networks"))
    yield store
    store.run("rm", "--all", "--force")
    assert not servers(store)
    assert not os.path.exists(os.path.join(store.rundir, "names"))
    store.close()


def servers(berth):
    """Every dnsmasq that serves this store: pid and words."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as f:
                words = f.read().split("\0")
        except OSError:
            continue
        if words[0].endswith("dnsmasq") and any(berth.rundir in word for word in words):
            found[int(pid)] = words
    return found


def only_server(berth):
    (pid,) = servers(berth)
    return pid


def lookup(berth, network, *names):
    """What each name is for a new container of the network: address or None."""
    script = "for n; do echo $n $(nslookup -type=a $n 2>/dev/null | awk '/^Name/{n=1} n&&/^Address/{print $2; exit}'); done"
    out = berth("run", "--rm", "--network", network, "busybox", "sh", "-c", script, "sh", *names)
    return [(line.split() + [None])[1] for line in out.splitlines()]


def address(berth, name, network):
    return berth.inspect(name)["NetworkSettings"]["Networks"][network]["IPAddress"]


def test_names_of_a_network(berth):
    berth("network", "create", "app")
    berth("network", "create", "other")
    berth("run", "-d", "--name", "db", "--network", "app", "--network-alias", "store", "busybox", "sleep", "100")
    berth("run", "-d", "--name", "far", "--network", "other", "busybox", "sleep", "100")
    own = address(berth, "db", "app")
    assert lookup(berth, "app", "db", "store", berth.id("db")[:12], "far", "nosuch") == [own, own, own, None, None]
    out = berth("run", "--rm", "--network", "app", "--hostname", "me", "busybox", "sh", "-c",
                "cat /etc/resolv.conf; grep me /etc/hosts; ping -c 1 -W 2 db >/dev/null && echo reached")
    assert out.startswith("nameserver 10.") and "ndots:0" in out and "reached" in out
    assert re.search(r"^10\.[0-9.]+\tme$", out, re.M)
    berth("stop", "-t", "0", "db")
    berth("run", "-d", "--name", "rest", "--network", "app", "busybox", "sleep", "100")
    assert lookup(berth, "app", "db") == [None], "a stopped container has no name"
    berth("start", "db")
    assert lookup(berth, "app", "db") == [address(berth, "db", "app")]


def test_server_comes_and_goes(berth):
    berth("network", "create", "app")
    assert not servers(berth)
    berth("run", "-d", "--name", "a", "--network", "app", "busybox", "sleep", "100")
    first = servers(berth)
    assert len(first) == 1
    berth("run", "--rm", "--network", "app", "busybox", "true")
    assert servers(berth) == first, "one for all, as long as one is there"
    gateway = berth.inspect("a")["NetworkSettings"]["Networks"]["app"]["Gateway"]
    (words,) = first.values()
    assert f"--listen-address={gateway}" in words and "--no-hosts" in words
    berth("rm", "-f", "a")
    assert not servers(berth)


def test_dead_server_is_started_again(berth):
    berth("network", "create", "app")
    berth("run", "-d", "--name", "a", "--network", "app", "busybox", "sleep", "100")
    dead = only_server(berth)
    os.kill(dead, signal.SIGKILL)
    wait_for(lambda: dead not in servers(berth))
    assert lookup(berth, "app", "a") == [address(berth, "a", "app")]
    assert only_server(berth) != dead


def test_reload_starts_a_dead_server(berth):
    berth("network", "create", "app")
    berth("run", "-d", "--name", "a", "--network", "app", "busybox", "sleep", "100")
    dead = only_server(berth)
    os.kill(dead, signal.SIGKILL)
    wait_for(lambda: dead not in servers(berth))
    berth("network", "reload")
    living = only_server(berth)
    assert living != dead
    berth("network", "reload")
    assert only_server(berth) == living


def test_port_is_taken_on_the_host(berth, world):
    """A name server of the host on every address: no names, but the container runs, and doctor tells why."""
    berth("network", "create", "app")
    taken = subprocess.Popen([*world.host.prefix, "python3", "-c", "import socket, sys; s = socket.socket(2, 2); s.bind(('', 53)); "
                              "print(flush=True); sys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        taken.stdout.readline()
        assert berth("run", "--rm", "--network", "app", "busybox", "echo", "runs") == "runs\n"
        berth("run", "-d", "--name", "a", "--network", "app", "busybox", "sleep", "100")
        assert "network app" in berth.run("doctor").stdout
    finally:
        taken.kill()
        taken.communicate()
    berth("network", "reload")
    assert lookup(berth, "app", "a") == [address(berth, "a", "app")]


def test_sixteen_at_once(berth):
    berth("network", "create", "app")
    names = [f"c{i}" for i in range(16)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: berth("run", "-d", "--name", name, "--network", "app", "busybox", "sleep", "100"), names))
    assert only_server(berth)
    found = lookup(berth, "app", *names)
    assert None not in found and len(set(found)) == 16
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: berth("rm", "-f", name), names))
    assert not servers(berth)


def test_nothing_is_left_of_killed_monitors(berth):
    berth("network", "create", "app")
    berth("run", "-d", "--name", "a", "--network", "app", "busybox", "sleep", "100")
    monitor = berth.status("a")["monitorPid"] if "monitorPid" in berth.status("a") else berth.inspect("a")["State"]["MonitorPid"]
    os.kill(monitor, signal.SIGKILL)
    os.kill(only_server(berth), signal.SIGKILL)
    wait_for(lambda: not servers(berth))
    wait_for(lambda: berth("ps", "-q") == "")
    assert not os.path.exists(os.path.join(berth.rundir, "names"))


def test_internal_network_knows_its_own(berth):
    berth("network", "create", "--internal", "inner")
    berth("run", "-d", "--name", "a", "--network", "inner", "busybox", "sleep", "100")
    assert lookup(berth, "inner", "a", "outside.example") == [address(berth, "a", "inner"), None]
    assert "--no-resolv" in list(servers(berth).values())[0]


def test_connect_and_disconnect(berth):
    berth("network", "create", "app")
    berth("network", "create", "other")
    berth("run", "-d", "--name", "a", "--network", "app", "busybox", "sleep", "100")
    berth("run", "-d", "--name", "b", "--network", "other", "busybox", "sleep", "100")
    assert lookup(berth, "other", "a") == [None]
    berth("network", "connect", "other", "a")
    assert lookup(berth, "other", "a") == [address(berth, "a", "other")]
    berth("network", "disconnect", "other", "a")
    assert lookup(berth, "other", "a") == [None]


def test_resolv_conf_by_options(berth):
    out = berth("run", "--rm", "--dns", "192.0.2.7", "--dns-search", "x.example", "--dns-option", "rotate", "busybox", "cat",
                "/etc/resolv.conf")
    assert out == "nameserver 192.0.2.7\nsearch x.example\noptions rotate\n"
    assert "127.0.0" not in berth("run", "--rm", "busybox", "cat", "/etc/resolv.conf")
