"""What was tried in a run of tests: generated cases, kills, flipped bytes; and on what.

    from support.tally import fuzz, tried

    @fuzz("TOML: any text", 500, text=st.text())
    def test_...(text): ...             # 500 generated cases, counted as they run

    tried("kills", "prepare", 3)        # of what is no generated case

conftest.py prints the table at the end of a run. `make fuzz` multiplies all of it (FACTOR) and
draws anew each time, where `make test` tries the same cases every time.
"""

import functools
import os
from collections import Counter

from hypothesis import HealthCheck, given, settings

FACTOR = int(os.environ.get("POCKETREC_FUZZ", "1"))
"""How many times as much is tried as in `make test`."""

settings.register_profile(
    "default",
    deadline=None,  # no test depends on how fast the machine is
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # all cases share a fixture's folder, as is meant
        HealthCheck.too_slow,
        HealthCheck.differing_executors,
    ],
)
settings.register_profile("fuzz", settings.get_profile("default"), derandomize=False)
settings.load_profile("default" if FACTOR == 1 else "fuzz")

CASES = "generated cases"
TALLY: Counter[tuple[str, str]] = Counter()
PROMISED: Counter[str] = Counter()
"""Generated cases that the imported tests ask for when FACTOR is 1, by what they try."""


def tried(kind: str, what: str, count: int = 1) -> None:
    """Count what was tried: of a kind ("kills", "bytes flipped"), on something."""
    TALLY[kind, what] += count


def fuzz(what: str, count: int, /, **strategies):
    """Run a test on `count` times FACTOR drawn cases; `what` is what they are tried on."""
    PROMISED[what] += count

    def decorate(test):
        @settings(max_examples=count * FACTOR)
        @given(**strategies)
        @functools.wraps(test)
        def counted(*args, **kwargs):
            tried(CASES, what)
            return test(*args, **kwargs)

        return counted

    return decorate
