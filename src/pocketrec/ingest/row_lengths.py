"""Check that every row of a CSV or TSV file has as many fields as its header.

Polars fills up short rows and, when it reads only some columns, truncates long ones. Both would
shift values to other columns without an error, so the fields are counted here first.
"""

from __future__ import annotations

import csv
import gzip

import polars as pl

from ..errors import DataError
from .column_names import join_names
from .source import READ_ERRORS, SEPARATORS, Source, unreadable

GZIP_MAGIC = b"\x1f\x8b"


def check_row_lengths(source: Source) -> int:
    """Count the rows that are not blank, header excluded; 0 for JSONL and Parquet.

    The caller compares the count with the rows that Polars reads, to see that none is lost.
    Raises DataError for the first row with too many or too few fields.
    """
    if source.format not in SEPARATORS:
        return 0
    try:
        counts = _count_by_line(source)
        if counts is None:
            counts = _count_by_row(source)
    except (*READ_ERRORS, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable(source.path, source.format, error) from None
    filled, first_bad = counts
    if first_bad is not None:
        line, fields = first_bad
        raise DataError(
            f"{source.path.name} line {line + 1} has {_count(fields)}, but its header has "
            f"{len(source.columns)} ({join_names(source.columns)}): quote fields that contain the "
            "separator, or repair the line"
        )
    return filled - 1  # the header is no row


def _count(fields: int) -> str:
    return "1 field" if fields == 1 else f"{fields} fields"


_Counts = tuple[int, tuple[int, int] | None]
"""Lines that are not blank; (line from 0, fields) of the first with a wrong number of fields."""


def _count_by_line(source: Source) -> _Counts | None:
    """Count fast, with Polars; None when a quoted field spans lines, so that lines are no rows."""
    separator, line = SEPARATORS[source.format], pl.col("line")
    quotes = line.str.count_matches('"', literal=True)
    # Separators inside quotes do not separate: replace each quoted text by one letter.
    unquoted = pl.when(quotes == 0).then(line).otherwise(line.str.replace_all(r'"[^"]*"', "q"))
    fields = unquoted.str.count_matches(separator, literal=True) + 1
    filled = line.str.strip_chars(f' \r\t"{separator}') != ""
    ragged = (fields != len(source.columns)) & filled
    lines = pl.scan_lines(source.path, name="line", row_index_name="row", glob=False)
    first, spans_lines, count = (
        lines.select(
            pl.when(ragged).then(pl.col("row")).min().alias("first"),
            (quotes % 2 == 1).any().alias("spans_lines"),
            filled.sum().alias("filled"),
        )
        .collect(engine="streaming")
        .row(0)
    )
    if spans_lines:
        return None
    if first is None:
        return count, None
    bad = lines.filter(pl.col("row") == first).select(fields).collect(engine="streaming")
    return count, (first, bad.item())


def _count_by_row(source: Source) -> _Counts:
    """Count slowly, with Python's csv, which knows that quoted fields may span lines."""
    first_bad, filled = None, 0
    with source.path.open("rb") as raw:
        open_text = gzip.open if raw.read(2) == GZIP_MAGIC else open
    limit = csv.field_size_limit(2**31 - 1)
    try:
        with open_text(source.path, "rt", encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, delimiter=SEPARATORS[source.format], strict=True)
            for row in rows:
                filled += any(text.strip() for text in row)
                if first_bad is None and len(row) != len(source.columns) and any(row):
                    first_bad = (rows.line_num - 1, len(row))
    finally:
        csv.field_size_limit(limit)  # the limit is global to the process
    return filled, first_bad
