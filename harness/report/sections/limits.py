"""What a limit costs either way, on the calls that were observed: the rate is a choice, and here is its price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from harness.analysis.limits.curves import CIRCULATING_S, LimitCurve
from harness.analysis.limits.lost import PER_CALLS, Lost
from harness.recommend.setting import Setting
from harness.report import format as fmt
from harness.report.figures.limits import Mark, Series, over_limit
from harness.report.figures.svg import Caption
from harness.report.material import Material

TITLE = "What a limit costs"


@dataclass(frozen=True, slots=True)
class Row:
    """One limit on one condition."""

    limit: str
    whose: str
    cut: str
    to_cuts: str
    to_hangs: str
    usd: str
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One condition: two panels and the limits that people have."""

    title: str
    sample: str
    panels: tuple[tuple[str, Markup], ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    parts: tuple[Part, ...]
    per_calls: str


def context(material: Material) -> Context:
    """A part per curve."""
    curves = material.findings.curves
    return Context(
        tuple(_part(curve, f"limits-{number}", material) for number, curve in enumerate(curves)), fmt.count(PER_CALLS)
    )


def _part(curve: LimitCurve, name: str, material: Material) -> Part:
    condition = curve.condition
    shape = "streamed" if condition.stream else "whole"
    budget = (
        "no output budget stated" if condition.max_tokens is None else f"up to {fmt.count(condition.max_tokens)} tokens"
    )
    title = f"{fmt.plain(condition.provider)} · {fmt.plain(condition.model)} · {shape} · {budget}"
    marks = list(_marks(curve, material))
    limits = [point.seconds for point in curve.points]
    span = (min(limits), max(limits) * 1.1)
    least = 0.3 / curve.n
    cut = Series("bad", tuple((point.seconds, point.cut_share) for point in curve.points))
    spent = [
        Series("bad", tuple((point.seconds, point.to_cuts_s) for point in curve.points)),
        Series("wrapper", tuple((point.seconds, point.to_hangs_s) for point in curve.points)),
    ]
    seconds = [value for series in spent for _, value in series.points if value > 0] or [1.0]
    return Part(
        title=title,
        sample=f"{fmt.count(curve.n)} healthy calls, {fmt.count(curve.hangs)} that hung",
        panels=(
            (
                "healthy calls cut off",
                over_limit(
                    [cut], marks, (span, (least, 1.0)), ("share cut off", fmt.percent),
                    Caption(f"{name}-cut", f"Share of healthy calls cut off, {title}", _said(curve, marks)),
                ),
            ),
            (
                f"time lost per {fmt.count(PER_CALLS)} calls",
                over_limit(
                    spent, marks, (span, (min(seconds) / 1.5, max(seconds) * 1.5)),
                    ("time lost", lambda value: fmt.duration(value, 1)),
                    Caption(f"{name}-lost", f"Time lost to cuts and to hangs, {title}", _said(curve, marks)),
                ),
            ),
        ),
        rows=tuple(_row(curve, mark) for mark in sorted(marks, key=lambda mark: mark.seconds)),
    )  # fmt: skip


def _marks(curve: LimitCurve, material: Material) -> Iterator[Mark]:
    for seconds in CIRCULATING_S.values():
        yield Mark(seconds, fmt.duration(seconds, 2), is_ours=False)
    ours = next((s for s in material.settings if _is_total_of(s, curve)), None)
    if ours is not None and isinstance(ours.value, int | float):
        yield Mark(float(ours.value), "ours", is_ours=True)


def _is_total_of(setting: Setting, curve: LimitCurve) -> bool:
    where, condition = setting.applies_to, curve.condition
    return setting.setting == "total_timeout" and (
        where.provider, where.model, where.request_stream, where.max_tokens
    ) == (condition.provider, condition.model, condition.stream, condition.max_tokens)  # fmt: skip


def _row(curve: LimitCurve, mark: Mark) -> Row:
    whose = {seconds: name for name, seconds in CIRCULATING_S.items()}
    at = curve.at(mark.seconds)
    return Row(
        limit=fmt.duration(mark.seconds),
        whose="recommended here" if mark.is_ours else whose[mark.seconds],
        cut=_share(at, curve.n),
        to_cuts=fmt.NONE if at is None else _lost(at.to_cuts_s),
        to_hangs=fmt.NONE if at is None else _lost(at.to_hangs_s),
        usd=fmt.NONE if at is None or at.usd is None else fmt.usd(at.usd, 2),
        is_ours=mark.is_ours,
    )


def _lost(seconds: float) -> str:
    return "nothing" if seconds == 0 else fmt.span(seconds)


def _share(at: Lost | None, n: int) -> str:
    if at is None:
        return fmt.NONE
    return f"none of {fmt.count(n)}" if at.cut_share == 0 else fmt.percent(at.cut_share)


def _said(curve: LimitCurve, marks: list[Mark]) -> str:
    parts = []
    for mark in marks:
        at = curve.at(mark.seconds)
        parts.append(f"{fmt.duration(mark.seconds)}: {_share(at, curve.n)} cut off")
    return "; ".join(parts) + "."
