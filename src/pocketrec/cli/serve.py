"""pocketrec serve: the demo page with a bundle, from this machine or as a folder for others."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from . import log
from .common import AsJson, print_json, say


def command(
    bundle: Annotated[
        str, typer.Argument(help="Folder that `export` wrote, or a name of `pocketrec list`.")
    ] = "movielens-1m",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where it is taken, the next free one; 0: any.")
    ] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; the default is reached from here only.")
    ] = "127.0.0.1",
    browse: Annotated[bool, typer.Option("--open/--no-open", help="Open a browser.")] = False,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Do not serve: write page and bundle for any static host."
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: log.Quiet = False,
    verbose: log.Verbose = False,
    log_format: log.LogFormat = log.Format.TEXT,
) -> None:
    """Serve the demo page with a bundle, until Ctrl-C: the model runs in the browser."""
    log.configure(quiet=quiet, verbose=verbose, log_format=log_format)
    from ..app.server import listen
    from ..app.site import read_bundle, read_page, write_site
    from ..bundle.folder import open_bundle
    from ..pretrained import find_bundle

    folder = find_bundle(bundle)
    site = read_page() | read_bundle(folder, open_bundle(folder))
    if export is not None:
        write_site(site, export)
        told = {"out": str(export), "bundle": str(folder), **measure(export)}
        if as_json:
            print_json(told)
        else:
            say(f"{told['files']} files, {told['bytes']:,} bytes: {export}")
        log.finish(
            wrote=export,
            then="put the folder on any static host; over https the page installs and works "
            "offline",
        )
        return
    server = listen(site, host, port)
    try:
        if port not in (0, server.server_port):
            log.warning(
                f"port {port} is taken, so {server.server_port} is used; a browser keeps what it "
                "learned apart for each port"
            )
        if not server.is_local:
            log.warning(
                f"all who reach this machine on port {server.server_port} can open the page; "
                "without https it neither installs nor works offline for them"
            )
        if as_json:
            address = {"url": server.url, "host": host, "port": server.server_port}
            print(json.dumps({**address, "bundle": str(folder)}), flush=True)  # noqa: T201
        else:
            say(f"{server.url} serves '{bundle}' until Ctrl-C")
        if browse:
            webbrowser.open(server.url)
        server.serve_forever()
    except KeyboardInterrupt:
        log.finish(then=["pocketrec", "serve", bundle, "--export", "site"])
    finally:
        server.server_close()


def measure(folder: Path) -> dict[str, int]:
    """Files and bytes of a folder, with those below it."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return {"files": len(sizes), "bytes": sum(sizes)}
