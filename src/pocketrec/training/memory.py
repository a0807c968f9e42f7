"""Keep freed memory in the process: training frees and takes the same blocks at every step."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def keep_freed_memory() -> None:
    """Tell glibc not to give memory back after each step; elsewhere it does nothing.

    Page faults on fresh memory cost a tenth of a training step; the price is a process that
    stays at its peak size. Constants are those of mallopt(3).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
