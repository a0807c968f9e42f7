"""How well a score separates members from strangers, with intervals over the users of both."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..evaluation.bootstrap import TAILS, Measure

Scores = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Separation:
    """How well scores separate the groups; by chance .5, the false positive rate, and 0."""

    auc: Measure
    """Probability that a random member scores higher than a random stranger; a tie counts half."""
    tpr: Measure
    """True positive rate: the share of members above the lowest threshold that at most `fpr` of the
    strangers reach (Carlini et al. 2022, "Membership Inference Attacks From First Principles")."""
    advantage: Measure
    """Share of members minus share of strangers (Yeom et al. 2018) at or above a threshold halfway
    between the groups' means. The best threshold would give more than 0 by luck."""

    def to_json(self) -> dict[str, Any]:
        """The three measures by name."""
        return asdict(self)


def separate(
    members: Scores, strangers: Scores, *, fpr: float, samples: int, seed: int
) -> Separation:
    """Compare scores of members (M,) and strangers (N,), with 95 % intervals over both's users.

    Raises DataError without users in either group, or for a score that is not a number.
    """
    if not len(members) or not len(strangers):
        raise DataError(
            "membership needs users of both kinds: trained on, and never seen; give some of each"
        )
    both = np.concatenate([members, strangers])
    if not np.isfinite(both).all():
        raise DataError(
            "a user's score is not a finite number and cannot be compared: check the model"
        )
    levels, places = np.unique(both, return_inverse=True)  # levels rise
    groups = places[: len(members)], places[len(members) :]
    middle = int(np.searchsorted(levels, (members.mean() + strangers.mean()) / 2))

    def figures(of_members: Places, of_strangers: Places) -> list[float]:
        m = np.bincount(of_members, minlength=len(levels))
        s = np.bincount(of_strangers, minlength=len(levels))
        auc = m @ (s.cumsum() - s / 2) / (len(of_members) * len(of_strangers))
        # How many users reach each level, and at the end a level that nobody reaches.
        hits, alarms = (np.append(counts[::-1].cumsum()[::-1], 0) for counts in (m, s))
        tpr, rate = hits / len(of_members), alarms / len(of_strangers)
        measures = auc, tpr[rate <= fpr].max(), tpr[middle] - rate[middle]
        return [float(value) for value in measures]

    random = np.random.default_rng(seed)
    value = figures(*groups)
    resampled = [
        figures(*(group[random.integers(0, len(group), len(group))] for group in groups))
        for _ in range(samples)
    ]
    low, high = np.percentile(resampled, TAILS, axis=0)
    bounds = zip(value, low, high, strict=True)
    return Separation(*(Measure(v, float(min(v, a)), float(max(v, b))) for v, a, b in bounds))
