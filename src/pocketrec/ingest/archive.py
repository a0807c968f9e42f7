"""Unpack a zip that may be hostile: nothing outside the folder, no links, no bombs."""

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

MAX_BYTES = 4 * 2**30  # MovieLens 32M is 1 GB when unpacked
MAX_FILES = 1000
CHUNK = 1 << 20

DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,  # names that are no UTF-8, sizes that no file has
)
"""What zipfile raises for a zip that it cannot read."""


def extract(
    archive: Path,
    folder: Path,
    *,
    wanted: Callable[[str], bool] = lambda _: True,
    max_bytes: int = MAX_BYTES,
) -> None:
    """Unpack the wanted files into `folder`, which appears whole or not at all.

    A folder that is there already stays as it is. Raises DownloadError for a damaged zip, a name
    that leads out of the folder or stands twice, a link, and more files or bytes than the caps
    allow.
    """
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            if len(entries) > MAX_FILES:
                raise DownloadError(
                    f"{archive.name} holds {len(entries)} files, more than {MAX_FILES}: refused"
                )
            if len({entry.filename for entry in entries}) < len(entries):
                raise DownloadError(f"{archive.name} holds two files of one name: refused")
            left = max_bytes
            for entry in entries:
                target = temporary / _safe_name(entry, archive.name)
                if wanted(entry.filename):
                    left = _unpack(opened, entry, target, left)
        temporary.chmod(0o755)
        _settle(temporary, folder)
    except DAMAGE as error:
        raise DownloadError(
            f"{archive.name} is no zip file that can be read ({error}): fetch it again"
        ) from None
    except OSError as error:
        raise DownloadError(
            f"{archive.name} cannot be unpacked into '{folder.parent}': {error.strerror or error}"
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _settle(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        # Another process was quicker with the same zip; its folder is as good.
        if not folder.is_dir():
            raise


def _safe_name(entry: zipfile.ZipInfo, archive: str) -> str:
    name = entry.filename
    path = PurePosixPath(name.replace("\\", "/"))
    is_link = stat.S_ISLNK(entry.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts or ":" in name or is_link:
        raise DownloadError(f"{archive} holds '{name}', which leads out of its folder: refused")
    return str(path)


def _unpack(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Write one entry; its real size counts, not the one that its header claims."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(entry) as source, target.open("wb") as sink:
        while chunk := source.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                raise DownloadError(f"{opened.filename} unpacks to more than is allowed: refused")
            sink.write(chunk)
    return left
