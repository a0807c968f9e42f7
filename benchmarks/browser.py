"""The page as `pocketrec serve` serves it, and what it is measured on."""

from __future__ import annotations

import multiprocessing
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pocketrec.app.server import listen
from pocketrec.app.site import read_bundle, read_page
from pocketrec.bundle.folder import open_bundle
from pocketrec.pretrained import find_bundle

BROWSER = "/usr/bin/chromium-headless-shell"
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
LOOPBACK = "127.0.0.1"


@contextmanager
def served(bundle: str) -> Iterator[str]:
    """The page's address, while it is served with a bundle."""
    folder = find_bundle(bundle)
    site = read_page() | read_bundle(folder, open_bundle(folder))
    with listen(site, LOOPBACK, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


def machine() -> str:
    """The processor's name, if the system reports it, and the number of cores."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.machine()
    return f"{name}, {multiprocessing.cpu_count()} cores"
