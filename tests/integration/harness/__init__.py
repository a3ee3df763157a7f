# SPDX-License-Identifier: Apache-2.0
"""What integration tests are made of: bundles, the runtime under test, cgroups and the host around them."""
from .bundle import Bundle
from .cgroups import Cgroups
from .paths import LANE, PROBE, REPO, RUNTIME, SLOW, USER, wait_for
from .runtime import Container, Result, Runtime

__all__ = ["Bundle", "Cgroups", "Container", "LANE", "PROBE", "REPO", "RUNTIME", "Result", "Runtime", "SLOW", "USER",
           "wait_for"]
