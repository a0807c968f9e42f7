"""A folder of ours while it is written: a draft beside its place, moved there when it is whole."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ArtifactError, system_reason
from .artifact import PART, flush, is_leftover, kind_of, own_files, write_manifest
from .lock import lock_folder
from .swap import swap_folders

MARK = f".draft{PART}"
"""File by which a draft is known for one."""


@dataclass
class Draft:
    """A folder being written: fill `path`, and `manifest` with what a reader should know."""

    path: Path
    manifest: dict[str, Any] = field(default_factory=dict)


@contextmanager
def new_folder(out: Path, kind: str) -> Iterator[Draft]:
    """Give a draft folder beside `out`; on success add its manifest and move it to `out`.

    An older artifact of the same kind at `out` is replaced in one step; anything else there is left
    alone and ArtifactError raised before any work is done, as it is when another process is writing
    the same. On failure nothing is left behind; what a killed process left is removed by the next.
    """
    _check_free(out, kind)
    # A link to a folder (on a larger disk, say) stays one.
    out = Path(os.path.realpath(out))
    if not out.name or Path.cwd().is_relative_to(out):
        raise ArtifactError(f"'{out}' is the folder you are in: give the name of another")
    part = out.with_name(f".{out.name}{PART}")
    with lock_folder(part, out) as locked:
        if not locked:  # another process may be at it too: each has a draft of its own
            part = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=PART, dir=out.parent))
            part.chmod(0o755)
        _begin(part)
        own = part.stat()
        try:
            draft = Draft(part)
            yield draft
            (part / MARK).unlink(missing_ok=True)
            files = [file for file in sorted(part.rglob("*")) if file.is_file()]
            write_manifest(part, kind, draft.manifest, files=files)
            for path in (*files, part):
                flush(path)
            _check_free(out, kind)  # again, for it took a while
            _move(part, out)
        except BaseException as error:
            _remove(part, own)
            if reason := system_reason(error):
                raise ArtifactError(f"'{out}' was not written: {reason}") from error
            raise


def check_replaceable(out: Path, kind: str) -> None:
    """Raise ArtifactError unless `out` is free, an empty folder, or an artifact of this kind."""
    if not out.exists() and not out.is_symlink():
        return
    if out.is_dir() and not any(file for file in out.iterdir() if not is_leftover(file)):
        return
    if kind_of(out) != kind:
        raise ArtifactError(f"'{out}' exists and is no {kind} folder; give another folder")


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed while writing left in a folder that is claimed."""
    for file in filter(is_leftover, folder.rglob(f".*{PART}")):
        file.unlink(missing_ok=True)


def _check_free(out: Path, kind: str) -> None:
    """Raise ArtifactError unless `out` is replaceable and holds nothing that somebody put there."""
    check_replaceable(out, kind)
    own = own_files(out)
    if own is None:
        return
    inside = (file for file in out.rglob("*") if file.is_file() and not is_leftover(file))
    refuse_foreign(out, {file.relative_to(out).as_posix() for file in inside} - own, kind)


def refuse_foreign(out: Path | str, foreign: set[str], kind: str) -> None:
    """Raise ArtifactError when there are files that somebody put into an artifact."""
    if foreign:
        raise ArtifactError(
            f"'{out}' holds '{min(foreign)}', which is not of the {kind} and would be "
            "lost: move it, or give another folder"
        )


def _begin(part: Path) -> None:
    """Empty a draft that a killed process left; ArtifactError when the folder is none."""
    if any(part.iterdir()) and not (part / MARK).exists():
        raise ArtifactError(f"'{part}' is in the way, where a draft would be: move it")
    (part / MARK).touch()
    for entry in part.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != MARK:
            entry.unlink()


def _remove(part: Path, own: os.stat_result) -> None:
    """Remove a draft, in which threads of libraries may still be writing.

    What is at its place when it has gone is another run's. (Whoever claimed the draft holds it
    open: so nothing else is of its number.)
    """
    with suppress(OSError):
        for _ in range(20):
            if not os.path.samestat(part.stat(), own):
                break
            shutil.rmtree(part, ignore_errors=True)
            part.stat()  # which ends it, where all is gone
            time.sleep(0.05)


def _move(part: Path, out: Path) -> None:
    """Move a finished folder into place; at no moment is there less than the old one or the new."""
    if not out.exists() or not any(out.iterdir()):
        with suppress(FileNotFoundError):
            out.rmdir()  # which is empty; not every system replaces a folder
        part.replace(out)
    else:
        with lock_folder(out, out):  # which is soon the draft's name, and nobody else's
            swap_folders(part, out)
            shutil.rmtree(part, ignore_errors=True)
    flush(out.parent)
