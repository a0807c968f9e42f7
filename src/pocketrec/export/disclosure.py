"""What of the log is in a bundle, for its manifest and for whoever exports it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..models.pairs import count_pair_users
from ..models.recommender import RecommenderModel
from ..preparation.data import PreparedData
from ..preparation.histories import training_histories
from ..schema import IntArray


def disclosure(data: PreparedData, model: RecommenderModel) -> dict[str, Any]:
    """The table of the prepared data, and the pairs (item, successor) that the model keeps.

    Of the pairs: how many there are, how few users made one of them, and how many a single user
    made alone, so that whoever reads the bundle knows that somebody did so.
    """
    told = dict(data.manifest.counts.disclosed)
    if model.successors is not None:
        ids: IntArray = model.successors.ids.numpy().astype("int32")
        of_shards = (
            count_pair_users(training_histories(data, (), [shard]), ids) for shard in data.shards
        )
        users = sum(of_shards, np.zeros_like(ids))[ids > 0]  # a user is in one shard only
        told["successors"] = {
            "pairs": len(users),
            "fewest_users": int(users.min(initial=users.max(initial=0))),
            "of_one_user": int((users == 1).sum()),
        }
    return told
