"""Read what users bring: events, catalogue and user attributes, from files or from MovieLens."""

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
from ..storage.paths import AnyPath, state
from . import catalogue, events, movielens, times, users
from .events import Log
from .files import find_files
from .spread import Spread, one_by_one

HASHED_FILES = 100  # of a log in more files, the manifest names these and hashes the rest together


def read_events(config: Config) -> pl.LazyFrame:
    """Give the log lazily as USER, ITEM, TIME, [RATING,] ORDER.

    Ids are Int64 when every one of the column is a plain integer ("7", not "07"), else String.
    TIME is Int64 milliseconds since 1970 UTC (any order under time_format "order", and for
    MovieLens 1M in the form without times); RATING is Float32, where configured or published;
    ORDER (UInt64) counts rows over the files in the order of their names; Column.feature of each
    of [features.event]; and, for [features.time], CLOCK: TIME where it is one, else null.
    Reads the log once, streaming, to check it. Raises DataError for a missing column, an empty
    log, a null id, time or rating, a time that is negative or in two units, and an order that is
    no clock where split.kind = "time" or [features.time] needs one; DownloadError when a published
    data set cannot be fetched.
    """
    log = read_log(config)
    if isinstance(log, pl.LazyFrame):
        return log
    # Made only for a log that is elsewhere; nobody knows when the frame is done with.
    copies = Path(tempfile.gettempdir()) / f"pocketrec.{secrets.token_hex(8)}"
    (frame,) = log.frames(copies)
    if log.schema[Column.TIME] == pl.Int64:
        return frame
    return frame.with_columns(times.ranked(pl.col(Column.TIME)))


def read_log(config: Config, spread: Spread = one_by_one) -> Log | pl.LazyFrame:
    """The same, checked where `spread` has files read, and in parts that can be told to workers.

    TIME of an order that is numbers or text comes as it is (see `times.ranked`). MovieLens comes
    as a frame.
    """
    _need_clock(config)
    if config.data.source is not None:
        return movielens.events(config)
    return events.read_files(config) if spread is one_by_one else events.read_files(config, spread)


def _need_clock(config: Config) -> None:
    """Raise DataError where times are needed of a log whose TIME only sorts a user's events."""
    if config.data.source is None:
        found = 'data.time_format is "order"' if config.data.time_format == "order" else None
    else:
        found = None if movielens.has_clock(config) else "this copy of MovieLens has no times"
    if found is None:
        return
    if config.split.kind == "time":
        raise DataError(
            f'split.kind = "time" needs a clock, but {found}: choose "leave-one-out" or "users"'
        )
    if config.features.time and config.data.source is None:
        raise DataError(f"features.time needs a clock, but {found}: leave it out")


def read_catalogue(config: Config, log: Log | pl.LazyFrame | None = None) -> pl.DataFrame | None:
    """Give ITEM, TITLE (null where unknown) and the attributes of each item; None without one.

    Attributes are Int64, Float64, String or List(String); in CSV and TSV a column of text with
    "|" in it is a list. ITEM has the dtype that it has in `log` (the events; read again when not
    given); items whose id cannot be one of the log's are left out, for nobody ever met them.
    Raises DataError for a missing id column, a null id, and an id that stands twice.
    """
    if config.data.source is not None:
        return movielens.catalogue(config)
    if config.data.items is None:
        return None
    return catalogue.read_catalogue(config, _dtype(config, log, Column.ITEM))


def read_users(config: Config) -> pl.DataFrame | None:
    """Give USER and the attributes of each user; None without any.

    From data.users, or as MovieLens publishes them. Dtypes and errors are those of
    `read_catalogue`.
    """
    found = find_users(config)
    if not isinstance(found, users.Users):
        return found
    with tempfile.TemporaryDirectory() as copies:
        table = pl.concat(found.frames(Path(copies))).collect()
    catalogue.check_unique(table[Column.USER], str(config.data.users))
    return table


def find_users(
    config: Config, log: Log | pl.LazyFrame | None = None, spread: Spread = one_by_one
) -> users.Users | pl.DataFrame | None:
    """The same in parts that can be told to workers; that no id stands twice is seen later."""
    if config.data.source is not None:
        return movielens.users(config)
    if config.data.users is None:
        return None
    return users.read_files(config, _dtype(config, log, Column.USER), spread)


def _dtype(config: Config, log: Log | pl.LazyFrame | None, column: str) -> pl.DataType:
    log = events.read_files(config) if log is None else log
    schema = log.collect_schema() if isinstance(log, pl.LazyFrame) else log.schema
    return schema[column]


def stamp(config: Config) -> list[tuple[str, int, str]]:
    """Names, sizes and times of change of the files that are read, to see whether they change."""
    data = config.data
    paths = {"data.path": data.path, "data.items": data.items, "data.users": data.users}
    if data.source is not None:
        return []  # a published one does not change
    files = [
        f for key, path in paths.items() if path for f in find_files(config.resolve(path), key)
    ]
    return [(str(file), *state(file)) for file in files]


def describe_source(config: Config) -> dict[str, Any]:
    """Where the data come from, for the manifest: names (no folders), bytes and sha256."""
    if config.data.source is not None:
        return movielens.describe_source(config)
    data = config.data
    files = find_files(config.resolve(str(data.path)), "data.path")
    found: dict[str, Any] = {"files": [_describe(file) for file in files[:HASHED_FILES]]}
    if rest := files[HASHED_FILES:]:
        found["further_files"] = {
            "count": len(rest),
            "sha256": fingerprint(*map(_content, rest)),
        }
    for key, path in (("items", data.items), ("users", data.users)):
        if path is not None:
            beside = find_files(config.resolve(path), f"data.{key}")
            found[key] = [_describe(file) for file in beside]
    return found


def _describe(file: AnyPath) -> dict[str, Any]:
    return {"name": file.name, **_content(file)}


def _content(file: AnyPath) -> dict[str, Any]:
    """What a file holds, by its hash; of one elsewhere by what its store says of it.

    To hash it would be to copy all of it here.
    """
    if isinstance(file, Path):
        return describe(file)
    size, version = state(file)
    return {"bytes": size, "version": version}
