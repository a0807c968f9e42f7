"""What all processes of a test run share: the first that needs a thing makes it, the others wait.

Training and converting are most of a run's seconds, and every process of pytest-xdist would do them
anew. What is shared is only read.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

VARIABLE = "POCKETREC_TESTS"
"""The environment's name for the folder, which processes of one run inherit."""


def begin_sharing(config) -> None:
    """Make the folder in the first process of a run, which removes it at its end."""
    if VARIABLE not in os.environ:
        os.environ[VARIABLE] = folder = tempfile.mkdtemp(prefix="pocketrec-tests.")
        config.add_cleanup(lambda: os.environ.pop(VARIABLE))
        config.add_cleanup(lambda: shutil.rmtree(folder))


def shared_folder(name: str, make: Callable[[Path], object]) -> Path:
    """The folder of a name, which `make` has filled; a failure leaves nothing to the next."""
    folder = Path(os.environ[VARIABLE]) / name
    made = folder.with_name(f"{name}.made")
    with folder.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            made.touch()
    return folder
