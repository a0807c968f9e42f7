"""Read a user's data: events, catalogue and user attributes, from files or from MovieLens."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from ..config.sections import Config
from ..errors import DataError
from ..schema import Column
from ..storage.artifact import describe, fingerprint
from ..storage.paths import AnyPath, size_and_version
from . import catalogue, events, movielens, times, users
from .events import Log
from .files import find_files
from .parallel import ParallelMap, map_serially

HASHED_FILES = 100
"""The manifest names this many files of a log, and describes the others by one common hash."""


def read_events(config: Config) -> pl.LazyFrame:
    """Read the log lazily as USER, ITEM, TIME, [RATING,] ORDER, features and [CLOCK].

    - USER, ITEM: Int64 when every id of the column is a plain integer ("7", not "07"), else String.
    - TIME: Int64 milliseconds since 1970 UTC. Under time_format "order", and for the copy of
      MovieLens 1M without times, any Int64 that sorts.
    - RATING: Float32, where configured or published.
    - ORDER: UInt64, counts rows over the files in the order of their names.
    - Column.feature of each of [features.event].
    - CLOCK, for [features.time]: TIME where it is a clock, else null.

    Reads the log once, streaming, to check it. Raises DataError for a missing column, an empty
    log, a null id, time or rating, a time that is negative or in two units, and times that only
    sort where split.kind = "time" or [features.time] needs a clock; DownloadError when a published
    data set cannot be downloaded.
    """
    log = read_log(config)
    if isinstance(log, pl.LazyFrame):
        return log
    # Created only for a remote log, and never removed: nobody knows how long the frame is used.
    copies = Path(tempfile.gettempdir()) / f"pocketrec.{secrets.token_hex(8)}"
    (frame,) = log.frames(copies)
    if log.schema[Column.TIME] == pl.Int64:
        return frame
    return frame.with_columns(times.dense_ranks(pl.col(Column.TIME)))


def read_log(config: Config, map_tasks: ParallelMap = map_serially) -> Log | pl.LazyFrame:
    """Read the log in parts that workers can read alone; `map_tasks` examines its files.

    Columns and errors are those of `read_events`, but a TIME that only sorts may be Float64 or
    String: it still needs `times.dense_ranks`. MovieLens comes as one frame.
    """
    _check_clock(config)
    if config.data.source is not None:
        return movielens.read_events(config)
    return events.open_log(config, map_tasks)


def _check_clock(config: Config) -> None:
    """Raise DataError where the config needs a clock and TIME only sorts a user's events."""
    if config.data.source is None:
        reason = 'data.time_format is "order"' if config.data.time_format == "order" else None
    else:
        reason = None if movielens.has_clock(config) else "this copy of MovieLens has no times"
    if reason is None:
        return
    if config.split.kind == "time":
        raise DataError(
            f'split.kind = "time" needs a clock, but {reason}: choose "leave-one-out" or "users"'
        )
    # MovieLens may still have the times of some users, and null for the others.
    if config.features.time and config.data.source is None:
        raise DataError(f"features.time needs a clock, but {reason}: leave it out")


def read_catalogue(config: Config, log: Log | pl.LazyFrame | None = None) -> pl.DataFrame | None:
    """Read ITEM, TITLE (null where unknown) and each item's attributes; None without a catalogue.

    Attributes are Int64, Float64, String or List(String); in CSV and TSV a column of text with
    "|" in it is a list. ITEM has the dtype that it has in `log` (the events; None reads them
    again). Items whose id cannot occur in the log are left out. Raises DataError for a missing id
    column, a null id, and an id that occurs twice.
    """
    if config.data.source is not None:
        return movielens.read_catalogue(config)
    if config.data.items is None:
        return None
    return catalogue.read_catalogue(config, _dtype(config, log, Column.ITEM))


def read_users(config: Config) -> pl.DataFrame | None:
    """Read USER and each user's attributes, from data.users or MovieLens; None without any.

    Dtypes and errors are those of `read_catalogue`.
    """
    table = open_users(config)
    if not isinstance(table, users.Users):
        return table
    with tempfile.TemporaryDirectory() as copies:
        rows = pl.concat(table.frames(Path(copies))).collect()
    catalogue.check_unique_ids(rows[Column.USER], str(config.data.users))
    return rows


def open_users(
    config: Config, log: Log | pl.LazyFrame | None = None, map_tasks: ParallelMap = map_serially
) -> users.Users | pl.DataFrame | None:
    """Read users in parts that workers can read alone; the caller must check for repeated ids."""
    if config.data.source is not None:
        return movielens.read_users(config)
    if config.data.users is None:
        return None
    return users.open_users(config, _dtype(config, log, Column.USER), map_tasks)


def _dtype(config: Config, log: Log | pl.LazyFrame | None, column: str) -> pl.DataType:
    log = events.open_log(config) if log is None else log
    schema = log.collect_schema() if isinstance(log, pl.LazyFrame) else log.schema
    return schema[column]


def file_versions(config: Config) -> list[tuple[str, int, str]]:
    """Name, bytes and version of each input file: equal before and after if none has changed."""
    data = config.data
    if data.source is not None:
        return []  # a published data set does not change
    paths = {"data.path": data.path, "data.items": data.items, "data.users": data.users}
    files = [
        file
        for key, path in paths.items()
        if path
        for file in find_files(config.resolve(path), key)
    ]
    return [(str(file), *size_and_version(file)) for file in files]


def describe_source(config: Config) -> dict[str, Any]:
    """Where the data come from, for the manifest: file names (no folders), bytes and sha256."""
    if config.data.source is not None:
        return movielens.describe_source(config)
    data = config.data
    files = find_files(config.resolve(str(data.path)), "data.path")
    source: dict[str, Any] = {"files": [_describe(file) for file in files[:HASHED_FILES]]}
    if rest := files[HASHED_FILES:]:
        source["further_files"] = {
            "count": len(rest),
            "sha256": fingerprint(*map(_describe_content, rest)),
        }
    for key, path in (("items", data.items), ("users", data.users)):
        if path is not None:
            side_files = find_files(config.resolve(path), f"data.{key}")
            source[key] = [_describe(file) for file in side_files]
    return source


def _describe(file: AnyPath) -> dict[str, Any]:
    return {"name": file.name, **_describe_content(file)}


def _describe_content(file: AnyPath) -> dict[str, Any]:
    """Bytes and sha256 of a file; of a remote one, bytes and the version that its store reports.

    Hashing a remote file would mean to download all of it.
    """
    if isinstance(file, Path):
        return describe(file)
    size, version = size_and_version(file)
    return {"bytes": size, "version": version}
