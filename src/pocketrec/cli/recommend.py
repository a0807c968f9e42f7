"""pocketrec recommend: a bundle and a history -> a list."""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ..errors import InputError
from ..features.encoding import Bins, Feature
from ..runtime.events import Event
from ..schema import LIST_SEPARATOR
from . import log
from .common import AsJson, cell, out, print_json

if TYPE_CHECKING:
    from ..bundle.folder import Item
    from ..runtime.catalogue import Recommendation
    from ..runtime.explain import Explanation

    Reasons = dict[int | str, Explanation]


def command(
    bundle: Annotated[
        str, typer.Argument(help="Folder that `export` wrote, or a name of `pocketrec list`.")
    ],
    history: Annotated[
        str, typer.Option(help="Ids or exact titles, oldest first, separated by commas.")
    ] = "",
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Further events of the history.")
    ] = None,
    blocked: Annotated[str, typer.Option(help="Ids or titles that must not be shown.")] = "",
    k: Annotated[int, typer.Option("-k", help="How many items to recommend.")] = 10,
    events: Annotated[
        Path | None,
        typer.Option(
            help='JSON file with the history: [{"id": .., "time": .., "features": {..}}, ..], '
            "oldest first; time in seconds since 1970."
        ),
    ] = None,
    user: Annotated[
        list[str] | None,
        typer.Option("--user", metavar="NAME=VALUE", help="A feature of the user; repeatable."),
    ] = None,
    now: Annotated[
        float | None, typer.Option(help="Time of the request, in seconds since 1970.")
    ] = None,
    strict: Annotated[bool, typer.Option(help="Refuse unknown ids.")] = False,
    why: Annotated[
        bool, typer.Option("--why", help="Name the history items behind each result.")
    ] = False,
    as_json: AsJson = False,
    quiet: log.Quiet = False,
    verbose: log.Verbose = False,
    log_format: log.LogFormat = log.Format.TEXT,
) -> None:
    """Recommend what comes next after a history; without one, what is popular."""
    log.configure(quiet=quiet, verbose=verbose, log_format=log_format)
    from ..runtime import Recommender

    recommender = Recommender.load(bundle)
    names = Names.of(recommender.items)
    typed = names.split(history, *(more or []))
    if events is not None and typed:
        raise InputError("give the history in --events or as ids, not both")
    user_values = read_user(user or [], recommender.features)
    past = read_events(events) if events else [names.resolve(name) for name in typed]
    blocked_ids = [names.resolve(name) for name in names.split(blocked)]
    results = recommender.recommend(
        past, k=k, user=user_values, now=now, blocked=blocked_ids, strict=strict
    )
    reasons = None
    if why:
        ids = [result.id for result in results]
        explained = recommender.explain(past, ids, user=user_values, now=now)
        reasons = {explanation.id: explanation for explanation in explained}
    if as_json:
        print_json(_to_json(results, reasons))
        log.finish()
    else:
        out.print(_table(results, reasons, recommender.items))
        log.finish(then=None if why else "--why names the history items behind each result")


def _to_json(results: Sequence[Recommendation], reasons: Reasons | None) -> list[dict[str, Any]]:
    """One object a result, with its reasons if they were asked for."""
    why_of = {id_: explanation.to_json() for id_, explanation in (reasons or {}).items()}
    return [result.to_json() | why_of.get(result.id, {}) for result in results]


def _table(
    results: Sequence[Recommendation], reasons: Reasons | None, items: Sequence[Item]
) -> Table:
    """One row a result; a last column names the reasons if they were asked for."""
    titles = {str(item.id): item.title or str(item.id) for item in items}
    table = Table("", "id", "title", "score", *([] if reasons is None else ["because of"]))
    for place, result in enumerate(results, start=1):
        cells = [str(place), cell(result.id), cell(result.title or ""), f"{result.score:.3f}"]
        if reasons is not None:
            because = reasons[result.id].because
            cells.append(", ".join(cell(titles[str(reason.id)]) for reason in because))
        table.add_row(*cells)
    return table


@dataclass(frozen=True)
class Names:
    """What a user may type for an item: its id as text, or its exact title."""

    ids: frozenset[str]
    by_title: dict[str, list[int | str]]
    """The ids of all items that have a title."""

    @classmethod
    def of(cls, items: Sequence[Item]) -> Names:
        """Collect the ids and titles of a catalogue."""
        by_title: dict[str, list[int | str]] = {}
        for item in items:
            if item.title is not None:
                by_title.setdefault(item.title, []).append(item.id)
        return cls(frozenset(str(item.id) for item in items), by_title)

    def split(self, *texts: str) -> list[str]:
        """Cut each text at its commas, as `split_names` does with all ids and titles."""
        known = self.ids | self.by_title.keys()
        return [name for text in texts for name in split_names(text, known)]

    def resolve(self, name: str) -> int | str:
        """Turn a title into its item's id; return anything else unchanged."""
        matches = self.by_title.get(name, [])
        # A name that is both an id and a title means the id.
        if name in self.ids or not matches:
            return name
        if len(matches) > 1:
            raise InputError(
                f"{len(matches)} items are called '{name}': give an id, one of {matches}"
            )
        return matches[0]


def read_events(path: Path) -> list[Event]:
    """Read a history from a JSON file; raises InputError if it holds anything else."""
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
    """Parse NAME=VALUE pairs; values of numeric features become floats, all others lists."""
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


def split_names(text: str, known: Set[str]) -> list[str]:
    """Split "a,b,c" at its commas, but keep known names that contain commas whole.

    Where several known names fit, the longest one wins.
    """
    pieces = text.split(",") if text.strip() else []
    widest = 1 + max((name.count(",") for name in known), default=0)
    names, begin = [], 0
    while begin < len(pieces):
        end = begin + 1
        # Try the longest run of pieces first: a title may contain several commas.
        for stop in range(min(begin + widest, len(pieces)), begin, -1):
            if ",".join(pieces[begin:stop]).strip() in known:
                end = stop
                break
        names.append(",".join(pieces[begin:end]).strip())
        begin = end
    return [name for name in names if name]
