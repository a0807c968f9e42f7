"""pocketrec export: a run -> a bundle."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from .. import __version__
from ..errors import ArtifactError, needs_extra
from . import log
from .common import OUT, AsJson, OtherData, Settings, cell, out, print_json, say
from .prepare import disclosed


def command(
    run_path: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that `train` wrote.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for the bundle.", **OUT)],
    data_path: OtherData = None,
    accept_quality_loss: Annotated[
        bool, typer.Option(help="Ship although NDCG@10 fell by more than the gate allows.")
    ] = False,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Convert, quantize and verify a trained model, and write the bundle if it passes."""
    with needs_extra("Exporting", "train"):
        from ..bundle.folder import KIND, open_bundle
        from ..config.load import override_config
        from ..export.build import export_bundle
        from ..export.codes import SETTINGS as OF_CODES
        from ..export.codes import fit_codes, some_users
        from ..export.disclosure import disclosure
        from ..preparation.data import PreparedData, StoredSequences
        from ..storage.artifact import fingerprint, open_manifest
        from ..storage.draft import check_replaceable, new_folder
        from ..training.adaptation import SETTINGS, fit_adaptation
        from ..training.run import Run

    run = Run.open(run_path)
    data = PreparedData.open(data_path or run.data_folder)
    if data.fingerprint != run.manifest["data"]["fingerprint"]:
        raise ArtifactError(f"'{data.folder}' is not the data that '{run_path}' was trained on")
    config = override_config(run.config, settings, only="export")
    check_replaceable(folder, KIND)
    made_from = fingerprint(
        run.manifest["files"],
        config.export.model_dump(),
        __version__,
        accept_quality_loss,
        SETTINGS,
        OF_CODES,
    )
    with suppress(ArtifactError):  # there is none, or a damaged one that is to be replaced
        manifest = open_bundle(folder).manifest
        if manifest.get("made_from") == made_from and "disclosed" in manifest:
            log.info(f"'{folder}' already holds this run, exported: nothing to do")
            _show(manifest, folder, as_json=as_json, is_new=False)
            return
    targets = data.targets("valid", config.export.check_users, features=run.model.features)
    provenance = run.provenance()
    provenance["data"]["split"] = data.split_fingerprint
    with log.steps("exporting") as step, new_folder(folder, KIND) as draft:
        step("fitting what a like teaches")
        adaptation = fit_adaptation(
            run.model, StoredSequences(data), exclude_seen=config.data.exclude_seen
        )
        codes = None
        if config.export.quantization == "pq":
            step(f"fitting codes of {config.export.code_bytes} bytes an item")
            users = some_users(data, run.model.features)
            codes = fit_codes(run.model, users, data.item_counts, config.export.code_bytes)
        export_bundle(
            run.model,
            run.catalogue,
            targets,
            config,
            provenance,
            draft,
            disclosed=disclosure(data, run.model),
            adaptation=adaptation,
            codes=codes,
            made_from=made_from,
            accept_quality_loss=accept_quality_loss,
            on_step=step,
        )
    _show(open_manifest(folder, KIND, check_files=False), folder, as_json=as_json, is_new=True)


def _show(manifest: dict[str, Any], folder: Path, *, as_json: bool, is_new: bool) -> None:
    quality, told = manifest["quality"], manifest["disclosed"]
    if as_json:
        seconds = round(log.elapsed(), 1) if is_new else None
        print_json({"out": str(folder), "seconds": seconds, **quality, "disclosed": told})
    else:
        _print(quality, told, folder)
    if quality["accepted_quality_loss"]:
        log.warning("NDCG@10 fell by more than the gate allows, which was accepted")
    log.finish(
        wrote=folder if is_new else None,
        then=["pocketrec", "recommend", folder],
    )


def _print(quality: dict[str, Any], told: dict[str, Any], folder: Path) -> None:
    table = Table("check", "found", "must be", title=cell(folder))
    for name, gate in quality["gates"].items():
        accepted = "" if gate["passed"] else " (accepted)"
        table.add_row(name, f"{gate['value']:.4g}{accepted}", gate["must_be"])
    for name, value in quality["measured"].items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else f"{value:.4f}", "")
    out.print(table)
    out.print(disclosed(told))
    say(f"{quality['measured']['bytes']:,} bytes of model: {folder}")
