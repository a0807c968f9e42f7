"""Logs and splits of any kind, and the same in plain Python."""

import polars as pl
from hypothesis import strategies as st

from pocketrec.config.sections import Config

people = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(0, 4))
things = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(0, 5))
moments = st.one_of(
    st.integers(0, 20), st.integers(0, 253_402_300_799_999), st.just(1_700_000_000_000)
)
logs = st.lists(st.tuples(people, things, moments), min_size=1, max_size=25)
fractions = st.floats(0.001, 0.49)
splits = st.one_of(
    st.just({"kind": "leave-one-out"}),
    st.builds(
        lambda valid, test, seed: {
            "kind": "users", "valid_fraction": valid, "test_fraction": test, "seed": seed
        },
        fractions, fractions, st.integers(0, 2**32 - 1),
    ),
    st.builds(
        lambda valid, test: {"kind": "time", "valid_fraction": valid, "test_fraction": test},
        fractions, fractions,
    ),
)  # fmt: skip


def frame_of(rows, text=False):
    dtype = pl.String if text else pl.Int64
    schema = {"user": dtype, "item": dtype, "time": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_row_index("order").with_columns(pl.col("order").cast(pl.UInt64))


def config_of(split=None, features=None, **data):
    document = {"data": {"path": "x"} | data, "split": split or {}, "features": features or {}}
    return Config.parse(document, name="test")


def by_user(rows):
    """The events of each user, by time and then by place in the log."""
    own = {}
    for user, item, time in sorted(rows, key=lambda row: row[2]):
        own.setdefault(user, []).append((item, time))
    return own
