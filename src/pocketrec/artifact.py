"""Folders that appear whole or not at all, each with a manifest that says what is in it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import ArtifactError
from .schema import File

FORMAT_VERSION = 1


@dataclass
class Draft:
    """A folder being written: fill `path`, and `manifest` with what a reader should know."""

    path: Path
    manifest: dict[str, Any] = field(default_factory=dict)


@contextmanager
def new_folder(out: Path, kind: str) -> Iterator[Draft]:
    """Give a temporary folder beside `out`; on success add its manifest and rename it to `out`.

    An older artifact of the same kind at `out` is replaced; anything else there is left alone
    and ArtifactError raised before any work is done. On failure nothing is left behind.
    """
    check_replaceable(out, kind)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise ArtifactError(f"cannot write '{out}': {error.strerror}") from None
    try:
        draft = Draft(temporary)
        yield draft
        files = [file for file in sorted(temporary.rglob("*")) if file.is_file()]
        write_manifest(temporary, kind, draft.manifest, files=files)
        temporary.chmod(0o755)
        _swap(temporary, out)
    except OSError as error:
        raise ArtifactError(f"'{out}' was not written: {error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_manifest(folder: Path, kind: str, content: dict[str, Any], *, files: list[Path]) -> None:
    """Write a folder's manifest, which hashes `files` of that folder, and itself."""
    manifest = {"kind": kind, "format_version": FORMAT_VERSION, **content}
    manifest["files"] = {file.relative_to(folder).as_posix(): describe(file) for file in files}
    write_json(folder / File.MANIFEST, {"sha256": _digest(manifest), **manifest})


def check_replaceable(out: Path, kind: str) -> None:
    """Raise ArtifactError unless `out` is free, an empty folder, or an artifact of this kind."""
    if not out.exists() and not out.is_symlink():
        return
    if out.is_dir() and not any(out.iterdir()):
        return
    if kind_of(out) != kind:
        raise ArtifactError(f"'{out}' exists and is no {kind} folder; give another folder")


def kind_of(folder: Path) -> str | None:
    """What an artifact's manifest says it is; None when there is no readable manifest."""
    try:
        found = json.loads((folder / File.MANIFEST).read_text(encoding="utf-8")).get("kind")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def open_manifest(folder: Path, kind: str, *, check_files: bool = True) -> dict[str, Any]:
    """Read a folder's manifest; check its own hash, kind, version and (on request) each file's.

    Raises ArtifactError with the first thing that is wrong.
    """
    path = folder / File.MANIFEST
    try:
        text = path.read_bytes().decode()
        manifest = json.loads(text)
        as_written = isinstance(manifest, dict) and text == _dump(manifest)
    except (FileNotFoundError, NotADirectoryError):
        raise ArtifactError(f"'{folder}' is no {kind} folder: it has no {path.name}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ArtifactError(f"'{path}' cannot be read: {error}") from None
    if not isinstance(manifest, dict) or manifest.get("kind") != kind:
        found = manifest.get("kind") if isinstance(manifest, dict) else None
        raise ArtifactError(f"'{folder}' is no {kind} folder (its manifest says {found!r})")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise ArtifactError(
            f"'{folder}' has format version {manifest.get('format_version')!r}; this pocketrec "
            f"reads {FORMAT_VERSION}: make it again or install the version that wrote it"
        )
    # Comparing the text too means that not even a blank can change unnoticed.
    rest = {key: value for key, value in manifest.items() if key != "sha256"}
    if not as_written or manifest.get("sha256") != _digest(rest):
        raise ArtifactError(f"'{path}' is not as it was written: it was changed or damaged")
    if check_files:
        _check_files(folder, manifest)
    return rest


def _check_files(folder: Path, manifest: dict[str, Any]) -> None:
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise ArtifactError(f"'{folder}' has a manifest without a list of files")
    for name, expected in files.items():
        path = folder / name
        try:
            if not _is_inside(folder.resolve(), name):
                raise ArtifactError(f"'{folder}' lists what is no file inside of it: {name!r}")
            found = describe(path)
        except (OSError, ValueError):
            raise ArtifactError(f"'{folder}' lacks its file '{name}'") from None
        if found != expected:
            raise ArtifactError(
                f"'{path}' is not the file its manifest describes (sha256 differs): "
                "it was changed or damaged"
            )


def _is_inside(folder: Path, name: str) -> bool:
    """Whether a name, once links are followed, still is the same place inside the folder."""
    path = (folder / name).resolve()
    return path.is_relative_to(folder) and path.relative_to(folder).as_posix() == name


def read_checked(folder: Path, manifest: dict[str, Any], name: str) -> bytes:
    """A file's bytes, once they are known to be the ones the manifest describes."""
    path = folder / name
    expected = manifest.get("files", {}).get(name)
    if path.is_symlink() or not path.is_file() or not isinstance(expected, dict):
        raise ArtifactError(f"'{folder}' lacks its file '{name}'")
    if path.stat().st_size != expected.get("bytes"):
        raise ArtifactError(f"'{path}' has another size than its manifest says: it was damaged")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected.get("sha256"):
        raise ArtifactError(f"'{path}' is not the file its manifest describes (sha256 differs)")
    return content


def describe(file: Path) -> dict[str, Any]:
    """Size in bytes and sha256 of a file, as manifests keep them."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"bytes": file.stat().st_size, "sha256": digest}


def fingerprint(*parts: Any) -> str:
    """A short hash of JSON-like values: equal inputs give equal fingerprints."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that readers see the old file or the new one, never half of it."""
    write_atomically(path, _dump(value).encode())


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _digest(value: Any) -> str:
    return hashlib.sha256(_dump(value).encode()).hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Write bytes to a temporary name, flush them to disk, and rename.

    Raises ArtifactError when that fails; the old file then stays as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ArtifactError(f"cannot write '{path}': {error.strerror}") from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def _swap(temporary: Path, out: Path) -> None:
    """Move a finished folder into place; an older one is set aside first and then removed."""
    if not out.exists():
        temporary.rename(out)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.old.", dir=out.parent))
    out.rename(aside / out.name)
    try:
        temporary.rename(out)
    except BaseException:  # an interruption too: the old one comes back
        (aside / out.name).rename(out)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)
