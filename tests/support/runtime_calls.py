"""Bad input ends in a right answer or in one sentence; anything else fails the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pocketrec.errors import PocketrecError


@dataclass
class Outcome:
    """How a block ended: `error` is None when it gave an answer, which is then to be checked."""

    error: PocketrecError | None = None


@contextmanager
def answered() -> Iterator[Outcome]:
    """Let the block end as it may, or with an error of ours that is one sentence for a person.

    Every other exception goes through and fails the test, as it would be a traceback for a user.
    """
    outcome = Outcome()
    try:
        yield outcome
    except PocketrecError as error:
        check_sentence(str(error))
        outcome.error = error


def check_sentence(text: str) -> None:
    """Fail unless a text is one line of words, none of which is the name of an exception."""
    assert text.strip(), "an error without a word"
    assert len(text.splitlines()) == 1, f"more than a line: {text!r}"
    assert len(text) < 2000, f"too long to read: {text[:200]!r}..."
    for jargon in ("Traceback", "KeyError(", "TypeError(", "ValueError(", "AttributeError("):
        assert jargon not in text, f"words of Python: {text!r}"
