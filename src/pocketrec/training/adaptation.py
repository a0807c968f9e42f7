"""What a like should do to a user's vector: fitted once to the trained model, on training users.

A step of learning on the device is u' = u + rate * (e(i) - mean) A, with the item's row e(i), the
mean of all rows, and one matrix A (D, D) that ships with the model. The model itself stays as it
is; A is fitted so that the sum of such steps over a user's first events makes the next ones
likelier (a learned update rule, as in Andrychowicz et al., 2016, "Learning to learn by gradient
descent by gradient descent", here linear and of closed form).
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
"""Most users, of each the first events, and how many later ones are to become likelier."""
STEPS, BATCH, PLACES, RATE = 300, 160, 3, 0.01
"""Of the fit: steps of Adam, users in each, places in each user's history, learning rate."""
ITEMS = 8192
"""Larger catalogues are represented by so many items, drawn anew at each step."""
SCALES = (1.0, 0.7, 0.5, 0.25, 0.0)
"""By how much A may be shrunk, whichever is best for users that it was not fitted to."""
SETTINGS = (DECAY, SLOWING, USERS, EVENTS, AHEAD, STEPS, BATCH, PLACES, RATE, ITEMS, *SCALES)
"""All that the fit depends on beside the model and the log: with others, A is another one."""


def step_weights(steps: int) -> Tensor:
    """Weights of `steps` steps in the vector after the last of them, oldest first: (steps,)."""
    past = torch.arange(steps, dtype=torch.float32)
    return DECAY ** (steps - 1 - past) / (1 + past / SLOWING)


def fit_adaptation(
    model: RecommenderModel,
    sequences: Sequences | StoredSequences,
    *,
    exclude_seen: bool = True,
    seed: int = 1,
) -> Tensor:
    """The matrix A (D, D) for a trained model; zero where it would not help.

    A fifth of the users decides how much of A is kept. Nothing of the split's later events is
    looked at: `sequences` are the training events.
    """
    random = np.random.default_rng(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return _fit(_Users(model, sequences, random, exclude_seen=exclude_seen), random)


class _Users:
    """The first events of some users, the next ones, and the model's states in between."""

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
        for row, own in enumerate(sequences.first_events(users, width)):
            items[row, : len(own)] = own
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
        """Mean of -log p over the next AHEAD events of users, after some numbers of events."""
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
            else:  # each stands for as many others
                logits = logits + float(np.log((len(self.table) - 1) / len(chosen)))
            wanted = torch.einsum("ud,uad->ua", user, self.table[ahead]) * self.scale
            real = ahead != PADDING
            if self.exclude_seen:
                real &= (ahead.unsqueeze(2) != past.unsqueeze(1)).all(2)
            total = total + ((logits.logsumexp(1, keepdim=True) - wanted) * real).sum()
            count = count + real.sum()
        return total / count.clamp(min=1)


def _fit(data: _Users, random: np.random.Generator) -> Tensor:
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
        drawn = random.integers(1, data.events + 1, PLACES)
        return sorted({1, *map(int, drawn)})

    def chosen() -> Tensor | None:
        if len(data.table) <= ITEMS:
            return None
        return torch.from_numpy(random.integers(PADDING + 1, len(data.table), ITEMS))

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
    # Few and many events alike: a vector that helps at one and harms at the other is no help.
    checks = [n for n in (1, 5, 20, 50) if n <= data.events]

    def loss_at(scale: float) -> float:
        with torch.no_grad():
            return float(data.loss(scale * fitted, deciding, checks, among))

    return min(SCALES, key=loss_at) * fitted
