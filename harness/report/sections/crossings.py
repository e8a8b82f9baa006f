"""What it costs to call from the other colour, and what the HTTP library and the release explain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness import arms as arm_names
from harness.analysis.findings import ArmSummary, CellKey, Comparison, Verdict
from harness.errors import UsageError
from harness.report import format as fmt
from harness.report import words
from harness.report.figures.forest import forest
from harness.report.figures.svg import Caption
from harness.report.material import Material, figured, left_out
from harness.report.palette import role
from harness.report.sections.comparisons import group
from harness.vocabulary import Mode

TITLE = "Crossing colours and transports"

_CALLERS = {Mode.ASYNC: "from async code, beside the async client", Mode.SYNC: "from sync code, beside the sync client"}
_BUSY = "full-pool"
_UNMOVED = (Verdict.NO_DIFFERENCE, Verdict.BELOW_NOISE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one bridge costs each path, each number with its verdict."""

    bridge: str
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """The forest plot of one load."""

    load: str
    meaning: str
    svg: Markup
    left_out: str


@dataclass(frozen=True, slots=True)
class Row:
    """One arm over its plain form."""

    cell: str
    load: str
    arm: str
    role: str
    what: str
    base: str
    sample: str
    effect: str
    cpu: str
    said: words.Said


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    condition: str
    answers: tuple[Answer, ...]
    conclusion: str
    plots: tuple[Plot, ...]
    rows: tuple[Row, ...]


def context(material: Material) -> Context:
    """Plots per load, paced first; the answers from the first plain cell of each colour under that load."""
    comparisons = sorted(
        (c for c in material.findings.comparisons if arm_names.is_beside(c.arm)),
        key=lambda c: (c.cell.load != "paced", c.cell.load),
    )
    bridged = _first_whole([c for c in comparisons if arm_names.parse(c.arm).bridge])
    return Context(
        condition=" and ".join(dict.fromkeys(material.cell(c.cell, mode=False) for c in bridged)),
        answers=tuple(_answers(bridged)),
        conclusion=_conclusion(bridged),
        plots=tuple(_plot(load, comparisons, material) for load in dict.fromkeys(c.cell.load for c in comparisons)),
        rows=tuple(_row(comparison, material) for comparison in comparisons),
    )


def _first_whole(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Of each colour those of the first cell with whole answers: what is quoted in words."""
    cells: dict[str, CellKey] = {}
    for comparison in comparisons:
        if not comparison.cell.stream:
            cells.setdefault(comparison.cell.mode, comparison.cell)
    return [comparison for comparison in comparisons if comparison.cell in cells.values()]


def _answers(bridged: Sequence[Comparison]) -> Iterator[Answer]:
    for name, bridge in arm_names.BRIDGES.items():
        found = [c for c in bridged if arm_names.parse(c.arm).bridge == name]
        colour = len(bridge.callers) > 1
        spoken = "; ".join(
            f"{words.arm_name(c.base)}{f' {c.cell.mode}' if colour else ''} {words.effect(c)}, {words.said(c).label}"
            for c in found
        )
        beside = "beside the same left alone" if bridge.callee is None else _CALLERS[bridge.callers[0]]
        if found:
            yield Answer(f"{bridge.meaning[0].upper()}{bridge.meaning[1:]}, {beside}", f"{spoken}.")


def _conclusion(bridged: Sequence[Comparison]) -> str:
    """What a busy default executor shows, where both verdicts carry it."""
    verdicts = {arm_names.parse(c.arm).path: c.verdict for c in bridged if arm_names.parse(c.arm).bridge == _BUSY}
    if verdicts.get("litellm") is Verdict.SLOWER and verdicts.get("openai") in _UNMOVED:
        return (
            "LiteLLM’s acompletion waits for a thread of the loop’s default executor, so whatever keeps that executor "
            "busy delays it; no such delay was seen in the openai SDK’s async client."
        )
    return ""


def _plot(load: str, comparisons: Sequence[Comparison], material: Material) -> Plot:
    of_load = [c for c in comparisons if c.cell.load == load]
    cells = figured(c.cell for c in of_load)
    drawn = [c for c in of_load if c.cell in cells]
    groups = [group(material.cell(cell, load=False), [c for c in drawn if c.cell == cell]) for cell in cells]
    caption = Caption(
        f"crossings-{load}",
        f"Crossing colours and transports, {load}",
        f"{len(drawn)} differences from the plain form in {len(cells)} cells; the table below has every number.",
    )
    svg = forest(groups, caption, "difference from the plain form per call")
    return Plot(fmt.plain(load), words.load_name(load), svg, left_out(c.cell for c in of_load))


def _row(comparison: Comparison, material: Material) -> Row:
    return Row(
        cell=material.cell(comparison.cell, load=False),
        load=fmt.plain(comparison.cell.load),
        arm=words.arm_name(comparison.arm),
        role=role(comparison.arm),
        what=_what(comparison, material.findings.summaries),
        base=words.arm_name(comparison.base),
        sample=words.sample(comparison),
        effect=words.effect(comparison),
        cpu=fmt.interval(comparison.cpu_difference),
        said=words.said(comparison),
    )


def _what(comparison: Comparison, summaries: Sequence[ArmSummary]) -> str:
    """What the bridge is; elsewhere the versions that the two sides ran on, where they differ."""
    try:
        bridge = arm_names.parse(comparison.arm).bridge
    except UsageError:
        return fmt.NONE
    if bridge:
        return arm_names.BRIDGES[bridge].meaning
    ran = {summary.arm: _stack(summary) for summary in summaries if summary.cell == comparison.cell}
    arm, base = ran.get(comparison.arm, fmt.NONE), ran.get(comparison.base, fmt.NONE)
    return f"{arm} in place of {base}" if arm != base else f"{arm}, as its plain form"


def _stack(summary: ArmSummary) -> str:
    return fmt.plain(
        f"{summary.client} {summary.client_version} on {summary.http_library} {summary.http_library_version}"
    )
