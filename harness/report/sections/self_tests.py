"""The instrument against known truth."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report import format as fmt
from harness.report.material import Material

TITLE = "Self-tests"


@dataclass(frozen=True, slots=True)
class Row:
    """One planted or counted truth."""

    name: str
    found: str
    required: str
    passed: bool
    measured_at: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    rows: tuple[Row, ...]
    failed: int


def context(material: Material) -> Context:
    """As the calibration stored them."""
    tests = material.findings.self_tests
    rows = tuple(
        Row(fmt.plain(t.name), fmt.plain(t.found), fmt.plain(t.required), t.passed, fmt.plain(t.measured_at)[:16])
        for t in tests
    )
    return Context(rows, sum(not row.passed for row in rows))
