"""[model]: the user encoder and its size."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from ..errors import ConfigError
from ..schema import LARGEST_DIM, LARGEST_LENGTH
from .base import Count, Fraction, Probability, Section
from .encoders import OPTIONAL_FIELDS, EncoderName, find_encoder

ITEM_ID = "item_id"
"""In the features of a group: the items themselves."""


class GroupConfig(Section):
    """Some features of the events, and the encoder that reads them."""

    features: list[str] = Field(
        min_length=1, description=f'names from features.event and features.time, or "{ITEM_ID}"'
    )
    encoder: EncoderName = Field(description="encoder of this group")


class ModelConfig(Section):
    """The user encoder and its size. A field that the encoder does not read is an error."""

    encoder: EncoderName = Field(
        "transformer", description="turns a history into a user vector; see below"
    )
    groups: dict[str, GroupConfig] = Field(
        {},
        description="groups of features, each with its own encoder, joined by a hidden layer; "
        "without groups one encoder reads the sum of all features",
    )
    dim: int = Field(
        64, ge=4, le=LARGEST_DIM, description="D, the width of item embeddings and user vectors"
    )
    max_length: int | None = Field(
        None,
        ge=1,
        le=LARGEST_LENGTH,
        description="L, the newest events that are read; default: see below",
    )
    layers: int | None = Field(None, ge=1, le=32, description="number of blocks or layers")
    heads: int | None = Field(None, ge=1, le=64, description="attention heads")
    feedforward: int | None = Field(
        None, ge=1, le=16, description="hidden width of each two-layer part, as a multiple of D"
    )
    kernel_size: int | None = Field(None, ge=2, le=16, description="events per convolution")
    dropout: Probability = Field(0.2, description="share of activations dropped in training")
    item_dropout: Probability = Field(
        0.1, description="share of the items of a history dropped in training"
    )
    temperature: float = Field(
        1.0, gt=0, le=100, description="divides the logits, in training and on the device"
    )
    successors: int = Field(
        8,
        ge=0,
        le=256,
        description="successors kept per item: the items that most often come soon after it; each "
        "takes 4 bytes in the file (2 below 32,768 items); 0: none",
    )
    min_successor_users: Count = Field(
        5, description="a successor counts if so many users made it one; fewer could be identified"
    )
    successor_share: Fraction = Field(
        0.2, description="share of the probability given to the successors of the newest events"
    )

    @model_validator(mode="after")
    def _fill(self) -> Self:
        chosen = {"encoder", *OPTIONAL_FIELDS} & self.model_fields_set
        if self.groups and chosen:
            raise ValueError(
                f"model.{min(chosen)} has no effect beside model.groups, each of which names its "
                "own encoder: remove it"
            )
        spec = find_encoder(self.encoder)
        for name in sorted(OPTIONAL_FIELDS - spec.fields):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"model.{name} has no effect on encoder '{self.encoder}': remove it"
                )
        for name, value in spec.defaults.items():
            if getattr(self, name) is None:
                # Past the frozen model and past `model_fields_set`: a dump keeps what the TOML
                # says and no defaults, so it still parses after `--set model.encoder=...`.
                object.__setattr__(self, name, value)
        if self.heads is not None and self.dim % self.heads:
            raise ValueError(f"model.dim = {self.dim} must be a multiple of heads = {self.heads}")
        of_successors = {"successor_share", "min_successor_users"} & self.model_fields_set
        if self.successors == 0 and of_successors:
            raise ValueError(
                f"model.{min(of_successors)} has no effect with model.successors = 0: remove it"
            )
        return self

    def for_group(self, group: GroupConfig) -> ModelConfig:
        """The config of one group's encoder: shared sizes, and that encoder's own defaults."""
        return ModelConfig(
            encoder=group.encoder,
            dim=self.dim,
            max_length=self.max_length,
            dropout=self.dropout,
            item_dropout=self.item_dropout,
            successors=0,
        )

    def value(self, name: str) -> int:
        """The value of an optional field; raises ConfigError if the encoder has no such field."""
        value = getattr(self, name)
        if not isinstance(value, int):
            raise ConfigError(
                f"model.{name} is not set for encoder '{self.encoder}': give it a default in the "
                "encoder's `defaults`"
            )
        return value
