# SPDX-License-Identifier: Apache-2.0
"""linux.intelRdt: a clear error without resctrl, and every rule about groups on one made of plain folders.

No machine of these tests has resctrl, so they drive build/berth-runtime-resctrl: the runtime, but for the three functions
of src/kernel/resctrl.c that find the file system and make and remove a group."""
import os

import pytest

from harness import RUNTIME, Runtime

FAKE = os.path.join(os.path.dirname(RUNTIME), "berth-runtime-resctrl")
L3, MB = "L3:0=fffff;1=f0", "MB:0=50;1=70"
HELD = "    L3:0=0fffff;1=000f0\n    MB:0= 50;1= 70\n"


class Resctrl:
    """The fake file system."""

    def __init__(self, top):
        self.top = top
        os.makedirs(os.path.join(top, "mon_groups"))
        self.add("", "")

    def path(self, *names):
        return os.path.join(self.top, *names)

    def add(self, name, schemata):
        os.makedirs(self.path(name, "mon_groups"), exist_ok=True)
        for file, text in (("schemata", schemata), ("tasks", "")):
            with open(self.path(name, file), "w") as f:
                f.write(text)

    def read(self, *names):
        with open(self.path(*names)) as f:
            return f.read()

    def groups(self):
        return {e.name for e in os.scandir(self.top) if e.is_dir()} - {"mon_groups"}


@pytest.fixture
def resctrl(place):
    return Resctrl(os.path.join(place, "resctrl"))


@pytest.fixture
def fake(place, resctrl):
    if not os.path.exists(FAKE):
        pytest.skip("build/berth-runtime-resctrl is missing: make build/berth-runtime-resctrl")
    rt = Runtime(os.path.join(place, "fake-state"), binary=FAKE, env={"RESCTRL_FAKE": resctrl.top})
    yield rt
    rt.delete_all()


def with_rdt(bundle, **rdt):
    bundle.linux["intelRdt"] = rdt
    return bundle.probe("sleep")


def written(*lines):
    """What is left of writes to a plain file, each from its start."""
    text = ""
    for line in lines:
        text = line + "\n" + text[len(line) + 1:]
    return text


# ---- groups that are made -------------------------------------------------------------------------


@pytest.mark.parametrize("rdt, lines", [
    ({"l3CacheSchema": L3}, [L3]), ({"memBwSchema": MB}, [MB]), ({"schemata": [L3, MB]}, [L3, MB]),
    ({"l3CacheSchema": L3, "memBwSchema": MB, "schemata": ["L2:0=f"]}, [L3, MB, "L2:0=f"]),
    ({"l3CacheSchema": "L3DATA:0=f\nL3CODE:0=f0"}, ["L3DATA:0=f\nL3CODE:0=f0"]),
    ({}, [])], ids=["l3", "mb", "schemata", "order", "cdp", "none"])
def test_group_of_the_container(fake, bundle, resctrl, rdt, lines):
    """Without closID the group is called as the container, and goes with it."""
    c = fake.run_detached(with_rdt(bundle, **rdt))
    assert resctrl.groups() == {c.id}
    assert resctrl.read(c.id, "schemata") == written(*lines)
    assert resctrl.read(c.id, "tasks") == f"{c.pid}\n"
    assert os.listdir(resctrl.path(c.id, "mon_groups")) == []
    c.delete("--force").ok()
    assert resctrl.groups() == set()


def test_named_group_is_made(fake, bundle, resctrl):
    c = fake.run_detached(with_rdt(bundle, closID="gold", l3CacheSchema=L3))
    assert resctrl.groups() == {"gold"}
    assert resctrl.read("gold", "tasks") == f"{c.pid}\n"
    c.delete("--force").ok()
    assert resctrl.groups() == set()


def test_in_the_foreground(fake, bundle, resctrl):
    """It is there while the program runs, and gone with it."""
    with_rdt(bundle, closID="gold", l3CacheSchema=L3).probe("exit", 3)
    assert fake.run(bundle).code == 3
    assert resctrl.groups() == set()


def test_from_create_on(fake, bundle, resctrl):
    c = fake.create(with_rdt(bundle, memBwSchema=MB))
    assert resctrl.read(c.id, "tasks") == f"{c.pid}\n"
    c.start()
    c.delete("--force").ok()


def test_monitoring(fake, bundle, resctrl):
    c = fake.run_detached(with_rdt(bundle, closID="gold", l3CacheSchema=L3, enableMonitoring=True))
    assert os.listdir(resctrl.path("gold", "mon_groups")) == [c.id]
    assert resctrl.read("gold", "tasks") == resctrl.read("gold", "mon_groups", c.id, "tasks") == f"{c.pid}\n"
    c.delete("--force").ok()
    assert resctrl.groups() == set()


def test_exec_joins(fake, bundle, resctrl):
    c = fake.run_detached(with_rdt(bundle, closID="gold", l3CacheSchema=L3, enableMonitoring=True))
    pid_file = os.path.join(resctrl.top, "pid")
    c.exec("probe", "ids", options=["--pid-file", pid_file]).ok()
    for group in (("gold",), ("gold", "mon_groups", c.id)):
        assert resctrl.read(*group, "tasks") == resctrl.read("pid") + "\n"


# ---- groups that are there ------------------------------------------------------------------------


@pytest.mark.parametrize("rdt", [
    {}, {"l3CacheSchema": L3}, {"memBwSchema": MB}, {"l3CacheSchema": "L3:0=fffff"}, {"l3CacheSchema": "L3:1=0F0"},
    {"schemata": [MB, L3]}, {"l3CacheSchema": L3, "memBwSchema": MB}])
def test_existing_group(fake, bundle, resctrl, rdt):
    """With the same schemata or none it is joined, not written, and stays."""
    resctrl.add("gold", HELD)
    c = fake.run_detached(with_rdt(bundle, closID="gold", **rdt))
    assert resctrl.read("gold", "schemata") == HELD
    assert resctrl.read("gold", "tasks") == f"{c.pid}\n"
    c.delete("--force").ok()
    assert resctrl.groups() == {"gold"}


@pytest.mark.parametrize("rdt", [
    {"l3CacheSchema": "L3:0=ffff"}, {"l3CacheSchema": "L3:2=f"}, {"memBwSchema": "MB:0=60"}, {"schemata": ["L2:0=f"]},
    {"l3CacheSchema": L3, "memBwSchema": "MB:0=50;1=71"}, {"schemata": [L3, "MB:1=7"]}, {"l3CacheSchema": "L3:0"}])
def test_existing_group_is_another(fake, bundle, resctrl, rdt):
    resctrl.add("gold", HELD)
    fake.run(with_rdt(bundle, closID="gold", **rdt)).fails("closID gold exists and its schemata are not", code=1)
    assert resctrl.read("gold", "schemata") == HELD and resctrl.read("gold", "tasks") == ""


def test_monitoring_in_an_existing_group(fake, bundle, resctrl):
    resctrl.add("gold", HELD)
    c = fake.run_detached(with_rdt(bundle, closID="gold", enableMonitoring=True))
    assert os.listdir(resctrl.path("gold", "mon_groups")) == [c.id]
    c.delete("--force").ok()
    assert os.listdir(resctrl.path("gold", "mon_groups")) == [] and resctrl.groups() == {"gold"}


def test_root(fake, bundle, resctrl):
    """"/" is the root: used, never made or removed."""
    c = fake.run_detached(with_rdt(bundle, closID="/", enableMonitoring=True))
    assert resctrl.read("tasks") == f"{c.pid}\n"
    assert os.listdir(resctrl.path("mon_groups")) == [c.id]
    c.delete("--force").ok()
    assert resctrl.groups() == set() and os.listdir(resctrl.path("mon_groups")) == []


def test_somebody_elses_group(fake, bundle, resctrl):
    """A group of the container's name that is there already is not taken for its own, and stays."""
    resctrl.add("taken", HELD)
    fake.run(with_rdt(bundle, l3CacheSchema=L3), ident="taken").fails("has a group taken already", code=1)
    assert resctrl.groups() == {"taken"}


def test_two_containers(fake, make_bundle, resctrl):
    first = fake.run_detached(with_rdt(make_bundle(), closID="gold", l3CacheSchema=L3))
    with open(resctrl.path("gold", "schemata"), "w") as f:
        f.write(HELD)
    second = fake.run_detached(with_rdt(make_bundle(), closID="gold", l3CacheSchema=L3))
    second.delete("--force").ok()
    assert resctrl.groups() == {"gold"}
    first.delete("--force").ok()
    assert resctrl.groups() == set()


# ---- update ---------------------------------------------------------------------------------------


def test_update(fake, bundle, resctrl):
    c = fake.run_detached(with_rdt(bundle, l3CacheSchema=L3))
    fake("update", "--l3-cache-schema", "L3:0=f", "--mem-bw-schema", "MB:0=9", c.id).ok()
    assert resctrl.read(c.id, "schemata") == written(L3, "L3:0=f", "MB:0=9")
    fake("update", "--mem-bw-schema", "L3:0=9", c.id).fails("does not begin with MB:", code=1)


def test_update_without_a_group(fake, bundle):
    c = fake.run_detached(bundle.probe("sleep"))
    fake("update", "--l3-cache-schema", "L3:0=f", c.id).fails("no resctrl group", code=1)


# ---- errors ---------------------------------------------------------------------------------------


def test_no_such_group(fake, bundle, resctrl):
    fake.run(with_rdt(bundle, closID="gold")).fails("closID gold does not exist", code=1)
    assert resctrl.groups() == set()


@pytest.mark.parametrize("rdt, words", [
    ({"closID": "a/b"}, "closID"), ({"closID": ".."}, "closID"), ({"closID": ""}, "closID"),
    ({"memBwSchema": "L3:0=f"}, "memBwSchema"), ({"memBwSchema": "MB:0=5\nL3:0=f"}, "memBwSchema")])
def test_bad_values(fake, bundle, resctrl, rdt, words):
    fake.run(with_rdt(bundle, **rdt)).fails("linux.intelRdt." + words, code=1)
    assert resctrl.groups() == set()


def test_nothing_is_left_of_a_failure(fake, bundle, resctrl):
    """The container fails after its group was made."""
    with_rdt(bundle, closID="gold", l3CacheSchema=L3, enableMonitoring=True).args("/no/such/program")
    fake.run(bundle).fails("no such file", code=1)
    assert resctrl.groups() == set()


def test_absent_means_untouched(fake, bundle, resctrl):
    fake.run_detached(bundle.probe("sleep"))
    assert resctrl.groups() == set() and resctrl.read("tasks") == ""


def test_without_resctrl(runtime, bundle):
    if os.path.exists("/sys/fs/resctrl/schemata"):
        pytest.skip("this machine has a resctrl file system")
    runtime.run(with_rdt(bundle, closID="gold", l3CacheSchema=L3)).fails(
        "linux.intelRdt: no resctrl file system is mounted", "mount -t resctrl", code=1)
    assert runtime.ids() == []


def test_features(runtime):
    assert runtime("features").ok().json["linux"]["intelRdt"] == {
        "enabled": True, "schemata": True, "monitoring": True}
