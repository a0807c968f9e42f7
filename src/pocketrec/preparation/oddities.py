"""Suspicious things in a log that are no errors: counted by bucket, reported by `advice`."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from ..schema import Column
from .buckets import stable_hash
from .engines import Reduction
from .survey import Survey

MOST_FORMS = 2_000_000
"""Most forms of user ids that are compared; a larger log is sampled."""

Examples = dict[str, tuple[str, str]]
"""Two ids that look alike, by what they identify: "users", "items" or "catalogue"."""

_FORM, _IDS, _ONE, _OTHER, _HALVED = "form", "ids", "one", "other", "halved"


def oddity_reduction(now: float | None) -> Reduction:
    """Count events after `now`, repeated rows, and users whose events have no order.

    Events come sorted by user and time. `now` is in seconds since 1970; None if the log has no
    clock. A row repeats another if user, item and time are equal. A user's events have no order if
    there are several and all have the same time.
    """
    return Reduction(partial(_count, now=now), pl.DataFrame.sum)


def _count(events: pl.DataFrame, now: float | None) -> pl.DataFrame:
    time = pl.col(Column.TIME)
    is_late = pl.lit(value=False) if now is None else time > int(now * 1000)
    users = events.group_by(Column.USER).agg(
        several=pl.len() > 1, still=(pl.len() > 1) & (time.min() == time.max())
    )
    moment = pl.struct(Column.USER, Column.TIME)
    # Events are sorted by time, so equal rows have a neighbour of the same user and time.
    together = (moment == moment.shift(1)) | (moment == moment.shift(-1))
    same = events.filter(together.fill_null(value=False)).select(
        Column.USER, Column.TIME, Column.ITEM
    )
    of_events = events.select(
        late_events=is_late.sum(), repeated_rows=pl.lit(same.height - same.n_unique())
    )
    of_users = users.select(
        users_of_several=pl.col("several").sum(), users_of_one_moment=pl.col("still").sum()
    )
    return pl.concat([of_events, of_users], how="horizontal").cast(pl.Int64)


def id_form_reduction(most: int = MOST_FORMS) -> Reduction:
    """Collect the forms of user ids; more than `most` are sampled, alike on every engine."""
    return Reduction(partial(_forms_of_users, most=most), partial(_merge_forms, most=most))


def summarize_oddities(
    counts: pl.DataFrame, users: pl.DataFrame, read: Survey
) -> tuple[dict[str, int], Examples]:
    """Put the results of both reductions into counts by name, with examples of ids that look alike.

    `users` are the forms of user ids. The examples are real ids of the log: keep them out of
    bundles.
    """
    by_name = counts.row(0, named=True)
    examples: Examples = {}
    items = _merge_forms(_forms(read.items[Column.ITEM]))
    for what, forms in (("users", users), ("items", items)):
        shared = forms.filter(pl.col(_IDS) > 1).sort(_FORM)
        by_name[f"{what}_alike"] = int(shared[_IDS].sum())
        if shared.height:
            examples[what] = shared[_ONE][0], shared[_OTHER][0]
    return by_name, examples


def _forms_of_users(events: pl.DataFrame, most: int) -> pl.DataFrame:
    return _forms(events[Column.USER], most)


def _forms(ids: pl.Series, most: int = MOST_FORMS) -> pl.DataFrame:
    """Group ids by their form: the number of different ids, and two of them.

    The form of an id ignores case, surrounding and repeated blanks, the Unicode representation,
    and how a number is written: 7, 07 and 7.0 have the same form. Integer ids have no forms.
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
    return _sample(forms.with_columns(pl.lit(0, pl.UInt8).alias(_HALVED)), most)


def _merge_forms(parts: pl.DataFrame, most: int = MOST_FORMS) -> pl.DataFrame:
    """Add up the parts, after sampling all of them as sparsely as the sparsest."""
    parts = _sample(parts, most)
    return _sample(
        parts.group_by(_FORM).agg(
            pl.col(_IDS).sum(), pl.col(_ONE).min(), pl.col(_OTHER).max(), pl.col(_HALVED).first()
        ),
        most,
    )


def _sample(forms: pl.DataFrame, most: int) -> pl.DataFrame:
    """Halve the forms by their hash until at most `most` are left.

    A form keeps all its ids or none. The sample depends on the set of forms, not on their order,
    so every engine gets the same one.
    """
    halved = int(forms[_HALVED].max() or 0)  # type: ignore[arg-type]
    if forms.height <= most and not halved:
        return forms
    hashes = stable_hash(forms[_FORM])
    while True:
        kept = hashes % np.uint64(2**halved) == 0
        if forms[_FORM].filter(pl.Series(kept)).n_unique() <= most:
            break
        halved += 1
    return forms.filter(pl.Series(kept)).with_columns(pl.lit(halved, pl.UInt8).alias(_HALVED))
