"""Download a published MovieLens release into the cache, and check it before it is used."""

from __future__ import annotations

import hashlib
import http.client
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from ..config.data import SourceName
from ..errors import DownloadError
from ..storage.artifact import describe
from ..storage.cache import default_cache
from .archive import CHUNK, extract
from .releases import BASE_URL, RELEASES, Release

Progress = Callable[[int, int | None], None]
"""Called with the bytes so far and the total, which is None when the server does not say."""

TIMEOUT = 8.0  # seconds without a byte before a server counts as unreachable
MAX_BYTES = 512 * 2**20  # the largest release, 25M, has 262 MB

RECBOLE = "recbole==1.2.1"
RECBOLE_WHEEL = "recbole-1.2.1-py3-none-any.whl"
RECBOLE_CHECKSUM = "sha256:9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
RECBOLE_FILE = re.compile(
    r"recbole/dataset_example/ml-100k/ml-100k\.(inter|item|user)|recbole-[^/]*\.dist-info/LICENSE"
)
PIP_TIMEOUT = 300.0  # seconds; the wheel has 2 MB


def fetch(
    source: SourceName,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    base_url: str = BASE_URL,
    max_bytes: int = MAX_BYTES,
) -> Path:
    """Return the folder of a release's data, downloading the release on the first call only.

    The zip must have the checksum that releases.py pins. GroupLens renews movielens/latest-small
    from time to time, so that zip is checked against the .md5 file beside it instead, which comes
    over the same https. When GroupLens does not answer, movielens/100k is taken from RecBole's
    wheel, which pip downloads but does not install. Raises DownloadError when no server answers,
    or when a file is not what was published.
    """
    release = RELEASES[source]
    folder = (cache or default_cache()) / "movielens"
    original, recbole_copy = folder / release.name, folder / f"{release.name}-recbole"
    for cached in (original, recbole_copy):
        if cached.is_dir():
            return cached
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(
            f"the cache '{folder}' cannot be written ({error.strerror}): set POCKETREC_CACHE to "
            "another folder"
        ) from None
    # Downloaded beside its destination, so that it can be renamed in one step.
    with tempfile.TemporaryDirectory(prefix=".download.", dir=folder) as temporary:
        archive = Path(temporary) / release.file
        try:
            _download(base_url + release.file, archive, progress, max_bytes)
            verify_checksum(archive, release.checksum or _fetch_md5(release, base_url, source))
        except (OSError, http.client.HTTPException, DownloadError) as error:
            if source != "movielens/100k":
                if isinstance(error, DownloadError):
                    raise
                raise _unreachable(source, base_url, error) from None
            try:
                wheel = _download_recbole(Path(temporary))
            except DownloadError as other:
                raise DownloadError(f"{_unreachable(source, base_url, error)} ({other})") from None
            extract(wheel, recbole_copy, wanted=lambda name: bool(RECBOLE_FILE.fullmatch(name)))
            return recbole_copy
        extract(archive, original)
    return original


def _unreachable(source: SourceName, base_url: str, error: Exception) -> DownloadError:
    file = RELEASES[source].file
    return DownloadError(
        f"{source} cannot be downloaded from {base_url}{file} ({_reason(error)}): try again "
        f"online, or get {file} elsewhere and give its path as data.path beside data.source"
    )


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)  # URLError wraps the socket's error
    return str(cause) or type(cause).__name__


def _download(
    url: str, target: Path, progress: Progress | None, max_bytes: int = MAX_BYTES
) -> None:
    """Stream a URL to a file.

    Raises OSError when the server refuses or the connection breaks, DownloadError beyond
    `max_bytes`.
    """
    if not url.startswith(("https://", "http://")):
        raise DownloadError(f"'{url}' is no web address: give one with https://")
    request = urllib.request.Request(url, headers={"User-Agent": "pocketrec"})  # noqa: S310
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310 - see above
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise OSError(f"the server says {error.code} {error.reason}") from None
    with response:
        length = response.headers.get("Content-Length")
        total = int(length) if length and length.isdigit() else None
        done = 0
        with target.open("wb") as sink:
            while chunk := response.read(CHUNK):
                done += len(chunk)
                # The server's own length is not trusted: count what really comes.
                if done > max_bytes:
                    raise DownloadError(
                        f"{url} sends more than {max_bytes} bytes, the limit of a release: get "
                        "the zip elsewhere"
                    )
                sink.write(chunk)
                if progress is not None:
                    progress(done, total)
    # urllib ends without an error when a connection closes early.
    if total is not None and done != total:
        raise OSError(f"the connection broke after {done} of {total} bytes")


def verify_checksum(file: Path, checksum: str) -> None:
    """Raise DownloadError unless a file has the checksum, written "algorithm:hex digest"."""
    algorithm, _, expected = checksum.partition(":")
    with file.open("rb") as stream:
        # GroupLens publishes md5: it detects damage, and https guards against tampering.
        actual = hashlib.file_digest(
            stream, lambda: hashlib.new(algorithm, usedforsecurity=False)
        ).hexdigest()
    if actual != expected.lower():
        raise DownloadError(
            f"{file.name} has the {algorithm} sum {actual}, not {expected} as published: it was "
            "damaged or changed during the download; try again"
        )


def _fetch_md5(release: Release, base_url: str, source: SourceName) -> str:
    """Download the .md5 file beside a zip, `MD5 (x) = sum` or `sum x`; returns "md5:sum"."""
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "md5"
        try:
            _download(f"{base_url}{release.file}.md5", file, None)
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(source, base_url, error) from None
        sums = re.findall(r"\b[0-9a-fA-F]{32}\b", file.read_bytes()[:4096].decode("latin-1"))
    if len(sums) != 1:
        raise DownloadError(
            f"{release.file}.md5 at {base_url} holds {len(sums)} md5 sums, not the one of "
            f"{release.file}: try again later"
        )
    return f"md5:{sums[0]}"


def _download_recbole(folder: Path) -> Path:
    """Download RecBole's wheel with pip and check it; wheels only, so that no setup code runs."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--disable-pip-version-check", "--no-input"]
    command += ["--retries", "1", "--timeout", str(int(TIMEOUT)), "--dest", str(folder), RECBOLE]
    try:
        pip = subprocess.run(  # noqa: S603 - a fixed command
            command, capture_output=True, text=True, timeout=PIP_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DownloadError(
            f"pip cannot download {RECBOLE} either: {type(error).__name__}"
        ) from None
    wheel = folder / RECBOLE_WHEEL
    if pip.returncode or not wheel.is_file():
        lines = pip.stderr.strip().splitlines() or ["no answer"]
        raise DownloadError(f"pip cannot download {RECBOLE} either: {lines[-1]}")
    verify_checksum(wheel, RECBOLE_CHECKSUM)
    return wheel


def unpack(archive: Path, *, cache: Path | None = None) -> Path:
    """Unpack a user's own zip into the cache, once per content; returns the folder."""
    digest: str = describe(archive)["sha256"]
    folder = (cache or default_cache()) / "unpacked" / digest[:32]
    extract(archive, folder)
    return folder
