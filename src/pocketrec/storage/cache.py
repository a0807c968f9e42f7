"""Where files are kept that can be downloaded or computed again."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import platformdirs


def default_cache() -> Path:
    """The cache folder: $POCKETREC_CACHE, else "pocketrec" in the user's cache folder."""
    if chosen := os.environ.get("POCKETREC_CACHE"):
        # Unlike Path.expanduser, this leaves "~nobody" as it is when there is no such user.
        return Path(os.path.expanduser(chosen))  # noqa: PTH111
    return platformdirs.user_cache_path("pocketrec", appauthor=False)


def remember(kind: str, key: str) -> None:
    """Note `key` in the cache; does nothing where the cache cannot be written."""
    with suppress(OSError, RuntimeError):  # no home, or no right to write there
        note = default_cache() / kind / key
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()


def is_remembered(kind: str, key: str) -> bool:
    """Whether `remember` was called with these, by any process of this user."""
    try:
        return (default_cache() / kind / key).is_file()
    except (OSError, RuntimeError):
        return False
