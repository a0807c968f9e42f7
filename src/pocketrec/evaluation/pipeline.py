"""From a model and prepared data to a report, as one function: `evaluate`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from ..bundle.folder import Bundle, open_bundle
from ..config.sections import EvaluationConfig
from ..errors import ConfigError
from ..preparation.data import PreparedData
from ..pretrained import find_bundle
from .baselines import BASELINES
from .compare import compare
from .report import Report
from .subject import Evaluable, Subject, bundle_subject

LOG = logging.getLogger("pocketrec")
PARTS = ("test", "valid")


def evaluate(
    model: Bundle | Evaluable | Subject | str | os.PathLike[str],
    data: PreparedData | str | os.PathLike[str],
    *,
    part: Literal["test", "valid"] = "test",
    on_progress: Callable[[int, int], None] = lambda _, __: None,
) -> Report:
    """Rank every test user's next item among all items, beside the baselines.

    `model` is an opened bundle or run, or the folder or name of a bundle. Of a bundle the .tflite
    itself is run for every user, so the figures are those that ship. `on_progress` is called with
    the users ranked since the call before, and with how many rankings there are in all. Raises
    ArtifactError when the model was trained on other data.
    """
    if part not in PARTS:
        raise ConfigError(f"part is 'test' or 'valid', not '{part}'")
    data = data if isinstance(data, PreparedData) else PreparedData.open(Path(data))
    subject = _subject(model, data)
    LOG.info(f"running {subject.runs}")
    settings = EvaluationConfig.model_validate(subject.settings)
    item_counts = np.pad(data.item_counts, (0, subject.added_items))
    targets = data.targets(part, features=subject.features)
    variants = {}
    if any(feature.time == "now" for feature in subject.features):
        variants["without now"] = data.targets(part, features=subject.features, now=False)
    sequences = data.training()
    baselines = {name: build(sequences, len(item_counts)) for name, build in BASELINES.items()}
    total = len(targets.targets) * (1 + len(baselines) + len(variants))
    kind = data.config.split.kind
    return compare(
        subject.name,
        subject.ranker,
        baselines,
        targets,
        item_counts=item_counts,
        exclude_seen=data.config.data.exclude_seen,
        cutoffs=settings.cutoffs,
        bootstrap=settings.bootstrap,
        seed=settings.seed,
        split=kind if part == "test" else f"{kind}, {part}",
        variants=variants,
        progress=lambda done: on_progress(done, total),
    )


def _subject(
    model: Bundle | Evaluable | Subject | str | os.PathLike[str], data: PreparedData
) -> Subject:
    if isinstance(model, Subject):
        return model
    if isinstance(model, str | os.PathLike):
        model = open_bundle(find_bundle(model))
    if isinstance(model, Bundle):
        return bundle_subject(model, data)
    return model.subject(data)
