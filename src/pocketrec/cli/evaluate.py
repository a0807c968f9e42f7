"""pocketrec evaluate: a bundle or a run, and prepared data -> a table of metrics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from ..errors import ArtifactError, ConfigError, needs_extra
from . import log
from .common import AsJson, DataPath, out, print_json
from .tables import print_report

if TYPE_CHECKING:
    from ..bundle.folder import Bundle
    from ..training.run import Run


def command(
    name: Annotated[
        str,
        typer.Argument(metavar="BUNDLE|RUN", help="A folder, or a name of `pocketrec list`."),
    ],
    data_path: DataPath,
    part: Annotated[str, typer.Option(help="Which targets to rank: test or valid.")] = "test",
    as_json: AsJson = False,
    quiet: log.Quiet = False,
    verbose: log.Verbose = False,
    log_format: log.LogFormat = log.Format.TEXT,
) -> None:
    """Rank every test user's next item among all items, beside the baselines.

    For a bundle, the .tflite itself ranks for every user: the figures hold for the file you ship.
    """
    log.configure(quiet=quiet, verbose=verbose, log_format=log_format)
    with needs_extra("Evaluating", "train"):
        from ..evaluation.pipeline import evaluate
        from ..preparation.data import PreparedData
        from ..pretrained import find_bundle

    if part not in ("test", "valid"):
        raise ConfigError(f"--part is 'test' or 'valid', not '{part}'")
    folder = find_bundle(name)
    data = PreparedData.open(data_path)
    model, then = _open(folder)
    with log.counting("ranking") as on_progress:
        report = evaluate(
            model, data, part=cast(Literal["test", "valid"], part), on_progress=on_progress
        )
    if as_json:
        print_json(report.to_json())
    else:
        print_report(report, out)
    log.finish(then=then)


def _open(folder: Path) -> tuple[Bundle | Run, list[object]]:
    """Open a bundle or a run; return it with the words of the command to run next."""
    from ..bundle.folder import open_bundle
    from ..bundle.manifest import KIND as BUNDLE
    from ..storage.artifact import kind_of
    from ..training.manifest import KIND as RUN
    from ..training.run import Run

    match kind_of(folder):
        case kind if kind == BUNDLE:
            return open_bundle(folder), ["pocketrec", "serve", folder]
        case kind if kind == RUN:
            bundle = f"bundles/{folder.resolve().name}"
            return Run.open(folder), ["pocketrec", "export", folder, "--out", bundle]
    raise ArtifactError(f"'{folder}' is neither a bundle nor a run")
