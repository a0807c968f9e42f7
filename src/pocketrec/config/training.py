"""[training]: how long, how fast and how reproducibly the model learns."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from .base import Count, Probability, Section

LossName = Literal["softmax", "sampled_softmax", "in_batch", "gbce"]

LOSS_FIELDS: dict[str, frozenset[str]] = {
    "softmax": frozenset({"label_smoothing"}),
    "sampled_softmax": frozenset({"negatives"}),
    "in_batch": frozenset(),
    "gbce": frozenset({"negatives", "calibration"}),
}
"""Which of the optional fields of [training] each loss reads; the others are refused."""


class TrainingConfig(Section):
    """How long, how fast and how reproducibly the model learns."""

    epochs: Count = Field(100, description="passes over the users, unless stopped early")
    seed: int = Field(1, ge=0, lt=2**32, description="of weights, order, windows and dropout")
    loss: LossName = Field(
        "softmax",
        description="over all items; or over drawn ones, at a speed that does not depend on how "
        "many items there are: for more than some 10,000",
    )
    negatives: Count = Field(1024, description="items drawn for a step, shared by its labels")
    label_smoothing: Probability = Field(
        0.0, description="share of each label's weight that all items get alike (softmax)"
    )
    calibration: float = Field(
        0.75, ge=0, le=1, description="gBCE's t: 1 undoes the bias of few negatives, 0 nothing"
    )
    batch_labels: Count = Field(4096, description="labels (positions trained) in one step")
    learning_rate: float = Field(2e-3, gt=0, le=1, description="peak of the schedule")
    weight_decay: float = Field(0.01, ge=0, le=1, description="AdamW's, on matrices only")
    warmup: Probability = Field(0.03, description="share of all steps until the peak rate")
    schedule: Literal["cosine", "constant"] = Field("cosine", description="after the warm-up")
    gradient_clip: float = Field(1.0, gt=0, description="largest norm of a step's gradient")
    validate_every: Count = Field(1, description="epochs between measurements of NDCG@10")
    validate_users: Count = Field(10_000, description="most users that a measurement ranks")
    patience: Count = Field(10, description="measurements without a better NDCG@10 until the end")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="of the loss's matrix products, on a GPU of the encoder's too; auto: bfloat16 "
        "on a GPU that has it, else float32",
    )
    threads: int | None = Field(
        None, ge=1, le=256, description="CPU threads of a worker; by default all there are, shared"
    )
    round_events: Count = Field(
        50_000_000,
        description="most training events in memory at a time; of a larger log as many shards as "
        "fit are trained, then others",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        optional = frozenset[str]().union(*LOSS_FIELDS.values())
        if unused := sorted((optional - LOSS_FIELDS[self.loss]) & self.model_fields_set):
            raise ValueError(f"training.{unused[0]} has no effect on loss '{self.loss}': remove it")
        return self
