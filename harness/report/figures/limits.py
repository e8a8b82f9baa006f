"""Draws what a limit costs over its length, both axes logarithmic, with limits that people have as upright lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.report import format as fmt
from harness.report.figures.panels import WIDTH
from harness.report.figures.svg import Caption, Margins, canvas, inline, log_ticks, panel
from harness.report.palette import SENTINELS

_HEIGHT = 240.0
_MARGINS = Margins(left=62, right=14, top=34, bottom=42)


@dataclass(frozen=True, slots=True)
class Series:
    """One quantity over the limit in seconds, by rising limit; values of zero or below end the line."""

    colour: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A limit that somebody has; ``is_ours`` is the recommended one."""

    seconds: float
    label: str
    is_ours: bool


def over_limit(
    series: Sequence[Series],
    marks: Sequence[Mark],
    spans: tuple[tuple[float, float], tuple[float, float]],
    labels: tuple[str, Callable[[float], str]],
    caption: Caption,
) -> Markup:
    """One panel. ``spans`` are of limits and of values, ``labels`` the upright axis's name and how its values read."""
    with canvas(WIDTH, _HEIGHT) as figure:
        axes = panel(figure, _MARGINS)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(*spans[0])
        axes.set_ylim(*spans[1])
        log_ticks(axes.xaxis, spans[0], lambda seconds: fmt.duration(seconds, 1))
        log_ticks(axes.yaxis, spans[1], labels[1])
        axes.set_xlabel("limit on the whole call")
        axes.set_ylabel(labels[0])
        axes.spines["left"].set_visible(False)
        axes.tick_params(length=0, pad=5)
        axes.grid(zorder=0)
        for mark in marks:
            colour = SENTINELS["accent"] if mark.is_ours else SENTINELS["muted"]
            style = "-" if mark.is_ours else (0, (2, 3))
            axes.axvline(mark.seconds, color=colour, linewidth=1.6, linestyle=style, zorder=2)
            axes.annotate(
                mark.label,
                (mark.seconds, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 16 if mark.is_ours else 4),
                textcoords="offset points",
                ha="center",
                color=colour,
                annotation_clip=False,
            )
        for each in series:
            shown = [(x, y) for x, y in each.points if y > 0]
            axes.plot(
                [x for x, _ in shown], [y for _, y in shown], color=SENTINELS[each.colour], linewidth=1.8, zorder=3
            )
        return inline(figure, caption)
