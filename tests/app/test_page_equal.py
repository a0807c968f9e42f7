"""The page's client answers what Python answers, to the same questions."""

import json
import random
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from pocketrec.bundle.golden import GOLDEN_TOLERANCE
from pocketrec.features.encoding import Bins
from pocketrec.runtime import Event, Recommender
from support.page_visit import films
from support.small_shop import settings, succeed

pytestmark = [
    pytest.mark.browser,
    # Values that training never saw are sent on purpose.
    pytest.mark.filterwarnings("ignore::pocketrec.runtime.UnknownValueWarning"),
]

HISTORIES = 500
FEW = 100
LONGEST = 300
LEAST_EQUAL = 0.97
"""Of lists with the very same ids. The browser's kernels and Python's round activations each in
their own way, so items of almost one score change places in some lists; their scores still agree,
which is asserted of every list."""

RECOMMEND = """async (asked) => {
  const { openBundle } = await import('./pocketrec.js');
  const recommender = await openBundle('bundle/', { wasm: 'wasm/' });
  const lists = [];
  for (const { history, ...options } of JSON.parse(asked)) {
    lists.push(await recommender.recommend(history, options));
  }
  await recommender.close();
  return lists.map((list) => [list.map(({ id }) => id), list.map(({ score }) => score)]);
}"""


IMPORT = "const { openBundle } = await import('./pocketrec.js');"

TAP = """async (asked) => {
  const { openBundle } = await import('./pocketrec.js');
  const recommender = await openBundle('bundle/', { wasm: 'wasm/' });
  const lists = [];
  for (const { history, begin, user, now, ...options } of JSON.parse(asked)) {
    const session = await recommender.session(history.slice(0, begin), { user });
    for (const event of history.slice(begin)) lists.push(await session.tap(event, options));
    lists.push(await session.recommend({ now, ...options }));
  }
  await recommender.close();
  return lists.map((list) => [list.map(({ id }) => id), list.map(({ score }) => score)]);
}"""


def questions(recommender, count, seed=4):
    """What the client is asked, as JSON: histories of all lengths, with and without each option."""
    draw = random.Random(seed)
    items = [item.id for item in recommender.items]
    shapes = recommender.bundle.spec.shapes

    def values_of(of):
        named = [f for f in recommender.features if f.of == of and f.time is None]
        return {f.name: value(f.encoding) for f in named if draw.random() < 0.8}

    def value(encoding):
        if isinstance(encoding, Bins):
            return draw.uniform(encoding.edges[0] - 1, encoding.edges[-1] + 1)
        return draw.choice([*encoding.values, "never seen", list(encoding.values[:2])])

    for number in range(count):
        moment = draw.uniform(9e8, 1.1e9)
        history = []
        for item in draw.choices(items, k=draw.randint(0, LONGEST)):
            moment += draw.expovariate(1) * 10 ** draw.uniform(0, 6)
            history.append({"id": item, "features": values_of("event")})
            if draw.random() < 0.9:
                history[-1]["time"] = moment
        vector = [draw.gauss(0, 0.2) for _ in range(shapes.dim)]
        # Every tenth time more than the graph holds, so that all items are scored and sorted.
        many, k = (shapes.blocked + 50, shapes.results + 50) if number % 10 == 0 else (20, 10)
        yield {
            "history": history,
            "k": min(k, len(items)),
            "blocked": draw.sample(items, min(draw.randint(0, many), len(items) // 2)),
            "user": values_of("user"),
            "now": moment + draw.uniform(0, 1e6) if draw.random() < 0.8 else None,
            "userVector": vector if draw.random() < 0.5 else None,
        }


def answers(recommender, asked):
    for question in asked:
        history = [
            Event(event["id"], event.get("time"), event["features"])
            for event in question["history"]
        ]
        lines = recommender.recommend(
            history,
            user_vector=question["userVector"],
            **{name: question[name] for name in ("k", "blocked", "user", "now")},
        )
        yield [line.id for line in lines], [line.score for line in lines]


def tapped(recommender, asked):
    """The lists of sessions, one after each event and one at the end, as TAP makes them."""
    for question in asked:
        events = [Event(e["id"], e.get("time"), e["features"]) for e in question["history"]]
        begin, options = question["begin"], {name: question[name] for name in ("k", "blocked")}
        options["user_vector"] = question["userVector"]
        session = recommender.session(events[:begin], user=question["user"])
        lists = [session.tap(event, **options) for event in events[begin:]]
        for lines in [*lists, session.recommend(now=question["now"], **options)]:
            yield [line.id for line in lines], [line.score for line in lines]


def answered(page, asked):
    """The same as `answers`, from the page's client."""
    return page.evaluate(RECOMMEND, json.dumps(asked))  # as text: Playwright's own way takes long


def compared(page, server, recommender, count):
    """How many lists have the same ids; fails where lengths or scores differ."""
    asked = list(questions(recommender, count))
    page.goto(server.url + "licences.txt")  # of the same origin, and runs nothing of its own
    return same(recommender, answered(page, asked), list(answers(recommender, asked)))


def tolerated(recommender):
    """By how much a score may differ."""
    manifest = recommender.bundle.manifest
    scores = [score for vector in manifest["golden"] for score in vector["scores"]]
    return GOLDEN_TOLERANCE[manifest["quantization"]] * np.std(scores)


def same(recommender, actual, expected):
    """How many lists of the page have the ids of Python's; fails where lengths or scores differ."""
    tolerance = tolerated(recommender)
    equal, worst = 0, 0.0
    for (ids, scores), (own_ids, own_scores) in zip(actual, expected, strict=True):
        assert len(ids) == len(own_ids)
        equal += ids == own_ids
        own = dict(zip(own_ids, own_scores, strict=True))
        by_id = [
            abs(score - own[item]) for item, score in zip(ids, scores, strict=True) if item in own
        ]
        worst = max([worst, *np.abs(np.subtract(scores, own_scores)), *by_id])
    said = f"{equal} of {len(actual)} lists equal, scores differ by up to {worst:.2g}"
    assert worst <= tolerance, f"{said}, where {tolerance:.2g} is allowed"
    sys.stdout.write(f"{said}\n")  # shown when a test fails
    return equal


def test_films_are_ranked_as_in_python(page, server):
    assert compared(page, server, films(), HISTORIES) >= LEAST_EQUAL * HISTORIES


def test_a_small_shop_is_ranked_as_in_python(page, serve, built_page, fresh_shop, featured):
    served = serve(built_page, fresh_shop.bundle)
    assert compared(page, served, featured, FEW) >= LEAST_EQUAL * FEW


@pytest.mark.parametrize("model", ["featured", "recurrent", "recommender"])
def test_sessions_in_the_page_are_those_of_python(page, serve, built_page, request, model):
    """In steps, also beyond the newest L; a model without steps answers by recommend."""
    bundles = {"featured": "fresh_shop", "recurrent": "recurrent_bundle", "recommender": "shop"}
    folder = request.getfixturevalue(bundles[model])
    recommender = request.getfixturevalue(model)
    folder = getattr(folder, "bundle", folder)
    asked = [
        question | {"history": question["history"][:25], "begin": number % 4}
        for number, question in enumerate(questions(recommender, 12))
    ]
    page.goto(serve(built_page, folder).url + "licences.txt")
    actual = page.evaluate(TAP, json.dumps(asked))
    assert len(actual) > 100
    assert same(recommender, actual, list(tapped(recommender, asked))) >= LEAST_EQUAL * len(actual)


def test_the_javascript_of_sessions_runs(page, serve, built_page, recurrent_bundle, recurrent):
    """As docs/sessions.md has it, twice: the second time it goes on from what the first kept."""
    text = (Path(__file__).parents[2] / "docs/sessions.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```js\nimport { openBundle } from '(?:.*?)';\n(.*?)```", text, re.DOTALL)
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(serve(built_page, recurrent_bundle).url + "licences.txt")
    for _ in range(2):
        page.evaluate(f"async () => {{ {IMPORT}\n{code} }}")
    # The runtime says something of itself too.
    first, second = (json.loads(text) for text in said if text.startswith("["))
    *_, tapped, _ = json.loads(page.evaluate("localStorage.getItem('history')"))
    session = recurrent.session(["sku-001", "sku-002"])
    # All items, for those of almost one score may have changed places.
    lines = session.tap(Event("sku-003", tapped["time"]), k=len(recurrent.items))
    scores = {line.id: line.score for line in lines}
    differ = [abs(scores[item] - line.score) for item, line in zip(first, lines, strict=False)]
    assert len(set(first)) == len(second) == 5
    assert max(differ) <= tolerated(recurrent)


def test_items_that_are_codes_are_ranked_as_in_python(
    page, serve, built_page, fresh_shop, tmp_path
):
    words = settings("export", "quantization=pq", "code_bytes=4")
    succeed("export", fresh_shop.run, "--out", tmp_path / "coded", *words)
    coded = Recommender.load(tmp_path / "coded")
    assert "GATHER" in coded.bundle.manifest["operators"]
    served = serve(built_page, tmp_path / "coded")
    assert compared(page, served, coded, FEW) >= LEAST_EQUAL * FEW


def test_another_question_has_another_answer(page, server):
    """The comparison above can fail: each input changes more than half of the lists."""
    page.goto(server.url + "licences.txt")
    asked = [question for question in questions(films(), FEW) if question["userVector"]][:20]
    actual = answered(page, asked)
    for name, other in (("userVector", None), ("history", []), ("user", {}), ("now", None)):
        without = answered(page, [{**question, name: other} for question in asked])
        differ = sum(a != b for a, b in zip(actual, without, strict=True))
        assert differ > len(asked) / 2, name
