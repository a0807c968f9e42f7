"""What is done over and over leaves nothing behind, answers right to the end, and stays quick.

Each is done in a process of its own, and once more by a process that keeps a little at each turn,
which has to be seen.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pocketrec.pretrained import find_bundle
from support import SUPPORT

MEGABYTE = 1_000_000
SCRIPT = SUPPORT / "measured_runtime.py"

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is read from Linux's /proc"
)


def measured(what, bundle, count, kept=0):
    command = [sys.executable, "-W", "error", SCRIPT, what, bundle, count, kept]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.slow
def test_bundles_opened_and_dropped_leave_nothing(fresh_shop):
    result = measured("open", fresh_shop.bundle, 300)
    assert result["grown"] < 2 * MEGABYTE
    assert result["files"] == 0


def test_ten_kilobytes_left_by_a_bundle_would_be_seen(fresh_shop):
    assert measured("open", fresh_shop.bundle, 300, kept=10_000)["grown"] > 2 * MEGABYTE


@pytest.mark.parametrize(
    ("bundle", "count"), [("movielens-1m", 1300), ("shop", 2000)], ids=["once", "again"]
)
def test_a_history_may_grow_by_a_tap_for_ever(shop, bundle, count):
    """Far beyond L, and beyond L + N where nothing is recommended twice."""
    result = measured("taps", shop.bundle if bundle == "shop" else find_bundle(bundle), count)
    beyond_length, beyond_blocked = result["beyond"]
    assert beyond_length > 1000
    assert bundle == "shop" or beyond_blocked >= count // 2
    assert result["checked"] == 10
    assert result["grown"] < 3 * MEGABYTE
    # Twice the history takes at most twice the time; half as much again for a busy machine. (Half
    # of the films is beyond L + N as well, so that both lists are made in the same way.)
    assert result["whole"] < 3 * result["half"]


def test_four_kilobytes_left_by_a_tap_would_be_seen(shop):
    assert measured("taps", shop.bundle, 1000, kept=4000)["grown"] > 3 * MEGABYTE


def test_a_user_may_say_thousands_of_words(fresh_shop):
    result = measured("likes", fresh_shop.bundle, 3000)
    assert result["grown"] < 2 * MEGABYTE
    assert result["undone"] == 20
    assert result["last"] < 2 * result["first"]


def test_two_kilobytes_left_by_a_word_would_be_seen(fresh_shop):
    assert measured("likes", fresh_shop.bundle, 3000, kept=2000)["grown"] > 2 * MEGABYTE
