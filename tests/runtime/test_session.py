"""A session: events one by one, and after each the list that `recommend` gives of all of them."""

import warnings

import numpy as np
import pytest

from pocketrec.errors import BundleError, InputError
from pocketrec.runtime import Event, UnknownItemWarning, UnknownValueWarning
from support.small_shop import sku

pytestmark = pytest.mark.slow  # it trains

MOMENT = 1_767_225_600


@pytest.fixture(params=["steps", "remembers", "steps in a narrow graph", "does not step"])
def any_model(request):
    names = {"steps": "featured", "remembers": "recurrent", "does not step": "recommender"}
    model = request.getfixturevalue(names.get(request.param, "narrow"))
    assert model._device.steps == (request.param != "does not step")
    return model


def length_of(model):
    """L: so many events the model looks at."""
    return model.bundle.spec.shapes.length


def walk(model, length, seed=1):
    """Events with the features that the model reads; now and then the time is unknown."""
    draw = np.random.default_rng(seed)
    moment = MOMENT
    for _ in range(length):
        moment += int(draw.integers(0, 10**5))
        features = {"pieces": int(draw.integers(0, 3)), "channel": ["app", "web"][draw.integers(2)]}
        yield Event(
            sku(int(draw.integers(0, 25))),
            moment if draw.random() < 0.8 else None,
            features if model.features else {},
        )


def same(actual, expected):
    """Whether two lists are the same, up to the rounding of sums."""
    assert [line.id for line in actual] == [line.id for line in expected]
    np.testing.assert_allclose(
        [line.score for line in actual], [line.score for line in expected], atol=1e-4
    )
    return True


def test_each_tap_gives_what_recommend_gives_of_all_events(any_model):
    user = {"country": "NO"} if any_model.features else None
    session, history = any_model.session(user=user), []
    assert same(session.recommend(k=5), any_model.recommend([], k=5, user=user))
    for n, event in enumerate(walk(any_model, length_of(any_model))):
        history.append(event)
        options = {
            "k": 5 + n % 3,
            "now": MOMENT + 10**8 if n % 2 else None,
            "blocked": [sku(n), sku(n + 1)],
            "user_vector": [0.1 * (n % 4)] * any_model.bundle.spec.shapes.dim,
        }
        expected = any_model.recommend(history, user=user, **options)
        assert same(session.tap(event, **options), expected)
        assert same(session.recommend(**options), expected)  # asked again, it is the same moment
    assert session.history == history


def test_what_is_told_at_asking_is_forgotten_at_the_next_tap(any_model):
    """The moment of asking is a feature of the newest event, until the next event is known."""
    first, second, third = walk(any_model, 3, seed=4)
    one, other = any_model.session([first]), any_model.session([first])
    for n in range(3):
        one.recommend(now=MOMENT + 10**7 * (n + 1), blocked=[sku(2)])
    one.tap(second, now=MOMENT + 10**9)
    other.tap(second)
    assert one.tap(third) == other.tap(third)
    assert same(other.recommend(), any_model.recommend([first, second, third]))


def test_a_session_that_begins_with_a_history_goes_on_from_there(any_model):
    history = list(walk(any_model, length_of(any_model)))
    session = any_model.session(history[:-1])
    assert same(session.recommend(), any_model.recommend(history[:-1]))
    assert same(session.tap(history[-1]), any_model.recommend(history))


def test_beyond_the_newest_a_session_remembers_where_there_is_a_state(recurrent, recommender):
    """What a user did before the newest L; a session that begins anew does not know of it."""
    for model in (recurrent, recommender):
        history = list(walk(model, length_of(model) + 3))
        session = model.session()
        for event in history[:-1]:
            session.tap(event)
        tapped = session.tap(history[-1], k=3)
        anew = model.session(history)
        assert same(anew.recommend(k=3), model.recommend(history, k=3))
        scores = [[line.score for line in lines] for lines in (tapped, anew.recommend(k=3))]
        assert np.allclose(*scores, atol=1e-5) == (model is recommender)


def test_what_was_seen_before_the_newest_is_hidden_too(recurrent, featured):
    for model in (recurrent, featured):
        session, seen = model.session(), set()
        for n in [*range(8), *[8] * length_of(model)]:
            seen.add(sku(n))
            lines = session.tap(sku(n), k=25)
            assert not seen & {line.id for line in lines}
            assert len(lines) == 25 - len(seen)


def test_an_unknown_item_is_ignored_or_refused(any_model):
    session = any_model.session([sku(1)])
    before = session.recommend()
    with pytest.warns(UnknownItemWarning, match="1 of 1 ids .*'tea'"):
        assert session.tap("tea") == before
    with pytest.raises(InputError, match="'tea'"):
        session.tap("tea", strict=True)
    with pytest.warns(UnknownItemWarning, match="blocked"):
        assert session.recommend(blocked=["tea"]) == before
    assert [event.id for event in session.history] == [sku(1)]
    with pytest.warns(UnknownItemWarning, match="1 of 2"):
        assert any_model.session(["tea", sku(1)]).recommend() == before
    with pytest.raises(InputError, match="'tea'"):
        any_model.session(["tea"], strict=True)


@pytest.mark.parametrize(
    ("what", "options"),
    [
        ("k = 26 is more", {"k": 26}),
        ("k must be", {"k": 0}),
        ("strict", {"strict": "no"}),
        ("user_vector", {"user_vector": [1.0]}),
        ("user_vector", {"user_vector": [np.nan] * 32}),
        ("times run backwards", {"now": MOMENT + 5}),
        ("time", {"now": "noon"}),
        ("blocked must be a list", {"blocked": "sku-001"}),
    ],
)
def test_what_is_refused_changes_nothing(any_model, what, options):
    session = any_model.session([Event(sku(1), MOMENT), sku(2)])
    other = any_model.session([Event(sku(1), MOMENT), sku(2)])
    with pytest.raises(InputError, match=what) as caught:
        session.tap(Event(sku(3), MOMENT + 10), **options)
    assert "\n" not in str(caught.value)
    assert session.history == other.history
    assert session.tap(sku(4)) == other.tap(sku(4))


def test_events_that_are_none_are_refused(any_model):
    session = any_model.session([Event(sku(1), MOMENT), sku(2), sku(3), sku(4)])
    for wrong, what in [
        (None, "neither a string nor an integer"),
        (Event(sku(5), MOMENT - 1), "backwards"),  # of the only time that is known, long ago
        (Event(sku(5), "noon"), "time"),
        (Event(sku(5), None, {"colour": "red"}), "event 5 has a feature"),
        (Event(sku(5), None, 7), "values by name"),
    ]:
        with pytest.raises(InputError, match=what):
            session.tap(wrong)
    assert len(session.history) == 4
    for user in (7, {"colour": "red"}):
        with pytest.raises(InputError):
            any_model.session(user=user)


def test_values_that_training_never_saw_are_told_of_once(featured):
    with pytest.warns(UnknownValueWarning, match="'fax'"):
        session = featured.session([Event(sku(1), None, {"channel": "fax"})])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session.tap(sku(2))
        with pytest.raises(InputError, match="'fax'"):
            session.tap(Event(sku(3), None, {"channel": "fax"}), strict=True)


def test_what_the_app_does_to_its_own_lists_changes_nothing(featured):
    user = {"country": "NO"}
    session = featured.session([sku(1)], user=user)
    expected = session.recommend()
    user["country"] = "IT"
    session.history.append(Event(sku(5)))
    assert session.recommend() == expected


def test_a_model_that_shows_what_was_seen_is_found_out(featured, monkeypatch):
    session = featured.session([sku(1)])
    ids = np.array([featured._catalogue.indices([sku(1)], "x", strict=True)[0]], np.int32)
    monkeypatch.setattr(
        type(featured._device), "step", lambda *_, **__: (None, (ids, np.zeros(1, np.float32)))
    )
    with pytest.raises(BundleError, match="seen"):
        session.recommend()


def test_a_tap_does_not_look_at_the_whole_history(recurrent, monkeypatch):
    """Whatever the history's length, one call of `step`; `recommend` is not called."""
    session = recurrent.session(list(walk(recurrent, 40)))
    calls = []
    run = recurrent._device._run
    monkeypatch.setattr(recurrent._device, "_run", lambda *a: calls.append(a[0]) or run(*a))
    session.tap(Event(sku(3), MOMENT + 10**9))
    assert calls == ["step"]
