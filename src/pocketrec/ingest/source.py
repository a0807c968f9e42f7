"""Scan one data file lazily: CSV, TSV, JSONL or Parquet, text formats also with gzip.

Text formats are scanned as text, so that "007" stays "007"; what a column means is decided later,
from all of its values. Nothing here holds a whole file in memory.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import polars as pl
from polars.exceptions import NoDataError, PanicException, PolarsError

from ..errors import DataError, first_line, one_line
from .files import Format, file_format

SEPARATORS: dict[str, str] = {"csv": ",", "tsv": "\t"}
JSON_SCHEMA_ROWS = 1000
"""Rows at the start of a JSONL file that tell its keys."""

READ_ERRORS = (PolarsError, PanicException, OSError)
"""What Polars raises for a file that it cannot read."""


@dataclass(frozen=True)
class Source:
    """One data file: its format, and its column names in the file's order."""

    path: Path
    format: Format
    columns: tuple[str, ...]
    nested: Mapping[str, pl.DataType] = field(default_factory=dict)
    """Columns of a JSONL file that hold lists or objects; all others are read as text."""


def open_source(path: Path) -> Source:
    """Read a file's column names; DataError when it is empty or cannot be read."""
    kind = file_format(path)
    schema = _read_schema(path, kind)
    if kind in SEPARATORS:
        _check_header(path, tuple(schema))
    nested = {name: dtype for name, dtype in schema.items() if dtype.is_nested()}
    return Source(path, kind, tuple(schema), nested if kind == "jsonl" else {})


def _check_header(path: Path, columns: tuple[str, ...]) -> None:
    """Refuse headers that Polars accepts although the file would be read wrongly."""
    if any("\0" in name for name in columns):
        raise DataError(f"{path.name} seems to be UTF-16, not UTF-8 text: save it as UTF-8")
    if any("\r" in name for name in columns):
        raise DataError(f"{path.name} ends its lines with CR alone: save it with LF or CRLF")
    for name in columns:
        # Polars renames the second of two equal names to "name_duplicated_0".
        original = re.sub(r"_duplicated_\d+$", "", name)
        if original != name and original in columns:
            raise DataError(
                f"{path.name} has two columns named '{one_line(original, 80)}': rename one of them"
            )


def _read_schema(path: Path, kind: Format) -> pl.Schema:
    try:
        if kind == "parquet":
            frame = pl.scan_parquet(path, glob=False)
        elif kind == "jsonl":
            frame = pl.scan_ndjson(_without_glob(path), infer_schema_length=JSON_SCHEMA_ROWS)
        else:
            frame = pl.scan_csv(
                path, separator=SEPARATORS[kind], infer_schema=False, glob=False
            ).head(0)
            # Collecting no rows still reads the header, and so finds an unreadable file here.
            frame = frame.collect().lazy()
        return frame.collect_schema()
    except NoDataError:
        raise DataError(
            f"{path.name} is empty, without a header or rows: write the file again"
        ) from None
    except READ_ERRORS as error:
        if "empty string" in str(error):
            raise DataError(f"{path.name} is empty, without any row: write it again") from None
        raise unreadable(path, kind, error) from None


def _without_glob(path: Path) -> Path:
    """Escape a path for a reader that always expands globs."""
    return Path(glob.escape(str(path)))


def scan(
    source: Source, columns: Iterable[str], begin: int = 0, rows: int | None = None
) -> pl.LazyFrame:
    """Scan the named columns of a file; text formats give String for each of them.

    JSONL gives List(String) for flat lists, and leaves objects and nested lists as they are.
    `begin` and `rows` select rows of a Parquet file; other formats ignore them.
    """
    names = list(columns)
    if source.format == "parquet":
        return pl.scan_parquet(source.path, glob=False).slice(begin, rows).select(names)
    if source.format == "jsonl":
        schema: dict[str, pl.DataType] = {}
        for name in names:
            dtype = source.nested.get(name, pl.String())
            flat = isinstance(dtype, pl.List) and not cast("pl.DataType", dtype.inner).is_nested()
            schema[name] = pl.List(pl.String) if flat else dtype
        return pl.scan_ndjson(_without_glob(source.path), schema=schema).select(names)
    frame = pl.scan_csv(
        source.path, separator=SEPARATORS[source.format], infer_schema=False, glob=False
    ).select(names)
    # A blank line is no event, but Polars makes a row of nulls of it.
    return frame.filter(~pl.all_horizontal(pl.all().is_null()))


def unreadable(path: Path, kind: Format, error: Exception) -> DataError:
    """The error for a file that its format's parser refuses."""
    if kind == "parquet":
        return DataError(f"{path.name} is not a Parquet file, or is damaged: copy it again")
    if kind == "jsonl":
        expected = "each line must be one JSON object, in UTF-8 without a byte-order mark"
    else:
        expected = "it must be UTF-8 text with balanced quotes and equally many fields in each row"
    return DataError(
        f"{path.name} cannot be read as {kind.upper()} ({first_line(error).rstrip('.')}): "
        f"{expected}"
    )
