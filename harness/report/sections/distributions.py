"""How each arm's overhead is distributed: curves per cell and the percentiles that n carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.analysis.findings import ArmSummary
from harness.report import format as fmt
from harness.report import words
from harness.report.figures.panels import Curve, ecdf
from harness.report.figures.svg import Caption
from harness.report.material import Material, figured, left_out
from harness.report.palette import role
from harness.report.sections.streams import arms_of
from harness.report.tables import Shape, shape

TITLE = "Distributions"

_COLUMNS = {
    "calls": "calls",
    "failed": "failed",
    "p95": "p95",
    "p99": "p99",
    "p999": "p99.9",
    "before": "before sending",
    "after": "after receiving",
    "cpu": "CPU",
    "gc": "GC, mean",
    "attempts": "requests per call",
    "reuse": "on a kept connection",
    "reported": "LiteLLM’s own figure",
}
"""Columns of the table that may be left out, in order: field of ``Row`` and heading; the median stays."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One cell's curves."""

    title: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class Row:
    """One arm in one cell."""

    cell: str
    arm: str
    role: str
    calls: str
    failed: str
    p50: str
    p95: str
    p99: str
    p999: str
    before: str
    after: str
    cpu: str
    gc: str
    reported: str
    attempts: str
    reuse: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    panels: tuple[Panel, ...]
    more: tuple[Panel, ...]
    more_loads: str
    left_out: str
    arms: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    shape: Shape


def context(material: Material) -> Context:
    """One panel per drawn cell, all on one scale so that cells compare; paced first."""
    summaries = sorted(material.findings.summaries, key=lambda s: s.cell.load != "paced")
    cells = figured(summary.cell for summary in summaries)
    drawn = [summary for summary in summaries if summary.cell in cells]
    values = [value for summary in drawn for value in summary.ecdf_s if value > 0]
    span_s = (min(values) / 1.15, max(values) * 1.15) if values else (1e-6, 1e-3)
    panels = {
        cell: _panel(material.cell(cell), [s for s in summaries if s.cell == cell], span_s, f"ecdf-{index}")
        for index, cell in enumerate(cells if values else ())
    }
    rows = tuple(_row(summary, material) for summary in summaries)
    first = drawn[0].cell.load if drawn else ""
    return Context(
        panels=tuple(panel for cell, panel in panels.items() if cell.load == first),
        more=tuple(panel for cell, panel in panels.items() if cell.load != first),
        more_loads=" and ".join(dict.fromkeys(fmt.plain(cell.load) for cell in panels if cell.load != first)),
        left_out=left_out(summary.cell for summary in summaries),
        arms=arms_of(drawn),
        rows=rows,
        shape=shape(rows, _COLUMNS),
    )


def _panel(title: str, summaries: Sequence[ArmSummary], span_s: tuple[float, float], name: str) -> Panel:
    medians = "; ".join(f"{words.arm_name(s.arm)} {fmt.duration(s.overhead_p50_s)}" for s in summaries)
    curves = [Curve(role(s.arm), tuple(v for v in s.ecdf_s if v > 0)) for s in summaries if s.ecdf_s]
    return Panel(
        title, ecdf(curves, span_s, Caption(name, f"Distribution of overhead, {title}", f"Medians: {medians}."))
    )


def _row(summary: ArmSummary, material: Material) -> Row:
    censored = f", {fmt.count(summary.censored)} censored" if summary.censored else ""
    return Row(
        cell=material.cell(summary.cell),
        arm=words.arm_name(summary.arm),
        role=role(summary.arm),
        calls=fmt.count(summary.calls),
        failed=f"{fmt.count(summary.failed)}{censored}",
        p50=fmt.duration(summary.overhead_p50_s),
        p95=fmt.duration(summary.overhead_p95_s),
        p99=fmt.duration(summary.overhead_p99_s),
        p999=fmt.duration(summary.overhead_p999_s),
        before=fmt.duration(summary.pre_send_p50_s),
        after=fmt.duration(summary.post_receive_p50_s),
        cpu=fmt.duration(summary.cpu_p50_s),
        gc=f"{fmt.duration(summary.gc_mean_s, 2)} (max {fmt.duration(summary.gc_max_s)})",
        reported=fmt.duration(summary.reported_overhead_p50_s),
        attempts=fmt.number(summary.attempts_per_call, 2),
        reuse=fmt.percent(summary.connection_reuse),
    )
