"""The command line: one file per command; an error is one sentence and exit code 2."""

from __future__ import annotations

import io
import os
import sys
import warnings
from itertools import pairwise

import typer

from ..errors import PocketrecError, one_line, system_reason
from ..schema import VERSION
from . import add_items, bench, doctor, evaluate, export, log, prepare, recommend, serve, train
from . import list as list_

app = typer.Typer(
    name="pocketrec",
    help="Recommendations that never leave the device: from an activity log to a verified .tflite.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for verb in (prepare, train, export, add_items, evaluate, recommend, list_, bench, serve, doctor):
    name = verb.__name__.rpartition(".")[2].replace("_", "-")
    app.command(name)(verb.command)


@app.callback(invoke_without_command=True)
def version(
    show: bool = typer.Option(False, "--version", help="Print the version."),
) -> None:
    """Recommendations that never leave the device: from an activity log to a verified .tflite."""
    if show:
        print(VERSION)  # noqa: T201
        raise typer.Exit


def main() -> None:
    """Run a command; a PocketrecError ends as one sentence on stderr and exit code 2.

    Any other exception is a defect of pocketrec: it ends as a sentence too, with exit code 1.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a title may hold any character
            stream.reconfigure(errors="backslashreplace")
    log.start(as_json=_asks_for_json(sys.argv))
    warnings.showwarning = lambda message, *_, **__: log.warning(str(message))
    try:
        code = _run(sys.argv[1:])
    except PocketrecError as error:
        log.error(str(error))
        code = 2
    except KeyboardInterrupt:
        log.error("interrupted")
        code = 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has stopped
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:
        code = _report(error)
    sys.exit(code)


def _run(words: list[str]) -> int:
    """Run a command and return its exit code; exceptions pass through, unlike in Typer's main."""
    command = typer.main.get_command(app)
    try:
        with command.make_context("pocketrec", words) as context:
            command.invoke(context)
    except typer.Exit as leave:
        return leave.exit_code
    return 0


def _report(error: Exception) -> int:
    """Report an exception that is not a PocketrecError, and return the exit code."""
    if hasattr(error, "format_message"):  # Typer's own errors: unknown or misspelled options
        if message := error.format_message():
            advice = "--help tells what there is"
            if message.startswith("No such option") and _asks_for_beam(sys.argv):
                advice = "Beam's options come after --"
            log.error(one_line(f"{message.rstrip('.')}; {advice}"))
        elif hasattr(error, "show"):
            error.show()  # the help itself
        return 2
    if reason := system_reason(error):
        # Such as a full disk or an unreadable folder: not a defect of pocketrec.
        log.error(one_line(reason))
        return 2
    log.error(
        f"this is a defect of pocketrec, please report it ({type(error).__name__}: {error}); "
        "--verbose shows where"
    )
    return 1


def _asks_for_beam(words: list[str]) -> bool:
    """Whether the words choose the Beam engine, whose options must follow `--`."""
    return "--engine=beam" in words or ("--engine", "beam") in pairwise(words)


def _asks_for_json(words: list[str]) -> bool:
    """Whether the words ask for JSON logs; Typer may fail before it parses this option."""
    return "--log-format=json" in words or ("--log-format", "json") in pairwise(words)
