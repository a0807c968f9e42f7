"""From a log to prepared data, as one function: `prepare`."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from ..config.sections import Config
from ..errors import ArtifactError, DataError
from ..features.encoding import Feature
from ..ingest.download import fetch
from ..ingest.events import Log
from ..ingest.parallel import ParallelMap, map_serially
from ..ingest.read import describe_source, file_versions, open_users, read_catalogue, read_log
from ..ingest.tables import write_tables
from ..ingest.users import Users
from ..storage.artifact import fingerprint
from ..storage.paths import AnyPath, parse_path
from ..storage.remote import RemoteDraft, check_replaceable, new_folder
from .attributes import read_attributes
from .data import PreparedData
from .engines.scratch import beam_engine, local_engine
from .features import check_users
from .manifest import KIND, Counts, PreparedManifest
from .prepare import run_preparation

LOG = logging.getLogger("pocketrec")

PREPARED: dict[str, Any] = {
    "data": True,
    "split": True,
    "features": {"event", "time", "user"},
}
"""The part of the config that decides what the prepared data are."""


@dataclass(frozen=True)
class Beam:
    """Prepare on Apache Beam: its own options, and a scratch folder that all workers reach."""

    options: Sequence[str] = ()
    scratch: str | None = None


def prepare(
    config: Config,
    out: str | os.PathLike[str],
    *,
    events: Any = None,
    items: Any = None,
    users: Any = None,
    beam: Beam | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> PreparedData:
    """Turn a log into vocabularies, sequences and a split, ready to train on.

    The log, the catalogue and the users' attributes are read from the files that the config names,
    or are given as polars, pandas or Arrow tables with the columns that the config names. `out` is
    a folder on this machine. When it holds the same already, nothing is done. `on_progress` is
    called with the number of steps done. Raises ConfigError, DataError or ArtifactError in one
    sentence.
    """
    folder = Path(out).expanduser()
    with tempfile.TemporaryDirectory(prefix="pocketrec.") as scratch:
        tables = {"events": events, "items": items, "users": users}
        config.check_sources([name for name, table in tables.items() if table is not None])
        config = write_tables(config, tables, Path(scratch))
        prepare_folder(config, folder, beam=beam, on_progress=on_progress)
    # All files were written or checked just now: they are not hashed again.
    return PreparedData.of(folder, PreparedManifest.read(folder, check_files=False))


def prepare_folder(
    config: Config,
    out: str | AnyPath,
    *,
    beam: Beam | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
    on_download: Callable[[int, int | None], None] = lambda _, __: None,
) -> tuple[PreparedManifest, bool]:
    """Prepare the files that a config names into a folder, or a URL; gives its manifest.

    The second value is False when the folder held the same already. `on_download` is called with
    the bytes that were fetched of a published data set, and with all there are, if known.
    """
    folder = parse_path(out) if isinstance(out, str) else out
    check_replaceable(folder, KIND)
    if config.data.source is not None and config.data.path is None:
        fetch(config.data.source, progress=on_download)
    check_unchanged = _watch(config)
    source = describe_source(config)
    made_from = _fingerprint(config, source)
    with suppress(ArtifactError):  # there is none, or a damaged one that is to be replaced
        manifest = PreparedManifest.read(folder)
        if manifest.made_from == made_from:
            LOG.info(f"'{folder}' is already prepared from this log and config: nothing to do")
            return manifest, False
    with ExitStack() as stack:
        cluster = None
        if beam is not None:
            cluster = stack.enter_context(
                beam_engine(folder, beam.scratch, beam.options, on_progress)
            )
        events, catalogue, users = _read(config, cluster.map_tasks if cluster else map_serially)
        draft = stack.enter_context(new_folder(folder, KIND))
        if cluster and isinstance(draft, RemoteDraft):
            cluster.on_write = partial(_make_way, draft, check_unchanged)
        engine = cluster or stack.enter_context(local_engine(draft.path, on_progress))
        counts, features = run_preparation(
            events, catalogue, users, config, engine, draft.path, now=time.time()
        )
        check_unchanged()
        if cluster and isinstance(draft, RemoteDraft):
            draft.written = cluster.written
        manifest = _manifest(config, made_from, source, counts, features)
        draft.manifest |= manifest.content()
    return manifest, True


def _fingerprint(config: Config, source: dict[str, Any]) -> str:
    """What the prepared data depend on: the content of the log, not the place where it lies."""
    sections = config.model_dump(mode="json", include=PREPARED)
    return fingerprint(source, sections | {"data": sections["data"] | {"path": None}})


def _watch(config: Config) -> Callable[[], None]:
    """A check that the files are still what they were when this was called."""
    before = file_versions(config)

    def check() -> None:
        if file_versions(config) != before:
            raise DataError("the log changed while it was read: prepare again when it rests")

    return check


def _read(
    config: Config, map_tasks: ParallelMap
) -> tuple[Log | pl.LazyFrame, pl.DataFrame | None, Users | pl.DataFrame | None]:
    """Log, catalogue and users; features that these do not have are refused before any work."""
    events = read_log(config, map_tasks)
    catalogue = read_catalogue(config, events)
    if catalogue is not None:
        read_attributes(catalogue, config.features.item)
    users = open_users(config, events, map_tasks) if config.features.user else None
    check_users(None if users is None else users.schema, config.features.user)
    return events, catalogue, users


def _manifest(
    config: Config,
    made_from: str,
    source: dict[str, Any],
    counts: dict[str, Any],
    features: list[Feature],
) -> PreparedManifest:
    return PreparedManifest(
        made_from=made_from,
        source=source,
        config=config.model_dump(mode="json", exclude_unset=True, include=PREPARED),
        features=[feature.to_json() for feature in features],
        counts=Counts.model_validate(counts),
    )


def _make_way(draft: RemoteDraft, check: Callable[[], None]) -> None:
    """Remove the older artifact at a URL, but only once nothing can be refused any more."""
    check()
    draft.begin()
