"""What is evaluated: a bundle, a run, or anything else that ranks the items of prepared data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..bundle.folder import Bundle
from ..errors import ArtifactError
from ..features.encoding import Feature
from ..preparation.data import PreparedData
from .compare import Ranker, device_ranker


@dataclass(frozen=True)
class Subject:
    """How it ranks, which features it reads, and its [evaluation] settings."""

    name: str
    ranker: Ranker
    features: Sequence[Feature]
    settings: dict[str, Any]
    runs: str = "the model"
    """What is run for each user, for the log."""
    added_items: int = 0
    """Items that were added after training: they are ranked too, and nobody has touched them."""


class Evaluable(Protocol):
    """What knows how it is evaluated on prepared data, such as a run."""

    def subject(self, data: PreparedData) -> Subject:
        """Raises ArtifactError when it was trained on other data: its test may have been seen."""
        ...


def bundle_subject(bundle: Bundle, data: PreparedData) -> Subject:
    """A bundle, whose .tflite itself is run for every user."""
    try:
        same = bundle.manifest["provenance"]["data"]["split"] == data.split_fingerprint
        settings = bundle.manifest["config"].get("evaluation", {})
    except (KeyError, TypeError, AttributeError):
        raise ArtifactError(f"'{bundle.folder}' does not say what it was trained on") from None
    check_data(str(bundle.folder), data, same=same, exclude_seen=bundle.spec.exclude_seen)
    return Subject(
        bundle.folder.name,
        device_ranker(bundle.device()),
        bundle.spec.features,
        settings,
        runs="the .tflite",
        added_items=len(bundle.items) - data.item_count,
    )


def check_data(name: str, data: PreparedData, *, same: bool, exclude_seen: bool) -> None:
    """Raise ArtifactError unless the figures of a subject on these data would mean something."""
    if not same:
        raise ArtifactError(
            f"'{name}' was trained on data prepared otherwise than '{data.folder}': its test "
            "events may have been trained on, so no figure would mean anything"
        )
    if exclude_seen != data.config.data.exclude_seen:
        raise ArtifactError(
            f"'{name}' was made with data.exclude_seen = {str(exclude_seen).lower()}, "
            f"'{data.folder}' with the opposite: prepare with the same to compare"
        )
