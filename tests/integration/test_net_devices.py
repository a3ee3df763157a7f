# SPDX-License-Identifier: Apache-2.0
"""linux.netDevices: devices of the host that become the container's, with their names, addresses and settings."""
import json
import os
import subprocess
import time

import pytest

from harness.namespaces import BASE, bound, holder, own  # noqa: F401


def ip(*words, check=True):
    return subprocess.run(["ip", *map(str, words)], check=check, capture_output=True, text=True)


def shown(*words, pid=None):
    """What ip says about it, here or in the network namespace of a process."""
    enter = ["nsenter", "-t", str(pid), "-n"] if pid else []
    return json.loads(subprocess.run([*enter, "ip", "-j", "-d", *words], check=True, capture_output=True).stdout)


def names(pid=None):
    return {link["ifname"] for link in shown("link", pid=pid)}


@pytest.fixture
def link():
    """link(NAME): a veth device NAME of this test with its peer NAME-p; what is still here at the end goes."""
    made = []

    def make(name, *settings):
        ip("link", "add", name, *settings, "type", "veth", "peer", "name", name + "-p")
        made.append(name + "-p")
        return name
    yield make
    for name in made:
        ip("link", "del", name, check=False)
    # a device of a network namespace that is gone goes later
    for _ in range(100):
        if not {n for n in names() if n.removesuffix("-p") + "-p" in made}:
            break
        time.sleep(0.02)


def devices(bundle, **wanted):
    bundle.linux["netDevices"] = {here: ({"name": there} if there else {}) for here, there in wanted.items()}
    return bundle.probe("interfaces", "--", "sleep")


def addresses(pid, name):
    found = shown("addr", "show", "dev", name, pid=pid)[0]["addr_info"]
    return {(a["local"], a["prefixlen"], a["scope"]) for a in found}


def test_moved(runtime, bundle, link):
    c = runtime.run_detached(devices(bundle, **{link("net0"): None}))
    assert c.probe("interfaces")["interfaces"] == {"lo": 1, "net0": 1}
    assert "net0" not in names() and "net0-p" in names()


def test_renamed(runtime, bundle, link):
    c = runtime.run_detached(devices(bundle, **{link("net0"): "eth0", link("net1"): "net0"}))
    assert names(c.pid) == {"lo", "eth0", "net0"}
    assert not {"net0", "net1", "eth0"} & names()
    peers = {shown("link", "show", "dev", n)[0]["ifname"]: shown("link", "show", "dev", n)[0]["link_index"]
             for n in ("net0-p", "net1-p")}
    index = {n: shown("link", "show", "dev", n, pid=c.pid)[0]["ifindex"] for n in ("eth0", "net0")}
    assert peers == {"net0-p": index["eth0"], "net1-p": index["net0"]}


def test_swapped_names(runtime, bundle, link):
    c = runtime.run_detached(devices(bundle, **{link("one"): "two", link("two"): "one"}))
    assert names(c.pid) == {"lo", "one", "two"}


def test_template(runtime, bundle, link):
    """%d becomes the first free number."""
    c = runtime.run_detached(devices(bundle, **{link(f"net{i}"): "eth%d" for i in range(3)}))
    assert names(c.pid) == {"lo", "eth0", "eth1", "eth2"}


def test_addresses(runtime, bundle, link):
    """The permanent ones of global scope come along, no others."""
    link("net0")
    ip("link", "set", "net0", "up")
    for words in ("10.9.8.1/24 broadcast 10.9.8.255", "10.9.8.2/24", "172.30.0.1/32", "fd00:9::1/64 nodad",
                  "10.9.7.1/24 valid_lft 1000 preferred_lft 900", "169.254.7.7/16 scope link", "10.9.6.1/24 scope host",
                  "fd00:9::2/64 nodad valid_lft 1000 preferred_lft 900"):
        ip("addr", "add", *words.split(), "dev", "net0")
    c = runtime.run_detached(devices(bundle, net0="eth0"))
    assert {a for a in addresses(c.pid, "eth0") if a[2] != "link"} == {
        ("10.9.8.1", 24, "global"), ("10.9.8.2", 24, "global"), ("172.30.0.1", 32, "global"), ("fd00:9::1", 64, "global")}
    info = {a["local"]: a for a in shown("addr", "show", "dev", "eth0", pid=c.pid)[0]["addr_info"]}
    assert info["10.9.8.1"]["broadcast"] == "10.9.8.255"
    assert info["10.9.8.2"].get("secondary") is True and not info["10.9.8.1"].get("secondary")
    assert "169.254.7.7" not in info and "10.9.7.1" not in info
    # its routes are there, as the device is up
    assert {r["dst"] for r in shown("route", pid=c.pid)} >= {"10.9.8.0/24"}


def test_many_addresses(runtime, bundle, link):
    link("net0")
    batch = "".join(f"addr add 10.20.{i // 250}.{i % 250 + 1}/32 dev net0\n" for i in range(700))
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)
    c = runtime.run_detached(devices(bundle, net0=None))
    assert len([a for a in addresses(c.pid, "net0") if a[2] == "global"]) == 700


def test_settings(runtime, bundle, link):
    """The kernel's side: MTU, hardware address, queue, alias."""
    link("net0", "address", "02:11:22:33:44:55", "mtu", 1280, "txqueuelen", 77)
    ip("link", "set", "net0", "alias", "of the host")
    c = runtime.run_detached(devices(bundle, net0="eth0"))
    found = shown("link", "show", "dev", "eth0", pid=c.pid)[0]
    assert (found["mtu"], found["address"], found["txqlen"]) == (1280, "02:11:22:33:44:55", 77)
    assert found.get("ifalias") == "of the host"
    assert "UP" in found["flags"]


def test_traffic(runtime, bundle, link):
    link("net0")
    ip("addr", "add", "10.9.8.1/24", "dev", "net0")
    ip("addr", "add", "10.9.8.2/24", "dev", "net0-p")
    ip("link", "set", "net0-p", "up")
    c = runtime.run_detached(devices(bundle, net0="eth0"))
    assert c.exec("sh", "-c", "echo through | nc -l -p 7000 -w 5 & exec sleep 0.3").ok()
    found = subprocess.run(["busybox", "nc", "-w", "5", "10.9.8.1", "7000"], stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, timeout=60)
    assert found.stdout == "through\n", found


def test_user_namespace(runtime, bundle, link):
    ip("addr", "add", "10.9.8.1/24", "dev", link("net0"))
    c = runtime.run_detached(devices(bundle.user_namespace(BASE).own_rootfs(BASE), net0="eth0"))
    assert ("10.9.8.1", 24, "global") in addresses(c.pid, "eth0")


def test_joined_namespace(runtime, bundle, link, holder):  # noqa: F811
    pid = holder("network")
    c = runtime.run_detached(devices(bundle.add_namespace("network", f"/proc/{pid}/ns/net"), **{link("net0"): "eth0"}))
    assert names(c.pid) == names(pid) == {"lo", "eth0"}


def test_hooks_see_them(runtime, bundle, link, place):
    """They are there before the first hook."""
    out = os.path.join(place, "seen")
    bundle.hook("prestart", "/bin/sh", "sh", "-c",
                f"nsenter -t $(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/') -n ip -o link > {out}")
    runtime.run_detached(devices(bundle, **{link("net0"): "eth0"}))
    with open(out) as f:
        assert "eth0" in f.read()


def test_order_of_life(runtime, bundle, link):
    """Moved by create, not by start; gone with the container, not moved back."""
    c = runtime.create(devices(bundle, **{link("net0"): "eth0"}))
    assert "eth0" in names(c.pid) and "net0" not in names()
    c.start()
    c.delete("--force").ok()
    assert "net0" not in names() and "eth0" not in names()


# ---- errors: nothing is moved ---------------------------------------------------------------------


@pytest.mark.parametrize("there", [
    "a/b", "x" * 16, ".", "..", "a:b", "a b", "a%s", "%d%d", "eth%", "%%d"])
def test_bad_names(runtime, bundle, link, there):
    runtime.run(devices(bundle, **{link("net0"): there})).fails("linux.netDevices: net0:", "cannot be its name", code=1)
    assert "net0" in names()


@pytest.mark.parametrize("here", ["", "a/b", "x" * 16, "net%d", ".."])
def test_bad_names_here(runtime, bundle, here):
    runtime.run(devices(bundle, **{here: "eth0"})).fails("linux.netDevices", "not the name of a network device", code=1)


def test_missing(runtime, bundle, link):
    """None is moved where one is missing."""
    link("net0")
    runtime.run(devices(bundle, net0="eth0", nothere="eth1")).fails("nothere: there is no such network device", code=1)
    assert "net0" in names()


def test_name_taken(runtime, bundle, link, holder):  # noqa: F811
    pid = holder("network")
    ip("link", "set", link("net1"), "netns", pid)
    bundle.add_namespace("network", f"/proc/{pid}/ns/net")
    link("net0")
    runtime.run(devices(bundle, net0="net1")).fails("has a device net1 already", code=1)
    assert "net0" in names()
    c = runtime.run_detached(devices(bundle, net0="net%d"))
    assert names(c.pid) == {"lo", "net0", "net1"}


def test_name_taken_by_loopback(runtime, bundle, link):
    runtime.run(devices(bundle, **{link("net0"): "lo"})).fails("has a device lo already", code=1)
    assert "net0" in names()


def test_twice_the_same_name(runtime, bundle, link):
    runtime.run(devices(bundle, **{link("net0"): "eth0", link("net1"): "eth0"})).fails("cannot both be called eth0", code=1)
    assert {"net0", "net1"} <= names()


def test_no_network_namespace(runtime, bundle, link):
    bundle.drop_namespace("network")
    runtime.run(devices(bundle, **{link("net0"): "eth0"})).fails("no network namespace", code=1)
    assert "net0" in names()


def test_our_own_network_namespace(runtime, bundle, link):
    bundle.add_namespace("network", "/proc/self/ns/net")
    runtime.run(devices(bundle, **{link("net0"): "eth0"})).fails("is our own", code=1)
    assert "net0" in names()


def test_loopback_stays(runtime, bundle):
    runtime.run(devices(bundle, lo="lo1")).fails("move lo to the container as lo1", "stay in their namespace", code=1)
    assert "lo" in names()


def test_as_an_ordinary_user(rootless, subids, bundle, link):
    bundle.user_namespace(subids).own_rootfs(subids)
    bundle.linux["resources"] = {}
    for m in bundle.config["mounts"]:
        m["options"] = [o for o in m["options"] if not o.startswith("gid=")]
    rootless.run(devices(bundle, **{link("net0"): "eth0"})).fails(
        "linux.netDevices", "CAP_NET_ADMIN", "permission denied", code=1)
    assert "net0" in names()


def test_plan_and_features(runtime, bundle):
    """Neither needs the device."""
    plan = runtime("plan", devices(bundle, net0="eth0", net1=None).write().path).ok().json
    assert plan["namespaces"]["netDevices"] == {"net0": "eth0", "net1": "net1"}
    assert runtime("features").ok().json["linux"]["netDevices"]["enabled"] is True
