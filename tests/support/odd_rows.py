"""Rows of a log with odd ids and notes."""

import json

from hypothesis import strategies as st

from support.odd_log_files import (
    WHITE,
    ids,
    texts,
)

HEAD = ("user", "item", "ts", "note")
rows = st.lists(st.tuples(ids, ids, st.integers(0, 10**10), texts), min_size=1, max_size=6)


def notes_of(notes):
    """The feature "note": nothing for "", and several values where a "|" stands in any of them."""
    if not any("|" in note for note in notes):
        return [note or None for note in notes]
    parts = [[part.strip(WHITE) for part in note.split("|")] for note in notes]
    return [[p for p in own if p] if note else None for own, note in zip(parts, notes, strict=True)]


json_ids = st.one_of(
    ids, st.integers(-(2**70), 2**70), st.booleans(), st.sampled_from(["\0", "a\0", "\ud800", None])
)


def json_text(value):
    """A single JSON value as an id; None: it is none."""
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value)
