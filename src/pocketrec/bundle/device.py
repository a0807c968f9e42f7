"""The .tflite, running: a query about one user in, item indices and scores out.

Export verifies with it, evaluation measures with it, and the runtime adds raw ids and titles.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from ..errors import BundleError, InputError, shown
from ..schema import FloatArray, IntArray, Signature
from .contract import GraphSpec
from .inputs import LARGEST_OF_STATE, InputBuilder, Inputs
from .query import Query, VectorLike
from .quiet import without_info_lines
from .ranking import RankedItems, filled, shown_items

MOST_THREADS = 256
"""More threads make a call slower, not faster."""

_loaded: weakref.WeakSet[DeviceModel] = weakref.WeakSet()


def _after_fork() -> None:
    """In the child: a call that another thread was in the middle of never ends here."""
    for device in list(_loaded):
        device._is_cut_off |= device._lock.locked()
        device._lock = threading.Lock()  # the old one may be held by a thread that is gone


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class DeviceModel:
    """One loaded model; calls from several threads wait for each other.

    Raises BundleError when the runtime cannot load the bytes, or when an output of the model is no
    valid answer; InputError for indices that the catalogue does not have.
    """

    def __init__(self, content: bytes, spec: GraphSpec, *, threads: int = 1) -> None:
        self.spec = spec
        self._builder = InputBuilder(spec)
        self._lock = threading.Lock()
        self._is_cut_off = False
        _loaded.add(self)
        if type(threads) is not int or not 1 <= threads <= MOST_THREADS:
            raise InputError(
                f"threads must be a whole number from 1 to {MOST_THREADS}, not {shown(threads)}"
            )
        try:
            with without_info_lines():
                self._interpreter = Interpreter(model_content=content, num_threads=threads)
                empty = self._builder.empty()
                self._runners = {
                    name: self._interpreter.get_signature_runner(name) for name in empty
                }
                # The first call of a signature allocates its memory: a model that cannot run is
                # found here, not in a call of the app.
                for name, inputs in empty.items():
                    self._runners[name](**inputs)
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"the runtime cannot load the model: {error}") from None

    @property
    def steps(self) -> bool:
        """Whether the model has the signature `step`."""
        return self.spec.shapes.state > 0

    def recommend(self, query: Query, *, k: int) -> RankedItems:
        """The best k items that are not blocked (nor seen, with `exclude_seen`).

        Returns indices and scores, best first, ties to the lower index; fewer than k when fewer
        items are left. One call of the graph gives K items and masks N blocked ones; blocked items
        beyond N are dropped here. Where fewer than k remain, the other items are scored in blocks
        of C and follow (`score` says how closely the two agree).
        """
        to_block = self._builder.to_block(query)
        outputs = self._run(Signature.RECOMMEND, self._builder.recommend(query, to_block))
        return self._ranked(Signature.RECOMMEND, outputs, query, to_block, k)

    def step(self, state: VectorLike, query: Query, *, k: int) -> tuple[FloatArray, RankedItems]:
        """What `recommend` gives, from the state (S,) before the newest two events.

        The call reads two events, whatever L is. It also returns the state before the newest
        event: continue from that one when the next event comes, since the feature `now` of the
        newest event changes until then. The state remembers events beyond the newest L, which
        `recommend` forgets. Where the graph's list is too short, other items follow as in
        `recommend`, scored by the newest L events.
        """
        if not self.steps:
            raise InputError("the model has no signature 'step': call 'recommend' instead")
        to_block = self._builder.to_block(query)
        outputs = self._run(Signature.STEP, self._builder.step(query, to_block, state))
        if not (np.abs(outputs[Signature.STATE]) <= LARGEST_OF_STATE).all():
            raise BundleError(
                "the model answered 'step' with an invalid state: do not use this bundle"
            )
        ranking = self._ranked(Signature.STEP, outputs, query, to_block, k)
        return outputs[Signature.STATE], ranking

    def states(self, query: Query) -> tuple[FloatArray, FloatArray]:
        """The states (S,) before the newest two events of a history, and before the newest one.

        Steps through the newest L events, one call of the model each. Without `step` the model has
        no state: S = 0.
        """
        before = after = np.zeros(self.spec.shapes.state, np.float32)
        if not self.steps:
            return before, after
        # A state is made of events alone; the user's own features only change lists.
        newest = query.events_only().part(slice(-self.spec.shapes.length, None))
        for end in range(1, len(newest.history) + 1):
            before, (after, _) = after, self.step(after, newest.part(slice(end)), k=1)
        return before, after

    def score(self, query: Query, candidates: IntArray) -> FloatArray:
        """Scores of the candidates (n,), by which `recommend` ranks, to within its rounding.

        Without successors only the candidates' rows are read. Where weights are quantized,
        `recommend` rounds the user's vector u to 8 bits before it meets the table, and `score` does
        not: scores differ by at most (max u - min u) / 510 times the sum of the row's absolute
        numbers. With successors, or in float32, they are equal.
        """
        parts = [np.empty(0, np.float32)]
        for inputs in self._builder.score(query, candidates):
            parts.append(self._run(Signature.SCORE, inputs)[Signature.SCORES])
        return np.concatenate(parts)[: len(candidates)]  # only the last call is padded

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
        inputs = self._builder.adapt(candidates, target, learning_rate, user_vector)
        vector: FloatArray = self._run(Signature.ADAPT, inputs)[Signature.USER_VECTOR]
        return vector

    def _run(self, signature: str, inputs: Inputs) -> dict[str, npt.NDArray[Any]]:
        """A signature's outputs, without the batch; BundleError when it fails or gives no numbers.

        A sound model never does. Of an untrusted model only some calls are tried when it is loaded.
        """
        if self._is_cut_off:
            raise InputError("the process was forked during a call: load the model again")
        with self._lock:
            try:
                outputs = self._runners[signature](**inputs)
            except (ValueError, RuntimeError) as error:
                raise BundleError(f"the model cannot answer '{signature}': {error}") from None
            # The arrays are the interpreter's own memory, which the next call overwrites.
            copies = {name: values[0].copy() for name, values in outputs.items()}
        if not all(np.isfinite(values).all() for values in copies.values()):
            raise BundleError(
                f"the model answered '{signature}' with NaN or infinity: do not use this bundle"
            )
        return copies

    def _ranked(
        self,
        signature: str,
        outputs: dict[str, npt.NDArray[Any]],
        query: Query,
        to_block: IntArray,
        k: int,
    ) -> RankedItems:
        """The best k items, of the signature's list first."""
        shapes, excluded = self.spec.shapes, query.excluded(self.spec.exclude_seen)
        ranking = shown_items(signature, outputs, to_block, shapes)
        return filled(ranking, k, excluded, shapes, lambda items: self.score(query, items))
