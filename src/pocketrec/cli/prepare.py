"""pocketrec prepare: a log -> prepared data."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from ..errors import ArtifactError, needs_extra
from .common import AsJson, ConfigPath, Settings, err, print_json, progress_bar, say, timed

if TYPE_CHECKING:
    from ..config import SourceName

PREPARED: dict[str, Any] = {
    "data": True,
    "split": True,
    "features": {"event", "time", "user"},
}
"""What of the config decides what the prepared data are."""


def command(
    config_path: ConfigPath,
    folder: Annotated[Path, typer.Option("--out", help="Folder for the prepared data.")],
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Turn a log into vocabularies, sequences and a split, ready to train on."""
    with needs_extra("Preparing data", "train"):
        from ..artifact import check_replaceable, fingerprint, new_folder, open_manifest
        from ..examples.attributes import read_attributes
        from ..examples.engines.local import LocalEngine
        from ..examples.inputs import check_users
        from ..examples.prepare import prepare
        from ..examples.shards import KIND
        from ..logs.read import describe_source, read_catalogue, read_events, read_users
        from ..toml import load_config

    config = load_config(config_path, settings)
    check_replaceable(folder, KIND)
    if config.data.source is not None and config.data.path is None:
        _download(config.data.source)
    source = describe_source(config)
    sections = config.model_dump(mode="json", include=PREPARED)
    inputs = fingerprint(source, sections | {"data": sections["data"] | {"path": None}})
    with suppress(ArtifactError):  # there is none, or a damaged one that is to be replaced
        manifest = open_manifest(folder, KIND)
        if manifest["inputs"] == inputs:
            say(f"'{folder}' is already prepared from this log and config: nothing to do", err)
            _show(manifest, folder, as_json=as_json)
            return
    events = read_events(config)
    catalogue = read_catalogue(config, events)
    if catalogue is not None:
        read_attributes(catalogue, config.features.item)  # refused here, not after the work
    users = read_users(config, events) if config.features.user else None
    check_users(users, config.features.user)
    with (
        timed() as seconds,
        new_folder(folder, KIND) as draft,
        tempfile.TemporaryDirectory(dir=draft.path) as scratch,
        progress_bar("preparing", None) as bar,
    ):
        engine = LocalEngine(Path(scratch), lambda: bar.advance(bar.task_ids[0]))
        counts, features = prepare(events, catalogue, users, config, engine, draft.path)
        draft.manifest |= {
            "inputs": inputs,
            "source": source,
            "config": config.model_dump(mode="json", exclude_unset=True, include=PREPARED),
            "features": [feature.to_json() for feature in features],
            "counts": counts,
        }
    manifest = open_manifest(folder, KIND, check_files=False)
    _show(manifest, folder, as_json=as_json, seconds=seconds[0])


def _download(source: SourceName) -> None:
    """Fetch a published data set into the cache, if it is not there, with a bar of bytes."""
    from ..logs.download import fetch

    columns = (TextColumn(source), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=None)
        fetch(source, progress=lambda done, total: bar.update(task, completed=done, total=total))


def _show(
    manifest: dict[str, Any], folder: Path, *, as_json: bool, seconds: float | None = None
) -> None:
    counts = manifest["counts"]
    if as_json:
        print_json({"out": str(folder), "seconds": seconds, **counts})
        return
    read, kept = counts["read"], counts["kept"]
    took = f" in {seconds:.1f} s" if seconds is not None else ""
    say(
        f"{read['events']:,} events of {read['users']:,} users and {read['items']:,} items read, "
        f"{kept['events']:,} of {kept['users']:,} and {kept['items']:,} kept: {folder}{took}"
    )
