"""Warnings about a log that was prepared: one sentence each, made from its counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..config.data import DataConfig
from ..errors import one_line
from .oddities import Examples

MOST = 0.9
"""Warn from this share on: of events, users or items that filters dropped; of users whose events
all have the same time."""
LARGE_USER = 0.1
"""Warn if one user has more than this share of the events, ..."""
MANY_USERS = 3 / LARGE_USER
"""... in a log of at least so many users: among few users such a share is normal."""
REPEATED = 0.01
"""Warn above this share of repeated rows."""


_REMEDIES = {"repeats": '"all" keeps them', "max_user_events": "raise it if they should count"}


def write_warnings(counts: dict[str, Any], examples: Examples, data: DataConfig) -> list[str]:
    """Write one sentence, with its figure and a remedy, for each suspicious count of `prepare`.

    Sentences may quote `examples`, which are real ids of the log: keep them out of bundles.
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
    """Warn if most of the events, users or items were dropped, and name the strictest setting."""
    rows, read, kept = counts["rows"], counts["read"], counts["kept"]
    for what in ("events", "users", "items"):
        before = rows if what == "events" else read[what]
        lost = before - kept[what]
        if lost < MOST * before:
            continue
        dropped = {key: lost[what] for key, lost in counts["dropped"].items() if what in lost}
        if what == "users":
            del dropped["max_user_events"]  # these users lost events, but are still there
        if what != "users" and not any(dropped.values()):
            dropped = {"min_user_events": 0}  # they went with the users who had too few events
        worst = max(dropped, key=lambda key: (dropped[key], key))
        setting = getattr(data, worst)
        rule = f'"{setting}"' if isinstance(setting, str) else setting
        yield (
            f"{_share(lost, before)} of the {what} are dropped ({kept[what]:,} of {before:,} are "
            f"left), most {'by' if dropped[worst] else 'because of'} data.{worst} = {rule}"
            + (f" ({dropped[worst]:,}): " if dropped[worst] else ": ")
            + _REMEDIES.get(worst, "lower it if they should count")
        )


def _crowds(counts: dict[str, Any], data: DataConfig) -> Iterator[str]:
    truncated = counts["dropped"]["max_user_events"]
    if truncated["events"]:
        yield (
            f"{truncated['users']:,} users have more than {data.max_user_events:,} events, and "
            f"their {truncated['events']:,} oldest events were dropped: remove these users if they "
            "are bots, or raise data.max_user_events"
        )


def _times(counts: dict[str, Any]) -> Iterator[str]:
    oddities, events = counts["oddities"], counts["read"]["events"]
    if late := oddities["late_events"]:
        yield (
            f"{late:,} of {events:,} events are in the future: check data.time_format, or the "
            "clock of the machine that wrote the log"
        )
    still, several = oddities["users_of_one_moment"], oddities["users_of_several"]
    if several and still >= MOST * several:
        yield (
            f"{_share(still, several)} of the users with several events have the same time for all "
            "of them, so only the order of the rows says what came next: check data.time, or sort "
            "the rows"
        )


def _rows(counts: dict[str, Any]) -> Iterator[str]:
    kept, largest = counts["kept"], counts["largest_user"]
    if kept["users"] >= MANY_USERS and largest > LARGE_USER * kept["events"]:
        yield (
            f"one user has {_share(largest, kept['events'])} of the events that are kept "
            f"({largest:,} of {kept['events']:,}): remove them if the user is a bot, or if the id "
            "is a placeholder for unknown users"
        )
    repeated, events = counts["oddities"]["repeated_rows"], counts["read"]["events"]
    if repeated > REPEATED * events:
        yield (
            f"{_share(repeated, events)} of the rows ({repeated:,}) repeat the user, item and time "
            "of another row: remove them if the log was written twice"
        )


def _ids(counts: dict[str, Any], examples: Examples) -> Iterator[str]:
    for what in ("users", "items"):
        if alike := counts["oddities"][f"{what}_alike"]:
            one, other = map(_quoted, examples[what])
            yield (
                f"{alike:,} ids of {what} differ from another id only in blanks, case, zeros or "
                f"Unicode form, such as {one} and {other}: they count as different {what}; write "
                "them the same way if they are the same"
            )


def _catalogue(counts: dict[str, Any], examples: Examples) -> Iterator[str]:
    table, items = counts["catalogue"], counts["items"]
    if 2 * table["known_items"] < items:
        example = ""
        if "catalogue" in examples:
            there, here = map(_quoted, examples["catalogue"])
            example = f" (its ids look like {there}, those of the log like {here})"
        yield (
            f"the catalogue has only {table['known_items']:,} of the {items:,} items{example}: "
            "check data.items_id, and that both write ids the same way"
        )
    elif 2 * table["untitled_items"] > items:
        yield (
            f"{table['untitled_items']:,} of {items:,} items have no title in the catalogue: check "
            "data.items_title"
        )


def _quoted(text: str) -> str:
    """Quote an id with escapes, so that ids that look the same on screen can be told apart."""
    return one_line(ascii(text), 80)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3g} %"
