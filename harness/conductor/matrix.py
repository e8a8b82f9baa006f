"""Owns what a fault matrix consists of: groups, cases, what each setting asks for, which cases share a child. Pure.

A group is an arm, a provider and a colour: one forking process, a child for each case or for a few that end soon.
Groups are the blocks of such a run. Made by ``fault_run``, measured by ``group_run``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from harness import arms as arm_names
from harness.arms import ArmName
from harness.clients import ClientFacts, Question, client_named
from harness.fault import Scenario
from harness.fault_plan import FaultPlan
from harness.load.outcome import Truth
from harness.vocabulary import FaultSetting, Mode

HEALTHY = "healthy"
SHARING = {
    FaultSetting.DEFAULT: (12, 1),
    FaultSetting.LIMITED: (12, 6),
    FaultSetting.RETRYING: (6, 3),
    FaultSetting.GUARDED: (12, 6),
}
"""How many cases share a child at most: those that end soon by themselves, and those that a limit is to end. One that
hangs all the same takes its child with it, and those behind it get another."""

_BACKOFF_S = 2.0
"""What a client may sleep before each retry, in the worst case computed from its settings."""


@dataclass(frozen=True, slots=True)
class Cassetted:
    """One cell of the matrix's workload: question and cassette by provider and stream."""

    question: Question
    cassette_id: str
    truth_of: Callable[[Scenario], Truth]


@dataclass(frozen=True, slots=True)
class Group:
    """An arm, a provider and a colour."""

    arm: str
    provider: str
    mode: Mode

    @property
    def path(self) -> str:
        """The client module."""
        return self.name.path

    @property
    def name(self) -> ArmName:
        """The arm's parts; controls and chains have none but their path."""
        return ArmName(self.arm) if self.arm in arm_names.MATRIX_ONLY else arm_names.parse(self.arm)

    @property
    def client(self) -> str:
        """What is measured, of the closed set; a control is itself."""
        if self.arm in arm_names.CONTROLS:
            return self.arm
        return "litellm" if self.is_chain else arm_names.path_named(self.arm).client

    @property
    def is_chain(self) -> bool:
        """Whether a second link stands behind the first."""
        return self.arm in arm_names.CHAINS

    @property
    def links(self) -> int:
        """How many links a call may pass through."""
        return 2 if self.is_chain else 1

    @property
    def is_gateway(self) -> bool:
        """Whether its calls go through a gateway."""
        return self.arm not in arm_names.MATRIX_ONLY and arm_names.path_named(self.arm).role == "gateway"

    @property
    def facts(self) -> ClientFacts:
        """What the client says of itself."""
        return client_named(self.path).FACTS

    def __str__(self) -> str:
        return f"{self.arm}/{self.provider}/{self.mode}"


@dataclass(frozen=True, slots=True)
class Case:
    """One call to make: its number in the journal, its scenario, shape, setting, and which one of its kind it is: of
    repetitions, or of the calls that arrive around an outage.
    """

    number: int
    scenario: Scenario
    stream: bool
    setting: FaultSetting
    repeat: int

    def __str__(self) -> str:
        return "/".join((self.scenario.name, "stream" if self.stream else "whole", self.setting, str(self.repeat)))

    @property
    def arrivals(self) -> str:
        """What the calls around one outage have in common: the number of the first of them."""
        return str(self.number - self.repeat)


@dataclass(frozen=True, slots=True)
class Matrix:
    """All that is to be measured, concrete. ``cassetted`` is by (provider, stream)."""

    run_id: str
    plan: FaultPlan
    scenarios: Mapping[str, Scenario]
    cassetted: Mapping[tuple[str, bool], Cassetted]
    seed: int

    def groups(self) -> tuple[Group, ...]:
        """Every group that some client can make, in the plan's order."""
        wanted = (
            Group(arm, provider, mode)
            for arm in self.plan.arms
            for provider in self.plan.models
            for mode in self.plan.modes
        )
        return tuple(group for group in wanted if group.facts.can(group.provider, "chat", group.mode))

    def cases(self, block: int, group: Group) -> list[Case]:
        """The group's cases in the order they are started: shuffled, so that no kind of fault comes in a crowd; around
        an outage as they arrive.
        """
        outage = self.plan.outage
        kinds = [
            (scenario, stream, setting, repeat)
            for scenario in self.scenarios.values()
            if group.provider in scenario.providers and not (group.is_chain and scenario.expected.answer == "as_sent")
            for stream in self.plan.streams
            if stream in scenario.streams
            for setting in self.plan.settings
            if _is_worth(scenario, setting) and not (group.is_chain and setting is FaultSetting.GUARDED)
            if outage is None or scenario.act is not None
            for repeat in range(outage.calls if outage else self.plan.repeats)
        ]
        if outage is None:
            random.Random(f"{self.seed}/{block}").shuffle(kinds)
        return [Case(first_number(block) + position, *kind) for position, kind in enumerate(kinds)]


def _is_worth(scenario: Scenario, setting: FaultSetting) -> bool:
    """A guard matters where a call may hang, retries where an attempt fails; elsewhere they repeat what is known."""
    if scenario.act is None:
        return True
    if setting is FaultSetting.GUARDED:
        return scenario.family in ("connection", "silence", "slow")
    return setting is not FaultSetting.RETRYING or scenario.family not in ("malformed", "ending")


def first_number(block: int) -> int:
    """Call numbers are unique within a run and the same when a group is measured again."""
    return block * 100_000 + 1


def limit_s(plan: FaultPlan, setting: FaultSetting, links: int = 1) -> float | None:
    """By when control must be back: the worst case that the setting itself promises, each link of a chain in its turn;
    None where it promises none.
    """
    match setting:
        case FaultSetting.DEFAULT:
            return None
        case FaultSetting.RETRYING:
            return links * (plan.limit_s * (plan.retries + 1) + _BACKOFF_S * plan.retries)
        case FaultSetting.LIMITED | FaultSetting.GUARDED:
            return links * plan.limit_s


def retries_asked(plan: FaultPlan, setting: FaultSetting) -> int | None:
    """How many retries the client is asked for; None where its default is left."""
    return {FaultSetting.DEFAULT: None, FaultSetting.RETRYING: plan.retries}.get(setting, 0)


def window_s(plan: FaultPlan, setting: FaultSetting, links: int = 1) -> float:
    """How long control is waited for: the plan's window, and longer where the setting itself allows more."""
    return max(plan.window_s, (limit_s(plan, setting, links) or 0) + plan.limit_s)


def batches(cases: Sequence[Case]) -> list[list[Case]]:
    """What each child is given: cases share one with others of their shape and setting, as many as ``SHARING`` says.
    Children that a limit or their window ends come first, for they only wait while the others keep the machine busy.
    """
    found: list[list[Case]] = []
    open_ones: dict[tuple[bool, FaultSetting, bool], list[Case]] = {}
    for case in cases:
        is_soon = _is_soon_over(case.scenario)
        kind = (case.stream, case.setting, is_soon)
        shared = open_ones.get(kind)
        if shared is None or len(shared) == SHARING[case.setting][not is_soon]:
            open_ones[kind] = [case]
            found.append(open_ones[kind])
        else:
            shared.append(case)
    return sorted(
        found, key=lambda batch: (_is_soon_over(batch[0].scenario), batch[0].setting != FaultSetting.RETRYING)
    )


def outages(cases: Sequence[Case]) -> list[list[Case]]:
    """What each child is given where calls arrive around an outage: all the calls of one fault, shape and setting."""
    return [list(calls) for _, calls in groupby(cases, key=lambda case: case.arrivals)]


def _is_soon_over(scenario: Scenario) -> bool:
    if scenario.act is None:
        return True
    return scenario.family in ("cut", "status", "malformed", "ending") and scenario.act.retry_after is None


def with_second_link(scenario: Scenario) -> Scenario:
    """The scenario as a chain meets it: its second link has the true answer whatever befalls the first."""
    expected = scenario.expected.model_copy(update={"answer": "whole"})
    return scenario.model_copy(update={"expected": expected})
