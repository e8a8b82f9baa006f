"""Draws overhead over size, one line per arm, both axes logarithmic: a small multiple as wide as those of ``panels``.

The caller fixes both scales, so that the panels of one axis compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes

from harness.report import format as fmt
from harness.report.figures.panels import WIDTH
from harness.report.figures.svg import Caption, Margins, canvas, inline, log_ticks, panel
from harness.report.palette import MARKERS, SENTINELS

_HEIGHT = 224.0
_MARGINS = Margins(left=68, right=12, top=8, bottom=42)


@dataclass(frozen=True, slots=True)
class Line:
    """One arm: (size, overhead in seconds) by rising size, all above zero."""

    role: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """What the panels of one axis share: lowest and highest size and overhead (seconds), and the label of the sizes."""

    sizes: tuple[float, float]
    span_s: tuple[float, float]
    label: str


def lines(series: Sequence[Line], scale: Scale, caption: Caption) -> Markup:
    """One panel. A control is a dashed line with hollow markers, drawn under the arm that it repeats."""
    with canvas(WIDTH, _HEIGHT) as figure:
        axes = panel(figure, _MARGINS)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(*scale.sizes)
        axes.set_ylim(*scale.span_s)
        log_ticks(axes.xaxis, scale.sizes, lambda size: fmt.number(size, 0 if size >= 1 else 1))
        log_ticks(axes.yaxis, scale.span_s, lambda seconds: fmt.duration(seconds, 1))
        axes.set_xlabel(scale.label)
        axes.set_ylabel("overhead per call")
        axes.spines["left"].set_visible(False)
        axes.tick_params(length=0, pad=5)
        axes.grid(zorder=0)
        for line in sorted(series, key=lambda line: line.role != "null"):
            _line(axes, line)
        return inline(figure, caption)


def _line(axes: Axes, line: Line) -> None:
    colour, is_null = SENTINELS[line.role], line.role == "null"
    axes.plot(
        [size for size, _ in line.points],
        [seconds for _, seconds in line.points],
        color=colour,
        linewidth=3.0 if is_null else 1.8,
        linestyle=(0, (2, 3)) if is_null else "-",
        marker=MARKERS[line.role],
        markersize=10.0 if is_null else 6.0,
        markerfacecolor="none" if is_null else colour,
        zorder=3,
    )
