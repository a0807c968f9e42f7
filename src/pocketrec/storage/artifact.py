"""Folders that appear whole or not at all, each with a manifest that says what is in it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import ArtifactError
from ..schema import File

FORMAT_VERSION = 1

PART = ".part"
"""Ending of hidden names while their content is being written."""

LARGEST_MANIFEST = 16 * 2**20
"""Bytes; a longer one is no manifest of ours."""


def write_manifest(folder: Path, kind: str, content: dict[str, Any], *, files: list[Path]) -> None:
    """Write a folder's manifest, which hashes `files` of that folder, and itself."""
    described = {file.relative_to(folder).as_posix(): describe(file) for file in files}
    write_atomically(folder / File.MANIFEST, manifest_text(kind, content, described))


def manifest_text(kind: str, content: dict[str, Any], files: dict[str, Any]) -> bytes:
    """A manifest of files that are described, with the hash of itself."""
    manifest = {"kind": kind, "format_version": FORMAT_VERSION, **content, "files": files}
    return _dump({"sha256": _digest(manifest), **manifest}).encode()


def kind_of(folder: Path) -> str | None:
    """What an artifact's manifest says it is; None when there is no readable manifest."""
    try:
        found = json.loads(read_regular(folder / File.MANIFEST, LARGEST_MANIFEST)).get("kind")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def open_manifest(
    folder: Path,
    kind: str,
    *,
    check_files: bool = True,
    choose: Callable[[list[str]], Iterable[str]] = lambda names: names,
    needs: Iterable[str] = (),
) -> dict[str, Any]:
    """Read a folder's manifest; check its own hash, kind, version and (on request) each file's.

    `choose` gives the names of those files that are checked, of the names of all; `needs` are
    keys that it must have. Raises ArtifactError with the first thing that is wrong.
    """
    path = folder / File.MANIFEST
    try:
        text = read_regular(path, LARGEST_MANIFEST).decode()
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
    if missing := [key for key in needs if key not in rest]:
        raise ArtifactError(f"'{folder}' has a manifest without '{missing[0]}': make it again")
    if check_files:
        _check_files(folder, manifest, choose)
    return rest


def _check_files(
    folder: Path, manifest: dict[str, Any], choose: Callable[[list[str]], Iterable[str]]
) -> None:
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise ArtifactError(f"'{folder}' has a manifest without a list of files")
    for name in choose(list(files)):
        path, expected = folder / name, files[name]
        try:
            if not _is_inside(folder.resolve(), name):
                raise ArtifactError(f"'{folder}' lists what is no file inside of it: {name!r}")
            # Size and kind first: a pipe would be waited for, a file of holes read for hours.
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise ValueError
            same = expected["bytes"] == found.st_size and describe(path) == expected
        except (OSError, ValueError):
            raise ArtifactError(f"'{folder}' lacks its file '{name}'") from None
        except (KeyError, TypeError):
            raise ArtifactError(f"'{folder}' does not say what its file '{name}' is") from None
        if not same:
            raise ArtifactError(
                f"'{path}' is not the file its manifest describes (size or sha256 differs): "
                "it was changed or damaged"
            )


def _is_inside(folder: Path, name: str) -> bool:
    """Whether a name, once links are followed, still is the same place inside the folder."""
    path = (folder / name).resolve()
    return path.is_relative_to(folder) and path.relative_to(folder).as_posix() == name


def read_checked(folder: Path, manifest: dict[str, Any], name: str, most: int) -> bytes:
    """A file's bytes, at most `most`, once they are known to be the ones of the manifest."""
    path = folder / name
    expected = manifest.get("files", {}).get(name)
    size = expected.get("bytes") if isinstance(expected, dict) else None
    if type(size) is not int:
        raise ArtifactError(f"'{folder}' lacks its file '{name}'")
    if size > most:
        raise ArtifactError(f"'{path}' has {size:,} bytes, where {most:,} are the most: not read")
    try:
        content = read_regular(path, size)
    except OSError:
        raise ArtifactError(f"'{folder}' lacks its file '{name}'") from None
    except ValueError:
        content = b""
    if len(content) != size:
        raise ArtifactError(f"'{path}' has another size than its manifest says: it was damaged")
    if hashlib.sha256(content).hexdigest() != expected.get("sha256"):
        raise ArtifactError(f"'{path}' is not the file its manifest describes (sha256 differs)")
    return content


def read_regular(path: Path, most: int) -> bytes:
    """The bytes of a plain file; a link, a pipe or a device is none, and OSError is raised.

    ValueError when it holds more than `most` bytes: they are not read.
    """
    # Without O_NONBLOCK a pipe would be waited for until somebody writes into it.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        with open(descriptor, "rb", closefd=False) as stream:
            content = stream.read(most + 1)
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise ValueError(f"it holds more than {most:,} bytes")
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


def write_atomically(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write bytes to a temporary name, flush them to disk, and rename.

    What is `private` can be read by its owner only. Raises ArtifactError when that fails; the old
    file then stays as it was.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        descriptor = os.open(temporary, flags, 0o600 if private else 0o666)
        with open(descriptor, "wb") as stream:  # noqa: PTH123
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        flush(path.parent)
    except OSError as error:
        raise ArtifactError(f"cannot write '{path}': {error.strerror}") from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def is_leftover(file: Path) -> bool:
    """Whether a killed process left this file while it was writing."""
    return file.name.startswith(".") and file.name.endswith(PART) and file.is_file()


def own_files(folder: Path) -> set[str] | None:
    """The names of an artifact's files, and of its manifest; None when there is none to tell."""
    try:
        manifest = json.loads(read_regular(folder / File.MANIFEST, LARGEST_MANIFEST))
        return {File.MANIFEST, *manifest["files"]}
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None


def flush(path: Path) -> None:
    """Have the disk hold a file, or a folder's names: a power cut is an interruption too."""
    if os.name == "posix":  # elsewhere folders cannot be opened
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
