"""Read a .tflite file's operators, signatures and constants without loading it as a model."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from ..errors import BundleError

MAGIC = b"TFL3"
_NO_TENSOR = -1  # an optional input that is left out

MOST_PARTS = 200_000
"""Limit of tensors, operators and their inputs and outputs together: ten times our largest model.
A file may refer to one part any number of times, so that a few bytes could describe a graph that
takes hours to walk."""
MOST_DIMENSIONS = 8

NUMBERS = frozenset(
    {"float32", "int64", "int32", "int16", "int8", "int4", "uint16", "uint8", "bool"}
)
"""Tensor types that our graphs use; others, such as text, have contents that kernels parse."""

_TENSOR_TYPES: dict[int, str] = {
    number: name.lower() for name, number in vars(schema.TensorType).items() if name.isupper()
}
_OPERATORS: dict[int, str] = {
    number: name for name, number in vars(schema.BuiltinOperator).items() if name.isupper()
}


@dataclass(frozen=True)
class TensorSpec:
    """Element type ("int32", "float32", ...) and shape of an input or output."""

    dtype: str
    shape: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """The tensor as a bundle's manifest stores it."""
        return {"dtype": self.dtype, "shape": list(self.shape)}


@dataclass(frozen=True)
class SignatureSpec:
    """Inputs and outputs of one signature, by name."""

    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]

    def to_json(self) -> dict[str, Any]:
        """The signature as a bundle's manifest stores it."""
        return {
            "inputs": {name: spec.to_json() for name, spec in sorted(self.inputs.items())},
            "outputs": {name: spec.to_json() for name, spec in sorted(self.outputs.items())},
        }


@dataclass(frozen=True)
class Constant:
    """A tensor stored in the file: its type, its shape, and the number of its buffer."""

    dtype: str
    shape: tuple[int, ...]
    buffer: int


@dataclass(frozen=True)
class Call:
    """A use of an operator: its name ("CUSTOM:name" for custom ones), numbers of tensors in and
    out."""

    operator: str
    inputs: int
    outputs: int


@dataclass(frozen=True)
class ModelFacts:
    """The calls of operators, signatures and constants of a model."""

    calls: frozenset[Call]
    signatures: dict[str, SignatureSpec]
    constants: frozenset[Constant]

    @property
    def operators(self) -> list[str]:
        """Names of the operators, sorted."""
        return sorted({call.operator for call in self.calls})


def inspect(content: bytes) -> ModelFacts:
    """Read the facts from a file's bytes; raises BundleError when they are not a .tflite model.

    A graph in which an operator reads a tensor before another one has written it is refused too:
    the runtime would read uninitialised memory.
    """
    if content[4:8] != MAGIC:
        raise BundleError(
            "the model is no .tflite file (its bytes 4 to 8 are not TFL3): copy or export it again"
        )
    try:
        return _inspect(schema.Model.GetRootAs(content, 0))
    # Reading a damaged flatbuffer at a wrong offset raises any of these.
    except (
        struct.error,
        IndexError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
    ) as error:
        raise BundleError(
            f"the model is a damaged .tflite file ({error}): copy or export it again"
        ) from None


def _inspect(model: Any) -> ModelFacts:
    limited = _LimitedRanges()
    names = _operator_names(model, limited)
    if model.SubgraphsLength() == 0:
        raise ValueError("it holds no graph")
    calls: set[Call] = set()
    constants: set[Constant] = set()
    for graph in (model.Subgraphs(i) for i in limited.up_to(model.SubgraphsLength())):
        written = {graph.Inputs(i) for i in limited.up_to(graph.InputsLength())}
        for index, constant in _read_constants(model, graph, limited):
            if index in written:
                raise ValueError("an input of the graph is stored as a constant")
            written.add(index)
            constants.add(constant)
        for operator in (graph.Operators(i) for i in limited.up_to(graph.OperatorsLength())):
            name = names[_check_index(operator.OpcodeIndex(), len(names))]
            inputs = [operator.Inputs(i) for i in limited.up_to(operator.InputsLength())]
            outputs = {operator.Outputs(i) for i in limited.up_to(operator.OutputsLength())}
            _check_flow(name, inputs, outputs, written, graph.TensorsLength())
            calls.add(Call(name, len(inputs), len(outputs)))
            written |= outputs
    return ModelFacts(frozenset(calls), _read_signatures(model, limited), frozenset(constants))


class _LimitedRanges:
    """Ranges over the parts of a file, until they have MOST_PARTS numbers together."""

    def __init__(self) -> None:
        self._left = MOST_PARTS

    def up_to(self, length: int) -> range:
        """The range up to `length`; ValueError once the limit is reached."""
        self._left -= length
        if self._left < 0:
            raise ValueError(f"it has more than {MOST_PARTS:,} parts")
        return range(length)


def _operator_names(model: Any, limited: _LimitedRanges) -> list[str]:
    names = []
    for code in (model.OperatorCodes(i) for i in limited.up_to(model.OperatorCodesLength())):
        # Old files keep the code in a byte, newer ones in an int: the larger one counts.
        builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        custom = code.CustomCode()
        names.append(
            f"CUSTOM:{custom.decode()}" if custom else _OPERATORS.get(builtin, f"#{builtin}")
        )
    return names


def _read_constants(
    model: Any, graph: Any, limited: _LimitedRanges
) -> Iterator[tuple[int, Constant]]:
    """The stored tensors of a graph, with their indices; ValueError for a tensor of text."""
    for index in limited.up_to(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        if _TENSOR_TYPES.get(tensor.Type()) not in NUMBERS:
            raise ValueError("it holds a tensor that does not hold numbers")
        buffer = model.Buffers(_check_index(tensor.Buffer(), model.BuffersLength()))
        if buffer.DataLength() or buffer.Size():
            spec = _read_spec(tensor)
            yield index, Constant(spec.dtype, spec.shape, tensor.Buffer())


def _read_signatures(model: Any, limited: _LimitedRanges) -> dict[str, SignatureSpec]:
    signatures = {}
    for i in limited.up_to(model.SignatureDefsLength()):
        signature = model.SignatureDefs(i)
        graph = model.Subgraphs(_check_index(signature.SubgraphIndex(), model.SubgraphsLength()))
        inputs = [signature.Inputs(i) for i in limited.up_to(signature.InputsLength())]
        outputs = [signature.Outputs(i) for i in limited.up_to(signature.OutputsLength())]
        signatures[signature.SignatureKey().decode()] = SignatureSpec(
            _read_named_specs(graph, inputs), _read_named_specs(graph, outputs)
        )
    return signatures


def _check_flow(
    name: str, inputs: list[int], outputs: set[int], written: set[int], count: int
) -> None:
    """Raise ValueError unless an operator reads written tensors and writes unwritten ones."""
    if inputs[2:] == [_NO_TENSOR] and name == "FULLY_CONNECTED":
        inputs = inputs[:2]  # its bias is optional
    if not written.issuperset(inputs):
        raise ValueError(f"{name} reads a tensor that nothing has written")
    if outputs & written or not all(0 <= index < count for index in outputs):
        raise ValueError(f"{name} writes a tensor that is written already or does not exist")


def _read_named_specs(graph: Any, maps: list[Any]) -> dict[str, TensorSpec]:
    count = graph.TensorsLength()
    return {
        entry.Name().decode(): _read_spec(graph.Tensors(_check_index(entry.TensorIndex(), count)))
        for entry in maps
    }


def _check_index(index: int, length: int) -> int:
    """Return the index if it is valid: flatbuffers itself reads beyond the end of a vector."""
    if not 0 <= index < length:
        raise IndexError(f"index {index} of {length}")
    return index


def _read_spec(tensor: Any) -> TensorSpec:
    if tensor.ShapeLength() > MOST_DIMENSIONS:
        raise ValueError("a tensor has too many dimensions")
    shape = tuple(int(tensor.Shape(i)) for i in range(tensor.ShapeLength()))
    return TensorSpec(_TENSOR_TYPES.get(tensor.Type(), f"#{tensor.Type()}"), shape)
