"""What is odd in a log as it came, and is no error: found bucket by bucket, told by `advice`."""

from __future__ import annotations

import numpy as np
import polars as pl

from ..schema import Column
from .buckets import stable_hash
from .engines import Buckets
from .survey import Survey

MOST_FORMS = 2_000_000
"""Ids of users that are held against each other; of a larger log it is a sample."""

Examples = dict[str, tuple[str, str]]
"""Two ids that are alike, or should be, by what they are ids of."""

_FORM, _IDS, _ONE, _OTHER = "form", "ids", "one", "other"


def find_oddities(
    buckets: Buckets, read: Survey, now: float | None
) -> tuple[dict[str, int], Examples]:
    """Count events after `now`, repeated rows, users without an order, and ids that are alike.

    Gives examples of the latter, too, which are ids of the log. `now` is in seconds since 1970;
    None where the log has no clock. Two rows are the same when user, item and time are. A user has
    no order when all of several events are of one moment.
    """
    late = pl.lit(value=False) if now is None else pl.col(Column.TIME) > int(now * 1000)
    row = pl.col(Column.USER).hash(1) ^ pl.col(Column.ITEM).hash(2) ^ pl.col(Column.TIME).hash(3)

    def count(events: pl.DataFrame) -> pl.DataFrame:
        time = pl.col(Column.TIME)
        users = events.group_by(Column.USER).agg(
            several=pl.len() > 1, still=(pl.len() > 1) & (time.min() == time.max())
        )
        found = events.select(late_events=late.sum(), repeated_rows=pl.len() - row.n_unique())
        sums = users.select(
            users_of_several=pl.col("several").sum(), users_of_one_moment=pl.col("still").sum()
        )
        return pl.concat([found, sums], how="horizontal").cast(pl.Int64)

    counts = buckets.combine(count, lambda parts: parts.sum()).row(0, named=True)
    sample = -(-read.users // MOST_FORMS)
    users = buckets.combine(lambda part: _forms(part[Column.USER], sample), _merge_forms)
    examples: Examples = {}
    for what, forms in (("users", users), ("items", _forms(read.items[Column.ITEM], 1))):
        shared = forms.filter(pl.col(_IDS) > 1).sort(_FORM)
        counts[f"{what}_alike"] = int(shared[_IDS].sum())
        if shared.height:
            examples[what] = shared[_ONE][0], shared[_OTHER][0]
    return counts, examples


def _forms(ids: pl.Series, sample: int) -> pl.DataFrame:
    """How often each form stands among different ids, and two ids that have it.

    A form is an id without case, with blanks and Unicode as they look, and numbers as they count:
    7, 07 and 7.0 are one. Of a sample all ids of a form are in it, or none. Integers have no forms.
    """
    plain = ids.unique() if ids.dtype == pl.String else pl.Series(ids.name, [], pl.String)
    form = plain.str.normalize("NFKC").str.replace_all(r"\s+", " ").str.strip_chars()
    form = form.str.to_lowercase().str.replace(r"^(-?)0*(\d+?)(?:\.0)?$", "${1}${2}")
    frame = pl.DataFrame({_FORM: form, _ONE: plain})
    if sample > 1:
        frame = frame.filter(pl.Series(stable_hash(frame[_FORM]) % np.uint64(sample) == 0))
    one = pl.col(_ONE)
    return frame.group_by(_FORM).agg(
        pl.len().cast(pl.Int64).alias(_IDS), one.min(), one.max().alias(_OTHER)
    )


def _merge_forms(parts: pl.DataFrame) -> pl.DataFrame:
    return parts.group_by(_FORM).agg(pl.col(_IDS).sum(), pl.col(_ONE).min(), pl.col(_OTHER).max())
