"""Write a folder as a draft beside its destination, and move it there when it is complete."""

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
"""An empty file that marks a folder as a draft, which may be emptied."""


@dataclass
class Draft:
    """A folder being written: fill `path` with files, and `manifest` with content about them."""

    path: Path
    manifest: dict[str, Any] = field(default_factory=dict)


@contextmanager
def new_folder(out: Path, kind: str) -> Iterator[Draft]:
    """Yield a draft folder beside `out`; on success, write its manifest and move it to `out`.

    An older artifact of the same kind at `out` is replaced in one step. ArtifactError is raised
    before any work is done when anything else is at `out`, or another process is writing it. On
    failure nothing is left behind; the next run removes what a killed process left.
    """
    _check_destination(out, kind)
    # When `out` is a link, to a larger disk perhaps, replace its target and keep the link.
    out = Path(os.path.realpath(out))
    if not out.name or Path.cwd().is_relative_to(out):
        raise ArtifactError(f"'{out}' is the current folder or holds it: give another folder")
    part = out.with_name(f".{out.name}{PART}")
    with lock_folder(part, out) as locked:
        if not locked:
            # Without locks, two runs may write at the same time: each needs its own draft.
            part = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=PART, dir=out.parent))
            part.chmod(0o755)
        _prepare_draft(part)
        identity = part.stat()
        try:
            draft = Draft(part)
            yield draft
            (part / MARK).unlink(missing_ok=True)
            files = [file for file in sorted(part.rglob("*")) if file.is_file()]
            write_manifest(part, kind, draft.manifest, files=files)
            for path in (*files, part):
                flush(path)
            _check_destination(out, kind)  # again: the work took a while
            _move_into_place(part, out)
        except BaseException as error:
            _remove_draft(part, identity)
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
        raise ArtifactError(f"'{out}' exists and is no {kind} folder: give another folder")


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left in a folder whose lock the caller holds."""
    for file in filter(is_leftover, folder.rglob(f".*{PART}")):
        file.unlink(missing_ok=True)


def _check_destination(out: Path, kind: str) -> None:
    """Raise ArtifactError unless `out` is replaceable without losing anybody's files."""
    check_replaceable(out, kind)
    listed = own_files(out)
    if listed is None:
        return
    inside = (file for file in out.rglob("*") if file.is_file() and not is_leftover(file))
    refuse_foreign(out, {file.relative_to(out).as_posix() for file in inside} - listed, kind)


def refuse_foreign(out: Path | str, foreign: set[str], kind: str) -> None:
    """Raise ArtifactError when an artifact holds files that its manifest does not list."""
    if foreign:
        raise ArtifactError(
            f"'{out}' holds '{min(foreign)}', which is not a file of the {kind} and would be "
            "lost: move the file, or give another folder"
        )


def _prepare_draft(part: Path) -> None:
    """Mark a folder as a draft, and empty the draft of a killed process.

    Raises ArtifactError when the folder holds something and is not marked.
    """
    if any(part.iterdir()) and not (part / MARK).exists():
        raise ArtifactError(f"'{part}' is in the way, where a draft would be: move it")
    (part / MARK).touch()
    for entry in part.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != MARK:
            entry.unlink()


def _remove_draft(part: Path, identity: os.stat_result) -> None:
    """Remove a draft, even while threads of libraries are still writing into it.

    Once it is gone, a folder at this path belongs to another run and must stay. It has another
    inode: this run holds its own draft open, so that the number cannot be used again.
    """
    with suppress(OSError):
        for _ in range(20):
            if not os.path.samestat(part.stat(), identity):
                break
            shutil.rmtree(part, ignore_errors=True)
            part.stat()  # raises, and so ends the loop, once the draft is gone
            time.sleep(0.05)


def _move_into_place(part: Path, out: Path) -> None:
    """Move a complete folder to `out`, where the old one or the new one exists at any moment."""
    if not out.exists() or not any(out.iterdir()):
        with suppress(FileNotFoundError):
            out.rmdir()  # it is empty, and not every system replaces an empty folder
        part.replace(out)
    else:
        # The swap gives the old folder the draft's name: lock it, so that no run takes it over.
        with lock_folder(out, out):
            swap_folders(part, out)
            shutil.rmtree(part, ignore_errors=True)
    flush(out.parent)
