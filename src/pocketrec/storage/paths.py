"""Where files are: on this machine, or at a URL that fsspec opens (gs://, s3://, hdfs://).

A place is a Path or a Url; both have a name. What is written appears whole or not at all.
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

from ..errors import DataError, MissingExtraError, PocketrecError, needs_extra, one_line

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_VERSIONS = (
    *("etag", "ETag", "md5Hash", "content_md5", "generation", "mtime", "LastModified"),
    *("last_modified", "modification_time", "created"),
)
"""What stores call that which changes with a file's content, the surest first."""


class Url(str):
    """A place elsewhere, such as gs://bucket/log/*.parquet."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """What stands behind the last slash."""
        return self.rstrip("/").rpartition("/")[2]

    @property
    def parent(self) -> Url:
        """What stands before the last slash, but never less than the bucket or the host."""
        root, path = self._split()
        return Url(root + path.rpartition("/")[0])

    def __truediv__(self, name: str) -> Url:
        root, path = self._split()
        return Url(f"{root}{path}/{name}")

    def _split(self) -> tuple[str, str]:
        """Protocol with bucket or host, and the path, which begins with a slash if it is any."""
        protocol, _, rest = self.partition("://")
        host, slash, path = rest.partition("/")
        return f"{protocol}://{host}", f"{slash}{path}".rstrip("/")


AnyPath = Path | Url


def parse_path(text: str, folder: Path | None = None) -> AnyPath:
    """A path ("~" made a folder, where there is such a user), from `folder` on; or a URL.

    file:// is a path as any other.
    """
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    elif _URL.match(text):
        return Url(text)
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        path = Path(text)
    return path if folder is None else folder / path


def find_remote(url: Url) -> list[Url]:
    """The files that a URL names: one, those of a folder, or those that fit a glob; sorted."""
    with _open_store(url) as (store, path):
        store.invalidate_cache()  # listed anew; what `size_and_version` is asked next is then known
        if is_glob(url):
            found = [name for name, info in store.glob(path, detail=True).items() if _is_file(info)]
        elif store.isfile(path):
            found = [path]
        elif store.isdir(path):
            found = [info["name"] for info in store.ls(path, detail=True) if _is_file(info)]
        else:
            found = []
        return sorted(Url(store.unstrip_protocol(name)) for name in found)


def is_glob(url: Url) -> bool:
    """Whether a URL is a pattern."""
    return any(sign in url for sign in "*?[")


def _is_file(info: dict[str, Any]) -> bool:
    return bool(info["type"] == "file")


def size_and_version(where: AnyPath) -> tuple[int, str]:
    """Bytes of a file, and something that is another when its content is another."""
    if isinstance(where, Path):
        found = where.stat()
        return found.st_size, str(found.st_mtime_ns)
    with _open_store(where) as (store, path):
        info = store.info(path)
        version = next((str(info[key]) for key in _VERSIONS if info.get(key)), "")
        return int(info["size"]), version


@contextmanager
def local_copy(where: AnyPath) -> Iterator[Path]:
    """A file as one of this machine: of a URL a copy, which is kept for so long only."""
    if isinstance(where, Path):
        yield where
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield download(where, Path(folder))


def download(url: Url, folder: Path) -> Path:
    """Copy a file into a folder of this machine, under its own name."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / url.name
    with _open_store(url) as (store, path):
        store.get_file(path, str(target))
    return target


def upload(file: Path, url: Url) -> None:
    """Copy a file of this machine to a URL."""
    with _open_store(url) as (store, path):
        store.makedirs(store._parent(path), exist_ok=True)
        store.put_file(str(file), path)


def read_bytes(where: AnyPath) -> bytes:
    """All of a file; FileNotFoundError when there is none."""
    if isinstance(where, Path):
        return where.read_bytes()
    with _open_store(where) as (store, path):
        content: bytes = store.cat_file(path)
        return content


def write_bytes(where: AnyPath, content: bytes) -> None:
    """Write a file in one step; its folder is made where there are folders."""
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
    """Paths of all files below a folder, from it on."""
    with _open_store(url) as (store, path), suppress(FileNotFoundError):
        store.invalidate_cache()
        root = path.rstrip("/") + "/"
        return sorted(name.removeprefix(root) for name in store.find(path))
    return []


def remove(where: AnyPath) -> None:
    """Remove a file or a folder with all that is in it, if it is there."""
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
    """The store behind a URL and the path in it; what goes wrong with it is one sentence."""
    with needs_extra(f"'{url}'", "scale"):
        import fsspec
    try:
        yield fsspec.core.url_to_fs(str(url))
    except (FileNotFoundError, PocketrecError):
        raise
    except ImportError as error:
        raise MissingExtraError(
            f"'{url}' needs a package that is not installed ({error})"
        ) from error
    except Exception as error:  # each store has its own errors
        if isinstance(error, ValueError) and str(error).startswith("Protocol not known"):
            protocol = url.partition("://")[0]
            raise DataError(
                f"'{url}' begins with {protocol}://, which is none that fsspec knows: correct it "
                "(gs://, s3://, az:// and hdfs:// are some), or give a path of this machine"
            ) from error
        reason = one_line(str(error).strip().partition("\n")[0], 300) or type(error).__name__
        raise DataError(
            f"'{url}' cannot be reached ({reason}): check its name, and that this machine and the "
            "workers may read and write there"
        ) from error
