"""From scorers to figures, JSON and tables."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from pocketrec.cli.tables import print_report
from pocketrec.errors import DataError
from pocketrec.evaluation.bootstrap import Measure
from pocketrec.evaluation.compare import compare, scorer_ranker
from pocketrec.evaluation.protocol import Ranking
from pocketrec.evaluation.report import Report, main_cutoff
from pocketrec.evaluation.summary import by_length, measure, user_values
from pocketrec.preparation.targets import Targets

V = 20
COUNTS = np.arange(V, 0, -1)


def ranking(ranks, lengths=None, k=10):
    shown = np.arange(1, k + 1, dtype=np.int32)
    top = np.tile(np.where(shown <= V, shown, 0), (len(ranks), 1))
    lengths = [5] * len(ranks) if lengths is None else lengths
    return Ranking(np.array(ranks, np.int64), top, np.array(lengths, np.int64))


def settings(cutoffs=(1, 10)):
    return {"cutoffs": cutoffs, "item_counts": COUNTS, "bootstrap": 100, "seed": 1}


def test_measures_by_hand():
    measures = measure(ranking([1, 3, 21, 15]), **settings())
    assert set(measures) == {
        *("ndcg@1", "recall@1", "mrr@1", "coverage@1", "average_popularity@1"),
        *("ndcg@10", "recall@10", "mrr@10", "coverage@10", "average_popularity@10"),
        "mean_rank",
    }
    assert measures["recall@1"].value == 0.25
    assert measures["recall@10"].value == 0.5
    assert measures["ndcg@10"].value == pytest.approx((1 + 0.5) / 4)
    assert measures["mrr@10"].value == pytest.approx((1 + 1 / 3) / 4)
    assert measures["mean_rank"].value == 10
    assert measures["coverage@10"].value == 0.5
    assert measures["average_popularity@1"].value == 20
    for value in measures.values():
        assert value.low <= value.value <= value.high


def test_a_miss_stays_a_miss_where_k_exceeds_the_catalogue():
    measures = measure(ranking([V + 1, V], k=50), **settings(cutoffs=[50]))
    assert measures["recall@50"].value == 0.5
    assert measures["coverage@50"].high <= 1


def test_coverage_intervals_stay_within_the_possible():
    everything = Ranking(np.ones(V, np.int64), np.arange(1, V + 1)[:, None], np.ones(V, np.int64))
    coverage = measure(everything, **settings(cutoffs=[1]))["coverage@1"]
    assert (coverage.value, coverage.high) == (1, 1)
    assert 0.5 < coverage.low < 1


def test_lists_shorter_than_a_cutoff_are_refused():
    with pytest.raises(ValueError, match="cut at 11"):
        measure(ranking([1]), **settings(cutoffs=[11]))


def test_no_users_cannot_be_measured():
    with pytest.raises(DataError, match="no user"):
        measure(ranking([]), **settings())


def test_only_metrics_of_users_have_user_values():
    assert user_values(ranking([2]), "mrr@10", V).tolist() == [0.5]
    with pytest.raises(ValueError, match="coverage"):
        user_values(ranking([2]), "coverage@10", V)


def test_users_fall_into_the_bucket_of_their_length():
    lengths = [0, 1, 9, 10, 49, 50, 199, 200, 5000]
    buckets = by_length(ranking([1, 2, 2, 1, 1, 1, 1, 20, 20], lengths), **settings())
    assert {name: bucket.users for name, bucket in buckets.items()} == {
        "0": 1,
        "1-9": 2,
        "10-49": 2,
        "50-199": 2,
        "200+": 2,
    }
    assert buckets["1-9"].metrics["mrr@10"].value == 0.5
    assert buckets["200+"].metrics["recall@10"].value == 0
    assert list(by_length(ranking([1], [60]), **settings())) == ["50-199"]


def report(**changes):
    """A scorer that knows every second target, beside one that knows none."""
    generator = np.random.default_rng(0)
    wanted = generator.integers(1, V + 1, 60).astype(np.int32)
    histories = [np.array([user % V + 1] * 3, np.int32) for user in range(60)]
    answers = iter(np.split(wanted, range(256, 60, 256)))

    def good(part, _):
        scores = np.zeros((len(part), V), np.float32)
        known = next(answers)
        scores[np.arange(len(part)), known - 1] = np.arange(len(part)) % 2
        return scores

    def bad(part, _):
        return np.zeros((len(part), V), np.float32)

    options = {
        "item_counts": COUNTS,
        "exclude_seen": False,
        "cutoffs": (1, 5, 10),
        "bootstrap": 200,
        "seed": 1,
        "split": "leave-one-out",
    }
    return compare(
        "mine",
        scorer_ranker(good, V, False),
        {"popularity": bad},
        Targets(histories, wanted),
        **options,
        **changes,
    )


def test_json_has_the_shape_that_was_promised():
    done = []
    document = json.loads(json.dumps(report(progress=done.append).to_json()))
    assert sum(done) == 2 * 60
    assert document["users"] == 60
    assert document["split"] == "leave-one-out"
    assert document["subject"] == "mine"
    for metrics in (document["metrics"], document["baselines"]["popularity"]):
        assert {"ndcg@10", "recall@5", "mrr@1", "mean_rank", "coverage@10"} <= set(metrics)
        assert all(set(figure) == {"value", "low", "high"} for figure in metrics.values())
    assert document["by_history_length"]["1-9"]["users"] == 60
    assert (
        document["by_history_length"]["1-9"]["metrics"]["ndcg@10"] == document["metrics"]["ndcg@10"]
    )
    gain = document["differences"]["popularity"]["ndcg@10"]
    apart = (
        document["metrics"]["ndcg@10"]["value"]
        - document["baselines"]["popularity"]["ndcg@10"]["value"]
    )
    assert gain["value"] == pytest.approx(apart)
    assert gain["low"] > 0


def printed(evaluation, width):
    console = Console(width=width, file=io.StringIO())
    print_report(evaluation, console)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [160, 80, 40])
def test_tables_fit_the_terminal_and_say_all(width):
    text = printed(report(), width)
    assert max(map(len, text.splitlines())) <= width
    for heading in ("NDCG@10", "Recall@10", "MRR@10", "mean rank", "coverage@10", "popularity@10"):
        assert heading in text
    assert "mine is above popularity by" in " ".join(text.split())
    assert "1-9 (60)" in text


def figures(value):
    return {"ndcg@10": Measure(value, value - 0.01, value + 0.01), "mean_rank": Measure(9, 8, 10)}


def test_the_best_of_a_column_is_marked_and_equals_are_marked_alike():
    text = printed(Report("mine", "time", 9, figures(0.2), baselines={"a": figures(0.3)}), 100)
    assert "0.300*" in text
    assert "0.200*" not in text
    assert text.count("9.0*") == 2
    assert "0.190-0.210" in text


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (Measure(0.02, 0.01, 0.03), "mine is above a by 0.0200 ndcg@10 [+0.0100, +0.0300]"),
        (Measure(-0.02, -0.03, -0.01), "mine is BELOW a by 0.0200 ndcg@10"),
        (Measure(0.01, -0.01, 0.03), "mine and a cannot be told apart: +0.0100 ndcg@10"),
    ],
)
def test_a_difference_is_said_in_words(difference, words):
    evaluation = Report(
        "mine",
        "users",
        9,
        figures(0.2),
        baselines={"a": figures(0.2)},
        differences={"a": {"ndcg@10": difference}},
    )
    assert words in printed(evaluation, 100)


def test_the_table_shows_ten_where_it_was_measured_else_the_largest():
    assert main_cutoff({"ndcg@5": 0, "ndcg@10": 0, "ndcg@20": 0, "mean_rank": 0}) == 10
    assert main_cutoff({"ndcg@5": 0, "recall@3": 0}) == 5


def test_names_are_not_taken_for_markup():
    text = printed(Report("[bold]run[/]", "time", 9, figures(0.2)), 100)
    assert "[bold]run[/]" in text
