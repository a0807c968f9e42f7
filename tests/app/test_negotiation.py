"""Which bytes a browser gets, by what it says it can read and what it has."""

import pytest

from pocketrec.app.negotiation import choose_coding, is_held

ALL = {"identity", "gzip", "br"}


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP", "gzip"),
        ("deflate, zstd", "identity"),
        ("br;q=0, gzip", "gzip"),
        ("br; Q=0.000, gzip;q=0.0", "identity"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("gzip;q=0.1", "gzip"),
        ("gzip;q=0.1, identity;q=0.2", "identity"),
        ("*", "br"),
        ("br;q=0, *", "gzip"),
        ("*;q=0, gzip", "gzip"),
        ("*;q=0", "identity"),
        ("identity;q=0, *;q=0", "identity"),
        ("br;q=high, gzip;q=2, identity", "identity"),
        ("br;level=9", "identity"),
        (",,;;q=1, ;q=", "identity"),
    ],
)
def test_the_best_liked_coding_is_sent(accepted, coding):
    assert choose_coding(accepted, ALL) == coding


def test_only_what_is_there_is_sent():
    assert choose_coding("br, gzip", {"identity", "gzip"}) == "gzip"
    assert choose_coding("br, gzip", {"identity"}) == "identity"


@pytest.mark.parametrize(
    ("if_none_match", "held"),
    [
        (None, False),
        ("", False),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
        ('"aa"', False),
        ('*, "b"', False),
    ],
)
def test_a_tag_is_compared_whole(if_none_match, held):
    assert is_held(if_none_match, '"a"') is held
