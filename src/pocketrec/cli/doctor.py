"""pocketrec doctor: what is installed, and what is missing for which command."""

from __future__ import annotations

import platform
import re
import shutil
from importlib.metadata import PackageNotFoundError, requires, version

from rich.table import Table
from rich.text import Text

from ..app.site import PAGE
from ..schema import VERSION
from . import log
from .common import AsJson, out, print_json, say

PURPOSES = {
    "": "recommend, add-items, serve, bench",
    "train": "prepare, train, export, evaluate",
    "scale": "prepare on a cluster, and logs at URLs",
    "dev": "working on pocketrec",
}


def command(
    as_json: AsJson = False,
    quiet: log.Quiet = False,
    verbose: log.Verbose = False,
    log_format: log.LogFormat = log.Format.TEXT,
) -> None:
    """Show which packages are installed, and which commands need the missing ones."""
    log.configure(quiet=quiet, verbose=verbose, log_format=log_format)
    groups = {extra: _packages(extra) for extra in PURPOSES}
    tools = {tool: shutil.which(tool) is not None for tool in ("node",)}
    page = (PAGE / "index.html").is_file()
    if as_json:
        print_json(
            {
                "pocketrec": VERSION,
                "python": platform.python_version(),
                "machine": platform.machine(),
                "packages": {extra or "runtime": packages for extra, packages in groups.items()},
                "tools": tools,
                "page": page,
            }
        )
        log.finish()
        return
    say(f"pocketrec {VERSION}, Python {platform.python_version()}, {platform.machine()}")
    table = Table("for", "package", "installed")
    for extra, packages in groups.items():
        for package, installed in packages.items():
            table.add_row(PURPOSES[extra], package, installed or Text("missing", "red"))
        table.add_section()
    out.print(table)
    for extra, packages in groups.items():
        if missing := [package for package, installed in packages.items() if installed is None]:
            command = f"pip install 'pocketrec[{extra}]'" if extra else "pip install pocketrec"
            say(f"missing for {PURPOSES[extra]}: {', '.join(missing)}; install with: {command}")
    if not page:
        node = "" if tools["node"] else ", which needs Node 20 (not installed)"
        say(f"the page of `pocketrec serve` is not built: `make page` in a checkout{node}")
    log.finish(then=["pocketrec", "recommend", "movielens-1m"])


def _packages(extra: str) -> dict[str, str | None]:
    """Packages that an extra requires ("" for the runtime), with the installed version or None."""
    versions: dict[str, str | None] = {}
    for requirement in requires("pocketrec") or []:
        marker = re.search(r"extra\s*==\s*['\"](\w+)['\"]", requirement)
        if (marker.group(1) if marker else "") != extra:
            continue
        match = re.match(r"[A-Za-z0-9_.-]+", requirement)
        name = match.group(0) if match else requirement
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return versions
