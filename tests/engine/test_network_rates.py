# SPDX-License-Identifier: Apache-2.0
"""--net-rate-in and --net-rate-out, by what comes through."""
import json
import os
import shutil
import subprocess

import pytest
from harness import wait_for
from netlab import World

from conftest import Berth

LIBRARIES = ["-v", "/usr:/usr:ro", "-v", "/usr/lib:/lib:ro", "-v", "/usr/lib64:/lib64:ro"]
SECONDS = 4


@pytest.fixture(scope="module")
def world():
    if os.geteuid() != 0:
        pytest.skip("needs root: the test makes network namespaces and bridges")
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
    assert not ifbs(world)
    store.close()


def ifbs(world):
    links = json.loads(world.host("ip", "-json", "link"))
    return [link["ifname"] for link in links if link["ifname"].startswith("i-")]


def buckets(world):
    found = json.loads(world.host("tc", "-json", "qdisc", "show"))
    return sorted(q["options"]["rate"] * 8 for q in found if q["kind"] == "tbf")


def run(berth, *options):
    p = berth.run("run", "-d", "--name", "c", *options, *LIBRARIES, "busybox", "sleep", "1000")
    if "the kernel was built without" in p.stderr:
        pytest.skip(p.stderr.strip())
    assert p.returncode == 0, p.stderr


def measure(berth, world, *options):
    """Bits a second as they arrive, by iperf3 from the container to the host (-R: back)."""
    server = subprocess.Popen([*world.host.prefix, "iperf3", "-s", "-1", "-p", "5201"], stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: ":5201" in world.host("ss", "-ltn"))
        gateway = berth.inspect("c")["NetworkSettings"]["Networks"]["bridge"]["Gateway"]
        out = berth("exec", "c", "/usr/bin/iperf3", "-c", gateway, "-t", str(SECONDS), "-J", *options)
        server.wait(20)
    finally:
        server.kill()
        server.wait()
    return json.loads(out)["end"]["sum_received"]["bits_per_second"]


@pytest.mark.skipif(not shutil.which("iperf3"), reason="iperf3 is not installed")
def test_rates_hold_both_ways(berth, world):
    run(berth, "--net-rate-in", "20mbit", "--net-rate-out", "50mbit")
    assert measure(berth, world) == pytest.approx(50e6, rel=0.1)
    assert measure(berth, world, "-R") == pytest.approx(20e6, rel=0.1)


def test_container_cannot_lift_it(berth, world):
    run(berth, "--net-rate-in", "8mbit", "--net-rate-out", "9mbit", "--cap-add", "NET_ADMIN")
    out = berth("exec", "c", "/usr/sbin/tc", "qdisc", "show")
    assert "tbf" not in out
    assert buckets(world) == [8e6, 9e6]


def test_rates_change_while_it_runs(berth, world):
    run(berth)
    assert buckets(world) == []
    berth("update", "--net-rate-in", "8mbit", "--net-rate-out", "9mbit", "c")
    assert buckets(world) == [8e6, 9e6] and len(ifbs(world)) == 1
    berth("update", "--net-rate-out", "0", "c")
    assert buckets(world) == [8e6] and not ifbs(world)
    assert "net-rate-in x" in berth.fails("update", "--net-rate-in", "x", "c")
    berth("stop", "-t", "0", "c")
    berth("start", "c")
    assert buckets(world) == [8e6], "the next life has it too"


@pytest.mark.parametrize("word", ["x", "10mbps", "1", "10m:1"])
def test_bad_rates(berth, word):
    assert "net-rate-in" in berth.fails("run", "--rm", "--net-rate-in", word, "busybox", "true", code=125)


def test_no_network_no_rate(berth):
    assert "--net-rate-out" in berth.fails("run", "--rm", "--network", "none", "--net-rate-out", "1m", "busybox", "true", code=125)
