"""Folders that appear whole or not at all, each with a manifest that says what is in it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .claim import claim
from .errors import ArtifactError, system_reason
from .exchange import exchange
from .schema import File

FORMAT_VERSION = 1

PART = ".part"
"""Ending of hidden names while their content is being written."""

MARK = f".draft{PART}"
"""File by which a draft is known for one."""

LARGEST_MANIFEST = 16 * 2**20
"""Bytes; a longer one is no manifest of ours."""


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
    with claim(part, out) as locked:
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
                _flush(path)
            _check_free(out, kind)  # again, for it took a while
            _move(part, out)
        except BaseException as error:
            _remove(part, own)
            if reason := system_reason(error):
                raise ArtifactError(f"'{out}' was not written: {reason}") from error
            raise


def write_manifest(folder: Path, kind: str, content: dict[str, Any], *, files: list[Path]) -> None:
    """Write a folder's manifest, which hashes `files` of that folder, and itself."""
    described = {file.relative_to(folder).as_posix(): describe(file) for file in files}
    write_atomically(folder / File.MANIFEST, manifest_text(kind, content, described))


def manifest_text(kind: str, content: dict[str, Any], files: dict[str, Any]) -> bytes:
    """A manifest of files that are described, with the hash of itself."""
    manifest = {"kind": kind, "format_version": FORMAT_VERSION, **content, "files": files}
    return _dump({"sha256": _digest(manifest), **manifest}).encode()


def check_replaceable(out: Path, kind: str) -> None:
    """Raise ArtifactError unless `out` is free, an empty folder, or an artifact of this kind."""
    if not out.exists() and not out.is_symlink():
        return
    if out.is_dir() and not any(file for file in out.iterdir() if not _is_leftover(file)):
        return
    if kind_of(out) != kind:
        raise ArtifactError(f"'{out}' exists and is no {kind} folder; give another folder")


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
        _flush(path.parent)
    except OSError as error:
        raise ArtifactError(f"cannot write '{path}': {error.strerror}") from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed while writing left in a folder that is claimed."""
    for file in filter(_is_leftover, folder.rglob(f".*{PART}")):
        file.unlink(missing_ok=True)


def _is_leftover(file: Path) -> bool:
    return file.name.startswith(".") and file.name.endswith(PART) and file.is_file()


def _check_free(out: Path, kind: str) -> None:
    """Raise ArtifactError unless `out` is replaceable and holds nothing that somebody put there."""
    check_replaceable(out, kind)
    own = own_files(out)
    if own is None:
        return
    inside = (file for file in out.rglob("*") if file.is_file() and not _is_leftover(file))
    refuse_foreign(out, {file.relative_to(out).as_posix() for file in inside} - own, kind)


def own_files(folder: Path) -> set[str] | None:
    """The names of an artifact's files, and of its manifest; None when there is none to tell."""
    try:
        manifest = json.loads(read_regular(folder / File.MANIFEST, LARGEST_MANIFEST))
        return {File.MANIFEST, *manifest["files"]}
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None


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


def _flush(path: Path) -> None:
    """Have the disk hold a file, or a folder's names: a power cut is an interruption too."""
    if os.name == "posix":  # elsewhere folders cannot be opened
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _move(part: Path, out: Path) -> None:
    """Move a finished folder into place; at no moment is there less than the old one or the new."""
    if not out.exists() or not any(out.iterdir()):
        with suppress(FileNotFoundError):
            out.rmdir()  # which is empty; not every system replaces a folder
        part.replace(out)
    else:
        with claim(out, out):  # which is soon the draft's name, and nobody else's
            exchange(part, out)
            shutil.rmtree(part, ignore_errors=True)
    _flush(out.parent)
