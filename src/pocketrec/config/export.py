"""[export]: the file that the device gets, and the gates that it must pass."""

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
"""Default gates of each kind: the largest loss of NDCG@10 and the least overlap."""


class ExportConfig(Section):
    """The file that the device gets, and the gates that it must pass."""

    quantization: QuantizationName = Field(
        "int8",
        description="numbers that the weights are stored as; pq: int8, with `code_bytes` bytes per "
        "item instead of a table row (for very large catalogues: centroids and codebooks take 3 MB "
        "from 262,144 items on, at dim 64)",
    )
    code_bytes: int = Field(
        8,
        ge=4,
        le=32,
        multiple_of=2,
        description="bytes per item with quantization pq; an even number",
    )
    results: Count = Field(100, description="K, the longest list that one call returns")
    candidates: Count = Field(256, description="C, the most candidates that one call scores")
    blocked: int = Field(
        256,
        ge=1,
        le=LARGEST_BLOCKED,
        description="N, the most items that one call can exclude besides the history",
    )
    max_ndcg_loss: Fraction | None = Field(
        None,
        description="gate: largest loss of NDCG@10 relative to float32; default: 0.01, for pq 0.02",
    )
    min_overlap: Fraction | None = Field(
        None,
        description="gate: least mean overlap of the top 10 with float32; default: 0.95, for "
        "pq 0.6",
    )
    max_bytes: Count | None = Field(None, description="gate: largest size of the .tflite")
    max_latency_ms: float | None = Field(
        None,
        gt=0,
        description="gate: longest median time of a call, with one thread of this machine",
    )
    check_users: Count = Field(
        10_000, description="most validation users that the gates are measured on"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.quantization != "pq" and "code_bytes" in self.model_fields_set:
            raise ValueError(
                f"export.code_bytes has no effect on quantization '{self.quantization}': remove it"
            )
        return self

    @property
    def largest_loss(self) -> float:
        """The largest relative loss of NDCG@10 allowed: `max_ndcg_loss`, or the kind's default."""
        default, _ = QUANTIZATION_GATES[self.quantization]
        return default if self.max_ndcg_loss is None else self.max_ndcg_loss

    @property
    def least_overlap(self) -> float:
        """The least overlap of the top 10 allowed: `min_overlap`, or the kind's default."""
        _, default = QUANTIZATION_GATES[self.quantization]
        return default if self.min_overlap is None else self.min_overlap
