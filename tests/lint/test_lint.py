# SPDX-License-Identifier: Apache-2.0
"""The project's own checks find what they are for: each test plants one violation."""
import os
import subprocess

import pytest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def lint(name, *args):
    p = subprocess.run([os.path.join(REPO, "tools/lint", name), *map(str, args)], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, check=False)
    return p.returncode, p.stdout


def plant(tmp_path, name, text):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("name, include", [
    ("base/a.c", "kernel/fd.h"),            # up by one
    ("cgroup/a.c", "runtime/runtime.h"),    # up by one
    ("cgroup/a.h", "namespace/namespace.h"),  # sideways
    ("oci/a.c", "cgroup/cgroup.h"),         # sideways: oci is for the others, the others are not for oci
    ("runtime/a.c", "bin/berth-runtime/command.h"),
    ("kernel/a.c", "fd.h"),                 # no folder
    ("kernel/a.c", "utils/x.h"),            # a folder without a layer
    ("utils/a.c", "base/err.h"),
])
def test_layers_finds(tmp_path, name, include):
    plant(tmp_path, name, f'#include <stdio.h>\n#include "{include}"\n')
    code, text = lint("layers", tmp_path)
    assert code == 1 and name in text, text


@pytest.mark.parametrize("name, include", [
    ("kernel/a.c", "base/err.h"), ("cgroup/a.c", "oci/spec.h"), ("cgroup/a.c", "cgroup/v1.h"),
    ("bin/berth/main.c", "runtime/runtime.h"), ("runtime/a.c", "security/security.h"),
])
def test_layers_allows(tmp_path, name, include):
    plant(tmp_path, name, f'#include "{include}"\n')
    code, text = lint("layers", tmp_path)
    assert code == 0, text


def function(lines):
    return "int f(void)\n{\n" + "\t;\n" * (lines - 4) + "\treturn 0;\n}\n"


@pytest.mark.parametrize("text, code", [
    (function(100), 0), (function(101), 1), (function(9) + "\n" * 791, 0), (function(9) + "\n" * 792, 1),
])
def test_sizes(tmp_path, text, code):
    got, out = lint("sizes", plant(tmp_path, "a.c", text))
    assert got == code, out


@pytest.mark.parametrize("row, code", [
    ("| a rule | `src/base/err.c` | `tests/lint/test_lint.py::test_sizes` | host |", 0),
    ("| a rule | `src/base/err.c` | `tests/lint/test_lint.py::test_nothing` | host |", 1),
    ("| a rule | `src/base/nothing.c` | `tests/lint/test_lint.py::test_sizes` | host |", 1),
    ("| a rule | `src/base/err.c` | by hand | host |", 1),
    ("| a rule | somewhere | `tests/lint/test_lint.py` | host |", 1)])
def test_tables(tmp_path, monkeypatch, row, code):
    monkeypatch.chdir(REPO)
    assert lint("tables", plant(tmp_path, "table.md", row + "\n"))[0] == code
