"""Every difference with its interval around the A/A control: the forest plot and the full table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from harness.analysis.findings import Comparison
from harness.arms import is_beside
from harness.report import format as fmt
from harness.report import words
from harness.report.figures.forest import ForestGroup, ForestRow, forest
from harness.report.figures.svg import Caption
from harness.report.material import Material, figured, left_out
from harness.report.palette import role
from harness.report.tables import LONG, Shape, shape

TITLE = "Comparisons"

_COLUMNS = {
    "load": "load",
    "sample": "blocks, calls",
    "verdict": "verdict",
    "floor": "noise floor",
    "detectable": "detectable",
    "p_holm": "p (Holm)",
    "level": "level",
    "ratio": "ratio",
    "p95": "p95",
    "cpu": "CPU time",
    "t_interval": "t interval",
    "unpressured": "without pressured blocks",
}
"""Columns of the table that may be left out: field of ``Row`` and heading."""

_WORDS = ("load", "sample", "verdict")
"""Those with a place of their own."""


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

    @property
    def verdict(self) -> str:
        """The verdict's label."""
        return self.said.label


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one run with the columns to show; ``doubts`` are on every row and taken off each.

    Of a run too short for intervals the raw values are few enough to stand in the table itself.
    """

    run: str
    rows: tuple[Row, ...]
    shape: Shape
    numbers: tuple[tuple[str, str], ...]
    doubts: tuple[str, ...]
    has_raw_column: bool


@dataclass(frozen=True, slots=True)
class Plot:
    """The forest plot of one load."""

    load: str
    meaning: str
    svg: Markup
    left_out: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    plots: tuple[Plot, ...]
    rows: tuple[Row, ...]
    tables: tuple[Table, ...]
    has_intervals: bool


def context(material: Material) -> Context:
    """Plots per load, paced first; the table in the order of the findings."""
    comparisons = material.findings.comparisons
    loads = sorted({c.cell.load for c in _drawn(comparisons)}, key=lambda load: (load != "paced", load))
    return Context(
        plots=tuple(_plot(load, material) for load in loads),
        rows=tuple(row(comparison, material) for comparison in comparisons),
        tables=tables(comparisons, material),
        has_intervals=any(comparison.difference is not None for comparison in comparisons),
    )


def _drawn(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Leave out what ``crossings`` draws."""
    return [comparison for comparison in comparisons if not is_beside(comparison.arm)]


def tables(comparisons: Sequence[Comparison], material: Material) -> tuple[Table, ...]:
    """A table per run: what a run's rows have in common need not be so in another's."""
    return tuple(
        _table(material.run(run_id), [row(c, material) for c in comparisons if c.cell.run_id == run_id])
        for run_id in dict.fromkeys(comparison.cell.run_id for comparison in comparisons)
    )


def _table(run: str, rows: Sequence[Row]) -> Table:
    formed = shape(rows, _COLUMNS)
    common = frozenset.intersection(*(frozenset(row.doubts) for row in rows)) if len(rows) > LONG else frozenset()
    kept = tuple(replace(row, doubts=tuple(d for d in row.doubts if d not in common)) for row in rows)
    return Table(
        run=run,
        rows=kept,
        shape=formed,
        numbers=tuple((name, head) for name, head in formed.columns if name not in _WORDS),
        doubts=tuple(doubt for doubt in (rows[0].doubts if rows else ()) if doubt in common),
        has_raw_column=all(row.blocks.count(", ") + 1 < words.INTERVAL_BLOCKS for row in rows),
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
    of_load = [c for c in _drawn(material.findings.comparisons) if c.cell.load == load]
    cells = figured(comparison.cell for comparison in of_load)
    comparisons = [c for c in of_load if c.cell in cells]
    groups = [group(material.cell(cell, load=False), [c for c in comparisons if c.cell == cell]) for cell in cells]
    caption = Caption(
        f"forest-{load}",
        f"Differences in overhead, {load}",
        f"{len(comparisons)} comparisons in {len(cells)} cells with their intervals; the table below has every number.",
    )
    svg = forest(groups, caption, "difference in overhead per call")
    return Plot(fmt.plain(load), words.load_name(load), svg, left_out(c.cell for c in of_load))


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
