"""Names of operators and element types, by the numbers that a .tflite stores."""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

OPERATOR_NAMES: dict[int, str] = {
    number: name for name, number in vars(schema.BuiltinOperator).items() if name.isupper()
}
"""As the schema spells them: "FULLY_CONNECTED"."""

TYPE_NAMES: dict[int, str] = {
    number: name.lower() for name, number in vars(schema.TensorType).items() if name.isupper()
}
"""As numpy spells them, where numpy has the type: "float32"."""
