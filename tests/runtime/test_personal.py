"""One user's own state: it learns, forgets, guards against harm, and survives a restart."""

import numpy as np
import pytest

from pocketrec.bundle.contract import DECAY, SLOWING
from pocketrec.errors import InputError
from pocketrec.new_items.table import read_table
from pocketrec.runtime import Personal, RolledBackWarning
from pocketrec.runtime.personal import MARGIN, UNDO
from pocketrec.runtime.state import WINDOW
from support.lines import ids
from support.small_shop import sku


def place(personal, item):
    return ids(personal.recommend(k=len(personal.recommender.items) - 5)).index(item)


def test_a_new_user_gets_what_is_popular(personal):
    plain = personal.recommender.recommend([], k=5)
    assert personal.recommend(k=5) == plain
    assert personal.vector == [0.0] * personal.recommender.bundle.spec.shapes.dim


def test_a_like_joins_the_history_and_moves_the_vector(personal):
    personal.like(sku(5))
    assert [event.id for event in personal.history] == [sku(5)]
    assert personal.state.steps == 1
    assert sku(5) not in ids(personal.recommend(k=10))


def test_a_dislike_hides_the_item_and_stays_out_of_the_history(personal):
    first = personal.recommend(k=1)[0].id
    personal.dislike(first)
    assert personal.history == []
    assert personal.blocked == [first]
    assert any(personal.vector)
    assert first not in ids(personal.recommend(k=10))


def test_what_is_seen_joins_the_history_and_teaches_a_quarter(personal):
    liked = Personal(personal.recommender)
    liked.like(sku(5))
    personal.seen(sku(5))
    assert personal.history == liked.history
    assert np.allclose(4 * np.array(personal.vector), liked.vector, atol=1e-6)
    assert personal.state.gains == ()


def test_a_dislike_moves_the_vector_the_other_way(personal):
    seen = Personal(personal.recommender)
    seen.seen(sku(5))
    personal.dislike(sku(5))
    assert np.allclose(personal.vector, -np.array(seen.vector), atol=1e-6)


def test_later_steps_are_smaller_and_older_ones_fade(personal):
    size = [np.linalg.norm(personal.recommender.adapt(sku(5)))]
    for step in range(3):
        before = np.array(personal.vector)
        personal.like(sku(5))
        moved = np.array(personal.vector) - DECAY * before
        size.append(np.linalg.norm(moved) * (1 + step / SLOWING))
    assert np.allclose(size, size[0], rtol=1e-4)


@pytest.mark.parametrize("change", ["like", "dislike", "seen", "forget", "reset", "decay"])
def test_every_change_can_be_undone(personal, change):
    personal.like(sku(3))
    personal.dislike(sku(4))
    before = personal.state
    arguments = {"forget": [sku(3)], "reset": [], "decay": [0.5]}.get(change, [sku(9)])
    getattr(personal, change)(*arguments)
    assert personal.state != before
    assert personal.undo()
    assert personal.state == before


def test_undo_goes_back_so_far_and_says_when_there_is_no_more(personal):
    for n in range(UNDO + 2):
        personal.seen(sku(n + 1))
    assert [personal.undo() for _ in range(UNDO + 1)] == [True] * UNDO + [False]
    assert len(personal.history) == 2


def test_forgetting_takes_an_item_back(personal):
    personal.like(sku(3))
    personal.dislike(sku(4))
    vector = personal.vector
    personal.forget(sku(3))
    personal.forget(sku(4))
    assert (personal.history, personal.blocked, personal.vector) == ([], [], vector)


def test_the_newest_word_on_an_item_counts(personal):
    personal.like(sku(3))
    personal.seen(sku(5))
    personal.dislike(sku(3))
    assert ([e.id for e in personal.history], personal.blocked) == ([sku(5)], [sku(3)])
    personal.like(sku(3))
    assert ([e.id for e in personal.history], personal.blocked) == ([sku(5), sku(3)], [])


def test_where_items_repeat_so_do_likes(recommender):
    personal = Personal(recommender)
    for _ in range(2):
        personal.like(sku(3))
    personal.dislike(sku(4))
    personal.dislike(sku(4))
    assert [e.id for e in personal.history] == [sku(3), sku(3)]
    assert personal.blocked == [sku(4)]


def test_decay_shrinks_and_reset_forgets(personal):
    personal.like(sku(3))
    vector = np.array(personal.vector)
    personal.decay(0.25)
    assert np.allclose(personal.vector, vector / 4)
    assert personal.state.gains
    personal.decay(0)
    assert not any(personal.vector)
    assert personal.state.gains == ()
    personal.reset()
    assert personal.history == []
    for factor in (-0.1, 1.1, float("nan"), None, "x"):
        with pytest.raises(InputError, match="from 0 to 1"):
            personal.decay(factor)


def test_a_restart_changes_nothing(personal, tmp_path):
    personal.like(sku(3), time=100.0)
    personal.seen(sku(7))
    personal.dislike(sku(4), time=300)
    file = tmp_path / "user.json"
    personal.save(file)
    again = Personal.restore(personal.recommender, file)
    assert again.state == personal.state
    assert again.recommend(k=9) == personal.recommend(k=9)
    again.like(sku(11))
    personal.like(sku(11))
    assert again.state == personal.state


def test_the_same_words_teach_the_same(personal):
    other = Personal(personal.recommender)
    for one in (personal, other):
        one.like(sku(3))
        one.dislike(sku(9))
        one.like(sku(4))
    assert one.state == personal.state


def spoiled(personal, gains):
    """The user's state with a vector, as if likes had come in these places of the lists."""
    value = personal.to_json() | {"gains": gains}
    value["vector"] = [1.0] * personal.recommender.bundle.spec.shapes.dim
    return Personal.from_json(personal.recommender, value)


def test_the_guard_takes_back_what_made_lists_worse(personal):
    worse = spoiled(personal, [[0.0, 0.9 * MARGIN], [0.0, 0.9 * MARGIN]])
    with pytest.warns(RolledBackWarning, match="lists before the newest likes worse") as notes:
        worse.like(sku(3))
    assert [note.filename for note in notes] == [__file__]
    assert (worse.vector, worse.rolled_back) == ([0.0] * len(worse.vector), 1)
    assert [event.id for event in worse.history] == [sku(3)]
    worse.undo()
    assert worse.rolled_back == 0
    better = spoiled(personal, [[0.9, 0.0]] * (WINDOW - 1))
    better.like(sku(3))
    assert any(better.vector)
    assert better.rolled_back == 0


def test_the_guard_sees_what_a_vector_does_to_the_lists(personal):
    """A vector that pushes the liked item out of the list is measured before it is learned from."""
    wanted = personal.recommend(k=1)[0].id
    table = read_table(personal.recommender.bundle.model)
    away = table[1:].mean(0) - table[1 + [i.id for i in personal.recommender.items].index(wanted)]
    value = personal.to_json() | {"vector": [50 * float(number) for number in away]}
    turned = Personal.from_json(personal.recommender, value)
    turned.like(wanted)
    ((adapted, plain),) = turned.state.gains
    assert plain == 1.0
    assert adapted < plain


def test_a_user_is_of_a_recommender(recommender):
    for wrong in (None, "movielens-1m", 5, recommender.bundle):
        with pytest.raises(InputError, match="takes a Recommender"):
            Personal(wrong)
        with pytest.raises(InputError, match="takes a Recommender"):
            Personal.from_json(wrong, Personal(recommender).to_json())
    for wrong in ("x", {}, Personal(recommender).to_json(), 0):
        with pytest.raises(InputError, match="from_json"):
            Personal(recommender, wrong)


def test_what_is_blocked_for_once_is_a_list(personal):
    for wrong in ("abc", None, 7, {"a": 1}, [None]):
        with pytest.raises(InputError, match="blocked"):
            personal.recommend(blocked=wrong)


def test_factors_of_other_libraries_leave_plain_numbers(personal, tmp_path):
    personal.like(sku(3))
    personal.decay(np.float32(0.5))
    personal.save(tmp_path / "user.json")
    for factor in (10**400, True, np.float64("nan")):
        with pytest.raises(InputError, match="from 0 to 1"):
            personal.decay(factor)


def test_the_user_is_told_of_at_a_like_and_in_the_list(personal):
    wanted = personal.recommender.recommend([], k=3, user={"country": "NO"})
    assert personal.recommend(k=3, user={"country": "NO"}) == wanted
    personal.like(sku(3), user={"country": "NO"}, now=50, time=40)
    with pytest.raises(InputError, match="backwards"):
        personal.like(sku(4), now=30, time=40)
