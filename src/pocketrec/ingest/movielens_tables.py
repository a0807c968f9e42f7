"""The files of each form of MovieLens, and how a row of them is read.

Ratings are lazy. Films and users are small and read at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..schema import Column
from .releases import Counts

GENRES = "genres"
YEAR = "year"
AGE = "age"
GENDER = "gender"
OCCUPATION = "occupation"

NO_GENRES = "(no genres listed)"
RATINGS = (Column.USER, Column.ITEM, Column.RATING, Column.TIME)  # the order in all forms
RECBOLE_FIELDS = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
CSV_FIELDS = ("userId", "movieId", "rating", "timestamp")
# "1::2::3::4" is 1, nothing, 2, nothing, ... to a reader that separates at each ":".
DAT_FIELDS = (Column.USER, "", Column.ITEM, "", Column.RATING, "", Column.TIME)

TIMES_OF_SOME = "ratings_users_1_2999.dat.gz"  # may lie beside 1M's copy without a clock
MISSPELT = "unkonwn"  # RecBole's title and year of the one film that 100K calls "unknown"

# README of 1M, in the order of their codes.
OCCUPATIONS = (
    "other",
    "academic/educator",
    "artist",
    "clerical/admin",
    "college/grad student",
    "customer service",
    "doctor/health care",
    "executive/managerial",
    "farmer",
    "homemaker",
    "K-12 student",
    "lawyer",
    "programmer",
    "retired",
    "sales/marketing",
    "scientist",
    "self-employed",
    "technician/engineer",
    "tradesman/craftsman",
    "unemployed",
    "writer",
)


@dataclass(frozen=True)
class Form:
    """One way in which MovieLens is laid out in files."""

    files: tuple[str, ...]  # ratings first
    ratings: Callable[[Path], pl.LazyFrame]  # folder -> the columns of RATINGS, as published
    items: Callable[[Path], pl.DataFrame]
    users: Callable[[Path], pl.DataFrame | None]
    time_unit: int = 1000  # milliseconds in a unit of the published time
    counts: Counts | None = None  # of a form that is not the whole release
    clock: Callable[[Path, pl.LazyFrame], pl.LazyFrame] | None = None  # adds it, if TIME is none

    @property
    def marker(self) -> str:
        """The file of ratings, by which a folder of this form is recognised."""
        return self.files[0]


def _scan(path: Path, separator: str, fields: tuple[str, ...], *, header: bool) -> pl.LazyFrame:
    """A file of ratings; its `fields` with a name hold numbers, in the order of RATINGS."""
    named = [field for field in fields if field]
    dtypes = dict(zip(named, (pl.Int64, pl.Int64, pl.Float64, pl.Int64), strict=True))
    # Without a header the names are ours alone; with one they must be those of the file.
    schema = {field or f"gap {n}": dtypes.get(field, pl.String) for n, field in enumerate(fields)}
    frame = pl.scan_csv(
        path, separator=separator, has_header=header, schema=schema, quote_char=None, glob=False
    )
    return frame.select(
        pl.col(field).alias(ours) for field, ours in zip(named, RATINGS, strict=True)
    )


def _catalogue(ids: list[int], titles: list[str], genres: list[list[str]]) -> pl.DataFrame:
    title = pl.col(Column.TITLE).str.strip_chars()
    table = pl.DataFrame(
        {Column.ITEM: ids, Column.TITLE: titles, GENRES: genres},
        schema={Column.ITEM: pl.Int64, Column.TITLE: pl.String, GENRES: pl.List(pl.String)},
    )
    # The last "(1995)": a film of 1968 may be called "2001", and "(V)" may follow the year.
    year = title.str.extract(r"^.*\((\d{4})\)").cast(pl.Int64)
    return table.with_columns(title, year.alias(YEAR))


def _users(rows: list[list[str]], *, user: int, age: int, gender: int, work: int) -> pl.DataFrame:
    """Users from the fields of each row, by the positions of what they hold."""
    return pl.DataFrame(
        {
            Column.USER: [int(row[user]) for row in rows],
            AGE: [int(row[age]) for row in rows],
            GENDER: [row[gender] for row in rows],
            OCCUPATION: [row[work] for row in rows],
        },
        schema={
            Column.USER: pl.Int64,
            AGE: pl.Int64,
            GENDER: pl.String,
            OCCUPATION: pl.String,
        },
    )


def _rows(path: Path, separator: str, encoding: str = "latin-1") -> list[list[str]]:
    """The fields of each line of a small file without quoting."""
    lines = path.read_text(encoding=encoding).split("\n")
    return [line.rstrip("\r").split(separator) for line in lines if line.strip()]


def _split(genres: str) -> list[str]:
    return [] if genres in ("", NO_GENRES) else genres.split("|")


def _items_100k(folder: Path) -> pl.DataFrame:
    names = [
        name for name, _ in sorted(_rows(folder / "u.genre", "|"), key=lambda row: int(row[1]))
    ]
    rows = _rows(folder / "u.item", "|")
    # id | title | released | video release | address | one flag for each genre
    genres = [
        [name for name, flag in zip(names, row[5:], strict=True) if flag == "1"] for row in rows
    ]
    return _catalogue([int(row[0]) for row in rows], [row[1] for row in rows], genres)


def _items_recbole(folder: Path) -> pl.DataFrame:
    rows = _rows(folder / "ml-100k.item", "\t", "utf-8")[1:]
    titles = ["unknown" if title == MISSPELT else f"{title} ({year})" for _, title, year, _ in rows]
    genres = [row[3].split() for row in rows]
    return _catalogue([int(row[0]) for row in rows], titles, genres)


def _items_1m(folder: Path) -> pl.DataFrame:
    rows = _rows(folder / "movies.dat", "::")
    genres = [_split(row[2]) for row in rows]
    return _catalogue([int(row[0]) for row in rows], [row[1] for row in rows], genres)


def _items_csv(folder: Path) -> pl.DataFrame:
    # Read by polars: titles with a comma are quoted here.
    table = pl.read_csv(folder / "movies.csv", infer_schema=False, glob=False)
    rows = table.fill_null("").rows()
    genres = [_split(row[2]) for row in rows]
    return _catalogue([int(row[0]) for row in rows], [row[1] for row in rows], genres)


def _users_100k(folder: Path) -> pl.DataFrame:
    return _users(_rows(folder / "u.user", "|"), user=0, age=1, gender=2, work=3)


def _users_recbole(folder: Path) -> pl.DataFrame:
    rows = _rows(folder / "ml-100k.user", "\t", "utf-8")[1:]
    return _users(rows, user=0, age=1, gender=2, work=3)


def _users_1m(folder: Path) -> pl.DataFrame:
    rows = _rows(folder / "users.dat", "::")
    for row in rows:
        row[3] = OCCUPATIONS[int(row[3])]
    return _users(rows, user=0, age=2, gender=1, work=3)


def _ratings_parquet(folder: Path) -> pl.LazyFrame:
    # The copy without a clock: `position` counts a user's ratings, oldest first.
    frame = pl.scan_parquet(folder / "ratings.parquet", glob=False)
    names = dict(zip(("user_id", "movie_id", "rating", "position"), RATINGS, strict=True))
    return frame.select(pl.col(theirs).alias(ours) for theirs, ours in names.items())


def _clock_of_some(folder: Path, ratings: pl.LazyFrame) -> pl.LazyFrame:
    """Add CLOCK (ms) for the users whose times lie beside the copy without a clock, else null."""
    path = folder / TIMES_OF_SOME
    if not path.is_file():
        return ratings.with_columns(pl.lit(None, pl.Int64).alias(Column.CLOCK))
    times = _scan(path, ":", DAT_FIELDS, header=False)
    times = times.select(
        Column.USER, Column.ITEM, (pl.col(Column.TIME) * 1000).alias(Column.CLOCK)
    ).unique([Column.USER, Column.ITEM])
    ids = pl.col(Column.USER, Column.ITEM).cast(pl.Int64)
    return ratings.with_columns(ids).join(
        times, on=[Column.USER, Column.ITEM], how="left", maintain_order="left"
    )


_FORMS = (
    Form(
        ("u.data", "u.item", "u.genre", "u.user"),
        lambda folder: _scan(folder / "u.data", "\t", RATINGS, header=False),
        _items_100k,
        _users_100k,
    ),
    Form(
        ("ml-100k.inter", "ml-100k.item", "ml-100k.user"),
        lambda folder: _scan(folder / "ml-100k.inter", "\t", RECBOLE_FIELDS, header=True),
        _items_recbole,
        _users_recbole,
    ),
    Form(
        ("ratings.dat", "movies.dat", "users.dat"),
        lambda folder: _scan(folder / "ratings.dat", ":", DAT_FIELDS, header=False),
        _items_1m,
        _users_1m,
    ),
    Form(
        ("ratings.parquet", "movies.dat", "users.dat"),
        _ratings_parquet,
        _items_1m,
        _users_1m,
        time_unit=1,
        counts=Counts(999_611, 6_040, 3_416),  # films with five ratings or more
        clock=_clock_of_some,
    ),
    Form(
        ("ratings.csv", "movies.csv"),
        lambda folder: _scan(folder / "ratings.csv", ",", CSV_FIELDS, header=True),
        _items_csv,
        lambda _: None,
    ),
)
FORMS: dict[str, Form] = {form.marker: form for form in _FORMS}
"""Every form by its file of ratings."""
