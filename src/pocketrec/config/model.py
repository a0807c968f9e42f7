"""[model]: the user encoder and its size."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ..errors import ConfigError
from ..schema import LARGEST_DIM, LARGEST_LENGTH
from .base import Count, Fraction, Probability, Section

EncoderName = Literal["bow", "cnn", "lstm", "gru", "transformer"]
ENCODER_FIELDS: dict[str, frozenset[str]] = {
    "bow": frozenset({"layers", "feedforward"}),
    "cnn": frozenset({"layers", "kernel_size"}),
    "lstm": frozenset({"layers"}),
    "gru": frozenset({"layers"}),
    "transformer": frozenset({"layers", "heads", "feedforward"}),
}
"""Which of the optional fields of [model] each encoder reads; the others are refused."""

ENCODER_DEFAULTS: dict[str, dict[str, int]] = {
    "bow": {"layers": 1, "feedforward": 4, "max_length": 200},
    "cnn": {"layers": 4, "kernel_size": 3, "max_length": 200},
    "lstm": {"layers": 1, "max_length": 50},
    "gru": {"layers": 1, "max_length": 50},
    "transformer": {"layers": 2, "heads": 2, "feedforward": 4, "max_length": 200},
}
"""Recurrent encoders are unrolled in the exported graph, which costs ops: they get L = 50."""


ITEM_ID = "item_id"
"""The name by which a group of features asks for the items themselves."""


class GroupConfig(Section):
    """Features of events that an encoder of their own reads."""

    features: list[str] = Field(
        min_length=1, description=f'names of features of events and times, and "{ITEM_ID}"'
    )
    encoder: EncoderName = Field(description="how the group's events become a vector")


class ModelConfig(Section):
    """The user encoder and its size; what an encoder does not read it refuses."""

    encoder: EncoderName = Field("transformer", description="how a history becomes a user vector")
    groups: dict[str, GroupConfig] = Field(
        {},
        description="groups of features with an encoder each, joined by a hidden layer; without "
        "any, the features of an event are added up for one encoder",
    )
    dim: int = Field(
        64, ge=4, le=LARGEST_DIM, description="width D of item embeddings and user vectors"
    )
    max_length: int | None = Field(
        None, ge=1, le=LARGEST_LENGTH, description="newest events kept, L; 200, for lstm and gru 50"
    )
    layers: int | None = Field(None, ge=1, le=32, description="blocks, layers or hidden layers")
    heads: int | None = Field(None, ge=1, le=64, description="attention heads (transformer)")
    feedforward: int | None = Field(
        None, ge=1, le=16, description="hidden width of a block's two-layer part, in units of D"
    )
    kernel_size: int | None = Field(None, ge=2, le=16, description="events per convolution (cnn)")
    dropout: Probability = Field(0.2, description="share of activations dropped in training")
    item_dropout: Probability = Field(0.1, description="share of history items hidden in training")
    temperature: float = Field(
        1.0, gt=0, le=100, description="logits are divided by it, in training and on the device"
    )
    successors: int = Field(
        8,
        ge=0,
        le=256,
        description="items kept that most often soon follow each item, at 4 bytes each in the file "
        "(2 below 32,768 items), which large catalogues may not be worth; 0: none",
    )
    min_successor_users: Count = Field(
        5, description="a successor is kept if so many users made it one, for it tells of them"
    )
    successor_share: Fraction = Field(
        0.2, description="share of the probability that the newest events' successors get"
    )

    @model_validator(mode="after")
    def _fill(self) -> Self:
        chosen = {"encoder", "layers", "heads", "feedforward", "kernel_size"}
        if self.groups and (unused := sorted(chosen & self.model_fields_set)):
            raise ValueError(f"model.{unused[0]} has no effect beside model.groups, which choose")
        reads = ENCODER_FIELDS[self.encoder]
        optional = frozenset[str]().union(*ENCODER_FIELDS.values())
        for name in sorted(optional - reads):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"model.{name} has no effect on encoder '{self.encoder}': remove it"
                )
        for name, value in ENCODER_DEFAULTS[self.encoder].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        if self.heads is not None and self.dim % self.heads:
            raise ValueError(f"model.dim = {self.dim} must be a multiple of heads = {self.heads}")
        of_successors = {"successor_share", "min_successor_users"} & self.model_fields_set
        if self.successors == 0 and of_successors:
            raise ValueError(f"model.{min(of_successors)} has no effect without model.successors")
        return self

    def for_group(self, group: GroupConfig) -> ModelConfig:
        """The same sizes with the group's encoder, which has its own defaults for the rest."""
        return ModelConfig(
            encoder=group.encoder,
            dim=self.dim,
            max_length=self.max_length,
            dropout=self.dropout,
            item_dropout=self.item_dropout,
            successors=0,
        )

    def value(self, name: str) -> int:
        """An optional field that this encoder reads, as an int (never None after checking)."""
        found = getattr(self, name)
        if not isinstance(found, int):
            raise ConfigError(f"model.{name} is not set for encoder '{self.encoder}'")
        return found
