"""Where files are kept that can be downloaded or computed again."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def default_cache() -> Path:
    """The cache folder: $POCKETREC_CACHE, else "pocketrec" in the user's cache folder."""
    if chosen := os.environ.get("POCKETREC_CACHE"):
        # Unlike Path.expanduser, this leaves "~nobody" as it is when there is no such user.
        return Path(os.path.expanduser(chosen))  # noqa: PTH111
    return platformdirs.user_cache_path("pocketrec", appauthor=False)
