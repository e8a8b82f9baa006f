"""How overhead grows with the answer's size, its chunks, the messages of history and the tools offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.analysis.audits import Growth
from harness.analysis.keys import Interval
from harness.report import format as fmt
from harness.report import words
from harness.report.figures.growth import Line, Scale, lines
from harness.report.figures.svg import Caption
from harness.report.material import Material
from harness.report.palette import role

TITLE = "How overhead grows"
LINEAR = 0.95
"""Share of the variance between sizes that a line must explain to be called one."""

POINTS_SHOWN = 200

_AXES = {
    "kilobytes": ("Size of a whole answer", "kB", "answer (kB)"),
    "chunks": ("Chunks of a streamed answer", "chunk", "content chunks"),
    "messages": ("Messages of history", "message", "messages in the request"),
    "tools": ("Offered tools", "tool", "tools in the request"),
}
"""Axis: its heading, its unit after “per”, its label in a figure."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One provider's model in one mode."""

    title: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class Step:
    """What LiteLLM's unit costs beside the native SDK's, and what the control makes of nothing."""

    condition: str
    mode: str
    native: str
    ours: str
    over: str
    control: str


@dataclass(frozen=True, slots=True)
class AxisPart:
    """All panels along one axis, on one scale, and LiteLLM beside the SDK."""

    title: str
    unit: str
    scale: str
    panels: tuple[Panel, ...]
    arms: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One arm along one axis."""

    condition: str
    axis: str
    mode: str
    arm: str
    role: str
    slope: str
    over: str
    linear: str
    sizes: str
    blocks: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    axes: tuple[AxisPart, ...]
    loads: str
    rows: tuple[Row, ...]


def context(material: Material) -> Context:
    """One figure per axis, one table of all arms."""
    grown = material.findings.growth
    axes = [axis for axis in _AXES if any(one.axis == axis for one in grown)]
    return Context(
        axes=tuple(_axis(axis, [one for one in grown if one.axis == axis], material) for axis in axes),
        loads="; ".join(words.load_name(load) for load in dict.fromkeys(one.load for one in grown)),
        rows=tuple(_row(one, material) for axis in axes for one in grown if one.axis == axis),
    )


def _axis(axis: str, grown: Sequence[Growth], material: Material) -> AxisPart:
    title, unit, label = _AXES[axis]
    sizes = [point.size for one in grown for point in one.points]
    seconds = [point.overhead_p50_s for one in grown for point in one.points if point.overhead_p50_s > 0] or [1e-3]
    low_s, high_s = min(seconds), max(seconds)
    scale = Scale((min(sizes) / 1.5, max(sizes) * 1.5), (low_s / 1.6, high_s * 1.6), label)
    panels = dict.fromkeys((_condition(one, material), one.mode) for one in grown)
    return AxisPart(
        title=title,
        unit=unit,
        scale=f"{fmt.duration(low_s, 2)} to {fmt.duration(high_s, 2)}",
        panels=tuple(
            _panel(
                f"{condition} · {mode}",
                [one for one in grown if (_condition(one, material), one.mode) == (condition, mode)],
                scale,
                f"growth-{axis}-{index}",
            )
            for index, (condition, mode) in enumerate(panels)
        ),
        arms=tuple((role(arm), words.arm_name(arm)) for arm in dict.fromkeys(one.arm for one in grown)),
        steps=tuple(_step(one, grown, material) for one in grown if role(one.arm) == "wrapper" and one.base),
    )


def _condition(grown: Growth, material: Material) -> str:
    parts = (fmt.plain(grown.provider), fmt.plain(grown.model), material.run(grown.run_id))
    return " · ".join(part for part in parts if part)


def _panel(title: str, grown: Sequence[Growth], scale: Scale, name: str) -> Panel:
    series = [Line(role(one.arm), _points(one)) for one in grown]
    said = "; ".join(f"{words.arm_name(one.arm)} {_slope(one)}" for one in grown)
    caption = Caption(name, f"Overhead over {scale.label}, {title}", f"Growth by arm: {said}.")
    return Panel(title, lines([line for line in series if line.points], scale, caption))


def _points(grown: Growth) -> tuple[tuple[float, float], ...]:
    every = -(-len(grown.points) // POINTS_SHOWN)
    return tuple((p.size, p.overhead_p50_s) for p in grown.points[::every] if p.overhead_p50_s > 0)


def _step(ours: Growth, grown: Sequence[Growth], material: Material) -> Step:
    alike = {
        one.arm: one
        for one in grown
        if (one.run_id, one.provider, one.model, one.mode, one.load)
        == (ours.run_id, ours.provider, ours.model, ours.mode, ours.load)
    }
    native = alike.get(ours.base or "")
    control = next((one for one in alike.values() if one.base == ours.base and role(one.arm) == "null"), None)
    return Step(
        condition=_condition(ours, material),
        mode=fmt.plain(ours.mode),
        native=fmt.NONE if native is None else _bare(native.slope, native.slope_median_s),
        ours=_bare(ours.slope, ours.slope_median_s),
        over=fmt.interval(ours.slope_over_base),
        control=fmt.interval(None if control is None else control.slope_over_base),
    )


def _row(grown: Growth, material: Material) -> Row:
    title, unit, _ = _AXES[grown.axis]
    sizes = ", ".join(
        fmt.number(point.size, 0 if point.size >= 10 or point.size.is_integer() else 1) for point in grown.points
    )
    return Row(
        condition=_condition(grown, material),
        axis=title.lower(),
        mode=fmt.plain(grown.mode),
        arm=words.arm_name(grown.arm),
        role=role(grown.arm),
        slope=_slope(grown),
        over=fmt.interval(grown.slope_over_base),
        linear=_linear(grown),
        sizes=f"{sizes} {unit}",
        blocks=fmt.count(grown.blocks),
    )


def _slope(grown: Growth) -> str:
    return f"{_bare(grown.slope, grown.slope_median_s)} per {_AXES[grown.axis][1]}"


def _bare(slope: Interval | None, median_s: float) -> str:
    return f"{fmt.difference(median_s, 2)} (no interval)" if slope is None else fmt.interval(slope)


def _linear(grown: Growth) -> str:
    """Where no growth was seen, a line that explains nothing is no bend."""
    if grown.slope is not None and grown.slope.low <= 0 <= grown.slope.high:
        return "no growth seen"
    if grown.linearity is None:
        return fmt.NONE
    shown = f"R²{fmt.SPACE}{fmt.number(grown.linearity, 3)}"
    return f"not linear, {shown}" if grown.linearity < LINEAR else shown
