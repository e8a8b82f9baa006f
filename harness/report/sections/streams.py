"""Streams: what the call path adds to the first chunk, to each chunk, and after the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.analysis.findings import ArmSummary
from harness.report import format as fmt
from harness.report import words
from harness.report.figures.panels import Dot, dots
from harness.report.figures.svg import Caption
from harness.report.material import Material, figured, left_out
from harness.report.palette import role
from harness.report.tables import Shape, shape

TITLE = "Streams"
_COLUMNS = {
    "calls": "calls",
    "first_delivery": "first chunk delivered in",
    "chunk_delivery": "each chunk in",
    "tail": "tail",
    "chunks": "chunks",
    "reuse": "calls on a kept connection",
    "first_chunk": "wait for first chunk",
}
"""Columns of the table that may be left out, in order: field of ``Row`` and heading."""

_LABELS = ("first chunk", "each chunk", "tail")


@dataclass(frozen=True, slots=True)
class Panel:
    """One cell's dots."""

    title: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class Row:
    """One arm in one streamed cell."""

    cell: str
    arm: str
    role: str
    calls: str
    first_chunk: str
    first_delivery: str
    chunk_delivery: str
    tail: str
    chunks: str
    reuse: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    panels: tuple[Panel, ...]
    left_out: str
    arms: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    shape: Shape


def context(material: Material) -> Context:
    """One panel per drawn cell, all on one scale."""
    streams = sorted(
        (summary for summary in material.findings.summaries if summary.cell.stream),
        key=lambda s: s.cell.load != "paced",
    )
    cells = figured(summary.cell for summary in streams)
    rows = tuple(_row(summary, material) for summary in streams)
    drawn = [summary for summary in streams if summary.cell in cells]
    values = [value for summary in drawn for value in _values(summary) if value is not None and value > 0]
    span_s = (min(values) / 1.6, max(values) * 1.6) if values else (1e-6, 1e-3)
    return Context(
        panels=tuple(
            _panel(material.cell(cell), [s for s in streams if s.cell == cell], span_s, f"stream-{index}")
            for index, cell in enumerate(cells)
        )
        if values
        else (),
        left_out=left_out(summary.cell for summary in streams),
        arms=arms_of(drawn),
        rows=rows,
        shape=shape(rows, _COLUMNS),
    )


def arms_of(summaries: Sequence[ArmSummary]) -> tuple[tuple[str, str], ...]:
    """(colour role, name) of each arm, for a legend."""
    return tuple((role(arm), words.arm_name(arm)) for arm in dict.fromkeys(s.arm for s in summaries))


def _values(summary: ArmSummary) -> tuple[float | None, ...]:
    return summary.first_chunk_delivery_p50_s, summary.chunk_delivery_p50_s, summary.tail_p50_s


def _panel(title: str, summaries: Sequence[ArmSummary], span_s: tuple[float, float], name: str) -> Panel:
    points = [
        Dot(label, role(summary.arm), value)
        for summary in summaries
        for label, value in zip(_LABELS, _values(summary), strict=True)
        if value is not None and value > 0
    ]
    said = "; ".join(
        f"{words.arm_name(s.arm)} first chunk {fmt.duration(s.first_chunk_delivery_p50_s)}" for s in summaries
    )
    return Panel(
        title, dots(_LABELS, points, span_s, Caption(name, f"Stream delivery of {title}", f"Medians: {said}."))
    )


def _row(summary: ArmSummary, material: Material) -> Row:
    return Row(
        cell=material.cell(summary.cell),
        arm=words.arm_name(summary.arm),
        role=role(summary.arm),
        calls=fmt.count(summary.calls),
        first_chunk=fmt.duration(summary.first_chunk_p50_s),
        first_delivery=fmt.duration(summary.first_chunk_delivery_p50_s),
        chunk_delivery=fmt.duration(summary.chunk_delivery_p50_s),
        tail=fmt.duration(summary.tail_p50_s),
        chunks=fmt.count(summary.chunks_p50),
        reuse=fmt.percent(summary.connection_reuse),
    )
