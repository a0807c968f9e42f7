"""pocketrec prepare: a log -> prepared data."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
from rich.table import Table

from ..errors import ArtifactError, ConfigError, DataError, PocketrecError, needs_extra
from . import log
from .common import AsJson, ConfigPath, Settings, cell, out, print_json, say

if TYPE_CHECKING:
    from ..config.data import SourceName
    from ..preparation.engines.beam import BeamEngine
    from ..preparation.engines.local import LocalEngine
    from ..storage.paths import AnyPath
    from ..storage.remote import RemoteDraft

PREPARED: dict[str, Any] = {
    "data": True,
    "split": True,
    "features": {"event", "time", "user"},
}
"""What of the config decides what the prepared data are."""


CONTEXT_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Options that are none of ours are Beam's, which knows more of them than could be listed."""


class EngineName(Enum):
    """Where a log is prepared."""

    LOCAL = "local"
    BEAM = "beam"


def command(
    context: typer.Context,
    config_path: ConfigPath,
    out: Annotated[str, typer.Option("--out", help="Folder for the prepared data, or a URL.")],
    settings: Settings = None,
    engine: Annotated[
        EngineName, typer.Option(help="local: this machine; beam: a cluster, by Apache Beam.")
    ] = EngineName.LOCAL,
    runner: Annotated[
        str | None,
        typer.Option(help="Beam's: DataflowRunner, FlinkRunner, ...; its options may follow."),
    ] = None,
    scratch: Annotated[
        str | None,
        typer.Option(help="Folder or URL that all workers reach; default: beside --out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Turn a log into vocabularies, sequences and a split, ready to train on."""
    on_beam = engine is EngineName.BEAM
    _check_words(context, config_path, on_beam=on_beam)
    if not on_beam and (runner or scratch):
        raise ConfigError(
            f"--{'runner' if runner else 'scratch'} has no effect without --engine beam"
        )
    with needs_extra("Preparing data", "scale" if on_beam else "train"):
        from ..config.load import load_config
        from ..ingest.read import describe_source, find_users, read_catalogue, read_log, stamp
        from ..ingest.spread import one_by_one
        from ..preparation.attributes import read_attributes
        from ..preparation.data import KIND
        from ..preparation.features import check_users
        from ..preparation.prepare import prepare
        from ..storage.artifact import fingerprint
        from ..storage.paths import parse_path
        from ..storage.remote import RemoteDraft, check_replaceable, new_folder, open_manifest

    config = load_config(config_path, settings)
    folder = parse_path(out)
    check_replaceable(folder, KIND)
    if config.data.source is not None and config.data.path is None:
        _download(config.data.source)
    before = stamp(config)

    def check_rest() -> None:
        if stamp(config) != before:
            raise DataError("the log changed while it was read: prepare again when it rests")

    source = describe_source(config)
    sections = config.model_dump(mode="json", include=PREPARED)
    made_from = fingerprint(source, sections | {"data": sections["data"] | {"path": None}})
    with suppress(ArtifactError):  # there is none, or a damaged one that is to be replaced
        manifest = open_manifest(folder, KIND)
        if manifest.get("made_from") == made_from:
            log.info(f"'{folder}' is already prepared from this log and config: nothing to do")
            _show(manifest, folder, config_path, as_json=as_json, is_new=False)
            return
    words = [*([f"--runner={runner}"] if runner else []), *context.args]
    with ExitStack() as stack:
        advance = stack.enter_context(log.counting("preparing", None))
        cluster = (
            stack.enter_context(_cluster(folder, scratch, words, advance)) if on_beam else None
        )
        spread = cluster.spread if cluster else one_by_one
        events = read_log(config, spread)
        catalogue = read_catalogue(config, events)
        if catalogue is not None:
            read_attributes(catalogue, config.features.item)  # refused here, not after the work
        users = find_users(config, events, spread) if config.features.user else None
        check_users(None if users is None else users.schema, config.features.user)
        draft = stack.enter_context(new_folder(folder, KIND))
        if cluster and isinstance(draft, RemoteDraft):
            cluster.on_write = partial(_make_way, draft, check_rest)
        work = cluster or stack.enter_context(_machine(draft.path, advance))
        counts, features = prepare(
            events, catalogue, users, config, work, draft.path, now=time.time()
        )
        check_rest()
        if cluster and isinstance(draft, RemoteDraft):
            draft.written = cluster.written
        draft.manifest |= {
            "made_from": made_from,
            "source": source,
            "config": config.model_dump(mode="json", exclude_unset=True, include=PREPARED),
            "features": [feature.to_json() for feature in features],
            "counts": counts,
        }
    manifest = open_manifest(folder, KIND, check_files=False)
    _show(manifest, folder, config_path, as_json=as_json, is_new=True)


def _check_words(context: typer.Context, config_path: Path, *, on_beam: bool) -> None:
    """Refuse words that are nobody's, as Typer would if Beam had no options."""
    words = [str(config_path), *context.args]
    if words[0].startswith("-"):
        after = "; Beam's stand after the TOML" if on_beam else ""
        context.fail(f"No such option: {words[0]}{after}")
    if on_beam:
        # What does not follow an option is no value of one.
        previous = ["", *context.args]
        for before, word in zip(previous, context.args, strict=False):
            if not word.startswith("-") and (not before.startswith("-") or "=" in before):
                context.fail(f"Got unexpected extra argument ({word})")
    elif context.args:
        unknown = [word for word in context.args if word.startswith("-")]
        context.fail(
            f"No such option: {unknown[0]}"
            if unknown
            else f"Got unexpected extra argument ({context.args[0]})"
        )


@contextmanager
def _cluster(
    folder: AnyPath, scratch: str | None, options: list[str], advance: Callable[[int], None]
) -> Iterator[BeamEngine]:
    """The engine for many machines, and an end to what it leaves in the scratch folder."""
    with needs_extra("--engine beam", "scale"):
        from ..preparation.engines.beam import BeamEngine
        from ..storage.paths import Url, parse_path, remove

    token = secrets.token_hex(4)
    if isinstance(folder, Path):
        folder = folder.absolute()  # workers are told of it, and are in folders of their own
    root = folder.parent / f".{folder.name}.scratch-{token}"
    if scratch is not None:
        root = parse_path(scratch, Path.cwd()) / f"pocketrec-{token}"
    if f"{root}/".startswith(f"{str(folder).rstrip('/')}/"):
        raise ConfigError(
            f"the scratch folder '{root}' would be inside of --out '{folder}': give --scratch a "
            "place beside it, or --out a folder in the bucket"
        )
    out = folder if isinstance(folder, Url) else None
    try:
        engine = BeamEngine(root, options, lambda: advance(1), out)
        _make(root)
        yield engine
    finally:
        with suppress(PocketrecError, OSError):  # the store may be out of reach by now
            remove(root)


def _make(root: AnyPath) -> None:
    """Make the scratch folder, if it is on this machine; ConfigError when that cannot be."""
    try:
        if isinstance(root, Path):
            root.mkdir(parents=True)
    except OSError as error:
        raise ConfigError(
            f"there can be no scratch folder in '{root.parent}' ({error.strerror}): give --scratch "
            "a folder that this machine and the workers can write"
        ) from error


def _make_way(draft: RemoteDraft, check: Callable[[], None]) -> None:
    """Have the older artifact go only when nothing can be refused any more."""
    check()
    draft.begin()


@contextmanager
def _machine(folder: Path, advance: Callable[[int], None]) -> Iterator[LocalEngine]:
    from ..preparation.engines.local import LocalEngine

    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as scratch:
        try:
            yield LocalEngine(Path(scratch), lambda: advance(1))
        except BaseException:
            # Threads of Polars that wrote beside the one that failed go on for a moment, and would
            # make folders anew where the draft was. The scratch folder's name is nobody else's; the
            # draft's may be another run's by then, and must not be removed again and again.
            quiet_until = time.monotonic() + 0.3
            while time.monotonic() < quiet_until:
                shutil.rmtree(scratch, ignore_errors=True)
                time.sleep(0.01)
            raise


def _download(source: SourceName) -> None:
    """Fetch a published data set into the cache, if it is not there, with a bar of bytes."""
    from ..ingest.download import fetch

    columns = (TextColumn(source), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with log.bar(*columns) as bar:
        task = bar.add_task("", total=None)
        fetch(source, progress=lambda done, total: bar.update(task, completed=done, total=total))


def _show(
    manifest: dict[str, Any], folder: AnyPath, config_path: Path, *, as_json: bool, is_new: bool
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
    then: list[Any] | str = "copy it to where you train, and give the copy as --data"
    if isinstance(folder, Path):
        run = f"runs/{folder.resolve().name}"
        then = ["pocketrec", "train", config_path, "--data", folder, "--out", run]
    log.finish(wrote=folder if is_new else None, then=then)


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
    if "successors" in found:
        pairs = found["successors"]
        alone = f" ({pairs['of_one_user']:,} of one user alone)" if pairs["of_one_user"] else ""
        table.add_row(
            "pairs: item and successor", f"{pairs['pairs']:,}{alone}", f"{pairs['fewest_users']:,}"
        )
    return table
