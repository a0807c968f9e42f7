"""pocketrec serve: the demo page with a bundle, served from this machine or written as a folder."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import log
from .common import AsJson, print_json, say

if TYPE_CHECKING:
    from ..app.server import Server
    from ..app.site import Site


def command(
    bundle: Annotated[
        str, typer.Argument(help="Folder that `export` wrote, or a name of `pocketrec list`.")
    ] = "movielens-1m",
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="If taken, the next free port; 0: any free port."),
    ] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; the default admits this machine only.")
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
    from ..app.site import read_bundle, read_page
    from ..bundle.folder import open_bundle
    from ..pretrained import find_bundle

    folder = find_bundle(bundle)
    site = read_page() | read_bundle(folder, open_bundle(folder))
    if export is not None:
        _export(site, export, folder, as_json=as_json)
    else:
        _serve(site, bundle, folder, host, port, browse=browse, as_json=as_json)


def _export(site: Site, out: Path, bundle: Path, *, as_json: bool) -> None:
    """Write the page and the bundle as files for a static host."""
    from ..app.site import write_site

    write_site(site, out)
    sizes = measure(out)
    if as_json:
        print_json({"out": str(out), "bundle": str(bundle), **sizes})
    else:
        say(f"{sizes['files']} files, {sizes['bytes']:,} bytes: {out}")
    log.finish(
        wrote=out,
        then="put the folder on any static host; over https the page installs and works offline",
    )


def _serve(
    site: Site, name: str, folder: Path, host: str, port: int, *, browse: bool, as_json: bool
) -> None:
    """Serve the page until Ctrl-C; `name` is the bundle as the user typed it."""
    from ..app.server import listen

    server = listen(site, host, port)
    try:
        _warn(server, port)
        if as_json:
            address = {"url": server.url, "host": host, "port": server.server_port}
            print(json.dumps({**address, "bundle": str(folder)}), flush=True)  # noqa: T201
        else:
            say(f"{server.url} serves '{name}' until Ctrl-C")
        if browse:
            webbrowser.open(server.url)
        server.serve_forever()
    except KeyboardInterrupt:
        log.finish(then=["pocketrec", "serve", name, "--export", "site"])
    finally:
        server.server_close()


def _warn(server: Server, port: int) -> None:
    """Warn about a port other than the one asked for, and about access from other machines."""
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


def measure(folder: Path) -> dict[str, int]:
    """Count the files and bytes of a folder, subfolders included."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return {"files": len(sizes), "bytes": sum(sizes)}
