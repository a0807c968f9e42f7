"""One recommender, asked by many threads at once, answers each as if it were alone."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.small_shop import sku

THREADS, TIMES = 12, 3


def questions(model):
    """Calls of every kind, each with a history of its own."""
    draw = random.Random(5)
    for number in range(120):
        history = [sku(draw.randrange(25)) for _ in range(draw.choice([0, 1, 3, 8, 30]))]
        vector = [draw.uniform(-1, 1) for _ in range(32)] if number % 3 else None
        options = {"user_vector": vector}
        blocked = [sku(n) for n in draw.sample(range(25), draw.choice([0, 2, 9]))]
        items = [sku(n) for n in draw.sample(range(25), draw.choice([1, 5, 25]))]
        yield model.recommend, (history,), options | {"k": 1 + number % 7, "blocked": blocked}
        yield model.recommend, (history,), options | {"k": 25}
        yield model.score, (history, items), options
        yield model.adapt, (items[0],), options | {"liked": bool(number % 2)}
        yield model.explain, (history[:5], items[:3]), options


@pytest.mark.parametrize("name", ["recommender", "featured", "narrow"])
def test_threads_do_not_mix_their_answers(request, name):
    asked = list(questions(request.getfixturevalue(name)))
    expected = [call(*arguments, **options) for call, arguments, options in asked]
    order = list(range(len(asked))) * TIMES
    random.Random(6).shuffle(order)

    def ask(place):
        call, arguments, options = asked[place]
        return place, call(*arguments, **options)

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(ask, order))
    assert len(answers) == TIMES * len(asked) >= 1500
    assert all(answer == expected[place] for place, answer in answers)
