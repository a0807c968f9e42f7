"""Bundles that come with pocketrec, by name."""

from __future__ import annotations

from pathlib import Path

from .artifact import kind_of
from .bundle import KIND
from .errors import BundleError

HERE = Path(__file__).parent
PLACES = (HERE / "pretrained", HERE.parents[1] / "pretrained")
"""In an installed wheel, and in a checkout."""


def pretrained() -> dict[str, Path]:
    """The folder of each bundle that comes along, by its name."""
    found = {
        folder.name: folder
        for place in reversed(PLACES)
        if place.is_dir()
        for folder in sorted(place.iterdir())
        if kind_of(folder) == KIND
    }
    return dict(sorted(found.items()))


def find_bundle(name: str | Path) -> Path:
    """The folder that is meant: one of that path, else the pretrained bundle of that name.

    Raises BundleError when there is neither.
    """
    path, known = Path(name), pretrained()
    if path.exists() or str(name) not in known:
        if not path.exists():
            raise BundleError(
                f"there is no bundle '{name}': neither a folder, nor one that comes with pocketrec "
                f"({', '.join(known) or 'none'}; see pocketrec list)"
            )
        return path
    return known[str(name)]
