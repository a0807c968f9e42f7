"""Nothing of the runtime opens a socket, its C++ included: the kernel kills a process that does."""

import json
import signal
import subprocess
import sys

import pytest

from support import SUPPORT
from support.small_shop import sku


def run(guard, *words):
    script = SUPPORT / "without_sockets.py"
    command = [sys.executable, "-W", "error", script, guard, *words]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def guard():
    """The guard that this machine has, once it is seen to kill: seccomp, else Python's audit."""
    for name, death, forbidden in [
        ("seccomp", signal.SIGSYS, ("socket", "connect", "c")),
        ("audit", signal.SIGKILL, ("socket", "connect")),
    ]:
        ends = [run(name, what) for what in forbidden]
        if all(end.returncode == 77 for end in ends):
            continue  # it is not to be had here
        for end in ends:
            assert (end.returncode, end.stdout) == (-death, ""), end.stderr
        return name
    return pytest.fail("neither seccomp nor audit events can be had here")


def test_the_kernel_watches_where_it_can(guard):
    """Said, for of the other guard the C++ is not seen."""
    if guard != "seccomp":
        pytest.skip("no seccomp here: the next tests saw Python's sockets only, by audit events")


def test_the_runtime_opens_no_socket(guard, fresh_shop, tmp_path):
    done = run(guard, "runtime", fresh_shop.bundle, tmp_path / "user.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_the_recommend_command_opens_no_socket(guard, fresh_shop):
    words = ["--history", f"{sku(1)},{sku(2)}", "--why", "--json"]
    done = run(guard, "command", fresh_shop.bundle, *words)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout.removesuffix("done\n"))) == 10
