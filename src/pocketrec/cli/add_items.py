"""pocketrec add-items: a bundle and a CSV of new items -> a bundle that recommends them too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from . import log
from .common import OUT, AsJson, cell, out, print_json, say

SHOWN = 10


def command(
    bundle: Annotated[
        str, typer.Argument(help="Folder that `export` wrote, or a name of `pocketrec list`.")
    ],
    items: Annotated[
        Path, typer.Argument(help="CSV of new items: id, title, attributes; lists as a|b.")
    ],
    folder: Annotated[Path, typer.Option("--out", help="Folder for the new bundle.", **OUT)],
    as_json: AsJson = False,
    quiet: log.Quiet = False,
    verbose: log.Verbose = False,
    log_format: log.LogFormat = log.Format.TEXT,
) -> None:
    """Add items that training never saw, by their attributes; old items keep their scores."""
    log.configure(quiet=quiet, verbose=verbose, log_format=log_format)
    from ..new_items.add_items import add_items
    from ..pretrained import find_bundle

    with log.stages("adding") as on_stage:
        added = add_items(find_bundle(bundle), items, folder, on_stage=on_stage)
    new = added.new
    if new.ignored:
        log.warning(f"the bundle's items have no {', '.join(new.ignored)}: ignored")
    if new.unknown:
        log.warning(
            f"{new.unknown} of {len(new.items)} new items have no attribute that the model "
            "reads: they are treated as average items"
        )
    if as_json:
        print_json(
            {
                "out": str(folder),
                "seconds": round(log.elapsed(), 1),
                "added": len(new.items),
                "without_attributes": new.unknown,
                "ignored_columns": new.ignored,
                "bytes": added.bytes,
                "share_of_places": round(added.share, 4),
            }
        )
        _finish(folder)
        return
    table = Table("id", "new item", "most like")
    for item, alike in list(zip(new.items, added.alike, strict=True))[:SHOWN]:
        table.add_row(*map(cell, (item.id, item.title or "", "; ".join(alike))))
    out.print(table)
    if len(new.items) > SHOWN:
        say(f"... and {len(new.items) - SHOWN} more")
    say(
        f"{len(new.items):,} items added, {added.bytes:,} bytes of model: {folder}; old items keep "
        f"their scores, new ones take {added.share:.1%} of the recommendations"
    )
    _finish(folder)


def _finish(folder: Path) -> None:
    log.finish(wrote=folder, then=["pocketrec", "recommend", folder])
