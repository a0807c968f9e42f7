"""The .tflite, running: item indices in, item indices and scores out.

Export verifies with it, evaluation measures with it, and the runtime adds raw ids and titles.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from ..errors import BundleError, InputError, shown
from ..features.encoding import Feature
from ..features.values import is_number
from ..schema import PADDING, FeatureRows, FloatArray, IntArray, Signature
from .contract import Shapes
from .inputs import LARGEST, LARGEST_OF_STATE, Feed, VectorLike, padded, within
from .quiet import without_info_lines

MASKED = -1e9
"""Score that the graph gives to what must not be recommended; real ones are nowhere near it."""

MOST_THREADS = 256
"""More would bring nothing, and enough of them nothing but harm."""

DECAY, SLOWING = 0.95, 20
"""Of learning: what is left of a user's vector at each step, and the number of steps after which a
step counts half. The matrix inside of `adapt` was fitted to this schedule."""


_loaded: weakref.WeakSet[DeviceModel] = weakref.WeakSet()


def _after_fork() -> None:
    """In the child: what another thread was in the middle of will never be done here."""
    for device in list(_loaded):
        device._is_cut_off |= device._lock.locked()
        device._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class DeviceModel:
    """One loaded model; calls from several threads wait for each other.

    Histories are index arrays (n,) of any length, oldest first; the newest L are looked at.
    Raises BundleError when the runtime cannot load the bytes, or when what the model answers is no
    answer; InputError for indices that the catalogue does not have.
    """

    def __init__(
        self,
        content: bytes,
        shapes: Shapes,
        *,
        exclude_seen: bool,
        threads: int = 1,
        features: Sequence[Feature] = (),
    ) -> None:
        self.shapes = shapes
        self.features = tuple(features)
        self.exclude_seen = exclude_seen
        self._feed = Feed(shapes, self.features)
        self._lock = threading.Lock()
        self._is_cut_off = False
        _loaded.add(self)
        if type(threads) is not int or not 1 <= threads <= MOST_THREADS:
            raise InputError(
                f"threads must be a whole number from 1 to {MOST_THREADS}, not {shown(threads)}"
            )
        nothing = self._feed.history(np.empty(0, np.int32), None, None)
        blocked, candidates = padded([], shapes.blocked), padded([], shapes.candidates)
        adapting = {
            Signature.USER_VECTOR: nothing[Signature.USER_VECTOR],
            Signature.CANDIDATES: candidates,
            Signature.TARGET: padded([], shapes.candidates, np.float32),
            Signature.LEARNING_RATE: np.zeros((1, 1), np.float32),
        }
        first = {
            Signature.RECOMMEND: {**nothing, Signature.BLOCKED: blocked},
            Signature.SCORE: {**nothing, Signature.CANDIDATES: candidates},
            Signature.ADAPT: adapting,
        }
        if shapes.state:
            first[Signature.STEP] = {
                **self._feed.newest(np.empty(0, np.int32), None, None),
                Signature.STATE: np.zeros((1, shapes.state), np.float32),
                Signature.BLOCKED: blocked,
            }
        try:
            with without_info_lines():
                self._interpreter = Interpreter(model_content=content, num_threads=threads)
                self._runners = {
                    name: self._interpreter.get_signature_runner(name) for name in first
                }
                # The first calls allocate; what cannot run is found here, not in the app's call.
                for name, feed in first.items():
                    self._runners[name](**feed)
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"the runtime cannot load the model: {error}") from None

    def recommend(
        self,
        history: IntArray,
        *,
        k: int,
        blocked: IntArray | None = None,
        user_vector: VectorLike | None = None,
        features: FeatureRows | None = None,
    ) -> tuple[IntArray, FloatArray]:
        """The best k items that are not blocked (nor seen, if the domain does not repeat).

        `features` are rows by input: of the history's events (n, M), of the user (M,); those not
        given are missing.
        Returns indices and scores, best first, ties to the lower index; fewer than k when fewer
        are left. One call of the graph does it, which gives K items and hides N; of more to be
        left out, those in its list are dropped here. Only where it then has fewer than k, the
        others are scored in blocks of C and follow (by `score`, see there).
        """
        outside = self._outside(history, blocked)
        feed = self._feed.history(history, user_vector, features)
        feed[Signature.BLOCKED] = padded(outside[: self.shapes.blocked], self.shapes.blocked)
        found = self._list(Signature.RECOMMEND, self._run(Signature.RECOMMEND, feed), outside)
        return self._filled(found, history, outside, k, user_vector, features)

    @property
    def steps(self) -> bool:
        """Whether the model has the signature `step`."""
        return self.shapes.state > 0

    def step(
        self,
        state: VectorLike,
        history: IntArray,
        *,
        k: int,
        blocked: IntArray | None = None,
        user_vector: VectorLike | None = None,
        features: FeatureRows | None = None,
    ) -> tuple[FloatArray, tuple[IntArray, FloatArray]]:
        """What `recommend` gives, from the state (S,) before the newest two events of a history.

        It costs two events, whatever L is. Gives the state before the newest event too, which
        is the one to go on with when the next event has come: what is told of an event (`now`)
        may change until then. Histories longer than L are remembered, where `recommend` forgets.
        Where the graph's list is too short, others follow as in `recommend`, from the newest L.
        """
        if not self.steps:
            raise InputError("the model has no signature 'step': ask for 'recommend'")
        outside = self._outside(history, blocked)
        feed = self._feed.newest(history, user_vector, features)
        feed[Signature.STATE] = self._feed.state(state)
        feed[Signature.BLOCKED] = padded(outside[: self.shapes.blocked], self.shapes.blocked)
        found = self._run(Signature.STEP, feed)
        if not (np.abs(found[Signature.STATE]) <= LARGEST_OF_STATE).all():
            raise BundleError("the model answers 'step' with what is no state")
        ranking = self._list(Signature.STEP, found, outside)
        ranking = self._filled(ranking, history, outside, k, user_vector, features)
        return found[Signature.STATE], ranking

    def states(
        self, history: IntArray, features: FeatureRows | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """The states (S,) before the newest two events of a history, and before the newest one.

        The newest L are stepped through, a call of the model each. Without numbers, S = 0, where
        the model has no `step`.
        """
        newest = history[-self.shapes.length :]
        rows = {
            feature.input: features[feature.input][-self.shapes.length :]
            for feature in self.features
            if features and feature.of == "event" and feature.input in features
        }
        before = after = np.zeros(self.shapes.state, np.float32)
        for end in range(1, len(newest) + 1) if self.steps else ():
            until = {name: of_events[:end] for name, of_events in rows.items()}
            before, (after, _) = after, self.step(after, newest[:end], k=1, features=until)
        return before, after

    def score(
        self,
        history: IntArray,
        candidates: IntArray,
        *,
        user_vector: VectorLike | None = None,
        features: FeatureRows | None = None,
    ) -> FloatArray:
        """Scores of given items (n,), which `recommend` ranks by, to within its rounding.

        Without successors only these items' rows are read, and where weights are small the user's
        vector, which `recommend` rounds to 8 bits before it meets the table, is not rounded: a
        score differs by at most (max u - min u) / 510 times the sum of the row's absolute numbers.
        With successors, or in float32, they are the very numbers.
        """
        self._feed.check(candidates)
        feed = self._feed.history(history, user_vector, features)
        step = self.shapes.candidates
        parts = [np.empty(0, np.float32)]
        for begin in range(0, len(candidates), step):
            part = candidates[begin : begin + step]
            feed[Signature.CANDIDATES] = padded(part, step)
            parts.append(self._run(Signature.SCORE, feed)[Signature.SCORES][: len(part)])
        return np.concatenate(parts)

    def adapt(
        self,
        candidates: IntArray,
        target: FloatArray,
        *,
        learning_rate: float,
        user_vector: VectorLike | None = None,
    ) -> FloatArray:
        """The user_vector (D,) after one step of learning from items that were liked or disliked.

        `candidates` (n,), 1 to C, are the items; `target` (n,) is 1 for a liked item, -1 for a
        disliked one, or anything between.
        """
        self._feed.check(candidates)
        width = self.shapes.candidates
        if target.shape != candidates.shape or not 1 <= len(candidates) <= width:
            raise InputError(f"adapt takes 1 to {width} candidates and a target for each")
        if not (np.abs(target) <= 1).all():
            raise InputError("targets of adapt are numbers from -1, disliked, to 1, liked")
        if not is_number(learning_rate) or not 0 <= learning_rate <= LARGEST:
            raise InputError(f"learning_rate must be a number from 0 to {LARGEST:g}")
        feed = {
            Signature.USER_VECTOR: self._feed.vector(user_vector),
            Signature.CANDIDATES: padded(candidates, width),
            Signature.TARGET: padded(target, width, np.float32),
            Signature.LEARNING_RATE: np.full((1, 1), learning_rate, np.float32),
        }
        vector: FloatArray = self._run(Signature.ADAPT, feed)[Signature.USER_VECTOR]
        return vector

    def _run(self, signature: str, feed: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
        """A signature's outputs, without the batch; BundleError when it fails or gives no numbers.

        A sound model never does; of a stranger's only some calls are tried when it is loaded.
        """
        if self._is_cut_off:
            raise InputError("the process was forked in the middle of a call: load the model anew")
        with self._lock:
            try:
                outputs = self._runners[signature](**feed)
            except (ValueError, RuntimeError) as error:
                raise BundleError(f"the model cannot answer '{signature}': {error}") from None
            found = {name: values[0].copy() for name, values in outputs.items()}
        if not all(np.isfinite(values).all() for values in found.values()):
            raise BundleError(f"the model answers '{signature}' with what is no number")
        return found

    def _outside(self, history: IntArray, blocked: IntArray | None) -> IntArray:
        """What the graph has to be told to hide: what is blocked, and seen before the newest L."""
        outside = _NOTHING if blocked is None else np.unique(blocked)
        if self.exclude_seen and len(history) > self.shapes.length:
            # The graph hides the events it is given; older ones have to be named.
            outside = np.union1d(outside, history[: -self.shapes.length]).astype(np.int32)
        self._feed.check(outside)
        return outside

    def _list(
        self, signature: str, found: dict[str, npt.NDArray[Any]], outside: IntArray
    ) -> tuple[IntArray, FloatArray]:
        """The lines that a signature gave and may be shown; BundleError when they are no list."""
        real = found[Signature.SCORES] > MASKED / 2
        ids, scores = found[Signature.IDS][real], found[Signature.SCORES][real]
        once = len(set(ids.tolist())) == len(ids)
        if not (once and within(ids, PADDING + 1, self.shapes.items) and _falls(scores)):
            raise BundleError(f"the model answers '{signature}' with what is no list of its items")
        if len(outside) > self.shapes.blocked:
            may_show = ~np.isin(ids, outside[self.shapes.blocked :])
            ids, scores = ids[may_show], scores[may_show]
        return ids, scores

    def _filled(
        self,
        ranking: tuple[IntArray, FloatArray],
        history: IntArray,
        outside: IntArray,
        k: int,
        user_vector: VectorLike | None,
        features: FeatureRows | None,
    ) -> tuple[IntArray, FloatArray]:
        """The first k lines of a list, to which others are added where it has fewer."""
        ids, scores = ranking
        if len(ids) >= k:
            return ids[:k], scores[:k]
        is_left = np.ones(self.shapes.items + 1, np.bool_)
        is_left[[PADDING, *outside, *ids]] = False
        if self.exclude_seen:
            is_left[history] = False
        items = np.flatnonzero(is_left).astype(np.int32)
        if not len(items):
            return ranking
        more = self.score(history, items, user_vector=user_vector, features=features)
        order = np.argsort(-more, kind="stable")[: k - len(ids)]
        return np.concatenate([ids, items[order]]), np.concatenate([scores, more[order]])


_NOTHING = np.empty(0, np.int32)


def _falls(scores: FloatArray) -> bool:
    return bool((scores[1:] <= scores[:-1]).all())
