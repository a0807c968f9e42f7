"""Find the files of a log and scan them lazily: CSV, TSV, JSONL and Parquet, gzip too.

Text formats are scanned as text, so that "007" stays "007"; what the text means is decided
afterwards from all of it. Nothing here holds a log in memory.
"""

from __future__ import annotations

import difflib
import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl
from polars.exceptions import NoDataError, PolarsError

from ..errors import DataError

Format = Literal["csv", "tsv", "jsonl", "parquet"]

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "tsv",
    ".tsv.gz": "tsv",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".ndjson": "jsonl",
    ".ndjson.gz": "jsonl",
    ".parquet": "parquet",
}
SEPARATORS: dict[str, str] = {"csv": ",", "tsv": "\t"}
BYTE_ORDER_MARK = "\ufeff"
JSON_KEYS_SEEN = 1000  # rows of a JSONL file that are looked at for its column names


@dataclass(frozen=True)
class Source:
    """One file of a log, its format, and its column names in the file's order."""

    path: Path
    format: Format
    columns: tuple[str, ...]

    @property
    def is_text(self) -> bool:
        """Whether values come as text, whose meaning is still to be found."""
        return self.format != "parquet"


def open_sources(path: Path, key: str) -> list[Source]:
    """The files behind a file, folder or glob, sorted by name; `key` is the TOML's, for errors.

    Raises DataError when there are none, their formats or columns differ, or one cannot be read.
    """
    files = find_files(path, key)
    formats = {file: file_format(file) for file in files}
    if len(kinds := sorted(set(formats.values()))) > 1:
        raise DataError(
            f"'{path}' holds files of several formats ({', '.join(kinds)}); "
            f"name those that are meant with {key}, such as '*.{kinds[0]}'"
        )
    sources = [Source(file, formats[file], _columns(file, formats[file])) for file in files]
    first = sources[0]
    for other in sources[1:]:
        # The keys of a JSON object are optional; a table's columns are not.
        if first.format != "jsonl" and set(other.columns) != set(first.columns):
            raise DataError(
                f"{other.path.name} has other columns than {first.path.name}: "
                f"{', '.join(other.columns)} and {', '.join(first.columns)}; "
                "files of one log must have the same columns"
            )
    return sources


def find_files(path: Path, key: str) -> list[Path]:
    """The data files that `path` names, sorted; other files of a folder are passed over."""
    if path.is_file():
        return [path]
    if path.is_dir():
        found = [file for file in path.iterdir() if file.is_file() and _format(file) is not None]
    else:
        found = [Path(name) for name in glob.glob(str(path), recursive=True)]  # noqa: PTH207
        found = [file for file in found if file.is_file()]
    found = sorted(file for file in found if not file.name.startswith("."))
    if not found:
        raise DataError(
            f"no data file at '{path}' (expected {', '.join(FORMATS)}); "
            f"correct {key}, which is taken from the folder of the TOML"
        )
    return found


def file_format(path: Path) -> Format:
    """The format that a file's name tells; DataError for an unknown ending."""
    found = _format(path)
    if found is None:
        raise DataError(
            f"{path.name} has an ending that is not known (expected {', '.join(FORMATS)})"
        )
    return found


def _format(path: Path) -> Format | None:
    name = path.name.lower()
    return next((FORMATS[end] for end in FORMATS if name.endswith(end)), None)


def _columns(path: Path, kind: Format) -> tuple[str, ...]:
    try:
        if kind == "parquet":
            frame = pl.scan_parquet(path, glob=False)
        elif kind == "jsonl":
            frame = pl.scan_ndjson(_literal(path), infer_schema_length=JSON_KEYS_SEEN)
        else:
            frame = pl.scan_csv(
                path, separator=SEPARATORS[kind], infer_schema=False, glob=False
            ).head(0)
            frame = frame.collect().lazy()
        return tuple(frame.collect_schema())
    except NoDataError:
        raise DataError(f"{path.name} is empty: it holds no events and no column names") from None
    except (PolarsError, OSError) as error:
        if "empty string" in str(error):
            raise DataError(f"{path.name} is empty: it holds no rows") from None
        raise unreadable(path, kind, error) from None


def _literal(path: Path) -> Path:
    """A path without a meaning as a glob, for a reader that cannot be told not to expand it."""
    return Path(glob.escape(str(path)))


def scan(source: Source, columns: Iterable[str]) -> pl.LazyFrame:
    """Scan the named columns of one file; text formats give String for each of them."""
    wanted = list(columns)
    if source.format == "parquet":
        return pl.scan_parquet(source.path, glob=False).select(wanted)
    if source.format == "jsonl":
        return pl.scan_ndjson(
            _literal(source.path), schema=dict.fromkeys(wanted, pl.String)
        ).select(wanted)
    frame = pl.scan_csv(
        source.path, separator=SEPARATORS[source.format], infer_schema=False, glob=False
    ).select(wanted)
    # A blank line is no event; polars makes a row of it.
    return frame.filter(~pl.all_horizontal(pl.all().is_null()))


def check_rows(source: Source) -> None:
    """Raise DataError for the first row of a CSV or TSV with too many or too few fields.

    polars fills short rows up and, when it reads some columns only, cuts long ones: both would
    shift values unseen. Rows with quotes are left to its parser, and so is a file in which
    quoted text runs over several lines.
    """
    if source.format not in SEPARATORS:
        return
    separators = len(source.columns) - 1
    line = pl.col("line")
    quotes = line.str.count_matches('"', literal=True)
    found = line.str.count_matches(SEPARATORS[source.format], literal=True)
    ragged = (quotes == 0) & (found != separators) & (line.str.strip_chars() != "")
    row = pl.when(ragged).then(pl.col("row")).min()
    try:
        report = (
            pl.scan_lines(source.path, name="line", row_index_name="row", glob=False)
            .select(first=row, multiline=(quotes % 2 == 1).any())
            .collect(engine="streaming")
            .row(0, named=True)
        )
    except (PolarsError, OSError) as error:
        raise unreadable(source.path, source.format, error) from None
    if report["first"] is not None and not report["multiline"]:
        raise DataError(
            f"{source.path.name} line {report['first'] + 1} has not the {separators + 1} fields "
            f"of its first line ({', '.join(source.columns)}); "
            "quote fields that hold the separator, or repair the line"
        )


def unreadable(path: Path, kind: Format, error: Exception) -> DataError:
    """One sentence for a file that its format's parser refuses."""
    if kind == "parquet":
        return DataError(f"{path.name} is not a Parquet file, or it is damaged: copy it again")
    if kind == "jsonl":
        hint = "each line must be one JSON object, in UTF-8 without a byte-order mark"
    else:
        hint = "it must be UTF-8 text with balanced quotes and as many fields in each row"
    reason = str(error).strip().partition("\n")[0].rstrip(".")
    return DataError(f"{path.name} cannot be read as {kind.upper()} ({reason}); {hint}")


def require_column(source: Source, name: str, key: str, aliases: Sequence[str]) -> None:
    """Raise DataError, with the likeliest other column, unless the file has column `name`."""
    if name in source.columns:
        return
    raise DataError(
        f"{source.path.name} has no column '{name}' (found: {', '.join(source.columns)}); "
        f"name it with {key} = {_guess(name, source.columns, aliases)}"
    )


def _guess(name: str, columns: Sequence[str], aliases: Sequence[str]) -> str:
    lower = {column.lower(): column for column in reversed(columns)}
    for alias in (name.lower(), *aliases):
        if alias in lower:
            return f"'{lower[alias]}'"
    close = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.5)
    return f"'{lower[close[0]]}'" if close else '"..."'
