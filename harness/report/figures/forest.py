"""Draws differences with their intervals, grouped by cell, around zero: wide beside its labels, narrow below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from harness.report import format as fmt
from harness.report.figures.svg import Caption, Margins, canvas, clip, inline, panel
from harness.report.palette import MARKERS, SENTINELS

WIDE, NARROW = 960.0, 340.0
_LABEL, _TEXT, _AXIS, _PAD = 252.0, 190.0, 44.0, 8.0


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One difference in seconds; ``low`` and ``high`` are None where no interval exists."""

    label: str
    role: str
    estimate: float
    low: float | None
    high: float | None
    text: str


@dataclass(frozen=True, slots=True)
class ForestGroup:
    """The rows of one cell; ``floor`` (seconds) is shaded around zero."""

    title: str
    rows: tuple[ForestRow, ...]
    floor: float | None


@dataclass(frozen=True, slots=True)
class _Frame:
    width: float
    row: float
    left: float
    right: float
    stacked: bool


_FRAMES = {
    "wide": _Frame(WIDE, 20.0, _LABEL, _TEXT, stacked=False),
    "narrow": _Frame(NARROW, 33.0, _PAD, _PAD, stacked=True),
}


def forest(
    groups: Sequence[ForestGroup], caption: Caption, axis_label: str, frames: Sequence[str] = ("wide", "narrow")
) -> Markup:
    """The plot in each of ``frames``; of two the page shows the one that fits. Empty without rows."""
    if not any(group.rows for group in groups):
        return Markup()
    adaptive = len(frames) > 1
    return Markup().join(_variant(groups, caption, axis_label, name, adaptive=adaptive) for name in frames)


def _variant(groups: Sequence[ForestGroup], caption: Caption, axis_label: str, name: str, *, adaptive: bool) -> Markup:
    frame = _FRAMES[name]
    body = sum(_group_height(group, frame) for group in groups)
    height = body + _AXIS + _PAD
    scale, unit = fmt.unit_for(max(_extent(groups)))
    with canvas(frame.width, height) as figure:
        axes = panel(figure, Margins(frame.left, frame.right, _PAD, _AXIS))
        _prepare(axes, groups, body, scale, f"{axis_label} ({unit})")
        top = 0.0
        for group in groups:
            _draw_group(axes, group, frame, top, scale)
            top += _group_height(group, frame)
        return inline(figure, replace(caption, name=f"{caption.name}-{name}"), css_class=name if adaptive else "")


def _group_height(group: ForestGroup, frame: _Frame) -> float:
    return 24.0 + frame.row * len(group.rows) + 6.0


def _extent(groups: Sequence[ForestGroup]) -> list[float]:
    rows = [row for group in groups for row in group.rows]
    bounds = [abs(bound) for row in rows for bound in (row.low, row.estimate, row.high) if bound is not None]
    return [*bounds, *(group.floor for group in groups if group.floor is not None), 1e-9]


def _prepare(axes: Axes, groups: Sequence[ForestGroup], body: float, scale: float, label: str) -> None:
    rows = [row for group in groups for row in group.rows]
    low = min([0.0, *(row.estimate if row.low is None else row.low for row in rows)])
    high = max([0.0, *(row.estimate if row.high is None else row.high for row in rows)])
    room = 0.06 * ((high - low) or 1e-6)
    axes.set_xlim((low - room) / scale, (high + room) / scale)
    axes.set_ylim(body, 0)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.tick_params(axis="x", length=0, pad=5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(label)
    axes.grid(axis="x", zorder=0)
    axes.axvline(0, color=SENTINELS["muted"], linewidth=1, zorder=1)


def _draw_group(axes: Axes, group: ForestGroup, frame: _Frame, top: float, scale: float) -> None:
    bottom = top + _group_height(group, frame) - 6
    if group.floor is not None:
        half = group.floor / scale
        axes.fill_betweenx((top + 22, bottom), -half, half, color=SENTINELS["faint"], linewidth=0, zorder=0.5)
    place = axes.get_yaxis_transform()
    start = -(frame.left - _PAD) / (frame.width - frame.left - frame.right) if not frame.stacked else 0
    axes.text(
        start,
        top + 12,
        clip(group.title, 44),
        transform=place,
        va="center",
        fontweight="bold",
        fontsize=11,
        clip_on=False,
    )
    for index, row in enumerate(group.rows):
        y = top + 24 + frame.row * (index + 0.5)
        (_stacked_labels if frame.stacked else _side_labels)(axes, row, y, start)
        _draw_interval(axes, row, y + (8 if frame.stacked else 0), scale)


def _side_labels(axes: Axes, row: ForestRow, y: float, start: float) -> None:
    place = axes.get_yaxis_transform()
    axes.text(start, y, clip(row.label, 40), transform=place, va="center", fontsize=11, color=SENTINELS[row.role])
    axes.text(1.02, y, row.text, transform=place, va="center", fontsize=11)


def _stacked_labels(axes: Axes, row: ForestRow, y: float, start: float) -> None:
    place = axes.get_yaxis_transform()
    axes.text(start, y - 7, clip(row.label, 30), transform=place, va="center", fontsize=11, color=SENTINELS[row.role])
    axes.text(1, y - 7, row.text, transform=place, va="center", ha="right", fontsize=11)


def _draw_interval(axes: Axes, row: ForestRow, y: float, scale: float) -> None:
    colour = SENTINELS[row.role]
    if row.low is not None and row.high is not None:
        axes.plot([row.low / scale, row.high / scale], [y, y], color=colour, linewidth=2.2, zorder=3)
    hollow = row.role == "null" or row.low is None
    axes.plot(
        [row.estimate / scale],
        [y],
        marker=MARKERS[row.role],
        markersize=6.5,
        color=colour,
        markerfacecolor=SENTINELS["paper"] if hollow else colour,
        markeredgewidth=1.4,
        zorder=4,
    )
