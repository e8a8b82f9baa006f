"""Fallback chains: for which faults the second link answers, after how long, for how many requests; for which never."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from harness.analysis.outcomes import FaultOutcome
from harness.arms import CHAINS
from harness.report import format as fmt
from harness.report import words
from harness.report.material import Material
from harness.report.sections.faults import SETTINGS
from harness.vocabulary import FaultSetting

TITLE = "Fallback chains"

_NAMED = 10
_UNTESTED = ("healthy", "ending")
"""Families under which there is nothing to fail over from."""

_NOTES = {
    "litellm_router_spread": " All weight lies on its failing deployment: a call moves on only by a retry that finds "
    "that one cooled down, so without retries it cannot."
}


@dataclass(frozen=True, slots=True)
class Row:
    """One chain in a colour and a shape under a setting."""

    chain: str
    mode: str
    shape: str
    setting: str
    failed_over: str
    after: str
    requests: str
    first_answered: str
    errors: str
    wrong: str
    hung: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    sentences: tuple[str, ...]
    rows: tuple[Row, ...]


def context(material: Material) -> Context:
    """A row per chain, colour, shape and setting; a sentence per chain."""
    outcomes = [each for each in material.findings.faults if each.arm in CHAINS and each.family not in _UNTESTED]
    groups: dict[tuple[str, str, bool, str], list[FaultOutcome]] = {}
    for each in outcomes:
        groups.setdefault((each.arm, each.mode, each.stream, each.setting), []).append(each)
    return Context(tuple(_sentences(outcomes)), tuple(_row(group) for group in groups.values()))


def _sentences(outcomes: Sequence[FaultOutcome]) -> Iterator[str]:
    for arm in dict.fromkeys(each.arm for each in outcomes):
        mine = [each for each in outcomes if each.arm == arm]
        said = [_said(mine, setting) for setting in (FaultSetting.LIMITED, FaultSetting.RETRYING)]
        if any(said):
            yield f"{words.arm_name(arm)} failed over {'; '.join(filter(None, said))}.{_NOTES.get(arm, '')}"


def _said(outcomes: Sequence[FaultOutcome], setting: FaultSetting) -> str:
    cases = [each for each in outcomes if each.setting == setting]
    if not cases:
        return ""
    never = [
        fault
        for fault in dict.fromkeys(each.fault for each in cases)
        if not any(each.failed_over for each in cases if each.fault == fault)
    ]
    took = [each.duration_s for each in cases if each.failed_over and each.duration_s is not None]
    after = (
        f", after {fmt.duration(median(took), 2)} at the median and {fmt.duration(max(took), 2)} at most"
        if took
        else ""
    )
    faults = len({each.fault for each in cases})
    named = ", ".join(map(fmt.plain, never)) if len(never) <= _NAMED else f"{len(never)} of {faults} faults"
    return f"in {len(took)} of {len(cases)} cases with {SETTINGS[setting]}{after}" + (
        f", never for {named}" if never else ""
    )


def _row(cases: Sequence[FaultOutcome]) -> Row:
    first = cases[0]
    over = [each for each in cases if each.failed_over]
    took = [each.duration_s for each in over if each.duration_s is not None]
    paid = [each.attempts for each in over if each.attempts is not None]
    rest = [each for each in cases if not each.failed_over]
    return Row(
        chain=words.arm_name(first.arm),
        mode=fmt.plain(first.mode),
        shape="streamed" if first.stream else "whole",
        setting=SETTINGS[FaultSetting(first.setting)],
        failed_over=f"{len(over)} of {len(cases)}",
        after=f"{fmt.duration(median(took), 2)}, at most {fmt.duration(max(took), 2)}" if took else fmt.NONE,
        requests=f"{min(paid)} to {max(paid)}" if paid else fmt.NONE,
        first_answered=_named([each for each in rest if each.outcome == "returned" and each.is_true_answer]),
        errors=_named([each for each in rest if each.outcome in ("raised", "unreadable")]),
        wrong=_named([each for each in rest if each.outcome == "returned" and not each.is_true_answer]),
        hung=_named([each for each in rest if each.outcome == "killed"]),
    )


def _named(cases: Sequence[FaultOutcome]) -> str:
    return ", ".join(fmt.plain(each.fault) for each in cases) or fmt.NONE
