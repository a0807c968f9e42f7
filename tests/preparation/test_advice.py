"""What is mentioned of a log: each sentence for a log that deserves it, and none for one that does
not."""

import json

import polars as pl
import pytest

from pocketrec.preparation.engines.local import LocalEngine
from pocketrec.preparation.oddities import id_form_reduction
from pocketrec.preparation.prepare import run_preparation
from support.small_logs import NO_FILTER, make_config, make_events, some_rows

PLAIN = {"exclude_seen": False}


def counts_of(folder, events, catalogue=None, users=None, config=None, now=None):
    config = config or make_config(**PLAIN)
    engine = LocalEngine(folder / "scratch")
    counts, _ = run_preparation(events, catalogue, users, config, engine, folder, now=now)
    assert json.loads(json.dumps(counts)) == counts
    assert all(len(text.splitlines()) == 1 for text in counts["warnings"])
    return counts


def advice(*args, **kwargs):
    return counts_of(*args, **kwargs)["warnings"]


def test_a_log_that_is_as_it_should_be_gets_no_word(tmp_path):
    table = pl.DataFrame({"item": range(25), "title": [f"title {n}" for n in range(25)]})
    config = make_config(**PLAIN, rating="rating", min_rating=1)
    assert advice(tmp_path, make_events(some_rows()), table, config=config, now=1e9) == []


@pytest.mark.parametrize(
    ("rows", "data", "words"),
    [
        (
            some_rows() + [(u, 100 + 10 * u + i, i) for u in range(40) for i in range(10)],
            {},
            "94.1 % of the items are dropped (25 of 425 are left), most by data.min_item_events "
            "= 5 (400): lower it if they should count",
        ),
        (
            some_rows() + [(u, 100 + 10 * u + i, i % 10) for u in range(40) for i in range(10)],
            {"min_item_events": 1},
            "most by data.min_item_users = 5 (400)",
        ),
        (
            some_rows() + [(100 + u, u % 9, u) for u in range(400)],
            {},
            "90.9 % of the users are dropped (40 of 440 are left), most by data.min_user_events",
        ),
        (
            some_rows() + [(u, i % 25, i) for u in range(2) for i in range(90)],
            {"max_user_events": 50},
            "2 users have more than 50 events, and their ",
        ),
        (
            some_rows() + [(u, u % 9, u, 1.0) for u in range(40)] * 200,
            {"rating": "r", "min_rating": 2},
            "% of the events are dropped (491 of 8,600 are left), most by data.min_rating = 2.0",
        ),
        (
            [row for row in some_rows() for _ in range(30)],
            {"repeats": "first"},
            'most by data.repeats = "first"',
        ),
    ],
)
def test_a_filter_that_drops_nearly_all_is_named(tmp_path, rows, data, words):
    assert words in " ".join(
        advice(tmp_path, make_events(rows), config=make_config(**PLAIN | data))
    )


def test_times_in_the_future(tmp_path):
    events = make_events([*some_rows(), (1, 1, 5_000_001), (2, 1, 5_000_000)])
    (warning,) = advice(tmp_path, events, now=5_000)
    assert warning.startswith("1 of 602 events are in the future")
    config = make_config(**PLAIN, time_format="order")
    assert advice(tmp_path, events, config=config, now=5_000) == []


def test_users_without_an_order(tmp_path):
    events = make_events([(u, i, u % 7) for u, i, *_ in some_rows()])
    (warning,) = (text for text in advice(tmp_path, events) if "rows" in text and "order" in text)
    assert warning.startswith("100 % of the users with several events have the same time")


def test_a_user_who_is_a_crowd(tmp_path):
    events = make_events([*some_rows(), *((7, n % 25, n) for n in range(100))])
    (warning,) = advice(tmp_path, events)
    assert "one user has 16.7 % of the events that are kept (117 of 700)" in warning
    few = make_events([(u, i, i) for u in range(5) for i in range(9)])
    assert advice(tmp_path, few) == []  # each of five users has a fifth


def test_rows_that_stand_twice(tmp_path):
    rows = sorted(set(some_rows()))
    (warning,) = advice(tmp_path, make_events([*rows, *rows[:60]]))
    assert "rows (60) repeat the user, item and time of another row" in warning


TEXTS = [(f"u{u}", f"i{i}", t) for u, i, t, _ in some_rows()]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna", "anna"),
        ("anna", "anna "),
        ("an\tna", "an na"),
        ("caf\u00e9", "cafe\u0301"),
        ("7", "07"),
        ("70", "70.0"),
        ("0", "00"),
        ("-7.0", "-7"),
    ],
)
def test_ids_that_are_alike_stay_two_and_are_named(tmp_path, one, other):
    def log(users, items):
        rows = [(u, f"i{n}", n) for u in users for n in range(5)]
        rows += [(f"u{n}", i, 99_999) for i in items for n in range(5)]
        return make_events([*TEXTS, *rows], pl.String, pl.String)

    for what, events in (
        ("users", log([one, other], [])),
        ("items", log([], [one, other])),
    ):
        counts = counts_of(tmp_path, events)
        assert counts["kept"][what] == 2 + (40 if what == "users" else 25)
        (warning,) = counts["warnings"]
        assert f"2 ids of {what} differ from another id only in blanks" in warning
        assert ascii(min(one, other)) in warning
        assert ascii(max(one, other)) in warning
    rows = [(f"{u}.5", f"{i}00", t) for u, i, t, _ in some_rows()]
    assert advice(tmp_path, make_events(rows, pl.String, pl.String)) == []


def test_ids_of_many_users_are_sampled_by_what_is_alike():
    """Each form keeps both of its ids or none, in whatever parts the log comes."""
    reduction = id_form_reduction(most=8)
    ids = pl.DataFrame({"user": [name for n in range(40) for name in (f"u{n}", f"U{n}")]})
    whole = reduction.of_bucket(ids)
    assert 2 <= whole.height <= 8
    parts = [reduction.of_bucket(ids[begin : begin + 20]) for begin in range(0, 80, 20)]
    merged = reduction.merge(pl.concat(parts))
    assert merged.sort("form").equals(whole.sort("form"))
    assert merged["ids"].to_list() == [2] * merged.height
    assert (merged["one"].str.to_lowercase() == merged["other"]).all()


def test_a_catalogue_of_other_things(tmp_path):
    table = pl.DataFrame({"item": ["007", "008"], "title": ["Bond", "?"]})
    counts = counts_of(tmp_path, make_events(some_rows()), table)
    (warning,) = counts["warnings"]
    assert "only 0 of the 25 items (its ids look like '007', those of the log like '" in warning
    assert counts["catalogue"]["never_met"] == 2
    empty = table.clear().cast({"item": pl.Int64})
    (warning,) = advice(tmp_path, make_events(some_rows()), empty)
    assert "only 0 of the 25 items: check data.items_id" in warning


def test_a_catalogue_without_titles(tmp_path):
    table = pl.DataFrame({"item": range(30), "title": ["", None, "x"] * 10})
    counts = counts_of(tmp_path, make_events(some_rows()), table)
    (warning,) = counts["warnings"]
    assert "17 of 25 items have no title" in warning
    assert counts["catalogue"]["never_met"] == 5


def test_what_is_disclosed_is_counted(tmp_path):
    """Item 0 has six users, of whom three train on it; two items have three tags."""
    rows = [(u, 0, 0 if u < 3 else 9) for u in range(6)]
    rows += [(u, i, i) for u in range(12) for i in range(1, 6)]
    table = pl.DataFrame(
        {"item": [0, 1, 99], "title": ["zero", None, "?"], "tags": [["a", "b"], ["b", "c"], ["d"]]}
    )
    people = pl.DataFrame({"user": range(12), "land": ["IT"] * 7 + ["NO"] * 5})
    document = make_config(**PLAIN, users="u.csv").model_dump(exclude_unset=True, mode="json")
    document["features"] = {"user": {"land": "category"}, "time": ["hour"]}
    events = make_events(rows).with_columns(pl.col("time").alias("clock"))
    config = type(make_config()).model_validate(document)
    disclosed = counts_of(tmp_path, events, table, people, config)["disclosed"]
    assert disclosed == {
        "users": {"learned_from": 12},
        "items": {"ids": 5, "titles": 1, "fewest_users": 6, "fewest_users_in_training": 3},
        "attributes": {"tags": 3},
        "features": {
            "event_hour": {"kind": "values", "of_the_log": 0, "fewest_users": None, "withheld": 0},
            "user_land": {"kind": "values", "of_the_log": 2, "fewest_users": 5, "withheld": 0},
        },
    }


def test_an_item_of_few_users_does_not_ship_however_often_they_met_it(tmp_path):
    rows = [*some_rows(), *((u, 77, t) for u in range(4) for t in range(50))]
    for threshold, expected in ((5, 25), (4, 26)):
        config = make_config(**PLAIN, min_item_users=threshold)
        counts = counts_of(tmp_path / str(threshold), make_events(rows), config=config)
        assert counts["kept"]["items"] == expected
    for equal in (3, 12):
        config = make_config(min_item_events=equal, min_item_users=1)
        first = counts_of(tmp_path / "a", make_events(rows), config=config)
        config = make_config(min_item_events=equal, min_item_users=equal)
        assert counts_of(tmp_path / "b", make_events(rows), config=config) == first


def test_no_filter_tells_of_no_filter(tmp_path):
    counts = counts_of(tmp_path, make_events(some_rows()), config=make_config(**PLAIN, **NO_FILTER))
    assert {n for dropped in counts["dropped"].values() for n in dropped.values()} == {0}


def test_no_count_quotes_an_id_and_only_warnings_do(prepare_log):
    rows = [(f"secret {u}", f"Private {i}", t) for u, i, t in TEXTS]
    rows += [(u.upper(), i.upper(), t) for u, i, t in rows]
    table = pl.DataFrame({"item": ["Private"], "title": ["x"]})
    data = prepare_log(make_events(rows, pl.String, pl.String), make_config(**PLAIN), table)
    counts = data.manifest.counts.model_dump()
    assert "SECRET" in json.dumps(counts.pop("warnings"))
    text = json.dumps(counts).lower()
    assert "oddities" in text
    assert "secret" not in text
    assert "private" not in text
