"""Every error that a user can cause, as one sentence that says what to do.

PocketrecError
├── ConfigError          the TOML (or a command's option) is wrong
├── DataError            the log, the catalogue or the prepared data is wrong
│   └── DownloadError    a data set could not be fetched or is not what it should be
├── ArtifactError        a folder of ours is damaged, of another kind, or in the way
│   └── BundleError      a bundle breaks its contract
├── QualityError         an export failed one of its gates
├── EngineError          a cluster's runner failed at a step
├── InputError           a call of the runtime was given something it cannot answer
├── WorkerError          one of the workers that train together is gone
└── MissingExtraError    a command needs packages that are not installed
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class PocketrecError(Exception):
    """Base of all: its text is one sentence for a person; the command line exits with 2.

    What it quotes may be of any file, so the text is kept to one line of what can be seen.
    """

    def __init__(self, text: str) -> None:
        super().__init__(one_line(text))


class ConfigError(PocketrecError):
    """The TOML or an option has an unknown key, a bad value or a bad combination."""


class DataError(PocketrecError):
    """The log, the catalogue or the prepared data cannot be used as it is."""


class DownloadError(DataError):
    """A data set could not be fetched, or what came is not what was published."""


class ArtifactError(PocketrecError):
    """A folder that pocketrec wrote is damaged, of another kind, or in the way."""


class BundleError(ArtifactError):
    """A bundle does not keep its contract: hashes, shapes, operators or item list."""


class QualityError(PocketrecError):
    """An exported model failed a gate; no bundle was written."""


class EngineError(PocketrecError):
    """A runner of Apache Beam failed at a step, and not because of what it was given."""


class InputError(PocketrecError):
    """A recommender was asked something that it cannot answer."""


class WorkerError(PocketrecError):
    """One of the workers that train together is gone, so that the others cannot go on."""


class MissingExtraError(PocketrecError):
    """Packages of an extra are needed and not installed."""


@contextmanager
def needs_extra(task: str, extra: str) -> Iterator[None]:
    """Turn a failed import inside the block into the command that installs what is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "a package").partition(".")[0]
        raise MissingExtraError(
            f"{task} needs {package}, which is not installed: pip install 'pocketrec[{extra}]'"
        ) from error


def system_reason(error: BaseException) -> str | None:
    """What the system said, such as that the disk is full; None for errors of another kind."""
    if isinstance(error, OSError):
        name = f" ('{error.filename}')" if error.filename else ""
        return f"{error.strerror or error}{name}"
    # Libraries in Rust tell of it in their text alone.
    number = re.search(r"\(os error (\d+)\)", str(error))
    return os.strerror(int(number[1])) if number else None


def one_line(text: str, most: int = 1500) -> str:
    """Text with escapes for what ends lines or moves cursors; of a long one the beginning."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= most else text[: most - 3] + "..."


def shown(value: Any, most: int = 80) -> str:
    """Any value as an error quotes it: on one line, and of a long one the beginning."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # repr is anybody's code, and refuses integers of thousands of digits
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= most else text[: most - 3] + "..."
