"""Read MovieLens, in every form in which it is published, as the columns of schema.Column.

Forms: 100K (u.data), its copy in RecBole (ml-100k.inter), 1M (ratings.dat, or ratings.parquet
with an order instead of times), and the CSV releases (ratings.csv).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from ..config.data import SourceName
from ..config.sections import Config
from ..errors import ConfigError, DataError, first_line
from ..schema import Column
from ..storage.artifact import describe
from . import download
from .movielens_tables import FORMS, Form
from .releases import CITATION, RELEASES, Counts

FORMS_OF: dict[SourceName, tuple[str, ...]] = {
    "movielens/100k": ("u.data", "ml-100k.inter"),
    "movielens/1m": ("ratings.dat", "ratings.parquet"),
    "movielens/latest-small": ("ratings.csv",),
    "movielens/20m": ("ratings.csv",),
    "movielens/25m": ("ratings.csv",),
    "movielens/32m": ("ratings.csv",),
}
"""The ratings files that identify a folder's form; the first that exists wins."""


def read_events(config: Config) -> pl.LazyFrame:
    """Ratings as USER, ITEM (Int64), TIME (ms, or an order), RATING (Float32), ORDER (UInt64).

    Downloads the release unless data.path names a copy, a folder or a zip. Raises DataError for
    a file that is not in the release's form, and for a download with other counts than published.
    """
    folder, form = _locate(config)
    frame = form.scan_ratings(folder).with_row_index(Column.ORDER)
    time = pl.col(Column.TIME).cast(pl.Int64) * form.time_unit
    if config.features.time:
        clock = time if form.add_clock is None else pl.col(Column.CLOCK)
        if form.add_clock is not None:
            frame = form.add_clock(folder, frame)
    frame = frame.select(
        pl.col(Column.USER).cast(pl.Int64),
        pl.col(Column.ITEM).cast(pl.Int64),
        time.alias(Column.TIME),
        pl.col(Column.RATING).cast(pl.Float32),
        pl.col(Column.ORDER).cast(pl.UInt64),
        *(_feature(name) for name in config.features.event),
        *([clock.alias(Column.CLOCK)] if config.features.time else []),
    )
    # CLOCK may be null where times are unknown; nothing else may.
    counts = _count(frame.drop(Column.CLOCK, strict=False), form.marker)
    source = config.data.source
    if source is not None and config.data.path is None:
        release = RELEASES[source]
        # GroupLens renews latest-small now and then, so its counts may differ: it has no checksum.
        if release.checksum is not None and counts != release.counts:
            raise DataError(
                f"{source} in '{folder}' has {counts}, but {release.counts} were published: "
                "remove the folder to download it again"
            )
    return frame


def _feature(name: str) -> pl.Expr:
    if name != Column.RATING:
        raise ConfigError(
            f"features.event.{name} is not in MovieLens, whose only event feature is 'rating': "
            "remove it"
        )
    return pl.col(Column.RATING).cast(pl.Float64).alias(Column.feature(name))


def read_catalogue(config: Config) -> pl.DataFrame:
    """Films as ITEM (Int64), TITLE, genres (List(String)) and year (Int64, null if unknown)."""
    folder, form = _locate(config)
    with _readable(form):
        table = form.read_items(folder)
    if table[Column.ITEM].is_duplicated().any() or table[Column.ITEM].null_count():
        raise DataError(
            f"the films in '{folder}' have a missing or repeated id: get the data set again"
        )
    return table


def read_users(config: Config) -> pl.DataFrame | None:
    """Users as USER (Int64), age (Int64), gender and occupation; None where not published.

    1M gives ages in groups, each by its lowest age (1 means under 18).
    """
    folder, form = _locate(config)
    if not (folder / form.files[-1]).is_file():
        return None
    with _readable(form):
        return form.read_users(folder)


def has_clock(config: Config) -> bool:
    """Whether the copy has times; 1M's `ratings.parquet` has only the order of a user's ratings."""
    return _locate(config)[1].marker != "ratings.parquet"


def describe_source(config: Config) -> dict[str, Any]:
    """Provenance for the manifest: release, terms, files, and whether the copy is complete."""
    folder, form = _locate(config)
    source = config.data.source
    if source is None:
        raise DataError("data.source is not set")
    counts = _count(form.scan_ratings(folder), form.marker)
    files = [folder / name for name in form.files if (folder / name).is_file()]
    return {
        "source": source,
        "form": form.marker,
        "complete": counts == (form.counts or RELEASES[source].counts),
        "licence": RELEASES[source].licence,
        "citation": CITATION,
        "files": [{"name": file.name, **describe(file)} for file in files],
    }


def _locate(config: Config) -> tuple[Path, Form]:
    """The folder that holds the data set, downloaded or unpacked where needed, and its form."""
    source = config.data.source
    if source is None:
        raise DataError("data.source is not set")
    if config.data.path is None:
        root = download.fetch(source)
    else:
        path = config.resolve(config.data.path)
        if not isinstance(path, Path):
            raise DataError(
                f"'{path}' is a URL, but a copy of {source} is read from this machine: download "
                "it and give its path"
            )
        root = path
        if root.is_file() and root.suffix.lower() == ".zip":
            root = download.unpack(root)
    markers = FORMS_OF[source]
    for folder in _candidate_folders(root):
        for marker in markers:
            if (folder / marker).is_file():
                return folder, FORMS[marker]
    raise DataError(
        f"'{config.data.path or root}' is no copy of {source} (expected a folder or zip with "
        f"{' or '.join(markers)}): correct data.path, or leave it out to download the data set"
    )


@contextmanager
def _readable(form: Form) -> Iterator[None]:
    """Turn a parser's error about the films or users into one sentence."""
    try:
        yield
    except (PolarsError, OSError, ValueError, LookupError) as error:
        raise _not_in_form(" or ".join(form.files[1:]), error) from None


def _not_in_form(name: str, error: Exception) -> DataError:
    return DataError(
        f"{name} is not as MovieLens publishes it ({first_line(error)}): get the data set again"
    )


def _candidate_folders(root: Path) -> list[Path]:
    """A folder, those in it (GroupLens's zips hold one), and the one in RecBole's wheel."""
    inside = sorted(path for path in root.glob("*") if path.is_dir()) if root.is_dir() else []
    return [root, *inside, root / "recbole" / "dataset_example" / "ml-100k"]


def _count(frame: pl.LazyFrame, name: str) -> Counts:
    """Count in one streaming pass, which also parses every value."""
    has_null = pl.any_horizontal(pl.all().is_null())
    try:
        result = frame.select(
            rows=pl.len(),
            users=pl.col(Column.USER).n_unique(),
            items=pl.col(Column.ITEM).n_unique(),
            incomplete=has_null.sum(),
        ).collect(engine="streaming")
    except (PolarsError, OSError) as error:
        raise _not_in_form(name, error) from None
    counts = result.row(0, named=True)
    if incomplete := counts.pop("incomplete"):
        raise DataError(
            f"{name} has {incomplete} rows with missing values, but was published without any: "
            "get the data set again"
        )
    if not counts["rows"]:
        raise DataError(f"{name} holds no ratings: get the data set again")
    return Counts(**counts)
