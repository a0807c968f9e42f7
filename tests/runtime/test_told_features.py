"""Features through the whole way: a log, a bundle, and plain values at the runtime."""

import json

import numpy as np
import pytest

from pocketrec.errors import InputError
from pocketrec.models.scorer import ModelScorer
from pocketrec.runtime import Event, UnknownValueWarning
from pocketrec.runtime.events import encode_features
from pocketrec.training.run import Run
from support.small_shop import pocketrec, sku, succeed

MOMENT = 1_767_225_600.0  # 2026-01-01
EVENTS = [Event(sku(1), MOMENT), Event(sku(2), MOMENT + 86_400), Event(sku(8), MOMENT + 90_000)]
NOW = MOMENT + 700_000

CONTEXTS = {
    "channel": {"newest": {"channel": "app"}},
    "several channels": {"newest": {"channel": ["web", "sale"]}},
    "pieces": {"newest": {"pieces": 2}},
    "now": {"now": NOW},
    "country": {"user": {"country": "NO"}},
    "age": {"user": {"age": 31}},
}
"""Each adds one thing to the events' ids and times."""


def scores(recommender, *, newest=None, events=EVENTS, **context):
    *before, last = events
    events = [*before, Event(last.id, last.time, newest or {})]
    items = [item.id for item in recommender.items]
    return np.array(recommender.score(events, items, **context))


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
def test_what_is_told_changes_the_scores(featured, context):
    difference = scores(featured, **context) - scores(featured)
    assert np.ptp(difference) > 1e-3, "not even the order could change"


@pytest.mark.parametrize("shift", [3 * 3600, 86_400], ids=["hour", "weekday"])
def test_the_moment_of_an_event_changes_the_scores(featured, shift):
    """By a day only the weekday differs, by three hours the hour; gaps stay as they are."""
    later = [Event(e.id, e.time + shift) for e in EVENTS]
    assert np.ptp(scores(featured, events=later) - scores(featured)) > 1e-3


def test_the_gap_between_events_changes_the_scores(featured):
    first, *rest = EVENTS
    earlier = [Event(first.id, first.time - 7 * 86_400), *rest]  # same weekday, same hour
    assert np.ptp(scores(featured, events=earlier) - scores(featured)) > 1e-3


def test_missing_is_not_given(featured):
    plain = scores(featured)
    none = {"newest": {"channel": None, "pieces": None}, "user": {"country": None, "age": None}}
    numberless = {"user": {"age": float("nan")}}
    for nothing in (none, numberless, {"newest": {"channel": []}}, {"user": {}}):
        assert (scores(featured, **nothing) == plain).all()
    timeless = [Event(event.id) for event in EVENTS]
    ids = [event.id for event in EVENTS]
    items = [item.id for item in featured.items]
    assert scores(featured, events=timeless).tolist() == featured.score(ids, items)


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        ({"newest": {"channel": ["app", "fax"]}}, "event feature 'channel' .* 'fax'"),
        ({"user": {"country": "??"}}, r"user feature 'country' .* '\?\?'"),
    ],
)
def test_values_that_training_never_saw_are_told_or_refused(featured, context, sentence):
    *before, last = EVENTS
    events = [*before, Event(last.id, last.time, context.get("newest", {}))]
    known = [*before, Event(last.id, last.time, {"channel": "app"} if "newest" in context else {})]
    user = context.get("user")
    with pytest.warns(UnknownValueWarning, match=sentence) as notes:
        actual = featured.recommend(events, user=user)
    assert [note.filename for note in notes] == [__file__]
    assert actual == featured.recommend(known)
    with pytest.warns(UnknownValueWarning, match=sentence):
        actual = featured.score(events, [sku(3)], user=user)
    assert actual == featured.score(known, [sku(3)])
    with pytest.raises(InputError, match=sentence):
        featured.recommend(events, user=user, strict=True)
    # Each event is left out in turn, without a warning for each.
    assert featured.explain(events, [sku(3)], user=user) == featured.explain(known, [sku(3)])


def test_values_of_other_libraries_are_as_plain_ones(featured):
    for context, plain in [
        ({"newest": {"pieces": np.int64(2)}}, {"newest": {"pieces": 2}}),
        (
            {"newest": {"channel": np.array(["web", "sale"])}},
            {"newest": {"channel": ["web", "sale"]}},
        ),
        ({"user": {"age": np.float32(31)}}, {"user": {"age": 31}}),
    ]:
        assert (scores(featured, **context) == scores(featured, **plain)).all()


def test_torch_the_file_and_the_runtime_agree(fresh_shop, featured, tmp_path):
    """The float file, filled by the runtime from plain values, against torch."""
    words = ["--out", tmp_path / "float", "--set", "export.quantization=float32"]
    succeed("export", fresh_shop.run, *words)
    recommender = type(featured).load(tmp_path / "float")
    model = Run.open(fresh_shop.run).model
    index = {item.id: n for n, item in enumerate(recommender.items, start=1)}
    for context in ({}, *CONTEXTS.values()):
        *before, last = EVENTS
        events = [*before, Event(last.id, last.time, context.get("newest", {}))]
        rows = encode_features(model.features, events, context.get("user"), context.get("now"))
        history = np.array([index[event.id] for event in events], np.int32)
        expected = ModelScorer(model)([history], [rows])[0]
        np.testing.assert_allclose(scores(recommender, **context), expected, atol=1e-4)


def test_every_input_is_described(featured):
    manifest = featured.bundle.manifest
    inputs = {}
    for signature in manifest["signatures"].values():
        inputs |= signature["inputs"]
    inputs |= manifest["signatures"]["recommend"]["inputs"]  # `step` takes fewer events' features
    assert manifest["inputs"].keys() == inputs.keys()
    for name, description in manifest["inputs"].items():
        assert {"dtype": description["dtype"], "shape": description["shape"]} == inputs[name]
        assert "missing" in description
        assert description["encoding"]
        of_step = manifest["signatures"]["step"]["inputs"].get(name)
        assert description.get("step", description)["shape"] == (of_step or description)["shape"]
    names = {feature["name"] for feature in manifest["features"]}
    assert names == {"channel", "pieces", "gap", "now", "hour", "weekday", "country", "age"}


def test_features_of_others_are_refused(featured, recommender):
    with pytest.raises(InputError, match=r"'colour'.*channel, pieces"):
        featured.recommend([Event(sku(1), features={"colour": "red"})])
    with pytest.raises(InputError, match=r"'age'.*none"):
        recommender.recommend([sku(1)], user={"age": 3})


def test_the_command_line_tells_features_too(fresh_shop, featured, tmp_path):
    entries = [{"id": e.id, "time": e.time, "features": {"pieces": 2}} for e in EVENTS]
    (tmp_path / "events.json").write_text(json.dumps(entries))
    words = ["--events", tmp_path / "events.json", "--user", "age=31", "--user", "country=NO"]
    printed = succeed("recommend", fresh_shop.bundle, *words, "--now", NOW, "--json").json
    events = [Event(e.id, e.time, {"pieces": 2}) for e in EVENTS]
    lines = featured.recommend(events, user={"age": 31, "country": "NO"}, now=NOW)
    assert printed == [line.to_json() for line in lines]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--user", "age"], "NAME=VALUE"),
        (["--user", "age=old"], "no number"),
        (["--user", "size=3"], "'size'"),
        (["--now", "-5"], "seconds since 1970"),
        (["--events", "{file}"], "list of events"),
        (["--events", "{file}", "--history", "1"], "not both"),
    ],
)
def test_bad_words_are_one_sentence(fresh_shop, tmp_path, words, message):
    file = tmp_path / "events.json"
    file.write_text('{"id": 3}')
    result = pocketrec("recommend", fresh_shop.bundle, *(w.format(file=file) for w in words))
    assert result.code == 2
    assert message in " ".join(result.err.split())


def test_evaluation_reports_with_and_without_now(fresh_shop):
    report = succeed("evaluate", fresh_shop.bundle, "--data", fresh_shop.data, "--json").json
    assert report["variants"].keys() == {"without now"}
    assert "without now" in report["differences"]
    text = succeed("evaluate", fresh_shop.run, "--data", fresh_shop.data).out
    assert "without now" in text
