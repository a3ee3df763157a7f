# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests in containers, a plugin of pytest. Each test ends with the host as clean as it began, or fails."""
import os
import shutil
import signal
import subprocess
import tempfile

import pytest

from . import host
from .bundle import Bundle
from .paths import LANE, PROBE, RUNTIME, SLOW, USER
from .runtime import Runtime

TEST_SECONDS = 120  # for one test, times SLOW


def pytest_configure(config):
    config.addinivalue_line("markers", "v1: wants cgroup v1 hierarchies (the host lane)")
    config.addinivalue_line("markers", "v2: wants pure cgroup v2 (the microvm lane)")
    config.addinivalue_line("markers", "seconds(n): a longer time-out for this test")
    if config.option.collectonly:
        return
    if os.geteuid() != 0:
        raise pytest.UsageError("the integration tests need root: sudo make integration")
    for path in (RUNTIME, PROBE):
        if not os.path.exists(path):
            raise pytest.UsageError(f"{path} is missing: run make integration")
    host.separate()
    host.become_reaper()


def pytest_report_header():
    return f"lane: {LANE}, runtime: {RUNTIME}"


def pytest_collection_modifyitems(items):
    for item in items:
        for mark, wanted in (("v1", "host"), ("v2", "v2")):
            if item.get_closest_marker(mark) and wanted != LANE:
                item.add_marker(pytest.mark.skip(reason=f"only in the {wanted} lane"))


@pytest.fixture(autouse=True)
def time_out(request):
    """Ends a test that hangs."""
    marker = request.node.get_closest_marker("seconds")
    seconds = int((marker.args[0] if marker else TEST_SECONDS) * SLOW)

    def stop(_signal, _frame):
        pytest.fail(f"the test took longer than {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    yield
    signal.alarm(0)


@pytest.fixture(autouse=True)
def clean_host(time_out):
    """Compares the host before and after each test. First to be set up, last to be taken down."""
    before = host.Host()
    yield before
    left = before.leftovers()
    if left:
        before.clean()
        pytest.fail("left on the host:\n  " + "\n  ".join(left), pytrace=False)


@pytest.fixture
def lane():
    """"host" (cgroup v1 or hybrid) or "v2"."""
    return LANE


@pytest.fixture
def place(clean_host):
    """A folder of the test's own with a short name that any user may enter."""
    path = tempfile.mkdtemp(prefix="berth-", dir="/tmp")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def runtime(place):
    """The runtime under test with a state folder of its own; what a test leaves is deleted by --force."""
    rt = Runtime(os.path.join(place, "state"))
    yield rt
    rt.delete_all()


@pytest.fixture
def make_bundle(place):
    """make_bundle(ARG...) -> Bundle; as many as the test wants."""
    count = iter(range(1000))

    def make(*args):
        return Bundle(os.path.join(place, f"bundle{next(count)}"), *args)
    return make


@pytest.fixture
def bundle(make_bundle):
    """One bundle that runs `probe ids` until it is changed."""
    return make_bundle()


@pytest.fixture
def subids(place):
    """Gives user USER a name and 65536 ids from 200000, in this process's mount namespace only."""
    lines = {"passwd": f"tester:x:{USER}:{USER}::/tmp:/bin/sh\n", "group": f"tester:x:{USER}:\n",
             "subuid": "tester:200000:65536\n", "subgid": "tester:200000:65536\n"}
    bound = []
    for name, line in lines.items():
        target, copy = f"/etc/{name}", os.path.join(place, name)
        if not os.path.exists(target):
            open(target, "a").close()
        with open(target) as old, open(copy, "w") as new:
            new.write(old.read() + line)
        subprocess.run(["mount", "--bind", copy, target], check=True)
        bound.append(target)
    yield 200000
    for target in reversed(bound):
        subprocess.run(["umount", "-l", target], check=True)


@pytest.fixture
def rootless(place):
    """The runtime as an ordinary user (USER); without subids it has that one id and no more."""
    home = os.path.join(place, "user")
    os.mkdir(home)
    os.chown(home, USER, USER)
    rt = Runtime(os.path.join(home, "state"), env={"XDG_RUNTIME_DIR": home, "HOME": home},
                 prefix=["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"])
    yield rt
    rt.delete_all()
