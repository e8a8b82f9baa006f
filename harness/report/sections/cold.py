"""What a fresh process pays once: import, first call, memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness import arms as arm_names
from harness.analysis.findings import ColdSummary
from harness.report import format as fmt
from harness.report import words
from harness.report.figures.panels import Bar, bars
from harness.report.figures.svg import Caption
from harness.report.material import Material
from harness.report.palette import role

TITLE = "Cold start"
"""Order of the arms, from the wire upwards, each with its control after it."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One measure over all arms."""

    title: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class Row:
    """One arm and mode."""

    arm: str
    role: str
    mode: str
    repeats: str
    imported: str
    first_call: str
    modules: str
    rss_import: str
    rss_after: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    panels: tuple[Panel, ...]
    rows: tuple[Row, ...]


def context(material: Material) -> Context:
    """Three panels and the table."""
    cold = sorted(material.findings.cold, key=lambda c: (arm_names.place(c.arm), c.mode != "sync"))
    return Context(panels=_panels(cold, material) if cold else (), rows=tuple(_row(c, material) for c in cold))


def _panels(cold: Sequence[ColdSummary], material: Material) -> tuple[Panel, ...]:
    return (
        _panel("Import", "cold-import", [_timed(c, c.import_s, material) for c in cold]),
        _panel("First call", "cold-first", [_timed(c, c.first_call_s, material) for c in cold]),
        _panel("Resident memory after the first call", "cold-memory", [_memory(c, material) for c in cold]),
    )


def _panel(title: str, name: str, rows: Sequence[Bar]) -> Panel:
    span = max([1e-9, *(row.high or row.end for row in rows)])
    listed = "; ".join(f"{row.label} {row.text}" for row in rows)
    return Panel(title, bars(rows, span, Caption(name, title, f"{listed}.")))


def _timed(cold: ColdSummary, times: tuple[float, float, float], material: Material) -> Bar:
    median, low, high = times
    return Bar(_label(cold, material), role(cold.arm), 0, median, fmt.duration(median), low, high)


def _memory(cold: ColdSummary, material: Material) -> Bar:
    return Bar(_label(cold, material), role(cold.arm), 0, cold.rss_after_bytes, fmt.size(cold.rss_after_bytes))


def _label(cold: ColdSummary, material: Material) -> str:
    name = "A/A control" if role(cold.arm) == "null" else words.arm_name(cold.arm)
    return f"{name} {fmt.plain(cold.mode)} {material.run(cold.run_id)}".rstrip()


def _range(times: tuple[float, float, float]) -> str:
    median, low, high = times
    return f"{fmt.duration(median)} ({fmt.duration(low)} to {fmt.duration(high)})"


def _row(cold: ColdSummary, material: Material) -> Row:
    return Row(
        arm=words.arm_name(cold.arm),
        role=role(cold.arm),
        mode=f"{fmt.plain(cold.mode)} {material.run(cold.run_id)}".rstrip(),
        repeats=fmt.count(cold.repeats),
        imported=_range(cold.import_s),
        first_call=_range(cold.first_call_s),
        modules=fmt.count(cold.modules_loaded),
        rss_import=fmt.size(cold.rss_import_bytes),
        rss_after=fmt.size(cold.rss_after_bytes),
    )
