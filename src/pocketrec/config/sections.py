"""One TOML file per experiment, checked: unknown keys and values out of range are refused.

Each field carries its meaning as a description, so that documents and errors can quote it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, PrivateAttr, model_validator

from ..storage.paths import AnyPath, parse_path
from .base import Count, Section
from .data import DataConfig, SplitConfig
from .export import ExportConfig
from .features import FeaturesConfig
from .model import ITEM_ID, ModelConfig
from .training import TrainingConfig


class EvaluationConfig(Section):
    """What is measured."""

    cutoffs: tuple[Count, ...] = Field((1, 5, 10, 20), min_length=1, description="the k of @k")
    bootstrap: Count = Field(1000, description="resamples behind each 95 % interval")
    seed: int = Field(1, ge=0, lt=2**32, description="of the resamples")


class Config(Section):
    """A whole experiment."""

    data: DataConfig
    split: SplitConfig = SplitConfig()
    features: FeaturesConfig = FeaturesConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    export: ExportConfig = ExportConfig()
    _folder: Path = PrivateAttr(default_factory=Path.cwd)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.features.item and self.data.source is None and self.data.items is None:
            raise ValueError("[features.item] needs data.items, the catalogue with the attributes")
        told = {ITEM_ID, *self.features.event, *self.features.time}
        grouped = {name for group in self.model.groups.values() for name in group.features}
        if self.model.groups and (wrong := sorted(told ^ grouped)):
            problem = "is in none of" if wrong[0] in told else "is not in [features] but in one of"
            raise ValueError(f"'{wrong[0]}' {problem} model.groups ({', '.join(sorted(told))})")
        if self.features.user and self.data.source is None and self.data.users is None:
            raise ValueError("[features.user] needs data.users, the table with the attributes")
        if self.export.quantization == "int4" and self.model.dim % 2:
            raise ValueError("export.quantization 'int4' needs an even model.dim: two to a byte")
        return self

    def in_folder(self, folder: Path) -> Self:
        """Say which folder the paths are taken from."""
        self._folder = folder
        return self

    @property
    def folder(self) -> Path:
        """The folder that the TOML is in."""
        return self._folder

    def resolve(self, path: str) -> AnyPath:
        """A path of the TOML, taken from the folder that the TOML is in; or a URL."""
        return parse_path(path, self._folder)
