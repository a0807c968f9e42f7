"""What several verbs share: options, consoles, progress bars."""

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
    """Of an option that names a folder of this machine: what else it is given is refused."""

    def parse(text: str) -> Path:
        found = parse_path(text)
        if isinstance(found, Url):
            raise ConfigError(f"{option} '{text}' is elsewhere: {advice}")
        return found

    return {"parser": parse, "metavar": "<path>"}


_DATA = _here("--data", "copy it here first, and give the copy")
OUT = _here("--out", "only prepare writes there; give a folder of this machine, and copy that")
"""What `typer.Option("--out", ...)` is given besides."""
DataPath = Annotated[Path, typer.Option("--data", help="Folder that `prepare` wrote.", **_DATA)]
OtherData = Annotated[
    Path | None,
    typer.Option("--data", help="Prepared data; default: where it was trained.", **_DATA),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]

# What is printed are paths, titles and ids of users': no brackets or colons in them mean anything.
_columns = os.environ.get("COLUMNS", "")
_WIDTH = 40 if _columns.isdecimal() and int(_columns) < 40 else None
"""Of a terminal that says it is narrower, in which nothing would be seen."""
out = Console(markup=False, emoji=False, highlight=False, width=_WIDTH)
"""Results."""
err = Console(markup=False, emoji=False, highlight=False, stderr=True, width=_WIDTH)
"""Progress and notes, so that results can be piped."""


def say(text: str, console: Console = out, style: str | None = None) -> None:
    """Print a sentence as one line, so that what it quotes can be copied."""
    console.print(cell(text), style=style, soft_wrap=True)


def cell(text: object) -> str:
    """Text of anybody's (a title, an id) without what moves a terminal's cursor or hides things."""
    return one_line(str(text))


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:  # a terminal without these characters, or half of one
        text = json.dumps(value, indent=1)
    print(text)  # noqa: T201
