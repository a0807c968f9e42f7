"""The columns of tables for people: which metric, which way is better, how it is printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .bootstrap import Measure

Metrics = dict[str, Measure]


class Column(NamedTuple):
    """A column of the tables for people; `better` is 1 for higher, -1 for lower, 0 for neither."""

    metric: str
    heading: str
    better: int
    decimals: int


COLUMNS = (
    Column("ndcg@{k}", "NDCG@{k}", 1, 3),
    Column("recall@{k}", "Recall@{k}", 1, 3),
    Column("mrr@{k}", "MRR@{k}", 1, 3),
    Column("mean_rank", "mean rank", -1, 1),
    Column("coverage@{k}", "coverage@{k}", 1, 3),
    Column("average_popularity@{k}", "popularity@{k}", 0, 0),
)


def main_cutoff(metrics: Mapping[str, Any]) -> int:
    """The k of the tables: 10 if it was measured, else the largest."""
    cutoffs = {int(name.partition("@")[2]) for name in metrics if "@" in name}
    return 10 if 10 in cutoffs else max(cutoffs, default=10)


def show(value: float, column: Column) -> str:
    """A value as tables print it."""
    return f"{value:,.{column.decimals}f}"


def best_of(measures: Sequence[Measure | None], column: Column) -> str | None:
    """The best value of a column as it is printed, so that equal figures are marked alike."""
    known = [measure.value for measure in measures if measure is not None]
    if not column.better or not known:
        return None
    return show(max(known, key=lambda value: value * column.better), column)
