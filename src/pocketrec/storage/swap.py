"""Swap two folders in one step, so that neither name is ever missing."""

from __future__ import annotations

import ctypes
import os
import secrets
import sys
from pathlib import Path

_AT_FDCWD = -100  # paths start at the working directory
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def swap_folders(first: Path, second: Path) -> None:
    """Give each folder the other's name; raises OSError when that fails.

    Linux and macOS have a system call for it. Other systems, and file systems without support for
    the call, need three renames: an interruption between them leaves the second folder whole, under
    a hidden name that ends with ".old".
    """
    if _swap_in_kernel(os.fsencode(first), os.fsencode(second)):
        return
    aside = second.with_name(f".{second.name}.{secrets.token_hex(4)}.old")
    second.rename(aside)
    try:
        first.rename(second)
    except BaseException:  # KeyboardInterrupt too: put the second folder back
        aside.rename(second)
        raise
    aside.rename(first)


def _swap_in_kernel(first: bytes, second: bytes) -> bool:
    """Call the system's atomic swap; False where it does not exist or fails."""
    try:
        library = ctypes.CDLL(None)
        if sys.platform == "darwin":
            return bool(library.renamex_np(first, second, _EXCHANGE) == 0)
        return bool(library.renameat2(_AT_FDCWD, first, _AT_FDCWD, second, _EXCHANGE) == 0)
    except (AttributeError, OSError, TypeError):  # no such function, or no C library
        return False
