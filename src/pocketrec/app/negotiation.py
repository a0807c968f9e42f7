"""What a browser accepts, and what it holds already: content negotiation of RFC 9110."""

from __future__ import annotations

import re
from collections.abc import Collection

PREFERRED = ("br", "gzip", "identity")
"""Content codings, the one that makes the fewest bytes first; "identity" is plain bytes."""

_QUALITY = re.compile(r"\s*q\s*=\s*(0(\.\d{0,3})?|1(\.0{0,3})?)\s*", re.IGNORECASE)


def choose_coding(accepted: str | None, offered: Collection[str]) -> str:
    """The content coding to answer in: the offered one that Accept-Encoding prefers.

    Ties go to the coding that makes the fewest bytes. A client that names no coding gets plain
    bytes, and so does a client that refuses all of them (RFC 9110 lets the server choose).
    """
    if accepted is None:
        return "identity"
    listed: dict[str, float] = {}
    for entry in accepted.split(","):
        name, semicolon, parameter = entry.partition(";")
        quality = _QUALITY.fullmatch(parameter)
        listed[name.strip().lower()] = float(quality[1]) if quality else float(not semicolon)
    listed.setdefault("identity", listed.get("*", 0.0001))  # plain bytes are always acceptable
    qualities = {
        coding: listed.get(coding, listed.get("*", 0.0))
        for coding in PREFERRED
        if coding in offered
    }
    wanted = [coding for coding, quality in qualities.items() if quality > 0]
    return max(wanted, key=qualities.__getitem__, default="identity")


def is_held(if_none_match: str | None, etag: str) -> bool:
    """Whether the browser already holds the content of this tag."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or tags == ["*"]
