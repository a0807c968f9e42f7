"""What a device's graph is built for, and what its signatures take and give: the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from ..errors import BundleError
from ..features.encoding import MISSING, Feature
from ..schema import PADDING, Signature
from ..tflite.inspect import Constant, ModelFacts, SignatureSpec, TensorSpec

NEWEST = 2
"""Events whose feature rows `step` takes: the newest, and the one before it.

`step` returns the state before the newest event, so it needs both.
"""

MASKED = -1e9
"""Score that the graph gives to masked items; real scores are nowhere near it."""

DECAY, SLOWING = 0.95, 20
"""Schedule of learning: each step keeps this share of a user's vector, and after this many steps a
step counts half. The matrix inside `adapt` is fitted to this schedule."""


@dataclass(frozen=True)
class Shapes:
    """The sizes of a device's graph; letters as in `schema`."""

    length: int  # L
    dim: int  # D
    items: int  # V
    results: int  # K
    candidates: int  # C
    blocked: int  # N
    state: int = 0  # S, or 0 without the signature `step`

    def to_json(self) -> dict[str, int]:
        """As a bundle's manifest keeps them."""
        return {name: size for name, size in asdict(self).items() if name != "state" or size}


@dataclass(frozen=True)
class GraphSpec:
    """What a device's graph is built for."""

    shapes: Shapes
    exclude_seen: bool
    """Whether the graph masks the items of the history."""
    features: tuple[Feature, ...] = ()
    """What the model reads of events and users beside item ids."""

    def to_json(self) -> dict[str, Any]:
        """As a bundle's manifest keeps it, by the manifest's keys."""
        return {
            "exclude_seen": self.exclude_seen,
            "shapes": self.shapes.to_json(),
            "features": [feature.to_json() for feature in self.features],
        }

    @classmethod
    def from_json(cls, manifest: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; KeyError, TypeError or ValueError for anything else.

        Sizes and `exclude_seen` are taken as they are: `open_bundle` checks them.
        """
        features = tuple(Feature.from_json(entry) for entry in manifest["features"])
        return cls(Shapes(**manifest["shapes"]), manifest["exclude_seen"], features)

    def input_of(self, feature: Feature, events: int | None = None) -> TensorSpec:
        """A feature's input: int32 (1, L, M) for events, (1, M) for the user.

        `events` replaces L where a signature takes fewer.
        """
        length = self.shapes.length if events is None else events
        return TensorSpec("int32", (1, *feature.shape(length)))

    def signatures(self) -> dict[str, SignatureSpec]:
        """The contract: inputs and outputs of every signature."""
        shapes = self.shapes
        history = {
            Signature.ITEM_ID: TensorSpec("int32", (1, shapes.length)),
            **{f.input: self.input_of(f) for f in self.features},
            Signature.USER_VECTOR: TensorSpec("float32", (1, shapes.dim)),
        }
        blocked = TensorSpec("int32", (1, shapes.blocked))
        candidates = TensorSpec("int32", (1, shapes.candidates))
        ranking = {
            Signature.IDS: TensorSpec("int32", (1, shapes.results)),
            Signature.SCORES: TensorSpec("float32", (1, shapes.results)),
        }
        signatures = {
            Signature.RECOMMEND: SignatureSpec({**history, Signature.BLOCKED: blocked}, ranking),
            Signature.SCORE: SignatureSpec(
                {**history, Signature.CANDIDATES: candidates},
                {Signature.SCORES: TensorSpec("float32", (1, shapes.candidates))},
            ),
            Signature.ADAPT: SignatureSpec(
                {
                    Signature.USER_VECTOR: history[Signature.USER_VECTOR],
                    Signature.CANDIDATES: candidates,
                    Signature.TARGET: TensorSpec("float32", (1, shapes.candidates)),
                    Signature.LEARNING_RATE: TensorSpec("float32", (1, 1)),
                },
                {Signature.USER_VECTOR: TensorSpec("float32", (1, shapes.dim))},
            ),
        }
        if shapes.state:
            state = {Signature.STATE: TensorSpec("float32", (1, shapes.state))}
            newest = {f.input: self.input_of(f, NEWEST) for f in self.features}
            signatures[Signature.STEP] = SignatureSpec(
                {**history, **newest, **state, Signature.BLOCKED: blocked}, {**state, **ranking}
            )
        return signatures


_OPERANDS = {  # how many tensors each operator takes
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
OPERATORS = frozenset({_ANY_NUMBER, *(name for names in _OPERANDS.values() for name in names)})
"""Built-in operators that our graphs use; a model with any other is refused, unloaded."""


def describe_inputs(spec: GraphSpec) -> dict[str, Any]:
    """What an app has to know to fill each input: dtype, shape, encoding, and the missing value."""
    shapes = spec.shapes
    item = f"index of an item, 1..{shapes.items}: its place in items.json, counted from 1"
    newest = f"oldest first, the newest {shapes.length}, then padding"
    inputs: dict[str, dict[str, Any]] = {
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
        inputs[Signature.STATE] = {
            "encoding": "of a user before the newest two events: what the call before gave back",
            "missing": 0.0,
        }
    for feature in spec.features:
        inputs[feature.input] = {
            "encoding": f"rows of the feature '{feature.name}', see features",
            "order": f"as {Signature.ITEM_ID}" if feature.of == "event" else "any",
            "missing": MISSING,
        }
        if shapes.state and feature.of == "event":
            inputs[feature.input][Signature.STEP] = {
                "order": f"of the newest {NEWEST} events only, the newest in the last place",
                "shape": list(spec.input_of(feature, NEWEST).shape),
            }
    # `step` comes last and takes fewer events, so it is read first and then overwritten: the
    # description of an event's feature is the one of the whole history.
    for signature in reversed(spec.signatures().values()):
        for name, tensor in signature.inputs.items():
            inputs[name] |= tensor.to_json()
    return inputs


def check_operators(facts: ModelFacts) -> None:
    """Raise BundleError unless all operators are allowed and have the tensors they should have."""
    if foreign := sorted(set(facts.operators) - OPERATORS):
        raise BundleError(
            f"the model uses operators that are not allowed: {', '.join(foreign)} (allowed are "
            f"{', '.join(sorted(OPERATORS))})"
        )
    for call in facts.calls:
        if call.operator != _ANY_NUMBER and call.operator not in _OPERANDS.get(call.inputs, ()):
            raise BundleError(f"the model calls {call.operator} with {call.inputs} inputs")
        if call.outputs != 1 + (call.operator == "TOPK_V2"):
            raise BundleError(f"the model takes {call.outputs} outputs from {call.operator}")


def check_contract(facts: ModelFacts, spec: GraphSpec, item_count: int) -> None:
    """Raise BundleError unless operators, signatures and the number of items are as expected."""
    check_operators(facts)
    shapes = spec.shapes
    for name, expected in spec.signatures().items():
        actual = facts.signatures.get(name)
        if actual != expected:
            raise BundleError(
                f"signature '{name}' is {actual.to_json() if actual else 'missing'}, where "
                f"{expected.to_json()} is expected"
            )
    if item_count != shapes.items:
        raise BundleError(f"the catalogue has {item_count} items, the model {shapes.items}")
    if not item_tables(facts, shapes) and not code_columns(facts, shapes):
        raise BundleError(
            f"the model has no item table of {shapes.items + 1} x {shapes.dim} numbers, and no "
            "codes that replace one"
        )


def item_tables(facts: ModelFacts, shapes: Shapes) -> list[Constant]:
    """Constants of the item table's shape; integer index tables, whose shape may coincide, are
    excluded."""
    shape = (shapes.items + 1, shapes.dim)
    integers = ("int16", "int32", "int64")
    return [c for c in facts.constants if c.shape == shape and c.dtype not in integers]


def code_columns(facts: ModelFacts, shapes: Shapes) -> list[Constant]:
    """Columns of codes, where codes replace the item table: two bytes of each item."""
    return [c for c in facts.constants if c.shape == (shapes.items + 1,) and c.dtype == "uint16"]
