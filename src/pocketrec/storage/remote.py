"""Artifacts at a URL, where nothing can be renamed: the manifest, written last, completes one."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ArtifactError, PocketrecError
from ..schema import File
from . import artifact
from . import draft as drafts
from .draft import MARK, Draft
from .paths import AnyPath, Url, download, is_glob, list_files, remove, upload, write_bytes

_DRAFT_FILE = re.compile(rf"{re.escape(File.ITEMS_TABLE)}|{File.SHARDS}/part-\d+\.parquet")
"""Files that an unfinished artifact, which has no manifest yet, may hold."""


@dataclass
class RemoteDraft(Draft):
    """An artifact being written to a URL: files in `path` are copied there at the end."""

    out: Url = field(kw_only=True)
    kind: str = field(kw_only=True)
    written: dict[str, Any] = field(default_factory=dict)
    """Descriptions of the files that workers wrote to the URL, by their path in the artifact."""
    has_begun: bool = False

    def begin(self) -> None:
        """Remove an older artifact, so that new files can be written.

        Raises ArtifactError, and removes nothing, when other files are at the URL.
        """
        if self.has_begun:
            return
        names = _list_artifact(self.out, self.kind)
        self.has_begun = True
        # The manifest goes first: without it, nobody takes what is left for a whole artifact.
        for name in sorted(names, key=lambda name: name != File.MANIFEST):
            if name != MARK:
                remove(self.out / name)


def check_replaceable(out: AnyPath, kind: str) -> None:
    """Raise ArtifactError unless `out` is free, an artifact of this kind, or a draft of one.

    A URL must not hold any other file either.
    """
    if isinstance(out, Path):
        drafts.check_replaceable(out, kind)
    else:
        _list_artifact(out, kind)


def _list_artifact(out: Url, kind: str) -> list[str]:
    """The files at a URL; ArtifactError unless all belong to one artifact of this kind."""
    if is_glob(out):
        raise ArtifactError(f"'{out}' is a pattern: give the name of one folder")
    names = list_files(out)
    if not names:
        return names
    with _copy_manifest(out) as folder:
        kind_there, listed = artifact.kind_of(folder), artifact.own_files(folder)
    is_draft = MARK in names and kind_there is None
    if kind_there != kind and not is_draft:
        raise ArtifactError(f"'{out}' exists and is no {kind} folder: give another folder")
    known = {MARK, File.MANIFEST} | (listed or set())
    foreign = {name for name in names if name not in known}
    if is_draft:
        foreign = {name for name in foreign if not _DRAFT_FILE.fullmatch(name)}
    drafts.refuse_foreign(out, foreign, kind)
    return names


def new_folder(out: AnyPath, kind: str) -> AbstractContextManager[Draft]:
    """Yield a draft folder on this machine; on success it is moved or copied to `out`.

    For a folder see `draft.new_folder`. At a URL, an older artifact of the same kind is removed
    when the draft is copied or `RemoteDraft.begin` is called, and the new manifest is written last.
    """
    return drafts.new_folder(out, kind) if isinstance(out, Path) else _remote_folder(out, kind)


@contextmanager
def _remote_folder(out: Url, kind: str) -> Iterator[RemoteDraft]:
    check_replaceable(out, kind)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        draft = RemoteDraft(Path(folder), out=out, kind=kind)
        write_bytes(out / MARK, b"")  # fails before the work if the URL is not writable
        try:
            yield draft
            draft.begin()
        except BaseException:
            if not draft.has_begun:
                with suppress(PocketrecError):  # the store may have become unreachable
                    remove(out / MARK)
            raise
        files = dict(draft.written)
        for file in draft.path.rglob("*"):
            if file.is_file():
                name = file.relative_to(draft.path).as_posix()
                files[name] = artifact.describe(file)
                upload(file, out / name)
        described = dict(sorted(files.items()))
        write_bytes(out / File.MANIFEST, artifact.manifest_text(kind, draft.manifest, described))
        remove(out / MARK)


def open_manifest(out: AnyPath, kind: str, *, check_files: bool = True) -> dict[str, Any]:
    """Read a manifest as `artifact.open_manifest` does; files at a URL are not checked."""
    if isinstance(out, Path):
        return artifact.open_manifest(out, kind, check_files=check_files)
    with _copy_manifest(out) as folder:
        return artifact.open_manifest(folder, kind, check_files=False)


@contextmanager
def _copy_manifest(out: Url) -> Iterator[Path]:
    """Yield a temporary folder with a copy of the manifest, if there is one."""
    with tempfile.TemporaryDirectory() as folder:
        with suppress(FileNotFoundError):
            download(out / File.MANIFEST, Path(folder))
        yield Path(folder)
