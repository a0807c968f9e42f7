"""Signatures, operators and constants of a .tflite, read from its bytes without running it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from ..errors import BundleError
from .names import OPERATOR_NAMES, TYPE_NAMES

MAGIC = b"TFL3"
_NONE = -1

MOST_PARTS = 200_000
"""Limit on tensors, operators and their operands together: ten times our largest file's. A file
may refer to one part any number of times, so a few bytes could keep us reading forever."""
MOST_DIMENSIONS = 8

NUMBERS = frozenset(
    {"float32", "int64", "int32", "int16", "int8", "int4", "uint16", "uint8", "bool"}
)
"""Element types that our graphs use. Others are refused: kernels read offsets from text, say."""


@dataclass(frozen=True)
class TensorSpec:
    """Element type ("int32", "float32", ...) and shape of an input or output."""

    dtype: str
    shape: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """As a bundle's manifest stores it."""
        return {"dtype": self.dtype, "shape": list(self.shape)}


@dataclass(frozen=True)
class SignatureSpec:
    """Inputs and outputs of one signature, by name."""

    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]

    def to_json(self) -> dict[str, Any]:
        """As a bundle's manifest stores it."""
        return {
            "inputs": {name: spec.to_json() for name, spec in sorted(self.inputs.items())},
            "outputs": {name: spec.to_json() for name, spec in sorted(self.outputs.items())},
        }


@dataclass(frozen=True)
class Constant:
    """A stored tensor: its type, shape and the buffer that holds it."""

    dtype: str
    shape: tuple[int, ...]
    buffer: int


@dataclass(frozen=True)
class Call:
    """How an operator is used: its name ("CUSTOM:name" if custom), number of inputs and outputs."""

    operator: str
    inputs: int
    outputs: int


@dataclass(frozen=True)
class ModelFacts:
    """What a file holds: calls of operators, signatures by name, constants."""

    calls: frozenset[Call]
    signatures: dict[str, SignatureSpec]
    constants: frozenset[Constant]

    @property
    def operators(self) -> list[str]:
        """Names of the operators, sorted."""
        return sorted({call.operator for call in self.calls})


def inspect(content: bytes, *, most_parts: int = MOST_PARTS) -> ModelFacts:
    """Read the facts from a file's bytes; raises BundleError if they are no valid .tflite model.

    A graph whose operator reads a tensor that nothing before it computes is not valid: the runtime
    would read foreign memory. Neither is one of more than `most_parts` tensors, operators and
    operands together.
    """
    if content[4:8] != MAGIC:
        raise BundleError("the model is no .tflite file (it does not say TFL3)")
    try:
        return _inspect(schema.Model.GetRootAs(content, 0), _Counted(most_parts))
    # In a damaged flatbuffer, reading at a wrong offset may raise any of these.
    except (
        struct.error,
        IndexError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
    ) as error:
        raise BundleError(f"the model is a damaged .tflite file ({error})") from None


def _inspect(model: Any, each: _Counted) -> ModelFacts:
    codes = [model.OperatorCodes(i) for i in each(model.OperatorCodesLength())]
    names = []
    for code in codes:
        # Old files store the code in a byte, newer ones in an int; the larger of the two counts.
        builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        custom = code.CustomCode()
        names.append(
            f"CUSTOM:{custom.decode()}" if custom else OPERATOR_NAMES.get(builtin, f"#{builtin}")
        )
    if model.SubgraphsLength() == 0:
        raise ValueError("it holds no graph")
    calls, constants = set(), set()
    for graph in (model.Subgraphs(i) for i in each(model.SubgraphsLength())):
        known = {graph.Inputs(i) for i in each(graph.InputsLength())}
        for index in each(graph.TensorsLength()):
            tensor = graph.Tensors(index)
            if TYPE_NAMES.get(tensor.Type()) not in NUMBERS:
                raise ValueError("it holds what is no number")
            buffer = model.Buffers(_within(tensor.Buffer(), model.BuffersLength()))
            if buffer.DataLength() or buffer.Size():
                if index in known:
                    raise ValueError("an input is stored")
                known.add(index)
                spec = _spec(tensor)
                constants.add(Constant(spec.dtype, spec.shape, tensor.Buffer()))
        for operator in (graph.Operators(i) for i in each(graph.OperatorsLength())):
            name = names[_within(operator.OpcodeIndex(), len(names))]
            inputs = [operator.Inputs(i) for i in each(operator.InputsLength())]
            made = {operator.Outputs(i) for i in each(operator.OutputsLength())}
            _check_flow(name, inputs, made, known, graph.TensorsLength())
            calls.add(Call(name, len(inputs), len(made)))
            known |= made
    signatures = {}
    for definition in (model.SignatureDefs(i) for i in each(model.SignatureDefsLength())):
        graph = model.Subgraphs(_within(definition.SubgraphIndex(), model.SubgraphsLength()))
        inputs = [definition.Inputs(i) for i in each(definition.InputsLength())]
        outputs = [definition.Outputs(i) for i in each(definition.OutputsLength())]
        signatures[definition.SignatureKey().decode()] = SignatureSpec(
            _named(graph, inputs), _named(graph, outputs)
        )
    return ModelFacts(frozenset(calls), signatures, frozenset(constants))


class _Counted:
    """Gives ranges until their total length exceeds a limit."""

    def __init__(self, most: int) -> None:
        self.most = self.left = most

    def __call__(self, length: int) -> range:
        self.left -= length
        if self.left < 0:
            raise ValueError(f"it has more than {self.most:,} parts")
        return range(length)


def _check_flow(name: str, inputs: list[int], made: set[int], known: set[int], count: int) -> None:
    """Raise ValueError unless an operator reads known tensors and writes unknown ones."""
    if inputs[2:] == [_NONE] and name == "FULLY_CONNECTED":
        inputs = inputs[:2]  # the bias is optional
    if not known.issuperset(inputs):
        raise ValueError(f"{name} reads what nothing has made")
    if made & known or not all(0 <= index < count for index in made):
        raise ValueError(f"{name} writes where something is")


def _named(graph: Any, maps: list[Any]) -> dict[str, TensorSpec]:
    count = graph.TensorsLength()
    return {m.Name().decode(): _spec(graph.Tensors(_within(m.TensorIndex(), count))) for m in maps}


def _within(index: int, length: int) -> int:
    """The index, checked: flatbuffers itself would read past the end of a vector."""
    if not 0 <= index < length:
        raise IndexError(f"index {index} of {length}")
    return index


def _spec(tensor: Any) -> TensorSpec:
    if tensor.ShapeLength() > MOST_DIMENSIONS:
        raise ValueError("a tensor has too many dimensions")
    shape = tuple(int(tensor.Shape(i)) for i in range(tensor.ShapeLength()))
    return TensorSpec(TYPE_NAMES.get(tensor.Type(), f"#{tensor.Type()}"), shape)
