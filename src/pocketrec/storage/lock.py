"""Lock a folder for one process: a second run into it is refused.

The lock is the kernel's (flock on the folder itself). The kernel releases it when the process ends,
even after kill -9, and it leaves no file behind. Where the system has no such locks, nothing is
refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import ArtifactError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def lock_folder(folder: Path, out: Path) -> Iterator[bool]:
    """Create a folder if needed and hold its lock; yields False where there are no locks.

    At the end the folder is removed if it is empty. Errors name `out`, the folder that the caller
    writes. Raises ArtifactError when another process holds the lock, or the folder cannot be
    created.
    """
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise ArtifactError(f"'{out}' has a name that is not UTF-8: give another name") from None
    try:
        descriptor = _open_locked(folder)
    except BlockingIOError:
        raise ArtifactError(
            f"another pocketrec is writing '{out}': wait until it is done, or give another folder"
        ) from None
    except OSError as error:
        raise ArtifactError(f"cannot write '{out}': {error.strerror}") from None
    try:
        yield descriptor is not None
    finally:
        # Another run may have created a new folder under this name: that one must stay.
        if descriptor is None or _is_at(descriptor, folder):
            with suppress(OSError):  # not empty
                folder.rmdir()
        if descriptor is not None:
            os.close(descriptor)


def _open_locked(folder: Path) -> int | None:
    """Open and lock the folder; returns its descriptor, or None where there are no locks.

    The folder may be moved or removed at any time until the lock is held, so this starts over
    until the locked folder is the one at this path.
    """
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            # Another run may have moved its folder away just now, and a third may have created a
            # new one since: only something else at this path, or a parent that is a link to
            # nothing, is really in the way.
            if error.filename != str(folder) or _is_in_the_way(folder):
                raise
            continue
        if fcntl is None:
            return None
        try:
            # Links are not followed: the folder's content may be removed later.
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
        try:
            if not _try_lock(descriptor):
                os.close(descriptor)
                return None
            if _is_at(descriptor, folder):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # another run moved the folder just before this one locked it


def _is_in_the_way(folder: Path) -> bool:
    """Whether a file or a link is where a folder should be."""
    try:
        return not stat.S_ISDIR(folder.lstat().st_mode)
    except FileNotFoundError:
        return False


def _is_at(descriptor: int, folder: Path) -> bool:
    """Whether an open folder is still the one at this path."""
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except FileNotFoundError:
        return False


def _try_lock(descriptor: int) -> bool:
    """Lock a descriptor; False on a file system without locks, as some network ones are.

    Raises BlockingIOError when another process holds the lock.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True
