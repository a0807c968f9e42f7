"""Logs of a few rows, and configs for them."""

import numpy as np
import polars as pl

from pocketrec.config.sections import Config

NO_FILTER = {"min_user_events": 1, "min_item_events": 1, "min_item_users": 1}


def make_config(split=None, **data):
    document = {"data": {"path": "events.csv", **data}, "split": split or {}}
    return Config.parse(document, name="test.toml")


def make_events(rows, user_type=pl.Int64, item_type=pl.Int64):
    """A log of (user, item, time[, rating]); its order is the order of the input."""
    rows = [(*row, 5.0)[:4] for row in rows]
    schema = {"user": user_type, "item": item_type, "time": pl.Int64, "rating": pl.Float32}
    return pl.LazyFrame(rows, schema=schema, orient="row").with_columns(
        pl.int_range(pl.len(), dtype=pl.UInt64).alias("order")
    )


def some_rows(count=600, users=40, items=25, seed=7, last=10_000):
    random = np.random.default_rng(seed)
    return [
        (int(u), int(i), int(t), float(r))
        for u, i, t, r in zip(
            random.integers(0, users, count),
            random.integers(0, items, count),
            random.integers(0, last, count),
            random.integers(1, 6, count),
            strict=True,
        )
    ]
