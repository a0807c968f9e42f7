"""The manifest of a run: the data, the config and the result of training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from ..preparation.manifest import Size, validate_manifest
from ..storage.artifact import open_manifest, write_manifest

KIND = "run"


class DataCounts(BaseModel):
    """What a run and its bundle say about the preparation.

    Warnings are left out: they quote ids of users, which must not get into bundles.
    """

    read: Size
    kept: Size
    items: int
    training_events: int
    cuts: tuple[int, int] | None


class TrainingData(BaseModel):
    """The prepared data that a run was trained on."""

    fingerprint: str
    folder: str
    """Path from the run's folder to the prepared data, when the run was started."""
    source: dict[str, Any]
    counts: DataCounts


class RunManifest(BaseModel):
    """The content of a run's manifest.json; results are missing until the run is finished."""

    model_config = ConfigDict(frozen=True)

    finished: bool
    fingerprint: str
    """Of everything that decides the result; see `run_fingerprint`."""
    config: dict[str, Any]
    data: TrainingData
    features: list[dict[str, Any]]
    parameters: int
    labels_per_epoch: int
    torch: str
    epochs: int = 0
    best_epoch: int = 0
    validation: dict[str, float] = {}
    """Metrics of the best epoch, by name."""
    files: dict[str, Any] = {}
    """Bytes and sha256 of each file; filled in when the manifest is written."""

    @classmethod
    def read(cls, folder: Path, *, check_files: bool = True) -> Self:
        """Check and read the manifest of a folder; ArtifactError if it is not that of a run."""
        content = open_manifest(folder, KIND, check_files=check_files)
        return validate_manifest(cls, content, folder, remedy="train it again")

    def write(self, folder: Path, files: Sequence[Path]) -> None:
        """Write manifest.json into `folder`, with the size and sha256 of each of `files`."""
        content = self.model_dump(exclude={"files"}, exclude_unset=True)
        write_manifest(folder, KIND, content, files=list(files))

    def provenance(self) -> dict[str, Any]:
        """What a bundle says about its data and training, without paths."""
        # In this order: the manifest of a bundle is hashed as it stands.
        keys = ("parameters", "epochs", "best_epoch", "validation", "labels_per_epoch", "torch")
        return {
            "data": self.data.model_dump(exclude={"folder"}),
            "training": {key: getattr(self, key) for key in keys},
        }
