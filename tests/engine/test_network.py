# SPDX-License-Identifier: Apache-2.0
"""Networks, with hosts that are network namespaces: published ports, ways out and in, isolation, live changes."""
import json
import os
import re
import shutil
import subprocess

import pytest
from harness import wait_for
from netlab import World, ask, refuses, server

from conftest import Berth


@pytest.fixture(scope="module")
def world(request):
    if os.geteuid() != 0:
        pytest.skip("needs root: the test makes network namespaces and bridges")
    if not shutil.which("nft"):
        pytest.skip("needs nft (package nftables) to look at the firewall")
    w = World()
    yield w
    w.close()


@pytest.fixture
def berth(world, place, loaded):
    store = Berth(place)
    store.prefix = world.host.prefix
    subprocess.run(["cp", "-a", "--reflink=auto", loaded.data, store.data], check=True)
    shutil.rmtree(os.path.join(store.data, "networks"))
    os.mkdir(os.path.join(store.data, "networks"))
    yield store
    for machine in (world.host, world.client):
        machine.stop_servers()
    store.close()
    links = json.loads(world.host("ip", "-json", "link"))
    assert [link["ifname"] for link in links if not link["ifname"].startswith("ve")] == ["lo", "up0"]
    assert "berth" not in world.host("nft", "list", "tables")


def address(berth, name, network="bridge", key="IPAddress"):
    return berth.inspect(name)["NetworkSettings"]["Networks"][network][key]


def serve(berth, *options, name="c", places=("tcp:80",)):
    berth("run", "-d", "--name", name, *options, *server(*places, name=name))


def rules(world):
    return [line for line in world.host("nft", "list", "ruleset").splitlines() if re.match(r"\t\t[^{}]*$", line)]


def test_default_network(berth, world):
    out = berth("run", "--rm", "busybox", "sh", "-c", "ip -4 -o a show eth0; ip route; cat /sys/class/net/eth0/address")
    assert re.search(r"inet 10\.200\.0\.2/16", out) and "default via 10.200.0.1 dev eth0" in out and "02:be:0a:c8:00:02" in out
    assert berth("network", "ls", "--format", "{{.Name}} {{.Driver}}") == "bridge bridge\n"


def test_published_to_the_outside(berth, world):
    serve(berth, "-p", "8080:80", "-p", "8053:53/udp", places=("tcp:80", "udp:53"))
    for protocol, port, inside in (("tcp", 8080, 80), ("udp", 8053, 53)):
        # Nobody stands in between: the container sees who asks.
        assert world.client.ask(protocol, world.HOST, port) == f"c {world.CLIENT} {inside}"
    assert world.client.refuses("tcp", world.HOST, 80)
    assert berth("port", "c") == "53/udp -> 0.0.0.0:8053\n80/tcp -> 0.0.0.0:8080\n" or \
        berth("port", "c") == "80/tcp -> 0.0.0.0:8080\n53/udp -> 0.0.0.0:8053\n"
    assert berth("port", "c", "80") == "0.0.0.0:8080\n"
    assert "no public port" in berth.fails("port", "c", "81")
    ports = berth.inspect("c")["NetworkSettings"]["Ports"]
    assert ports["80/tcp"] == [{"HostIp": "0.0.0.0", "HostPort": "8080"}]
    berth("stop", "-t", "0", "c")
    assert world.client.refuses("tcp", world.HOST, 8080)


def test_published_to_the_host_itself(berth, world):
    serve(berth, "-p", "8080:80", "-p", "127.0.0.1:8081:80")
    own = address(berth, "c", key="Gateway")
    assert world.host.ask("tcp", "127.0.0.1", 8080) == f"c {own} 80"
    assert world.host.ask("tcp", "127.0.0.1", 8081) == f"c {own} 80"
    assert world.host.ask("tcp", world.HOST, 8080).startswith("c ")
    assert world.host.refuses("tcp", world.HOST, 8081)
    assert world.client.refuses("tcp", world.HOST, 8081)
    # A container does not get at the host's loopback by the way that was made for that.
    world.client("ip", "route", "replace", "127.9.9.9/32", "via", world.HOST, check=False)
    assert refuses(berth, "c", "tcp", "127.0.0.1", 8081)


def test_ranges(berth, world):
    """One element each, whether the numbers are moved up, down or not at all."""
    serve(berth, "-p", "20000-20499:1000-1499", "-p", "5000-5099:5000-5099", "-p", "300-309:61000-61009", "-p", "3-11:2-10/udp",
          places=("tcp:1000", "tcp:1007", "tcp:1499", "tcp:5000-5001", "tcp:5099", "tcp:61000", "tcp:61009", "udp:2-10"))
    for port, inside in ((20000, 1000), (20007, 1007), (20499, 1499), (5000, 5000), (5001, 5001), (5099, 5099), (300, 61000),
                         (309, 61009)):
        assert world.client.ask("tcp", world.HOST, port) == f"c {world.CLIENT} {inside}"
    for port in (3, 5, 6, 11):
        assert world.client.ask("udp", world.HOST, port) == f"c {world.CLIENT} {port - 1}"
    text = world.host("nft", "list", "map", "inet", berth_table(berth), "publish4")
    assert len(re.findall(r"tcp", text)) == 3


def berth_table(berth):
    import hashlib
    return "berth-" + hashlib.sha256(berth.data.encode()).hexdigest()[:8]


def test_random_and_all(berth, world):
    serve(berth, "-p", "80")
    serve(berth, "-P", "--expose", "80", "--expose", "90-91/udp", name="d", places=("tcp:80", "udp:91"))
    port = int(berth("port", "c", "80").rsplit(":", 1)[1])
    assert world.client.ask("tcp", world.HOST, port) == f"c {world.CLIENT} 80"
    assert len(berth("port", "d").splitlines()) == 3
    port = int(berth("port", "d", "91/udp").rsplit(":", 1)[1])
    assert world.client.ask("udp", world.HOST, port) == f"d {world.CLIENT} 91"


def test_way_out_is_masked(berth, world):
    world.client.serve("outside", "tcp:7000", "udp:7001")
    serve(berth)
    assert ask(berth, "c", "tcp", world.CLIENT, 7000) == f"outside {world.HOST} 7000"
    assert ask(berth, "c", "udp", world.CLIENT, 7001) == f"outside {world.HOST} 7001"


def test_nobody_gets_in_unasked(berth, world):
    """Not even who knows the address and has a route to it."""
    serve(berth)
    where = address(berth, "c")
    world.client("ip", "route", "replace", "10.200.0.0/16", "via", world.HOST)
    assert world.client.refuses("tcp", where, 80)
    assert world.host.ask("tcp", where, 80) == "c 10.200.0.1 80"
    world.client("ip", "route", "del", "10.200.0.0/16")


def test_among_containers(berth, world):
    berth("network", "create", "one")
    berth("network", "create", "two")
    for name, network in (("a", "one"), ("b", "one"), ("x", "two")):
        serve(berth, "--network", network, name=name, *(["-p", "8080:80"] if name == "x" else []))
    b, x = address(berth, "b", "one"), address(berth, "x", "two")
    assert ask(berth, "a", "tcp", b, 80) == f"b {address(berth, 'a', 'one')} 80"
    assert refuses(berth, "a", "tcp", x, 80)
    # What is published can be reached from everywhere, also by oneself.
    assert ask(berth, "a", "tcp", world.HOST, 8080).startswith("x ")
    assert ask(berth, "x", "tcp", world.HOST, 8080).startswith("x ")
    berth("rm", "-f", "a", "b", "x")
    assert berth("network", "rm", "one", "two") == "one\ntwo\n"


def test_internal(berth, world):
    world.client.serve("outside", "tcp:7100")
    berth("network", "create", "--internal", "inner")
    serve(berth, "--network", "inner", "-p", "8080:80")
    serve(berth, "--network", "inner", name="d")
    assert ask(berth, "c", "tcp", address(berth, "d", "inner"), 80).startswith("d ")
    assert refuses(berth, "c", "tcp", world.CLIENT, 7100)
    assert world.client.refuses("tcp", world.HOST, 8080)
    assert "default" not in berth("exec", "c", "ip", "route")


def test_ipv6(berth, world):
    world.client.serve("outside6", "tcp:7200")
    berth("network", "create", "--ipv6", "six")
    serve(berth, "--network", "six", "-p", "8080:80", "-p", "[2001:db8::1]:8081:80")
    six = address(berth, "c", "six", "GlobalIPv6Address")
    assert six.startswith("fd")
    assert world.client.ask("tcp", world.HOST6, 8080) == f"c {world.CLIENT6} 80"
    assert world.client.ask("tcp", world.HOST6, 8081) == f"c {world.CLIENT6} 80"
    assert world.client.ask("tcp", world.HOST, 8080) == f"c {world.CLIENT} 80"
    assert ask(berth, "c", "tcp", world.CLIENT6, 7200) == f"outside6 {world.HOST6} 7200"
    assert berth("port", "c", "80") == "0.0.0.0:8080\n[::]:8080\n[2001:db8::1]:8081\n"


def test_options_of_an_endpoint(berth, world):
    berth("network", "create", "--subnet", "10.77.0.0/24", "--gateway", "10.77.0.9", "--ip-range", "10.77.0.128/25",
          "--opt", "mtu=1400", "--label", "a=b", "n")
    out = berth("run", "--rm", "--network", "n", "--ip", "10.77.0.200", "--mac-address", "02:11:22:33:44:55", "busybox", "sh", "-c",
                "ip -4 -o a show eth0; ip route; cat /sys/class/net/eth0/address /sys/class/net/eth0/mtu")
    assert "10.77.0.200/24" in out and "via 10.77.0.9" in out and "02:11:22:33:44:55\n1400" in out
    assert "10.77.0.128/24" in berth("run", "--rm", "--network", "n", "busybox", "ip", "-4", "-o", "a", "show", "eth0")
    shown = json.loads(berth("network", "inspect", "n"))[0]
    assert shown["Labels"] == {"a": "b"} and shown["IPAM"]["Config"][0]["Subnet"] == "10.77.0.0/24"


def test_several_networks_and_live_changes(berth, world):
    berth("network", "create", "one")
    berth("network", "create", "two")
    serve(berth, "--network", "one", "--network", "two", "-p", "8080:80")
    serve(berth, "--network", "two", name="d")
    assert set(berth.inspect("c")["NetworkSettings"]["Networks"]) == {"one", "two"}
    assert ask(berth, "c", "tcp", address(berth, "d", "two"), 80).startswith("d ")
    berth("network", "disconnect", "two", "c")
    assert refuses(berth, "c", "tcp", address(berth, "d", "two"), 80)
    assert "eth1" not in berth("exec", "c", "ip", "link")
    berth("network", "connect", "--ip", address(berth, "d", "two").rsplit(".", 1)[0] + ".99", "two", "c")
    assert address(berth, "c", "two").endswith(".99")
    assert ask(berth, "c", "tcp", address(berth, "d", "two"), 80).startswith("d ")
    # The ports go with the network that is left.
    berth("network", "disconnect", "one", "c")
    assert ask(berth, "c", "tcp", address(berth, "d", "two"), 80).startswith("d ")
    berth("restart", "-t", "0", "c")
    assert set(berth.inspect("c")["NetworkSettings"]["Networks"]) == {"two"}
    assert "already exists" in berth.fails("network", "connect", "two", "c")
    assert "not connected" in berth.fails("network", "disconnect", "one", "c")
    assert "active endpoints" in berth.fails("network", "rm", "two")


def test_macvlan(berth, world):
    if subprocess.run([*world.host.prefix, "ip", "link", "add", "mv0", "link", "up0", "type", "macvlan"], stderr=subprocess.DEVNULL,
                      check=False).returncode != 0:
        pytest.skip("this kernel has no macvlan")
    world.host("ip", "link", "del", "mv0")
    berth("network", "create", "--driver", "macvlan", "--opt", "parent=up0", "--subnet", "192.0.2.0/24", "--gateway", "192.0.2.2",
          "--ip-range", "192.0.2.64/26", "wire")
    serve(berth, "--network", "wire")
    assert address(berth, "c", "wire") == "192.0.2.64"
    assert world.client.ask("tcp", "192.0.2.64", 80) == f"c {world.CLIENT} 80"
    berth("network", "disconnect", "wire", "c")
    assert world.client.refuses("tcp", "192.0.2.64", 80)


def test_sixteen_at_once(berth, world):
    """No address twice, no port lost."""
    starts = [berth.popen("run", "-d", "-p", f"{9000 + i}:80", "busybox", "sleep", "100") for i in range(16)]
    ids = [p.communicate()[0].decode().strip() for p in starts]
    assert all(p.returncode == 0 for p in starts)
    places = [address(berth, i) for i in ids]
    assert len(set(places)) == 16
    assert world.host("nft", "list", "map", "inet", berth_table(berth), "publish4").count(" . tcp . ") == 16
    berth("rm", "-f", *ids)
    assert " . tcp . " not in world.host("nft", "list", "map", "inet", berth_table(berth), "publish4")
    assert not berth.claims()


def test_rules_are_flat(berth, world):
    serve(berth, "-p", "8080:80")
    before = rules(world)
    for i in range(5):
        serve(berth, "-p", f"{8081 + i}:80", name=f"c{i}")
    assert [r for r in rules(world) if "elements" not in r and " : " not in r] == \
        [r for r in before if "elements" not in r and " : " not in r]


def test_taken_ports(berth, world):
    serve(berth, "-p", "8080:80")
    why = berth.fails("run", "-d", "-p", "8080:81", "busybox", "true")
    assert "8080" in why and "already allocated" in why and "container c" in why
    why = berth.fails("run", "-d", "-p", "8070-8090:70-90", "busybox", "true")
    assert "already allocated" in why
    world.host.serve("foreign", "tcp:8100", "udp:8101")
    for words in (["-p", "8100:80"], ["-p", "8101:80/udp"], ["-p", "8090-8110:90-110"]):
        why = berth.fails("run", "-d", *words, "busybox", "true")
        assert "address already in use" in why and "python3" in why
    assert world.client.ask("tcp", world.HOST, 8080) == f"c {world.CLIENT} 80"


def test_firewall_flushed(berth, world):
    serve(berth, "-p", "8080:80")
    world.host("nft", "flush", "ruleset")
    assert world.client.refuses("tcp", world.HOST, 8080)
    berth("network", "reload")
    assert world.client.ask("tcp", world.HOST, 8080) == f"c {world.CLIENT} 80"
    world.host("nft", "flush", "ruleset")
    berth("run", "--rm", "busybox", "true")
    assert world.client.ask("tcp", world.HOST, 8080) == f"c {world.CLIENT} 80"


def test_host_firewall_has_the_last_word(berth, world):
    serve(berth, "-p", "8080:80")
    world.host("nft", "add table inet fw; add chain inet fw forward { type filter hook forward priority 10; policy drop; }")
    try:
        assert world.client.refuses("tcp", world.HOST, 8080)
    finally:
        world.host("nft", "delete", "table", "inet", "fw")
    assert world.client.ask("tcp", world.HOST, 8080) == f"c {world.CLIENT} 80"


def test_killed_monitor(berth, world):
    serve(berth, "-p", "8080:80", "--restart", "no")
    os.kill(berth.inspect("c")["State"]["MonitorPid"], 9)
    wait_for(lambda: "Exited" in berth("ps", "-a", "--format", "{{.Status}}"))
    assert "c" in berth("ps", "-a", "--format", "{{.Names}}")
    assert world.client.refuses("tcp", world.HOST, 8080)
    assert not berth.claims()
    serve(berth, "-p", "8080:80", name="d")
    assert world.client.ask("tcp", world.HOST, 8080) == f"d {world.CLIENT} 80"


@pytest.mark.parametrize("words, text", [
    (["--subnet", "10.200.7.0/24", "n"], "overlaps"),
    (["--subnet", "192.0.2.0/24", "n"], "the host has a route"),
    (["--subnet", "10.5.0.1/16", "n"], "it should be 10.5.0.0/16"),
    (["--subnet", "10.5.0.0/31", "n"], "mask"),
    (["--subnet", "10.5.0.0/0", "n"], "10.5.0.0/0"),
    (["--subnet", "10.5.0.0", "n"], "CIDR"),
    (["--subnet", "224.0.0.0/8", "n"], "reserved"),
    (["--subnet", "10.5.0.0/16", "--gateway", "10.6.0.1", "n"], "no matching subnet"),
    (["--subnet", "10.5.0.0/16", "--gateway", "10.5.0.0", "n"], "no matching subnet"),
    (["--ip-range", "10.6.0.0/24", "n"], "no matching subnet"),
    (["--driver", "overlay", "n"], "plugin not found"),
    (["--driver", "macvlan", "n"], "parent"),
    (["--opt", "mtu=12", "n"], "mtu"),
    (["--opt", "mtu", "n"], "NAME=VALUE"),
    (["bridge"], "already exists"), (["host"], "predefined"), (["a/b"], "invalid characters"),
])
def test_bad_networks(berth, words, text):
    assert text in berth.fails("network", "create", *words)
    assert berth("network", "ls", "-q").count("\n") == 1


@pytest.mark.parametrize("words, text", [
    (["--network", "nosuch"], "network nosuch not found"),
    (["--ip", "10.99.0.1"], "does not belong"), (["--ip", "10.200.0.1"], "already in use"), (["--ip", "fd00::1"], "invalid IPv4"),
    (["--mac-address", "01:00:00:00:00:01"], "MAC"), (["--mac-address", "zz"], "MAC"),
    (["--network-alias", "x"], "user defined"),
    (["--network", "none", "--ip", "10.200.0.9"], "--ip"),
    (["-p", "80:90:100:110"], "invalid"), (["-p", "0"], "invalid containerPort"), (["-p", "65536"], "invalid containerPort"),
    (["-p", "1-5:1-6"], "invalid ranges"), (["-p", "80/xyz"], "proto"), (["-p", "300.1.1.1:80:80"], "invalid IP"),
    (["-p", "[::1:80:80"], "invalid"), (["--expose", "no"], "invalid port"), (["--net-rate-in", "fast"], "net-rate-in"),
    (["-p", "198.51.100.7:80:80"], "198.51.100.7"),
    (["--network", "bridge", "--network", "host"], "network host not found"),
])
def test_bad_endpoints(berth, words, text):
    assert text in berth.fails("run", "--rm", *words, "busybox", "true")
    assert not berth.containers() and not berth.claims()


def test_taken_address(berth):
    berth("run", "-d", "--name", "c", "--ip", "10.200.0.77", "busybox", "sleep", "100")
    assert "already in use" in berth.fails("run", "--rm", "--ip", "10.200.0.77", "busybox", "true")
    berth("rm", "-f", "c")
    berth("run", "--rm", "--ip", "10.200.0.77", "busybox", "true")


def test_prune(berth):
    berth("network", "create", "used")
    berth("network", "create", "unused")
    berth("create", "--name", "c", "--network", "used", "busybox", "true")
    assert berth("network", "prune", "-f") == "Deleted Networks:\nunused\n"
    assert berth("network", "ls", "--format", "{{.Name}}") == "bridge\nused\n"
