"""Structured answers, by our validator and by the client's own word; and background jobs, by how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.audits import JobEnding, StructureAudit
from harness.report import format as fmt
from harness.report import words
from harness.report.material import Material
from harness.report.merging import Merged, Place, merged, without_controls

TITLE = "Structured answers and jobs"

UNNOTICED = words.Said("invalid, unnoticed", "An invalid answer was handed out without complaint.", "fail")
NOTICED = words.Said("invalid, noticed", "The client complained of every invalid answer.", "warn")
NO_ANSWER = words.Said("no answer", "Some calls gave no answer to judge.", "warn")
VALID = words.Said("valid", "Every answer was valid.", "pass")


@dataclass(frozen=True, slots=True)
class StructureRow:
    """What these paths made of a structured answer under this condition."""

    place: Place
    valid: str
    outcomes: str
    verdicts: str
    said: words.Said


@dataclass(frozen=True, slots=True)
class JobRow:
    """How jobs of this kind ended for these paths."""

    place: Place
    calls: str
    endings: str
    requests: str
    duration: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    sentence: str
    structures: tuple[StructureRow, ...]
    jobs: tuple[JobRow, ...]


def context(material: Material) -> Context:
    """Both tables merged over cells and paths; the invalid answer that nobody noticed first."""
    structures = without_controls(material.findings.structures)
    rows = [_structure_row(one) for one in merged(structures, _seen, material)]
    jobs = merged(without_controls(material.findings.jobs), lambda job: job.endings, material)
    return Context(
        sentence=_sentence(structures),
        structures=tuple(sorted(rows, key=lambda row: row.said != UNNOTICED)),
        jobs=tuple(_job_row(one) for one in jobs),
    )


def said(audit: StructureAudit) -> words.Said:
    """The worst thing that can be said of these answers."""
    if audit.unnoticed:
        return UNNOTICED
    if audit.valid < audit.judged:
        return NOTICED
    return NO_ANSWER if audit.judged < audit.calls else VALID


def _sentence(structures: Sequence[StructureAudit]) -> str:
    if not structures:
        return ""
    pairs = f"{fmt.count(len(structures))} pair{'s' if len(structures) > 1 else ''} of path and cell"
    unnoticed = [audit for audit in structures if audit.unnoticed]
    if not unnoticed:
        return f"Over {pairs}, no invalid answer was handed out without complaint."
    paths = ", ".join(dict.fromkeys(words.arm_name(audit.arm) for audit in unnoticed))
    return (
        f"In {fmt.count(len(unnoticed))} of {pairs} an answer that breaks the schema was handed out as a success and "
        f"without complaint: {paths}. Validate what matters yourself."
    )


def _seen(audit: StructureAudit) -> tuple[object, ...]:
    return audit.calls, audit.judged, audit.valid, audit.unnoticed, audit.outcomes, audit.verdicts


def _structure_row(one: Merged[StructureAudit]) -> StructureRow:
    audit, cells = one.findings[0], len(one.findings)
    return StructureRow(
        place=one.place,
        valid=f"{fmt.count(audit.valid * cells)} of {fmt.count(audit.judged * cells)}",
        outcomes=_counted(audit.outcomes, cells),
        verdicts=_counted(audit.verdicts, cells) or "says nothing",
        said=said(audit),
    )


def _counted(pairs: Sequence[tuple[str, int]], cells: int) -> str:
    return ", ".join(f"{fmt.count(count * cells)} {fmt.plain(name).replace('_', ' ')}" for name, count in pairs)


def _job_row(one: Merged[JobEnding]) -> JobRow:
    endings = [(_ending(outcome, kind), count) for outcome, kind, count in one.findings[0].endings]
    return JobRow(
        place=one.place,
        calls=fmt.count(sum(job.calls for job in one.findings)),
        endings=_counted(endings, len(one.findings)),
        requests=_range([fmt.number(job.requests_per_call, 1) for job in _by(one.findings, "requests_per_call")]),
        duration=_range([fmt.duration(job.duration_p50_s) for job in _by(one.findings, "duration_p50_s")]),
    )


def _ending(outcome: str, kind: str | None) -> str:
    return outcome if kind is None or kind == outcome else f"{outcome} ({kind})"


def _by(jobs: Sequence[JobEnding], field: str) -> list[JobEnding]:
    return sorted(jobs, key=lambda job: float(getattr(job, field)))


def _range(ordered: Sequence[str]) -> str:
    low, high = ordered[0], ordered[-1]
    return low if low == high else f"{low} to {high}"
