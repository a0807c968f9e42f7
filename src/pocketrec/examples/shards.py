"""Prepared data, opened: the item table, and the sequences as flat arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..artifact import fingerprint, open_manifest
from ..config import Config
from ..errors import DataError
from ..schema import PADDING, Column, File, IntArray
from ..toml import parse_config

KIND = "prepared"


@dataclass(frozen=True)
class Sequences:
    """The TRAINING events of all users, one after the other, oldest first.

    `items` (E,) int32 are item indices; user u owns items[offsets[u]:offsets[u + 1]], with
    `offsets` (U + 1,) int64 from 0 to E. Index 0, an item out of the catalogue, counts nothing.
    """

    items: IntArray
    offsets: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        offsets = self.offsets
        whole = len(offsets) > 0 and offsets[0] == 0 and offsets[-1] == len(self.items)
        if not whole or (np.diff(offsets) < 0).any():
            raise DataError(
                f"offsets of sequences must rise from 0 to the number of events, {len(self.items)}"
            )

    def counts(self, item_count: int) -> npt.NDArray[np.int64]:
        """Training events of items 1..V -> (V,)."""
        if len(self.items) and (self.items.min() < 0 or self.items.max() > item_count):
            raise DataError(
                f"sequences hold item indices {self.items.min()} to {self.items.max()}, "
                f"but the catalogue has 1 to {item_count}"
            )
        return np.bincount(self.items, minlength=item_count + 1)[1:]


@dataclass(frozen=True)
class PreparedData:
    """A folder that `pocketrec prepare` wrote."""

    folder: Path
    manifest: dict[str, Any]
    config: Config
    catalogue: pl.DataFrame

    @classmethod
    def open(cls, folder: Path) -> PreparedData:
        """Check the manifest and every file's hash, and read the item table."""
        manifest = open_manifest(folder, KIND)
        config = parse_config(manifest["config"], name=f"{folder}/{File.MANIFEST}")
        return cls(folder, manifest, config, pl.read_parquet(folder / File.ITEMS_TABLE, glob=False))

    @property
    def fingerprint(self) -> str:
        """Hash of the prepared files: the same content in other buckets has another one."""
        return fingerprint(self.manifest["files"])

    @property
    def item_count(self) -> int:
        """V, padding not counted."""
        return self.catalogue.height

    @property
    def item_counts(self) -> npt.NDArray[np.int64]:
        """Training events of items 1..V, (V,)."""
        return self.catalogue[Column.COUNT].to_numpy()

    def training(self) -> Sequences:
        """The part of each user's events that training may see."""
        frame = self._shards(Column.ITEM, Column.TRAIN_LENGTH)
        trained = frame.select(pl.col(Column.ITEM).list.head(pl.col(Column.TRAIN_LENGTH)))
        lists = trained[Column.ITEM]
        lengths = lists.list.len().to_numpy().astype(np.int64)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        items = lists.explode(empty_as_null=False).drop_nulls().to_numpy().astype(np.int32)
        return Sequences(items, offsets)

    def targets(self, part: str, limit: int | None = None) -> tuple[list[IntArray], IntArray]:
        """Histories (oldest first, whole) and targets of "valid" or "test", one a user.

        A target that is not in the catalogue is 0: nothing can rank it, so it counts as a miss.
        With `limit`, users are taken at equal distances, the same ones each time.
        """
        column = {"valid": Column.VALID_POSITION, "test": Column.TEST_POSITION}.get(part)
        if column is None:
            raise DataError(f"there is no part '{part}': valid or test")
        frame = self._shards(Column.ITEM, column).drop_nulls(column)
        if limit is not None and frame.height > limit:
            rows = np.linspace(0, frame.height - 1, limit).round().astype(np.int64)
            frame = frame[rows]
        histories, targets = [], []
        for items, position in frame.iter_rows():
            events = np.asarray(items, np.int32)
            before = events[:position]
            histories.append(before[before != PADDING])
            targets.append(int(events[position]))
        return histories, np.asarray(targets, np.int32)

    def _shards(self, *columns: str) -> pl.DataFrame:
        # Those of the manifest: what else may lie in the folder was never checked.
        names = sorted(n for n in self.manifest["files"] if n.startswith(f"{File.SHARDS}/"))
        files = [self.folder / name for name in names]
        return pl.scan_parquet(files, glob=False).select(columns).collect()
