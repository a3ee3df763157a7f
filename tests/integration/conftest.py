# SPDX-License-Identifier: Apache-2.0
"""The fixtures are in harness/fixtures.py: tests/regress uses them too."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

pytest_plugins = ["harness.fixtures"]
