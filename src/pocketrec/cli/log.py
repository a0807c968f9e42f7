"""What a command reports on standard error: text for people, or one JSON object per line.

Results go to standard output (see common.py). Every command has the options --quiet (warnings and
errors only), --verbose (stages and tracebacks too) and --log-format json (for machines), and
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
"""Attribute of a log record with the fields that JSON output adds to the message."""

_STYLES = {logging.WARNING: ("note: ", "yellow"), logging.ERROR: ("error: ", "red")}


class Format(Enum):
    """Format of what a command reports."""

    TEXT = "text"
    JSON = "json"


_PANEL = "Messages on standard error"
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Warnings and errors only.", rich_help_panel=_PANEL),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Stages and tracebacks too.", rich_help_panel=_PANEL),
]
LogFormat = Annotated[
    Format, typer.Option(help="text, or json: one object per line.", rich_help_panel=_PANEL)
]


@dataclass
class _Settings:
    as_json: bool = False
    started: float = 0.0


_settings = _Settings()


class _Text(logging.Handler):
    """Writes messages as text, coloured by level."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix, style = _STYLES.get(record.levelno, ("", None))
        lines = [prefix + record.getMessage()]
        if record.exc_info:
            lines += logging.Formatter().formatException(record.exc_info).splitlines()
        with suppress(OSError, ValueError):  # standard error is closed
            for line in lines:
                say(line, err, style)


class _Json(logging.Handler):
    """Writes one object per line: time, level, message and further fields."""

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
    """Start the clock, and log at the default level until `configure` sets the options."""
    _settings.started = time.monotonic()
    _speak(logging.INFO, as_json=as_json)


def configure(*, quiet: bool, verbose: bool, log_format: Format) -> None:
    """Apply the log options of a command."""
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    _speak(level, as_json=log_format is Format.JSON)


def _speak(level: int, *, as_json: bool) -> None:
    _settings.as_json = as_json
    LOG.handlers = [_Json() if as_json else _Text()]
    LOG.setLevel(level)
    LOG.propagate = False


def only_errors() -> None:
    """Log errors only: in distributed training, the lead worker reports everything else."""
    LOG.setLevel(logging.ERROR)


def elapsed() -> float:
    """Seconds since the command began."""
    return time.monotonic() - _settings.started


def watched() -> bool:
    """Whether standard error is a terminal, so that bars and spinners make sense."""
    return err.is_terminal and not _settings.as_json and LOG.isEnabledFor(logging.INFO)


def info(message: str, **fields: Any) -> None:
    """Log an event."""
    LOG.info(message, extra={FIELDS: fields})


def warning(message: str, **fields: Any) -> None:
    """Log a problem that does not stop the command."""
    LOG.warning(message, extra={FIELDS: fields})


def error(message: str) -> None:
    """Log why a command failed; --verbose adds the traceback of the current exception."""
    LOG.error(message)
    LOG.debug("where it happened:", exc_info=True)


def finish(*, wrote: Path | str | None = None, then: list[Any] | str | None = None) -> None:
    """Log the end of a command: what it wrote, how long it took, and what to do next.

    `then` is the next command as a list of words, or a sentence.
    """
    seconds = elapsed()
    outcome = f"wrote {wrote}" if wrote is not None else "done"
    after = shlex.join(map(str, then)) if isinstance(then, list) else then
    info(
        f"{outcome} in {seconds:.1f} s" + (f"; next: {after}" if after else ""),
        wrote=None if wrote is None else str(wrote),
        seconds=round(seconds, 3),
        next=after,
    )


def bar(*columns: str | ProgressColumn) -> Progress:
    """A progress bar, shown on a terminal only; it disappears at the end of its block."""
    # Disabled elsewhere, because rich would leave a blank line.
    return Progress(*columns, console=err, transient=True, disable=not watched())


@contextmanager
def counting(description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with count, time and time left; call it with the number newly done and the total."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with bar(TextColumn("{task.description}"), *columns) as progress:
        task = progress.add_task(description, total=None)
        yield lambda more, total: progress.update(task, advance=more, total=total)


@contextmanager
def stages(description: str) -> Iterator[Callable[[str], None]]:
    """Yield a function to call at each stage: a spinner shows the stage, --verbose logs it."""
    if not watched():
        yield LOG.debug
        return
    with err.status(description) as status:

        def show(stage: str) -> None:
            status.update(stage)
            LOG.debug(stage)

        yield show
