"""Metrics of a ranking with intervals, over all users and by history length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bootstrap import Measure, centred_interval, intervals
from .metrics import average_popularity, coverage, mean_rank, mrr, ndcg, recall, resampled_coverage
from .protocol import Ranking

LENGTH_EDGES = (0, 1, 10, 50, 200)
"""Shortest history of each group of `by_length`."""


@dataclass(frozen=True)
class LengthGroup:
    """Metrics of the users with similar history lengths, and the number of these users."""

    users: int
    metrics: dict[str, Measure]

    def to_json(self) -> dict[str, Any]:
        """Users and metrics by name."""
        return {"users": self.users, "metrics": metrics_to_json(self.metrics)}


def metrics_to_json(metrics: dict[str, Measure]) -> dict[str, dict[str, float]]:
    """Each metric as {"value", "low", "high"}."""
    return {name: measure.to_json() for name, measure in metrics.items()}


def user_values(ranking: Ranking, metric: str, item_count: int) -> NDArray[np.float64]:
    """One metric of each user (U,), by its name in reports: "ndcg@10", "mean_rank".

    For `paired_difference`. Raises ValueError for coverage, which has no value per user.
    """
    name, _, cutoff = metric.partition("@")
    if name == "mean_rank":
        return mean_rank(ranking.ranks)
    of_rank = {"recall": recall, "ndcg": ndcg, "mrr": mrr}
    if name not in of_rank:
        raise ValueError(f"'{metric}' is not a metric of a user's rank")
    return of_rank[name](ranking.ranks, min(int(cutoff), item_count))  # rank V + 1 stays a miss


def measure(
    ranking: Ranking,
    *,
    cutoffs: Sequence[int],
    item_counts: NDArray[np.int64],
    bootstrap: int,
    seed: int,
) -> dict[str, Measure]:
    """All metrics by name, each with its 95 % interval over users.

    `item_counts` (V,) are training events of items 1..V, and `bootstrap` the number of resamples.
    Names are "recall@k", "ndcg@k", "mrr@k", "average_popularity@k" and "coverage@k" for each
    cutoff, and "mean_rank". Raises DataError without users.
    """
    V, cutoffs = len(item_counts), sorted(set(cutoffs))
    if ranking.top.shape[1] < cutoffs[-1]:
        raise ValueError(f"lists of {ranking.top.shape[1]} items cannot be cut at {cutoffs[-1]}")
    names = [f"{name}@{k}" for name in ("ndcg", "recall", "mrr") for k in cutoffs] + ["mean_rank"]
    columns = {name: user_values(ranking, name, V) for name in names}
    for k in cutoffs:
        shown = ranking.top[:, :k]
        columns[f"average_popularity@{k}"] = average_popularity(shown, item_counts)
    of_columns = intervals(np.column_stack(list(columns.values())), bootstrap, seed)
    measures = dict(zip(columns, of_columns, strict=True))
    for k in cutoffs:
        shown = ranking.top[:, :k]
        spread = centred_interval(
            coverage(shown, V), resampled_coverage(shown, V), len(shown), bootstrap, seed
        )
        measures[f"coverage@{k}"] = Measure(
            spread.value, max(0.0, spread.low), min(1.0, spread.high)
        )
    return measures


def by_length(
    ranking: Ranking,
    *,
    cutoffs: Sequence[int],
    item_counts: NDArray[np.int64],
    bootstrap: int,
    seed: int,
    edges: Sequence[int] = LENGTH_EDGES,
) -> dict[str, LengthGroup]:
    """`measure` for users of similar history length: "0", "1-9", .., "200+"; no empty groups.

    `edges` are the shortest length of each group, rising from 0.
    """
    groups = {}
    for shortest, following in zip(edges, [*edges[1:], None], strict=True):
        users = ranking.lengths >= shortest
        if following is None:
            name = f"{shortest}+"
        else:
            users &= ranking.lengths < following
            name = f"{shortest}-{following - 1}" if following - shortest > 1 else f"{shortest}"
        if users.any():
            metrics = measure(
                ranking[users],
                cutoffs=cutoffs,
                item_counts=item_counts,
                bootstrap=bootstrap,
                seed=seed,
            )
            groups[name] = LengthGroup(int(users.sum()), metrics)
    return groups
