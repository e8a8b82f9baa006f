"""Retries: what one call can turn into, by the requests on the wire and by the time they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.outcomes import RetryFacts
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
    asked: str
    requests: str
    is_more: bool
    wall: str
    promised: str
    one_second: str
    half_a_minute: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    sentence: str
    rows: tuple[Row, ...]


def context(material: Material) -> Context:
    """One row per call path, provider and setting; colours merged where they did alike."""
    facts = [each for each in material.findings.retries if each.arm not in MATRIX_ONLY]
    merged: dict[tuple[object, ...], list[RetryFacts]] = {}
    for each in facts:
        alike = (each.arm, each.provider, each.setting, each.requests, each.waits_for_1_s, each.sleeps_for_30_s)
        merged.setdefault(alike, []).append(each)
    return Context(_sentence(facts), tuple(_row(group) for group in merged.values()))


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
        asked="its default" if first.retries_asked is None else fmt.count(1 + first.retries_asked),
        requests=fmt.count(first.requests),
        is_more=first.retries_asked is not None and first.requests > 1 + first.retries_asked,
        wall=" / ".join("not back" if wall is None else fmt.duration(wall, 2) for wall in walls),
        promised=fmt.NONE if first.promised_s is None else fmt.duration(first.promised_s, 2),
        one_second=_yes(first.waits_for_1_s),
        half_a_minute={None: fmt.NONE, True: "sleeps on", False: "gives up or ignores it"}[first.sleeps_for_30_s],
    )


def _yes(value: bool | None) -> str:
    return {None: fmt.NONE, True: "waited for", False: "no"}[value]
