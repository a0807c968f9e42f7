"""Check that a file has the columns that the TOML names, and suggest the likely ones."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ..errors import DataError, one_line
from .source import Source

NAMES_SHOWN = 20
"""Most column names that an error lists."""


def require_column(source: Source, name: str, key: str, aliases: Sequence[str]) -> None:
    """Raise DataError, which suggests the likeliest column, unless the file has column `name`."""
    if name in source.columns:
        return
    raise DataError(
        f"{source.path.name} has no column '{name}' (found: {join_names(source.columns)}); "
        f"name it with {key} = {_suggest(name, source.columns, aliases)}"
    )


def join_names(names: Sequence[str]) -> str:
    """Column names for an error: at most NAMES_SHOWN of them, each truncated."""
    shown = [one_line(name, 60) for name in names[:NAMES_SHOWN]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def _suggest(name: str, columns: Sequence[str], aliases: Sequence[str]) -> str:
    """The column that is meant: by case, then by alias, then by spelling; else a placeholder."""
    # Reversed, so that of two names that differ by case the first column wins.
    lower = {column.lower(): column for column in reversed(columns)}
    for alias in (name.lower(), *aliases):
        if alias in lower:
            return f"'{lower[alias]}'"
    close = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.5)
    return f"'{lower[close[0]]}'" if close else '"..."'
