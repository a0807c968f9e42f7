"""pocketrec recommend: a bundle and a history -> a list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ..errors import InputError
from ..features.encoding import Bins, Feature
from ..runtime.events import Event
from ..schema import LIST_SEPARATOR
from . import log
from .common import AsJson, cell, out, print_json


def command(
    bundle: Annotated[
        str, typer.Argument(help="Folder that `export` wrote, or a name of `pocketrec list`.")
    ],
    history: Annotated[
        str, typer.Option(help="Ids or exact titles, oldest first, with commas between them.")
    ] = "",
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Further events of the history.")
    ] = None,
    blocked: Annotated[str, typer.Option(help="Ids or titles that must not be shown.")] = "",
    k: Annotated[int, typer.Option("-k", help="How many.")] = 10,
    events: Annotated[
        Path | None,
        typer.Option(
            help='JSON file with the history: [{"id": .., "time": .., "features": {..}}, ..], '
            "oldest first; time in seconds since 1970."
        ),
    ] = None,
    user: Annotated[
        list[str] | None,
        typer.Option("--user", metavar="NAME=VALUE", help="What is known of the user; repeatable."),
    ] = None,
    now: Annotated[
        float | None, typer.Option(help="Moment of asking, in seconds since 1970.")
    ] = None,
    strict: Annotated[bool, typer.Option(help="Refuse unknown ids.")] = False,
    why: Annotated[bool, typer.Option("--why", help="Name what each item rests on.")] = False,
    as_json: AsJson = False,
    quiet: log.Quiet = False,
    verbose: log.Verbose = False,
    log_format: log.LogFormat = log.Format.TEXT,
) -> None:
    """Recommend what comes next after a history; without one, what is popular."""
    log.configure(quiet=quiet, verbose=verbose, log_format=log_format)
    from ..runtime import Recommender

    recommender = Recommender.load(bundle)
    by_title: dict[str, list[int | str]] = {}
    for item in recommender.items:
        if item.title is not None:
            by_title.setdefault(item.title, []).append(item.id)
    ids = {str(item.id) for item in recommender.items}
    known = ids | by_title.keys()

    def resolve(name: str) -> int | str:
        """An id as it is, a title as the id that has it."""
        found = by_title.get(name, [])
        if name in ids or not found:
            return name
        if len(found) > 1:
            raise InputError(f"{len(found)} items are called '{name}': give an id, one of {found}")
        return found[0]

    given = [name for text in [history, *(more or [])] for name in split_names(text, known)]
    if events is not None and given:
        raise InputError("give the history in --events or as ids, not both")
    about = read_user(user or [], recommender.features)
    past = read_events(events) if events else [resolve(name) for name in given]
    hidden = [resolve(name) for name in split_names(blocked, known)]
    found = recommender.recommend(past, k=k, user=about, now=now, blocked=hidden, strict=strict)
    reasons = {}
    if why:
        explained = recommender.explain(past, [line.id for line in found], user=about, now=now)
        reasons = {explanation.id: explanation for explanation in explained}
    if as_json:
        why_of = {id_: explanation.to_json() for id_, explanation in reasons.items()}
        print_json([line.to_json() | why_of.get(line.id, {}) for line in found])
        log.finish()
        return
    titles = {str(item.id): item.title or str(item.id) for item in recommender.items}
    table = Table("", "id", "title", "score", *(["because of"] if why else []))
    for place, line in enumerate(found, start=1):
        cells = [str(place), cell(line.id), cell(line.title or ""), f"{line.score:.3f}"]
        if why:
            cells.append(", ".join(cell(titles[str(r.id)]) for r in reasons[line.id].because))
        table.add_row(*cells)
    out.print(table)
    log.finish(then=None if why else "--why names what each item rests on")


def read_events(path: Path) -> list[Event]:
    """The history in a JSON file; InputError for anything else."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
        problem = None if _are_events(entries) else "it is no list of events"
    except (OSError, ValueError, RecursionError) as error:
        problem = getattr(error, "strerror", None) or "it is no JSON"
    if problem:
        raise InputError(
            f"{path} cannot be read as a list of events ({problem}): write "
            '[{"id": 50, "time": 880000000, "features": {}}]'
        )
    return [Event(entry["id"], entry.get("time"), entry.get("features") or {}) for entry in entries]


def _are_events(entries: Any) -> bool:
    return isinstance(entries, list) and all(
        isinstance(entry, dict) and "id" in entry and entry.keys() <= {"id", "time", "features"}
        for entry in entries
    )


def read_user(pairs: list[str], features: Sequence[Feature]) -> dict[str, Any]:
    """NAME=VALUE pairs; a value is a number where the model's feature is one."""
    numbers = {f.name for f in features if f.of == "user" and isinstance(f.encoding, Bins)}
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--user {pair!r} is not NAME=VALUE")
        try:
            values[name] = float(value) if name in numbers else value.split(LIST_SEPARATOR)
        except ValueError:
            raise InputError(f"--user {name}: {value!r} is no number") from None
    return values


def split_names(text: str, known: set[str]) -> list[str]:
    """Cut "a,b,c" at its commas, but not inside names that hold commas themselves.

    At each place the longest run of pieces that is a known name wins.
    """
    pieces = text.split(",") if text.strip() else []
    widest = 1 + max((name.count(",") for name in known), default=0)
    names, begin = [], 0
    while begin < len(pieces):
        end = begin + 1
        for stop in range(min(begin + widest, len(pieces)), begin, -1):
            if ",".join(pieces[begin:stop]).strip() in known:
                end = stop
                break
        names.append(",".join(pieces[begin:end]).strip())
        begin = end
    return [name for name in names if name]
