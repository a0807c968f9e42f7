"""What a careful friend would mention of a log that was prepared: sentences from its counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..config.data import DataConfig
from ..errors import one_line
from .oddities import Examples

MOST = 0.9
"""Share of events, users or items from which on it is said that a filter dropped it; and share of
users who are of one moment."""
LARGE_USER = 0.1
"""Share of the events that one user should not have, ..."""
MANY_USERS = 3 / LARGE_USER
"""... where there are so many users that it is not their number."""
REPEATED = 0.01
"""Share of rows that are there already from which on it is said."""


_REMEDIES = {"repeats": '"all" keeps them', "max_user_events": "raise it if they should count"}


def warnings(counts: dict[str, Any], examples: Examples, data: DataConfig) -> list[str]:
    """A sentence, with its figure and what to do, for all that is odd in what `prepare` counted.

    Sentences may quote `examples`, ids of the log: they are for whoever has it, and for no bundle.
    """
    return [
        *_filters(counts, data),
        *_crowds(counts, data),
        *_times(counts),
        *_rows(counts),
        *_ids(counts, examples),
        *(_catalogue(counts, examples) if counts["catalogue"] else ()),
    ]


def _filters(counts: dict[str, Any], data: DataConfig) -> Iterator[str]:
    """One sentence for each of events, users and items of which most are gone."""
    rows, read, kept = counts["rows"], counts["read"], counts["kept"]
    for what in ("events", "users", "items"):
        before = rows if what == "events" else read[what]
        gone = before - kept[what]
        if gone < MOST * before:
            continue
        dropped = {key: found[what] for key, found in counts["dropped"].items() if what in found}
        if what == "users":
            del dropped["max_user_events"]  # who are still there
        if what != "users" and not any(dropped.values()):
            dropped = {"min_user_events": 0}  # gone with the users who had too few
        worst = max(dropped, key=lambda key: (dropped[key], key))
        setting = getattr(data, worst)
        rule = f'"{setting}"' if isinstance(setting, str) else setting
        yield (
            f"{_share(gone, before)} of the {what} are dropped ({kept[what]:,} of {before:,} are "
            f"left), most {'by' if dropped[worst] else 'because of'} data.{worst} = {rule}"
            + (f" ({dropped[worst]:,}): " if dropped[worst] else ": ")
            + _REMEDIES.get(worst, "lower it if they should count")
        )


def _crowds(counts: dict[str, Any], data: DataConfig) -> Iterator[str]:
    cut = counts["dropped"]["max_user_events"]
    if cut["events"]:
        yield (
            f"of users with more than {data.max_user_events:,} events ({cut['users']:,}) only so "
            f"many are read, and {cut['events']:,} older ones dropped: remove these users if they "
            "are bots, or raise data.max_user_events"
        )


def _times(counts: dict[str, Any]) -> Iterator[str]:
    odd, events = counts["oddities"], counts["read"]["events"]
    if late := odd["late_events"]:
        yield (
            f"{late:,} of {events:,} events are in the future: check data.time_format, or the "
            "clock that wrote the log"
        )
    still, several = odd["users_of_one_moment"], odd["users_of_several"]
    if several and still >= MOST * several:
        yield (
            f"{_share(still, several)} of the users with several events have one time for all of "
            "them, so that only the order of the rows says what came next: check data.time, or "
            "see that the rows are in order"
        )


def _rows(counts: dict[str, Any]) -> Iterator[str]:
    kept, largest = counts["kept"], counts["largest_user"]
    if kept["users"] >= MANY_USERS and largest > LARGE_USER * kept["events"]:
        yield (
            f"one user has {_share(largest, kept['events'])} of the events that are kept "
            f"({largest:,} of {kept['events']:,}): remove them if it is a bot, or an id that "
            "stands for nobody"
        )
    repeated, events = counts["oddities"]["repeated_rows"], counts["read"]["events"]
    if repeated > REPEATED * events:
        yield (
            f"{_share(repeated, events)} of the rows ({repeated:,}) have user, item and time of "
            "another one: if the log was written twice, remove them"
        )


def _ids(counts: dict[str, Any], examples: Examples) -> Iterator[str]:
    for what in ("users", "items"):
        if alike := counts["oddities"][f"{what}_alike"]:
            one, other = map(_quoted, examples[what])
            yield (
                f"{alike:,} ids of {what} differ from another one in nothing but blanks, "
                f"case, zeros or Unicode form, such as {one} and {other}: they "
                f"count as different {what}; write them alike if they are the same"
            )


def _catalogue(counts: dict[str, Any], examples: Examples) -> Iterator[str]:
    table, items = counts["catalogue"], counts["items"]
    if 2 * table["known_items"] < items:
        example = ""
        if "catalogue" in examples:
            there, here = map(_quoted, examples["catalogue"])
            example = f" (ids there are like {there}, and in the log like {here})"
        yield (
            f"the catalogue has only {table['known_items']:,} of the {items:,} items{example}: "
            "check data.items_id, and that both write ids alike"
        )
    elif 2 * table["untitled_items"] > items:
        yield (
            f"{table['untitled_items']:,} of {items:,} items have no title, though there is a "
            "catalogue: check data.items_title"
        )


def _quoted(text: str) -> str:
    """An id by the letters that it is made of, since others may look like it."""
    return one_line(ascii(text), 80)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3g} %"
