"""pocketrec evaluate: a bundle or a run, and prepared data -> a table of what it is worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from ..errors import ArtifactError, ConfigError, needs_extra
from . import log
from .common import AsJson, DataPath, out, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..evaluation.compare import Ranker
    from ..features.encoding import Feature
    from ..preparation.data import PreparedData


def command(
    name: Annotated[
        str,
        typer.Argument(metavar="BUNDLE|RUN", help="A folder, or a name of `pocketrec list`."),
    ],
    data_path: DataPath,
    part: Annotated[str, typer.Option(help="Targets: test or valid.")] = "test",
    as_json: AsJson = False,
) -> None:
    """Rank every test user's next item among all items, beside the baselines.

    For a bundle the .tflite itself is run for every user, so the figures are those that ship.
    """
    with needs_extra("Evaluating", "train"):
        from ..config.sections import EvaluationConfig
        from ..evaluation.baselines import BASELINES
        from ..evaluation.compare import compare
        from ..preparation.data import PreparedData
        from ..pretrained import find_bundle

    if part not in ("test", "valid"):
        raise ConfigError(f"--part is 'test' or 'valid', not '{part}'")
    subject = find_bundle(name)
    data = PreparedData.open(data_path)
    ranker, features, settings, added = _open(subject, data)
    # Items that were added to a bundle: they are ranked too, and nobody has touched them.
    item_counts = np.pad(data.item_counts, (0, added))
    evaluation = EvaluationConfig.model_validate(settings)
    targets = data.targets(part, features=features)
    variants = {}
    if any(feature.time == "now" for feature in features):
        variants["without now"] = data.targets(part, features=features, now=False)
    sequences = data.training()
    baselines = {name: build(sequences, len(item_counts)) for name, build in BASELINES.items()}
    total = len(targets.targets) * (1 + len(baselines) + len(variants))
    with log.counting("ranking", total) as advance:
        report = compare(
            subject.name,
            ranker,
            baselines,
            targets,
            item_counts=item_counts,
            exclude_seen=data.config.data.exclude_seen,
            cutoffs=evaluation.cutoffs,
            bootstrap=evaluation.bootstrap,
            seed=evaluation.seed,
            split=data.config.split.kind if part == "test" else f"{data.config.split.kind}, valid",
            variants=variants,
            progress=advance,
        )
    if as_json:
        print_json(report.to_json())
    else:
        report.render(out)
    log.finish(then=_next(subject))


def _next(subject: Path) -> list[object]:
    from ..bundle.folder import KIND
    from ..storage.artifact import kind_of

    if kind_of(subject) == KIND:
        return ["pocketrec", "serve", subject]
    return ["pocketrec", "export", subject, "--out", f"bundles/{subject.resolve().name}"]


def _open(
    subject: Path, data: PreparedData
) -> tuple[Ranker, Sequence[Feature], dict[str, object], int]:
    """How the subject ranks, what it is told of events and users, its [evaluation] settings, and
    how many items were added to it after training.

    Raises ArtifactError when it was trained on other data: its test users may have been seen.
    """
    from ..bundle.folder import KIND as BUNDLE
    from ..bundle.folder import open_bundle
    from ..evaluation.compare import device_ranker, scorer_ranker
    from ..models.scorer import ModelScorer
    from ..storage.artifact import kind_of
    from ..training.run import KIND as RUN
    from ..training.run import Run

    kind, added = kind_of(subject), 0
    if kind == BUNDLE:
        bundle = open_bundle(subject)
        ranker, exclude_seen = device_ranker(bundle.device()), bundle.exclude_seen
        features, added = bundle.features, len(bundle.items) - data.item_count
        try:
            same = bundle.manifest["provenance"]["data"]["split"] == data.split_fingerprint
            settings = bundle.manifest["config"].get("evaluation", {})
        except (KeyError, TypeError, AttributeError):
            raise ArtifactError(f"'{subject}' does not say what it was trained on") from None
    elif kind == RUN:
        run = Run.open(subject)
        same = run.manifest["data"]["fingerprint"] == data.fingerprint
        scorer, features = ModelScorer(run.model), run.model.features
        exclude_seen = run.config.data.exclude_seen
        ranker = scorer_ranker(scorer, data.item_count, exclude_seen)
        settings = run.manifest["config"].get("evaluation", {})
    else:
        raise ArtifactError(f"'{subject}' is neither a bundle nor a run")
    if not same:
        raise ArtifactError(
            f"'{subject}' was trained on data prepared otherwise than '{data.folder}': its test "
            "events may have been trained on, so no figure would mean anything"
        )
    if exclude_seen != data.config.data.exclude_seen:
        raise ArtifactError(
            f"'{subject}' was made with data.exclude_seen = {str(exclude_seen).lower()}, "
            f"'{data.folder}' with the opposite: prepare with the same to compare"
        )
    log.info(f"running {'the .tflite' if kind == BUNDLE else 'the torch model'}")
    return ranker, features, settings, added
