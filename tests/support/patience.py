"""Waiting for what has to come, however slow the machine is."""

import time
from collections.abc import Callable

HANG_SECONDS = 300.0
"""Ends a run that hangs. No test may pass or fail by it on a machine that is only slow."""


def wait_until(is_true: Callable[[], object]) -> None:
    """Return once a condition holds; AssertionError when the run hangs."""
    end = time.monotonic() + HANG_SECONDS
    while not is_true():
        assert time.monotonic() < end, "it hangs"
        time.sleep(0.02)


class Clock:
    """A clock that stands still between calls of `advance`, for code that takes one."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self.now += seconds
