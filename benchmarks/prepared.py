"""Prepared data of any size without a log: random events, with a few very popular items.

For benchmarks of speed and memory only: there is nothing to learn from these events.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from pocketrec.config.sections import Config
from pocketrec.preparation.manifest import KIND, Counts, PreparedManifest, Size
from pocketrec.schema import Column, File
from pocketrec.storage.draft import new_folder

LEAST = 5
"""Events of a user with the fewest."""


def write_prepared(
    folder: Path, config: Config, *, users: int, items: int, mean: int, seed: int = 1
) -> int:
    """Write a folder as `pocketrec prepare` does, a shard at a time; gives the training events.

    Users have `mean` events on average, with geometrically distributed lengths.
    """
    random = np.random.default_rng(seed)
    shards = config.data.buckets
    counts = np.zeros(items + 1, np.int64)
    with new_folder(folder, KIND) as draft:
        (draft.path / File.SHARDS).mkdir()
        for shard in range(shards):
            size = users // shards + (shard < users % shards)
            lengths = LEAST + random.geometric(1 / (mean - LEAST), size)
            events = np.minimum(items * random.random(lengths.sum()) ** 3, items - 1).astype("i4")
            owner = np.repeat(np.arange(size), lengths - 2)
            place = np.arange(len(owner)) - np.repeat(
                np.cumsum(lengths - 2) - lengths + 2, lengths - 2
            )
            starts = np.cumsum(lengths) - lengths
            counts += np.bincount(events[starts[owner] + place] + 1, minlength=items + 1)
            offsets = pl.Series(np.repeat(np.arange(size), lengths))
            frame = (
                pl.DataFrame({Column.USER: offsets, Column.ITEM: events + 1})
                .group_by(Column.USER, maintain_order=True)
                .agg(pl.col(Column.ITEM))
            )
            train = pl.Series(Column.TRAIN_LENGTH, lengths - 2, pl.Int32)
            frame = frame.with_columns(
                train,
                train.alias(Column.VALID_POSITION),
                (train + 1).alias(Column.TEST_POSITION),
            )
            frame.write_parquet(draft.path / File.SHARDS / f"part-{shard:05d}.parquet")
        table = pl.DataFrame(
            {
                Column.INDEX: pl.Series(range(1, items + 1), dtype=pl.Int32),
                Column.ITEM: pl.Series(range(1, items + 1), dtype=pl.Int64),
                Column.COUNT: counts[1:],
            }
        ).with_columns(pl.lit(None, pl.String).alias(Column.TITLE))
        table.write_parquet(draft.path / File.ITEMS_TABLE)
        size = Size(events=int(counts.sum()) + 2 * users, users=users, items=items)
        draft.manifest |= PreparedManifest(
            source={},
            config=config.model_dump(mode="json", exclude_unset=True),
            features=[],
            counts=Counts(
                rows=size.events,
                read=size,
                kept=size,
                items=items,
                training_events=int(counts.sum()),
                cuts=None,
                largest_user=0,
                dropped={},
                oddities={},
                catalogue=None,
                warnings=[],
                disclosed={},
            ),
        ).content()
    return int(counts.sum())
