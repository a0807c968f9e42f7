"""Where what can be fetched or found out again is kept."""

from __future__ import annotations

import os
from pathlib import Path


def default_cache() -> Path:
    """The folder for it: $POCKETREC_CACHE, else pocketrec in the user's cache folder."""
    if chosen := os.environ.get("POCKETREC_CACHE"):
        return Path(os.path.expanduser(chosen))  # noqa: PTH111 (~nobody stays what it is)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "pocketrec"
