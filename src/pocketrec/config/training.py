"""[training]: loss, optimizer, schedule and resources."""

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
"""The optional fields of [training] that each loss reads; the others are errors."""


class TrainingConfig(Section):
    """Loss, optimizer, schedule and resources."""

    epochs: Count = Field(
        100, description="most passes over the training data; `patience` may end it earlier"
    )
    seed: int = Field(
        1, ge=0, lt=2**32, description="random seed of weights, order, windows and dropout"
    )
    loss: LossName = Field(
        "softmax",
        description="softmax is over all items; the others are over sampled ones, at a speed that "
        "does not depend on the number of items: for more than about 10,000",
    )
    negatives: Count = Field(1024, description="items sampled per step, shared by its labels")
    label_smoothing: Probability = Field(
        0.0, description="share of each label's weight spread evenly over all items (softmax)"
    )
    calibration: float = Field(
        0.75,
        ge=0,
        le=1,
        description="gBCE's t: 1 removes the bias of few negatives, 0 leaves it (gbce)",
    )
    batch_labels: Count = Field(4096, description="labels (trained positions) per step")
    learning_rate: float = Field(2e-3, gt=0, le=1, description="peak learning rate")
    weight_decay: float = Field(
        0.01, ge=0, le=1, description="weight decay of AdamW, on matrices only"
    )
    warmup: Probability = Field(0.03, description="share of the steps until the peak learning rate")
    schedule: Literal["cosine", "constant"] = Field(
        "cosine", description="learning rate after the warm-up"
    )
    gradient_clip: float = Field(1.0, gt=0, description="largest norm of the gradient of a step")
    validate_every: Count = Field(1, description="epochs between measurements of NDCG@10")
    validate_users: Count = Field(10_000, description="most users per measurement")
    patience: Count = Field(
        10, description="measurements without a better NDCG@10 before training ends"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="of the matrix products of the loss, and on a GPU of the encoder; auto: "
        "bfloat16 on a GPU that has it, else float32",
    )
    threads: int | None = Field(
        None,
        ge=1,
        le=256,
        description="CPU threads per worker; default: all cores, divided among the workers",
    )
    round_events: Count = Field(
        50_000_000,
        description="most training events in memory at once; a larger log is trained in rounds of "
        "as many shards as fit",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        optional = frozenset[str]().union(*LOSS_FIELDS.values())
        if unused := sorted((optional - LOSS_FIELDS[self.loss]) & self.model_fields_set):
            raise ValueError(f"training.{unused[0]} has no effect on loss '{self.loss}': remove it")
        return self
