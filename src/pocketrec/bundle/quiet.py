"""Silence libraries that print while they load or work."""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress

_DESCRIPTORS = threading.Lock()
"""Descriptor 2 belongs to the whole process, so only one thread may swap it at a time."""


@contextmanager
def quiet() -> Iterator[None]:
    """Discard all output and warnings, also those of C++; exceptions pass.

    Handlers that a library adds to the root logger while it is imported are removed again.
    """
    # C++ writes to descriptors 1 and 2, past sys.stdout and sys.stderr: both are redirected.
    sys.stdout.flush()
    sys.stderr.flush()
    handlers = list(logging.root.handlers)
    logging.disable(logging.WARNING)
    saved = os.dup(1), os.dup(2)
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        os.close(nothing)
        with (
            warnings.catch_warnings(action="ignore"),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
        ):
            yield
    finally:
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        os.close(saved[0])
        os.close(saved[1])
        logging.disable(logging.NOTSET)
        logging.root.handlers[:] = handlers


@contextmanager
def without_info_lines() -> Iterator[None]:
    """Drop the LiteRT runtime's "INFO: ..." lines from stderr; everything else passes.

    C++ writes them to descriptor 2, and the runtime has no setting to stop it.
    """
    with _DESCRIPTORS:
        yield from _filtered()


def _filtered() -> Iterator[None]:
    with suppress(AttributeError, OSError, ValueError):  # a process may have no stderr
        sys.stderr.flush()
    try:
        captured, saved = tempfile.TemporaryFile(), os.dup(2)  # noqa: SIM115 (closed below)
    except OSError:  # there is no stderr to filter, or no room for a temporary file
        yield
        return
    with captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            captured.seek(0)
            lines = [line for line in captured if not line.startswith(b"INFO: ")]
            with suppress(OSError):
                os.write(2, b"".join(lines))
