"""Events of a bucket of users -> one row a user, in time order."""

from __future__ import annotations

import polars as pl

from ..features.encoding import Feature
from ..ingest.times import dense_ranks
from ..schema import PADDING, Column
from .features import column_of, encode
from .split import ROLE, Role


def rank_times(events: pl.DataFrame) -> pl.DataFrame:
    """Times that are numbers or text, of an order that is no clock, as ranks among the user's own.

    So they do not depend on who is in the bucket.
    """
    return events.with_columns(dense_ranks(pl.col(Column.TIME)).over(Column.USER))


def in_order(events: pl.DataFrame) -> pl.DataFrame:
    """Sort by user, time and place in the input: the order that everything later relies on.

    The place has then done its work, and is dropped.
    """
    # Three stable sorts of one column each, the first of which mostly finds its work done, take
    # two thirds of the time of one by three columns.
    for column in (Column.ORDER, Column.TIME, Column.USER):
        events = events.sort(column, maintain_order=True)
    return events.drop(Column.ORDER)


def user_sequences(
    events: pl.DataFrame, vocabulary: pl.DataFrame, features: list[Feature] | None = None
) -> pl.DataFrame:
    """Gather events (with a role each, in order) into one row a user, sorted by user.

    Columns: user; item, List(Int32) of vocabulary indices; time, List(Int64); train_length, the
    number of leading events that training may see; valid_position and test_position, where the
    targets stand (null: none). A target whose item is not in the vocabulary is kept as 0; other
    events without a known item are dropped, as they would be on the device. Columns of features:
    List(Int32), the rows of all events one after the other, M each; of a user's features M.
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
