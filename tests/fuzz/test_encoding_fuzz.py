"""Plain values become the rows that their documentation says, or one sentence."""

import math
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from pocketrec.errors import InputError
from pocketrec.features.encoding import MISSING, Bins, Categories, Feature, Number, time_feature
from pocketrec.runtime import Event
from pocketrec.runtime.events import encode_features
from support.junk_values import huge, json_values, junk, numbers, texts
from support.runtime_calls import answered, check_sentence
from support.tally import fuzz

edges = st.lists(st.floats(-1e12, 1e12) | st.integers(-5, 5), max_size=6).map(sorted).map(tuple)
values = st.lists(texts | st.sampled_from(["7", "true", "1.5", "-3"]), max_size=6, unique=True)
slots = st.integers(1, 3)
categories = st.builds(
    Feature, st.just("f"), st.just("user"), values.map(tuple).map(Categories), slots
)
bins = st.builds(Feature, st.just("f"), st.just("user"), edges.map(Bins), slots)


def spelling(value):
    """How training spells a value of a category; None for what is no value."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float | np.floating) and math.isnan(value):
        return None
    if isinstance(value, float | np.floating) and math.isfinite(value) and value == int(value):
        return str(int(value))
    try:
        return str(value)
    except ValueError:
        return "more digits than Python writes"


@fuzz("encoding: values of a category", 800, feature=categories, value=junk | st.lists(junk))
def test_a_category_has_the_rows_of_its_values(feature, value):
    with answered() as outcome:
        rows = feature.rows(value)
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    members = list(value) if isinstance(value, list | tuple) else [value]
    plain = (str, bool, int, float, np.bool_, np.integer, np.floating, type(None))
    odd = [m for m in members if not isinstance(m, plain) or isinstance(m, np.timedelta64)]
    if outcome.error or odd:
        assert outcome.error
        assert odd
        return
    known = list(feature.encoding.values)
    wanted = []
    for member in members:
        text = None if member is None else spelling(member)
        if text in known and 1 + known.index(text) not in wanted:
            wanted.append(1 + known.index(text))
    wanted = wanted[: feature.slots]
    assert rows == wanted + [MISSING] * (feature.slots - len(wanted))


@fuzz("encoding: values of a number", 800, feature=bins, value=junk | numbers | huge)
def test_a_number_has_the_row_of_its_stretch(feature, value):
    with answered() as outcome:
        rows = feature.rows(value)
    plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    number = isinstance(plain, int | float) and not isinstance(plain, bool)
    if plain is None or (isinstance(plain, float) and not math.isfinite(plain)):
        wanted = MISSING
    elif number:
        wanted = 1 + sum(edge <= plain for edge in feature.encoding.edges)
    else:
        assert outcome.error
        return
    assert outcome.error is None
    assert rows == [wanted] + [MISSING] * (feature.slots - 1)


@fuzz("encoding: attributes of items", 400, knots=edges, value=junk | numbers | huge)
def test_an_attribute_is_what_its_weights_say(knots, value):
    knots = tuple(sorted(set(map(float, knots))))
    with answered() as outcome:
        rows = Number(knots).encode(value)
    if outcome.error is None:
        assert sum(weight for _, weight in rows) == 1
        if rows != [(MISSING, 1.0)]:
            value = value.item() if isinstance(value, np.generic) else value
            meant = min(max(Fraction(value), Fraction(knots[0])), Fraction(knots[-1]))
            decoded = sum(Fraction(knots[row - 1]) * Fraction(weight) for row, weight in rows)
            assert math.isclose(decoded, meant, rel_tol=1e-9, abs_tol=1e-3)
    pairs = Categories(("a", "7")).encode(value if isinstance(value, str | int) else None)
    assert math.isclose(sum(weight**2 for _, weight in pairs), 1)


described = st.one_of(
    json_values,
    st.fixed_dictionaries(
        {
            "name": texts | json_values,
            "of": st.sampled_from(["event", "user", "item"]) | json_values,
            "time": st.sampled_from([None, "gap", "hour"]) | json_values,
            "slots": st.integers(0, 3) | json_values,
            "rows": st.integers(0, 6) | json_values,
            "encoding": st.one_of(
                st.fixed_dictionaries(
                    {"kind": st.just("category"), "values": st.lists(texts) | json_values}
                ),
                st.fixed_dictionaries(
                    {"kind": st.just("bins"), "edges": st.lists(numbers) | json_values}
                ),
                json_values,
            ),
        },
        optional={"more": json_values},
    ),
    # As they should be, but for the edges.
    st.lists(st.integers() | st.floats() | st.just(10**400), max_size=4).map(
        lambda edges: bins_of(sorted(edges) if all(e == e for e in edges) else edges)
    ),
)


def bins_of(edges):
    encoding = {"kind": "bins", "edges": edges}
    rows = {"slots": 1, "rows": len(edges) + 2}
    return {"name": "f", "of": "user", "time": None, **rows, "encoding": encoding}


changes = st.dictionaries(
    st.sampled_from(["name", "of", "time", "slots", "rows", "encoding"]), json_values, max_size=2
)


@fuzz("manifest: a feature of any JSON", 800, entry=described)
def test_a_description_is_read_back_or_refused(entry):
    check_description(entry)


@fuzz("manifest: a feature, changed", 400, feature=categories | bins, changes=changes)
def test_a_changed_description_is_read_back_or_refused(feature, changes):
    assert Feature.from_json(feature.to_json()) == feature
    check_description(feature.to_json() | changes)


def check_description(entry):
    try:
        feature = Feature.from_json(entry)
    except (ValueError, KeyError, TypeError):  # which open_bundle tells of
        return
    assert feature.to_json() == entry
    assert all(-math.inf < edge < math.inf for edge in getattr(feature.encoding, "edges", ()))
    for value in (None, "a", 3, float("nan")):
        try:
            rows = feature.rows(value)
        except InputError as error:
            check_sentence(str(error))
            continue
        assert len(rows) == feature.slots
        assert all(MISSING <= row < feature.encoding.rows for row in rows)


FEATURES = [
    *map(time_feature, ("gap", "now", "hour", "weekday")),
    Feature("n", "event", Bins((0.0, 1.0))),
    Feature("c", "event", Categories(("a", "b")), slots=2),
    Feature("n", "user", Bins((0.0,))),
]
events = st.lists(
    st.builds(
        Event,
        st.just(1),
        st.none() | st.floats(0, 1e9) | st.integers(0, 10**9) | junk,
        st.dictionaries(st.sampled_from(["n", "c", "x"]), st.none() | numbers | junk) | junk,
    ),
    max_size=5,
)
sort_events = st.lists(st.none() | st.floats(0, 8e12) | st.integers(0, 8 * 10**12), max_size=8)


@fuzz("inputs: events and users of junk", 600, events=events, user=st.none() | junk, now=junk)
def test_inputs_are_rows_or_refused(events, user, now):
    with answered() as outcome:
        rows = encode_features(FEATURES, events, user, now)
    if outcome.error is None:
        assert rows.keys() == {feature.input for feature in FEATURES}
        for feature in FEATURES:
            assert rows[feature.input].shape == feature.shape(len(events))
            assert (rows[feature.input] >= 0).all()
            assert (rows[feature.input] < feature.encoding.rows).all()


@fuzz("inputs: moments in order", 400, moments=sort_events, now=st.booleans())
def test_times_have_the_rows_of_their_clock(moments, now):
    """In exact arithmetic, where the code divides floats."""
    ordered = iter(sorted(moment for moment in moments if moment is not None))
    moments = [None if moment is None else next(ordered) for moment in moments]
    *times, last = moments or [None]
    rows = encode_features(
        FEATURES, [Event(1, time) for time in times], None, last if now else None
    )
    gap = next(feature for feature in FEATURES if feature.name == "gap").encoding
    for place, time in enumerate(times):
        later = [*times, last if now else None][place + 1]
        earlier = times[place - 1] if place else None
        exact = None if time is None else Fraction(float(time))

        def stretch(seconds):
            return 0 if seconds is None else 1 + sum(edge <= seconds for edge in gap.edges)

        since = None if exact is None or earlier is None else float(time) - float(earlier)
        until = None if exact is None or later is None else float(later) - float(time)
        assert rows["event_gap"][place].tolist() == [stretch(since)]
        assert rows["event_now"][place].tolist() == [stretch(until)]
        hour = 0 if exact is None else 1 + exact // 3600 % 24
        assert rows["event_hour"][place].tolist() == [hour]
        weekday = 0 if exact is None else 1 + (exact // 86400 + 3) % 7
        assert rows["event_weekday"][place].tolist() == [weekday]


@fuzz("inputs: moments in any order", 200, moments=sort_events, now=st.none() | st.floats(0, 8e12))
def test_times_that_run_backwards_are_refused(moments, now):
    with answered() as outcome:
        encode_features(FEATURES, [Event(1, moment) for moment in moments], None, now)
    seconds = [float(moment) for moment in (*moments, now) if moment is not None]
    assert (outcome.error is None) == (seconds == sorted(seconds))
