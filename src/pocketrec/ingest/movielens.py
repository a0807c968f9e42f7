"""MovieLens in every form it is published in, brought to the columns of schema.Column.

Forms: 100K (u.data), its copy in RecBole (ml-100k.inter), 1M (ratings.dat, or ratings.parquet
with an order in place of times), and the CSV releases (ratings.csv).
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
from ..errors import ConfigError, DataError
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
"""The file of ratings by which a folder is recognised; earlier ones win."""


def events(config: Config) -> pl.LazyFrame:
    """Ratings as USER, ITEM (Int64), TIME (ms, or an order), RATING (Float32), ORDER (UInt64).

    Downloads the release unless data.path names a copy, a folder or a zip. Raises DataError for
    a file that is not in the release's form, and for a download without the published counts.
    """
    folder, form = _open(config)
    frame = form.ratings(folder).with_row_index(Column.ORDER)
    time = pl.col(Column.TIME).cast(pl.Int64) * form.time_unit
    if config.features.time:
        clock = time if form.clock is None else pl.col(Column.CLOCK)
        if form.clock is not None:
            frame = form.clock(folder, frame)
    frame = frame.select(
        pl.col(Column.USER).cast(pl.Int64),
        pl.col(Column.ITEM).cast(pl.Int64),
        time.alias(Column.TIME),
        pl.col(Column.RATING).cast(pl.Float32),
        pl.col(Column.ORDER).cast(pl.UInt64),
        *(_feature(name) for name in config.features.event),
        *([clock.alias(Column.CLOCK)] if config.features.time else []),
    )
    found = _count(frame.drop(Column.CLOCK, strict=False), form.marker)
    source = config.data.source
    # latest-small is renewed now and then, so only its checksum can be held against it.
    fixed = source is not None and RELEASES[source].checksum is not None
    if (
        source is not None
        and fixed
        and config.data.path is None
        and found != RELEASES[source].counts
    ):
        raise DataError(
            f"{source} in '{folder}' has {found}; published are {RELEASES[source].counts}: "
            "remove the folder, and it is downloaded again"
        )
    return frame


def _feature(name: str) -> pl.Expr:
    if name != Column.RATING:
        raise ConfigError(
            f"features.event.{name}: MovieLens tells nothing of an event but its 'rating'"
        )
    return pl.col(Column.RATING).cast(pl.Float64).alias(Column.feature(name))


def catalogue(config: Config) -> pl.DataFrame:
    """Films as ITEM (Int64), TITLE, genres (List(String)) and year (Int64, null if unknown)."""
    folder, form = _open(config)
    with _readable(form):
        table = form.items(folder)
    if table[Column.ITEM].is_duplicated().any() or table[Column.ITEM].null_count():
        raise DataError(f"the films in '{folder}' have an id twice or none: get the data again")
    return table


def users(config: Config) -> pl.DataFrame | None:
    """Users as USER (Int64), age (Int64), gender and occupation; None where not published.

    1M gives ages in groups, each by its lowest age (1 stands for below 18).
    """
    folder, form = _open(config)
    if not (folder / form.files[-1]).is_file():
        return None
    with _readable(form):
        return form.users(folder)


def has_clock(config: Config) -> bool:
    """Whether the copy has times; 1M's `ratings.parquet` has only the order of a user's ratings."""
    return _open(config)[1].marker != "ratings.parquet"


def describe_source(config: Config) -> dict[str, Any]:
    """Provenance for the manifest: the release, its terms, its files, and whether it is whole."""
    folder, form = _open(config)
    source = config.data.source
    if source is None:
        raise DataError("data.source is not set")
    found = _count(form.ratings(folder), form.marker)
    files = [folder / name for name in form.files if (folder / name).is_file()]
    return {
        "source": source,
        "form": form.marker,
        "complete": found == (form.counts or RELEASES[source].counts),
        "licence": RELEASES[source].licence,
        "citation": CITATION,
        "files": [{"name": file.name, **describe(file)} for file in files],
    }


def _open(config: Config) -> tuple[Path, Form]:
    """The folder of the data and the form that they are in."""
    source = config.data.source
    if source is None:
        raise DataError("data.source is not set")
    if config.data.path is None:
        root = download.fetch(source)
    else:
        given = config.resolve(config.data.path)
        if not isinstance(given, Path):
            raise DataError(
                f"'{given}': a copy of {source} is read from this machine; copy it here first"
            )
        root = given
        if root.is_file() and root.suffix.lower() == ".zip":
            root = download.unpacked(root)
    markers = FORMS_OF[source]
    for folder in _folders(root):
        for marker in markers:
            if (folder / marker).is_file():
                return folder, FORMS[marker]
    raise DataError(
        f"'{config.data.path or root}' is no copy of {source}: expected a folder or zip with "
        f"{' or '.join(markers)}; correct data.path, or leave it out to download"
    )


@contextmanager
def _readable(form: Form) -> Iterator[None]:
    """Turn what goes wrong while a side table is parsed into one sentence."""
    try:
        yield
    except (PolarsError, OSError, ValueError, LookupError) as error:
        raise _not_in_form(" or ".join(form.files[1:]), error) from None


def _not_in_form(name: str, error: Exception) -> DataError:
    reason = str(error).strip().partition("\n")[0]
    return DataError(f"{name} is not as MovieLens publishes it ({reason}): get the data again")


def _folders(root: Path) -> list[Path]:
    """A folder, the one in it (as in GroupLens's zips), and the one in RecBole's wheel."""
    inside = sorted(path for path in root.glob("*") if path.is_dir()) if root.is_dir() else []
    return [root, *inside, root / "recbole" / "dataset_example" / "ml-100k"]


def _count(frame: pl.LazyFrame, name: str) -> Counts:
    """Count in one streaming pass, which also parses every value."""
    empty = pl.any_horizontal(pl.all().is_null())
    try:
        row = frame.select(
            rows=pl.len(),
            users=pl.col(Column.USER).n_unique(),
            items=pl.col(Column.ITEM).n_unique(),
            empty=empty.sum(),
        ).collect(engine="streaming")
    except (PolarsError, OSError) as error:
        raise _not_in_form(name, error) from None
    counted = row.row(0, named=True)
    if counted.pop("empty"):
        raise DataError(f"{name} has rows with missing values: it is not as it was published")
    if not counted["rows"]:
        raise DataError(f"{name} holds no ratings")
    return Counts(**counted)
