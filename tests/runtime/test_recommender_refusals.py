"""What an app cannot ask or load is refused with one sentence."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import numpy as np
import pytest

from pocketrec.errors import BundleError, InputError
from pocketrec.runtime import Event, Recommender, UnknownItemWarning
from support.small_shop import WALK, sku


@pytest.mark.parametrize(
    "history",
    [
        *["sku-001", b"sku-001", bytearray(b"1"), 7, None, [None], [1.5], [True], [[1]], [b"1"]],
        *[{"sku-001": 1}, np.array(5), np.zeros((2, 2)), [np.zeros(3)], 10**5000, [{"id": 1}]],
    ],
    ids=lambda history: type(history).__name__,
)
def test_histories_that_are_no_lists_of_ids_are_refused(recommender, history):
    for call in (
        lambda: recommender.recommend(history),
        lambda: recommender.recommend([], blocked=history),
        lambda: recommender.score(history, [sku(1)]),
        lambda: recommender.score([], history),
    ):
        with pytest.raises(InputError):
            call()


def test_a_history_without_an_order_is_refused(recommender):
    with pytest.raises(InputError, match="no order"):
        recommender.recommend(set(WALK))
    assert recommender.recommend(WALK, blocked={sku(1)}) == recommender.recommend(
        WALK, blocked=[sku(1)]
    )


def test_an_integer_too_long_to_write_is_an_unknown_id(recommender):
    with pytest.warns(UnknownItemWarning, match="1 of 2"):
        assert recommender.recommend([sku(7), 10**5000]) == recommender.recommend([sku(7)])
    with pytest.raises(InputError, match="1 of 1"):
        recommender.score([], [-(10**5000)])


@pytest.mark.parametrize("junk", [None, b"sku-001", [1], 1.5, True, np.timedelta64(5)])
def test_junk_among_the_events_is_refused_by_explain_too(recommender, junk):
    with pytest.raises(InputError, match="neither a string nor an integer"):
        recommender.explain([junk], [sku(1)])


@pytest.mark.parametrize(
    "vector",
    [
        [float("nan")] * 32,
        [float("inf")] * 32,
        [1e300] * 32,
        [0.0] * 31,
        [[0.0] * 32],
        ["a"] * 32,
        [None] * 32,
        [10**400] * 32,
        ["1"] * 32,
        [True] * 32,
        [1j] * 32,
        np.full(32, np.iinfo(np.int64).min),
        {"vector": 1},
        7,
        "abc",
    ],
    ids=lambda vector: repr(vector)[:12],
)
def test_user_vectors_that_are_no_vectors_are_refused(recommender, vector):
    for call in (recommender.recommend, lambda *a, **b: recommender.score(*a, [sku(1)], **b)):
        with pytest.raises(InputError, match="user_vector"):
            call(WALK, user_vector=vector)


@pytest.mark.parametrize("path", [None, 5, 1.5, b"movielens-1m", "", ["movielens-1m"]], ids=repr)
def test_what_is_no_path_is_no_bundle(path):
    with pytest.raises(InputError, match="a folder or a name"):
        Recommender.load(path)


@pytest.mark.parametrize("path", ["no\0path", "x" * 5000, "\ud800", "two\nlines"], ids=len)
def test_what_no_path_can_be_is_no_bundle(path):
    with pytest.raises(BundleError, match=r"^there is no bundle '[^\n]*$"):
        Recommender.load(path)


def test_a_recommender_is_made_of_a_bundle(shop):
    for wrong in (None, "movielens-1m", shop.bundle):
        with pytest.raises(InputError, match=r"Recommender\.load"):
            Recommender(wrong)


@pytest.mark.parametrize("threads", [0, -1, True, 257, 10**30, 10**5000, "2", None, 2.0], ids=type)
def test_threads_that_cannot_be_are_refused(shop, threads):
    with pytest.raises(InputError, match="from 1 to 256"):
        Recommender.load(shop.bundle, threads=threads)


def test_steps_that_cannot_be_are_refused(recommender):
    for liked in ("no", None, 0, 1, np.zeros(2)):
        with pytest.raises(InputError, match="liked"):
            recommender.adapt(sku(1), liked=liked)
        with pytest.raises(InputError, match="strict"):
            recommender.recommend(["tea"], strict=liked)
    for rate in (True, "1", None, -1, float("nan"), 10**400, np.complex64(1)):
        with pytest.raises(InputError, match="learning_rate"):
            recommender.adapt(sku(1), learning_rate=rate)
    assert recommender.adapt(sku(1), learning_rate=np.float32(1)) == recommender.adapt(sku(1))


def test_moments_that_are_none_are_refused(recommender):
    class Nowhere(tzinfo):
        def utcoffset(self, when):
            return None

    west = timezone(timedelta(hours=-23))
    for moment in (
        np.timedelta64(5),
        datetime(1960, 1, 1, tzinfo=UTC),
        datetime(1960, 1, 1, tzinfo=Nowhere()),
        datetime.min.replace(tzinfo=UTC),
        10**5000,
        np.datetime64("2026-01-01"),
    ):
        with pytest.raises(InputError, match="time"):
            recommender.recommend([Event(sku(1), moment)])
    for moment in (np.float32(5), datetime.max.replace(tzinfo=west), np.int64(5)):
        assert recommender.recommend([Event(sku(1), moment)]) == recommender.recommend([sku(1)])


@pytest.mark.parametrize("user", [0, "", [], False, "age", 5])
def test_users_that_are_no_values_by_name_are_refused(recommender, user):
    with pytest.raises(InputError, match="by name"):
        recommender.recommend(WALK, user=user)


def test_names_of_features_may_be_junk_too(featured):
    for names in ({1: 2, "a": 3}, {None: 1}, {(1, 2): 3}, {10**5000: 1}):
        with pytest.raises(InputError, match="does not read"):
            featured.recommend([Event(sku(1), features=names)], user=names)


@pytest.mark.parametrize(
    ("ids", "scores"),
    [
        ([1, 26, 2], [3, 2, 1]),
        ([1, 0, 2], [3, 2, 1]),
        ([1, -5, 2], [3, 2, 1]),
        ([1, 2, 1], [3, 2, 1]),
        ([1, 2, 3], [3, 1, 2]),
        ([1, 2, 3], [3, np.nan, 1]),
        ([1, 2, 3], [np.inf, 2, 1]),
    ],
    ids=["beyond", "padding", "negative", "twice", "rising", "no number", "infinity"],
)
def test_an_answer_that_is_none_becomes_an_error(shop, ids, scores):
    """As of a stranger's model, of which only some calls are tried when it is loaded."""
    recommender = Recommender.load(shop.bundle)
    answer = {"ids": np.array([ids], np.int32), "scores": np.array([scores], np.float32)}
    recommender._device._runners["recommend"] = lambda **_: answer
    with pytest.raises(BundleError, match=r"answered 'recommend' with (NaN|an invalid list)"):
        recommender.recommend(WALK)


def test_a_model_that_fails_at_a_call_is_told_of_in_a_sentence(shop):
    recommender = Recommender.load(shop.bundle)

    def fail(**_):
        raise RuntimeError("gather_nd index out of bounds\nNode number 106 failed to invoke.")

    recommender._device._runners |= dict.fromkeys(("score", "adapt"), fail)
    for call in (lambda: recommender.score([], [sku(1)]), lambda: recommender.adapt(sku(1))):
        with pytest.raises(BundleError, match=r"^the model cannot answer '(score|adapt)': gather"):
            call()
    nonsense = {"scores": np.full((1, 25), np.nan, np.float32)}
    recommender._device._runners["score"] = lambda **_: nonsense
    with pytest.raises(BundleError, match="with NaN or infinity"):
        recommender.explain(WALK, [sku(1)])
