"""Every reason to trust the numbers less, what it means and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.doubts import ADVICE
from harness.analysis.findings import Comparison, Doubt, Findings
from harness.report import format as fmt
from harness.report.material import Material

TITLE = "Doubts"


@dataclass(frozen=True, slots=True)
class Row:
    """One doubt; ``where`` says which comparisons carry it, if not the whole run alone, ``told`` what was seen."""

    name: str
    anchor: str
    meaning: str
    advice: str
    where: str
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    rows: tuple[Row, ...]


def context(material: Material) -> Context:
    """The run's doubts and those of single comparisons, in the order of the closed list."""
    return Context(tuple(_row(doubt, material) for doubt in applying(material.findings)))


def applying(findings: Findings) -> tuple[Doubt, ...]:
    """The doubts of the run and of any comparison, each once."""
    carried = {doubt for comparison in _all(findings) for doubt in comparison.doubts} | set(findings.doubts)
    return tuple(doubt for doubt in Doubt if doubt in carried)


def _all(findings: Findings) -> tuple[Comparison, ...]:
    return findings.comparisons + findings.modes


def _row(doubt: Doubt, material: Material) -> Row:
    findings = material.findings
    meaning, advice = ADVICE[doubt]
    cells = dict.fromkeys(material.cell(c.cell) for c in _all(findings) if doubt in c.doubts)
    return Row(
        name=doubt.value.replace("_", " "),
        anchor=f"doubt-{doubt.value}",
        meaning=meaning,
        advice=advice,
        where=_where(list(cells), len({c.cell for c in _all(findings)})),
        told=tuple(line for run in findings.runs for line in run.lost_workers) if doubt is Doubt.LOST_WORKER else (),
    )


def _where(cells: list[str], of: int) -> str:
    if not cells:
        return "the run as a whole"
    if len(cells) > 3:
        return f"{fmt.count(len(cells))} of {fmt.count(of)} cells"
    return "; ".join(cells)
