"""Fetch a published MovieLens release into the cache, checked before it is used."""

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
from ..storage.cache import default_cache
from .archive import CHUNK, extract
from .releases import BASE_URL, RELEASES, Release

Progress = Callable[[int, int | None], None]
"""Called with the bytes that came and the bytes to come in all, None when that is not known."""

TIMEOUT = 8.0  # seconds of silence until a server counts as out of reach
MAX_BYTES = 512 * 2**20  # the largest release, 25M, is 262 MB

RECBOLE = "recbole==1.2.1"
RECBOLE_WHEEL = "recbole-1.2.1-py3-none-any.whl"
RECBOLE_CHECKSUM = "sha256:9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
RECBOLE_FILE = re.compile(
    r"recbole/dataset_example/ml-100k/ml-100k\.(inter|item|user)|recbole-[^/]*\.dist-info/LICENSE"
)
PIP_TIMEOUT = 300.0  # seconds; the wheel is 2 MB


def fetch(
    source: SourceName,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    base_url: str = BASE_URL,
) -> Path:
    """Give the folder of a release's data, downloading it on the first call only.

    The zip must have the checksum that is pinned in releases.py. movielens/latest-small is
    renewed by GroupLens from time to time, so no sum is pinned: it is checked against the .md5
    file that is published beside it, over the same https. For movielens/100k the copy inside
    RecBole's wheel is tried, with pip (never installed), when GroupLens does not answer.
    Raises DownloadError when neither answers or what comes is not what was published.
    """
    release = RELEASES[source]
    folder = (cache or default_cache()) / "movielens"
    original, second = folder / release.name, folder / f"{release.name}-recbole"
    for known in (original, second):
        if known.is_dir():
            return known
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(
            f"the cache '{folder}' cannot be written ({error.strerror}); "
            "name another folder in POCKETREC_CACHE"
        ) from None
    # Beside its destination, so that the renaming at the end is atomic.
    with tempfile.TemporaryDirectory(prefix=".download.", dir=folder) as temporary:
        archive = Path(temporary) / release.file
        try:
            _download(base_url + release.file, archive, progress)
            check_sum(archive, release.checksum or _published_sum(release, base_url, source))
        except (OSError, http.client.HTTPException, DownloadError) as error:
            if source != "movielens/100k":
                if isinstance(error, DownloadError):
                    raise
                raise _unreachable(source, base_url, error) from None
            try:
                wheel = _pip_download(Path(temporary))
            except DownloadError as other:
                raise DownloadError(f"{_unreachable(source, base_url, error)} ({other})") from None
            extract(wheel, second, wanted=lambda name: RECBOLE_FILE.fullmatch(name) is not None)
            return second
        extract(archive, original)
    return original


def _unreachable(source: SourceName, base_url: str, error: Exception) -> DownloadError:
    release = RELEASES[source]
    return DownloadError(
        f"{source} cannot be downloaded from {base_url}{release.file} ({_reason(error)}); try "
        f"again online, or get {release.file} elsewhere and give its place as data.path beside "
        "data.source"
    )


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    return str(inner) or type(inner).__name__


def _download(url: str, target: Path, progress: Progress | None) -> None:
    """Stream a URL to a file, at most MAX_BYTES of it; OSError when it does not come whole."""
    if not url.startswith(("https://", "http://")):
        raise DownloadError(f"'{url}' is no web address")
    request = urllib.request.Request(url, headers={"User-Agent": "pocketrec"})  # noqa: S310
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310 - see above
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise OSError(f"the server says {error.code} {error.reason}") from None
    with answer:
        length = answer.headers.get("Content-Length")
        total = int(length) if length and length.isdigit() else None
        done = 0
        with target.open("wb") as sink:
            while chunk := answer.read(CHUNK):
                done += len(chunk)
                if done > MAX_BYTES:
                    raise DownloadError(f"{url} gives more than {MAX_BYTES} bytes: refused")
                sink.write(chunk)
                if progress is not None:
                    progress(done, total)
    if total is not None and done != total:
        raise OSError(f"the connection broke after {done} of {total} bytes")


def check_sum(file: Path, checksum: str) -> None:
    """Raise DownloadError unless a file has a checksum, written "algorithm:hex digest"."""
    algorithm, _, expected = checksum.partition(":")
    with file.open("rb") as stream:
        # md5 is what GroupLens publishes; it guards against accidents, https against the rest.
        found = hashlib.file_digest(
            stream, lambda: hashlib.new(algorithm, usedforsecurity=False)
        ).hexdigest()
    if found != expected.lower():
        raise DownloadError(
            f"{file.name} has the {algorithm} sum {found}, not {expected} as published: it was "
            "damaged or changed on its way; try again"
        )


def _published_sum(release: Release, base_url: str, source: SourceName) -> str:
    """The sum in the .md5 file beside a zip, as "md5:..."; it is `MD5 (x) = sum` or `sum x`."""
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "md5"
        try:
            _download(f"{base_url}{release.file}.md5", file, None)
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(source, base_url, error) from None
        sums = re.findall(r"\b[0-9a-fA-F]{32}\b", file.read_bytes()[:4096].decode("latin-1"))
    if len(sums) != 1:
        raise DownloadError(
            f"{release.file}.md5 at {base_url} holds no md5 sum to check {release.file} with"
        )
    return f"md5:{sums[0]}"


def _pip_download(folder: Path) -> Path:
    """RecBole's wheel by pip, checked; only wheels, so that no set-up code is ever run."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--disable-pip-version-check", "--no-input"]
    command += ["--retries", "1", "--timeout", str(int(TIMEOUT)), "--dest", str(folder), RECBOLE]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            command, capture_output=True, text=True, timeout=PIP_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DownloadError(f"nor does pip give {RECBOLE}: {type(error).__name__}") from None
    wheel = folder / RECBOLE_WHEEL
    if done.returncode or not wheel.is_file():
        lines = done.stderr.strip().splitlines() or ["no answer"]
        raise DownloadError(f"nor does pip give {RECBOLE}: {lines[-1]}")
    check_sum(wheel, RECBOLE_CHECKSUM)
    return wheel


def unpacked(archive: Path, *, cache: Path | None = None) -> Path:
    """The folder of a zip that a user has: unpacked into the cache once for each content."""
    with archive.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    folder = (cache or default_cache()) / "unpacked" / digest[:32]
    extract(archive, folder)
    return folder
