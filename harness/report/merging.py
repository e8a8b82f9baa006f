"""Owns merging: findings in which the same was seen become one row, over the cells of one question and over arms.

Cells merge first, then the arms that were seen in the same cells, so that a row never says more than was measured.
Pure. Called by the sections whose findings are one per arm and cell.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from harness.analysis.findings import CellKey
from harness.report import words
from harness.report.conditions import Question, narrowed, question, title
from harness.report.material import Material
from harness.report.palette import role


class Seen(Protocol):
    """What one arm showed in one cell."""

    @property
    def cell(self) -> CellKey:
        """The condition."""

    @property
    def arm(self) -> str:
        """The call path."""


Finding = TypeVar("Finding", bound=Seen)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was seen: the question, its condition (``all`` cells of the question or which), the arms.

    ``arms`` are (colour role, name).
    """

    question: str
    condition: str
    arms: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Merged(Generic[Finding]):
    """Findings that say the same, and where."""

    place: Place
    findings: tuple[Finding, ...]


def without_controls(findings: Iterable[Finding]) -> list[Finding]:
    """The findings of all arms but the A/A controls, which are their arms again."""
    return [finding for finding in findings if role(finding.arm) != "null"]


def merged(
    findings: Sequence[Finding], what: Callable[[Finding], Hashable], material: Material
) -> list[Merged[Finding]]:
    """One entry per question, per thing seen (``what`` says it of a finding) and per set of cells, in the order met."""
    cells: dict[Question, list[CellKey]] = {}
    alike: dict[tuple[Question, Hashable], dict[str, list[Finding]]] = {}
    for finding in findings:
        asked = question(finding.cell)
        cells.setdefault(asked, []).append(finding.cell)
        alike.setdefault((asked, what(finding)), {}).setdefault(finding.arm, []).append(finding)
    found = []
    for (asked, _), by_arm in alike.items():
        of_cells: dict[frozenset[CellKey], list[Finding]] = {}
        for listed in by_arm.values():
            of_cells.setdefault(frozenset(one.cell for one in listed), []).extend(listed)
        found += [Merged(_place(same, cells[asked], material), tuple(same)) for same in of_cells.values()]
    order = list(cells)
    return sorted(found, key=lambda one: order.index(question(one.findings[0].cell)))


def _place(same: Sequence[Finding], among: Sequence[CellKey], material: Material) -> Place:
    return Place(
        question=title(same[0].cell, material),
        condition=narrowed([one.cell for one in same], among) or "all",
        arms=tuple((role(arm), words.arm_name(arm)) for arm in dict.fromkeys(one.arm for one in same)),
    )
