"""Parse the files of each form of MovieLens.

Ratings are scanned lazily. Films and users are small, so they are read into memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..schema import LIST_SEPARATOR, Column
from .releases import Counts

GENRES = "genres"
YEAR = "year"
AGE = "age"
GENDER = "gender"
OCCUPATION = "occupation"

NO_GENRES = "(no genres listed)"
RATINGS = (Column.USER, Column.ITEM, Column.RATING, Column.TIME)  # all forms have this order
RECBOLE_FIELDS = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
CSV_FIELDS = ("userId", "movieId", "rating", "timestamp")
# Polars splits at one character, so "1::2::3::4" is 1, nothing, 2, nothing, ... to it.
DAT_FIELDS = (Column.USER, "", Column.ITEM, "", Column.RATING, "", Column.TIME)

PARTIAL_TIMES = "ratings_users_1_2999.dat.gz"
"""The times of some users, which may lie beside 1M's copy without times."""
RECBOLE_UNKNOWN = "unkonwn"
"""RecBole's spelling (sic) of the title and year of the one film that 100K calls "unknown"."""

# From the README of 1M, in the order of their codes.
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
    """One layout of MovieLens in files, with a function to parse each; they take the folder."""

    files: tuple[str, ...]  # ratings first
    scan_ratings: Callable[[Path], pl.LazyFrame]  # the columns of RATINGS, as published
    read_items: Callable[[Path], pl.DataFrame]
    read_users: Callable[[Path], pl.DataFrame | None]
    time_unit: int = 1000  # milliseconds per unit of the published time
    counts: Counts | None = None  # where the form is not the whole release
    add_clock: Callable[[Path, pl.LazyFrame], pl.LazyFrame] | None = None  # where TIME only sorts

    @property
    def marker(self) -> str:
        """The ratings file, which identifies the form of a folder."""
        return self.files[0]


def _scan_ratings(
    path: Path, separator: str, fields: tuple[str, ...], *, header: bool
) -> pl.LazyFrame:
    """Scan a text file of ratings; its named `fields` are numbers, in the order of RATINGS."""
    named = [field for field in fields if field]
    dtypes = dict(zip(named, (pl.Int64, pl.Int64, pl.Float64, pl.Int64), strict=True))
    # With a header, the names of the schema must be the file's; without one, any names do.
    schema = {field or f"gap {n}": dtypes.get(field, pl.String) for n, field in enumerate(fields)}
    frame = pl.scan_csv(
        path, separator=separator, has_header=header, schema=schema, quote_char=None, glob=False
    )
    return frame.select(
        pl.col(field).alias(ours) for field, ours in zip(named, RATINGS, strict=True)
    )


def _item_table(ids: list[int], titles: list[str], genres: list[list[str]]) -> pl.DataFrame:
    title = pl.col(Column.TITLE).str.strip_chars()
    table = pl.DataFrame(
        {Column.ITEM: ids, Column.TITLE: titles, GENRES: genres},
        schema={Column.ITEM: pl.Int64, Column.TITLE: pl.String, GENRES: pl.List(pl.String)},
    )
    # The last "(1995)" is the year: a title may hold other numbers, and "(V)" may follow the year.
    year = title.str.extract(r"^.*\((\d{4})\)").cast(pl.Int64)
    return table.with_columns(title, year.alias(YEAR))


def _user_table(
    rows: list[list[str]], *, user: int, age: int, gender: int, work: int
) -> pl.DataFrame:
    """The table of users; `user`, `age`, `gender` and `work` are positions in each row."""
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


def _read_rows(path: Path, separator: str, encoding: str = "latin-1") -> list[list[str]]:
    """Read the fields of each line of a small file without quoting."""
    lines = path.read_text(encoding=encoding).split("\n")
    return [line.rstrip("\r").split(separator) for line in lines if line.strip()]


def _split_genres(genres: str) -> list[str]:
    return [] if genres in ("", NO_GENRES) else genres.split(LIST_SEPARATOR)


def _read_items_100k(folder: Path) -> pl.DataFrame:
    names = [
        name for name, _ in sorted(_read_rows(folder / "u.genre", "|"), key=lambda row: int(row[1]))
    ]
    rows = _read_rows(folder / "u.item", "|")
    # id | title | released | video release | address | one flag for each genre
    genres = [
        [name for name, flag in zip(names, row[5:], strict=True) if flag == "1"] for row in rows
    ]
    return _item_table([int(row[0]) for row in rows], [row[1] for row in rows], genres)


def _read_items_recbole(folder: Path) -> pl.DataFrame:
    rows = _read_rows(folder / "ml-100k.item", "\t", "utf-8")[1:]
    titles = [
        "unknown" if title == RECBOLE_UNKNOWN else f"{title} ({year})" for _, title, year, _ in rows
    ]
    genres = [row[3].split() for row in rows]
    return _item_table([int(row[0]) for row in rows], titles, genres)


def _read_items_1m(folder: Path) -> pl.DataFrame:
    rows = _read_rows(folder / "movies.dat", "::")
    genres = [_split_genres(row[2]) for row in rows]
    return _item_table([int(row[0]) for row in rows], [row[1] for row in rows], genres)


def _read_items_csv(folder: Path) -> pl.DataFrame:
    # Read by polars: titles with a comma are quoted here.
    table = pl.read_csv(folder / "movies.csv", infer_schema=False, glob=False)
    rows = table.fill_null("").rows()
    genres = [_split_genres(row[2]) for row in rows]
    return _item_table([int(row[0]) for row in rows], [row[1] for row in rows], genres)


def _read_users_100k(folder: Path) -> pl.DataFrame:
    return _user_table(_read_rows(folder / "u.user", "|"), user=0, age=1, gender=2, work=3)


def _read_users_recbole(folder: Path) -> pl.DataFrame:
    rows = _read_rows(folder / "ml-100k.user", "\t", "utf-8")[1:]
    return _user_table(rows, user=0, age=1, gender=2, work=3)


def _read_users_1m(folder: Path) -> pl.DataFrame:
    rows = _read_rows(folder / "users.dat", "::")
    for row in rows:
        row[3] = OCCUPATIONS[int(row[3])]
    return _user_table(rows, user=0, age=2, gender=1, work=3)


def _scan_ratings_parquet(folder: Path) -> pl.LazyFrame:
    # The copy without times: `position` counts a user's ratings, oldest first.
    frame = pl.scan_parquet(folder / "ratings.parquet", glob=False)
    names = dict(zip(("user_id", "movie_id", "rating", "position"), RATINGS, strict=True))
    return frame.select(pl.col(theirs).alias(ours) for theirs, ours in names.items())


def _add_partial_clock(folder: Path, ratings: pl.LazyFrame) -> pl.LazyFrame:
    """Add CLOCK (ms) for the users whose times lie beside the copy without times, else null."""
    path = folder / PARTIAL_TIMES
    if not path.is_file():
        return ratings.with_columns(pl.lit(None, pl.Int64).alias(Column.CLOCK))
    times = _scan_ratings(path, ":", DAT_FIELDS, header=False)
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
        lambda folder: _scan_ratings(folder / "u.data", "\t", RATINGS, header=False),
        _read_items_100k,
        _read_users_100k,
    ),
    Form(
        ("ml-100k.inter", "ml-100k.item", "ml-100k.user"),
        lambda folder: _scan_ratings(folder / "ml-100k.inter", "\t", RECBOLE_FIELDS, header=True),
        _read_items_recbole,
        _read_users_recbole,
    ),
    Form(
        ("ratings.dat", "movies.dat", "users.dat"),
        lambda folder: _scan_ratings(folder / "ratings.dat", ":", DAT_FIELDS, header=False),
        _read_items_1m,
        _read_users_1m,
    ),
    Form(
        ("ratings.parquet", "movies.dat", "users.dat"),
        _scan_ratings_parquet,
        _read_items_1m,
        _read_users_1m,
        time_unit=1,
        counts=Counts(999_611, 6_040, 3_416),  # films with five ratings or more
        add_clock=_add_partial_clock,
    ),
    Form(
        ("ratings.csv", "movies.csv"),
        lambda folder: _scan_ratings(folder / "ratings.csv", ",", CSV_FIELDS, header=True),
        _read_items_csv,
        lambda _: None,
    ),
)
FORMS: dict[str, Form] = {form.marker: form for form in _FORMS}
"""Every form by its ratings file."""
