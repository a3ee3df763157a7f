# SPDX-License-Identifier: Apache-2.0
"""CVE-2024-21626: a working directory of /proc/self/fd/N leads out where the runtime forgot a descriptor.

Broken, the container's program starts in a folder of the host, and `cat ../../etc/shadow` does the rest: the run
succeeds and "cwd" is "(unreachable)/...", or the descriptors that it lists are more than asked for."""
import json
import os
import shutil

import pytest

from harness import Runtime

NUMBERS = range(3, 20)


def leaking(runtime, folder):
    """A careless caller: descriptors 3 to 6 are a folder of the host, not close-on-exec."""
    script = "".join(f"exec {n}<{folder}; " for n in range(3, 7)) + 'exec "$@"'
    return Runtime(runtime.root, prefix=["sh", "-c", script, "sh"])


@pytest.mark.parametrize("verb", ["run", "create"])
def test_cwd_of_config(runtime, make_bundle, outside, verb):
    caller = leaking(runtime, outside)
    bundle = make_bundle("cat", "secret")
    for n in NUMBERS:
        bundle.process["cwd"] = f"/proc/self/fd/{n}"
        bundle.write()
        result = caller(verb, "--bundle", bundle.path, f"c{n}")
        if verb == "create" and result.code == 0:
            result = caller("start", f"c{n}")
        result.fails()
        assert "secret" not in result.out
        assert any(w in result.err for w in ("outside of container", "no such file", "not a directory", "symbolic link loop")), str(result)


def test_the_check_bites(runtime, bundle, outside):
    """The descriptor is there for certain, since it is passed on by request: only the last look at the directory is
    between the container and the host."""
    bundle.args("cat", "secret").process["cwd"] = "/proc/self/fd/3"
    result = leaking(runtime, outside).run(bundle, "--preserve-fds", "1")
    result.fails("current working directory is outside of container mount namespace root", code=1)
    assert result.out == ""


def test_cwd_through_a_link(runtime, bundle, outside):
    """The image names the directory, config.json looks innocent."""
    bundle.args("cat", "secret").process["cwd"] = "/innocent"
    os.symlink("/proc/self/fd/3", bundle.inside("innocent"))
    result = leaking(runtime, outside).run(bundle, "--preserve-fds", "1")
    result.fails("outside of container mount namespace root", code=1)
    assert result.out == ""


def test_cwd_of_exec(runtime, bundle, outside, place):
    c = runtime.run_detached(bundle.probe("sleep"))
    caller = leaking(runtime, outside)
    for n in NUMBERS:
        result = caller("exec", "--cwd", f"/proc/self/fd/{n}", c.id, "cat", "secret").fails(code=255)
        assert "secret" not in result.out
    caller("exec", "--preserve-fds", "1", "--cwd", "/proc/self/fd/3", c.id, "cat", "secret").fails(
        "outside of container mount namespace root", code=255)
    path = os.path.join(place, "process.json")
    with open(path, "w") as f:
        json.dump(dict(bundle.process, cwd="/proc/self/fd/4/", args=["cat", "secret"]), f)
    result = caller("exec", "--preserve-fds", "2", "--process", path, c.id)
    result.fails("outside of container mount namespace root", code=255)


@pytest.fixture
def host_program(place):
    """ways(): names that lead from a descriptor of the runtime, wherever it points to, to a program of the host."""
    program = os.path.join(place, "busybox")
    shutil.copy("/bin/busybox", program)

    def ways():
        for n in NUMBERS:
            for up in (0, 1, 2, 3, 9):
                yield f"/proc/self/fd/{n}/" + "../" * up + (program[1:] if up == 9 else "busybox")
    return ways


def test_program_through_a_forgotten_descriptor(runtime, bundle, outside, host_program):
    """The other half of the CVE: execve(2) finds its program before it closes what is marked close-on-exec. Broken,
    "escaped" is printed by a program of the host, which the container can then write to."""
    for way in host_program():
        bundle.args(way, "echo", "escaped")
        assert "escaped" not in leaking(runtime, outside).run(bundle).fails(code=1).out


def test_program_through_our_own_descriptors(runtime, bundle, host_program):
    """No caller forgot anything: the runtime's own folders are open while it enters the container. An image brings
    such a link as its /bin/sh. Broken as above; it once was, for run and exec."""
    c = runtime.run_detached(bundle.probe("sleep"))
    link = bundle.inside("bin/innocent")
    for way in host_program():
        assert "escaped" not in c.exec(way, "echo", "escaped").fails(code=255).out
        os.symlink(way, link)
        assert "escaped" not in c.exec("innocent", "echo", "escaped").fails(code=255).out
        os.unlink(link)
        assert "escaped" not in runtime.run(bundle.args(way, "echo", "escaped")).fails(code=1).out


def test_program_through_what_was_never_given(runtime, bundle, host_program):
    """--preserve-fds for descriptors that the caller has not: the numbers may be the runtime's own by then."""
    c = runtime.run_detached(bundle.probe("sleep"))
    for way in host_program():
        assert "escaped" not in c.exec(way, "echo", "escaped", options=["--preserve-fds", "30"]).fails().out
    given = c.exec("probe", "fds", options=["--preserve-fds", "30"])
    assert given.code or sorted(given.probe("fds")["fds"]) == ["0", "1", "2"], str(given)


def test_program_through_a_given_descriptor(runtime, bundle, outside, host_program):
    """The control: the same way leads there where the descriptor is passed on by request."""
    result = leaking(runtime, outside).run(bundle.args("/proc/self/fd/3/../busybox", "echo", "reached"), "--preserve-fds", "1")
    assert result.ok().out == "reached\n"


def test_only_the_standard_streams(runtime, bundle, outside):
    caller = leaking(runtime, outside)
    assert sorted(caller.run(bundle.probe("fds")).ok().probe("fds")["fds"]) == ["0", "1", "2"]
    c = runtime.run_detached(bundle.probe("sleep"))
    assert sorted(caller("exec", c.id, "probe", "fds").ok().probe("fds")["fds"]) == ["0", "1", "2"]
    # The control: what is asked for goes through.
    given = caller("exec", "--preserve-fds", "2", c.id, "probe", "fds").ok().probe("fds")["fds"]
    assert sorted(given) == ["0", "1", "2", "3", "4"]
