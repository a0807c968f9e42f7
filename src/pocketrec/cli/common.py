"""Options and consoles that several commands share."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ..errors import ConfigError, one_line
from ..storage.paths import Url, parse_path

ConfigPath = Annotated[Path, typer.Argument(help="The experiment's TOML file.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Change the TOML: section.key=value, or section.key= for the default; repeatable.",
    ),
]


def _here(option: str, advice: str) -> dict[str, Any]:
    """Arguments for an option that takes a local folder; it refuses URLs with `advice`."""

    def parse(text: str) -> Path:
        path = parse_path(text)
        if isinstance(path, Url):
            raise ConfigError(f"{option} '{text}' is elsewhere: {advice}")
        return path

    return {"parser": parse, "metavar": "<path>"}


_DATA = _here("--data", "copy it here first, and give the copy")
OUT = _here("--out", "only prepare writes there; give a folder of this machine, and copy that")
"""More arguments for `typer.Option("--out", ...)`."""
DataPath = Annotated[Path, typer.Option("--data", help="Folder that `prepare` wrote.", **_DATA)]
OtherData = Annotated[
    Path | None,
    typer.Option("--data", help="Prepared data; default: the data of the training.", **_DATA),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

# Paths, titles and ids come from users: rich must not read brackets or colons in them as markup.
_columns = os.environ.get("COLUMNS", "")
_WIDTH = 40 if _columns.isdecimal() and int(_columns) < 40 else None
"""The least width of output: in a terminal that claims to be narrower, tables would be empty."""
out = Console(markup=False, emoji=False, highlight=False, width=_WIDTH)
"""Standard output, for results."""
err = Console(markup=False, emoji=False, highlight=False, stderr=True, width=_WIDTH)
"""Standard error, for progress and notes, so that results can be piped."""


def say(text: str, console: Console = out, style: str | None = None) -> None:
    """Print a sentence on one line, without wrapping, so that paths in it can be copied."""
    console.print(cell(text), style=style, soft_wrap=True)


def cell(text: object) -> str:
    """Strip control characters from untrusted text, such as a title or an id, for a terminal."""
    return one_line(str(text))


def print_json(value: Any) -> None:
    """Print one JSON value on standard output."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:  # the encoding lacks a character, or a surrogate is unpaired
        text = json.dumps(value, indent=1)
    print(text)  # noqa: T201
