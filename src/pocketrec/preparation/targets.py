"""Evaluation targets: the history of each user, its features, and the item that came next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schema import FeatureRows


@dataclass(frozen=True)
class Targets:
    """Users to evaluate: the history of each, and the one item that came next."""

    histories: list[NDArray[np.int32]]
    """Item indices, oldest first; whole histories, which scorers shorten as they need."""
    targets: NDArray[np.int32]
    """(U,) the next item; 0: it is not in the catalogue, which counts as a miss."""
    features: list[FeatureRows] | None = None
    """Feature rows of each history; None: the model reads items only."""

    def __post_init__(self) -> None:
        if len(self.histories) != len(self.targets):
            raise ValueError(f"{len(self.histories)} histories, {len(self.targets)} targets")
        if self.features is not None and len(self.features) != len(self.targets):
            raise ValueError(f"{len(self.features)} features, {len(self.targets)} targets")

    def part(self, rows: slice) -> Targets:
        """Some of the users, in the same order."""
        features = None if self.features is None else self.features[rows]
        return Targets(self.histories[rows], self.targets[rows], features)

    def reorder(self, users: NDArray[np.intp]) -> Targets:
        """The users in the given order."""
        features = None if self.features is None else [self.features[user] for user in users]
        return Targets([self.histories[user] for user in users], self.targets[users], features)


def join_targets(parts: Sequence[Targets]) -> Targets:
    """Concatenate at least one part; all parts have the same features."""
    histories = [history for part in parts for history in part.histories]
    features = [rows for part in parts for rows in part.features or ()]
    targets = np.concatenate([part.targets for part in parts])
    return Targets(histories, targets, None if parts[0].features is None else features)
