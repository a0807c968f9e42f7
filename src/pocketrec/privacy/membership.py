"""Can one who holds the model and a user's history tell whether it was trained on that user?

Membership inference (Shokri et al. 2017, "Membership Inference Attacks Against Machine Learning
Models"): each user gets a score from what an attacker sees, the higher the more like a member, and
`separation` says how far members (trained on) lie apart from strangers (never seen). What
further users do, who are in neither group, tells the attacker how hard a user's events are in
themselves, and cannot carry the membership of anybody who is attacked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..evaluation.baselines import NEIGHBOURS
from ..evaluation.protocol import SCORES, Scorer
from ..models.pairs import share_in_lists
from ..models.successors import Successors
from ..preparation.data import Sequences
from ..preparation.histories import History
from ..preparation.targets import Targets, joined
from ..preparation.transitions import (
    LAG_POWER,
    RECENCY_POWER,
    RECENT,
    STEPS,
    Transitions,
    count_transitions,
    decay,
)
from ..schema import FeatureRows, IntArray
from ..tflite.parsed import stored_integers
from ..tflite.serialize import parse

Scores = NDArray[np.float64]
BATCH = 256
"""Histories that are scored at once, or fewer where these are more than SCORES."""

REFERENCE_SHARE = 0.5
"""Of the reference's probability, what the newest events vote for; the rest is popularity."""


def next_events(history: History, count: int) -> Targets:
    """At most `count` events of a user, evenly spread, each with all that was before it.

    The first event is never asked for: training does not learn it from a history.
    """
    last = len(history.items) - 1
    places = np.linspace(1, last, min(count, last)).round().astype(np.int64)

    def before(place: int) -> FeatureRows:
        return {
            name: rows if rows.ndim == 1 else rows[:place]
            for name, rows in history.features.items()
        }

    return Targets(
        [history.items[:place] for place in places],
        history.items[places],
        [before(place) for place in places] if history.features else None,
    )


def log_probabilities(
    scorer: Scorer, targets: Targets, progress: Callable[[int], None] = lambda _: None
) -> Scores:
    """What a scorer gives to each target: log softmax of its scores over the catalogue -> (U,).

    Right for logits and for log-probabilities alike, which it only brings to the sum of 1.
    """
    found = np.empty(len(targets.targets))
    first, step = 0, 1  # one history tells how many items there are
    while first < len(found):
        part = targets.part(slice(first, first + step))
        scores = np.asarray(scorer(part.histories, part.features), np.float64)
        scores -= scores.max(axis=1, keepdims=True)
        own = scores[np.arange(len(scores)), part.targets - 1]
        found[first : first + step] = own - np.log(np.exp(scores).sum(axis=1))
        first, step = first + step, max(1, min(BATCH, SCORES // scores.shape[1]))
        progress(len(scores))
    return found


@dataclass(frozen=True)
class Reference:
    """What users whom nobody attacks do, counted: an interpolated Markov chain as a scorer.

    p(i) = .5 (1 + n(i)) / sum of (1 + n) + .5 votes(i), where n(i) are events of item i and the
    votes, which sum to 1, are those of the newest 20 events for what follows them within 10.
    """

    popularity: Scores  # (V,), sums to 1
    transitions: Transitions

    @classmethod
    def count(cls, histories: Sequence[History], item_count: int) -> Reference:
        """Count whole histories."""
        sequences = _sequences(histories)
        counts = sequences.counts(item_count) + 1.0
        lags = decay(STEPS, LAG_POWER)
        transitions = count_transitions(sequences, item_count, lags, neighbours=NEIGHBOURS)
        return cls(counts / counts.sum(), transitions)

    def __call__(self, histories: list[IntArray], features: object = None) -> NDArray[np.float32]:
        """Log-probabilities (B, V)."""
        found = self.transitions.follow(histories, decay(RECENT, RECENCY_POWER))
        votes = found.whole(len(histories), len(self.popularity))
        sums = votes.sum(axis=1, keepdims=True)
        votes = np.where(sums > 0, votes / np.where(sums > 0, sums, 1), self.popularity)
        mixed = (1 - REFERENCE_SHARE) * self.popularity + REFERENCE_SHARE * votes
        return np.log(mixed).astype(np.float32)


def attacks(
    scorer: Scorer,
    successors: IntArray | None,
    attacked: Sequence[History],
    references: Mapping[str, Sequence[History]],
    *,
    item_count: int,
    events: int,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Scores]:
    """The score of every user (U,) by the name of the attack; those without model come first.

    `successors` (V + 1, F) are the model's lists, if it has any; `references`, by name, users of
    whom the attacker knows everything, none of them attacked; `events` how many of a user's are
    asked for. `progress` is called with the events scored: all of them, and all again if features
    can be left out.

    - length, popularity: events of a history; mean log-probability of its items under the
      references' popularity. They do not look at the model: what they find is how groups differ.
    - REFERENCE alone: mean log-probability of the user's events under `Reference`; no model.
    - loss: the same under the model (Yeom et al. 2018, "Privacy Risk in Machine Learning"), told
      the features, or told nothing but the items.
    - loss - REFERENCE: less how hard they are (Watson et al. 2022, "On the Importance of Difficulty
      Calibration in Membership Inference Attacks").
    - successors: share of all "b within 10 events after a" of a user with b in the list of a.
    - successors - REFERENCE: less the share in lists that are counted on the reference.
    """
    asked = [next_events(history, events) for history in attacked]
    targets, sizes = joined(asked), [len(part.targets) for part in asked]
    everyone = [history for histories in references.values() for history in histories]
    popularity = np.log(Reference.count(everyone, item_count).popularity)
    found = {
        "length": np.array([len(history.items) for history in attacked], np.float64),
        "popularity": np.array([popularity[history.items - 1].mean() for history in attacked]),
    }
    for name, histories in references.items():
        reference = Reference.count(histories, item_count)
        found[f"{name} alone"] = _means(log_probabilities(reference, targets), sizes)
    found["loss"] = _means(log_probabilities(scorer, targets, progress), sizes)
    if targets.features is not None:
        nothing = Targets(targets.histories, targets.targets)
        found["loss, told nothing"] = _means(log_probabilities(scorer, nothing, progress), sizes)
    for name in references:
        found[f"loss - {name}"] = found["loss"] - found[f"{name} alone"]
    if successors is not None:
        found["successors"] = _shares(attacked, successors)
        for name, histories in references.items():
            counted = Successors(item_count, successors.shape[1], 0.0)
            counted.count(_sequences(histories))
            hard = _shares(attacked, counted.ids.numpy().astype(np.int32))
            found[f"successors - {name}"] = found["successors"] - hard
    return found


def successor_lists(content: bytes, item_count: int) -> IntArray | None:
    """The lists (V + 1, F) that a .tflite holds as its one table of integers; None without."""
    model = parse(content)
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        lists = stored_integers(model, tensor)
        if lists is not None and lists.ndim == 2 and len(lists) == item_count + 1:
            return lists.astype(np.int32)
    return None


def _means(values: Scores, sizes: Sequence[int]) -> Scores:
    """Mean of each user's values, which follow one another -> (U,)."""
    ends = np.cumsum(sizes)[:-1]
    return np.array([part.mean() for part in np.split(values, ends)])


def _shares(histories: Sequence[History], successors: IntArray) -> Scores:
    """`share_in_lists` of each user -> (U,)."""
    return np.array([share_in_lists(history.items, successors) for history in histories])


def _sequences(histories: Sequence[History]) -> Sequences:
    lengths = [len(history.items) for history in histories]
    items = np.concatenate([history.items for history in histories])
    return Sequences(items, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
