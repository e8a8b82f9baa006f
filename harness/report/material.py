"""Owns ``Material``: what a page is made from, how it tells several runs apart, and which cells its figures draw.

Passed to every section.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.analysis.findings import CellKey, Findings
from harness.recommend.setting import Setting
from harness.report import format as fmt
from harness.report import words

FIGURED_AT_MOST = 12
"""Cells that a figure draws where a page has no plain chat."""


@dataclass(frozen=True, slots=True)
class Material:
    """The findings, the recommended settings and the text of the exported configuration."""

    findings: Findings
    settings: Sequence[Setting]
    config_text: str

    def run(self, run_id: str) -> str:
        """``run 2`` where the page shows several runs (numbered as in its provenance); empty where it shows one."""
        ids = [run.run_id for run in self.findings.runs]
        return f"run {ids.index(run_id) + 1}" if len(ids) > 1 and run_id in ids else ""

    def cell(self, cell: CellKey, *, load: bool = True, mode: bool = True) -> str:
        """The name of a cell, with its run where the page shows several."""
        name, run = words.cell_name(cell, load=load, mode=mode), self.run(cell.run_id)
        return f"{name} · {run}" if run else name


def figured(cells: Iterable[CellKey]) -> tuple[CellKey, ...]:
    """The cells that figures draw: plain chats of any operation, or the first few where there is none. Tables hold all.

    A run of every workload has a hundred cells: as many panels say nothing.
    """
    distinct = tuple(dict.fromkeys(cells))
    plain = tuple(cell for cell in distinct if cell.workload == words.PLAIN_WORKLOAD)
    return plain or distinct[:FIGURED_AT_MOST]


def left_out(cells: Iterable[CellKey]) -> str:
    """What a caption says of the cells that ``figured`` leaves out; empty where it draws them all."""
    distinct = tuple(dict.fromkeys(cells))
    drawn = figured(distinct)
    if len(drawn) == len(distinct):
        return ""
    which = "the plain chats" if drawn[0].workload == words.PLAIN_WORKLOAD else "the first of the plan"
    return f"Drawn are {fmt.count(len(drawn))} of {fmt.count(len(distinct))} cells, {which}; the table has them all."
