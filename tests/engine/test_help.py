# SPDX-License-Identifier: Apache-2.0
"""Help, manual pages and shell completion: all made from the tables, so they must agree with each other."""
import os
import re
import shutil
import subprocess

import pytest

from conftest import BUILD, Berth
from harness import REPO


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


@pytest.fixture(name="berth")
def fixture_berth(tmp_path):
    """A store of nothing: no test here runs a container."""
    return Berth(str(tmp_path))


@pytest.fixture(name="complete")
def fixture_complete(berth):
    """The candidates for the end of a command line, with their help."""
    return lambda *words: dict(line.split("\t") if "\t" in line else (line, "")
                               for line in berth("__complete", "--", *words).splitlines())


def listed(complete):
    """Every command, two words where it has two."""
    names = []
    for name in complete(""):
        second = complete(name, "") if name in ("image", "volume", "system", "network", "container") else {}
        names += [f"{name} {word}" for word in second] or [name]
    # "container run" is "run".
    return [name for name in names if name != "help" and (not name.startswith("container ") or name == "container prune")]


def test_each_command_helps(berth, complete):
    names = listed(complete)
    assert "run" in names and "image ls" in names and "volume create" in names
    for name in names:
        text = berth(*name.split(), "--help")
        assert text.startswith(f"Usage: berth {name.split(maxsplit=1)[0]}"), text
        assert berth("help", *name.split()) == text
        options = [word for word in complete(*name.split(), "--") if word not in ("--help", ":files")]
        for option in options:
            assert re.search(rf"^ +(-\w, )?{option}[ ,\n]", text, re.M), f"{name}: {option} is not in its help"
        if "[OPTIONS]" in text:
            assert options, name


def test_overview(berth):
    text = berth("--help")
    assert berth("help") == text
    assert berth("-h") == text
    for word in ("run", "images", "volume create", "completion"):
        assert re.search(rf"^ +{word}  ", text, re.M), word
    assert "__complete" not in text


def test_families(berth):
    for words in (["image"], ["image", "--help"], ["help", "image"]):
        text = berth(*words)
        assert "COMMAND" in text and re.search(r"^ +inspect  ", text, re.M)
    assert "unknown command" in berth.fails("imag", "x", code=125)


def test_suggestion(berth):
    assert 'did you mean "stop"' in berth.fails("stpo", code=125)
    assert 'did you mean "stop"' in berth.fails("help", "stpo", code=125)


# ---- manual pages ------------------------------------------------------------------------------------------


@pytest.fixture(name="pages")
def fixture_pages(berth, tmp_path):
    folder = str(tmp_path / "man")
    berth("man", folder)
    p = subprocess.run([os.path.join(BUILD, "berth-image"), "man", folder], env=berth.env, check=False)
    assert p.returncode == 0
    return folder


def test_page_for_each_command(berth, complete, pages):
    overview = berth("--help")
    for name in listed(complete):
        path = os.path.join(pages, "berth-" + name.replace(" ", "-") + ".1")
        if not os.path.exists(path):
            # A second name has the page of the first, and is not in the overview.
            assert not re.search(rf"^ +{name}  ", overview, re.M), name
            continue
        with open(path) as f:
            text = f.read().replace("\\-", "-")
        for option in complete(*name.split(), "--"):
            assert option in ("--help", ":files") or f"{option}\\fR" in text, f"{path}: {option}"
    with open(os.path.join(pages, "berth.1")) as f:
        text = f.read().replace("\\-", "-")
    assert ".BR berth-run (1)" in text and "--run-root" in text


@needs("groff")
def test_pages_are_clean_roff(pages):
    paths = [os.path.join(pages, name) for name in sorted(os.listdir(pages))]
    assert len(paths) > 20
    for path in paths:
        p = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", path], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, check=False)
        assert p.returncode == 0 and p.stdout == "", p.stdout


@needs("man")
def test_man_reads_them(pages):
    p = subprocess.run(["man", "--warnings", "-l", os.path.join(pages, "berth-run.1")], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, check=False, env=dict(os.environ, MANWIDTH="100", LC_ALL="C"))
    assert p.returncode == 0 and p.stderr == "", p.stderr
    assert re.search(r"^ +--memory-swap SIZE", p.stdout, re.M), p.stdout
    assert re.search(r"^ +berth run \[OPTIONS\] IMAGE", p.stdout, re.M)


# ---- completion ------------------------------------------------------------------------------------------------


def test_candidates(berth, complete):
    assert list(complete("stop", "--ti")) == ["--time"]
    assert "--name" in complete("run", "--")
    assert list(complete("run", "-it", "--restart", "on")) == ["on-failure"]
    assert list(complete("run", "--restart=on")) == ["--restart=on-failure"]
    assert list(complete("--root", berth.data, "completion", "b")) == ["bash"]
    assert list(complete("help", "sto")) == ["stop"]
    assert "SYS_ADMIN" in complete("run", "--cap-add", "SYS_")
    assert list(complete("run", "--env-file", "")) == [":files"]
    assert "SIGTERM" in complete("kill", "--signal", "SIG")
    assert list(complete("run", "busybox", "-")) == []
    assert "--all-tags" in complete("push", "--")
    assert complete("nothing-like-that", "") == {}


def test_names_from_the_store(berth, complete):
    berth("images")
    for folder, name in (("names", "web-1"), ("volumes", "disk-1")):
        path = os.path.join(berth.data, folder, name)
        if folder == "volumes":
            os.mkdir(path)
        else:
            with open(path, "w") as f:
                f.write("0" * 64)
    assert list(complete("logs", "-f", "we")) == ["web-1"]
    assert list(complete("container", "logs", "we")) == ["web-1"]
    assert list(complete("volume", "rm", "")) == ["disk-1"]
    assert list(complete("inspect", "")) == ["web-1", "disk-1"]
    berth_elsewhere = complete("--root", os.path.join(berth.place, "other"), "logs", "")
    assert berth_elsewhere == {}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_parse(berth, tmp_path, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "script"
    path.write_text(berth("completion", shell))
    p = subprocess.run([shell, "-n", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert p.returncode == 0 and p.stdout == "", p.stdout


def test_no_such_shell(berth):
    assert "want bash, zsh or fish" in berth.fails("completion", "csh")


def bash_replies(berth, line):
    script = ('source <("$BERTH" completion bash); COMP_LINE=$1 COMP_POINT=${#1}; _berth; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    env = dict(berth.env, BERTH=os.path.join(BUILD, "berth"), PATH=BUILD + ":" + os.environ["PATH"])
    p = subprocess.run(["bash", "-c", script, "bash", line], env=env, cwd=REPO, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, check=False)
    assert p.returncode == 0 and p.stderr == "", p.stderr
    return p.stdout.split()


def test_bash(berth):
    assert bash_replies(berth, "berth completi") == ["completion"]
    assert bash_replies(berth, "berth run --restart ") == ["no", "on-failure", "always", "unless-stopped"]
    # Readline has cut the word at "=" and replaces only what follows.
    assert bash_replies(berth, "berth run --restart=al") == ["always"]
    assert bash_replies(berth, "berth run --env-file Makef") == ["Makefile"]
