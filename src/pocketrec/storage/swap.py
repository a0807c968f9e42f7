"""Exchange two folders in one step, so that at no moment one of the names is missing."""

from __future__ import annotations

import ctypes
import os
import secrets
import sys
from pathlib import Path

_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def swap_folders(one: Path, other: Path) -> None:
    """Give each folder the other's name; OSError when that fails.

    Linux and macOS have a call for it. Elsewhere, and on file systems that do not know it, it is
    done in three steps: an interruption between them leaves the second folder whole, under a hidden
    name that ends with ".old".
    """
    if _exchanged(os.fsencode(one), os.fsencode(other)):
        return
    aside = other.with_name(f".{other.name}.{secrets.token_hex(4)}.old")
    other.rename(aside)
    try:
        one.rename(other)
    except BaseException:  # an interruption too: the old one comes back
        aside.rename(other)
        raise
    aside.rename(one)


def _exchanged(one: bytes, other: bytes) -> bool:
    try:
        library = ctypes.CDLL(None)
        if sys.platform == "darwin":
            return bool(library.renamex_np(one, other, _EXCHANGE) == 0)
        return bool(library.renameat2(_AT_FDCWD, one, _AT_FDCWD, other, _EXCHANGE) == 0)
    except (AttributeError, OSError, TypeError):
        return False
