"""Turn the events of a bucket into one row per user, in time order."""

from __future__ import annotations

import polars as pl

from ..features.encoding import Feature
from ..ingest.times import dense_ranks
from ..schema import PADDING, Column
from .features import column_of, encode
from .split import ROLE, Role


def rank_times(events: pl.DataFrame) -> pl.DataFrame:
    """Replace times that are no clock (fractions or text) by their ranks within the user.

    Ranks within the user do not depend on who else is in the bucket.
    """
    return events.with_columns(dense_ranks(pl.col(Column.TIME)).over(Column.USER))


def sort_events(events: pl.DataFrame) -> pl.DataFrame:
    """Sort by user, time and position in the input, and drop the position.

    Every later step relies on this order.
    """
    # Three stable sorts by one column each take two thirds of the time of one sort by three
    # columns; the first mostly finds its column sorted already.
    for column in (Column.ORDER, Column.TIME, Column.USER):
        events = events.sort(column, maintain_order=True)
    return events.drop(Column.ORDER)


def gather_sequences(
    events: pl.DataFrame, vocabulary: pl.DataFrame, features: list[Feature] | None = None
) -> pl.DataFrame:
    """Gather sorted events with roles into one row per user, sorted by user.

    Columns: user; item, List(Int32) of vocabulary indices; time, List(Int64); train_length, the
    number of leading events that training may see; valid_position and test_position, the positions
    of the targets (null: none). A target whose item is not in the vocabulary is kept as 0; other
    events of unknown items are dropped, as they are on the device. Columns of features are
    List(Int32): M rows for each event, one event after another, or M rows for the user.
    """
    features = features or []
    index = vocabulary.select(Column.ITEM, Column.INDEX)
    known = (
        events.join(index, on=Column.ITEM, how="left", maintain_order="left")
        .with_columns(pl.col(Column.INDEX).fill_null(PADDING))
        .filter((pl.col(Column.INDEX) != PADDING) | pl.col(ROLE).is_in([Role.VALID, Role.TEST]))
    )
    known = known.with_columns(encode(features, known.schema))
    rows = [
        pl.col(column_of(f)).explode() if f.of == "event" else pl.col(column_of(f)).first()
        for f in features
    ]
    role = pl.col(ROLE)
    return (
        known.group_by(Column.USER, maintain_order=True)
        .agg(
            pl.col(Column.INDEX).alias(Column.ITEM),
            pl.col(Column.TIME),
            (role == Role.TRAIN).sum().cast(pl.Int32).alias(Column.TRAIN_LENGTH),
            _position(role == Role.VALID).alias(Column.VALID_POSITION),
            _position(role == Role.TEST).alias(Column.TEST_POSITION),
            *rows,
        )
        .sort(Column.USER)
    )


def _position(condition: pl.Expr) -> pl.Expr:
    return condition.arg_true().first().cast(pl.Int32)
