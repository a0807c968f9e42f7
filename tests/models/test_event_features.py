"""Each kind of feature decides what comes next in a world of its own, and the model finds it out.

From the log to the runtime's own encoding of plain values: prepared, trained, then asked.
"""

import numpy as np
import polars as pl
import pytest
import torch

from pocketrec.config.sections import Config
from pocketrec.models.recommender import RecommenderModel
from pocketrec.models.scorer import ModelScorer
from pocketrec.runtime.events import Event, encode_features
from pocketrec.training.batches import Batches
from pocketrec.training.step import make_optimizer, train_step

HALF = 4  # items 0-3 follow one thing, items 4-7 the other
HOUR, DAY = 3600, 86_400
MONDAY = 4 * DAY  # 1970-01-05


def step(*_):
    return 100


WORLDS = {
    # what is set in [features]; the value of an event or user; seconds to the next event
    "category": ({"event": {"f": "category"}}, lambda side, _: ["red", "blue"][side], step),
    "several": (
        {"event": {"f": "category"}},
        lambda side, r: [*r.permutation(["x", "red"])] if side else [*r.permutation(["x", "y"])],
        step,
    ),
    "number": ({"event": {"f": "number"}}, lambda side, r: 9 * side + float(r.random()), step),
    "gap": ({"time": ["gap"]}, None, lambda _, side: [10, 9 * DAY][side]),
    "now": ({"time": ["now"]}, None, lambda _, side: [10, 9 * DAY][side]),
    "hour": ({"time": ["hour"]}, None, None),
    "weekday": ({"time": ["weekday"]}, None, None),
    "user category": ({"user": {"f": "category"}}, lambda side, _: ["IT", "NO"][side], step),
    "user number": ({"user": {"f": "number"}}, lambda side, _: 20 + 40 * side, step),
}


def make_world(kind, users=50, length=14):
    """Events (user, item, seconds, value), users' values, and the TOML's [features]."""
    random = np.random.default_rng(3)
    features, value, pause = WORLDS[kind]
    rows, table = [], []
    for user in range(users):
        moment, side = MONDAY + int(random.integers(100)) * 7 * DAY, int(random.integers(2))
        of_user = side
        if kind.startswith("user"):
            table.append((user, value(of_user, random)))
        for _ in range(length):
            item = int(random.integers(HALF)) + HALF * side
            if kind == "now":  # the pause before an event and its item go together
                side = int(random.integers(2))
                item = int(random.integers(HALF)) + HALF * side
                moment += pause(random, side)
            elif kind == "gap":  # the pause before an event decides what comes after it
                side = int(random.integers(2))
                moment += pause(random, side)
            elif kind in ("hour", "weekday"):
                side = int(random.integers(2))
                days = 7 + (-(moment // DAY) + 4) % 7  # to a Monday
                offset = [9 * HOUR, 21 * HOUR][side] if kind == "hour" else [0, 5 * DAY][side]
                moment = (moment // DAY + days) * DAY + offset
            else:
                side = of_user if kind.startswith("user") else int(random.integers(2))
                moment += pause(random, side)
            event_value = value(side, random) if "event" in features else None
            rows.append((user, item, moment * 1000, event_value))
    return rows, table, features


@pytest.fixture(scope="module", params=WORLDS)
def trained(request, prepare_log):
    """Data and model of a world, and its kind."""
    rows, table, features = make_world(request.param)
    several = pl.List(pl.String) if request.param == "several" else None
    schema = {"user": pl.Int64, "item": pl.Int64, "time": pl.Int64, "event:f": several}
    log = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.col("time").alias("clock"), pl.int_range(pl.len(), dtype=pl.UInt64).alias("order")
    )
    users = pl.DataFrame(table, schema=["user", "f"], orient="row") if table else None
    config = Config.parse(
        {
            "data": {"path": "x", "users": "u", "exclude_seen": False, "buckets": 2},
            "features": features,
            "model": {"dim": 16, "max_length": 8, "layers": 1, "successors": 0, "encoder": "gru"},
        },
        name="t",
    )
    data = prepare_log(log.lazy(), config, users=users)
    torch.manual_seed(1)
    model = RecommenderModel(data.item_count, config.model, features=data.features)
    batches = Batches(
        data.training(data.features),
        max_length=8,
        batch_labels=200,
        seed=1,
        features=data.features,
        feature_dropout=0.2,
    )
    optimizer = make_optimizer(model, config.training.model_copy(update={"learning_rate": 0.02}))
    for epoch in range(25):
        model.train()
        for batch in batches.epoch(epoch):
            train_step(model, optimizer, batch, 1.0)
    return request.param, data, model.eval()


def ask(data, model, events, user=None, now=None):
    """Share of the probability that items 4-7 get, from plain values."""
    index = {item: n for n, item in enumerate(data.catalogue["item"], start=1)}
    history = np.array([index[event.id] for event in events], np.int32)
    rows = encode_features(data.features, events, user, now)
    scores = ModelScorer(model)([history], [rows])[0]
    share = np.exp(scores) / np.exp(scores).sum()
    return sum(float(share[index[item] - 1]) for item in range(HALF, 2 * HALF))


def test_the_feature_decides_and_nothing_known_decides_nothing(trained):
    """ "Nothing known" must lie between: the model learned what to do without."""
    kind, data, model = trained
    items = [1, 6, 2, 5]
    value = WORLDS[kind][1]
    random = np.random.default_rng(0)
    week = [MONDAY + 7 * DAY * n for n in range(4)]

    def answer(side):
        if kind in ("category", "several", "number"):
            before = [
                Event(i, features={"f": value(n % 2, random)}) for n, i in enumerate(items[:3])
            ]
            newest = {} if side is None else {"f": value(side, random)}
            return ask(data, model, [*before, Event(items[3], features=newest)])
        if kind.startswith("user"):
            known = {} if side is None else {"f": value(side, random)}
            # Items of both halves, half of a user's life each: the history says nothing.
            return ask(data, model, [], user=known)
        if kind == "now":
            events = [Event(i, time) for i, time in zip(items, week, strict=True)]
            return ask(
                data, model, events, now=None if side is None else week[3] + [10, 9 * DAY][side]
            )
        if kind == "gap":
            times = [0, 20, 30, None if side is None else 30 + [10, 9 * DAY][side]]
        else:
            offset = [9, 21] if kind == "hour" else [0, 5 * 24]
            times = [*week[:3], None if side is None else week[3] + offset[side] * HOUR]
        return ask(data, model, [Event(i, time) for i, time in zip(items, times, strict=True)])

    first, unknown, second = answer(0), answer(None), answer(1)
    assert first < 0.2 < 0.3 < unknown < 0.7 < 0.8 < second, (first, unknown, second)


def test_what_training_never_saw_is_as_if_not_given(trained):
    kind, data, model = trained
    if kind in ("category", "several"):
        strange = Event(1, features={"f": ["never"] if kind == "several" else "never"})
    elif kind == "number":
        strange = Event(1, features={"f": float("nan")})
    else:
        strange = Event(1)
    user = (
        {"f": None} if kind == "user number" else {"f": "??"} if kind == "user category" else None
    )
    assert ask(data, model, [strange], user) == ask(data, model, [Event(1)])
