"""Async against sync, arm by arm."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from harness.analysis.findings import CellKey, Comparison
from harness.report import words
from harness.report.figures.forest import ForestGroup, forest
from harness.report.figures.svg import Caption
from harness.report.material import Material
from harness.report.sections.comparisons import Row, forest_row, row

TITLE = "Sync and async"


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    plot: Markup
    rows: tuple[Row, ...]


def context(material: Material) -> Context:
    """One group per cell without its mode."""
    modes = material.findings.modes
    ordered = sorted(modes, key=lambda c: c.cell.load != "paced")
    cells = dict.fromkeys(comparison.cell for comparison in ordered)
    caption = Caption(
        "forest-modes",
        "Async minus sync",
        f"{len(modes)} differences between the async and the sync path of one arm; the table below has every number.",
    )
    groups = [_group(cell, ordered) for cell in cells]
    return Context(
        plot=forest(groups, caption, "async minus sync, overhead per call"),
        rows=tuple(row(comparison) for comparison in ordered),
    )


def _group(cell: CellKey, comparisons: list[Comparison]) -> ForestGroup:
    here = [comparison for comparison in comparisons if comparison.cell == cell]
    floors = [c.noise_floor_s for c in here if c.noise_floor_s is not None]
    return ForestGroup(
        title=words.cell_name(cell, mode=False),
        rows=tuple(forest_row(c, words.contrast(c)) for c in here),
        floor=max(floors, default=None),
    )
