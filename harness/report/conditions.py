"""Owns how several cells are named as one condition: what they have in common, and only what tells them from the rest.

Pure. Called by the sections that merge cells in which the same was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.analysis.findings import CellKey
from harness.report import format as fmt
from harness.report import words
from harness.report.material import Material
from harness.vocabulary import Operation

MOST_LISTED = 3

_SIDES: tuple[Callable[[CellKey], str], ...] = (
    lambda cell: fmt.plain(cell.model),
    words.shape,
    lambda cell: fmt.plain(cell.mode),
    lambda cell: fmt.plain(cell.load),
)
"""What may differ between the cells of one question."""

Question = tuple[str, str, str, str]
"""Run, provider, operation and workload: cells that should all have been asked the same."""


def question(cell: CellKey) -> Question:
    """Which question a cell belongs to."""
    return cell.run_id, cell.provider, cell.operation, cell.workload


def title(cell: CellKey, material: Material) -> str:
    """The question of a cell: ``anthropic · parameters``, with its run where the page shows several."""
    kind = () if cell.operation == Operation.CHAT else (fmt.plain(cell.operation),)
    parts = (fmt.plain(cell.provider), *kind, fmt.plain(cell.workload), material.run(cell.run_id))
    return " · ".join(part for part in parts if part)


def narrowed(cells: Iterable[CellKey], among: Iterable[CellKey]) -> str:
    """What tells ``cells`` from all others ``among`` them: ``streamed · sync``; empty where they are all."""
    chosen, everything = set(cells), set(among)
    kept = [side for side in _SIDES if _values(side, chosen) != _values(side, everything)]
    if {cell for cell in everything if all(side(cell) in _values(side, chosen) for side in kept)} == chosen:
        return " · ".join(", ".join(sorted(_values(side, chosen))) for side in kept)
    varying = [side for side in _SIDES if len(_values(side, everything)) > 1]
    labels = sorted({" · ".join(side(cell) for side in varying) for cell in chosen})
    more = f"; {len(labels) - MOST_LISTED} more" if len(labels) > MOST_LISTED else ""
    return "; ".join(labels[:MOST_LISTED]) + more


def _values(side: Callable[[CellKey], str], cells: Iterable[CellKey]) -> frozenset[str]:
    return frozenset(side(cell) for cell in cells)
