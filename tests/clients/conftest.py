# SPDX-License-Identifier: Apache-2.0
"""Real clients of a runtime: containerd, Podman and Docker, each in a room of its own.

BERTH_RUNTIME names the runtime that they call; /usr/bin/runc gives the baseline.
"""
import os
import shutil
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import image  # noqa: E402


@pytest.fixture(scope="session")
def runtime():
    path = os.environ.get("BERTH_RUNTIME", os.path.join(HERE, "../../build/berth-runtime"))
    path = os.path.realpath(path)
    assert os.access(path, os.X_OK), f"no runtime at {path}: run make first"
    return path


@pytest.fixture(scope="session", autouse=True)
def needs():
    """A missing client is a failure, not a reason to skip: tools/install-deps test installs them."""
    assert os.geteuid() == 0, "the clients need root"
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    missing = [p for p in ("containerd", "ctr", "podman", "conmon", "dockerd", "docker", "docker-init",
                           "unshare", "nsenter", "busybox") if not shutil.which(p, path=path)]
    assert not missing, f"not installed: {', '.join(missing)}"


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("image") / "box.tar")
    image.write_archive(path)
    return path
