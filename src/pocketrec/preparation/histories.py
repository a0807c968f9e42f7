"""Whole histories of users, with the rows of their features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..features.encoding import Feature
from ..preparation.data import PreparedData
from ..schema import FeatureRows, IntArray


@dataclass(frozen=True)
class History:
    """All events of one user: `items` (n,), oldest first, and rows of features by input.

    Rows of events may be one fewer: nothing is asked after the last event.
    """

    items: IntArray
    features: FeatureRows


def members(
    data: PreparedData, features: Sequence[Feature], shards: Sequence[str] | None = None
) -> list[History]:
    """The users, of some shards or of all, with at least two events that training saw: those."""
    sequences = data.training(features, shards)
    bounds = zip(sequences.offsets[:-1], sequences.offsets[1:], strict=True)
    return [
        History(
            sequences.items[begin:end],
            {
                f.input: sequences.features[f.input][slice(begin, end) if f.of == "event" else user]
                for f in features
            },
        )
        for user, (begin, end) in enumerate(bounds)
        if end - begin >= 2
    ]


def held_out(data: PreparedData, part: str, features: Sequence[Feature]) -> list[History]:
    """The users of "test" or "valid", of a split by users, with at least two events: all they did.

    Events with items out of the catalogue, which no member has, are left out.
    """
    targets = data.targets(part, features=features)
    told = targets.features or [{}] * len(targets.targets)
    found = [
        History(np.append(history, target)[: len(history) + (target > 0)], rows)
        for history, target, rows in zip(targets.histories, targets.targets, told, strict=True)
    ]
    return [history for history in found if len(history.items) >= 2]
