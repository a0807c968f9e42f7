"""The config of an experiment: one TOML file. Unknown keys and values out of range are errors.

Each field has a description, which docs/config.md and errors quote.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Self

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from ..errors import ConfigError
from ..storage.paths import AnyPath, parse_path
from .base import Count, Section
from .data import DataConfig, SplitConfig
from .explain import explain
from .export import ExportConfig
from .features import FeaturesConfig
from .load import override, read_toml
from .model import ITEM_ID, ModelConfig
from .training import TrainingConfig


class EvaluationConfig(Section):
    """What `evaluate` measures."""

    cutoffs: tuple[Count, ...] = Field(
        (1, 5, 10, 20), min_length=1, description="values of k in NDCG@k and the other metrics"
    )
    bootstrap: Count = Field(1000, description="resamples for each 95 % interval")
    seed: int = Field(1, ge=0, lt=2**32, description="random seed of the resamples")


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

    def __init__(self, **sections: Any) -> None:
        """Check the sections, each a table or a dictionary; ConfigError says what is wrong."""
        try:
            super().__init__(**sections)
        except ValidationError as error:
            raise ConfigError(explain(error, Config)) from None

    @classmethod
    def load(
        cls,
        path: str | Path,
        overrides: Iterable[str] | None = None,
        *,
        check_sources: bool = False,
    ) -> Self:
        """Read a TOML file, with `overrides` such as "model.dim=32" laid over it.

        It need not name the files that `prepare` will be given as tables, unless `check_sources`.
        Raises ConfigError with the file, the key and what was expected.
        """
        path = Path(path)
        document = read_toml(path, overrides or ())
        folder = path.resolve().parent
        return cls.parse(document, name=str(path), folder=folder, check_sources=check_sources)

    @classmethod
    def parse(
        cls,
        document: dict[str, Any],
        *,
        name: str,
        folder: Path | None = None,
        check_sources: bool = True,
    ) -> Self:
        """Check a config that is a dictionary; errors begin with `name`, where it came from."""
        try:
            config = cls.model_validate(document)
            if check_sources:
                config.check_sources()
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from None
        return config if folder is None else config.in_folder(folder)

    def override(self, settings: Iterable[str] | None, *, only: str) -> Self:
        """The config of an artifact with settings changed, all of them of one section."""
        document = self.model_dump(mode="json", exclude_unset=True)
        for setting in settings or ():
            if setting.partition(".")[0].strip() != only:
                raise ConfigError(f"'{setting}' cannot be changed any more, only [{only}] can")
            override(document, setting)
        return self.parse(document, name="--set", folder=self.folder)

    @model_validator(mode="after")
    def _check(self) -> Self:
        features = {ITEM_ID, *self.features.event, *self.features.time}
        grouped = {name for group in self.model.groups.values() for name in group.features}
        # Each feature is in one group at least: what is in none would be prepared and never read.
        if self.model.groups and (wrong := sorted(features ^ grouped)):
            problem = (
                "is in none of" if wrong[0] in features else "is not in [features] but in one of"
            )
            raise ValueError(f"'{wrong[0]}' {problem} model.groups ({', '.join(sorted(features))})")
        if self.export.quantization == "int4" and self.model.dim % 2:
            raise ValueError(
                "export.quantization 'int4' needs an even model.dim, because two numbers share a "
                "byte"
            )
        return self

    def check_sources(self, tables: Collection[str] = ()) -> None:
        """Raise ConfigError unless everything to be read has a path, or is passed as a table.

        `tables` names the tables passed: "events", "items", "users".
        """
        data = self.data
        if data.source is not None:
            return
        named = {"events": data.path, "items": data.items, "users": data.users}
        missing = {name for name, path in named.items() if path is None and name not in tables}
        if "events" in missing:
            raise ConfigError('give data.path = "events.csv" or data.source = "movielens/100k"')
        if "items" in missing:
            if unused := {"items_id", "items_title"} & data.model_fields_set:
                raise ConfigError(
                    f"data.{min(unused)} has no effect without data.items, the catalogue"
                )
            if self.features.item:
                raise ConfigError(
                    "[features.item] needs data.items, the catalogue with the attributes"
                )
        if "users" in missing:
            if "users_id" in data.model_fields_set:
                raise ConfigError("data.users_id has no effect without data.users")
            if self.features.user:
                raise ConfigError("[features.user] needs data.users, the table with the attributes")

    def in_folder(self, folder: Path) -> Self:
        """Set the folder that paths are relative to."""
        self._folder = folder
        return self

    @property
    def folder(self) -> Path:
        """The folder of the TOML."""
        return self._folder

    def resolve(self, path: str) -> AnyPath:
        """A path of the TOML, relative to the folder of the TOML; or a URL."""
        return parse_path(path, self._folder)
