"""What several verbs share: options, consoles, progress bars."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

ConfigPath = Annotated[Path, typer.Argument(help="The experiment's TOML file.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Change the TOML: section.key=value, or section.key= for the default; repeatable.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]

# What is printed are paths, titles and ids of users': no brackets or colons in them mean anything.
out = Console(markup=False, emoji=False, highlight=False)
"""Results."""
err = Console(markup=False, emoji=False, highlight=False, stderr=True)
"""Progress and notes, so that results can be piped."""


def say(text: str, console: Console = out, style: str | None = None) -> None:
    """Print a sentence as one line, so that what it quotes can be copied."""
    console.print(text, style=style, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=1))  # noqa: T201


@contextmanager
def progress_bar(description: str, total: int | None) -> Iterator[Progress]:
    """A bar with count, time and time left; its first task has been added."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,  # it would leave a blank line
    ) as progress:
        progress.add_task(description, total=total)
        yield progress


@contextmanager
def timed() -> Iterator[list[float]]:
    """Seconds that the block took, in the list it gives, once it is done."""
    begin = time.monotonic()
    seconds: list[float] = []
    yield seconds
    seconds.append(time.monotonic() - begin)
