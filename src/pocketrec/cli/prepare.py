"""pocketrec prepare: a log -> prepared data."""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
from rich.table import Table

from ..errors import ArtifactError, DataError, needs_extra
from . import log
from .common import AsJson, ConfigPath, Settings, cell, out, print_json, say

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
        from ..logs.read import describe_source, read_catalogue, read_events, read_users, stamp
        from ..toml import load_config

    config = load_config(config_path, settings)
    check_replaceable(folder, KIND)
    if config.data.source is not None and config.data.path is None:
        _download(config.data.source)
    before = stamp(config)
    source = describe_source(config)
    sections = config.model_dump(mode="json", include=PREPARED)
    inputs = fingerprint(source, sections | {"data": sections["data"] | {"path": None}})
    with suppress(ArtifactError):  # there is none, or a damaged one that is to be replaced
        manifest = open_manifest(folder, KIND)
        if manifest.get("inputs") == inputs:
            log.info(f"'{folder}' is already prepared from this log and config: nothing to do")
            _show(manifest, folder, config_path, as_json=as_json, is_new=False)
            return
    events = read_events(config)
    catalogue = read_catalogue(config, events)
    if catalogue is not None:
        read_attributes(catalogue, config.features.item)  # refused here, not after the work
    users = read_users(config, events) if config.features.user else None
    check_users(users, config.features.user)
    with (
        new_folder(folder, KIND) as draft,
        tempfile.TemporaryDirectory(dir=draft.path, ignore_cleanup_errors=True) as scratch,
        log.counting("preparing", None) as advance,
    ):
        engine = LocalEngine(Path(scratch), lambda: advance(1))
        counts, features = prepare(
            events, catalogue, users, config, engine, draft.path, now=time.time()
        )
        if stamp(config) != before:
            raise DataError("the log changed while it was read: prepare again when it rests")
        draft.manifest |= {
            "inputs": inputs,
            "source": source,
            "config": config.model_dump(mode="json", exclude_unset=True, include=PREPARED),
            "features": [feature.to_json() for feature in features],
            "counts": counts,
        }
    manifest = open_manifest(folder, KIND, check_files=False)
    _show(manifest, folder, config_path, as_json=as_json, is_new=True)


def _download(source: SourceName) -> None:
    """Fetch a published data set into the cache, if it is not there, with a bar of bytes."""
    from ..logs.download import fetch

    columns = (TextColumn(source), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with log.bar(*columns) as bar:
        task = bar.add_task("", total=None)
        fetch(source, progress=lambda done, total: bar.update(task, completed=done, total=total))


def _show(
    manifest: dict[str, Any], folder: Path, config_path: Path, *, as_json: bool, is_new: bool
) -> None:
    counts = manifest["counts"]
    if as_json:
        seconds = round(log.elapsed(), 1) if is_new else None
        print_json({"out": str(folder), "seconds": seconds, **counts})
    else:
        read, kept = counts["read"], counts["kept"]
        say(
            f"{read['events']:,} events of {read['users']:,} users and {read['items']:,} items "
            f"read, {kept['events']:,} of {kept['users']:,} and {kept['items']:,} kept: {folder}"
        )
        out.print(disclosed(counts["disclosed"]))
    for sentence in counts["warnings"]:
        log.warning(sentence)
    run = f"runs/{folder.resolve().name}"
    log.finish(
        wrote=folder if is_new else None,
        then=[*("pocketrec", "train", config_path, "--data", folder), "--out", run],
    )


def disclosed(found: dict[str, Any]) -> Table:
    """What of the log a bundle will show, and how few users are behind it."""
    table = Table("of the log, a bundle shows", "how many", "fewest users behind one")
    users, items = found["users"], found["items"]
    table.add_row("users: their number, no id", f"{users['learned_from']:,}", "")
    fewest, learned = items["fewest_users"], items["fewest_users_in_training"]
    behind = f"{fewest:,}" + (f" ({learned:,} in training)" if learned < fewest else "")
    table.add_row("items: ids", f"{items['ids']:,}", behind)
    table.add_row("items: titles", f"{items['titles']:,}", "")
    table.add_row("names and sha256 of the log's files", "all", "")
    for name, count in found["attributes"].items():
        table.add_row(cell(f"values of items' {name}"), f"{count:,}", "")
    for name, feature in found["features"].items():
        fewest = feature["fewest_users"]
        withheld = f" ({feature['withheld']:,} rarer ones withheld)" if feature["withheld"] else ""
        table.add_row(
            cell(f"{feature['kind']} of {name}"),
            f"{feature['of_the_log']:,}{withheld}",
            f"{fewest:,}" if fewest else "",
        )
    if "followers" in found:
        pairs = found["followers"]
        alone = f" ({pairs['of_one_user']:,} of one user alone)" if pairs["of_one_user"] else ""
        table.add_row(
            "pairs: item and follower", f"{pairs['pairs']:,}{alone}", f"{pairs['fewest_users']:,}"
        )
    return table
