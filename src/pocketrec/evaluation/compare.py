"""Rank the same users with a subject and with baselines, and put all of it into one report."""

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
    """Ranks all targets in its own way: a scorer in batches, a device one user after another."""

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

    `item_counts` (V,) are training events of items 1..V. `progress` is called with the users done,
    (1 + number of baselines and variants) * U in all. Differences are of NDCG at the report's main
    cutoff. `variants` are the same users, of whom the subject is told something else.
    Raises DataError without users.
    """
    V = len(item_counts)

    def summarize(how: Callable[..., T], ranking: Ranking) -> T:
        return how(
            ranking, cutoffs=cutoffs, item_counts=item_counts, bootstrap=bootstrap, seed=seed
        )

    own = ranker(targets, k=max(cutoffs), progress=progress)
    metrics = summarize(measure, own)
    main = f"ndcg@{main_cutoff(metrics)}"
    differences = {}

    def beside(name: str, ranker: Ranker, targets: Targets) -> Metrics:
        other = ranker(targets, k=max(cutoffs), progress=progress)
        values = user_values(own, main, V), user_values(other, main, V)
        differences[name] = {main: paired_difference(*values, bootstrap, seed)}
        return summarize(measure, other)

    told = {name: beside(name, ranker, others) for name, others in (variants or {}).items()}
    measured = {
        name: beside(name, scorer_ranker(baseline, V, exclude_seen), targets)
        for name, baseline in baselines.items()
    }
    return Report(
        subject=subject,
        split=split,
        users=len(own.ranks),
        metrics=metrics,
        variants=told,
        by_length=summarize(by_length, own),
        baselines=measured,
        differences=differences,
    )


def scorer_ranker(scorer: Scorer, item_count: int, exclude_seen: bool) -> Ranker:
    """A scorer of all items, as a ranker."""
    return partial(rank_all, scorer, item_count=item_count, exclude_seen=exclude_seen)


def device_ranker(device: DeviceModel) -> Ranker:
    """A .tflite, as a ranker: what it does is what is measured."""
    return partial(rank_on_device, device)
