"""pocketrec list: the pretrained bundles of this installation."""

from __future__ import annotations

from rich.table import Table

from . import log
from .common import AsJson, out, print_json, say


def command(
    as_json: AsJson = False,
    quiet: log.Quiet = False,
    verbose: log.Verbose = False,
    log_format: log.LogFormat = log.Format.TEXT,
) -> None:
    """Show the pretrained bundles: `pocketrec recommend NAME` runs one."""
    log.configure(quiet=quiet, verbose=verbose, log_format=log_format)
    from ..bundle.folder import open_bundle
    from ..pretrained import pretrained

    rows = []
    for name, folder in pretrained().items():
        bundle = open_bundle(folder)
        source = bundle.manifest["provenance"]["data"]["source"]
        rows.append(
            {
                "name": name,
                "items": len(bundle.items),
                "bytes": len(bundle.model),
                "encoder": bundle.manifest["config"].get("model", {}).get("encoder", "transformer"),
                "features": [feature.name for feature in bundle.spec.features],
                "licence": str(source.get("licence", "")).partition(";")[0],
                "folder": str(folder),
            }
        )
    if as_json:
        print_json(rows)
        log.finish()
        return
    if not rows:
        say("no pretrained bundle came with this installation")
        log.finish()
        return
    table = Table("name", "items", "bytes", "encoder", "features", "licence")
    for row in rows:
        cells = (row["items"], row["bytes"])
        table.add_row(
            str(row["name"]),
            *(f"{cell:,}" for cell in cells),
            str(row["encoder"]),
            ", ".join(row["features"]),
            str(row["licence"]),
        )
    out.print(table)
    log.finish(
        then="pocketrec recommend NAME --history ID ... runs one; the README in its folder is its "
        "model card"
    )
