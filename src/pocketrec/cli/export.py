"""pocketrec export: a run -> a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ..errors import needs_extra
from . import log
from .common import OUT, AsJson, OtherData, Settings, cell, out, print_json, say
from .tables import disclosed

if TYPE_CHECKING:
    from ..bundle.manifest import BundleManifest, Quality


def command(
    run_path: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that `train` wrote.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for the bundle.", **OUT)],
    data_path: OtherData = None,
    accept_quality_loss: Annotated[
        bool,
        typer.Option(help="Write the bundle even if NDCG@10 falls by more than allowed."),
    ] = False,
    settings: Settings = None,
    as_json: AsJson = False,
    quiet: log.Quiet = False,
    verbose: log.Verbose = False,
    log_format: log.LogFormat = log.Format.TEXT,
) -> None:
    """Convert, quantize and verify a trained model, and write the bundle if it passes."""
    log.configure(quiet=quiet, verbose=verbose, log_format=log_format)
    with needs_extra("Exporting", "train"):
        from ..export.pipeline import export_folder
        from ..training.run import Run

    with log.stages("exporting") as on_stage:
        bundle, is_new = export_folder(
            Run.open(run_path),
            folder,
            data=data_path,
            overrides=settings or (),
            accept_quality_loss=accept_quality_loss,
            on_stage=on_stage,
        )
    _show(bundle.manifest, folder, as_json=as_json, is_new=is_new)


def _show(manifest: BundleManifest, folder: Path, *, as_json: bool, is_new: bool) -> None:
    quality, shown = manifest["quality"], manifest["disclosed"]
    if as_json:
        seconds = round(log.elapsed(), 1) if is_new else None
        print_json({"out": str(folder), "seconds": seconds, **quality, "disclosed": shown})
    else:
        _print(quality, shown, folder)
    if quality["accepted_quality_loss"]:
        log.warning("NDCG@10 fell by more than the gate allows, which was accepted")
    log.finish(
        wrote=folder if is_new else None,
        then=["pocketrec", "recommend", folder],
    )


def _print(quality: Quality, shown: dict[str, Any], folder: Path) -> None:
    table = Table("check", "value", "must be", title=cell(folder))
    for name, gate in quality["gates"].items():
        accepted = "" if gate["passed"] else " (accepted)"
        table.add_row(name, f"{gate['value']:.4g}{accepted}", gate["must_be"])
    for name, value in quality["measured"].items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else f"{value:.4f}", "")
    out.print(table)
    out.print(disclosed(shown))
    say(f"{quality['measured']['bytes']:,} bytes of model: {folder}")
