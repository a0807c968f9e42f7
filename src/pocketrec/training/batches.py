"""Training batches: windows of histories, packed so that each has about as many labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError
from ..examples.shards import Sequences
from ..schema import PADDING


@dataclass(frozen=True)
class Batch:
    """Histories and, for every event, the event that came next.

    item_id (B, L) int32 and labels (B, L) int64, padded at the end with 0; start_labels (B,)
    int64, one event of each user, to learn what to show to somebody without history.
    """

    item_id: Tensor
    labels: Tensor
    start_labels: Tensor
    label_count: int


class Batches:
    """Cuts the training sequences into batches, the same ones for the same seed and epoch.

    Users with more than L + 1 events give one window of them, placed at random, per epoch, so
    that in time all of a long history is used. Windows of like length go into one batch, filled
    until it has `batch_labels` labels: steps weigh labels equally, and little is padding.

    With `horizon` h > 1 the label of a position is not always the next event but the one s steps
    ahead, s in 1..h drawn anew each epoch with weight 1 / s: where the order of neighbouring
    events is mostly chance, this is the better-posed question (Pancha et al., 2022,
    PinnerFormer, train on random future actions likewise).
    """

    def __init__(
        self,
        sequences: Sequences,
        *,
        max_length: int,
        batch_labels: int,
        seed: int,
        horizon: int = 1,
    ) -> None:
        lengths = np.diff(sequences.offsets)
        self.items = sequences.items
        self.users = np.flatnonzero(lengths >= 2)
        if not len(self.users):
            raise DataError("no user has two training events: there is no next event to learn")
        self.starts = sequences.offsets[:-1][self.users]
        self.lengths = lengths[self.users]
        self.label_counts = np.minimum(self.lengths - 1, max_length)
        self.batch_labels = batch_labels
        self.seed = seed
        steps = np.arange(1, horizon + 1)
        self.step_shares = np.cumsum(1 / steps) / np.sum(1 / steps)

    @property
    def labels_per_epoch(self) -> int:
        """Positions trained in one epoch."""
        return int(self.label_counts.sum())

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Which windows go together in the epoch's batches, in order: indices of `users`."""
        random = np.random.default_rng([self.seed, epoch, 0])
        order = random.permutation(len(self.users))
        # Lengths within an eighth of each other count as alike: mixing against padding.
        alike = np.ceil(np.log2(self.label_counts[order]) * 6)
        order = order[np.argsort(alike, kind="stable")]
        before = np.cumsum(self.label_counts[order]) - self.label_counts[order]
        cuts = np.flatnonzero(np.diff(before // self.batch_labels)) + 1
        batches = np.split(order, cuts)
        return [batches[i] for i in random.permutation(len(batches))]

    def epoch(self, epoch: int, *, skip: int = 0) -> Iterator[Batch]:
        """The epoch's batches, without the first `skip` (those before an interruption)."""
        for number, rows in enumerate(self.plan(epoch)):
            if number >= skip:
                yield self._batch(rows, np.random.default_rng([self.seed, epoch, 1, number]))

    def _batch(self, rows: np.ndarray, random: np.random.Generator) -> Batch:
        counts = self.label_counts[rows]
        spare = self.lengths[rows] - 1 - counts
        begin = self.starts[rows] + random.integers(0, spare + 1)
        column = np.arange(counts.max())
        is_event = column < counts[:, None]  # (B, L)
        place = np.where(is_event, begin[:, None] + column, 0)
        ahead = 1 + np.searchsorted(self.step_shares, random.random(place.shape))
        last = (self.starts[rows] + self.lengths[rows] - 1)[:, None]
        ahead = np.where(place + ahead > last, 1, ahead)
        inputs = np.where(is_event, self.items[place], PADDING)
        labels = np.where(is_event, self.items[place + ahead * is_event], PADDING)
        picked = self.starts[rows] + random.integers(0, self.lengths[rows])
        return Batch(
            item_id=torch.from_numpy(inputs.astype(np.int32)),
            labels=torch.from_numpy(labels.astype(np.int64)),
            start_labels=torch.from_numpy(self.items[picked].astype(np.int64)),
            label_count=int(counts.sum()),
        )
