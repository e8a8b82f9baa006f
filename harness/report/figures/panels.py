"""Draws the small multiples, each narrow enough for a phone to show it at full size: waterfall, bars, dots, ECDF.

The caller fixes the scale (``span_s``), so that the panels of one row compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from harness.report import format as fmt
from harness.report.figures.svg import Caption, Margins, canvas, clip, inline, panel
from harness.report.palette import MARKERS, SENTINELS

WIDTH = 306.0
_LABELS, _VALUES = 104.0, 66.0
_ROW = 36.0
"""A bar with its label above it: names of arms are too long to stand beside."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar from ``start`` to ``end`` with optional whisker; any unit, one per panel."""

    label: str
    role: str
    start: float
    end: float
    text: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """A cumulative distribution: values in seconds at equally spaced probabilities."""

    role: str
    values_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """One value in seconds on the row ``label``."""

    label: str
    role: str
    value_s: float


def bars(rows: Sequence[Bar], span: float, caption: Caption) -> Markup:
    """Horizontal bars from 0 to ``span``; steps of a waterfall are joined by a thin line."""
    with canvas(WIDTH, _ROW * len(rows) + 8) as figure:
        axes = panel(figure, Margins(1, _VALUES, 2, 6))
        axes.set_xlim(0, span or 1)
        axes.set_ylim(len(rows), 0)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines["bottom"].set_visible(False)
        for index, row in enumerate(rows):
            _bar(axes, row, index)
        for index, (above, below) in enumerate(pairwise(rows)):
            if below.start:
                axes.plot([above.end, above.end], [index + 0.7, index + 1.7], color=SENTINELS["rule"], lw=1, zorder=1)
        return inline(figure, caption)


def _bar(axes: Axes, row: Bar, top: float) -> None:
    y = top + 0.7
    low, high = sorted((row.start, row.end))
    place = axes.get_yaxis_transform()
    axes.barh(y, high - low, left=low, height=0.38, color=SENTINELS[row.role], zorder=2)
    if row.low is not None and row.high is not None:
        axes.plot([row.low, row.high], [y, y], color=SENTINELS["ink"], linewidth=1.4, zorder=3)
    axes.text(0, top + 0.3, clip(row.label, 40), transform=place, va="center")
    end = max(high, row.high or 0)
    axes.annotate(row.text, (end, y), xytext=(5, 0), textcoords="offset points", va="center", annotation_clip=False)


def ecdf(curves: Sequence[Curve], span_s: tuple[float, float], caption: Caption) -> Markup:
    """Cumulative shares over a logarithmic axis of seconds."""
    with canvas(WIDTH, 190.0) as figure:
        axes = panel(figure, Margins(46, 14, 8, 32))
        _log_axis(axes, span_s)
        axes.tick_params(axis="x", pad=11)
        axes.set_ylim(0, 1)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(zorder=0)
        for curve in sorted(curves, key=lambda curve: curve.role == "null"):
            shares = [index / max(1, len(curve.values_s) - 1) for index in range(len(curve.values_s))]
            dashes, width = ((0, (2, 3)), 3.0) if curve.role == "null" else ("-", 1.8)
            axes.plot(curve.values_s, shares, color=SENTINELS[curve.role], linewidth=width, linestyle=dashes, zorder=3)
        return inline(figure, caption)


def dots(labels: Sequence[str], points: Sequence[Dot], span_s: tuple[float, float], caption: Caption) -> Markup:
    """One row per label, one dot per arm, over a logarithmic axis of seconds."""
    with canvas(WIDTH, 32.0 * len(labels) + 36) as figure:
        axes = panel(figure, Margins(_LABELS, 14, 4, 28))
        _log_axis(axes, span_s)
        axes.set_ylim(len(labels), 0)
        axes.set_yticks([index + 0.5 for index in range(len(labels))], labels)
        axes.tick_params(axis="y", length=0, labelcolor=SENTINELS["ink"], pad=8)
        axes.spines["left"].set_visible(False)
        axes.grid(zorder=0)
        for point in points:
            _dot(axes, point, labels.index(point.label) + 0.5)
        return inline(figure, caption)


def _dot(axes: Axes, point: Dot, y: float) -> None:
    colour = SENTINELS[point.role]
    face, size = ("none", 12.0) if point.role == "null" else (colour, 7.0)
    axes.plot(
        [point.value_s], [y], marker=MARKERS[point.role], markersize=size, color=colour, markerfacecolor=face, zorder=3
    )


def _log_axis(axes: Axes, span_s: tuple[float, float]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*span_s)
    subs = (1.0,) if span_s[1] / span_s[0] > 50 else (1.0, 3.0)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: fmt.duration(value, 1)))
    axes.tick_params(axis="x", length=0, pad=5)
