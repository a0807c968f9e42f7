"""What a bundle reveals of the log, for its manifest and for the person who exports it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..models.pairs import count_pair_users
from ..models.recommender import RecommenderModel
from ..preparation.data import PreparedData
from ..preparation.histories import training_histories
from ..schema import IntArray


def disclosure(data: PreparedData, model: RecommenderModel) -> dict[str, Any]:
    """What the prepared data disclose, and the pairs (item, successor) in the model.

    For the pairs: how many there are, the fewest users that any of them has, and how many come from
    a single user. A reader of the bundle learns that somebody made each of these.
    """
    disclosed = dict(data.manifest.counts.disclosed)
    if model.successors is not None:
        ids: IntArray = model.successors.ids.numpy().astype("int32")
        of_shards = (
            count_pair_users(training_histories(data, (), [shard]), ids) for shard in data.shards
        )
        users = sum(of_shards, np.zeros_like(ids))[ids > 0]  # a user is in one shard only
        disclosed["successors"] = {
            "pairs": len(users),
            "fewest_users": int(users.min(initial=users.max(initial=0))),
            "of_one_user": int((users == 1).sum()),
        }
    return disclosed
