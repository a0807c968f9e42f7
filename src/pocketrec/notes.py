"""What the LiteRT runtime notes on the terminal while it loads, kept off it."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_DESCRIPTORS = threading.Lock()
"""Descriptor 2 is one for the whole process: two threads must not exchange it at once."""


@contextmanager
def without_notes() -> Iterator[None]:
    """Keep the runtime's "INFO: ..." lines off the terminal; all else that it says comes through.

    It is C++ that writes them, to descriptor 2, and no setting of the runtime stops it.
    """
    with _DESCRIPTORS:
        yield from _filtered()


def _filtered() -> Iterator[None]:
    with suppress(AttributeError, OSError, ValueError):  # there may be none
        sys.stderr.flush()
    try:
        said, saved = tempfile.TemporaryFile(), os.dup(2)  # noqa: SIM115 (closed below)
    except OSError:  # no standard error to keep clean, or no place to look through it
        yield
        return
    with said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            said.seek(0)
            lines = [line for line in said if not line.startswith(b"INFO: ")]
            with suppress(OSError):
                os.write(2, b"".join(lines))
