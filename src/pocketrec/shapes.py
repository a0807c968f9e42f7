"""The sizes of a device's graph, and what follows of them: the contract of its signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from .encoding import Feature
from .schema import Signature
from .tflite import SignatureSpec, TensorSpec

NEWEST = 2
"""Events of which `step` takes rows: the newest, and the one before, whose state it gives back."""


@dataclass(frozen=True)
class Shapes:
    """The sizes that a device's graph is built for; letters as in `schema`."""

    length: int  # L
    dim: int  # D
    items: int  # V
    results: int  # K
    candidates: int  # C
    blocked: int  # N
    state: int = 0  # S, or 0 where there is no signature `step`

    def to_json(self) -> dict[str, int]:
        """As a bundle's manifest keeps them."""
        return {name: size for name, size in asdict(self).items() if name != "state" or size}

    def rows(self, feature: Feature) -> tuple[int, ...]:
        """Shape of a feature's input."""
        return (1, *feature.shape(self.length))

    def signatures(self, features: Sequence[Feature] = ()) -> dict[str, SignatureSpec]:
        """The contract: what every bundle's signatures take and give."""
        history = {
            Signature.ITEM_ID: TensorSpec("int32", (1, self.length)),
            **{f.input: TensorSpec("int32", self.rows(f)) for f in features},
            Signature.USER_VECTOR: TensorSpec("float32", (1, self.dim)),
        }
        blocked = TensorSpec("int32", (1, self.blocked))
        candidates = TensorSpec("int32", (1, self.candidates))
        ranking = {
            Signature.IDS: TensorSpec("int32", (1, self.results)),
            Signature.SCORES: TensorSpec("float32", (1, self.results)),
        }
        found = {
            Signature.RECOMMEND: SignatureSpec({**history, Signature.BLOCKED: blocked}, ranking),
            Signature.SCORE: SignatureSpec(
                {**history, Signature.CANDIDATES: candidates},
                {Signature.SCORES: TensorSpec("float32", (1, self.candidates))},
            ),
            Signature.ADAPT: SignatureSpec(
                {
                    Signature.USER_VECTOR: history[Signature.USER_VECTOR],
                    Signature.CANDIDATES: candidates,
                    Signature.TARGET: TensorSpec("float32", (1, self.candidates)),
                    Signature.LEARNING_RATE: TensorSpec("float32", (1, 1)),
                },
                {Signature.USER_VECTOR: TensorSpec("float32", (1, self.dim))},
            ),
        }
        if self.state:
            state = {Signature.STATE: TensorSpec("float32", (1, self.state))}
            newest = {f.input: TensorSpec("int32", (1, *f.shape(NEWEST))) for f in features}
            found[Signature.STEP] = SignatureSpec(
                {**history, **newest, **state, Signature.BLOCKED: blocked}, {**state, **ranking}
            )
        return found
