"""Artifacts: folders with a manifest that describes every file, written atomically."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import ArtifactError
from ..schema import File

FORMAT_VERSIONS = {"run": 2}
"""By kind of artifact; the others have version 1. CHANGELOG.md says what each version changed."""

PART = ".part"
"""Ending of the hidden name that a file or folder has while it is being written."""

LARGEST_MANIFEST = 16 * 2**20
"""In bytes; a longer file is not one that pocketrec wrote."""

MAKE_AGAIN = "copy the folder again, or make it again"


def format_version(kind: str) -> int:
    """The format that this version of pocketrec writes and reads."""
    return FORMAT_VERSIONS.get(kind, 1)


def write_manifest(folder: Path, kind: str, content: dict[str, Any], *, files: list[Path]) -> None:
    """Write a folder's manifest, with the hashes of `files` in that folder and of itself."""
    described = {file.relative_to(folder).as_posix(): describe(file) for file in files}
    write_atomically(folder / File.MANIFEST, manifest_text(kind, content, described))


def manifest_text(kind: str, content: dict[str, Any], files: dict[str, Any]) -> bytes:
    """The text of a manifest with a hash of itself; `files` are described as by `describe`."""
    manifest = {"kind": kind, "format_version": format_version(kind), **content, "files": files}
    return _dump({"sha256": _digest(manifest), **manifest}).encode()


def kind_of(folder: Path) -> str | None:
    """The kind that a folder's manifest states; None when there is no readable manifest."""
    try:
        kind = json.loads(read_regular(folder / File.MANIFEST, LARGEST_MANIFEST)).get("kind")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return kind if isinstance(kind, str) else None


def open_manifest(
    folder: Path,
    kind: str,
    *,
    check_files: bool = True,
    choose: Callable[[list[str]], Iterable[str]] = lambda names: names,
) -> dict[str, Any]:
    """Read a folder's manifest and check its kind, version and hash, and its files if asked.

    `choose` selects, from the names of all files, those that are checked. Raises ArtifactError for
    the first fault.
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
        other = manifest.get("kind") if isinstance(manifest, dict) else None
        raise ArtifactError(f"'{folder}' is no {kind} folder (its manifest says {other!r})")
    if manifest.get("format_version") != format_version(kind):
        raise ArtifactError(
            f"'{folder}' has format version {manifest.get('format_version')!r}, but this pocketrec "
            f"reads {format_version(kind)}: make it again, or install the version that wrote it"
        )
    # The text is compared too, so that a change of white space alone is noticed.
    content = {key: value for key, value in manifest.items() if key != "sha256"}
    if not as_written or manifest.get("sha256") != _digest(content):
        raise ArtifactError(
            f"'{path}' is not as it was written: it was changed or damaged; {MAKE_AGAIN}"
        )
    if check_files:
        _check_files(folder, manifest, choose)
    return content


def _check_files(
    folder: Path, manifest: dict[str, Any], choose: Callable[[list[str]], Iterable[str]]
) -> None:
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise ArtifactError(f"'{folder}' has a manifest without a list of files: make it again")
    for name in choose(list(files)):
        path, expected = folder / name, files[name]
        try:
            if not _is_inside(folder.resolve(), name):
                raise ArtifactError(
                    f"'{folder}' has a manifest that lists {name!r}, which is not a file inside "
                    "the folder: make it again"
                )
            # Check type and size before hashing: reading a pipe would block, and a sparse file may
            # claim more bytes than can be read in hours.
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise ValueError
            same = expected["bytes"] == status.st_size and describe(path) == expected
        except (OSError, ValueError):
            raise ArtifactError(f"'{folder}' lacks its file '{name}': {MAKE_AGAIN}") from None
        except (KeyError, TypeError):
            raise ArtifactError(
                f"'{folder}' has a manifest without the size and sha256 of '{name}': make it again"
            ) from None
        if not same:
            raise ArtifactError(
                f"'{path}' is not the file its manifest describes (size or sha256 differs): "
                f"it was changed or damaged; {MAKE_AGAIN}"
            )


def _is_inside(folder: Path, name: str) -> bool:
    """Whether a file's name, with links followed, still leads to that name inside the folder."""
    path = (folder / name).resolve()
    return path.is_relative_to(folder) and path.relative_to(folder).as_posix() == name


def read_checked(folder: Path, manifest: Mapping[str, Any], name: str, most: int) -> bytes:
    """Read a file of at most `most` bytes and check the bytes against the manifest.

    The bytes that were checked are the ones returned: the file cannot change in between.
    """
    path = folder / name
    expected = manifest.get("files", {}).get(name)
    size = expected.get("bytes") if isinstance(expected, dict) else None
    if type(size) is not int:
        raise ArtifactError(f"'{folder}' lacks its file '{name}': {MAKE_AGAIN}")
    if size > most:
        raise ArtifactError(
            f"'{path}' has {size:,} bytes, more than the {most:,} that pocketrec reads: "
            f"{MAKE_AGAIN}"
        )
    try:
        content = read_regular(path, size)
    except OSError:
        raise ArtifactError(f"'{folder}' lacks its file '{name}': {MAKE_AGAIN}") from None
    except ValueError:
        content = b""  # longer than the manifest says: the next check refuses it
    if len(content) != size:
        raise ArtifactError(
            f"'{path}' has another size than the {size:,} bytes of its manifest: it was damaged; "
            f"{MAKE_AGAIN}"
        )
    if hashlib.sha256(content).hexdigest() != expected.get("sha256"):
        raise ArtifactError(
            f"'{path}' is not the file its manifest describes (sha256 differs): {MAKE_AGAIN}"
        )
    return content


def read_regular(path: Path, most: int) -> bytes:
    """Read a regular file of at most `most` bytes.

    Raises OSError for a link, a pipe or a device, and ValueError for a longer file, which is not
    read to its end.
    """
    # Without O_NONBLOCK, opening a pipe waits until somebody writes to it.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        with open(descriptor, "rb", closefd=False) as stream:
            content = stream.read(most + 1)
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise ValueError(f"it holds more than {most:,} bytes")
    return content


def describe(file: Path) -> dict[str, Any]:
    """Size in bytes and sha256 of a file, as manifests store them."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"bytes": file.stat().st_size, "sha256": digest}


def fingerprint(*parts: Any) -> str:
    """A short hash of JSON-like values, equal for equal values."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically: readers see the old file or the new one, never a part."""
    write_atomically(path, _dump(value).encode())


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _digest(value: Any) -> str:
    return hashlib.sha256(_dump(value).encode()).hexdigest()


def write_atomically(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write bytes under a temporary name, flush them to disk, and rename the file.

    Only its owner can read a `private` file. Raises ArtifactError when writing fails; the old file
    then stays as it was.
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
    """Whether this is a temporary file, left by a process that was killed while writing."""
    return file.name.startswith(".") and file.name.endswith(PART) and file.is_file()


def own_files(folder: Path) -> set[str] | None:
    """The files that a folder's manifest lists, and the manifest; None without a readable one."""
    try:
        manifest = json.loads(read_regular(folder / File.MANIFEST, LARGEST_MANIFEST))
        return {File.MANIFEST, *manifest["files"]}
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None


def flush(path: Path) -> None:
    """Flush a file's content, or a folder's names, to the disk, so that a power cut loses none."""
    if os.name == "posix":  # other systems cannot open folders
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
