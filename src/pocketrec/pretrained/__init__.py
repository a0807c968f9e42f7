"""Bundles that come with pocketrec, by name."""

from __future__ import annotations

from pathlib import Path

from ..artifact import kind_of
from ..bundle import KIND
from ..errors import BundleError


def pretrained() -> dict[str, Path]:
    """The folder of each bundle that comes along, by its name."""
    folders = sorted(Path(__file__).parent.iterdir())
    return {folder.name: folder for folder in folders if kind_of(folder) == KIND}


def find_bundle(name: str | Path) -> Path:
    """The folder that is meant: one of that path, else the pretrained bundle of that name.

    Raises BundleError when there is neither.
    """
    if Path(name).exists():
        return Path(name)
    known = pretrained()
    if str(name) not in known:
        raise BundleError(
            f"there is no bundle '{name}': neither a folder, nor one that comes with pocketrec "
            f"({', '.join(known) or 'none'}; see pocketrec list)"
        )
    return known[str(name)]
