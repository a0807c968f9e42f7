"""Running a pipeline on any runner of Beam: its options, its notes, and what goes wrong."""

from __future__ import annotations

import io
import logging
import re
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from pathlib import Path

from ...bundle.quiet import quiet
from ...errors import ConfigError, EngineError, PocketrecError, one_line
from .step import Step

with quiet():
    from apache_beam.options.pipeline_options import PipelineOptions

LOG = logging.getLogger("pocketrec")
ERROR = "error"
HERE = {"fnapirunner", "directrunner", "bundlebaseddirectrunner", "testdirectrunner"}
"""Runners whose workers are on this machine, in small letters."""
PATIENCE = 30.0
"""Seconds in which a job server must answer."""
_INTERRUPTED = re.compile(r"^KeyboardInterrupt\b", re.MULTILINE)


def read_options(given: Sequence[str]) -> PipelineOptions:
    """Beam's options as on a command line; ConfigError when it refuses them."""
    words = list(given)
    if not any(word == "--runner" or word.startswith("--runner=") for word in words):
        words.append("--runner=FnApiRunner")  # Beam's own default downloads a binary
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            options = PipelineOptions(words)
            unknown = set(options.get_all_options(retain_unknown_options=True))
            unknown -= set(options.get_all_options())
    except SystemExit:  # argparse's way
        reason = said.getvalue().strip().rpartition("\n")[2].partition("error: ")[2]
        raise ConfigError(f"Beam refuses its options ({reason}); see docs/beam.md") from None
    if unknown:
        names = ", ".join(f"--{name}" for name in sorted(unknown))
        if _is_here(options):
            raise ConfigError(
                f"no such option: {names}; neither pocketrec nor Beam's {_runner(options)} has it"
            )
        LOG.warning(
            "Beam knows no option %s: the runner gets it as it is, and may not, either", names
        )
    return options


def check_server(options: PipelineOptions) -> None:
    """Raise ConfigError when nobody listens at --job_endpoint: Beam itself would wait for ever."""
    endpoint = str(options.get_all_options()["job_endpoint"] or "")
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdecimal():  # such as "embed", which is in this process
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE):
            pass
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"no job server answers at --job_endpoint {endpoint} ({error}): start it, and wait "
            "until it listens"
        ) from error


@contextmanager
def running(step: Step, options: PipelineOptions) -> Iterator[None]:
    """Keep Beam's notes off the terminal; what goes wrong is one sentence."""
    before = logging.root.manager.disable
    if not LOG.isEnabledFor(logging.DEBUG):
        logging.disable(logging.CRITICAL)  # some of what Beam says, it says as the root
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        if _INTERRUPTED.search(str(error)):  # in a worker's thread, and told as its traceback
            raise KeyboardInterrupt from error
        with suppress(FileNotFoundError):
            told: PocketrecError = step.find(ERROR)
            raise told from error
        if isinstance(error, PocketrecError):
            raise
        runner = _runner(options)
        lines = [line for line in str(error).splitlines() if re.search(r"\w", line)]
        # Of a traceback the last line tells what it was.
        reason = one_line(lines[-1].strip() if lines else type(error).__name__, 300)
        raise EngineError(
            f"Beam's {runner} failed ({type(error).__name__}: {reason}); --verbose shows where"
        ) from error
    finally:
        logging.disable(before)


@contextmanager
def telling(step: Step) -> Iterator[None]:
    """Leave an error of ours where the command finds it, whatever the runner makes of it."""
    try:
        yield
    except PocketrecError as error:
        step.leave(ERROR, error)
        raise


def mention_folder(folder: Path, options: PipelineOptions) -> None:
    """Say that workers elsewhere have to reach a folder of this machine."""
    if not _is_here(options):
        LOG.warning(
            "%s's workers must reach the folder '%s': give --scratch a place that they share",
            _runner(options),
            folder,
        )


def _runner(options: PipelineOptions) -> str:
    return str(options.get_all_options()["runner"])


def _is_here(options: PipelineOptions) -> bool:
    return _runner(options).lower() in HERE
