"""Training batches: windows of histories, packed so that all batches have about as many labels."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Seq
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import DataError
from ..features.encoding import MISSING, Feature
from ..preparation.training_sequences import Sequences
from ..schema import PADDING


@dataclass(frozen=True)
class Batch:
    """Histories and, for every event, the event that came next.

    item_id (B, L) int32 and labels (B, L) int64 are padded at the end with 0. start_labels (B,)
    int64 hold one event of each window; from them the model learns what to show to users without a
    history. `rows` are feature rows by input, of events (B, L, M) and of users (B, M). With several
    workers, each has a part of the batch: `label_count` counts the whole batch, and `share` is the
    share of it in this part.
    """

    item_id: Tensor
    labels: Tensor
    start_labels: Tensor
    label_count: int
    rows: dict[str, Tensor] = field(default_factory=dict)
    share: float = 1.0

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        return replace(
            self,
            item_id=self.item_id.to(device, non_blocking=True),
            labels=self.labels.to(device, non_blocking=True),
            start_labels=self.start_labels.to(device, non_blocking=True),
            rows={name: rows.to(device, non_blocking=True) for name, rows in self.rows.items()},
        )


@dataclass(frozen=True)
class _Windows:
    """Windows of histories of `users` (W,): `counts` (W,) labels each.

    Their inputs begin at the events `begins` (W,) of the histories, counted from 0.
    """

    begins: NDArray[np.int64]
    counts: NDArray[np.int64]
    users: NDArray[np.int64]

    def __getitem__(self, rows: NDArray[Any]) -> _Windows:
        return _Windows(self.begins[rows], self.counts[rows], self.users[rows])


class Batches:
    """Cuts the training sequences into batches, the same ones for the same seed and epoch.

    Every event except a user's first is the label of one position per epoch. A history of more than
    L + 1 events is cut into windows at places that change with each epoch, so that over time each
    event is seen in many contexts. Windows of similar length share a batch, which is filled until
    it has `batch_labels` labels: every step then weighs labels equally, and there is little
    padding. Feature dropout sets a share `feature_dropout` of the features' values to missing, so
    that the model learns to cope without them.

    The plan of the batches depends only on the lengths of the histories. With several workers, each
    plans with the `lengths` (U,) of all users, holds the `sequences` of its own users, marked in
    `held` (U,), and makes its part of each batch. Together the parts are the batch that a single
    worker would make.
    """

    def __init__(
        self,
        sequences: Sequences,
        *,
        max_length: int,
        batch_labels: int,
        seed: int,
        features: Seq[Feature] = (),
        feature_dropout: float = 0.0,
        lengths: NDArray[np.int64] | None = None,
        held: NDArray[np.bool_] | None = None,
    ) -> None:
        held_lengths = np.diff(sequences.offsets)
        lengths = held_lengths if lengths is None else lengths
        self.held = np.ones(len(lengths), np.bool_) if held is None else held
        if not np.array_equal(lengths[self.held], held_lengths):
            raise DataError("the lengths of the training sequences are not those of their events")
        self.users = np.flatnonzero(lengths >= 2)
        if not len(self.users):
            raise DataError("no user has two training events: there is no next event to learn")
        self.sequences = sequences
        self.features, self.feature_dropout = features, feature_dropout
        self.row = np.cumsum(self.held) - 1  # a held user's row in `sequences`
        self.label_counts = lengths[self.users] - 1
        self.max_length = max_length
        self.batch_labels = batch_labels
        self.seed = seed

    @property
    def labels_per_epoch(self) -> int:
        """Positions trained in one epoch."""
        return int(self.label_counts.sum())

    def plan(self, epoch: int, number: int = 0) -> list[_Windows]:
        """The windows of each batch of an epoch, in order; `number` is that of the round."""
        random = np.random.default_rng([self.seed, epoch, 0, *([number] if number else [])])
        windows = self._cut(random)
        windows = windows[random.permutation(len(windows.counts))]
        # Lengths within an eighth of each other count as equal: wider classes mix users better,
        # narrower ones need less padding. The stable sort keeps the shuffled order in a class.
        alike = np.ceil(np.log2(windows.counts) * 6)
        windows = windows[np.argsort(alike, kind="stable")]
        before = np.cumsum(windows.counts) - windows.counts
        cuts = np.flatnonzero(np.diff(before // self.batch_labels)) + 1
        batches = np.split(np.arange(len(before)), cuts)
        return [windows[batches[i]] for i in random.permutation(len(batches))]

    def counts(self, item_count: int) -> NDArray[np.int64]:
        """Training events of items 1..V -> (V,)."""
        return self.sequences.counts(item_count)

    def epoch(self, epoch: int, number: int = 0, first_step: int = 0) -> Epoch:
        """The batches of an epoch, or of its round `number`, planned but not yet made."""
        return Epoch(self, epoch, self.plan(epoch, number), first_step)

    def _cut(self, random: np.random.Generator) -> _Windows:
        """Cut each history every L labels; the first cut of a long one is at a random place."""
        length = self.max_length
        first = random.integers(1, length + 1, len(self.label_counts))
        first = np.where(self.label_counts <= length, self.label_counts, first)
        pieces = 1 - (-(self.label_counts - first) // length)
        user = np.repeat(np.arange(len(pieces)), pieces)
        piece = np.arange(len(user)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        begin = np.where(piece == 0, 0, first[user] + (piece - 1) * length)
        end = np.minimum(first[user] + piece * length, self.label_counts[user])
        return _Windows(begin, end - begin, self.users[user])

    def batch(self, windows: _Windows, random: np.random.Generator) -> Batch:
        """The tensors of some windows; `random` chooses the dropped features and the start labels.

        It samples for the whole batch, whichever part is held here, so that the parts of all
        workers agree with the batch of a single one.
        """
        held = self.held[windows.users]  # (W,)
        part, items = windows[held], self.sequences.items
        rows_of = self.row[part.users]
        starts = self.sequences.offsets[rows_of] + part.begins
        column = np.arange(windows.counts.max())
        is_event = column < part.counts[:, None]  # (B, L)
        place = np.where(is_event, starts[:, None] + column, 0)
        items_before = np.where(is_event, items[place], PADDING)
        labels = np.where(is_event, items[place + is_event], PADDING)
        rows = {}
        for feature in self.features:
            values = self.sequences.features[feature.input]
            shape: tuple[int, ...] = (len(held),)
            if feature.of == "event":
                values = np.where(is_event[..., None], values[place], MISSING)  # (B, L, M)
                shape = (len(held), len(column))
            else:
                values = values[rows_of]  # (B, M)
            if self.feature_dropout:
                dropped = (random.random(shape) < self.feature_dropout)[held]
                values = np.where(dropped[..., None], MISSING, values)
            rows[feature.input] = torch.from_numpy(values.astype(np.int32))
        # A window of n labels has n + 1 events, and any of them may be the start label.
        picked = starts + random.integers(0, windows.counts + 1)[held]
        every, here = (int(w.counts.sum()) + len(w.counts) for w in (windows, part))
        return Batch(
            item_id=torch.from_numpy(items_before.astype(np.int32)),
            labels=torch.from_numpy(labels.astype(np.int64)),
            start_labels=torch.from_numpy(items[picked].astype(np.int64)),
            label_count=int(windows.counts.sum()),
            rows=rows,
            share=here / every,
        )


@dataclass(frozen=True)
class Epoch:
    """The batches of one epoch, or of a round of it, each made when its turn comes."""

    batches: Batches
    number: int
    plan: list[_Windows]
    first_step: int = 0
    """The step of the epoch at which the round begins."""

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[Batch]:
        return self.after(0)

    def labels_before(self, step: int) -> int:
        """Labels of the batches before this one."""
        return sum(int(windows.counts.sum()) for windows in self.plan[:step])

    def after(self, step: int) -> Iterator[Batch]:
        """The batches from `step` on; each has its own seed, so earlier ones can be skipped."""
        for i, windows in enumerate(self.plan[step:], step):
            seed = [self.batches.seed, self.number, 1, self.first_step + i]
            yield self.batches.batch(windows, np.random.default_rng(seed))
