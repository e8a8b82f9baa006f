"""Whether all paths asked the provider for the same: differences on the wire, parameters, bytes, connections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.analysis.audits import Sameness, Traffic, WireDifference, WireParameters
from harness.analysis.findings import CellKey
from harness.report import format as fmt
from harness.report import words
from harness.report.conditions import Question, narrowed, question, title
from harness.report.material import Material
from harness.report.palette import role

TITLE = "Same question?"

WITH_PARAMETERS = ("parameters", "reasoning", "free-form")
"""The workloads that are asked for their parameters' sake."""

SAME = words.Said("same", "The request that the native SDK sends.", "pass")
SPELLED = words.Said("spelled differently", "Keys or forms differ, the question does not.", "")
OTHER = words.Said("asked for something else", "The provider was asked for something else.", "warn")

_SIGNS = {"added": "+", "dropped": fmt.MINUS}


@dataclass(frozen=True, slots=True)
class Chip:
    """One difference in short."""

    text: str
    matters: bool


@dataclass(frozen=True, slots=True)
class Row:
    """What these paths sent otherwise than the native SDK under this condition."""

    question: str
    condition: str
    arms: tuple[tuple[str, str], ...]
    base: str
    body: tuple[Chip, ...]
    headers: tuple[Chip, ...]
    library_headers: str
    size: str
    said: words.Said


@dataclass(frozen=True, slots=True)
class ParameterTable:
    """What each path put on the wire under one condition: ``rows`` are (wire key, a value per arm, empty for none)."""

    title: str
    arms: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class TrafficRow:
    """Bytes and connections of one arm in one cell."""

    cell: str
    arm: str
    role: str
    calls: str
    sent: str
    received: str
    connections: str
    reuse: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows. ``others`` are the rows that asked for something else, with only what matters."""

    sentence: str
    others: tuple[Row, ...]
    rows: tuple[Row, ...]
    parameters: tuple[ParameterTable, ...]
    traffic: tuple[TrafficRow, ...]


def context(material: Material) -> Context:
    """Rows merged over cells and paths that differ in the same way."""
    findings = material.findings
    return Context(
        sentence=_sentence(findings.sameness),
        others=tuple(_rows([_what_matters(s) for s in findings.sameness if not s.is_same_question], material)),
        rows=tuple(_rows(findings.sameness, material)),
        parameters=tuple(_parameter_tables(findings.parameters, material)),
        traffic=tuple(_traffic_row(traffic, material) for traffic in findings.traffic),
    )


def said(differences: Iterable[WireDifference]) -> words.Said:
    """The verdict on the differences of one path; headers of the library's own spoil none."""
    listed = [difference for difference in differences if _is_shown(difference)]
    if any(difference.matters for difference in listed):
        return OTHER
    return SPELLED if listed else SAME


def chip(difference: WireDifference) -> Chip:
    """``+ seed 7``, ``− seed 7``, ``max_tokens → max_output_tokens``, ``temperature 0.2 → 1``."""
    key, before, after = (fmt.plain(t) for t in (difference.key, difference.base_value, difference.arm_value))
    if difference.kind == "renamed":
        text = f"{before} → {after}"
    elif difference.kind == "changed":
        text = f"{key} {before} → {after}"
    else:
        text = f"{_SIGNS[difference.kind]} {key} {before or after}".rstrip()
    return Chip(text, difference.matters)


def _sentence(sameness: Sequence[Sameness]) -> str:
    if not sameness:
        return ""
    counts = Counter(said(one.differences).label for one in sameness)
    same, spelled, other = (fmt.count(counts[word.label]) for word in (SAME, SPELLED, OTHER))
    return (
        f"Of {fmt.count(len(sameness))} pairs of path and cell, {same} sent what the native SDK sends, {spelled} only "
        f"spelled it differently, and {other} asked the provider for something else."
    )


def _is_shown(difference: WireDifference) -> bool:
    return difference.matters or difference.place != "header"


def _what_matters(one: Sameness) -> Sameness:
    kept = tuple(difference for difference in one.differences if difference.matters)
    return Sameness(one.cell, one.base, one.arm, one.base_bytes, one.arm_bytes, kept)


_Seen = tuple[Question, str, tuple[WireDifference, ...]]


def _rows(sameness: Sequence[Sameness], material: Material) -> Iterator[Row]:
    """One row per question, set of differences and set of cells: cells merge first, then the arms seen in the same."""
    seen: dict[_Seen, dict[str, list[Sameness]]] = {}
    for one in sameness:
        shown = tuple(difference for difference in one.differences if _is_shown(difference))
        seen.setdefault((question(one.cell), one.base, shown), {}).setdefault(one.arm, []).append(one)
    cells = _cells_of_questions(material)
    for (asked, _, shown), by_arm in seen.items():
        merged: dict[frozenset[CellKey], list[Sameness]] = {}
        for listed in by_arm.values():
            merged.setdefault(frozenset(one.cell for one in listed), []).extend(listed)
        for found in merged.values():
            yield _row(found, shown, cells[asked], material)


def _cells_of_questions(material: Material) -> dict[Question, list[CellKey]]:
    cells: dict[Question, list[CellKey]] = {}
    for one in material.findings.sameness:
        cells.setdefault(question(one.cell), []).append(one.cell)
    return cells


def _row(
    found: Sequence[Sameness], shown: Sequence[WireDifference], among: Sequence[CellKey], material: Material
) -> Row:
    unshown = {difference.key for one in found for difference in one.differences if not _is_shown(difference)}
    return Row(
        question=title(found[0].cell, material),
        condition=narrowed([one.cell for one in found], among) or "all",
        arms=_named(one.arm for one in found),
        base=words.arm_name(found[0].base),
        body=tuple(chip(difference) for difference in shown if difference.place != "header"),
        headers=tuple(chip(difference) for difference in shown if difference.place == "header"),
        library_headers=", ".join(sorted({_family(fmt.plain(name)) for name in unshown})),
        size=_range([one.arm_bytes - one.base_bytes for one in found]),
        said=said(shown),
    )


def _named(arms: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((role(arm), words.arm_name(arm)) for arm in dict.fromkeys(arms))


def _family(name: str) -> str:
    return "x-stainless-…" if name.startswith("x-stainless-") else name


def _range(more: Sequence[int]) -> str:
    """How many bytes more than the SDK's the bodies have, over the merged cells."""
    low, high = (f"{'+' if n > 0 else ''}{fmt.number(n, 0)}" for n in (min(more), max(more)))
    return low if low == high else f"{low} to {high}"


_Sent = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def _parameter_tables(parameters: Sequence[WireParameters], material: Material) -> Iterator[ParameterTable]:
    """One table per question of a workload with parameters, and for each set of its cells that differs."""
    by_cell: dict[CellKey, list[WireParameters]] = {}
    for one in parameters:
        if one.cell.workload in WITH_PARAMETERS:
            by_cell.setdefault(one.cell, []).append(one)
    alike: dict[tuple[Question, _Sent], list[CellKey]] = {}
    for cell, listed in by_cell.items():
        sent = tuple((one.arm, one.parameters) for one in listed)
        alike.setdefault((question(cell), sent), []).append(cell)
    for (asked, sent), cells in alike.items():
        among = [cell for cell in by_cell if question(cell) == asked]
        where = narrowed(cells, among)
        yield _parameter_table(" · ".join(filter(None, (title(cells[0], material), where))), sent)


def _parameter_table(name: str, sent: _Sent) -> ParameterTable:
    values = {arm: dict(listed) for arm, listed in sent}
    keys = sorted({key for listed in values.values() for key in listed}, key=str.lower)
    rows = tuple((fmt.plain(k), tuple(fmt.plain(v.get(k, "")) for v in values.values())) for k in keys)
    return ParameterTable(name, _named(values), rows)


def _traffic_row(traffic: Traffic, material: Material) -> TrafficRow:
    return TrafficRow(
        cell=material.cell(traffic.cell),
        arm=words.arm_name(traffic.arm),
        role=role(traffic.arm),
        calls=fmt.count(traffic.calls),
        sent=fmt.size(traffic.request_bytes_p50),
        received=fmt.size(traffic.response_bytes_p50),
        connections=fmt.count(traffic.connections),
        reuse=fmt.percent(traffic.reuse),
    )
