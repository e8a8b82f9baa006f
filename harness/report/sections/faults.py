"""When things go wrong: every fault against every call path, the worst in words, each cell with its evidence."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.analysis.outcomes import FaultOutcome, Unclassified
from harness.arms import CHAINS, CONTROLS
from harness.report import format as fmt
from harness.report import words
from harness.report.material import Material
from harness.report.palette import role
from harness.vocabulary import FaultSetting, FaultVerdict

TITLE = "When things go wrong"

SHOWN_FIRST = FaultSetting.LIMITED
WORST_SHOWN = 5

VERDICTS: dict[str, tuple[str, str, str]] = {
    FaultVerdict.HUNG: ("H", "hung", "still waiting for an answer when the process was killed"),
    FaultVerdict.WRONG_SUCCESS: ("W", "wrong success", "a broken answer was passed off as a good one"),
    FaultVerdict.LATE: (
        "L",
        "late",
        "control came back a quarter of a second or more past the limit, or was kept between retries",
    ),
    FaultVerdict.MULTIPLIED: ("M", "multiplied", "more requests on the wire than were asked for"),
    FaultVerdict.MISCLASSIFIED: ("X", "misclassified", "the exception sends the caller the wrong way"),
    FaultVerdict.LEAKED: ("K", "leaked", "a thread, a descriptor, a task or the connection stayed behind"),
    FaultVerdict.HELD: ("·", "held", "control back in time, with the true answer or an honest error"),
    FaultVerdict.UNCLASSIFIED: ("?", "unclassified", "a version that was never looked at"),
}
"""Verdict → its letter, its name, what it means; the gravest first."""

SETTINGS = {
    FaultSetting.DEFAULT: "the client’s own defaults",
    FaultSetting.LIMITED: "a limit, retries off",
    FaultSetting.RETRYING: "a limit and retries",
    FaultSetting.GUARDED: "retries off, the guard outside the client",
}
_ORDER = [str(verdict) for verdict in FaultVerdict]
_FAMILIES = ("healthy", "connection", "silence", "slow", "cut", "status", "malformed", "ending")


@dataclass(frozen=True, slots=True)
class Column:
    """One call path to one provider."""

    arm: str
    provider: str
    role: str
    version: str


@dataclass(frozen=True, slots=True)
class Cell:
    """The gravest verdict of the colours and shapes of one fault on one call path; empty where it was not measured."""

    place: str
    letter: str
    word: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Row:
    """One fault."""

    fault: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    cases: str
    shown: str
    columns: tuple[Column, ...]
    families: tuple[tuple[str, tuple[Row, ...]], ...]
    legend: tuple[tuple[str, str, str, str], ...]
    worst: tuple[str, ...]
    controls: str
    flapping: tuple[str, ...]
    unclassified: tuple[str, ...]
    totals: tuple[tuple[str, tuple[str, ...]], ...]
    data: str


def context(material: Material) -> Context:
    """The matrix under one setting as a table; all of it as data for whoever opens a cell or turns a filter."""
    outcomes = material.findings.faults
    settings = [setting for setting in FaultSetting if any(each.setting == setting for each in outcomes)]
    shown = SHOWN_FIRST if SHOWN_FIRST in settings else settings[0] if settings else None
    columns = list(dict.fromkeys((each.arm, each.provider) for each in outcomes))
    faults = sorted(
        dict.fromkeys((each.family, each.fault) for each in outcomes),
        key=lambda pair: (_FAMILIES.index(pair[0]), pair[1]),
    )
    of_shown = [each for each in outcomes if each.setting == shown]
    names = [fault for _, fault in faults]
    return Context(
        cases=fmt.count(sum(len(each.verdicts) for each in outcomes)),
        shown=SETTINGS[shown] if shown else "",
        columns=tuple(_column(arm, provider, outcomes) for arm, provider in columns),
        families=tuple(
            (family, tuple(_row(fault, names.index(fault), columns, of_shown) for _, fault in pairs))
            for family, pairs in groupby(faults, key=lambda pair: pair[0])
        ),
        legend=tuple((str(verdict), *said) for verdict, said in VERDICTS.items()),
        worst=tuple(worst(outcomes)),
        controls=_controls(outcomes),
        flapping=tuple(_flap(each) for each in outcomes if each.flaps),
        unclassified=tuple(_unclassified(each) for each in material.findings.unclassified),
        totals=tuple(_totals(setting, outcomes) for setting in settings),
        data=_data(outcomes, columns, names, settings, shown),
    )


def _column(arm: str, provider: str, outcomes: Sequence[FaultOutcome]) -> Column:
    version = next(each.client_version for each in outcomes if (each.arm, each.provider) == (arm, provider))
    return Column(words.arm_name(arm), fmt.plain(provider), role(arm), fmt.plain(version))


def _row(fault: str, position: int, columns: Sequence[tuple[str, str]], outcomes: Sequence[FaultOutcome]) -> Row:
    cells = []
    for number, (arm, provider) in enumerate(columns):
        verdicts = [
            each.verdict for each in outcomes if (each.fault, each.arm, each.provider) == (fault, arm, provider)
        ]
        cells.append(_cell(f"{position},{number}", verdicts))
    return Row(fmt.plain(fault), tuple(cells))


def _cell(place: str, verdicts: Sequence[str]) -> Cell:
    if not verdicts:
        return Cell(place, "", "not measured", "none")
    gravest = min(verdicts, key=_ORDER.index)
    letter, word, _ = VERDICTS[FaultVerdict(gravest)]
    return Cell(place, letter, word, gravest)


def worst(outcomes: Sequence[FaultOutcome]) -> Iterator[str]:
    """The gravest findings in words: of every verdict the call path that it meets most often, the gravest first; then
    the next of each. Bare HTTP, which nobody ships, is left out.

    Of calls with a limit and retries off; of multiplied requests, of those that ask for retries.
    """
    groups: dict[tuple[str, str, str], list[FaultOutcome]] = {}
    asked: Counter[tuple[str, str]] = Counter()
    for each in outcomes:
        is_counted = each.setting == (
            FaultSetting.RETRYING if each.verdict == FaultVerdict.MULTIPLIED else FaultSetting.LIMITED
        )
        if each.arm in CONTROLS or each.arm in CHAINS or role(each.arm) == "raw":
            continue
        asked[each.arm, each.provider] += each.setting == FaultSetting.LIMITED
        if is_counted and each.verdict not in (FaultVerdict.HELD, FaultVerdict.UNCLASSIFIED):
            groups.setdefault((each.verdict, each.arm, each.provider), []).append(each)
    by_verdict: dict[str, dict[str, tuple[str, str, list[FaultOutcome]]]] = {}
    for (verdict, arm, provider), cases in sorted(groups.items(), key=lambda item: -len(item[1])):
        by_verdict.setdefault(verdict, {}).setdefault(arm, (arm, provider, cases))
    ranked = [
        (rank, _ORDER.index(verdict), verdict, found)
        for verdict, arms in by_verdict.items()
        for rank, found in enumerate(arms.values())
    ]
    for _, _, verdict, (arm, provider, cases) in sorted(ranked, key=lambda item: item[:2])[:WORST_SHOWN]:
        yield _sentence(FaultVerdict(verdict), arm, provider, cases, asked[arm, provider])


def _sentence(verdict: FaultVerdict, arm: str, provider: str, cases: Sequence[FaultOutcome], asked: int) -> str:
    who = f"{words.arm_name(arm)} to {fmt.plain(provider)}"
    share = f"in {len(cases)} of {asked} cases with {SETTINGS[FaultSetting.LIMITED]}"
    faults = ", ".join(dict.fromkeys(fmt.plain(each.fault) for each in cases[:40]))
    match verdict:
        case FaultVerdict.HUNG:
            return f"{who} had not given control back after {cases[0].window_s:g} s {share}: {faults}."
        case FaultVerdict.WRONG_SUCCESS:
            stops = sum(each.finish_reason == "stop" for each in cases)
            how = f"{stops} of them with finish reason stop"
            return f"{who} passed a broken answer off as a good one {share}, {how}: {faults}."
        case FaultVerdict.LATE:
            longest = max(each.duration_s or each.window_s for each in cases)
            return f"{who} overran its limit {share}, by up to {fmt.duration(longest)} in all: {faults}."
        case FaultVerdict.MULTIPLIED:
            most = max(cases, key=lambda each: each.attempts or 0)
            return (
                f"{who} made up to {most.attempts} requests where {1 + (most.retries_asked or 0)} were asked for, "
                f"{SETTINGS[FaultSetting.RETRYING]}: {faults}."
            )
        case FaultVerdict.MISCLASSIFIED:
            first = cases[0]
            example = f"as by {fmt.plain(first.error_class)} for {fmt.plain(first.fault)}"
            return f"{who} sent its caller the wrong way {share}, {example}: {faults}."
        case FaultVerdict.LEAKED:
            return f"{who} left something behind {share}: {faults}."
        case FaultVerdict.HELD | FaultVerdict.UNCLASSIFIED:
            raise AssertionError("not a finding")


def _controls(outcomes: Sequence[FaultOutcome]) -> str:
    """What the two clients of known behaviour say of the matrix itself; empty where they are not in it."""
    sound = [each for each in outcomes if each.arm == "control_sound"]
    broken = [each for each in outcomes if each.arm == "control_broken"]
    if not sound or not broken:
        return ""
    wrong = [each for each in sound if each.verdict != FaultVerdict.HELD]
    caught = Counter(each.verdict for each in broken if each.verdict != FaultVerdict.HELD)
    found = ", ".join(f"{VERDICTS[FaultVerdict(verdict)][1]} {count}×" for verdict, count in caught.most_common())
    accused = f"; not held were {', '.join(dict.fromkeys(each.fault for each in wrong))}" if wrong else ""
    return (
        f"Two clients of our own control the matrix: the sound one held in {len(sound) - len(wrong)} of {len(sound)} "
        f"cases{accused}; the broken one was caught in {sum(caught.values())} of {len(broken)} ({found})."
    )


def _flap(each: FaultOutcome) -> str:
    shape = "streamed" if each.stream else "whole"
    seen = ", ".join(VERDICTS[FaultVerdict(verdict)][1] for verdict in each.verdicts)
    who = f"{words.arm_name(each.arm)} to {fmt.plain(each.provider)}"
    return f"{fmt.plain(each.fault)}, {who}, {each.mode}, {shape}, {SETTINGS[FaultSetting(each.setting)]}: {seen}"


def _unclassified(each: Unclassified) -> str:
    known = f"; what is known of {', '.join(map(fmt.plain, each.known))} is not taken for it" if each.known else ""
    return f"{words.arm_name(each.arm)} {fmt.plain(each.version)} is unclassified: no fault was put to it{known}."


def _totals(setting: FaultSetting, outcomes: Sequence[FaultOutcome]) -> tuple[str, tuple[str, ...]]:
    found = Counter(each.verdict for each in outcomes if each.setting == setting and each.arm not in CONTROLS)
    return SETTINGS[setting], tuple(fmt.count(found.get(str(verdict), 0)) for verdict in VERDICTS)


def _data(
    outcomes: Sequence[FaultOutcome],
    columns: Sequence[tuple[str, str]],
    faults: Sequence[str],
    settings: Sequence[FaultSetting],
    shown: FaultSetting | None,
) -> str:
    """Everything, compact: words in lists, cases as numbers into them, by the place of their cell."""
    classes = list(dict.fromkeys(each.error_class for each in outcomes if each.error_class))
    finishes = list(dict.fromkeys(each.finish_reason for each in outcomes if each.finish_reason))
    modes = list(dict.fromkeys(each.mode for each in outcomes))
    cases: dict[str, list[list[int | None]]] = {}
    places = {pair: number for number, pair in enumerate(columns)}
    rows = {fault: number for number, fault in enumerate(faults)}
    for each in outcomes:
        place = f"{rows[each.fault]},{places[each.arm, each.provider]}"
        cases.setdefault(place, []).append(
            [
                settings.index(FaultSetting(each.setting)),
                modes.index(each.mode),
                int(each.stream),
                _ORDER.index(each.verdict),
                None if each.duration_s is None else round(each.duration_s * 1000),
                None if each.error_class is None else classes.index(each.error_class),
                each.status,
                each.attempts,
                None if each.finish_reason is None else finishes.index(each.finish_reason),
                round(each.window_s * 1000),
            ]
        )
    document = {
        "settings": [SETTINGS[setting] for setting in settings],
        "shown": settings.index(shown) if shown else 0,
        "modes": modes,
        "verdicts": [[word, *VERDICTS[FaultVerdict(word)][:2]] for word in _ORDER],
        "classes": classes,
        "finishes": finishes,
        "faults": list(faults),
        "columns": [f"{words.arm_name(arm)} to {provider}" for arm, provider in columns],
        "providers": [provider for _, provider in columns],
        "cases": cases,
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
