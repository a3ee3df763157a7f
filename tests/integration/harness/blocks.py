# SPDX-License-Identifier: Apache-2.0
"""A block device of the test's own."""
import os
import subprocess

import pytest


class Loop:
    def __init__(self, path):
        self.path, self.name = path, os.path.basename(path)
        with open(f"/sys/block/{self.name}/dev") as f:
            self.number = f.read().strip()
        self.major, self.minor = map(int, self.number.split(":"))

    def node(self, path="/dev/block"):
        """For linux.devices."""
        return {"type": "b", "path": path, "major": self.major, "minor": self.minor, "fileMode": 0o600}

    def rule(self, allow, access="rwm"):
        """For linux.resources.devices."""
        return {"allow": allow, "type": "b", "major": self.major, "minor": self.minor, "access": access}

    def scheduler(self, name):
        """Sets the I/O scheduler and says whether the kernel has it."""
        try:
            with open(f"/sys/block/{self.name}/queue/scheduler", "w") as f:
                f.write(name)
        except OSError:
            return False
        return True


@pytest.fixture
def loop(place):
    """A loop device of 4 MiB."""
    image = os.path.join(place, "loop")
    with open(image, "wb") as f:
        f.truncate(4 << 20)
    found = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True)
    device = Loop(found.stdout.strip())
    yield device
    device.scheduler("none")
    subprocess.run(["losetup", "--detach", device.path], check=True)
