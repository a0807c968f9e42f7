"""A finished run: its config, its item table and the model with the best weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..config.sections import Config
from ..errors import ArtifactError
from ..evaluation.compare import scorer_ranker
from ..evaluation.subject import Subject, check_data
from ..features.encoding import Feature
from ..models.recommender import RecommenderModel
from ..models.scorer import ModelScorer
from ..preparation.attributes import read_attributes
from ..preparation.data import PreparedData
from ..schema import File
from ..storage.artifact import fingerprint
from .checkpoint import load_checkpoint
from .manifest import RunManifest


@dataclass(frozen=True)
class Run:
    """A finished run, opened; `model` holds the best weights, in evaluation mode."""

    folder: Path
    manifest: RunManifest
    config: Config
    catalogue: pl.DataFrame
    model: RecommenderModel

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """Check the hashes and load the run; ArtifactError if it is unfinished or damaged."""
        folder = Path(folder)
        manifest = RunManifest.read(folder)
        if not manifest.finished:
            raise ArtifactError(f"'{folder}' is not finished: train it with --resume first")
        config = Config.parse(manifest.config, name=f"{folder}/{File.MANIFEST}")
        catalogue = pl.read_parquet(folder / File.ITEMS_TABLE, glob=False)
        attributes = read_attributes(catalogue, config.features.item)
        features = [Feature.from_json(entry) for entry in manifest.features]
        model = RecommenderModel(catalogue.height, config.model, attributes, features).eval()
        load_checkpoint(folder / File.CHECKPOINTS / File.BEST, model)
        return cls(folder, manifest, config, catalogue, model)

    @property
    def data_folder(self) -> Path:
        """Where the prepared data was when the run was started."""
        return self.folder / self.manifest.data.folder

    def subject(self, data: PreparedData) -> Subject:
        """The torch model, for evaluation; ArtifactError if it was trained on other data."""
        same = self.manifest.data.fingerprint == data.fingerprint
        exclude_seen = self.config.data.exclude_seen
        check_data(str(self.folder), data, same=same, exclude_seen=exclude_seen)
        ranker = scorer_ranker(ModelScorer(self.model), data.item_count, exclude_seen)
        settings = self.manifest.config.get("evaluation", {})
        return Subject(
            self.folder.name, ranker, self.model.features, settings, runs="the torch model"
        )


def run_fingerprint(config: Config, data: PreparedData) -> str:
    """Hash of everything that decides a run's result; the number of workers does not."""
    sections = [getattr(config, name).model_dump() for name in ("features", "model", "training")]
    # `exclude_seen` changes the validation score, and so which epoch is the best.
    return fingerprint(*sections, data.fingerprint, data.config.data.exclude_seen)
