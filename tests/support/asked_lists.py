"""What may be asked of a recommender, and the list that its scores alone give."""

import math
import warnings

import numpy as np
from hypothesis import strategies as st

from support.junk_values import huge, texts
from support.small_shop import sku

which = st.sampled_from(["wide", "told", "narrow"])
known = st.integers(0, 24).map(sku)
spelled = known | known.map(np.str_)
unknown = st.one_of(
    known.map(lambda id_: f" {id_}"),
    known.map(lambda id_: id_.upper()),
    known.map(lambda id_: id_.replace("0", "\uff10")),  # digits that only look alike
    st.integers(),
    st.sampled_from([np.int64(-5), np.uint8(7), 2**64]),
    huge,
    texts.filter(lambda text: not text.startswith("sku-")),
)
ids = spelled | unknown
histories = st.one_of(
    st.lists(spelled, max_size=8),
    st.lists(ids, max_size=8),
    st.lists(ids, min_size=17, max_size=60),  # L is 16
    st.lists(unknown, max_size=5),
    st.permutations([sku(n) for n in range(25)]),  # everything seen
)
blocked = st.one_of(
    st.lists(ids, max_size=4),
    st.lists(spelled, max_size=30),
    st.just([sku(n) for n in range(25)]),
)
vectors = st.none() | st.lists(st.floats(-3, 3, width=32), min_size=32, max_size=32)
extreme = st.lists(st.sampled_from([0.0, 1e4, -1e4, 5e-324, -0.0, 1]), min_size=32, max_size=32)
MOMENT = 1_767_225_600
events_of_time = st.lists(st.none() | st.integers(0, 10**9), max_size=24)
users = st.fixed_dictionaries(
    {},
    optional={
        "country": st.sampled_from(["IT", "NO", "??", None, ["NO", "IT"], 7]),
        "age": st.none() | st.integers(0, 120) | st.floats(),
    },
)
event_features = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(["app", "web", ["web", "sale"], ["fax", "app"], [], None]),
        "pieces": st.none() | st.integers(-3, 9) | st.floats(),
    },
)


def catalogue(model):
    return [item.id for item in model.items]


def is_known(item, model):
    return str(item) in catalogue(model) if isinstance(item, str) else False


def quiet():
    """Unknown ids and values cause warnings, which are counted elsewhere."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)


def ranked(model, history, hidden, k, **context):
    """The list that `recommend` has to give."""
    left = [item for item in catalogue(model) if item not in hidden]
    scores = model.score(history, left, **context)
    order = sorted(range(len(left)), key=lambda n: (-scores[n], n))[:k]
    return [left[n] for n in order], [scores[n] for n in order]


def check_list(model, lines, history, blocked, k, **context):
    """Fail unless a list is the one that scores give, of known ids only."""
    history = [event for event in history if is_known(getattr(event, "id", event), model)]
    seen = {str(getattr(event, "id", event)) for event in history}
    hidden = {str(item) for item in blocked} | (seen if model.bundle.spec.exclude_seen else set())
    left = set(catalogue(model)) - hidden
    items, scores = ranked(model, history, hidden, k, **context)
    got = [line.score for line in lines]
    assert len(lines) == min(k, len(left))
    assert {line.id for line in lines} <= left
    assert all(map(math.isfinite, got))
    np.testing.assert_allclose(got, scores, rtol=1e-5, atol=1e-4)
    assert got == sorted(got, reverse=True)
    for line, item, score in zip(lines, items, scores, strict=True):
        # Two signatures of a file may round their sums differently.
        assert line.id == item or abs(model.score(history, [line.id], **context)[0] - score) < 1e-4
    titles = {item.id: item.title for item in model.items}
    assert all(line.title == titles[line.id] for line in lines)
