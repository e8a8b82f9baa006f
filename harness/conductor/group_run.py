"""Owns one group of a fault matrix being measured: its gateways and its forking process, many children at once.

Called by ``fault_run``, which keeps the rows. A child that hangs is killed by its own alarm; nothing here waits for it.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from harness.clients import Question, Target
from harness.conductor.case_rows import CaseRows, Watched
from harness.conductor.environments import DEFAULT, interpreter
from harness.conductor.gateway import Deployment, Gateway
from harness.conductor.matrix import HEALTHY, Case, Group, Matrix, batches, outages, retries_asked, window_s
from harness.conductor.processes import WorkerLostError
from harness.conductor.reach import RESERVED_API_KEY
from harness.conductor.zygotes import ZygoteProcess
from harness.guard import Limits
from harness.load.probe import CaseSpec, Report
from harness.record import FaultCase, OutageCall
from harness.replay.launch import BackendProcess
from harness.replay.ledger import Ledger
from harness.replay.routes import Outage, base_url
from harness.vocabulary import FaultSetting

ALIVE_AT_ONCE = 80
STARTING_AT_ONCE = 3
WARMING_S = 10.0
"""The clients' own limit on the sound call that comes first."""

_SETTLING_S = 0.06
"""How long after its call began a child still counts as busy: then it waits, or has ended."""

_LOOK_S, _WAIT_S = 0.01, 0.1
"""How long a look at the children may take: while one may be started, and while there is none to start."""

_JOURNAL_S = 0.3
_KILLED = (signal.SIGALRM, signal.SIGKILL)
"""How a child ends that was waited for too long; any other end without a report is a fault of ours."""


class Floor:
    """What all groups share: how many children may be starting, and whether everybody is to go home."""

    def __init__(self) -> None:
        self.starting = threading.Semaphore(STARTING_AT_ONCE)
        self.is_closing = threading.Event()


@dataclass(frozen=True, slots=True)
class GroupRows:
    """The rows of one group: cases, or calls around outages."""

    faults: tuple[FaultCase, ...] = ()
    outages: tuple[OutageCall, ...] = ()


class GroupRun:
    """One group being measured."""

    def __init__(
        self, matrix: Matrix, block: int, group: Group, backend: BackendProcess, ledger: Ledger, floor: Floor
    ) -> None:
        self._matrix, self._block, self._group = matrix, block, group
        self._backend, self._ledger, self._floor = backend, ledger, floor
        self._gateways: dict[bool, str] = {}

    def rows(self, on_case: Callable[[], None]) -> GroupRows:
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
        rows = CaseRows(self._matrix, self._block, self._group, self._ledger)
        if self._matrix.plan.outage is not None:
            return GroupRows(outages=tuple(rows.arrivals(watched, versions)))
        return GroupRows(faults=tuple(rows.rows(watched, versions)))

    def _open_gateways(self, cases: Sequence[Case], stack: ExitStack) -> None:
        """A gateway left at its defaults and one with limits, each with a deployment for every kind of case."""
        if not self._group.is_gateway:
            return
        for is_default in (True, False):
            chosen = [case for case in cases if (case.setting is FaultSetting.DEFAULT) == is_default]
            kinds = {_alias(case): case for case in chosen if case.repeat == 0}
            deployments = [
                Deployment(
                    alias,
                    self._group.provider,
                    self._question(case.stream).model,
                    self._url(case),
                    RESERVED_API_KEY,
                    None if is_default else self._matrix.plan.limit_s,
                )
                for alias, case in kinds.items()
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

    def _url(self, case: Case) -> str:
        scenario, lasting = case.scenario, self._matrix.plan.outage
        port = self._backend.info.failing_ports[scenario.port] if scenario.port else self._backend.port
        fault = "" if scenario.act is None else scenario.name
        outage = Outage(lasting.lasting_s, case.arrivals) if lasting and fault else None
        cassette_id = self._matrix.cassetted[self._group.provider, case.stream].cassette_id
        return base_url(port, "none", cassette_id, fault, outage)

    def _spec(self, case: Case) -> CaseSpec:
        plan, setting = self._matrix.plan, case.setting
        is_default, is_guarded = setting is FaultSetting.DEFAULT, setting is FaultSetting.GUARDED
        timeout_s = None if is_default else plan.limit_s * (2 if is_guarded else 1)
        gateway = self._gateways.get(is_default, "")
        cassetted = self._matrix.cassetted[self._group.provider, case.stream]
        target = Target(
            self._url(case),
            RESERVED_API_KEY,
            timeout_s,
            gateway,
            _alias(case) if gateway else "",
            retries_asked(plan, setting),
            **self._fallback(case.stream),
        )
        healthy = replace(case, scenario=self._matrix.scenarios[HEALTHY])
        return CaseSpec(
            number=case.number,
            target=target,
            sound=replace(
                target,
                root_url=self._url(healthy),
                gateway_model=_alias(healthy) if gateway else "",
                timeout_s=WARMING_S,
            ),
            question=cassetted.question,
            truth=cassetted.truth_of(case.scenario),
            window_s=window_s(plan, setting, self._group.links),
            guard=Limits(plan.limit_s, plan.limit_s * 0.6, plan.limit_s * 0.6) if is_guarded else None,
        )

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

    def _measured(self, zygote: ZygoteProcess, cases: Sequence[Case], on_case: Callable[[], None]) -> Iterator[Watched]:
        """Start children as fast as the machine starts them, and yield each case when it is over."""
        outage = self._matrix.plan.outage
        waiting = (batches(cases) if outage is None else outages(cases))[::-1]
        alive, owner, busy = dict[int, list[Watched]](), dict[int, int](), dict[int, float]()
        broken: dict[int, str] = {}
        try:
            while waiting or alive:
                if self._floor.is_closing.is_set():
                    raise KeyboardInterrupt
                while waiting and len(alive) < ALIVE_AT_ONCE and self._floor.starting.acquire(blocking=False):
                    batch = waiting.pop()
                    first = batch[0].number
                    alive[first], busy[first] = [Watched(case) for case in batch], math.inf
                    owner |= {case.number: first for case in batch}
                    zygote.fork([self._spec(case) for case in batch], None if outage is None else outage.every_s)
                for line in zygote.lines(_LOOK_S if waiting or busy else _WAIT_S):
                    if "broke" in line:
                        broken[line["broke"]] = line["why"]
                        continue
                    if "ended" in line:
                        self._settle(busy, line["ended"])
                        over, left = self._ended(
                            alive.pop(line["ended"]), line["signal"], broken.get(line["ended"], "no word")
                        )
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

    def _ended(self, watched: Sequence[Watched], number: int, why: str) -> tuple[list[Watched], list[Case]]:
        """The cases that an ended child is done with, and those that it never came to. Raises WorkerLostError."""
        begun = [each for each in watched if each.started_ns is not None]
        lost = any(each.report is None for each in begun) or not begun
        if lost and number not in _KILLED:
            raise WorkerLostError(f"group {self._group}: the child of {watched[0].case} broke: {why}")
        if not begun:
            raise WorkerLostError(f"group {self._group}: the child of {watched[0].case} was killed before it began")
        return begun, [each.case for each in watched if each.started_ns is None]

    def _settle(self, busy: dict[int, float], first: int) -> None:
        if busy.pop(first, None) is not None:
            self._floor.starting.release()


def _alias(case: Case) -> str:
    return f"{case.scenario.name}-{'stream' if case.stream else 'whole'}"
