"""Prepared data: the folder that `pocketrec prepare` wrote, and what is read from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ..config.features import FeaturesConfig
from ..config.sections import Config
from ..errors import ArtifactError, ConfigError, DataError
from ..features.encoding import MISSING, Feature
from ..schema import PADDING, Column, FeatureRows, File, IntArray
from ..storage.artifact import fingerprint
from .features import column_of
from .manifest import PreparedManifest
from .targets import Targets, join_targets
from .training_sequences import Sequences


class Part(NamedTuple):
    """Part `number`, counted from 0, `of` this many parts of about equal size."""

    number: int = 0
    of: int = 1


WHOLE = Part()


@dataclass(frozen=True)
class PreparedData:
    """A folder that `pocketrec prepare` wrote."""

    folder: Path
    manifest: PreparedManifest
    config: Config
    catalogue: pl.DataFrame
    features: list[Feature]

    @classmethod
    def open(cls, folder: Path, *, part: Part = WHOLE) -> PreparedData:
        """Check the manifest and every file's hash, and read the item table.

        If several processes open it together, each checks one `part` of the shards.
        """

        def choose(names: list[str]) -> list[str]:
            shards = _shards_of(names)
            others = set(shards) - set(shards[part.number :: part.of])
            return [name for name in names if name not in others]

        return cls.of(folder, PreparedManifest.read(folder, choose=choose))

    @classmethod
    def of(cls, folder: Path, manifest: PreparedManifest) -> PreparedData:
        """Read the item table of a folder whose files are known to be those of its manifest."""
        config = Config.parse(manifest.config, name=f"{folder}/{File.MANIFEST}")
        try:
            features = [Feature.from_json(entry) for entry in manifest.features]
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(
                f"'{folder}' is of another version of pocketrec ({error!r}): prepare it again"
            ) from None
        catalogue = pl.read_parquet(folder / File.ITEMS_TABLE, glob=False)
        return cls(folder, manifest, config, catalogue, features)

    @property
    def fingerprint(self) -> str:
        """Hash of the prepared files; the same content in other buckets has another hash."""
        return fingerprint(self.manifest.files)

    @property
    def split_fingerprint(self) -> str:
        """Hash of all users' events in order, and of which are for training and which are targets.

        It does not depend on the log's file format, the buckets, the versions of libraries, or the
        features: figures on equal splits can be compared.
        """
        names = (Column.TRAIN_LENGTH, Column.VALID_POSITION, Column.TEST_POSITION)
        frame = self._read(self.shards, Column.USER, Column.ITEM, *names)
        frame = frame.cast({Column.USER: pl.String}).sort(Column.USER)
        digest = hashlib.sha256()
        for ids in (self.catalogue[Column.ITEM], frame[Column.USER]):
            digest.update(json.dumps([str(id_) for id_ in ids]).encode())
        numbers = [frame[name].fill_null(-1) for name in names]
        numbers += [frame[Column.ITEM].list.len(), frame[Column.ITEM].explode().drop_nulls()]
        for column in numbers:
            digest.update(column.to_numpy().astype("<i8").tobytes())
        return digest.hexdigest()[:32]

    @property
    def item_count(self) -> int:
        """V, without padding."""
        return self.catalogue.height

    @property
    def item_counts(self) -> npt.NDArray[np.int64]:
        """Training events of items 1..V, (V,)."""
        return self.catalogue[Column.COUNT].to_numpy()

    def features_of(self, config: FeaturesConfig) -> list[Feature]:
        """Select the prepared inputs that a config names.

        Raises ConfigError for an input that was not prepared, or was prepared as another kind.
        """
        prepared = self.config.features
        for of in ("event", "time", "user"):
            asked, has = getattr(config, of), getattr(prepared, of)
            for name in asked:
                if name not in has or (of != "time" and asked[name] != has[name]):
                    raise ConfigError(
                        f"features.{of}: '{name}' was not prepared, or as another kind: "
                        f"prepare '{self.folder}' again"
                    )
        of_events = {*config.event, *config.time}
        return [
            f for f in self.features if f.name in (of_events if f.of == "event" else config.user)
        ]

    @property
    def shards(self) -> list[str]:
        """Names of the shards, in order; each holds whole histories of some users."""
        return _shards_of(self.manifest.files)

    def lengths(self, shard: str) -> npt.NDArray[np.int64]:
        """Training events of each user of a shard, (U,), by reading one small column."""
        lengths = self._read([shard], Column.TRAIN_LENGTH)[Column.TRAIN_LENGTH]
        return lengths.to_numpy().astype(np.int64)

    def training(
        self, features: Sequence[Feature] = (), shards: Sequence[str] | None = None
    ) -> Sequences:
        """Read the events of each user that training may see, from some shards or from all.

        Holds the result and one shard in memory.
        """
        names = self.shards if shards is None else shards
        parts = [self._training(name, features) for name in names]
        lengths = np.concatenate([np.zeros(1, np.int64), *(np.diff(p.offsets) for p in parts)])
        rows = {
            f.input: np.concatenate(
                [np.empty((0, f.slots), np.int32), *(p.features[f.input] for p in parts)]
            )
            for f in features
        }
        items = np.concatenate([np.empty(0, np.int32), *(p.items for p in parts)])
        return Sequences(items, np.cumsum(lengths), rows)

    def _training(self, shard: str, features: Sequence[Feature]) -> Sequences:
        columns = {feature.input: column_of(feature) for feature in features}
        frame = self._read([shard], Column.ITEM, Column.TRAIN_LENGTH, *columns.values())
        length = pl.col(Column.TRAIN_LENGTH).cast(pl.Int64)
        frame = frame.with_columns(
            pl.col(Column.ITEM).list.head(length),
            *(
                pl.col(column_of(f)).list.head(length * f.slots)
                for f in features
                if f.of == "event"
            ),
        )
        lengths = frame[Column.ITEM].list.len().to_numpy().astype(np.int64)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        rows = {f.input: _flat(frame[columns[f.input]]).reshape(-1, f.slots) for f in features}
        return Sequences(_flat(frame[Column.ITEM]), offsets, rows)

    def targets(
        self,
        part: str,
        limit: int | None = None,
        *,
        features: Sequence[Feature] = (),
        now: bool = True,
        of: Part = WHOLE,
    ) -> Targets:
        """Read whole histories, features and targets of "valid" or "test", one per user.

        A target that is not in the catalogue is 0: nothing can rank it, so it counts as a miss.
        `limit` picks users at equal distances, the same ones in every run. Without `now`, the time
        from the newest event to the target is missing. `of` selects one part of the users. Reads
        one shard at a time.
        """
        column = {"valid": Column.VALID_POSITION, "test": Column.TEST_POSITION}.get(part)
        if column is None:
            raise DataError(f"there is no part '{part}' of the split: use valid or test")
        sizes = [self._read([name], column)[column].drop_nulls().len() for name in self.shards]
        users = np.arange(sum(sizes))
        if limit is not None and len(users) > limit:
            users = np.linspace(0, len(users) - 1, limit).round().astype(np.int64)
        users = np.array_split(users, of.of)[of.number]
        # Start with a part without users, in case no shard has any: joining needs at least one.
        parts, before = [_targets(pl.DataFrame(), features, now=now)], 0
        for name, size in zip(self.shards, sizes, strict=True):
            rows = users[(users >= before) & (users < before + size)] - before
            if len(rows):
                columns = [column_of(feature) for feature in features]
                frame = self._read([name], Column.ITEM, column, *columns).drop_nulls(column)[rows]
                parts.append(_targets(frame, features, now=now))
            before += size
        return join_targets(parts)

    def _read(self, shards: Sequence[str], *columns: str) -> pl.DataFrame:
        # Read only files in the manifest: others in the folder were never checked.
        files = [self.folder / name for name in shards]
        return pl.scan_parquet(files, glob=False).select(columns).collect()


def _shards_of(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(f"{File.SHARDS}/"))


def _targets(frame: pl.DataFrame, features: Sequence[Feature], *, now: bool) -> Targets:
    """Targets from columns of items, of the target's position, and of each feature."""
    histories: list[IntArray] = []
    targets: list[int] = []
    rows_by_user: list[FeatureRows] = []
    for items, position, *rows in frame.iter_rows():
        events = np.asarray(items, np.int32)
        before = events[:position]
        known = before != PADDING
        histories.append(before[known])
        targets.append(int(events[position]))
        of_user: dict[str, IntArray] = {}
        for feature, flat in zip(features, rows, strict=True):
            values: IntArray = np.asarray(flat, np.int32).reshape(-1, feature.slots)
            if feature.of == "user":
                of_user[feature.input] = values[0]
                continue
            of_user[feature.input] = values[:position][known]
            if feature.time == "now" and not now:
                of_user[feature.input][-1:] = MISSING
        rows_by_user.append(of_user)
    return Targets(histories, np.asarray(targets, np.int32), rows_by_user if features else None)


def _flat(lists: pl.Series) -> IntArray:
    """All values of a column of lists, one list after another."""
    return lists.explode(empty_as_null=False).drop_nulls().to_numpy().astype(np.int32)
