"""Owns a fault matrix from its plan to its rows: the cases, the groups they are measured in, many at once, the join
with the journal.

A group is an arm, a provider and a colour: one forking process, a child for each case or for a few that end soon.
Groups are the blocks of such a run: killed at any moment it keeps every group that was finished. Called by
``commands``.
"""

from __future__ import annotations

import math
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from harness import arms as arm_names
from harness.arms import ArmName
from harness.clients import ClientFacts, Question, Target, client_named
from harness.conductor.cells import RESERVED_API_KEY
from harness.conductor.environments import DEFAULT, interpreter
from harness.conductor.gateway import Deployment, Gateway
from harness.conductor.processes import WorkerLostError
from harness.conductor.verdicts import Left, Wire, verdicts
from harness.conductor.zygotes import ZygoteProcess
from harness.fault import Scenario
from harness.fault_plan import FaultPlan
from harness.guard import Limits
from harness.load.outcome import Truth
from harness.load.probe import CaseSpec, Report
from harness.record import FaultCase
from harness.replay.journal import JournalEntry, JournalReader
from harness.replay.launch import BackendProcess
from harness.replay.routes import base_url
from harness.vocabulary import FaultSetting, FaultVerdict, Mode

ALIVE_AT_ONCE = 48
STARTING_AT_ONCE = 2
SHARING = (8, 3)
"""How many cases share a child at most: without retries, and with retries and the pauses between them."""

_SETTLING_S = 0.06
"""How long after its call began a child still counts as busy: then it waits, or has ended."""

_BACKOFF_S = 2.0
"""What a client may sleep before each retry, in the worst case computed from its settings."""

_JOURNAL_S = 0.3
_KILLED = (signal.SIGALRM, signal.SIGKILL)
"""How a child ends that was waited for too long; any other end without a report is a fault of ours."""

WARMING_S = 10.0
"""The clients' own limit on the sound call that comes first."""

HEALTHY = "healthy"


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
    """One call to make: its number in the journal, its scenario, shape, setting and repetition."""

    number: int
    scenario: Scenario
    stream: bool
    setting: FaultSetting
    repeat: int


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
        """The group's cases in the order they are started: shuffled, so that no kind of fault comes in a crowd."""
        kinds = [
            (scenario, stream, setting, repeat)
            for scenario in self.scenarios.values()
            if group.provider in scenario.providers and not (group.is_chain and scenario.expected.answer == "as_sent")
            for stream in self.plan.streams
            if stream in scenario.streams
            for setting in self.plan.settings
            if _is_worth(scenario, setting) and not (group.is_chain and setting is FaultSetting.GUARDED)
            for repeat in range(self.plan.repeats)
        ]
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


class Ledger:
    """The journal's entries by call number, drained by whoever asks."""

    def __init__(self, journal: JournalReader) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._entries: defaultdict[int, list[JournalEntry]] = defaultdict(list)

    def take(self, number: int) -> list[JournalEntry]:
        """The requests of one call, attempts in order; they are not kept."""
        with self._lock:
            for entry in self._journal.drain():
                self._entries[entry.call_number].append(entry)
            return sorted(self._entries.pop(number, []), key=lambda entry: entry.attempt)


class Floor:
    """What all groups share: how many children may be starting, and whether everybody is to go home."""

    def __init__(self) -> None:
        self.starting = threading.Semaphore(STARTING_AT_ONCE)
        self.is_closing = threading.Event()


@dataclass(slots=True)
class _Watched:
    """One case: when its call began, and what was reported of it; no report means that it was killed."""

    case: Case
    started_ns: int | None = None
    report: Report | None = None


def batches(cases: Sequence[Case]) -> list[list[Case]]:
    """What each child is given, in the order of the first: cases that end by themselves and soon share a child with
    others of their shape and setting; every other one has its own.
    """
    found: list[list[Case]] = []
    open_ones: dict[tuple[bool, FaultSetting], list[Case]] = {}
    for case in cases:
        kind = (case.stream, case.setting)
        shared = open_ones.get(kind)
        if not _is_soon_over(case.scenario):
            found.append([case])
        elif shared is None or len(shared) == SHARING[case.setting is FaultSetting.RETRYING]:
            open_ones[kind] = [case]
            found.append(open_ones[kind])
        else:
            shared.append(case)
    return found


def _is_soon_over(scenario: Scenario) -> bool:
    if scenario.act is None:
        return True
    return scenario.family in ("cut", "status", "malformed", "ending") and scenario.act.retry_after is None


class GroupRun:
    """One group being measured."""

    def __init__(
        self, matrix: Matrix, block: int, group: Group, backend: BackendProcess, ledger: Ledger, floor: Floor
    ) -> None:
        self._matrix, self._block, self._group = matrix, block, group
        self._backend, self._ledger, self._floor = backend, ledger, floor
        self._gateways: dict[bool, str] = {}

    def rows(self, on_case: Callable[[], None]) -> list[FaultCase]:
        """Measure every case. Raises WorkerLostError when the forking process itself is lost."""
        cases = self._matrix.cases(self._block, self._group)
        environment = self._group.name.environment or DEFAULT
        with ExitStack() as stack:
            self._open_gateways(cases, stack)
            python = interpreter(environment)
            zygote = stack.enter_context(ZygoteProcess(self._group.path, self._group.mode, python=python))
            zygote.learn(list(self._scouts()))
            watched = list(self._measured(zygote, cases, on_case))
            versions = zygote.versions
        time.sleep(_JOURNAL_S)
        return self._joined(watched, versions)

    def _open_gateways(self, cases: Sequence[Case], stack: ExitStack) -> None:
        """A gateway left at its defaults and one with limits, each with a deployment for every kind of case."""
        if not self._group.is_gateway:
            return
        for is_default in (True, False):
            chosen = [case for case in cases if (case.setting is FaultSetting.DEFAULT) == is_default]
            kinds = {(case.scenario.name, case.stream): case for case in chosen}
            deployments = [
                Deployment(
                    _alias(case.scenario, case.stream),
                    self._group.provider,
                    self._question(case.stream).model,
                    self._url(case.scenario, case.stream),
                    RESERVED_API_KEY,
                    None if is_default else self._matrix.plan.limit_s,
                )
                for case in kinds.values()
            ]
            if deployments:
                self._gateways[is_default] = stack.enter_context(Gateway(deployments)).url

    def _scouts(self) -> Iterator[CaseSpec]:
        """A healthy call and a refused one of each shape, under the settings that are nearest to the client's own."""
        for name in (HEALTHY, "status-503"):
            scenario = self._matrix.scenarios.get(name)
            if scenario is not None:
                for stream in self._matrix.plan.streams:
                    yield replace(self._spec(Case(0, scenario, stream, FaultSetting.LIMITED, 0)), window_s=10.0)

    def _question(self, stream: bool) -> Question:
        return self._matrix.cassetted[self._group.provider, stream].question

    def _url(self, scenario: Scenario, stream: bool) -> str:
        port = self._backend.info.failing_ports[scenario.port] if scenario.port else self._backend.port
        fault = "" if scenario.act is None else scenario.name
        return base_url(port, "none", self._matrix.cassetted[self._group.provider, stream].cassette_id, fault)

    def _spec(self, case: Case) -> CaseSpec:
        plan, setting = self._matrix.plan, case.setting
        is_default, is_guarded = setting is FaultSetting.DEFAULT, setting is FaultSetting.GUARDED
        timeout_s = None if is_default else plan.limit_s * (2 if is_guarded else 1)
        gateway = self._gateways.get(is_default, "")
        cassetted = self._matrix.cassetted[self._group.provider, case.stream]
        target = Target(
            self._url(case.scenario, case.stream),
            RESERVED_API_KEY,
            timeout_s,
            gateway,
            _alias(case.scenario, case.stream) if gateway else "",
            retries_asked(plan, setting),
            **self._fallback(case.stream),
        )
        healthy = self._matrix.scenarios[HEALTHY]
        return CaseSpec(
            number=case.number,
            target=target,
            sound=replace(
                target,
                root_url=self._url(healthy, case.stream),
                gateway_model=_alias(healthy, case.stream) if gateway else "",
                timeout_s=WARMING_S,
            ),
            question=cassetted.question,
            truth=cassetted.truth_of(case.scenario),
            window_s=window_s(plan, setting, self._links),
            guard=Limits(plan.limit_s, plan.limit_s * 0.6, plan.limit_s * 0.6) if is_guarded else None,
        )

    @property
    def _links(self) -> int:
        return 2 if self._group.is_chain else 1

    def _fallback(self, stream: bool) -> dict[str, str]:
        """Where a chain's second link leads: the fallback's own healthy answer."""
        provider = self._matrix.plan.fallback
        if not self._group.is_chain or provider is None:
            return {}
        second = self._matrix.cassetted[provider, stream]
        return {
            "fallback_url": base_url(self._backend.port, "none", second.cassette_id),
            "fallback_model": f"{provider}/{second.question.model}",
        }

    def _measured(
        self, zygote: ZygoteProcess, cases: Sequence[Case], on_case: Callable[[], None]
    ) -> Iterator[_Watched]:
        """Start children as fast as the machine starts them, and yield each case when it is over."""
        waiting = batches(cases)[::-1]
        alive, owner, busy = dict[int, list[_Watched]](), dict[int, int](), dict[int, float]()
        try:
            while waiting or alive:
                if self._floor.is_closing.is_set():
                    raise KeyboardInterrupt
                while waiting and len(alive) < ALIVE_AT_ONCE and self._floor.starting.acquire(blocking=False):
                    batch = waiting.pop()
                    first = batch[0].number
                    alive[first], busy[first] = [_Watched(case) for case in batch], math.inf
                    owner |= {case.number: first for case in batch}
                    zygote.fork([self._spec(case) for case in batch])
                for line in zygote.lines(0.01):
                    if "ended" in line:
                        self._settle(busy, line["ended"])
                        over, left = self._ended(alive.pop(line["ended"]), line["signal"])
                        waiting += [left] if left else []
                        for each in over:
                            on_case()
                            yield each
                        continue
                    number = line["started"] if "started" in line else line["report"]["number"]
                    each = next(each for each in alive[owner[number]] if each.case.number == number)
                    if "started" in line:
                        each.started_ns = line["started_ns"]
                        if busy.get(owner[number]) == math.inf:
                            busy[owner[number]] = time.monotonic() + _SETTLING_S
                    else:
                        each.report = Report(**line["report"])
                for first in [first for first, until in busy.items() if until < time.monotonic()]:
                    self._settle(busy, first)
        finally:
            for first in list(busy):
                self._settle(busy, first)

    def _ended(self, watched: Sequence[_Watched], number: int) -> tuple[list[_Watched], list[Case]]:
        """The cases that an ended child is done with, and those that it never came to. Raises WorkerLostError."""
        begun = [each for each in watched if each.started_ns is not None]
        lost = any(each.report is None for each in begun) or not begun
        if lost and number not in _KILLED:
            raise WorkerLostError(f"group {self._group}: the child of {watched[0].case} ended without a word")
        if not begun:
            raise WorkerLostError(f"group {self._group}: the child of {watched[0].case} was killed before it began")
        return begun, [each.case for each in watched if each.started_ns is None]

    def _settle(self, busy: dict[int, float], first: int) -> None:
        if busy.pop(first, None) is not None:
            self._floor.starting.release()

    def _joined(self, watched: Sequence[_Watched], versions: Mapping[str, str]) -> list[FaultCase]:
        """Rows, with the most that a call leaves behind under a setting when all is well as the measure of a leak."""
        healthy: dict[FaultSetting, Left] = {}
        for each in watched:
            if each.case.scenario.act is None and each.report is not None:
                healthy[each.case.setting] = healthy.get(each.case.setting, Left()).or_more(each.report)
        ordered = sorted(watched, key=lambda each: each.case.number)
        return [self._row(each, versions, healthy.get(each.case.setting, Left())) for each in ordered]

    def _row(self, each: _Watched, versions: Mapping[str, str], healthy: Left) -> FaultCase:
        case, report, plan, facts = each.case, each.report, self._matrix.plan, self._group.facts
        wire = self._wire(each)
        limit, retries = limit_s(plan, case.setting, self._links), retries_asked(plan, case.setting)
        allowed = None if retries is None else self._links * (1 + retries)
        scenario = with_second_link(case.scenario) if self._group.is_chain else case.scenario
        found = verdicts(scenario, limit, allowed, report, wire, healthy)
        version = versions.get(facts.distribution, "unknown") if facts.distribution else "built in"
        library = facts.http_library(self._group.mode, self._group.provider, version)
        return FaultCase(
            run_id=self._matrix.run_id,
            block=self._block,
            case_id="/".join(
                (
                    case.scenario.name,
                    str(self._group),
                    "stream" if case.stream else "whole",
                    case.setting,
                    str(case.repeat),
                )
            ),
            repeat=case.repeat,
            fault=case.scenario.name,
            family=case.scenario.family,
            arm=self._group.arm,
            client=self._group.client,
            client_version=version,
            http_library=library,
            http_library_version=versions.get(library, "unknown"),
            mode=str(self._group.mode),
            provider_name=self._group.provider,
            request_model=self._question(case.stream).model,
            request_stream=case.stream,
            setting=str(case.setting),
            limit_ns=None if limit is None else int(limit * 1e9),
            retries_asked=retries,
            window_ns=int(window_s(plan, case.setting, self._links) * 1e9),
            duration_ns=None if report is None else report.finished_ns - report.started_ns,
            chunk_count=report.chunks if report is not None and case.stream else None,
            outcome=_outcome(report),
            error_kind=None if report is None else report.error_kind,
            error_class=None if report is None else report.error_class,
            error_is_own=None if report is None else report.error_is_own,
            http_response_status_code=None if report is None else report.status_code,
            finish_reason=None if report is None else report.finish_reason,
            is_true_answer=None if report is None else report.is_true_answer,
            response_model=None if report is None else report.response_model,
            attempts=wire.attempts,
            attempt_offsets_ns=wire.offsets_ns,
            connects=0 if report is None else report.connects,
            peer_closed_offset_ns=wire.closed_offset_ns,
            threads_left=None if report is None else report.threads_left,
            descriptors_left=None if report is None else report.descriptors_left,
            tasks_left=None if report is None else report.tasks_left,
            loop_lag_ns=None if report is None else report.loop_lag_ns,
            verdict=str(found[0] if found else FaultVerdict.HELD),
            findings=tuple(map(str, found)),
        )

    def _wire(self, each: _Watched) -> Wire:
        """The journal's side of a call. An answer that ended after the child's report was open when it reported."""
        report, scenario = each.report, each.case.scenario
        entries = self._ledger.take(each.case.number)
        if scenario.port is not None:
            return Wire(None, (), None, is_open=False)
        started = report.started_ns if report is not None else each.started_ns or 0
        offsets = tuple(entry.received_ns - started for entry in entries)
        unfinished = [entry for entry in entries if not entry.completed]
        seen_ns = None if report is None else report.reported_ns
        is_open = seen_ns is not None and any(entry.ended_ns > seen_ns for entry in unfinished)
        closed = max((entry.ended_ns - started for entry in unfinished), default=None)
        return Wire(len(entries), offsets, None if is_open or report is None else closed, is_open)


def with_second_link(scenario: Scenario) -> Scenario:
    """The scenario as a chain meets it: its second link has the true answer whatever befalls the first."""
    expected = scenario.expected.model_copy(update={"answer": "whole"})
    return scenario.model_copy(update={"expected": expected})


def _outcome(report: Report | None) -> str:
    if report is None:
        return "killed"
    if report.is_unreadable:
        return "unreadable"
    return "returned" if report.error_kind is None else "raised"


def _alias(scenario: Scenario, stream: bool) -> str:
    return f"{scenario.name}-{'stream' if stream else 'whole'}"
