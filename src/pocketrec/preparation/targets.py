"""Users to be ranked: what they did, what is known beside it, and what came next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schema import FeatureRows


@dataclass(frozen=True)
class Targets:
    """Users to be ranked: what they did before, and the one item that came next."""

    histories: list[NDArray[np.int32]]
    """Item indices, oldest first; the whole history, which scorers cut as they need."""
    targets: NDArray[np.int32]
    """(U,) the next item; 0 = it is not in the catalogue, and so a miss."""
    features: list[FeatureRows] | None = None
    """What is told of each history beside the items; None: nothing."""

    def __post_init__(self) -> None:
        if len(self.histories) != len(self.targets):
            raise ValueError(f"{len(self.histories)} histories, {len(self.targets)} targets")
        if self.features is not None and len(self.features) != len(self.targets):
            raise ValueError(f"{len(self.features)} features, {len(self.targets)} targets")

    def part(self, rows: slice) -> Targets:
        """The same for some of the users."""
        features = None if self.features is None else self.features[rows]
        return Targets(self.histories[rows], self.targets[rows], features)

    def in_order(self, users: NDArray[np.intp]) -> Targets:
        """The same users in another order."""
        features = None if self.features is None else [self.features[user] for user in users]
        return Targets([self.histories[user] for user in users], self.targets[users], features)


def joined(parts: Sequence[Targets]) -> Targets:
    """All users of at least one part, which are told of the same features."""
    histories = [history for part in parts for history in part.histories]
    told = [rows for part in parts for rows in part.features or ()]
    targets = np.concatenate([part.targets for part in parts])
    return Targets(histories, targets, None if parts[0].features is None else told)
