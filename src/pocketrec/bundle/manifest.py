"""The manifest of a bundle, typed: what manifest.json says, key by key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict, cast

from ..storage.artifact import open_manifest

KIND = "bundle"


class GoldenVector(TypedDict):
    """What the model answered to a history where it was made; see `golden`."""

    history: list[int]
    features: dict[str, list[Any]]
    ids: list[int]
    scores: list[float]
    adapted: list[float]


class Quality(TypedDict):
    """The gates that the file passed, and what was measured beside them; see `export.verify`."""

    gates: dict[str, dict[str, Any]]
    accepted_quality_loss: bool
    measured: dict[str, float]


class BundleManifest(TypedDict, total=False):
    """All keys that a bundle may have, in the order in which they are written.

    Those that the runtime needs are checked when a bundle is opened; the others say how it was
    made, and are missing from bundles that others wrote.
    """

    kind: str
    format_version: int
    made_from: str
    """Fingerprint of the run and the settings, by which a second export is recognized."""
    exclude_seen: bool
    quantization: str
    quality: Quality
    disclosed: dict[str, Any]
    """What of the log is in the bundle."""
    golden: list[GoldenVector]
    config: dict[str, Any]
    provenance: dict[str, Any]
    """The data and the training behind the model."""
    versions: dict[str, str]
    shapes: dict[str, int]
    features: list[dict[str, Any]]
    inputs: dict[str, dict[str, Any]]
    """How an app fills each input; see `contract.describe_inputs`."""
    operators: list[str]
    signatures: dict[str, Any]
    added: int
    """Items that were added after training."""
    added_strength: float
    files: dict[str, dict[str, Any]]


def read_manifest(folder: Path) -> BundleManifest:
    """Check the manifest's own hash, kind and version, but not yet its files.

    Raises ArtifactError for anything but a bundle.
    """
    return cast(BundleManifest, open_manifest(folder, KIND, check_files=False))
