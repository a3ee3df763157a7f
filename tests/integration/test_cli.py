# SPDX-License-Identifier: Apache-2.0
"""The command line as runc's callers know it: forms of options, logs, help, tables, documents, exit codes."""
import json
import os
import re
import subprocess

import pytest

COMMANDS = ("create delete events exec features kill list pause plan ps resume run spec start state "
            "update").split()


@pytest.fixture
def box(runtime, bundle):
    """A container that sleeps."""
    return runtime.run_detached(bundle.probe("sleep"), ident="box")


def test_version(runtime):
    for word in ("--version", "-v", "-version"):
        lines = runtime(word).ok().out.splitlines()
        assert re.fullmatch(r"berth-runtime version \S+", lines[0])
        assert lines[1].startswith("commit: ")
        assert lines[2] == "spec: 1.3.0"
        assert {"+SECCOMP", "+CAP", "+CGROUP_V1", "+CGROUP_V2"} <= set(lines[-1].split())


def test_help(runtime):
    general = runtime("--help").ok().out
    assert general == runtime("help").ok().out == runtime("-h").ok().out == runtime().ok().out
    for name in COMMANDS:
        assert f"\n   {name} " in general
        text = runtime(name, "--help").ok().out
        assert text == runtime("help", name).ok().out == runtime(name, "-h").ok().out
        assert f"berth-runtime {name}" in text
    assert "--pid-file FILE" in runtime("help", "create").out


@pytest.mark.parametrize("words", [["bogus"], ["help", "bogus"]], ids=" ".join)
def test_no_such_command(runtime, words):
    runtime(*words).fails("No help topic for 'bogus'", code=3)


@pytest.mark.parametrize("words, text", [
    (["create"], '"create" requires exactly 1 argument(s)'),
    (["start", "a", "b"], '"start" requires exactly 1 argument(s)'),
    (["exec"], '"exec" requires a minimum of 1 argument(s)'),
    (["kill"], '"kill" requires a minimum of 1 argument(s)'),
    (["list", "x"], '"list" requires exactly 0 argument(s)'),
    (["create", "-foo", "x"], "flag provided but not defined: -foo"),
    (["-foo", "list"], "flag provided but not defined: -foo"),
    (["run", "--bundle"], "flag needs an argument: -bundle"),
    (["run", "-d=maybe", "x"], 'invalid boolean value "maybe" for -d: parse error'),
    (["run", "--preserve-fds", "z", "x"], 'invalid value "z" for flag -preserve-fds: parse error'),
    (["events", "--interval", "abc", "x"], 'invalid value "abc" for flag -interval: parse error'),
    (["events", "--interval", "0", "x"], "duration interval must be greater than 0"),
    (["--log-format", "xml", "list"], "invalid log-format: xml"),
    (["--rootless", "perhaps", "list"], "perhaps"),
    (["kill", "x", "FOO"], 'unknown signal "FOO"'),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_usage_errors(runtime, words, text):
    result = runtime(*words).fails(code=1)
    # A line of the log has its message in quotes.
    assert text in result.err.replace('\\"', '"')
    assert result.err.count("\n") == 1
    assert result.out == ""


def test_log_json(runtime, place):
    """The last line tells the cause; lines are appended; people read it on stderr as well."""
    log = os.path.join(place, "log")
    calls = (["state", "nobody"], "container nobody does not exist"), (["create"], "requires exactly 1"), \
        (["create", "-foo"], "not defined: -foo")
    for n, (words, text) in enumerate(calls, 1):
        result = runtime("--log", log, "--log-format", "json", *words).fails(text, code=1)
        assert not result.err.startswith(("{", "time="))
        with open(log) as f:
            lines = [json.loads(line) for line in f]
        assert len(lines) == n
        assert lines[-1]["level"] == "error" and text in lines[-1]["msg"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", lines[-1]["time"])


def test_log_text(runtime, place):
    log = os.path.join(place, "log")
    runtime("state", "nobody").fails('level=error msg="container nobody does not exist"')
    runtime("--log", log, "state", "nobody").fails("container nobody does not exist")
    with open(log) as f:
        assert re.fullmatch(r'time="\S+" level=error msg="container nobody does not exist"\n', f.read())
    runtime("--log", "/no/such/log", "list").fails("/no/such/log", "no such file or directory", code=1)


def test_log_debug(runtime, bundle, place):
    log = os.path.join(place, "log")
    bundle.write()
    for n, options in enumerate(([], ["--debug"])):
        runtime("--log", log, "--log-format=json", *options, "run", "-b", bundle.path, f"box{n}").ok()
    with open(log) as f:
        lines = [json.loads(line) for line in f]
    assert {line["level"] for line in lines} == {"debug"}
    assert not any("box0" in line["msg"] for line in lines)
    assert "run box1" in lines[0]["msg"] and "exit code 0" in lines[-1]["msg"]


@pytest.mark.parametrize("words", [["list"], ["list", "-q"], ["list", "-f", "json"], ["state", "box"], ["ps", "box"],
                                   ["events", "--stats", "box"], ["features"]], ids=" ".join)
def test_full_output(runtime, box, words):
    """What could not be written is an error."""
    with open("/dev/full", "w") as full:
        p = runtime.popen(*words, stdout=full, stderr=subprocess.PIPE)
        err = p.communicate(timeout=20)[1].decode()
    assert p.returncode == 1 and "standard output" in err


def test_missing_streams(runtime, place):
    """Descriptors 0 to 2 that are closed must not become a file that we open."""
    log = os.path.join(place, "log")
    command = " ".join(runtime.command("--log", log, "state", "nobody"))
    subprocess.run(["sh", "-c", f"{command} <&- >&- 2>&-"], check=False)
    with open(log) as f:
        assert f.read().count("\n") == 1


def test_list(runtime, box):
    assert runtime("list", "-q").ok().out == "box\n"
    header, row = runtime("list").ok().out.splitlines()
    assert header.split() == "ID PID STATUS BUNDLE CREATED OWNER".split()
    for title, value in zip(header.split(), row.split()):
        assert header.index(title) == row.index(value), "columns are aligned"
    entry, = runtime.list()
    state = box.state()
    assert row.split() == ["box", str(box.pid), "running", box.bundle.path, state["created"], "root"]
    for key in ("ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "owner"):
        assert entry[key] == state[key]
    assert state["rootfs"] == box.bundle.rootfs


def test_list_of_nothing(runtime):
    assert runtime("list").ok().out.split() == "ID PID STATUS BUNDLE CREATED OWNER".split()
    assert runtime("list", "--quiet").ok().out == ""
    assert runtime("list", "--format=json").ok().out == "null\n"


def test_state_is_indented(box):
    text = box.call("state").ok().out
    assert text.startswith('{\n  "ociVersion": ') and text.endswith("\n}\n")


def test_ps(runtime, box):
    assert runtime("ps", "-f", "json", "box").ok().json == [box.pid]
    header, row = runtime("ps", "box").ok().out.splitlines()
    assert "PID" in header.split() and str(box.pid) in row.split()
    header, row = runtime("ps", "box", "-o", "comm,pid").ok().out.splitlines()
    assert row.split() == ["probe", str(box.pid)]
    runtime("ps", "box", "-o", "comm").fails("couldn't find PID field in ps output", code=1)


@pytest.mark.parametrize("name", ["TERM", "SIGTERM", "term", "15"])
def test_signal_names(runtime, bundle, name):
    c = runtime.run_detached(bundle.probe("trap", 15))
    assert c.probe("trapping")
    c.kill(name).ok()
    assert c.probe("caught")["signal"] == 15


def test_signal_real_time(runtime, bundle):
    c = runtime.run_detached(bundle.probe("trap", 37))
    assert c.probe("trapping")
    c.kill("RTMIN+3").ok()
    assert c.probe("caught")["signal"] == 37


def test_kill_default_is_term(runtime, bundle):
    c = runtime.run_detached(bundle.probe("trap", 15))
    assert c.probe("trapping")
    c.call("kill").ok()
    assert c.probe("caught")["signal"] == 15


def test_delete(runtime, box):
    runtime("delete", "nobody").fails("nobody does not exist", code=1)
    runtime("delete", "--force", "nobody").ok()
    runtime("delete", "box").fails("not stopped", code=1)
    runtime("delete", "-f", "box").ok()
    assert runtime.ids() == []


def test_pause_before_start(runtime, bundle):
    c = runtime.create(bundle)
    c.call("pause").ok()
    assert c.status == "paused"
    c.call("start").fails("paused")
    c.call("resume").ok()
    assert c.status == "created"
    c.start().wait()


def test_run_codes(runtime, bundle):
    assert runtime.run(bundle.probe("exit", 42)).code == 42
    assert runtime.run(bundle.args("sh", "-c", "kill -9 $$")).code in (0, 137)
    assert runtime.ids() == []
    runtime.run(bundle.probe("exit", 3), "--keep", ident="kept")
    assert runtime.ids() == ["kept"]
    assert runtime("state", "kept").ok().json["status"] == "stopped"


def test_pid_file_is_relative_to_the_caller(runtime, bundle, place):
    c = runtime.run_detached(bundle.probe("sleep"), "--pid-file", "pid", cwd=place)
    with open(os.path.join(place, "pid")) as f:
        assert f.read() == str(c.pid)


def test_bundle_is_the_working_directory(runtime, bundle):
    bundle.probe("exit", 5).write()
    assert runtime("run", "here", cwd=bundle.path).code == 5


@pytest.mark.parametrize("options", [[], ["--rootless"]], ids=["root", "rootless"])
def test_spec(runtime, place, bundle, options):
    runtime("spec", "--bundle", place, *options).ok()
    path = os.path.join(place, "config.json")
    with open(path) as f:
        text = f.read()
    config = json.loads(text)
    assert text.startswith('{\n\t"ociVersion"')
    assert ("user" in [n["type"] for n in config["linux"]["namespaces"]]) == bool(options)
    runtime("spec", "--bundle", place).fails("File config.json exists. Remove it first", code=1)
    with open(path) as f:
        assert f.read() == text
    config["process"].update(terminal=False, args=["probe", "exit", "9"])
    bundle.write(json.dumps(config))
    assert runtime.run(bundle).code == 9


def test_features(runtime):
    text = runtime("features").ok().out
    assert text.startswith('{\n    "ociVersionMin": ')
    features = json.loads(text)
    assert features["ociVersionMax"] == "1.3.0"
    assert features["linux"]["mountExtensions"]["idmap"]["enabled"] is True
    assert "nosymfollow" in features["mountOptions"]


def test_plan(runtime, rootless, bundle):
    """The same from every form of the call; without root; and nothing is done."""
    os.chmod(bundle.path, 0o755)
    bundle.write()
    plan = runtime("plan", bundle.path).ok().json
    assert plan == runtime("plan", "--bundle", bundle.path).ok().json
    assert plan == runtime("plan", cwd=bundle.path).ok().json
    assert "named" in runtime("plan", "-b", bundle.path, "named").ok().out
    rootless("plan", bundle.path).ok()
    assert runtime.ids() == []
