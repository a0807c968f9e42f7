"""One subject beside its baselines: values, for machines and for tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from .columns import COLUMNS, Column, Metrics, main_cutoff
from .notebook import html_table
from .summary import LengthGroup, metrics_to_json


@dataclass(frozen=True)
class Report:
    """What was measured of `subject` on one split, with the same users for every baseline."""

    subject: str
    split: str
    users: int
    metrics: Metrics
    by_length: dict[str, LengthGroup] = field(default_factory=dict)
    baselines: dict[str, Metrics] = field(default_factory=dict)
    variants: dict[str, Metrics] = field(default_factory=dict)
    """The subject with other inputs for the same users, such as "without now"."""
    differences: dict[str, Metrics] = field(default_factory=dict)
    """Paired difference between the subject and each baseline and variant."""

    @property
    def title(self) -> str:
        """What was measured, on how many users, of which split."""
        return f"{self.subject}: {self.users:,} users, split {self.split}"

    @property
    def cutoff(self) -> int:
        """The k of the tables: 10 if it was measured, else the largest."""
        return main_cutoff(self.metrics)

    @property
    def columns(self) -> list[Column]:
        """The columns of the tables, as far as they were measured, with their cutoff filled in."""
        filled = [
            column._replace(
                metric=column.metric.format(k=self.cutoff),
                heading=column.heading.format(k=self.cutoff),
            )
            for column in COLUMNS
        ]
        return [column for column in filled if column.metric in self.metrics]

    def rows(self) -> Iterator[tuple[str, Metrics]]:
        """The rows of the table: baselines, then variants, then the subject itself."""
        yield from self.baselines.items()
        for name, metrics in self.variants.items():
            yield f"{self.subject}, {name}", metrics
        yield self.subject, self.metrics

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

    def to_polars(self) -> pl.DataFrame:
        """One row for each measure: who, which users, metric, value, low, high.

        `who` is the subject, a baseline or a variant; `history_length` is null for all users.
        """
        rows: list[tuple[str, str | None, Metrics]] = [
            (who, None, metrics) for who, metrics in self.rows()
        ]
        rows += [(self.subject, name, bucket.metrics) for name, bucket in self.by_length.items()]
        return pl.DataFrame(
            [
                (who, length, metric, measure.value, measure.low, measure.high)
                for who, length, metrics in rows
                for metric, measure in metrics.items()
            ],
            schema={
                "who": pl.String,
                "history_length": pl.String,
                "metric": pl.String,
                "value": pl.Float64,
                "low": pl.Float64,
                "high": pl.Float64,
            },
            orient="row",
        )

    def _repr_html_(self) -> str:
        """The table, as notebooks draw it."""
        return html_table(self.title, self.columns, list(self.rows()))
