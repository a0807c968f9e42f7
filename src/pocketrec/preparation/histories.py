"""Whole histories of users, with their feature rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..features.encoding import Feature
from ..preparation.data import PreparedData
from ..schema import FeatureRows, IntArray


@dataclass(frozen=True)
class History:
    """All events of one user: `items` (n,), oldest first, and feature rows by input.

    The rows of events may lack the last event, because the model is not queried after it.
    """

    items: IntArray
    features: FeatureRows


def training_histories(
    data: PreparedData, features: Sequence[Feature], shards: Sequence[str] | None = None
) -> list[History]:
    """Training events of each user with at least two of them, from some shards or from all."""
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


def held_out_histories(data: PreparedData, part: str, features: Sequence[Feature]) -> list[History]:
    """All events of each "test" or "valid" user of a split by users, if there are at least two.

    Events of items that are not in the catalogue are left out, as they are for training users.
    """
    targets = data.targets(part, features=features)
    features_of = targets.features or [{}] * len(targets.targets)
    histories = [
        # An unknown target (0) is cut off again.
        History(np.append(history, target)[: len(history) + (target > 0)], rows)
        for history, target, rows in zip(
            targets.histories, targets.targets, features_of, strict=True
        )
    ]
    return [history for history in histories if len(history.items) >= 2]
