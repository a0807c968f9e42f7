"""From a run to a bundle, as one function: `export`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ..bundle.folder import Bundle, open_bundle
from ..bundle.manifest import KIND
from ..config.sections import Config
from ..conversion.codes import SETTINGS as CODES
from ..conversion.codes import Codes, fit_codes, some_users
from ..errors import ArtifactError
from ..preparation.data import PreparedData
from ..preparation.stored_sequences import StoredSequences
from ..schema import VERSION
from ..storage.artifact import fingerprint
from ..storage.draft import check_replaceable, new_folder
from ..training.adaptation import SETTINGS as ADAPTATION
from ..training.adaptation import fit_adaptation
from ..training.run import Run
from .build import export_bundle
from .disclosure import disclosure

LOG = logging.getLogger("pocketrec")


def export(
    run: Run | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    data: PreparedData | str | os.PathLike[str] | None = None,
    overrides: Sequence[str] = (),
    accept_quality_loss: bool = False,
    on_stage: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Convert, quantize and verify a trained model; write the bundle into `out` if it passes.

    `data` is the prepared data, by default the folder the run was trained on; `overrides` change
    settings of [export], such as "export.quantization=int4". If `out` already holds a bundle of the
    same run and settings, it is opened as it is. `on_stage` is called with the name of each stage.
    Raises QualityError with the gate that failed and by how much; `accept_quality_loss` skips the
    gate on NDCG@10.
    """
    bundle, _ = export_folder(
        run if isinstance(run, Run) else Run.open(Path(run)),
        Path(out).expanduser(),
        data=data,
        overrides=overrides,
        accept_quality_loss=accept_quality_loss,
        on_stage=on_stage,
    )
    return bundle


def export_folder(
    run: Run,
    folder: Path,
    *,
    data: PreparedData | str | os.PathLike[str] | None = None,
    overrides: Sequence[str] = (),
    accept_quality_loss: bool = False,
    on_stage: Callable[[str], None] = lambda _: None,
) -> tuple[Bundle, bool]:
    """As `export`; the second value is False when the folder held the same bundle already."""
    if not isinstance(data, PreparedData):
        data = PreparedData.open(run.data_folder if data is None else Path(data))
    if data.fingerprint != run.manifest.data.fingerprint:
        raise ArtifactError(f"'{data.folder}' is not the data that '{run.folder}' was trained on")
    config = run.config.override(list(overrides), only="export")
    check_replaceable(folder, KIND)
    made_from = fingerprint(
        run.manifest.files,
        config.export.model_dump(),
        VERSION,
        accept_quality_loss,
        ADAPTATION,
        CODES,
    )
    with suppress(ArtifactError):  # no bundle there, or a damaged one to replace
        bundle = open_bundle(folder)
        if bundle.manifest.get("made_from") == made_from and "disclosed" in bundle.manifest:
            LOG.info(f"'{folder}' already holds this run, exported: nothing to do")
            return bundle, False
    targets = data.targets("valid", config.export.check_users, features=run.model.features)
    provenance = run.manifest.provenance()
    provenance["data"]["split"] = data.split_fingerprint
    with new_folder(folder, KIND) as draft:
        on_stage("fitting what a like teaches")
        adaptation = fit_adaptation(
            run.model, StoredSequences(data), exclude_seen=config.data.exclude_seen
        )
        export_bundle(
            run.model,
            run.catalogue,
            targets,
            config,
            provenance,
            draft,
            disclosed=disclosure(data, run.model),
            adaptation=adaptation,
            codes=_codes(run, data, config, on_stage),
            made_from=made_from,
            accept_quality_loss=accept_quality_loss,
            on_stage=on_stage,
        )
    return open_bundle(folder), True


def _codes(
    run: Run, data: PreparedData, config: Config, on_stage: Callable[[str], None]
) -> Codes | None:
    """Codes to replace the item table, if the config asks for them."""
    if config.export.quantization != "pq":
        return None
    on_stage(f"fitting codes of {config.export.code_bytes} bytes an item")
    users = some_users(data, run.model.features)
    return fit_codes(run.model, users, data.item_counts, config.export.code_bytes)
