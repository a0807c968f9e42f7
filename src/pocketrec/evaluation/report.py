"""One subject beside its baselines: JSON for machines, tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .bootstrap import Measure
from .summary import Bucket, metrics_to_json

Metrics = dict[str, Measure]

HIGHER, LOWER, NEITHER = 1, -1, 0

COLUMNS = (
    ("ndcg@{k}", "NDCG@{k}", HIGHER, 3),
    ("recall@{k}", "Recall@{k}", HIGHER, 3),
    ("mrr@{k}", "MRR@{k}", HIGHER, 3),
    ("mean_rank", "mean rank", LOWER, 1),
    ("coverage@{k}", "coverage@{k}", HIGHER, 3),
    ("average_popularity@{k}", "popularity@{k}", NEITHER, 0),
)
"""Metric, heading, which way is better, and decimals shown."""

CELL_WIDTH = 15
"""Characters of a column of figures, with its padding."""


@dataclass(frozen=True)
class Report:
    """What was measured of `subject` on one split, with the same users for every baseline."""

    subject: str
    split: str
    users: int
    metrics: Metrics
    by_length: dict[str, Bucket] = field(default_factory=dict)
    baselines: dict[str, Metrics] = field(default_factory=dict)
    variants: dict[str, Metrics] = field(default_factory=dict)
    """The subject, told something else of the same users: "without now"."""
    differences: dict[str, Metrics] = field(default_factory=dict)
    """Paired difference of the subject to each baseline and variant, where it was taken."""

    def to_json(self) -> dict[str, Any]:
        """What `evaluate --json` prints; metrics are {"value", "low", "high"} by name."""
        return {
            "subject": self.subject,
            "split": self.split,
            "users": self.users,
            "metrics": metrics_to_json(self.metrics),
            "baselines": {name: metrics_to_json(m) for name, m in self.baselines.items()},
            "variants": {name: metrics_to_json(m) for name, m in self.variants.items()},
            "differences": {name: metrics_to_json(m) for name, m in self.differences.items()},
            "by_history_length": {name: b.to_json() for name, b in self.by_length.items()},
        }

    def render(self, console: Console) -> None:
        """Print the table of subject and baselines, the differences, and the lengths.

        A cell is the value above its 95 % interval; * marks the best of a column. Columns that
        do not fit the terminal's width go to a further table below.
        """
        title = f"{self.subject}: {self.users:,} users, split {self.split}"
        rows: list[tuple[str, Metrics]] = [
            *self.baselines.items(),
            *((f"{self.subject}, {name}", metrics) for name, metrics in self.variants.items()),
            (self.subject, self.metrics),
        ]
        for table in _tables(rows, main_cutoff(self.metrics), console.width, mark_best=True):
            table.title = Text(title)
            console.print(table)
        console.print(Text("* best of its column; below each value its 95 % interval over users"))
        for baseline, metrics in self.differences.items():
            for name, measure in metrics.items():
                console.print(Text(_sentence(self.subject, baseline, name, measure)))
        if self.by_length:
            rows = [(f"{name} ({b.users:,})", b.metrics) for name, b in self.by_length.items()]
            cutoff = main_cutoff(self.metrics)
            for table in _tables(rows, cutoff, console.width, mark_best=False):
                table.title = Text(f"{self.subject} by events in the history (users)")
                console.print(table)


def main_cutoff(metrics: Mapping[str, Any]) -> int:
    """The k of the table: 10 if it was measured, else the largest."""
    cutoffs = {int(name.partition("@")[2]) for name in metrics if "@" in name}
    return 10 if 10 in cutoffs else max(cutoffs, default=10)


def _tables(
    rows: list[tuple[str, Metrics]], cutoff: int, width: int, mark_best: bool
) -> Iterator[Table]:
    columns = [
        (name.format(k=cutoff), heading.format(k=cutoff), better, decimals)
        for name, heading, better, decimals in COLUMNS
        if name.format(k=cutoff) in rows[-1][1]
    ]
    label_width = max(len(label) for label, _ in rows) + 4
    fit = max(1, (width - label_width) // CELL_WIDTH)
    for first in range(0, len(columns), fit):
        part = columns[first : first + fit]
        table = Table(title_justify="left")
        table.add_column("")
        cells: list[list[Text]] = []
        for name, heading, better, decimals in part:
            table.add_column(heading, justify="right", no_wrap=True)
            measures = [metrics.get(name) for _, metrics in rows]
            cells.append(_cells(measures, better if mark_best else NEITHER, decimals))
        for (label, _), row in zip(rows, zip(*cells, strict=True), strict=True):
            table.add_row(Text(label), *row)
        yield table


def _cells(measures: list[Measure | None], better: int, decimals: int) -> list[Text]:
    """A column: the value above its interval. Figures that print alike are marked alike."""

    def show(value: float) -> str:
        return f"{value:,.{decimals}f}"

    known = [measure.value for measure in measures if measure is not None]
    best = show(max(known, key=lambda value: value * better)) if better and known else None
    cells = []
    for measure in measures:
        if measure is None:
            cells.append(Text("-"))
            continue
        number = show(measure.value)
        is_best = number == best
        text = Text(number + "*" * is_best, style="bold green" if is_best else "bold")
        interval = f"\n{show(measure.low)}-{show(measure.high)}"
        cells.append(Text.assemble(text, (interval, "dim")))
    return cells


def _sentence(subject: str, baseline: str, name: str, measure: Measure) -> str:
    """ "model is above seq_knn by 0.021 ndcg@10 [0.015, 0.027]", or that nothing is shown."""
    interval = f"[{measure.low:+.4f}, {measure.high:+.4f}]"
    if measure.low > 0:
        return f"{subject} is above {baseline} by {measure.value:.4f} {name} {interval}"
    if measure.high < 0:
        return f"{subject} is BELOW {baseline} by {-measure.value:.4f} {name} {interval}"
    return f"{subject} and {baseline} cannot be told apart: {measure.value:+.4f} {name} {interval}"
