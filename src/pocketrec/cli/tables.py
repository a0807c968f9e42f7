"""Tables for people: what a bundle discloses about the log, and what an evaluation measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .common import cell

if TYPE_CHECKING:
    from ..evaluation.bootstrap import Measure
    from ..evaluation.columns import Column, Metrics
    from ..evaluation.report import Report

CELL_WIDTH = 15
"""Width of a column of figures, padding included, in characters."""


def print_report(report: Report, console: Console) -> None:
    """Print the table of subject and baselines, the differences, and the lengths.

    Each cell shows the value above its 95 % interval; * marks the best of a column. Columns that
    do not fit into the terminal go into another table below.
    """
    for table in _tables(list(report.rows()), report.columns, console.width, mark_best=True):
        table.title = Text(report.title)
        console.print(table)
    console.print(Text("* best of its column; below each value its 95 % interval over users"))
    for baseline, metrics in report.differences.items():
        for name, measure in metrics.items():
            console.print(Text(_sentence(report.subject, baseline, name, measure)))
    if report.by_length:
        rows = [(f"{name} ({b.users:,})", b.metrics) for name, b in report.by_length.items()]
        for table in _tables(rows, report.columns, console.width, mark_best=False):
            table.title = Text(f"{report.subject} by events in the history (users)")
            console.print(table)


def _tables(
    rows: list[tuple[str, Metrics]], columns: list[Column], width: int, *, mark_best: bool
) -> Iterator[Table]:
    from ..evaluation.columns import best_of

    label_width = max(len(label) for label, _ in rows) + 4
    fit = max(1, (width - label_width) // CELL_WIDTH)
    for first in range(0, len(columns), fit):
        table = Table(title_justify="left")
        table.add_column("")
        cells: list[list[Text]] = []
        for column in columns[first : first + fit]:
            table.add_column(column.heading, justify="right", no_wrap=True)
            measures = [metrics.get(column.metric) for _, metrics in rows]
            best = best_of(measures, column) if mark_best else None
            cells.append([_cell(measure, column, best) for measure in measures])
        for (label, _), row in zip(rows, zip(*cells, strict=True), strict=True):
            table.add_row(Text(label), *row)
        yield table


def _cell(measure: Measure | None, column: Column, best: str | None) -> Text:
    """Show the value, and its interval on the line below."""
    from ..evaluation.columns import show

    if measure is None:
        return Text("-")
    number = show(measure.value, column)
    is_best = number == best
    value = Text(number + "*" * is_best, style="bold green" if is_best else "bold")
    interval = f"\n{show(measure.low, column)}-{show(measure.high, column)}"
    return Text.assemble(value, (interval, "dim"))


def _sentence(subject: str, baseline: str, name: str, measure: Measure) -> str:
    """ "model is above seq_knn by 0.021 ndcg@10 [0.015, 0.027]", or that nothing is shown."""
    interval = f"[{measure.low:+.4f}, {measure.high:+.4f}]"
    if measure.low > 0:
        return f"{subject} is above {baseline} by {measure.value:.4f} {name} {interval}"
    if measure.high < 0:
        return f"{subject} is BELOW {baseline} by {-measure.value:.4f} {name} {interval}"
    return f"{subject} and {baseline} cannot be told apart: {measure.value:+.4f} {name} {interval}"


def disclosed(disclosure: dict[str, Any]) -> Table:
    """What a bundle will disclose about the log, and the fewest users behind each kind of data."""
    table = Table("of the log, a bundle shows", "how many", "fewest users behind one")
    users, items = disclosure["users"], disclosure["items"]
    table.add_row("users: their number, no id", f"{users['learned_from']:,}", "")
    fewest, learned = items["fewest_users"], items["fewest_users_in_training"]
    behind = f"{fewest:,}" + (f" ({learned:,} in training)" if learned < fewest else "")
    table.add_row("items: ids", f"{items['ids']:,}", behind)
    table.add_row("items: titles", f"{items['titles']:,}", "")
    table.add_row("names and sha256 of the log's files", "all", "")
    for name, count in disclosure["attributes"].items():
        table.add_row(cell(f"values of items' {name}"), f"{count:,}", "")
    for name, feature in disclosure["features"].items():
        fewest = feature["fewest_users"]
        withheld = f" ({feature['withheld']:,} rarer ones withheld)" if feature["withheld"] else ""
        table.add_row(
            cell(f"{feature['kind']} of {name}"),
            f"{feature['of_the_log']:,}{withheld}",
            f"{fewest:,}" if fewest else "",
        )
    if "successors" in disclosure:
        pairs = disclosure["successors"]
        alone = f" ({pairs['of_one_user']:,} of one user alone)" if pairs["of_one_user"] else ""
        table.add_row(
            "pairs: item and successor", f"{pairs['pairs']:,}{alone}", f"{pairs['fewest_users']:,}"
        )
    return table
