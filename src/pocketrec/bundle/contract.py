"""The sizes of a device's graph, and what follows of them: the contract of its signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import BundleError
from ..features.encoding import MISSING, Feature
from ..schema import PADDING, Signature
from ..tflite.inspect import Constant, ModelFacts, SignatureSpec, TensorSpec

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


_INPUTS = {
    1: ("CAST", "GELU", "LOG", "LOGISTIC", "RSQRT", "SOFTMAX", "TANH"),
    2: (
        "ADD", "BATCH_MATMUL", "DIV", "EMBEDDING_LOOKUP", "GATHER", "GATHER_ND", "GREATER",
        "GREATER_EQUAL", "LESS", "MAXIMUM", "MEAN", "MINIMUM", "MUL", "NOT_EQUAL", "PAD",
        "REDUCE_MAX", "RESHAPE", "SQUARED_DIFFERENCE", "SUB", "SUM", "TOPK_V2", "TRANSPOSE",
    ),
    3: ("FULLY_CONNECTED", "SCATTER_ND", "SELECT", "SLICE"),
    4: ("ONE_HOT",),
}  # fmt: skip
_ANY_NUMBER = "CONCATENATION"
OPERATORS = frozenset({_ANY_NUMBER, *(name for names in _INPUTS.values() for name in names)})
"""Built-in operators that our graphs use; a model with any other is refused, unloaded."""


def describe_inputs(shapes: Shapes, features: Sequence[Feature]) -> dict[str, Any]:
    """What an app has to know to fill each input: dtype, shape, encoding, and what missing is."""
    item = f"index of an item, 1..{shapes.items}: its place in items.json, counted from 1"
    newest = f"oldest first, the newest {shapes.length}, then padding"
    told: dict[str, dict[str, Any]] = {
        Signature.ITEM_ID: {"encoding": item, "order": newest, "missing": PADDING},
        Signature.BLOCKED: {"encoding": item, "order": "any", "missing": PADDING},
        Signature.CANDIDATES: {"encoding": item, "order": "any", "missing": PADDING},
        Signature.USER_VECTOR: {"encoding": "added to the user's vector", "missing": 0.0},
        Signature.TARGET: {
            "encoding": "1 for a candidate that was liked, -1 for one that was disliked",
            "order": f"as {Signature.CANDIDATES}",
            "missing": 0.0,
        },
        Signature.LEARNING_RATE: {"encoding": "size of the step", "missing": 0.0},
    }
    if shapes.state:
        told[Signature.STATE] = {
            "encoding": "of a user before the newest two events: what the call before gave back",
            "missing": 0.0,
        }
    for feature in features:
        told[feature.input] = {
            "encoding": f"rows of the feature '{feature.name}', see features",
            "order": f"as {Signature.ITEM_ID}" if feature.of == "event" else "any",
            "missing": MISSING,
        }
        if shapes.state and feature.of == "event":
            told[feature.input][Signature.STEP] = {
                "order": f"of the newest {NEWEST} events only, the newest in the last place",
                "shape": [1, *feature.shape(NEWEST)],
            }
    signatures = shapes.signatures(features)
    for signature in (signatures[name] for name in reversed(signatures)):
        for name, spec in signature.inputs.items():
            told[name] |= spec.to_json()  # of events' features those of the whole history remain
    return told


def check_operators(facts: ModelFacts) -> None:
    """Raise BundleError unless all operators are allowed and have the tensors they should have."""
    if foreign := sorted(set(facts.operators) - OPERATORS):
        raise BundleError(
            f"the model uses operators that are not allowed: {', '.join(foreign)} (allowed are "
            f"{', '.join(sorted(OPERATORS))})"
        )
    for call in facts.calls:
        if call.operator != _ANY_NUMBER and call.operator not in _INPUTS.get(call.inputs, ()):
            raise BundleError(f"the model gives {call.operator} {call.inputs} tensors")
        if call.outputs != 1 + (call.operator == "TOPK_V2"):
            raise BundleError(f"the model takes {call.outputs} tensors from {call.operator}")


def check_contract(
    facts: ModelFacts, shapes: Shapes, item_count: int, features: Sequence[Feature] = ()
) -> None:
    """Raise BundleError unless operators, signatures and item list are what they must be."""
    check_operators(facts)
    expected = shapes.signatures(features)
    for name, signature in expected.items():
        found = facts.signatures.get(name)
        if found != signature:
            raise BundleError(
                f"signature '{name}' is {found.to_json() if found else 'missing'}, where "
                f"{signature.to_json()} is expected"
            )
    if item_count != shapes.items:
        raise BundleError(f"the catalogue has {item_count} items, the model {shapes.items}")
    if not item_tables(facts, shapes) and not code_columns(facts, shapes):
        raise BundleError(
            f"the model has no item table of {shapes.items + 1} x {shapes.dim} numbers, nor codes "
            "for one"
        )


def item_tables(facts: ModelFacts, shapes: Shapes) -> list[Constant]:
    """What is stored in the shape of the item table; indices are not, which may chance to be so."""
    shape = (shapes.items + 1, shapes.dim)
    integers = ("int16", "int32", "int64")
    return [c for c in facts.constants if c.shape == shape and c.dtype not in integers]


def code_columns(facts: ModelFacts, shapes: Shapes) -> list[Constant]:
    """What is stored of codes, where these are the item table: two bytes of each item."""
    return [c for c in facts.constants if c.shape == (shapes.items + 1,) and c.dtype == "uint16"]
