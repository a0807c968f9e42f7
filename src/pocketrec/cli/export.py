"""pocketrec export: a run -> a bundle."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..errors import ArtifactError, needs_extra
from .common import AsJson, Settings, err, out, print_json, say, timed


def command(
    run_path: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that `train` wrote.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for the bundle.")],
    data_path: Annotated[
        Path | None, typer.Option("--data", help="Prepared data; default: where it was trained.")
    ] = None,
    accept_quality_loss: Annotated[
        bool, typer.Option(help="Ship although NDCG@10 fell by more than the gate allows.")
    ] = False,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Convert, quantize and verify a trained model, and write the bundle if it passes."""
    with needs_extra("Exporting", "train"):
        from ..artifact import check_replaceable
        from ..bundle import KIND
        from ..config import override_config
        from ..evaluation.protocol import Targets
        from ..examples.shards import PreparedData
        from ..export.build import export_bundle
        from ..training.run import Run

    run = Run.open(run_path)
    data = PreparedData.open(data_path or run.data_folder)
    if data.fingerprint != run.manifest["data"]["fingerprint"]:
        raise ArtifactError(f"'{data.folder}' is not the data that '{run_path}' was trained on")
    config = override_config(run.config, settings, only="export")
    check_replaceable(folder, KIND)
    targets = Targets(*data.targets("valid", config.export.check_users))
    # Where no terminal is, a status would leave a blank line.
    show = err.status("exporting") if err.is_terminal else nullcontext()
    with show as status, timed() as seconds:
        verdict = export_bundle(
            run.model,
            run.catalogue,
            targets,
            config,
            run.provenance(),
            folder,
            accept_quality_loss=accept_quality_loss,
            on_step=lambda step: status.update(step) if status else None,
        )
    if as_json:
        print_json({"out": str(folder), "seconds": round(seconds[0], 1), **verdict.to_json()})
        return
    table = Table("check", "found", "limit", title=f"{folder}")
    for gate in verdict.gates:
        found = f"{gate.value:.4g}" if gate.passed else f"{gate.value:.4g} (accepted)"
        table.add_row(gate.name, found, f"{'≥' if gate.least else '≤'} {gate.limit:.4g}")
    for name, value in verdict.measured.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else f"{value:.4f}", "")
    out.print(table)
    size = int(verdict.measured["bytes"])
    say(f"{size:,} bytes of model: {folder} in {seconds[0]:.0f} s")
