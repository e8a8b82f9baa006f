"""The stack as a waterfall: what each layer adds over the one below, paced first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.analysis.findings import CellKey, Layer
from harness.report import format as fmt
from harness.report import words
from harness.report.figures.panels import Bar, bars
from harness.report.figures.svg import Caption
from harness.report.material import Material, figured, left_out
from harness.report.palette import role

TITLE = "Layers"


@dataclass(frozen=True, slots=True)
class Panel:
    """One cell's waterfall."""

    title: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class Row:
    """One layer in the table."""

    cell: str
    label: str
    role: str
    adds: str
    interval: str
    cumulative: str


@dataclass(frozen=True, slots=True)
class Group:
    """The waterfalls of one provider."""

    provider: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Stack:
    """All cells under one load, the drawn ones on one scale."""

    load: str
    meaning: str
    span: str
    groups: tuple[Group, ...]
    left_out: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    stacks: tuple[Stack, ...]


def context(material: Material) -> Context:
    """One group of waterfalls per load and provider."""
    layers = material.findings.layers
    loads = sorted({layer.cell.load for layer in layers}, key=lambda load: (load != "paced", load))
    return Context(tuple(_stack(load, material) for load in loads))


def _stack(load: str, material: Material) -> Stack:
    layers = [layer for layer in material.findings.layers if layer.cell.load == load]
    cells = figured(layer.cell for layer in layers)
    span_s = max([1e-9, *(abs(layer.cumulative_s) for layer in layers if layer.cell in cells)])
    panels = {
        cell: _panel(
            material.cell(cell, load=False),
            [layer for layer in layers if layer.cell == cell],
            span_s,
            Caption(f"layers-{load}-{index}", f"Waterfall of {material.cell(cell)}", _steps(layers, cell)),
        )
        for index, cell in enumerate(cells)
    }
    return Stack(
        load=fmt.plain(load),
        meaning=words.load_name(load),
        span=fmt.duration(span_s),
        groups=tuple(
            Group(fmt.plain(provider), tuple(panel for cell, panel in panels.items() if cell.provider == provider))
            for provider in dict.fromkeys(cell.provider for cell in cells)
        ),
        left_out=left_out(layer.cell for layer in layers),
        rows=tuple(_row(layer, material) for layer in layers),
    )


def _panel(title: str, layers: Sequence[Layer], span_s: float, caption: Caption) -> Panel:
    return Panel(title, bars([_bar(layer) for layer in layers], span_s, caption))


def _steps(layers: Sequence[Layer], cell: CellKey) -> str:
    steps = (f"{fmt.plain(layer.label)} adds {fmt.duration(layer.adds_s)}" for layer in layers if layer.cell == cell)
    return f"{'; '.join(steps)}."


def _bar(layer: Layer) -> Bar:
    return Bar(
        label=fmt.plain(layer.label),
        role=role(layer.arm),
        start=layer.cumulative_s - layer.adds_s,
        end=layer.cumulative_s,
        text=_short(layer),
    )


def _short(layer: Layer) -> str:
    if layer.interval is None:
        return fmt.difference(layer.adds_s, 2)
    value, _, unit = fmt.interval_parts(layer.interval)
    return f"{value}{fmt.SPACE}{unit}"


def _row(layer: Layer, material: Material) -> Row:
    return Row(
        cell=material.cell(layer.cell),
        label=fmt.plain(layer.label),
        role=role(layer.arm),
        adds=_short(layer),
        interval=fmt.NONE if layer.interval is None else fmt.interval(layer.interval),
        cumulative=fmt.duration(layer.cumulative_s),
    )
