"""Unpack an untrusted zip: nothing outside the folder, no links, no zip bombs."""

from __future__ import annotations

import lzma
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from ..errors import DownloadError

MAX_BYTES = 4 * 2**30  # MovieLens 32M unpacks to 1 GB
MAX_FILES = 1000
CHUNK = 1 << 20
REMEDY = "get the zip from its publisher"

DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,  # names that are not UTF-8, impossible sizes
)
"""What zipfile raises for a damaged zip."""


def extract(
    archive: Path,
    folder: Path,
    *,
    wanted: Callable[[str], bool] = lambda _: True,
    max_bytes: int = MAX_BYTES,
    max_files: int = MAX_FILES,
) -> None:
    """Unpack the wanted files into `folder`, which appears whole or not at all.

    Does nothing when the folder exists. Raises DownloadError for a damaged zip, a link, a name
    that leads out of the folder or occurs twice, and for more than `max_files` files or
    `max_bytes` bytes.
    """
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            if len(entries) > max_files:
                raise DownloadError(
                    f"{archive.name} holds {len(entries)} files, more than {max_files}, and was "
                    f"not unpacked: {REMEDY}"
                )
            if len({entry.filename for entry in entries}) < len(entries):
                raise DownloadError(
                    f"{archive.name} holds two files of one name and was not unpacked: {REMEDY}"
                )
            bytes_left = max_bytes
            for entry in entries:
                target = temporary / _safe_name(entry, archive.name)
                if wanted(entry.filename):
                    bytes_left = _unpack(opened, entry, target, bytes_left)
        temporary.chmod(0o755)  # mkdtemp made it private
        _rename(temporary, folder)
    except DAMAGE as error:
        raise DownloadError(
            f"{archive.name} is no readable zip file ({error}): download it again"
        ) from None
    except OSError as error:
        raise DownloadError(
            f"{archive.name} cannot be unpacked into '{folder.parent}': {error.strerror or error}"
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _rename(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        # Another process was faster with the same zip; its folder is as good.
        if not folder.is_dir():
            raise


def _safe_name(entry: zipfile.ZipInfo, archive: str) -> str:
    """The path of an entry below its folder; DownloadError when it leads elsewhere."""
    name = entry.filename
    path = PurePosixPath(name.replace("\\", "/"))
    is_link = stat.S_ISLNK(entry.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts or ":" in name or is_link:
        raise DownloadError(
            f"{archive} holds '{name}', which leads out of its folder, and was not unpacked: "
            f"{REMEDY}"
        )
    return str(path)


def _unpack(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, bytes_left: int) -> int:
    """Write one entry and return the bytes still allowed; the size in its header is not trusted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(entry) as source, target.open("wb") as sink:
        while chunk := source.read(CHUNK):
            bytes_left -= len(chunk)
            if bytes_left < 0:
                raise DownloadError(
                    f"{opened.filename} unpacks to more bytes than allowed and was not unpacked: "
                    f"{REMEDY}"
                )
            sink.write(chunk)
    return bytes_left
