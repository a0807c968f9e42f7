"""What a command says of its work, on standard error: for people, or one JSON object a line.

Results go to standard output (see common.py). Every verb has the options --quiet (warnings and
errors only), --verbose (each stage too, and tracebacks) and --log-format json (for machines), and
passes them to `configure` first.
"""

from __future__ import annotations

import json
import logging
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from .common import err, say

LOG = logging.getLogger("pocketrec")
FIELDS = "fields"
"""Attribute of a record that holds what a machine reads beside the message."""

_STYLES = {logging.WARNING: ("note: ", "yellow"), logging.ERROR: ("error: ", "red")}


class Format(Enum):
    """How it is said."""

    TEXT = "text"
    JSON = "json"


_PANEL = "What it says on standard error"
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Warnings and errors only.", rich_help_panel=_PANEL)
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Each stage too, and tracebacks.", rich_help_panel=_PANEL),
]
LogFormat = Annotated[
    Format, typer.Option(help="text, or json: an object a line.", rich_help_panel=_PANEL)
]


@dataclass
class _Settings:
    as_json: bool = False
    started: float = 0.0


_settings = _Settings()


class _Text(logging.Handler):
    """Sentences, in the colour of their level."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix, style = _STYLES.get(record.levelno, ("", None))
        lines = [prefix + record.getMessage()]
        if record.exc_info:
            lines += logging.Formatter().formatException(record.exc_info).splitlines()
        with suppress(OSError, ValueError):  # nobody is there to read it
            for line in lines:
                say(line, err, style)


class _Json(logging.Handler):
    """One object a line: time, level, message, and the fields of what happened."""

    def emit(self, record: logging.LogRecord) -> None:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            entry["traceback"] = logging.Formatter().formatException(record.exc_info)
        with suppress(OSError, ValueError):
            err.file.write(json.dumps(entry, default=str) + "\n")
            err.file.flush()


def start(*, as_json: bool = False) -> None:
    """Begin to count the time that a command takes, and to speak, until it says how."""
    _settings.started = time.monotonic()
    _speak(logging.INFO, as_json=as_json)


def configure(*, quiet: bool, verbose: bool, log_format: Format) -> None:
    """Put the options of a verb in force."""
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    _speak(level, as_json=log_format is Format.JSON)


def _speak(level: int, *, as_json: bool) -> None:
    _settings.as_json = as_json
    LOG.handlers = [_Json() if as_json else _Text()]
    LOG.setLevel(level)
    LOG.propagate = False


def only_errors() -> None:
    """Say nothing but why a command failed: somebody else speaks for all who work on it."""
    LOG.setLevel(logging.ERROR)


def elapsed() -> float:
    """Seconds since the command began."""
    return time.monotonic() - _settings.started


def watched() -> bool:
    """Whether somebody looks on, so that bars and spinners are of use."""
    return err.is_terminal and not _settings.as_json and LOG.isEnabledFor(logging.INFO)


def info(message: str, **fields: Any) -> None:
    """Say what happened."""
    LOG.info(message, extra={FIELDS: fields})


def warning(message: str, **fields: Any) -> None:
    """Say what a careful friend would mention."""
    LOG.warning(message, extra={FIELDS: fields})


def error(message: str) -> None:
    """Say why a command failed; --verbose shows where, if an exception is being handled."""
    LOG.error(message)
    LOG.debug("where it happened:", exc_info=True)


def finish(*, wrote: Path | str | None = None, then: list[Any] | str | None = None) -> None:
    """End a command: what it wrote, how long it took, and what to do next.

    `then` are the words of the next command, or a sentence.
    """
    seconds = elapsed()
    said = f"wrote {wrote}" if wrote is not None else "done"
    after = shlex.join(map(str, then)) if isinstance(then, list) else then
    info(
        f"{said} in {seconds:.1f} s" + (f"; next: {after}" if after else ""),
        wrote=None if wrote is None else str(wrote),
        seconds=round(seconds, 3),
        next=after,
    )


def bar(*columns: str | ProgressColumn) -> Progress:
    """A progress bar, shown where somebody looks on; it goes away when its block is done."""
    # Where nobody does it would leave a blank line.
    return Progress(*columns, console=err, transient=True, disable=not watched())


@contextmanager
def counting(description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with count, time and time left; call it with how many more are done, of how many."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with bar(TextColumn("{task.description}"), *columns) as progress:
        task = progress.add_task(description, total=None)
        yield lambda more, total: progress.update(task, advance=more, total=total)


@contextmanager
def stages(description: str) -> Iterator[Callable[[str], None]]:
    """A function to call with each stage of long work: a spinner shows it, --verbose logs it."""
    if not watched():
        yield LOG.debug
        return
    with err.status(description) as status:

        def show(stage: str) -> None:
            status.update(stage)
            LOG.debug(stage)

        yield show
