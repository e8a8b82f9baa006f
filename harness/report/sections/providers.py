"""What live providers took, by the tap's own stamps: beside it stands, elsewhere on the page, what clients added."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.providers import ProviderLatency
from harness.report import format as fmt
from harness.report.material import Material

TITLE = "What the providers took"


@dataclass(frozen=True, slots=True)
class Row:
    """One provider's answers in one condition."""

    what: str
    answers: str
    failed: str
    first_byte: str
    total: str
    gap: str
    tokens: str
    per_token: str
    says: str
    tap: str
    connections: str
    drift: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    rows: tuple[Row, ...]


def context(material: Material) -> Context:
    """One row per provider, model, workload and shape."""
    return Context(tuple(_row(each, material) for each in material.findings.providers))


def _row(each: ProviderLatency, material: Material) -> Row:
    shape = "stream" if each.stream else "whole"
    return Row(
        what=f"{fmt.plain(each.provider)} {fmt.plain(each.model)}, {fmt.plain(each.workload)}, {shape} "
        f"{material.run(each.run_id)}".rstrip(),
        answers=fmt.count(each.answered),
        failed="; ".join(f"{count} × {fmt.plain(kind)}" for kind, count in each.failures) or fmt.NONE,
        first_byte=_spread(each.first_byte_s),
        total=_spread(each.total_s),
        gap=_spread(each.max_gap_s) if each.stream else fmt.NONE,
        tokens=fmt.NONE if each.output_tokens is None else fmt.number(each.output_tokens, 0),
        per_token=_time(each.per_token_s),
        says=_time(each.says_s),
        tap=_time(each.tap_s),
        connections=fmt.count(each.new_connections),
        drift=_drift(each),
    )


def _spread(times_s: tuple[float | None, float | None, float | None]) -> str:
    return " / ".join(_time(time_s) for time_s in times_s)


def _time(time_s: float | None) -> str:
    return fmt.NONE if time_s is None else fmt.duration(time_s)


def _drift(each: ProviderLatency) -> str:
    """How the median total stands to the cassette's."""
    if each.cassette_s is None or each.total_s[0] is None or each.cassette_s <= 0:
        return fmt.NONE
    return f"× {fmt.number(each.total_s[0] / each.cassette_s, 2)} of {fmt.duration(each.cassette_s)}"
