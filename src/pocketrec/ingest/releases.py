"""What GroupLens published: names, checksums, counts and terms of the MovieLens releases."""

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
SAME_TERMS: Final = (
    "GroupLens, University of Minnesota: research use with citation; redistribution under the "
    "same terms; no commercial use without permission (README of the data set)"
)


@dataclass(frozen=True)
class Counts:
    """Events, users with events, and items with events."""

    rows: int
    users: int
    items: int

    def __str__(self) -> str:
        """The counts as a phrase."""
        return f"{self.rows} ratings, {self.users} users and {self.items} items"


@dataclass(frozen=True)
class Release:
    """A published zip: its name, how it is recognised, and what is in it."""

    name: str
    checksum: str | None  # "algorithm:hex digest"; None: the sum is published beside the zip
    counts: Counts
    licence: str

    @property
    def file(self) -> str:
        """Name of the zip."""
        return f"{self.name}.zip"


# Rows and users stand in each release's README. So do the items of 100K; for the others the
# READMEs count the titles in movies.csv or movies.dat (3883, 9742, 62423, 87585), of which some
# have no rating: the numbers of rated ones here are those that the literature reports.
# md5: GroupLens's own <zip>.md5 files. sha256 of 100K: of the zip with that md5 (0e33842e...).
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
        # A development set that GroupLens may renew; these are the counts of September 2018.
        "ml-latest-small",
        None,
        Counts(100_836, 610, 9_724),
        SAME_TERMS,
    ),
    "movielens/20m": Release(
        "ml-20m",
        "md5:cd245b17a1ae2cc31bb14903e1204af3",
        Counts(20_000_263, 138_493, 26_744),
        SAME_TERMS,
    ),
    "movielens/25m": Release(
        "ml-25m",
        "md5:6b51fb2759a8657d3bfcbfc42b592ada",
        Counts(25_000_095, 162_541, 59_047),
        SAME_TERMS,
    ),
    "movielens/32m": Release(
        "ml-32m",
        "md5:d472be332d4daa821edc399621853b57",
        Counts(32_000_204, 200_948, 84_432),
        SAME_TERMS,
    ),
}
