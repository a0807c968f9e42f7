"""Bundles that come with pocketrec, by name."""

from __future__ import annotations

import os
from pathlib import Path

from ..bundle.manifest import KIND
from ..errors import BundleError, InputError, shown
from ..storage.artifact import kind_of


def pretrained() -> dict[str, Path]:
    """The folder of each bundle that comes with pocketrec, by its name."""
    folders = sorted(Path(__file__).parent.iterdir())
    return {folder.name: folder for folder in folders if kind_of(folder) == KIND}


def find_bundle(name: str | os.PathLike[str]) -> Path:
    """The folder at this path, else the folder of the pretrained bundle of this name.

    Raises BundleError when neither exists, InputError for anything but a path or a name.
    """
    if not isinstance(name, str | os.PathLike) or not str(name):
        raise InputError(f"a bundle is a folder or a name, not {shown(name)}")
    if os.path.exists(name):  # noqa: PTH110 (Path.exists raises for a name that no path can have)
        return Path(name)
    known = pretrained()
    if str(name) not in known:
        raise BundleError(
            f"there is no bundle {shown(str(name), 1000)}: it is neither a folder nor a bundle "
            f"that comes with pocketrec ({', '.join(known) or 'none'}; see pocketrec list)"
        )
    return known[str(name)]
