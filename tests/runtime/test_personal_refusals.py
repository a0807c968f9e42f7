"""What is no word, no time and no state of a user is refused and changes nothing."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from pocketrec.errors import InputError
from pocketrec.runtime import Personal
from support.small_shop import sku


def test_unknown_items_are_refused_and_change_nothing(personal):
    for call in (personal.like, personal.dislike, personal.seen):
        with pytest.raises(InputError, match="'sku-none'"):
            call("sku-none")
    assert personal.state.events == ()


def test_times_that_run_backwards_are_refused_and_change_nothing(personal):
    personal.like(sku(3), time=200)
    for call in (personal.like, personal.seen):
        with pytest.raises(InputError, match="backwards"):
            call(sku(4), time=100)
    assert [event.id for event in personal.history] == [sku(3)]
    value = personal.to_json()
    value["events"].append({"id": sku(4), "verdict": "seen", "time": 100})
    with pytest.raises(InputError, match="backwards"):
        Personal.from_json(personal.recommender, value)


def test_ids_and_times_of_other_libraries_are_kept_as_plain_ones(personal, tmp_path):
    personal.like(np.str_(sku(3)), time=datetime(2026, 1, 1, tzinfo=UTC))
    personal.seen(sku(4), time=np.int64(1_800_000_000))
    personal.save(str(tmp_path / "user.json"))
    again = Personal.restore(personal.recommender, str(tmp_path / "user.json"))
    assert again.state == personal.state
    assert [event.time for event in again.history] == [1_767_225_600.0, 1_800_000_000.0]


@pytest.mark.parametrize("time", [float("inf"), float("nan"), -5, "x", True, 10**400, [], object()])
def test_times_that_are_none_are_refused_and_change_nothing(personal, time):
    for call in (personal.like, personal.seen, personal.dislike):
        with pytest.raises(InputError, match="time"):
            call(sku(4), time=time)
    assert personal.state.events == ()


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"vector": [1.0]},
        {"vector": ["a"]},
        {"vector": [float("nan")] * 8},
        {"events": [{"id": "sku-003", "verdict": "adore", "time": None}]},
        {"events": [{"id": None, "verdict": "like", "time": None}]},
        {"events": [{"id": "sku-none", "verdict": "like", "time": None}]},
        {"events": [{"id": "sku-003", "verdict": "like", "time": "now"}]},
        {"events": [{"id": "sku-003", "verdict": "like", "time": -1}]},
        {"events": [{"id": "sku-003", "verdict": "like", "time": 1e13}]},
        {"events": [{"id": "sku-003", "verdict": "like"}]},
        {"events": 5},
        {"steps": -1},
        {"steps": True},
        {"gains": [[1.0]]},
        {"rolled_back": 0.5},
    ],
)
def test_states_that_are_none_are_refused(personal, change):
    value = json.loads(json.dumps(personal.to_json() | change))
    with pytest.raises(InputError):
        Personal.from_json(personal.recommender, value)
    for wrong in ([], None, "state", {}):
        with pytest.raises(InputError, match="not a saved state"):
            Personal.from_json(personal.recommender, wrong)


@pytest.mark.parametrize(
    "change",
    [
        {"vector": "123"},
        {"vector": ["0.5"]},
        {"vector": [True]},
        {"vector": {"1": 2}},
        {"gains": {"12": 3}},
        {"gains": [[1e308, -1e308]]},
        {"gains": [[True, False]]},
        {"steps": 10**400},
        {"format": True},
    ],
    ids=str,
)
def test_states_that_only_look_like_one_are_refused(recommender, change):
    value = Personal(recommender).to_json() | change
    with pytest.raises(InputError, match="not a saved state of a user: "):
        Personal.from_json(recommender, value)


def test_what_is_wrong_with_a_state_is_told_in_words(personal, tmp_path):
    file = tmp_path / "user.json"
    for text, sentence in [
        ('{"format": 1, "events": [{}]}', "its events do not all have an id, a verdict and a time"),
        ("[1]", "format None, where 1 is expected"),
        ("{", "cannot be read as a saved state: it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("1" * 5000, "it is not JSON"),
    ]:
        file.write_text(text)
        with pytest.raises(InputError, match=sentence) as caught:
            Personal.restore(personal.recommender, file)
        assert "Error" not in str(caught.value)


def test_paths_that_are_none_are_refused(personal):
    for path in (None, 5, 10**5000, "", "no\0path", b"bytes"):
        with pytest.raises(InputError, match="path of a file"):
            personal.save(path)
        with pytest.raises(InputError, match="cannot be read"):
            Personal.restore(personal.recommender, path)


def test_what_is_no_id_cannot_be_forgotten(personal):
    personal.like(sku(3))
    for junk in (None, [sku(3)], 1.5, True):
        with pytest.raises(InputError, match="neither a string nor an integer"):
            personal.forget(junk)
    personal.forget("nobody")
    assert len(personal.history) == 1


def test_times_before_1970_are_refused_as_a_saved_state_would_be(personal):
    with pytest.raises(InputError, match="1970"):
        personal.like(sku(3), time=datetime(1960, 1, 1, tzinfo=UTC))


def test_files_that_are_no_state_are_refused(personal, tmp_path):
    file = tmp_path / "user.json"
    with pytest.raises(InputError, match=r"user\.json"):
        Personal.restore(personal.recommender, file)
    file.write_bytes(b"\xff{")
    with pytest.raises(InputError, match=r"user\.json"):
        Personal.restore(personal.recommender, file)


def test_a_vector_of_another_model_is_refused_and_its_events_are_not(personal):
    personal.like(sku(3))
    value = personal.to_json() | {"model": "0" * 64}
    with pytest.raises(InputError, match="another model"):
        Personal.from_json(personal.recommender, value)
    kept = Personal.from_json(personal.recommender, value | {"vector": []})
    assert kept.history == personal.history
