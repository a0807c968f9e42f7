"""Artifacts at a URL, where nothing can be renamed: the manifest, written last, makes one whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import artifact
from .artifact import Draft
from .errors import ArtifactError
from .places import Place, Url, download, listed, remove, upload, write_bytes
from .schema import File

MARK = ".draft.part"
"""File by which a folder without a manifest is known for one of ours, left by a killed process."""


@dataclass
class RemoteDraft(Draft):
    """A folder being written: what is in `path` will be copied; `written` is there already."""

    written: dict[str, Any] = field(default_factory=dict)
    """Descriptions of files that others wrote, by their path in the artifact."""


def check_replaceable(out: Place, kind: str) -> None:
    """Raise ArtifactError unless `out` is free, or an artifact of this kind, or a draft of one."""
    if isinstance(out, Path):
        artifact.check_replaceable(out, kind)
        return
    names = listed(out)
    if not names or MARK in names:
        return
    if File.MANIFEST not in names or _kind_of(out) != kind:
        raise ArtifactError(f"'{out}' exists and is no {kind} folder; give another folder")


def new_folder(out: Place, kind: str) -> AbstractContextManager[Draft]:
    """Give a draft folder on this machine; on success it becomes, or is copied to, `out`.

    Of a folder see `artifact.new_folder`. At a URL an older artifact of the same kind is removed
    when the work begins, its manifest first, and the new manifest is written last.
    """
    return artifact.new_folder(out, kind) if isinstance(out, Path) else _remote_folder(out, kind)


@contextmanager
def _remote_folder(out: Url, kind: str) -> Iterator[RemoteDraft]:
    check_replaceable(out, kind)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        write_bytes(out / MARK, b"")
        for name in sorted(listed(out), key=lambda name: name != File.MANIFEST):
            if name != MARK:
                remove(out / name)
        draft = RemoteDraft(Path(folder))
        yield draft
        files = dict(draft.written)
        for file in draft.path.rglob("*"):
            if file.is_file():
                name = file.relative_to(draft.path).as_posix()
                files[name] = artifact.describe(file)
                upload(file, out / name)
        described = dict(sorted(files.items()))
        write_bytes(out / File.MANIFEST, artifact.manifest_text(kind, draft.manifest, described))
        remove(out / MARK)


def open_manifest(out: Place, kind: str, *, check_files: bool = True) -> dict[str, Any]:
    """Read a manifest as `artifact.open_manifest` does; files at a URL are not looked at."""
    if isinstance(out, Path):
        return artifact.open_manifest(out, kind, check_files=check_files)
    with _manifest(out) as folder:
        return artifact.open_manifest(folder, kind, check_files=False)


def _kind_of(out: Url) -> str | None:
    with _manifest(out) as folder:
        return artifact.kind_of(folder)


@contextmanager
def _manifest(out: Url) -> Iterator[Path]:
    """A folder with a copy of the manifest, if there is one."""
    with tempfile.TemporaryDirectory() as folder:
        with suppress(FileNotFoundError):
            download(out / File.MANIFEST, Path(folder))
        yield Path(folder)
