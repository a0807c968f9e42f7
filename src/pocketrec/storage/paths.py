"""Files on this machine (Path), or at a URL that fsspec opens, such as gs:// and s3:// (Url).

Both kinds of path have a name, a parent and "/". Files are written whole or not at all.
"""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import DataError, MissingExtraError, PocketrecError, first_line, needs_extra

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_VERSION_KEYS = (
    *("etag", "ETag", "md5Hash", "content_md5", "generation", "mtime", "LastModified"),
    *("last_modified", "modification_time", "created"),
)
"""Names that stores give to a value that changes with a file's content, the most reliable first."""


class Url(str):
    """A remote path, such as gs://bucket/log/*.parquet."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The text after the last slash."""
        return self.rstrip("/").rpartition("/")[2]

    @property
    def parent(self) -> Url:
        """The text before the last slash, but at least the bucket or host."""
        root, path = self._split()
        return Url(root + path.rpartition("/")[0])

    def __truediv__(self, name: str) -> Url:
        root, path = self._split()
        return Url(f"{root}{path}/{name}")

    def _split(self) -> tuple[str, str]:
        """The protocol with bucket or host, and the path, which is empty or starts with a slash."""
        protocol, _, rest = self.partition("://")
        host, slash, path = rest.partition("/")
        return f"{protocol}://{host}", f"{slash}{path}".rstrip("/")


AnyPath = Path | Url


def parse_path(text: str, folder: Path | None = None) -> AnyPath:
    """Parse a URL, or a path relative to `folder` with "~" expanded; file:// means a path."""
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    elif _URL.match(text):
        return Url(text)
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # "~nobody": there is no such user, but there may be such a file
        path = Path(text)
    return path if folder is None else folder / path


def find_remote(url: Url) -> list[Url]:
    """The files that a URL names, sorted: one file, those in a folder, or a glob's matches."""
    with _open_store(url) as (store, path):
        # A fresh listing; it also answers `size_and_version` for each file without a request.
        store.invalidate_cache()
        if is_glob(url):
            names = [name for name, info in store.glob(path, detail=True).items() if _is_file(info)]
        elif store.isfile(path):
            names = [path]
        elif store.isdir(path):
            names = [info["name"] for info in store.ls(path, detail=True) if _is_file(info)]
        else:
            names = []
        return sorted(Url(store.unstrip_protocol(name)) for name in names)


def is_glob(url: Url) -> bool:
    """Whether a URL is a glob."""
    return any(sign in url for sign in "*?[")


def _is_file(info: dict[str, Any]) -> bool:
    return bool(info["type"] == "file")


def size_and_version(where: AnyPath) -> tuple[int, str]:
    """The bytes of a file, and a text that changes with its content: a checksum or a time."""
    if isinstance(where, Path):
        status = where.stat()
        return status.st_size, str(status.st_mtime_ns)
    with _open_store(where) as (store, path):
        info = store.info(path)
        version = next((str(info[key]) for key in _VERSION_KEYS if info.get(key)), "")
        return int(info["size"]), version


@contextmanager
def local_copy(where: AnyPath) -> Iterator[Path]:
    """A file on this machine: the file itself, or a copy that exists inside the `with` block."""
    if isinstance(where, Path):
        yield where
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield download(where, Path(folder))


def download(url: Url, folder: Path) -> Path:
    """Copy a remote file into a folder, under its own name; returns the copy."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / url.name
    with _open_store(url) as (store, path):
        store.get_file(path, str(target))
    return target


def upload(file: Path, url: Url) -> None:
    """Copy a file to a URL."""
    with _open_store(url) as (store, path):
        store.makedirs(store._parent(path), exist_ok=True)
        store.put_file(str(file), path)


def read_bytes(where: AnyPath) -> bytes:
    """Read a whole file; raises FileNotFoundError when it does not exist."""
    if isinstance(where, Path):
        return where.read_bytes()
    with _open_store(where) as (store, path):
        content: bytes = store.cat_file(path)
        return content


def write_bytes(where: AnyPath, content: bytes) -> None:
    """Write a file in one step, and its folder where needed.

    Scratch files are written with this, so it does not flush to disk: see
    `artifact.write_atomically` for files that must survive a power cut.
    """
    if isinstance(where, Path):
        where.parent.mkdir(parents=True, exist_ok=True)
        temporary = where.with_name(f".{where.name}.{secrets.token_hex(4)}")
        temporary.write_bytes(content)
        temporary.replace(where)
        return
    with _open_store(where) as (store, path):
        store.makedirs(store._parent(path), exist_ok=True)
        store.pipe_file(path, content)


def list_files(url: Url) -> list[str]:
    """The paths of all files below a remote folder, relative to it and sorted."""
    with _open_store(url) as (store, path), suppress(FileNotFoundError):
        store.invalidate_cache()
        root = path.rstrip("/") + "/"
        return sorted(name.removeprefix(root) for name in store.find(path))
    return []


def remove(where: AnyPath) -> None:
    """Remove a file, or a folder with its content; does nothing when it does not exist."""
    if isinstance(where, Path):
        if where.is_dir():
            shutil.rmtree(where, ignore_errors=True)
        else:
            where.unlink(missing_ok=True)
        return
    with _open_store(where) as (store, path), suppress(FileNotFoundError):
        store.rm(path, recursive=True)


@contextmanager
def _open_store(url: Url) -> Iterator[tuple[Any, str]]:
    """Yield the fsspec file system of a URL and the path in it; its errors become one sentence."""
    with needs_extra(f"'{url}'", "scale"):
        import fsspec
    try:
        yield fsspec.core.url_to_fs(str(url))
    except (FileNotFoundError, PocketrecError):
        raise
    except ImportError as error:
        raise MissingExtraError(
            f"'{url}' needs a package that is not installed ({error}): install it with pip"
        ) from error
    except Exception as error:  # each store raises its own types
        if isinstance(error, ValueError) and str(error).startswith("Protocol not known"):
            protocol = url.partition("://")[0]
            raise DataError(
                f"'{url}' begins with {protocol}://, which fsspec does not know: correct it (to "
                "gs://, s3://, az:// or hdfs://, for example), or give a path on this machine"
            ) from error
        raise DataError(
            f"'{url}' cannot be reached ({first_line(error, 300)}): check its name, and that this "
            "machine and the workers may read and write there"
        ) from error
