"""Every difference with its interval around the A/A control: the forest plot and the full table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.analysis.findings import Comparison
from harness.report import format as fmt
from harness.report import words
from harness.report.figures.forest import ForestGroup, ForestRow, forest
from harness.report.figures.svg import Caption
from harness.report.material import Material
from harness.report.palette import role

TITLE = "Comparisons"


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison, every number in words, with the raw values to redo it."""

    cell: str
    load: str
    contrast: str
    role: str
    sample: str
    effect: str
    level: str
    t_interval: str
    ratio: str
    p95: str
    cpu: str
    unpressured: str
    p_holm: str
    detectable: str
    floor: str
    said: words.Said
    doubts: tuple[str, ...]
    blocks: str


@dataclass(frozen=True, slots=True)
class Plot:
    """The forest plot of one load."""

    load: str
    meaning: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    plots: tuple[Plot, ...]
    rows: tuple[Row, ...]
    has_intervals: bool


def context(material: Material) -> Context:
    """Plots per load, paced first; the table in the order of the findings."""
    comparisons = material.findings.comparisons
    loads = sorted({c.cell.load for c in comparisons}, key=lambda load: (load != "paced", load))
    return Context(
        plots=tuple(_plot(load, material) for load in loads),
        rows=tuple(row(comparison, material) for comparison in comparisons),
        has_intervals=any(comparison.difference is not None for comparison in comparisons),
    )


def row(comparison: Comparison, material: Material) -> Row:
    """One line of the table."""
    exact = comparison.difference
    return Row(
        cell=material.cell(comparison.cell, load=False),
        load=fmt.plain(comparison.cell.load),
        contrast=words.contrast(comparison),
        role=role(comparison.arm),
        sample=words.sample(comparison),
        effect=words.effect(comparison),
        level=fmt.NONE if exact is None else fmt.percent(exact.confidence),
        t_interval=fmt.interval(comparison.t_interval),
        ratio=fmt.ratio(comparison.ratio),
        p95=fmt.interval(comparison.p95_difference),
        cpu=fmt.interval(comparison.cpu_difference),
        unpressured=fmt.interval(comparison.without_pressured_blocks),
        p_holm=fmt.probability(comparison.p_holm),
        detectable=fmt.duration(comparison.minimum_detectable_s, 2),
        floor=fmt.duration(comparison.noise_floor_s, 2),
        said=words.said(comparison),
        doubts=tuple(doubt.value for doubt in comparison.doubts),
        blocks=", ".join(fmt.difference(value) for value in comparison.block_differences_s),
    )


def _plot(load: str, material: Material) -> Plot:
    comparisons = [c for c in material.findings.comparisons if c.cell.load == load]
    cells = dict.fromkeys(comparison.cell for comparison in comparisons)
    groups = [group(material.cell(cell, load=False), [c for c in comparisons if c.cell == cell]) for cell in cells]
    caption = Caption(
        f"forest-{load}",
        f"Differences in overhead, {load}",
        f"{len(comparisons)} comparisons in {len(cells)} cells with their intervals; the table below has every number.",
    )
    return Plot(fmt.plain(load), words.load_name(load), forest(groups, caption, "difference in overhead per call"))


def group(title: str, comparisons: Sequence[Comparison]) -> ForestGroup:
    """The comparisons of one cell as a group of a forest plot, with the noise floor that holds for all of them."""
    floors = [c.noise_floor_s for c in comparisons if c.noise_floor_s is not None]
    return ForestGroup(
        title=title,
        rows=tuple(forest_row(c) for c in _single_steps(comparisons)),
        floor=max(floors, default=None),
    )


def forest_row(comparison: Comparison) -> ForestRow:
    """One comparison as a line of a forest plot."""
    exact = comparison.difference
    return ForestRow(
        label=words.contrast(comparison),
        role=role(comparison.arm),
        estimate=comparison.median_difference_s if exact is None else exact.estimate,
        low=None if exact is None else exact.low,
        high=None if exact is None else exact.high,
        text=words.effect(comparison),
    )


def _single_steps(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Leave out of the plot (not of the table) what is the sum of two comparisons already in it."""
    pairs = {(c.base, c.arm) for c in comparisons}
    middles = {c.arm for c in comparisons}
    return [c for c in comparisons if not any({(c.base, m), (m, c.arm)} <= pairs for m in middles)]
