"""Async against sync, arm by arm."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from harness.report.figures.forest import forest
from harness.report.figures.svg import Caption
from harness.report.material import Material
from harness.report.sections.comparisons import Row, group, row

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
    groups = [group(material.cell(cell, mode=False), [c for c in ordered if c.cell == cell]) for cell in cells]
    return Context(
        plot=forest(groups, caption, "async minus sync, overhead per call"),
        rows=tuple(row(comparison, material) for comparison in ordered),
    )
