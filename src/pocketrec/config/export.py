"""[export]: what the device gets, and the gates that it must pass."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ..schema import LARGEST_BLOCKED
from .base import Count, Fraction, Section

QuantizationName = Literal["float32", "int8", "int4", "pq"]

QUANTIZATION_GATES: dict[str, tuple[float, float]] = {
    "float32": (0.01, 0.95),
    "int8": (0.01, 0.95),
    "int4": (0.01, 0.95),
    "pq": (0.02, 0.6),
}
"""Of each kind the largest loss of NDCG@10 and the least overlap, when the TOML tells no others."""


class ExportConfig(Section):
    """What the device gets."""

    quantization: QuantizationName = Field(
        "int8",
        description="of the weights; pq: int8, and of each item `code_bytes` bytes in the place of "
        "its row (for very large catalogues: centres and books of the codes are 3 MB where there "
        "are 262,144 items or more, of dim 64)",
    )
    code_bytes: int = Field(
        8, ge=4, le=32, multiple_of=2, description="bytes of an item with quantization pq; even"
    )
    results: Count = Field(100, description="K, the longest list that one call gives")
    candidates: Count = Field(256, description="C, candidates scored by one call")
    blocked: int = Field(
        256, ge=1, le=LARGEST_BLOCKED, description="N, further items that one call can leave out"
    )
    max_ndcg_loss: Fraction | None = Field(
        None, description="gate: relative loss of NDCG@10 to float; 0.01, for pq 0.02"
    )
    min_overlap: Fraction | None = Field(
        None, description="gate: mean overlap of the top 10 with float; 0.95, for pq 0.6"
    )
    max_bytes: Count | None = Field(None, description="gate: size of the .tflite")
    max_latency_ms: float | None = Field(
        None, gt=0, description="gate: median milliseconds of a call, one thread, where it is made"
    )
    check_users: Count = Field(10_000, description="most validation users behind the gates")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.quantization != "pq" and "code_bytes" in self.model_fields_set:
            raise ValueError(
                f"export.code_bytes has no effect on quantization '{self.quantization}': remove it"
            )
        return self

    @property
    def largest_loss(self) -> float:
        """The limit of the relative loss of NDCG@10 that is in force."""
        given = self.max_ndcg_loss
        return QUANTIZATION_GATES[self.quantization][0] if given is None else given

    @property
    def least_overlap(self) -> float:
        """The limit of the overlap of the top 10 that is in force."""
        given = self.min_overlap
        return QUANTIZATION_GATES[self.quantization][1] if given is None else given
