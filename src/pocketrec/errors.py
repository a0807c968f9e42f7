"""Every error that a user can cause: one sentence with the thing, found, expected and remedy.

PocketrecError
├── ConfigError          the TOML, or a command's option, is wrong
├── DataError            the log, the catalogue or the prepared data is unusable
│   └── DownloadError    a data set cannot be downloaded, or differs from what was published
├── ArtifactError        a folder of pocketrec's is damaged, of another kind, or in the way
│   └── BundleError      a bundle breaks its contract
├── QualityError         an exported model failed a quality gate
├── EngineError          an Apache Beam runner failed at a step
├── InputError           an argument of a runtime call is invalid
├── WorkerError          a worker of distributed training is gone
└── MissingExtraError    a command needs packages that are not installed
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class PocketrecError(Exception):
    """Base of all errors: its text is one sentence; the command line prints it and exits with 2.

    The text may quote untrusted files, so it is cut to one line of printable characters.
    """

    def __init__(self, text: str) -> None:
        super().__init__(one_line(text))


class ConfigError(PocketrecError):
    """The TOML or an option has an unknown key, a bad value or a bad combination of values."""


class DataError(PocketrecError):
    """The log, the catalogue or the prepared data is unusable as it is."""


class DownloadError(DataError):
    """A data set cannot be downloaded, or differs from what was published."""


class ArtifactError(PocketrecError):
    """A folder that pocketrec wrote is damaged, of another kind, or in the way."""


class BundleError(ArtifactError):
    """A bundle breaks its contract: hashes, shapes, operators or item list."""


class QualityError(PocketrecError):
    """An exported model failed a quality gate, so that no bundle was written."""


class EngineError(PocketrecError):
    """An Apache Beam runner failed at a step, for a reason other than the user's data."""


class InputError(PocketrecError):
    """An argument of a runtime call is invalid."""


class WorkerError(PocketrecError):
    """A worker of distributed training is gone, so that the others cannot continue."""


class MissingExtraError(PocketrecError):
    """A command needs packages of an extra that is not installed."""


@contextmanager
def needs_extra(task: str, extra: str) -> Iterator[None]:
    """Turn a failed import inside the block into an error with the pip command that fixes it."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "a package").partition(".")[0]
        raise MissingExtraError(
            f"{task} needs {package}, which is not installed: pip install 'pocketrec[{extra}]'"
        ) from error


def system_reason(error: BaseException) -> str | None:
    """The operating system's reason, such as a full disk; None for errors of another kind."""
    if isinstance(error, OSError):
        name = f" ('{error.filename}')" if error.filename else ""
        return f"{error.strerror or error}{name}"
    # Libraries written in Rust raise their own types, with the errno in the text only.
    number = re.search(r"\(os error (\d+)\)", str(error))
    return os.strerror(int(number[1])) if number else None


def one_line(text: str, most: int = 1500) -> str:
    """Escape line ends and control characters, and truncate the text to `most` characters."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= most else text[: most - 3] + "..."


def first_line(error: BaseException, most: int = 200) -> str:
    """The first line of an error's text; the name of its type when the text is empty."""
    return one_line(str(error).strip().partition("\n")[0], most) or type(error).__name__


def shown(value: Any, most: int = 80) -> str:
    """The repr of any value, as errors quote it: on one line, truncated to `most` characters."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # repr may be untrusted code, and refuses integers of thousands of digits
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= most else text[: most - 3] + "..."
