"""pocketrec recommend: a bundle and a history -> a list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..errors import InputError
from .common import AsJson, out, print_json


def command(
    bundle: Annotated[Path, typer.Argument(help="Folder that `export` wrote.")],
    history: Annotated[
        str, typer.Option(help="Ids or exact titles, oldest first, with commas between them.")
    ] = "",
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Further events of the history.")
    ] = None,
    blocked: Annotated[str, typer.Option(help="Ids or titles that must not be shown.")] = "",
    k: Annotated[int, typer.Option("-k", help="How many.")] = 10,
    strict: Annotated[bool, typer.Option(help="Refuse unknown ids.")] = False,
    as_json: AsJson = False,
) -> None:
    """Recommend what comes next after a history; without one, what is popular."""
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
    found = recommender.recommend(
        [resolve(name) for name in given],
        k=k,
        blocked=[resolve(name) for name in split_names(blocked, known)],
        strict=strict,
    )
    if as_json:
        print_json([line.to_json() for line in found])
        return
    table = Table("", "id", "title", "score")
    for place, line in enumerate(found, start=1):
        table.add_row(str(place), str(line.id), line.title or "", f"{line.score:.3f}")
    out.print(table)


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
