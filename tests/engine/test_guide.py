# SPDX-License-Identifier: Apache-2.0
"""Every command of docs/user-guide.md, run from the first to the last in one store, with what the guide says it prints."""
import os
import re
import subprocess

import pytest
from harness import REPO


def blocks():
    """(command, what it prints) of each line "$ ..." in the console blocks."""
    with open(os.path.join(REPO, "docs", "user-guide.md")) as f:
        text = f.read()
    for block in re.findall(r"```console\n(.*?)```", text, re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def pattern(output):
    """"..." stands for anything, blanks for any number of them."""
    parts = [re.sub(r"(\\ |\\\t)+", r"[ \\t]+", re.escape(p)) for p in re.split(r"[ \t]*\.\.\.[ \t]*", output)]
    return "[\\s\\S]*".join(parts)


@pytest.mark.seconds(300)
def test_guide(berth, place):
    env = dict(berth.env, PATH=os.path.dirname(berth.argv()[-1]) + ":" + os.environ["PATH"])
    ran = 0
    for command, output in blocks():
        p = subprocess.run(["sh", "-c", command], env=env, cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        assert re.fullmatch(pattern(output).rstrip("\\n") + r"\n?", p.stdout), f"$ {command}\n{p.stdout}\ninstead of\n{output}"
        ran += 1
    assert ran > 40
