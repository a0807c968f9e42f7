"""What is odd in a log as it came, and is no error: found bucket by bucket, told by `advice`."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from ..schema import Column
from .buckets import stable_hash
from .engines import Reduction
from .survey import Survey

MOST_FORMS = 2_000_000
"""Ids of users that are held against each other; of a larger log it is a sample."""

Examples = dict[str, tuple[str, str]]
"""Two ids that are alike, or should be, by what they are ids of."""

_FORM, _IDS, _ONE, _OTHER, _HALVED = "form", "ids", "one", "other", "halved"


def counting_oddities(now: float | None) -> Reduction:
    """Count, of events in order, those after `now`, repeated rows, and users without an order.

    `now` is in seconds since 1970; None where the log has no clock. Two rows are the same when
    user, item and time are. A user has no order when all of several events are of one moment.
    """
    return Reduction(partial(_count, now=now), pl.DataFrame.sum)


def _count(events: pl.DataFrame, now: float | None) -> pl.DataFrame:
    time = pl.col(Column.TIME)
    late = pl.lit(value=False) if now is None else time > int(now * 1000)
    users = events.group_by(Column.USER).agg(
        several=pl.len() > 1, still=(pl.len() > 1) & (time.min() == time.max())
    )
    moment = pl.struct(Column.USER, Column.TIME)
    # Events are in order: rows that are the same are of one moment, and so neighbours.
    together = (moment == moment.shift(1)) | (moment == moment.shift(-1))
    same = events.filter(together.fill_null(value=False)).select(
        Column.USER, Column.TIME, Column.ITEM
    )
    found = events.select(
        late_events=late.sum(), repeated_rows=pl.lit(same.height - same.n_unique())
    )
    sums = users.select(
        users_of_several=pl.col("several").sum(), users_of_one_moment=pl.col("still").sum()
    )
    return pl.concat([found, sums], how="horizontal").cast(pl.Int64)


def gathering_forms() -> Reduction:
    """The forms of users' ids; of more than MOST_FORMS a sample, the same on every engine."""
    return Reduction(_forms_of_users, _merge_forms)


def find_oddities(
    counts: pl.DataFrame, users: pl.DataFrame, read: Survey
) -> tuple[dict[str, int], Examples]:
    """Of what these reductions found: counts, with those of ids that are alike, and examples.

    The examples are ids of the log.
    """
    found = counts.row(0, named=True)
    examples: Examples = {}
    items = _merge_forms(_forms(read.items[Column.ITEM]))
    for what, forms in (("users", users), ("items", items)):
        shared = forms.filter(pl.col(_IDS) > 1).sort(_FORM)
        found[f"{what}_alike"] = int(shared[_IDS].sum())
        if shared.height:
            examples[what] = shared[_ONE][0], shared[_OTHER][0]
    return found, examples


def _forms_of_users(events: pl.DataFrame) -> pl.DataFrame:
    return _forms(events[Column.USER])


def _forms(ids: pl.Series) -> pl.DataFrame:
    """How often each form stands among different ids, and two ids that have it.

    A form is an id without case, with blanks and Unicode as they look, and numbers as they count:
    7, 07 and 7.0 are one. Integers have no forms.
    """
    plain = ids.unique() if ids.dtype == pl.String else pl.Series(ids.name, [], pl.String)
    form = plain.str.normalize("NFKC").str.replace_all(r"\s+", " ").str.strip_chars()
    form = form.str.to_lowercase().str.replace(r"^(-?)0*(\d+?)(?:\.0)?$", "${1}${2}")
    one = pl.col(_ONE)
    forms = (
        pl.DataFrame({_FORM: form, _ONE: plain})
        .group_by(_FORM)
        .agg(pl.len().cast(pl.Int64).alias(_IDS), one.min(), one.max().alias(_OTHER))
    )
    return _sample(forms.with_columns(pl.lit(0, pl.UInt8).alias(_HALVED)))


def _merge_forms(parts: pl.DataFrame) -> pl.DataFrame:
    """Add up, with all parts sampled as the sparsest is."""
    parts = _sample(parts)
    return _sample(
        parts.group_by(_FORM).agg(
            pl.col(_IDS).sum(), pl.col(_ONE).min(), pl.col(_OTHER).max(), pl.col(_HALVED).first()
        )
    )


def _sample(forms: pl.DataFrame) -> pl.DataFrame:
    """Halve the forms by their hash until MOST_FORMS are left; of a form all ids stay, or none.

    How often depends on all forms and not on the order in which they come.
    """
    halved = int(forms[_HALVED].max() or 0)  # type: ignore[arg-type]
    if forms.height <= MOST_FORMS and not halved:
        return forms
    hashes = stable_hash(forms[_FORM])
    while True:
        kept = hashes % np.uint64(2**halved) == 0
        if forms[_FORM].filter(pl.Series(kept)).n_unique() <= MOST_FORMS:
            break
        halved += 1
    return forms.filter(pl.Series(kept)).with_columns(pl.lit(halved, pl.UInt8).alias(_HALVED))
