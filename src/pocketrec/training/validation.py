"""The validation score of an epoch: NDCG@10, by full ranking of the validation targets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..config.sections import Config
from ..evaluation.protocol import Scorer, rank_all
from ..evaluation.summary import user_values
from ..preparation.data import Part, PreparedData
from .distributed import ALONE, Workers

K = 10


def validation_score(
    config: Config, data: PreparedData, workers: Workers = ALONE
) -> Callable[[Scorer], float]:
    """A function that returns a scorer's NDCG@10 on at most `validate_users` validation targets.

    Each worker ranks a part of the targets, and all get the score of the whole.
    """
    features = data.features_of(config.features)
    part = Part(workers.rank, workers.size)
    targets = data.targets("valid", config.training.validate_users, features=features, of=part)

    def score(scorer: Scorer) -> float:
        ranking = rank_all(
            scorer,
            targets,
            item_count=data.item_count,
            k=K,
            exclude_seen=config.data.exclude_seen,
        )
        values = user_values(ranking, f"ndcg@{K}", data.item_count)
        return float(np.concatenate(workers.gather(values)).mean())

    return score
