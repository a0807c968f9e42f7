"""How a like changes the user vector: a matrix fitted once, to the trained model's training users.

A step of learning on the device is u' = u + rate * (e(i) - mean) A, with the item's row e(i), the
mean of all rows, and one matrix A (D, D) that ships with the model. The model itself does not
change. A is fitted so that the sum of such steps over a user's first events makes the next events
more likely. It is a learned update rule, as in Andrychowicz et al., 2016, "Learning to learn by
gradient descent by gradient descent", but linear.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..bundle.contract import DECAY, MASKED, SLOWING
from ..models.recommender import RecommenderModel
from ..preparation.stored_sequences import StoredSequences
from ..preparation.training_sequences import Sequences
from ..schema import PADDING, IntArray

USERS, EVENTS, AHEAD = 4096, 50, 10
"""Most users, first events of each, and how many of the events that follow become more likely."""
STEPS, BATCH, PLACES, RATE = 300, 160, 3, 0.01
"""Settings of the fit: steps of Adam, users a step, places in each history, learning rate."""
ITEMS = 8192
"""Larger catalogues are represented by this many items, sampled again at each step."""
SCALES = (1.0, 0.7, 0.5, 0.25, 0.0)
"""Factors by which A may be scaled; the best for users outside the fit is taken."""
SETTINGS = (DECAY, SLOWING, USERS, EVENTS, AHEAD, STEPS, BATCH, PLACES, RATE, ITEMS, *SCALES)
"""Everything the fit depends on, besides the model and the log."""


def step_weights(steps: int) -> Tensor:
    """The weight of each step in the user vector after the last one, oldest first: (steps,)."""
    past = torch.arange(steps, dtype=torch.float32)
    return DECAY ** (steps - 1 - past) / (1 + past / SLOWING)


def fit_adaptation(
    model: RecommenderModel,
    sequences: Sequences | StoredSequences,
    *,
    exclude_seen: bool = True,
    seed: int = 1,
    most_items: int = ITEMS,
) -> Tensor:
    """The matrix A (D, D) for a trained model; zero where it would not help.

    A fifth of the users is held back to decide how much of A is kept. More than `most_items` items
    are represented by as many, drawn anew at each step. `sequences` are training
    events only: the fit sees nothing of the validation and test events.
    """
    random = np.random.default_rng(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        users = _Users(model, sequences, random, exclude_seen=exclude_seen)
        return _fit(users, random, most_items)


class _Users:
    """The first events of some users, the events that follow, and the model's states."""

    def __init__(
        self,
        model: RecommenderModel,
        sequences: Sequences | StoredSequences,
        random: np.random.Generator,
        *,
        exclude_seen: bool,
    ) -> None:
        self.exclude_seen = exclude_seen
        self.events = min(EVENTS, model.max_length)
        users = np.flatnonzero(sequences.lengths >= 2)
        if len(users) > USERS:
            users = np.sort(random.choice(users, USERS, replace=False))
        width = self.events + AHEAD
        items: IntArray = np.zeros((len(users), width), np.int32)
        for row, history in enumerate(sequences.first_events(users, width)):
            items[row, : len(history)] = history
        self.items = torch.from_numpy(items)  # (U, events + AHEAD)
        self.lengths = (self.items != PADDING).sum(1)
        self.table = model.table.detach()
        self.scale = 1 / model.config.temperature
        with torch.no_grad():
            blocks = torch.split(self.items[:, : self.events], 256)
            self.states = torch.cat([model.states(block) for block in blocks])
        self.centred = self.table - self.table[PADDING + 1 :].mean(0)

    def loss(
        self, adaptation: Tensor, users: Tensor, places: list[int], chosen: Tensor | None
    ) -> Tensor:
        """Mean -log p of the next AHEAD events of `users`, after n events for each n in `places`.

        `chosen` are the items that represent a large catalogue, or None for all items.
        """
        table = self.table if chosen is None else self.table[chosen]
        total, count = torch.zeros(()), torch.zeros(())
        for n in places:
            some = users[self.lengths[users] > n]
            past, ahead = self.items[some, :n].long(), self.items[some, n : n + AHEAD].long()
            if not len(some):
                continue
            steps = torch.einsum("n,und->ud", step_weights(n), self.centred[past])
            user = self.states[some, n - 1] + steps @ adaptation
            logits = user @ table.T * self.scale
            if chosen is None:
                logits = logits.index_fill(1, torch.tensor([PADDING]), MASKED)
                if self.exclude_seen:
                    logits = logits.scatter(1, past, MASKED)
            else:  # each sampled item stands for several, which adds the log of how many
                logits = logits + float(np.log((len(self.table) - 1) / len(chosen)))
            wanted = torch.einsum("ud,uad->ua", user, self.table[ahead]) * self.scale
            real = ahead != PADDING
            if self.exclude_seen:
                real &= (ahead.unsqueeze(2) != past.unsqueeze(1)).all(2)
            total = total + ((logits.logsumexp(1, keepdim=True) - wanted) * real).sum()
            count = count + real.sum()
        return total / count.clamp(min=1)


def _fit(data: _Users, random: np.random.Generator, most_items: int) -> Tensor:
    """Fit A on four fifths of the users, then choose its scale on the rest."""
    count, dim = len(data.items), data.table.shape[1]
    nothing = torch.zeros(dim, dim)
    order = torch.from_numpy(random.permutation(count))
    deciding, fitting = order[: count // 5], order[count // 5 :]
    if not len(deciding):
        return nothing
    adaptation = torch.nn.Parameter(torch.zeros(dim, dim))
    optimizer = torch.optim.Adam([adaptation], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)

    def places() -> list[int]:
        sampled = random.integers(1, data.events + 1, PLACES)
        return sorted({1, *map(int, sampled)})

    def chosen() -> Tensor | None:
        if len(data.table) <= most_items:
            return None
        return torch.from_numpy(random.integers(PADDING + 1, len(data.table), most_items))

    for _ in range(STEPS):
        users = fitting[torch.from_numpy(random.integers(0, len(fitting), BATCH))]
        loss = data.loss(adaptation, users, places(), chosen())
        if loss.requires_grad:
            (adaptation.grad,) = torch.autograd.grad(loss, [adaptation])
            optimizer.step()
        schedule.step()
    fitted, among = adaptation.detach(), chosen()
    if not fitted.isfinite().all():
        return nothing
    # Check short and long histories: A must help both.
    checks = [n for n in (1, 5, 20, 50) if n <= data.events]

    def loss_at(scale: float) -> float:
        with torch.no_grad():
            return float(data.loss(scale * fitted, deciding, checks, among))

    return min(SCALES, key=loss_at) * fitted
