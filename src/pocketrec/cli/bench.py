"""pocketrec bench: size, time and memory of a bundle on this machine."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from . import log
from .common import AsJson, cell, out, print_json


def command(
    bundle: Annotated[
        str, typer.Argument(help="Folder that `export` wrote, or a name of `pocketrec list`.")
    ],
    as_json: AsJson = False,
    quiet: log.Quiet = False,
    verbose: log.Verbose = False,
    log_format: log.LogFormat = log.Format.TEXT,
) -> None:
    """Measure size, load time, latency of full-length histories, and memory, in a fresh process."""
    log.configure(quiet=quiet, verbose=verbose, log_format=log_format)
    from ..bundle.cost import measure_cost
    from ..pretrained import find_bundle

    result = measure_cost(find_bundle(bundle))
    if as_json:
        print_json(result)
        log.finish(then=["pocketrec", "serve", bundle])
        return
    table = Table("", "", title=cell(bundle))
    table.add_row("model", f"{result['bytes']:,} bytes")
    table.add_row("load and first call", f"{result['load_ms']} ms")
    for threads, latency in result["latency_ms"].items():
        table.add_row(
            f"recommend, {threads} thread{'s' * (threads != '1')}",
            f"p50 {latency['p50']} ms, p95 {latency['p95']} ms",
        )
    table.add_row("peak memory of the process", f"{result['peak_rss_mb']} MB")
    table.add_row("operators", ", ".join(result["ops"]))
    out.print(table)
    log.finish(then=["pocketrec", "serve", bundle])
