"""A report as HTML, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .bootstrap import Measure
from .columns import Column, Metrics, best_of, show


def html_table(title: str, columns: Sequence[Column], rows: Sequence[tuple[str, Metrics]]) -> str:
    """A table of measures with their 95 % intervals; the best of each column is bold.

    Names come from logs and file names, so every text is escaped.
    """
    best = {
        column.metric: best_of([metrics.get(column.metric) for _, metrics in rows], column)
        for column in columns
    }
    heads = "".join(f"<th>{escape(column.heading)}</th>" for column in columns)
    lines = [
        f"<tr><th>{escape(label)}</th>"
        + "".join(
            _cell(metrics.get(column.metric), column, best[column.metric]) for column in columns
        )
        + "</tr>"
        for label, metrics in rows
    ]
    return (
        f"<table><caption>{escape(title)}</caption>"
        f"<thead><tr><th></th>{heads}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table>"
        "<p>Bold: best of its column. Small: 95 % interval over users.</p>"
    )


def _cell(measure: Measure | None, column: Column, best: str | None) -> str:
    if measure is None:
        return "<td>-</td>"
    value = show(measure.value, column)
    text = f"<b>{value}</b>" if value == best else value
    low, high = show(measure.low, column), show(measure.high, column)
    return f"<td>{text}<br><small>{low} to {high}</small></td>"
