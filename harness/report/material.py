"""Owns ``Material``: what a page is made from, and how it tells several runs apart. Passed to every section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.findings import CellKey, Findings
from harness.recommend.setting import Setting
from harness.report import words


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
