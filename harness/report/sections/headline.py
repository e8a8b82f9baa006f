"""The first screen: what LiteLLM costs here, whether that is more than noise, what to set, how sure we are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.analysis.findings import Comparison, Findings, Verdict
from harness.arms import CONTROLS
from harness.recommend.setting import Setting
from harness.report import format as fmt
from harness.report import words
from harness.report.figures.forest import ForestGroup, forest
from harness.report.figures.svg import Caption
from harness.report.material import Material
from harness.report.sections.comparisons import forest_row
from harness.report.sections.doubts import applying
from harness.report.sections.settings import condition
from harness.vocabulary import FaultVerdict, Grade

TITLE = "Answer"
SETTINGS_SHOWN = 3
ROWS_SHOWN = 5
"""Conditions in the first screen's table; the rest is one link away."""

ONLY_GROWTH = (
    "This run measured how overhead grows with size, not what a typical call costs: it compares no plain calls."
)

ONLY_FAULTS = (
    "This run measured what faults do to every call path, not what a typical call costs: it compares no calls."
)

_TRUST = (Grade.PROVISIONAL, Grade.CERTIFIED)
"""Grades that may be advice, the weaker first."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One comparison as a large number: ``value`` with ``unit``, or the words that stand in for a number."""

    mode: str
    condition: str
    value: str
    unit: str
    bounds: str
    said: words.Said
    sample: str
    is_claim: bool


@dataclass(frozen=True, slots=True)
class Row:
    """The other cells: one condition, one entry per mode."""

    condition: str
    entries: tuple[Answer | None, ...]


@dataclass(frozen=True, slots=True)
class Noise:
    """What may be said of these modes, with the noise floor and the smallest effect that could have been detected."""

    modes: str
    said: words.Said
    bounds: str


@dataclass(frozen=True, slots=True)
class Pick:
    """A recommended setting for the first screen."""

    name: str
    value: str
    condition: str
    grade: str
    why: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    sentence: str
    caveat: str
    load: str
    answers: tuple[Answer, ...]
    modes: tuple[str, ...]
    rows: tuple[Row, ...]
    hidden_rows: int
    has_growth: bool
    under_faults: str
    noise: tuple[Noise, ...]
    plot: Markup
    picks: tuple[Pick, ...]
    has_config: bool
    examples: int
    refused: int
    facts: tuple[tuple[str, str], ...]
    strength: str
    doubts: int
    is_complete: bool


def context(material: Material) -> Context:
    """Answer the four questions in words; computes nothing."""
    findings = material.findings
    comparisons = findings.headline.comparisons
    conditions = _by_condition(comparisons)
    first = next(iter(conditions.values()), {})
    rows = [Row(name, tuple(_entry(cells, mode) for mode in _modes(comparisons))) for name, cells in conditions.items()]
    load = findings.headline.load
    trusted = not findings.causality_violations
    grown = min((growth.blocks for growth in findings.growth), default=0)
    blocks = min((comparison.blocks for comparison in comparisons), default=grown)
    return Context(
        sentence=_lede(findings, tuple(first.values()), load),
        caveat=_caveat(findings),
        load=words.load_name(load),
        answers=tuple(_answer(comparison, trusted=trusted) for comparison in first.values()),
        modes=_modes(comparisons),
        rows=tuple(rows[1 : 1 + ROWS_SHOWN]),
        hidden_rows=max(0, len(rows) - 1 - ROWS_SHOWN),
        has_growth=bool(findings.growth),
        under_faults=_under_faults(findings),
        noise=_noise(tuple(first.values())),
        plot=_plot(tuple(first.values()), findings.headline.null_comparisons),
        picks=_picks(material.settings),
        has_config=bool(material.config_text),
        examples=sum(setting.grade is Grade.EXAMPLE for setting in material.settings),
        refused=sum(setting.grade is Grade.INSUFFICIENT_DATA for setting in material.settings),
        facts=_facts(findings, comparisons),
        strength=words.strength(blocks),
        doubts=len(applying(findings)),
        is_complete=all(run.is_complete for run in findings.runs),
    )


def _under_faults(findings: Findings) -> str:
    """How many cases of the measured clients did not hold; empty where no fault was injected."""
    cases = [each for each in findings.faults if each.arm not in CONTROLS]
    broken = sum(each.verdict != FaultVerdict.HELD for each in cases)
    return f"{fmt.count(broken)} of {fmt.count(len(cases))} did not hold" if cases else ""


def _lede(findings: Findings, first: tuple[Comparison, ...], load: str) -> str:
    """What this run can answer, where it compares no plain calls."""
    if not first and findings.growth:
        return ONLY_GROWTH
    return ONLY_FAULTS if not first and findings.faults and not findings.calls_total else _sentence(first, load)


def _by_condition(comparisons: Sequence[Comparison]) -> dict[str, dict[str, Comparison]]:
    found: dict[str, dict[str, Comparison]] = {}
    for comparison in sorted(comparisons, key=lambda c: c.cell.stream):
        name = words.cell_name(comparison.cell, load=False, mode=False)
        found.setdefault(name, {}).setdefault(comparison.cell.mode, comparison)
    return found


def _modes(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(comparison.cell.mode for comparison in comparisons))


def _entry(cells: dict[str, Comparison], mode: str) -> Answer | None:
    return _answer(cells[mode]) if mode in cells else None


def _answer(comparison: Comparison, *, trusted: bool = True) -> Answer:
    value, unit, bounds = _shown(comparison)
    return Answer(
        mode=comparison.cell.mode,
        condition=words.cell_name(comparison.cell, load=False, mode=False),
        value=value,
        unit=unit,
        bounds=bounds,
        said=words.said(comparison),
        sample=words.sample(comparison),
        is_claim=trusted and comparison.verdict in (Verdict.SLOWER, Verdict.FASTER),
    )


def _shown(comparison: Comparison) -> tuple[str, str, str]:
    """The number as the first screen may show it: what is not claimed is no large number, only its raw interval."""
    value, unit, bounds = _number(comparison)
    words_instead = {Verdict.BELOW_NOISE: "not claimed", Verdict.NO_DIFFERENCE: "none seen"}.get(comparison.verdict)
    if words_instead is None:
        return value, unit, bounds
    return words_instead, "", f"raw {value}{fmt.SPACE}{unit} {bounds}"


def _number(comparison: Comparison) -> tuple[str, str, str]:
    if comparison.difference is None:
        value, _, unit = fmt.difference(comparison.median_difference_s, 2).rpartition(fmt.SPACE)
        return value or fmt.NONE, unit if value else "", "no interval"
    value, bounds, unit = fmt.interval_parts(comparison.difference)
    return value, unit, f"{bounds}{fmt.SPACE}{unit}"


def _sentence(comparisons: Sequence[Comparison], load: str) -> str:
    if not comparisons:
        return "This run holds no comparison of LiteLLM with a native SDK, so there is nothing to conclude yet."
    base = words.arm_name(comparisons[0].base)
    opening = f"Over the {base}, one {load} call through LiteLLM "
    clauses = [_clause(comparison) for comparison in comparisons]
    verbs = {verb for verb, _ in clauses}
    shared = verbs.pop() if len(verbs) == 1 else None
    spoken = [rest for _, rest in clauses] if shared else [f"{verb} {rest}" for verb, rest in clauses]
    return f"{opening}{shared or ''} {' and '.join(spoken)}.".replace("  ", " ")


def _clause(comparison: Comparison) -> tuple[str, str]:
    mode = comparison.cell.mode
    value, unit, _ = _number(comparison)
    size = f"{value.lstrip('+' + fmt.MINUS)}{fmt.SPACE}{unit}"
    match comparison.verdict:
        case Verdict.SLOWER:
            return "takes", f"{size} longer ({mode})"
        case Verdict.FASTER:
            return "takes", f"{size} less ({mode})"
        case Verdict.BELOW_NOISE:
            return "differs by no more than this run’s own noise", f"({mode})"
        case Verdict.NO_DIFFERENCE:
            return "shows no difference that these blocks could see", f"({mode})"
        case Verdict.INCONCLUSIVE:
            return "measured, not yet conclusively,", f"{value}{fmt.SPACE}{unit} ({mode})"
        case Verdict.NOT_ENOUGH_BLOCKS:
            return "measured, from too few blocks for an interval,", f"{value}{fmt.SPACE}{unit} ({mode})"


def _caveat(findings: Findings) -> str:
    if findings.causality_violations:
        return "In some calls an effect was stamped before its cause: use none of these numbers."
    if findings.headline.comparisons and findings.headline.load != "paced":
        return (
            "Measured hot, back to back: real calls are paced and cost more. Add paced cells for the number to quote."
        )
    return ""


def _noise(comparisons: Sequence[Comparison]) -> tuple[Noise, ...]:
    alike: dict[words.Said, list[Comparison]] = {}
    for comparison in comparisons:
        alike.setdefault(words.said(comparison), []).append(comparison)
    return tuple(
        Noise(
            modes=" and ".join(c.cell.mode for c in group),
            said=said,
            bounds=_bounds(group),
        )
        for said, group in alike.items()
    )


def _bounds(comparisons: Sequence[Comparison]) -> str:
    floors = dict.fromkeys(fmt.duration(c.noise_floor_s, 2) for c in comparisons if c.noise_floor_s is not None)
    known = [c.minimum_detectable_s for c in comparisons if c.minimum_detectable_s is not None]
    detectable = dict.fromkeys(fmt.duration(seconds, 2) for seconds in known)
    parts = [f"Noise floor {' and '.join(floors)}"] if floors else []
    parts += [f"detectable from {' and '.join(detectable)}"] if detectable else []
    return f"{'; '.join(parts)}." if parts else ""


def _plot(comparisons: Sequence[Comparison], nulls: Sequence[Comparison]) -> Markup:
    groups = [
        ForestGroup(
            comparison.cell.mode,
            tuple(forest_row(c) for c in (comparison, *nulls) if c.cell == comparison.cell),
            comparison.noise_floor_s,
        )
        for comparison in comparisons
    ]
    caption = Caption("answer-plot", "LiteLLM against the A/A control", "The numbers are in the text beside it.")
    return forest(groups, caption, "difference per call", frames=("narrow",))


def _advice(settings: Sequence[Setting]) -> list[Setting]:
    return [setting for setting in settings if setting.grade in _TRUST]


def _picks(settings: Sequence[Setting]) -> tuple[Pick, ...]:
    """One pick per setting and value; what holds in several conditions is said once, with the first one's reason."""
    alike: dict[tuple[str, str], list[Setting]] = {}
    for setting in _advice(settings):
        value = fmt.plain(fmt.setting_value(setting.value, setting.unit))
        alike.setdefault((fmt.plain(setting.setting), value), []).append(setting)
    return tuple(_pick(name, value, group) for (name, value), group in list(alike.items())[:SETTINGS_SHOWN])


def _pick(name: str, value: str, group: Sequence[Setting]) -> Pick:
    first, *others = group
    more = f" and {len(others)} more condition{'s' if len(others) > 1 else ''}" if others else ""
    return Pick(
        name=name,
        value=value,
        condition=f"{condition(first.applies_to)}{more}",
        grade=min((setting.grade for setting in group), key=_TRUST.index).value,
        why=fmt.plain(first.why).partition(";")[0],
    )


def _facts(findings: Findings, comparisons: Sequence[Comparison]) -> tuple[tuple[str, str], ...]:
    run = findings.runs[-1] if findings.runs else None
    sizes = sorted({(c.blocks, c.calls_per_block) for c in comparisons})
    loads = dict.fromkeys([findings.headline.load] if comparisons else [growth.load for growth in findings.growth])
    facts = [
        ("Blocks × calls", "; ".join(f"{blocks} × {calls} per arm and cell" for blocks, calls in sizes) or fmt.NONE),
        ("Calls in all", f"{fmt.count(findings.calls_total)}, {fmt.count(findings.calls_failed)} failed"),
        ("Load", "; ".join(map(words.load_name, loads)) or fmt.NONE),
        ("Latencies", words.origins(c.cell for c in comparisons)),
    ]
    if findings.observed:
        real = sum(each.calls for each in findings.observed)
        facts.append(("Real calls, measured or imported", fmt.count(real)))
    if run is not None and not run.is_complete:
        facts.append(("Run", f"interrupted after {run.blocks_done} of {run.blocks_planned} blocks"))
    return tuple(facts)
