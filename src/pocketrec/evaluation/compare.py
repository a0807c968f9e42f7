"""Rank the same users with a subject and with baselines, and report all metrics together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..bundle.device import DeviceModel
from ..preparation.targets import Targets
from .bootstrap import paired_difference
from .columns import Metrics, main_cutoff
from .on_device import rank_on_device
from .protocol import Ranking, Scorer, rank_all
from .report import Report
from .summary import by_length, measure, user_values

T = TypeVar("T")


class Ranker(Protocol):
    """Ranks all targets: a scorer in batches of users, a device model one user at a time."""

    def __call__(
        self, targets: Targets, *, k: int, progress: Callable[[int], None] | None
    ) -> Ranking:
        """Lists of k items and ranks for every target."""
        ...


def compare(
    subject: str,
    ranker: Ranker,
    baselines: Mapping[str, Scorer],
    targets: Targets,
    *,
    item_counts: NDArray[np.int64],
    exclude_seen: bool,
    cutoffs: Sequence[int],
    bootstrap: int,
    seed: int,
    split: str,
    variants: Mapping[str, Targets] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Measure `ranker` and each baseline on all targets, with intervals and paired differences.

    `item_counts` (V,) are training events of items 1..V. `progress` is called with the number of
    users newly done, (1 + number of baselines and variants) * U in all. Differences are of NDCG at
    the report's main cutoff. `variants` are the same users with other inputs for the subject, such
    as missing features.
    Raises DataError without users.
    """
    V = len(item_counts)

    def summarize(how: Callable[..., T], result: Ranking) -> T:
        return how(result, cutoffs=cutoffs, item_counts=item_counts, bootstrap=bootstrap, seed=seed)

    ranking = ranker(targets, k=max(cutoffs), progress=progress)
    metrics = summarize(measure, ranking)
    main = f"ndcg@{main_cutoff(metrics)}"
    differences = {}

    def beside(name: str, ranker: Ranker, targets: Targets) -> Metrics:
        other = ranker(targets, k=max(cutoffs), progress=progress)
        values = user_values(ranking, main, V), user_values(other, main, V)
        differences[name] = {main: paired_difference(*values, bootstrap, seed)}
        return summarize(measure, other)

    by_variant = {name: beside(name, ranker, others) for name, others in (variants or {}).items()}
    by_baseline = {
        name: beside(name, scorer_ranker(baseline, V, exclude_seen), targets)
        for name, baseline in baselines.items()
    }
    return Report(
        subject=subject,
        split=split,
        users=len(ranking.ranks),
        metrics=metrics,
        variants=by_variant,
        by_length=summarize(by_length, ranking),
        baselines=by_baseline,
        differences=differences,
    )


def scorer_ranker(scorer: Scorer, item_count: int, exclude_seen: bool) -> Ranker:
    """Turn a scorer of all items into a ranker."""
    return partial(rank_all, scorer, item_count=item_count, exclude_seen=exclude_seen)


def device_ranker(device: DeviceModel) -> Ranker:
    """Turn a loaded .tflite into a ranker, so that the shipped file itself is measured."""
    return partial(rank_on_device, device)
