"""pocketrec prepare: a log -> prepared data."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from ..errors import ConfigError, needs_extra
from ..storage.paths import AnyPath, parse_path
from . import log
from .common import AsJson, ConfigPath, Settings, out, print_json, say
from .tables import disclosed

if TYPE_CHECKING:
    from ..preparation.manifest import PreparedManifest


class EngineName(Enum):
    """What runs the preparation."""

    LOCAL = "local"
    BEAM = "beam"


def command(
    config_path: ConfigPath,
    folder: Annotated[str, typer.Option("--out", help="Folder for the prepared data, or a URL.")],
    beam_options: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- BEAM OPTION...]", help="Options of Apache Beam, after --."),
    ] = None,
    settings: Settings = None,
    engine: Annotated[
        EngineName, typer.Option(help="local: this machine; beam: a cluster, by Apache Beam.")
    ] = EngineName.LOCAL,
    runner: Annotated[
        str | None, typer.Option(help="For beam: DataflowRunner, FlinkRunner, ...")
    ] = None,
    scratch: Annotated[
        str | None,
        typer.Option(help="For beam: folder or URL that all workers reach; default: beside --out."),
    ] = None,
    as_json: AsJson = False,
    quiet: log.Quiet = False,
    verbose: log.Verbose = False,
    log_format: log.LogFormat = log.Format.TEXT,
) -> None:
    """Turn a log into vocabularies, sequences and a split, ready to train on.

    With --engine beam, put the options of Beam's runner after two dashes:
    pocketrec prepare shop.toml --out gs://b/data --engine beam -- --runner=DataflowRunner
    """
    log.configure(quiet=quiet, verbose=verbose, log_format=log_format)
    on_beam = engine is EngineName.BEAM
    words = [*([f"--runner={runner}"] if runner else []), *(beam_options or [])]
    _check_beam(beam_options or [], runner, scratch, on_beam=on_beam)
    with needs_extra("Preparing data", "scale" if on_beam else "train"):
        from ..config.sections import Config
        from ..preparation.pipeline import Beam, prepare_folder

    config = Config.load(config_path, settings, check_sources=True)
    beam = Beam(words, scratch) if on_beam else None
    place = parse_path(folder)
    with _bar() as (on_progress, on_download):
        manifest, is_new = prepare_folder(
            config, place, beam=beam, on_progress=on_progress, on_download=on_download
        )
    _show(manifest, place, config_path, as_json=as_json, is_new=is_new)


def _check_beam(
    options: list[str], runner: str | None, scratch: str | None, *, on_beam: bool
) -> None:
    """Refuse Beam options without --engine beam, and words that belong to no option."""
    if not on_beam and (runner or scratch):
        raise ConfigError(
            f"--{'runner' if runner else 'scratch'} has no effect without --engine beam"
        )
    for before, word in zip(["", *options], options, strict=False):
        is_value = before.startswith("-") and "=" not in before
        if not on_beam or not (word.startswith("-") or is_value):
            raise ConfigError(f"Got unexpected extra argument ({word})")


@contextmanager
def _bar() -> Iterator[tuple[Callable[[int], None], Callable[[int, int | None], None]]]:
    """One bar, first for a download's bytes and then for the steps of the preparation."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(),
    )
    with log.bar(*columns) as bar:
        task = bar.add_task("preparing", total=None, amount="")
        steps = itertools.count(1)

        def on_progress(_: int) -> None:
            amount = f"{next(steps):,} steps"
            bar.update(task, description="preparing", total=None, amount=amount)

        def on_download(done: int, total: int | None) -> None:
            amount = f"{done / 1e6:,.1f} MB"
            bar.update(task, description="downloading", completed=done, total=total, amount=amount)

        yield on_progress, on_download


def _show(
    manifest: PreparedManifest,
    folder: AnyPath,
    config_path: Path,
    *,
    as_json: bool,
    is_new: bool,
) -> None:
    counts = manifest.counts
    if as_json:
        seconds = round(log.elapsed(), 1) if is_new else None
        print_json({"out": str(folder), "seconds": seconds, **counts.model_dump()})
    else:
        read, kept = counts.read, counts.kept
        say(
            f"{read.events:,} events of {read.users:,} users and {read.items:,} items read, "
            f"{kept.events:,} of {kept.users:,} and {kept.items:,} kept: {folder}"
        )
        out.print(disclosed(counts.disclosed))
    for sentence in counts.warnings:
        log.warning(sentence)
    then: list[Any] | str = "copy it to where you train, and give the copy as --data"
    if isinstance(folder, Path):
        run = f"runs/{folder.resolve().name}"
        then = ["pocketrec", "train", config_path, "--data", folder, "--out", run]
    log.finish(wrote=folder if is_new else None, then=then)
