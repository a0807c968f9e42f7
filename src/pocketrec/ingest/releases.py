"""The MovieLens releases of GroupLens: names, checksums, counts and terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..config.data import SourceName

BASE_URL: Final = "https://files.grouplens.org/datasets/movielens/"

CITATION: Final = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM Transactions on Interactive Intelligent Systems (TiiS) 5, 4, Article 19. "
    "https://doi.org/10.1145/2827872"
)
NO_REDISTRIBUTION: Final = (
    "GroupLens, University of Minnesota: research use with citation; no redistribution and no "
    "commercial use without permission (README of the data set)"
)
REDISTRIBUTION: Final = (
    "GroupLens, University of Minnesota: research use with citation; redistribution under the "
    "same terms; no commercial use without permission (README of the data set)"
)


@dataclass(frozen=True)
class Counts:
    """Numbers of ratings, of users with a rating, and of items with a rating."""

    rows: int
    users: int
    items: int

    def __str__(self) -> str:
        """The counts as errors show them."""
        return f"{self.rows} ratings, {self.users} users and {self.items} items"


@dataclass(frozen=True)
class Release:
    """A published zip: its name, checksum, content and terms."""

    name: str
    checksum: str | None
    """As "algorithm:hex digest"; None where it is read from the .md5 file beside the zip."""
    counts: Counts
    licence: str

    @property
    def file(self) -> str:
        """File name of the zip."""
        return f"{self.name}.zip"


# Rows and users are from each release's README, and so are the items of 100K. The other READMEs
# count the titles in movies.csv or movies.dat (3883, 9742, 62423, 87585), some of which have no
# rating; the rated ones, counted here, are as published papers report them.
# The md5 sums are from GroupLens's <zip>.md5 files. The sha256 of 100K is that of the zip whose
# md5 GroupLens publishes (0e33842e...).
RELEASES: Final[dict[SourceName, Release]] = {
    "movielens/100k": Release(
        "ml-100k",
        "sha256:50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
        Counts(100_000, 943, 1_682),
        NO_REDISTRIBUTION,
    ),
    "movielens/1m": Release(
        "ml-1m",
        "sha256:a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
        Counts(1_000_209, 6_040, 3_706),
        NO_REDISTRIBUTION,
    ),
    "movielens/latest-small": Release(
        # GroupLens may renew this development set; these are the counts of September 2018.
        "ml-latest-small",
        None,
        Counts(100_836, 610, 9_724),
        REDISTRIBUTION,
    ),
    "movielens/20m": Release(
        "ml-20m",
        "md5:cd245b17a1ae2cc31bb14903e1204af3",
        Counts(20_000_263, 138_493, 26_744),
        REDISTRIBUTION,
    ),
    "movielens/25m": Release(
        "ml-25m",
        "md5:6b51fb2759a8657d3bfcbfc42b592ada",
        Counts(25_000_095, 162_541, 59_047),
        REDISTRIBUTION,
    ),
    "movielens/32m": Release(
        "ml-32m",
        "md5:d472be332d4daa821edc399621853b57",
        Counts(32_000_204, 200_948, 84_432),
        REDISTRIBUTION,
    ),
}
