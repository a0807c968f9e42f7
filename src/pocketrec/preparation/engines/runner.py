"""Run a pipeline on any Beam runner: its options, its log messages, and its errors."""

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
LOCAL = {"fnapirunner", "directrunner", "bundlebaseddirectrunner", "testdirectrunner"}
"""Runners whose workers are on this machine, in lower case."""
CONNECT_TIMEOUT = 30.0
"""Seconds to wait for a job server."""
_INTERRUPTED = re.compile(r"^KeyboardInterrupt\b", re.MULTILINE)


def read_options(arguments: Sequence[str]) -> PipelineOptions:
    """Parse Beam's options, as on a command line. Raises ConfigError if Beam refuses them."""
    words = list(arguments)
    if not any(word == "--runner" or word.startswith("--runner=") for word in words):
        words.append("--runner=FnApiRunner")  # Beam's own default downloads a binary
    stderr = io.StringIO()
    try:
        with redirect_stderr(stderr):
            options = PipelineOptions(words)
            unknown = set(options.get_all_options(retain_unknown_options=True))
            unknown -= set(options.get_all_options())
    except SystemExit:  # how argparse refuses
        reason = stderr.getvalue().strip().rpartition("\n")[2].partition("error: ")[2]
        raise ConfigError(f"Beam refuses its options ({reason}); see docs/beam.md") from None
    if unknown:
        names = ", ".join(f"--{name}" for name in sorted(unknown))
        if _is_local(options):
            raise ConfigError(
                f"no such option: {names}; neither pocketrec nor Beam's {_runner(options)} has it"
            )
        LOG.warning(
            "Beam does not know the option %s: it is passed on to the runner as it is", names
        )
    return options


def check_server(options: PipelineOptions) -> None:
    """Raise ConfigError if nothing answers at --job_endpoint: Beam itself would wait forever."""
    endpoint = str(options.get_all_options()["job_endpoint"] or "")
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdecimal():  # such as "embed", a server in this process
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT):
            pass
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"no job server answers at --job_endpoint {endpoint} ({error}): start it, and wait "
            "until it listens"
        ) from error


@contextmanager
def run_quietly(step: Step, options: PipelineOptions) -> Iterator[None]:
    """Keep Beam's messages off the terminal, and turn its errors into one sentence."""
    before = logging.root.manager.disable
    if not LOG.isEnabledFor(logging.DEBUG):
        logging.disable(logging.CRITICAL)  # Beam uses the root logger for some messages
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        if _INTERRUPTED.search(
            str(error)
        ):  # Ctrl-C in a worker's thread arrives as a traceback in text
            raise KeyboardInterrupt from error
        with suppress(FileNotFoundError):
            # A worker wrote an error of ours before it failed: see `reporting_errors`.
            worker_error: PocketrecError = step.read(ERROR)
            raise worker_error from error
        if isinstance(error, PocketrecError):
            raise
        runner = _runner(options)
        lines = [line for line in str(error).splitlines() if re.search(r"\w", line)]
        # The last line of a traceback holds the reason.
        reason = one_line(lines[-1].strip() if lines else type(error).__name__, 300)
        raise EngineError(
            f"Beam's {runner} failed ({type(error).__name__}: {reason}); --verbose shows where"
        ) from error
    finally:
        logging.disable(before)


@contextmanager
def reporting_errors(step: Step) -> Iterator[None]:
    """Write an error of ours to the step's folder, since runners change exceptions on their way."""
    try:
        yield
    except PocketrecError as error:
        step.write(ERROR, error)
        raise


def warn_of_local_folder(folder: Path, options: PipelineOptions) -> None:
    """Warn that workers on other machines have to reach a folder of this machine."""
    if not _is_local(options):
        LOG.warning(
            "the workers of %s must reach the folder '%s': if they cannot, give --scratch a place "
            "that they share",
            _runner(options),
            folder,
        )


def _runner(options: PipelineOptions) -> str:
    return str(options.get_all_options()["runner"])


def _is_local(options: PipelineOptions) -> bool:
    return _runner(options).lower() in LOCAL
