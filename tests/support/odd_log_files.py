"""Logs and tables as files, written by Python's own csv and json; and what must be read of them."""

import gzip
import json
import re
from pathlib import Path

from hypothesis import strategies as st

from pocketrec.config.sections import Config
from pocketrec.ingest.read import read_catalogue, read_events, read_users

NAMES = {"user": "user", "item": "item", "time": "ts"}
WHITE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
SEPARATORS = {"csv": ",", "tsv": "\t"}

tricky = st.sampled_from(
    [
        *(
            "7",
            "-7",
            "0",
            "-0",
            "007",
            "+7",
            "7.0",
            "7 ",
            " 7",
            "1e3",
            "0x7",
            "9223372036854775807",
        ),
        *("9223372036854775808", "-9223372036854775808", "-9223372036854775809", "true", "null"),
        *("NULL", "NA", "nan", "inf", "None", "#", "//", "--", "=1+1", '"', '""', "'", ",", "\t"),
        *(
            "a,b",
            'a"b',
            "a\nb",
            "a\r\nb",
            "a\\",
            "\\n",
            "a|b",
            "{}",
            "[]",
            "[1]",
            "user",
            "\ufeffx",
        ),
        *(
            "caf\u00e9",
            "cafe\u0301",
            "CAF\u00c9",
            "\u2126",
            "\u03a9",
            "\ud55c",
            "\u1112\u1161\u11ab",
        ),
        *("\U0001f600", "e\u200b", "\u202ex", "a\u00a0b", " a", "a ", "A", "a", "\x7f", "\x1b[31m"),
    ]
)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
texts = tricky | words
ids = tricky | words | st.integers(-(2**63), 2**63 - 1).map(str)
"""Text of an id: any, and some that is none."""


def is_id(text):
    return any(letter not in WHITE for letter in text) and "\0" not in text


def plain(texts):
    """Ids as they must come: integers when all are written plainly and fit, else text."""
    whole = all(
        re.fullmatch(r"0|-?[1-9][0-9]*", text) and -(2**63) <= int(text) < 2**63 for text in texts
    )
    return [int(text) for text in texts] if whole else list(texts)


def table_text(rows, ending, quoted, line_end="\n"):
    """Rows of text as CSV or TSV; `quoted` says for each place whether quotes are put anyway."""
    separator = SEPARATORS[ending]

    def put(text, forced):
        if forced or any(mark in text for mark in (separator, '"', "\n", "\r")):
            return '"' + text.replace('"', '""') + '"'
        return text

    forced = iter(quoted)
    return "".join(
        separator.join(put(text, next(forced, False)) for text in row) + line_end for row in rows
    )


def write(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content, 1) if path.name.endswith(".gz") else content)


def json_lines(rows, ascii_only=False):
    return "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows).encode()


def config_of(folder, name, features=None, **data):
    document = {"data": {"path": name, **NAMES, **data}}
    if features:
        document["features"] = {"event": features}
    return Config.parse(document, name="test", folder=folder)


def read(folder, name, features=None, **data):
    """The events of a file, as a frame."""
    return read_events(config_of(folder, name, features, **data)).collect()


def read_table(folder, name, log, of="items", **data):
    """A catalogue, or a table of users, beside a log of the ids that are given."""
    (folder / "log.csv").write_text("user,item,ts\n" + "".join(f"{i},{i},1\n" for i in log))
    config = config_of(folder, "log.csv", **{of: name}, **data)
    return (read_catalogue if of == "items" else read_users)(config)
