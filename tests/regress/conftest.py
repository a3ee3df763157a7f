# SPDX-License-Identifier: Apache-2.0
"""Old break-outs, tried again: the fixtures of the integration tests, and an attacker.

One file a class of attack. Each test says how it looked where it worked; where it is cheap, the same attack is also made on
something unprotected, so that a test cannot pass because its attacker does nothing."""
import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))

from harness import REPO  # noqa: E402

pytest_plugins = ["harness.fixtures"]


@pytest.fixture
def arm():
    """arm(bundle): the attacker's program is /bin/attack in it."""
    def put(bundle):
        shutil.copy(os.path.join(REPO, "build", "attack"), bundle.inside("bin", "attack"))
        return bundle
    return put


@pytest.fixture
def outside(place):
    """A folder of the host that no container has any business in, with a secret."""
    path = os.path.join(place, "outside")
    os.mkdir(path)
    with open(os.path.join(path, "secret"), "w") as f:
        f.write("secret\n")
    yield path
    assert os.listdir(path) == ["secret"], f"made outside of the container: {os.listdir(path)}"
    with open(os.path.join(path, "secret")) as f:
        assert f.read() == "secret\n"
