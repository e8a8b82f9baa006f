"""Retries: what one call can turn into, by the requests on the wire and by the time they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.outcomes import OutageFacts, RetryFacts
from harness.arms import MATRIX_ONLY
from harness.report import format as fmt
from harness.report import words
from harness.report.material import Material
from harness.report.palette import role
from harness.report.sections.faults import SETTINGS
from harness.vocabulary import FaultSetting

TITLE = "Retries: what one call can turn into"


@dataclass(frozen=True, slots=True)
class Row:
    """One call path under one setting; colours that agree share a row."""

    arm: str
    role: str
    provider: str
    modes: str
    setting: str
    requests: str
    is_more: bool
    wall: str
    longest: str
    is_longer: bool
    one_second: str
    half_a_minute: str


@dataclass(frozen=True, slots=True)
class OutageRow:
    """One call path in a colour under one setting, around an outage."""

    arm: str
    role: str
    provider: str
    mode: str
    setting: str
    requests: str
    amplification: str
    is_more: bool
    peak: str
    succeeded: str
    slowest: str
    after: str


@dataclass(frozen=True, slots=True)
class OutageTable:
    """Everything around outages of one kind."""

    caption: str
    sentence: str
    rows: tuple[OutageRow, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    sentence: str
    rows: tuple[Row, ...]
    outages: tuple[OutageTable, ...]


def context(material: Material) -> Context:
    """One row per call path, provider and setting, colours merged where they did alike; and a table per outage."""
    facts = [each for each in material.findings.retries if each.arm not in MATRIX_ONLY and role(each.arm) != "raw"]
    merged: dict[tuple[object, ...], list[RetryFacts]] = {}
    for each in facts:
        alike = (each.arm, each.provider, each.setting, each.requests, each.waits_for_1_s, each.sleeps_for_30_s)
        merged.setdefault(alike, []).append(each)
    kinds: dict[tuple[str, float, float], list[OutageFacts]] = {}
    for outage in material.findings.outages:
        kinds.setdefault((outage.fault, outage.lasting_s, round(outage.every_s, 1)), []).append(outage)
    return Context(
        _sentence(facts),
        tuple(_row(group) for group in merged.values()),
        tuple(_outage(alike) for alike in kinds.values()),
    )


def _sentence(facts: Sequence[RetryFacts]) -> str:
    """The most that one call became where a number of retries was asked for."""
    asked = [each for each in facts if each.retries_asked is not None]
    if not asked:
        return ""
    most = max(asked, key=lambda each: each.requests - (each.retries_asked or 0))
    wanted = 1 + (most.retries_asked or 0)
    if most.requests <= wanted:
        return "No call path made more requests than its setting asks for."
    return (
        f"{words.arm_name(most.arm)} to {fmt.plain(most.provider)} turned one call into {most.requests} requests where "
        f"{wanted} were asked for."
    )


def _row(group: Sequence[RetryFacts]) -> Row:
    first = group[0]
    walls = [each.wall_s for each in group]
    return Row(
        arm=words.arm_name(first.arm),
        role=role(first.arm),
        provider=fmt.plain(first.provider),
        modes=", ".join(dict.fromkeys(each.mode for each in group)),
        setting=SETTINGS[FaultSetting(first.setting)],
        requests=f"{fmt.count(first.requests)} ({_asked(first)})",
        is_more=first.retries_asked is not None and first.requests > 1 + first.retries_asked,
        wall=" / ".join("not back" if wall is None else fmt.duration(wall, 2) for wall in walls)
        + ("" if first.promised_s is None else f" ({fmt.duration(first.promised_s, 2)})"),
        longest=_longest(group),
        is_longer=any(_is_longer(each) for each in group),
        one_second=_yes(first.waits_for_1_s),
        half_a_minute={None: fmt.NONE, True: "sleeps on", False: "gives up or ignores it"}[first.sleeps_for_30_s],
    )


def _afterwards(each: OutageFacts) -> str:
    """What became of the calls that arrived when it was over."""
    if not each.failed_after:
        return f"none of {fmt.count(each.calls_after)} failed"
    well = "not yet well" if each.well_again_s is None else f"well after {fmt.duration(each.well_again_s, 2)}"
    return f"{fmt.count(each.failed_after)} of {fmt.count(each.calls_after)} failed; {well}"


def _longest(group: Sequence[RetryFacts]) -> str:
    """The longest that any fault kept such a call."""
    late = sum(each.not_back for each in group)
    if late:
        return f"not back in {fmt.count(late)} cases"
    known = [each for each in group if each.longest_s is not None]
    if not known:
        return fmt.NONE
    most = max(known, key=lambda each: each.longest_s or 0)
    return f"{fmt.duration(most.longest_s, 2)} ({fmt.plain(most.longest_under)})"


def _is_longer(each: RetryFacts) -> bool:
    return each.promised_s is not None and each.overran > 0


def _outage(alike: Sequence[OutageFacts]) -> OutageTable:
    first = alike[0]
    lasting, every = fmt.duration(first.lasting_s, 2), fmt.duration(first.every_s, 2)
    most = max(alike, key=lambda each: each.amplification)
    return OutageTable(
        caption=f"{lasting} of {fmt.plain(first.fault)}, a call every {every} during it and after",
        sentence=(
            f"While every request failed for {lasting} and a call arrived every {every}, "
            f"{words.arm_name(most.arm)} ({fmt.plain(most.provider)}, {fmt.plain(most.mode)}, "
            f"{SETTINGS[FaultSetting(most.setting)]}) turned {fmt.count(most.calls)} calls into "
            f"{fmt.count(most.requests)} requests."
        ),
        rows=tuple(_outage_row(each) for each in alike),
    )


def _outage_row(each: OutageFacts) -> OutageRow:
    over = f", {fmt.count(each.second_link)} of them by the second link" if each.second_link else ""
    asked = 1 + each.retries_asked if each.retries_asked is not None else None
    return OutageRow(
        arm=words.arm_name(each.arm),
        role=role(each.arm),
        provider=fmt.plain(each.provider),
        mode=fmt.plain(each.mode),
        setting=SETTINGS[FaultSetting(each.setting)],
        requests=f"{fmt.count(each.requests)} of {fmt.count(each.calls)} calls",
        amplification=f"{each.amplification:.2f} ×",
        is_more=asked is not None and each.amplification > asked,
        peak=f"{each.peak_per_s:.1f}/s",
        succeeded=f"{fmt.count(each.succeeded)}{over}",
        slowest=f"{fmt.count(each.not_back)} not back" if each.not_back else fmt.duration(each.slowest_s, 2),
        after=_afterwards(each),
    )


def _asked(each: RetryFacts) -> str:
    return "default" if each.retries_asked is None else f"{fmt.count(1 + each.retries_asked)} asked"


def _yes(value: bool | None) -> str:
    return {None: fmt.NONE, True: "waited for", False: "no"}[value]
