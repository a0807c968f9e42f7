"""Plots that benchmarks draw of what they measured: SVG, the same bytes for the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

FOLDER = Path(__file__).parent.parent / "docs" / "plots"

Line = Mapping[float, float]
"""y by x."""


def draw(
    name: str,
    panels: Sequence[tuple[str, Mapping[str, Line]]],
    *,
    x: str,
    title: str,
    log_y: bool = True,
) -> Path:
    """Write docs/plots/NAME.svg: panels side by side, each (label of y, lines by their name).

    The x axis, which `x` labels, is logarithmic; so are the y axes with `log_y`, else they begin
    at 0. Gives the file.
    """
    style = {"svg.hashsalt": name, "svg.fonttype": "none", "font.size": 10}
    with mpl.rc_context(style):
        figure = Figure(figsize=(5.2 * len(panels), 3.9), layout="constrained")
        figure.suptitle(title)
        for place, (label, lines) in enumerate(panels, start=1):
            axes = figure.add_subplot(1, len(panels), place)
            for line, points in lines.items():
                axes.plot(list(points), list(points.values()), marker="o", label=line)
            axes.set_xscale("log")
            if log_y:
                axes.set_yscale("log")
                axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
                axes.yaxis.set_minor_formatter(NullFormatter())
            else:
                axes.set_ylim(bottom=0)
            axes.set_xlabel(x)
            axes.set_ylabel(label)
            axes.grid(visible=True, which="major", alpha=0.3)
            if len(lines) > 1:
                axes.legend(frameon=False)
        FOLDER.mkdir(exist_ok=True)
        path = FOLDER / f"{name}.svg"
        figure.savefig(path, metadata={"Date": None, "Creator": None})
    return path
