"""Membership inference: can the holder of a model tell whether it was trained on a given user?

The attacker has the model and the user's history (Shokri et al. 2017, "Membership Inference
Attacks Against Machine Learning Models"). An attack gives each user a score, higher for users that
look like members. `separation` measures how well the scores tell members (users the model was
trained on) from strangers (users it never saw). Some attacks also use a reference: users in neither
group, who show how predictable a user's events are without the model. The reference holds nobody
who is attacked, so it cannot reveal by itself who is a member.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..evaluation.protocol import SCORES, Scorer
from ..models.pairs import fraction_in_lists
from ..models.successors import Successors
from ..preparation.histories import History
from ..preparation.targets import Targets, join_targets
from ..schema import FeatureRows, IntArray
from ..tflite.parsed import stored_integers
from ..tflite.serialize import parse
from .reference import Reference, concatenate

Scores = NDArray[np.float64]
BATCH = 256
"""Most histories that are scored at once; fewer where their scores are more than SCORES."""


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
    """Run all attacks -> scores of every user (U,) by attack; attacks without the model come first.

    `successors` (V + 1, F) are the model's lists; None if it has none. `references` are groups of
    users, by name, whose whole histories the attacker knows; none of them is attacked. `events` is
    the most events of a user that are scored. `progress` is called with the number of events
    scored: all of them once, and once more if the model reads features.

    - length, popularity: number of events; mean log-probability of the items under the popularity
      of all references. Neither looks at the model: they show how the groups differ in themselves.
    - REFERENCE alone: mean log-probability of the user's events under `Reference`; no model.
    - loss: the same under the model (Yeom et al. 2018, "Privacy Risk in Machine Learning").
    - loss, told nothing: the same without features, if the model reads any.
    - loss - REFERENCE: the loss minus that of the reference, which says how hard the events are
      (Watson et al. 2022, "On the Importance of Difficulty Calibration in Membership Inference
      Attacks").
    - successors: of all pairs "b within 10 events after a" of a user, the share with b in a's list.
    - successors - REFERENCE: minus the share in lists that are counted on the reference.
    """
    targets_by_user = [next_events(history, events) for history in attacked]
    targets, sizes = join_targets(targets_by_user), [len(part.targets) for part in targets_by_user]
    everyone = [history for histories in references.values() for history in histories]
    popularity = np.log(Reference.count(everyone, item_count).popularity)
    scores = {
        "length": np.array([len(history.items) for history in attacked], np.float64),
        "popularity": np.array([popularity[history.items - 1].mean() for history in attacked]),
    }
    for name, histories in references.items():
        reference = Reference.count(histories, item_count)
        scores[f"{name} alone"] = _means(log_probabilities(reference, targets), sizes)
    scores["loss"] = _means(log_probabilities(scorer, targets, progress), sizes)
    if targets.features is not None:
        items_only = Targets(targets.histories, targets.targets)
        scores["loss, told nothing"] = _means(
            log_probabilities(scorer, items_only, progress), sizes
        )
    for name in references:
        scores[f"loss - {name}"] = scores["loss"] - scores[f"{name} alone"]
    if successors is not None:
        scores["successors"] = _shares(attacked, successors)
        for name, histories in references.items():
            expected = Successors(item_count, successors.shape[1], 0.0)
            expected.count(concatenate(histories))
            share = _shares(attacked, expected.ids.numpy().astype(np.int32))
            scores[f"successors - {name}"] = scores["successors"] - share
    return scores


def next_events(history: History, count: int) -> Targets:
    """Take at most `count` events of a user, evenly spread, each with all events before it.

    The first event is never taken: the model is not trained to predict it.
    """
    last = len(history.items) - 1
    places = np.linspace(1, last, min(count, last)).round().astype(np.int64)

    def features_before(place: int) -> FeatureRows:
        return {
            name: rows if rows.ndim == 1 else rows[:place]  # (M,) is of the user, not of events
            for name, rows in history.features.items()
        }

    return Targets(
        [history.items[:place] for place in places],
        history.items[places],
        [features_before(place) for place in places] if history.features else None,
    )


def log_probabilities(
    scorer: Scorer, targets: Targets, progress: Callable[[int], None] = lambda _: None
) -> Scores:
    """Log-probability of each target: log softmax of its scores over the catalogue -> (U,).

    Works for logits and for log-probabilities alike: the softmax leaves the latter as they are.
    """
    result = np.empty(len(targets.targets))
    first, step = 0, 1  # the first history alone shows how many items there are
    while first < len(result):
        part = targets.part(slice(first, first + step))
        scores = np.asarray(scorer(part.histories, part.features), np.float64)
        scores -= scores.max(axis=1, keepdims=True)  # so that exp does not overflow
        of_target = scores[np.arange(len(scores)), part.targets - 1]
        result[first : first + step] = of_target - np.log(np.exp(scores).sum(axis=1))
        first, step = first + step, max(1, min(BATCH, SCORES // scores.shape[1]))
        progress(len(scores))
    return result


def successor_lists(content: bytes, item_count: int) -> IntArray | None:
    """Read the successor lists (V + 1, F) of a .tflite, its one table of integers; None without."""
    model = parse(content)
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        lists = stored_integers(model, tensor)
        if lists is not None and lists.ndim == 2 and len(lists) == item_count + 1:
            return lists.astype(np.int32)
    return None


def _means(values: Scores, sizes: Sequence[int]) -> Scores:
    """Mean of each user's values, which stand one user after another -> (U,)."""
    ends = np.cumsum(sizes)[:-1]
    return np.array([part.mean() for part in np.split(values, ends)])


def _shares(histories: Sequence[History], successors: IntArray) -> Scores:
    """`fraction_in_lists` of each user -> (U,)."""
    return np.array([fraction_in_lists(history.items, successors) for history in histories])
