"""Async against sync, arm by arm."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from harness.report.figures.forest import forest
from harness.report.figures.svg import Caption
from harness.report.material import Material, figured, left_out
from harness.report.sections.comparisons import Row, Table, group, row, tables

TITLE = "Sync and async"


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    plot: Markup
    left_out: str
    rows: tuple[Row, ...]
    tables: tuple[Table, ...]


def context(material: Material) -> Context:
    """One group per cell without its mode."""
    ordered = sorted(material.findings.modes, key=lambda c: c.cell.load != "paced")
    cells = figured(comparison.cell for comparison in ordered)
    drawn = sum(comparison.cell in cells for comparison in ordered)
    caption = Caption(
        "forest-modes",
        "Async minus sync",
        f"{drawn} differences between the async and the sync path of one arm; the table below has every number.",
    )
    groups = [group(material.cell(cell, mode=False), [c for c in ordered if c.cell == cell]) for cell in cells]
    return Context(
        plot=forest(groups, caption, "async minus sync, overhead per call"),
        left_out=left_out(comparison.cell for comparison in ordered),
        rows=tuple(row(comparison, material) for comparison in ordered),
        tables=tables(ordered, material),
    )
