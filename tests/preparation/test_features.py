"""Features of events and users: in blocks, as prepared, and one by one, as on the device."""

from collections import Counter
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketrec.config.sections import Config
from pocketrec.errors import ConfigError, InputError
from pocketrec.features.encoding import MISSING, Bins, Categories, Feature, time_feature
from pocketrec.preparation.feature_fitting import BINS, RARE
from pocketrec.preparation.features import column_of, encode
from pocketrec.runtime.events import Event, encode_features
from support.small_logs import NO_FILTER, make_events

quick = settings(max_examples=60)

WORDS = st.sampled_from(["red", "blue", "", "7", "Red", "grün"])
KNOWN = Categories(("7", "blue", "red"))


def rows_of(feature, values, dtype):
    """The rows that encoding a whole block gives for a column."""
    frame = pl.DataFrame({column_of(feature): pl.Series(values, dtype=dtype)})
    rows = frame.with_columns(encode([feature], frame.schema))[column_of(feature)]
    assert rows.dtype == pl.List(pl.Int32)
    return rows.to_list()


@quick
@given(st.lists(st.none() | WORDS, min_size=1))
def test_categories_agree(values):
    feature = Feature("colour", "event", KNOWN)
    assert rows_of(feature, values, pl.String) == [feature.rows(v) for v in values]


@quick
@given(st.lists(st.none() | st.lists(st.none() | WORDS), min_size=1), st.integers(1, 4))
def test_several_categories_agree(values, slots):
    feature = Feature("colours", "event", KNOWN, slots)
    assert rows_of(feature, values, pl.List(pl.String)) == [feature.rows(v) for v in values]


@quick
@given(st.lists(st.none() | st.floats(width=32), min_size=1))
def test_categories_that_are_numbers_agree(values):
    feature = Feature("code", "user", Categories(("-3", "0.5", "7")))
    assert rows_of(feature, values, pl.Float64) == [feature.rows(v) for v in values]


@quick
@given(
    st.lists(st.none() | st.floats() | st.sampled_from([1.0, 2.5]), min_size=1),
    st.lists(st.floats(-10, 10), max_size=5, unique=True).map(sorted),
)
def test_bins_agree(values, edges):
    feature = Feature("price", "event", Bins((*edges,)))
    rows = rows_of(feature, values, pl.Float64)
    assert rows == [feature.rows(v) for v in values]
    assert all(0 <= row < feature.encoding.rows for (row,) in rows)


@quick
@given(st.lists(st.none() | st.integers(0, 4_000_000_000), min_size=1, max_size=8))
def test_times_agree(seconds):
    """Times may be unknown here and there; known ones rise."""
    known = iter(sorted(s for s in seconds if s is not None))
    seconds = [None if s is None else next(known) for s in seconds]
    features = [time_feature(name) for name in ("gap", "now", "hour", "weekday")]
    frame = pl.DataFrame(
        {"user": ["u"] * len(seconds), "clock": [None if s is None else s * 1000 for s in seconds]},
        schema={"user": pl.String, "clock": pl.Int64},
    )
    block = frame.with_columns(encode(features, frame.schema))
    inputs = encode_features(features, [Event(1, s) for s in seconds])
    for feature in features:
        assert inputs[feature.input].tolist() == block[column_of(feature)].to_list(), feature.name


def test_hours_and_weekdays_are_those_of_the_calendar():
    moment = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)  # a Tuesday
    hour, weekday = time_feature("hour"), time_feature("weekday")
    inputs = encode_features([hour, weekday], [Event(1, moment), Event(2, moment.timestamp())])
    assert inputs["event_hour"].tolist() == [[hour.rows("21")[0]]] * 2
    assert inputs["event_weekday"].tolist() == [[weekday.rows("1")[0]]] * 2


def test_now_is_the_gap_that_follows_the_newest_event():
    now, gap = time_feature("now"), time_feature("gap")
    inputs = encode_features([now, gap], [Event(1, 100), Event(2, 107)], now=1_000_000)
    assert inputs["event_now"].tolist() == [now.rows(7), now.rows(999_893)]
    assert inputs["event_gap"].tolist() == [[MISSING], gap.rows(7)]
    without = encode_features([now, gap], [Event(1, 100), Event(2, 107)])
    assert without["event_now"].tolist() == [now.rows(7), [MISSING]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: encode_features(f, [Event(1, features={"prize": 1})]), "event 1 .*'prize'"),
        (lambda f: encode_features(f, [], {"price": 1}), "user has a feature 'price'"),
        (
            lambda f: encode_features(f, [Event(1, features={"price": "dear"})]),
            "'price'.*not a number",
        ),
        (lambda f: encode_features(f, [Event(1, 9), Event(2, 8)]), "backwards"),
        (lambda f: encode_features(f, [Event(1, 9)], now=8), "backwards"),
        (lambda f: encode_features(f, [Event(1, -1)]), "seconds since 1970"),
        (lambda f: encode_features(f, [Event(1, float("nan"))]), "seconds since 1970"),
        (lambda f: encode_features(f, [Event(1, datetime(2026, 1, 1))]), "time zone"),
    ],
)
def test_values_that_mean_nothing_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call([Feature("price", "event", Bins((1.0,)))])


def test_a_feature_is_itself_again_from_json():
    for feature in (
        Feature("Größe/kg", "event", Bins((1.0, 2.5))),
        Feature("tags", "user", KNOWN, 3),
        time_feature("weekday"),
    ):
        assert Feature.from_json(feature.to_json()) == feature
        for name in feature.to_json():
            with pytest.raises((KeyError, ValueError, TypeError)):
                Feature.from_json(feature.to_json() | {name: []})


def prepared(prepare_log, values, kind, users=None, split=None):
    """Each user's events, six of them, have the value of the user's place."""
    rows = [(user, item, 10 * item) for user in range(len(values)) for item in range(6)]
    log = make_events(rows).with_columns(pl.Series("event:f", [values[u] for u, *_ in rows]))
    document = {"data": {"path": "x", "users": "u.csv", "buckets": 3, **NO_FILTER}}
    document |= {"features": {"event": {"f": kind}}, "split": split or {}}
    if users is not None:
        document["features"]["user"] = {"g": kind}
    return prepare_log(log, Config.parse(document, name="test.toml"), users=users)


def test_values_of_few_users_are_as_if_not_given(prepare_log):
    """Whatever their number of events: 4 of each user train."""
    values = [*"aaaaabbbbcccccc", None]
    data = prepared(prepare_log, values, "category")
    assert RARE == 5
    (feature,) = data.features
    assert feature.encoding == Categories(("a", "c"))
    rows = data.training(data.features).features["event_f"][:, 0].reshape(len(values), 4)
    by_user = dict(zip(shards(data)["user"], rows.tolist(), strict=True))
    row_of = {"a": 1, "c": 2}
    assert by_user == {u: [row_of.get(value, 0)] * 4 for u, value in enumerate(values)}
    shown = data.manifest.counts.disclosed["features"]["event_f"]
    assert shown == {"kind": "values", "of_the_log": 2, "fewest_users": 5, "withheld": 1}


def test_a_number_of_few_users_begins_no_bin(prepare_log):
    """Nor is the lowest bin, which has no number of its own, one of few users."""
    values = [1.0] * 2 + [2.0] * 5 + [3.0] * 4 + [4.0] * 6 + [5.0]
    data = prepared(prepare_log, values, "number")
    assert data.features[0].encoding == Bins((4.0,))
    shown = data.manifest.counts.disclosed["features"]["event_f"]
    assert shown == {"kind": "edges", "of_the_log": 1, "fewest_users": 6, "withheld": 3}


def test_a_rare_number_is_no_quantile(prepare_log):
    """Nearly all have 0, so that each quantile would begin at the least of the others."""
    values = [0.0] * 300 + [50.0 + user for user in range(20)]
    data = prepared(prepare_log, values, "number")
    assert data.features[0].encoding == Bins((50.0,))  # to which five of them round


def test_each_edge_has_the_digits_that_enough_users_share(prepare_log):
    """Around 1,000 each number has a user; around 0.5 there are as many users as hundredths."""
    values = [1000.0 + user for user in range(60)] + [(user % 12) / 100 for user in range(60)]
    data = prepared(prepare_log, values, "number")
    edges = data.features[0].encoding.edges
    assert len([edge for edge in edges if edge < 1]) > 5
    assert len([edge for edge in edges if edge > 1 and edge % 10 == 0]) > 5
    for edge in edges:
        half = 0.005 if edge < 1 else 5
        assert sum(abs(value - edge) <= half for value in values) >= RARE


def test_encodings_know_nothing_of_held_out_users(prepare_log):
    values = [100.0 * (user // 10) for user in range(60)]
    split = {"kind": "users", "test_fraction": 0.3, "valid_fraction": 0.2}
    data = prepared(prepare_log, values, "number", split=split)
    trained = shards(data).filter(pl.col("train_length") > 0)["user"].to_list()
    counts = Counter(values[user] for user in trained)
    frequent = sorted(value for value, users in counts.items() if users >= RARE)
    assert 1 < len(frequent) < len(counts)
    assert [*data.features[0].encoding.edges] == frequent[1:]


def test_many_numbers_fall_into_bins_of_about_equal_size(prepare_log):
    """Each number is of one user alone, and ten of them share one of two digits."""
    log = make_events([(u, i, i) for i in range(25) for u in range(40)])
    log = log.with_columns((100.0 + pl.int_range(pl.len())).alias("event:f"))
    document = {"data": {"path": "x", **NO_FILTER}, "features": {"event": {"f": "number"}}}
    data = prepare_log(log, Config.parse(document, name="test.toml"))
    rows = data.training(data.features).features["event_f"][:, 0]
    sizes = pl.Series(rows).value_counts()["count"]
    assert len(sizes) == BINS
    assert sizes.max() < 1.3 * len(rows) / BINS
    assert all(edge % 10 == 0 for edge in data.features[0].encoding.edges)


def test_attributes_of_users_are_joined(prepare_log):
    users = pl.DataFrame({"user": [0, 1, 2, 3, 4, 5, 6], "g": list("aaaaabb")})
    data = prepared(prepare_log, ["x"] * 8, "category", users)
    rows = data.training(data.features).features["user_g"][:, 0].tolist()
    row_of_user = dict(zip(shards(data)["user"], rows, strict=True))
    # Two users with "b" are too few; the last user is not in the table.
    assert row_of_user == {0: 1, 1: 1, 2: 1, 3: 1, 4: 1, 5: 0, 6: 0, 7: 0}


def test_features_that_were_not_prepared_are_asked_for_in_vain(prepare_log):
    data = prepared(prepare_log, ["x"] * 8, "category")
    asked = {"data": {"path": "x"}, "features": {"event": {"f": "number"}}}
    with pytest.raises(ConfigError, match="'f' was not prepared"):
        data.features_of(Config.parse(asked, name="t").features)
    none = Config.parse({"data": {"path": "x"}}, name="t").features
    assert data.features_of(none) == []


def test_targets_are_told_of_their_own_history_only(prepare_log):
    log = make_events([(u, (i + u) % 5, 1000 * (i + u)) for u in range(6) for i in range(5)])
    log = log.with_columns(pl.col("time").alias("clock"))
    document = {"data": {"path": "x", **NO_FILTER}, "features": {"time": ["gap", "now"]}}
    data = prepare_log(log, Config.parse(document, name="test.toml"))
    gap = time_feature("gap")
    for now in (True, False):
        targets = data.targets("test", features=data.features, now=now)
        for history, rows in zip(targets.histories, targets.features, strict=True):
            assert len(history) == len(rows["event_gap"]) == len(rows["event_now"]) == 4
            newest = gap.rows(1.0) if now else [MISSING]
            assert rows["event_now"].tolist() == [gap.rows(1.0)] * 3 + [newest]


def shards(data):
    return pl.concat(pl.read_parquet(file) for file in sorted(data.folder.glob("shards/*")))
