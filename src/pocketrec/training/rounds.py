"""Epochs over prepared data of any size, in rounds of as many shards as fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Seq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..config.sections import Config
from ..errors import DataError
from ..features.encoding import Feature
from ..preparation.data import PreparedData
from .batches import Batch, Batches, Epoch
from .distributed import ALONE, Workers


@dataclass(frozen=True)
class _Round:
    """Some shards, and the steps of the epoch that they make up."""

    number: int
    shards: list[str]
    first_step: int
    steps: int
    labels: int


class Rounds:
    """The batches of an epoch, with only one round of shards in memory at a time.

    If all shards together have at most `training.round_events` training events, there is one round,
    which is read once. Otherwise each epoch shuffles the shards, and each round takes as many as
    fit, but at least one. Users are spread over shards by a hash, so a round is a random part of
    all users, and its batches are as mixed as those of the whole log. A worker reads every
    `size`-th shard of a round; the plan of the batches does not depend on the workers.
    """

    def __init__(
        self,
        data: PreparedData,
        config: Config,
        features: Seq[Feature] = (),
        workers: Workers = ALONE,
    ) -> None:
        self.data, self.config, self.features, self.workers = data, config, tuple(features), workers
        sizes = [data.lengths(shard) for shard in data.shards]
        self.events = {s: int(n.sum()) for s, n in zip(data.shards, sizes, strict=True)}
        self.labels = {s: _labels(n) for s, n in zip(data.shards, sizes, strict=True)}
        self._loaded: tuple[list[str], Batches] | None = None
        if not self.labels_per_epoch:
            raise DataError("no user has two training events: there is no next event to learn")

    @property
    def labels_per_epoch(self) -> int:
        """Positions trained in one epoch."""
        return sum(self.labels.values())

    def counts(self, item_count: int) -> NDArray[np.int64]:
        """Training events of items 1..V -> (V,)."""
        return self.data.item_counts

    def shards_of_rounds(self, epoch: int) -> list[list[str]]:
        """The shards of each round of an epoch, in order."""
        most = self.config.training.round_events
        if sum(self.events.values()) <= most:
            return [self.data.shards]
        random = np.random.default_rng([self.config.training.seed, epoch, 4])
        rounds: list[list[str]] = [[]]
        events = 0
        for place in random.permutation(len(self.data.shards)):
            shard = self.data.shards[place]
            if rounds[-1] and events + self.events[shard] > most:
                rounds.append([])
                events = 0
            rounds[-1].append(shard)
            events += self.events[shard]
        return rounds

    def epoch(self, epoch: int) -> Epoch | RoundsEpoch:
        """The epoch's batches, planned but not yet made."""
        rounds: list[_Round] = []
        shards_of_rounds = self.shards_of_rounds(epoch)
        if len(shards_of_rounds) == 1:
            return self.batches(shards_of_rounds[0]).epoch(epoch)
        step = 0
        for number, shards in enumerate(shards_of_rounds):
            labels = sum(self.labels[shard] for shard in shards)
            if labels:
                steps = len(self._plan_only(shards).plan(epoch, number))
                rounds.append(_Round(number, shards, step, steps, labels))
                step += steps
        return RoundsEpoch(self, epoch, rounds)

    def batches(self, shards: list[str]) -> Batches:
        """The batches of some shards; reads their events, and drops those of the round before."""
        if self._loaded is None or self._loaded[0] != shards:
            self._loaded = None  # free the old round before reading, so that memory holds one
            to_read = shards[self.workers.rank :: self.workers.size]
            self._loaded = shards, self._make(shards, to_read)
        return self._loaded[1]

    def _plan_only(self, shards: list[str]) -> Batches:
        """Batches that hold no events: enough to plan with."""
        return self._make(shards, [])

    def _make(self, shards: list[str], to_read: list[str]) -> Batches:
        """Batches of all `shards`, with the events of those in `to_read`."""
        lengths = [self.data.lengths(shard) for shard in shards]
        held = [np.full(len(n), s in to_read) for n, s in zip(lengths, shards, strict=True)]
        training = self.config.training
        return Batches(
            self.data.training(self.features, to_read),
            max_length=self.config.model.value("max_length"),
            batch_labels=training.batch_labels,
            seed=training.seed,
            features=self.features,
            feature_dropout=self.config.features.dropout,
            lengths=np.concatenate(lengths),
            held=np.concatenate(held),
        )


@dataclass(frozen=True)
class RoundsEpoch:
    """The batches of an epoch of several rounds; each round is read when it is needed."""

    source: Rounds
    number: int
    rounds: list[_Round]

    def __len__(self) -> int:
        return sum(part.steps for part in self.rounds)

    def labels_before(self, step: int) -> int:
        """Labels of the batches before this one."""
        total = 0
        for part in self.rounds:
            if step >= part.first_step + part.steps:
                total += part.labels
            elif step > part.first_step:
                total += self._epoch(part).labels_before(step - part.first_step)
        return total

    def after(self, step: int) -> Iterator[Batch]:
        """The batches from `step` on."""
        for part in self.rounds:
            if step < part.first_step + part.steps:
                yield from self._epoch(part).after(max(0, step - part.first_step))

    def _epoch(self, part: _Round) -> Epoch:
        batches = self.source.batches(part.shards)
        return batches.epoch(self.number, part.number, part.first_step)


def _labels(lengths: NDArray[np.int64]) -> int:
    return int(np.maximum(lengths - 1, 0).sum())
