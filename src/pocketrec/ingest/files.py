"""Find the files of a log and scan them lazily: CSV, TSV, JSONL and Parquet, gzip too.

Text formats are scanned as text, so that "007" stays "007"; what the text means is decided
afterwards from all of it. Nothing here holds a log in memory.
"""

from __future__ import annotations

import csv
import difflib
import glob
import gzip
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import polars as pl
from polars.exceptions import NoDataError, PanicException, PolarsError

from ..errors import DataError, one_line
from ..storage.paths import AnyPath, Url, find, is_glob

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
JSON_KEYS_SEEN = 1000  # rows of a JSONL file that are looked at for its columns
NAMES_SHOWN = 20
"""Most column names that an error lists."""
GZIP = b"\x1f\x8b"

READ_ERRORS = (PolarsError, PanicException, OSError)
"""What a reader raises for a file that it cannot read."""


@dataclass(frozen=True)
class Source:
    """One file of a log, its format, and its column names in the file's order."""

    path: Path
    format: Format
    columns: tuple[str, ...]
    nested: Mapping[str, pl.DataType] = field(default_factory=dict)
    """Columns of a JSONL file that hold lists or objects; all others are read as text."""


def find_files(where: AnyPath, key: str) -> list[AnyPath]:
    """The data files of a file, folder or glob, sorted by name; `key` is the TOML's, for errors.

    Other files of a folder are passed over. Raises DataError when there are none, or of several
    formats.
    """
    try:
        found: list[AnyPath] = [*_find_url(where)] if isinstance(where, Url) else [*_find(where)]
    except (OSError, ValueError):  # a name that is too long, or none at all
        found = []
    if not found:
        raise DataError(
            f"no data file at '{where}' (expected {', '.join(FORMATS)}); "
            f"correct {key}, which is taken from the folder of the TOML"
        )
    formats = {file_format(file) for file in found}
    if len(formats) > 1:
        raise DataError(
            f"'{where}' holds files of several formats ({', '.join(sorted(formats))}); "
            f"name those that are meant with {key}, such as '*.{min(formats)}'"
        )
    return found


def _find(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if path.is_dir():
        found = [file for file in path.iterdir() if file.is_file() and _format(file) is not None]
    else:
        found = [Path(name) for name in glob.glob(str(path), recursive=True)]  # noqa: PTH207
        found = [file for file in found if file.is_file()]
    return sorted(file for file in found if not file.name.startswith("."))


def _find_url(url: Url) -> list[Url]:
    found = find(url)
    if found != [url] and not is_glob(url):  # a folder
        found = [file for file in found if _format(file) is not None]
    return [file for file in found if not file.name.startswith(".")]


def file_format(path: AnyPath) -> Format:
    """The format that a file's name tells; DataError for an unknown ending."""
    found = _format(path)
    if found is None:
        raise DataError(
            f"{path.name} has an ending that is not known (expected {', '.join(FORMATS)})"
        )
    return found


def _format(path: AnyPath) -> Format | None:
    name = path.name.lower()
    return next((FORMATS[end] for end in FORMATS if name.endswith(end)), None)


def open_source(path: Path) -> Source:
    """Look at the beginning of a file; DataError when it is empty or cannot be read."""
    kind = file_format(path)
    schema = _schema(path, kind)
    if kind in SEPARATORS:
        _check_header(path, tuple(schema))
    nested = {name: dtype for name, dtype in schema.items() if dtype.is_nested()}
    return Source(path, kind, tuple(schema), nested if kind == "jsonl" else {})


def _check_header(path: Path, columns: tuple[str, ...]) -> None:
    """Refuse what polars takes for column names, and is none."""
    if any("\0" in name for name in columns):
        raise DataError(f"{path.name} is not UTF-8 text (UTF-16, it seems): save it as UTF-8")
    if any("\r" in name for name in columns):
        raise DataError(f"{path.name} has line ends of another kind (CR): save it with LF or CRLF")
    for name in columns:
        twice = re.sub(r"_duplicated_\d+$", "", name)
        if twice != name and twice in columns:
            raise DataError(
                f"{path.name} has two columns named '{one_line(twice, 80)}': rename one of them"
            )


def _schema(path: Path, kind: Format) -> pl.Schema:
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
        return frame.collect_schema()
    except NoDataError:
        raise DataError(f"{path.name} is empty: it holds no events and no column names") from None
    except READ_ERRORS as error:
        if "empty string" in str(error):
            raise DataError(f"{path.name} is empty: it holds no rows") from None
        raise unreadable(path, kind, error) from None


def _literal(path: Path) -> Path:
    """A path without a meaning as a glob, for a reader that cannot be told not to expand it."""
    return Path(glob.escape(str(path)))


def scan(
    source: Source, columns: Iterable[str], begin: int = 0, rows: int | None = None
) -> pl.LazyFrame:
    """Scan the named columns of one file; text formats give String for each of them.

    But JSONL gives List(String) for lists, and objects and lists of lists as they are. Of Parquet
    it may be `rows` from `begin` on.
    """
    wanted = list(columns)
    if source.format == "parquet":
        return pl.scan_parquet(source.path, glob=False).slice(begin, rows).select(wanted)
    if source.format == "jsonl":
        schema: dict[str, pl.DataType] = {}
        for name in wanted:
            dtype = source.nested.get(name, pl.String())
            flat = isinstance(dtype, pl.List) and not cast("pl.DataType", dtype.inner).is_nested()
            schema[name] = pl.List(pl.String) if flat else dtype
        return pl.scan_ndjson(_literal(source.path), schema=schema).select(wanted)
    frame = pl.scan_csv(
        source.path, separator=SEPARATORS[source.format], infer_schema=False, glob=False
    ).select(wanted)
    # A blank line is no event; polars makes a row of it.
    return frame.filter(~pl.all_horizontal(pl.all().is_null()))


def check_rows(source: Source) -> int:
    """Raise DataError for the first row of a CSV or TSV with too many or too few fields.

    polars fills short rows up and, when it reads some columns only, cuts long ones: both would
    shift values unseen. Gives the number of rows that are not blank, by which it can be seen that
    none was lost; 0 for other formats.
    """
    if source.format not in SEPARATORS:
        return 0
    separator, fields = SEPARATORS[source.format], len(source.columns)
    line = pl.col("line")
    quotes = line.str.count_matches('"', literal=True)
    bare = pl.when(quotes == 0).then(line).otherwise(line.str.replace_all(r'"[^"]*"', "q"))
    filled = line.str.strip_chars(f' \r\t"{separator}') != ""
    ragged = (bare.str.count_matches(separator, literal=True) != fields - 1) & filled
    try:
        report = (
            pl.scan_lines(source.path, name="line", row_index_name="row", glob=False)
            .select(
                first=pl.when(ragged).then(pl.col("row")).min(),
                multiline=(quotes % 2 == 1).any(),
                filled=filled.sum(),
            )
            .collect(engine="streaming")
            .row(0, named=True)
        )
        if report["multiline"]:
            report = _check_quoted(source)
    except (*READ_ERRORS, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable(source.path, source.format, error) from None
    if report["first"] is not None:
        raise DataError(
            f"{source.path.name} line {report['first'] + 1} has not the {fields} fields "
            f"of its first line ({listed(source.columns)}); "
            "quote fields that hold the separator, or repair the line"
        )
    return int(report["filled"]) - 1  # the header


def _check_quoted(source: Source) -> dict[str, int | None]:
    """The same for a file whose quoted text runs over several lines, a row at a time."""
    first, filled = None, 0
    with source.path.open("rb") as raw:
        opened = gzip.open if raw.read(2) == GZIP else open
    limit = csv.field_size_limit(2**31 - 1)
    try:
        with opened(source.path, "rt", encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, delimiter=SEPARATORS[source.format], strict=True)
            for row in rows:
                filled += any(text.strip() for text in row)
                if first is None and len(row) != len(source.columns) and any(row):
                    first = rows.line_num - 1
    finally:
        csv.field_size_limit(limit)
    return {"first": first, "filled": filled}


def unreadable(path: Path, kind: Format, error: Exception) -> DataError:
    """One sentence for a file that its format's parser refuses."""
    if kind == "parquet":
        return DataError(f"{path.name} is not a Parquet file, or it is damaged: copy it again")
    if kind == "jsonl":
        hint = "each line must be one JSON object, in UTF-8 without a byte-order mark"
    else:
        hint = "it must be UTF-8 text with balanced quotes and as many fields in each row"
    reason = one_line(str(error).strip().partition("\n")[0].rstrip("."), 200)
    return DataError(f"{path.name} cannot be read as {kind.upper()} ({reason}); {hint}")


def require_column(source: Source, name: str, key: str, aliases: Sequence[str]) -> None:
    """Raise DataError, with the likeliest other column, unless the file has column `name`."""
    if name in source.columns:
        return
    raise DataError(
        f"{source.path.name} has no column '{name}' (found: {listed(source.columns)}); "
        f"name it with {key} = {_guess(name, source.columns, aliases)}"
    )


def listed(names: Sequence[str]) -> str:
    """Names of columns as an error lists them: not too many, none too long."""
    shown = [one_line(name, 60) for name in names[:NAMES_SHOWN]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def _guess(name: str, columns: Sequence[str], aliases: Sequence[str]) -> str:
    lower = {column.lower(): column for column in reversed(columns)}
    for alias in (name.lower(), *aliases):
        if alias in lower:
            return f"'{lower[alias]}'"
    close = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.5)
    return f"'{lower[close[0]]}'" if close else '"..."'
