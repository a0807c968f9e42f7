"""A folder for one process at a time: a second run into it is refused.

The lock is the kernel's (flock on the folder itself): it goes with the process that holds it, kill
-9 included, and leaves no file behind. Where there are no such locks, nothing is refused.
"""

from __future__ import annotations

import os
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
    """Make a folder, if there is none, and hold it; `out` is what it is for, for errors.

    Gives False where there are no locks. If the folder is empty at the end it goes. Raises
    ArtifactError when another process holds it, or it cannot be made.
    """
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise ArtifactError(f"'{out}' has a name that is not UTF-8: give another one") from None
    try:
        held = _hold(folder)
    except BlockingIOError:
        raise ArtifactError(
            f"another pocketrec is writing '{out}': wait until it is done, or give another folder"
        ) from None
    except OSError as error:
        raise ArtifactError(f"cannot write '{out}': {error.strerror}") from None
    try:
        yield held is not None
    finally:
        if held is None or _is_at(held, folder):  # and not another's, which is there by now
            with suppress(OSError):
                folder.rmdir()
        if held is not None:
            os.close(held)


def _hold(folder: Path) -> int | None:
    """A descriptor of the folder, locked; None where there are no such locks."""
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            if os.path.lexists(folder):
                raise
            continue  # it was another's, who has just moved it
        if fcntl is None:
            return None
        try:
            # A link is not followed: what is in the folder may be removed later.
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
        try:
            if not _lock(held):
                os.close(held)
                return None
            if _is_at(held, folder):
                return held
        except BaseException:
            os.close(held)
            raise
        os.close(held)  # it was moved into place just before the lock was had


def _is_at(held: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(held), folder.stat())
    except FileNotFoundError:
        return False


def _lock(held: int) -> bool:
    """Lock a descriptor; False on a file system without locks, such as some of a network."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True
