"""Owns the processes of a block: who sits where, how they are started, and how each gets warm before it is measured.

Called by ``conductor.block``. A process that dies or hangs while it warms up is replaced; what is measured is
``block``'s.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from harness import arms as arm_names
from harness.clients import client_named
from harness.clock import clock_domain
from harness.conductor.backends import check_answers
from harness.conductor.budget import Budget, Worst
from harness.conductor.cells import CellPlan, Place, alias, places_for, worker_spec
from harness.conductor.environments import interpreter
from harness.conductor.gateway import Deployment, Gateway
from harness.conductor.join import ArmFacts
from harness.conductor.live import Throttle
from harness.conductor.processes import Reply, WorkerLostError, WorkerProcess
from harness.conductor.reach import Reach
from harness.errors import BackendError, DataError
from harness.load.turns import warmups
from harness.plan import Arm
from harness.replay.launch import BackendProcess
from harness.vocabulary import Load, Mode

WARMED_AT_ONCE = 4
WARMED_TRIES = 4
"""How many processes may try to get warm in one seat: some clients hang now and then, for ever."""


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """What every block of a run has in common."""

    run_id: str
    arms: tuple[Arm, ...]
    cells: tuple[CellPlan, ...]
    warmup: int
    seed: int
    reach: Reach
    together: bool = False
    authority: Path | None = None
    budget: Budget = field(default_factory=lambda: Budget(None))
    throttle: Throttle = field(default_factory=lambda: Throttle(None))
    stop_after_failures: int | None = None
    worst: tuple[Worst | None, ...] = ()
    """The worst case of a call of each cell, None where it is not known; empty where nobody pays."""

    def crews(self) -> list[list[tuple[int, Arm]]]:
        """Which arms (by position) share a process: each has its own, or those of one path are together."""
        found: dict[Hashable, list[tuple[int, Arm]]] = {}
        for position, arm in enumerate(self.arms):
            crew = (arm.path, arm.environment, arm.injected_ns) if self.together else position
            found.setdefault(crew, []).append((position, arm))
        return list(found.values())


@dataclass(frozen=True, slots=True)
class Seat:
    """One worker of a block: its arms (usually one) in a colour, the places it serves in its own order, its process."""

    arms: tuple[Arm, ...]
    mode: Mode
    places: tuple[Place, ...]
    worker: WorkerProcess

    def facts(self, arm: Arm, provider: str) -> ArmFacts:
        """Versions of an arm's client and of the HTTP library under it, as its own process has them."""
        facts, versions = client_named(arm.path).FACTS, self.worker.ready.versions
        bridge = arm_names.BRIDGES.get(arm.bridge)
        callee = (bridge and bridge.callee) or self.mode
        version = versions[facts.distribution] if facts.distribution else versions.get("llm-call-bench", "built in")
        library = facts.http_library(callee, provider, version)
        return ArmFacts(arm, arm_names.path_named(arm.path).client, version, library, versions.get(library, "unknown"))


def seat_all(plan: BlockPlan, rng: random.Random, backend: BackendProcess, stack: ExitStack) -> list[Seat]:
    """Start the gateway where an arm needs one, then every worker in random order; each makes its first call alone."""
    gateway_url = _gateway_url(plan, stack)
    wanted = [
        (tuple(arm for _, arm in crew), mode, places)
        for crew in plan.crews()
        for mode in _modes(plan.cells)
        if (places := places_for(plan.cells, crew, mode))
    ]
    seats = []
    for arms, mode, places in rng.sample(wanted, len(wanted)):
        spec = worker_spec(plan.cells, places, mode, plan.reach, gateway_url if _is_gateway(arms[0]) else "")
        name = f"{', '.join(arm.name for arm in arms)} ({mode})"
        longest_s = max(plan.cells[place.cell].timeout_s for place in places)
        worker = WorkerProcess(
            name,
            spec,
            python=interpreter(arms[0].environment),
            authority=plan.authority,
            reply_timeout_s=2 * longest_s,
        )
        seats.append(Seat(arms, mode, places, stack.enter_context(worker)))
        _check_clock(worker)
        _warm(plan, worker, places[0].cell, 0, 1, backend)
    return seats


def _is_gateway(arm: Arm) -> bool:
    return arm_names.path_named(arm.path).role == "gateway"


def _gateway_url(plan: BlockPlan, stack: ExitStack) -> str:
    """Where the block's own gateway listens, with a deployment for every cell that an arm reaches through it."""
    behind = {index for index, arm in enumerate(plan.arms) if _is_gateway(arm)}
    deployments = [
        Deployment(
            alias(number),
            cell.question.provider,
            cell.question.model,
            plan.reach.url(cell.facts.cell, cell.cassette_id),
            plan.reach.key(cell.facts.cell),
            cell.timeout_s,
        )
        for number, cell in enumerate(plan.cells)
        if behind & set(cell.arms)
    ]
    return stack.enter_context(Gateway(deployments, authority=plan.authority)).url if deployments else ""


def _modes(cells: Sequence[CellPlan]) -> list[Mode]:
    return sorted({cell.facts.cell.mode for cell in cells})


def paid(plan: BlockPlan, cell: int, calls: int, make: Callable[[], Reply]) -> str | None:
    """Make calls of a cell in its provider's turn, within the budget. Returns what failed; raises OverBudget before."""
    if not plan.reach.is_live:
        return make().failure
    worst = plan.worst[cell]
    reserved_usd = plan.budget.reserve(worst, calls) if worst else 0.0
    plan.throttle.hold(plan.cells[cell].facts.cell.provider, calls)
    used = None
    try:
        reply = make()
        used = reply.used if reply.used.is_known else None
    finally:
        if worst:
            plan.budget.settle(reserved_usd, worst, used)
    return reply.failure


def _check_clock(worker: WorkerProcess) -> None:
    if worker.ready.clock_domain != clock_domain():
        raise BackendError(
            f"worker {worker.name}: expected the conductor's clock ({clock_domain()}), got {worker.ready.clock_domain}"
        )


def warm_all(seats: Sequence[Seat], plan: BlockPlan, backend: BackendProcess) -> tuple[list[str], list[str]]:
    """Warm every path by the plan's count, four processes at a time: paced calls mostly wait, nothing is measured yet.

    A worker that dies or hangs is replaced by a fresh one, a few times; what it would have told of a cold start is then
    left out. Returns what failed once and not again, and the workers lost. Raises DataError for what failed twice: it
    would fail in every call.
    """

    def warm(seat: Seat) -> list[str]:
        cells = [plan.cells[place.cell] for place in seat.places]
        is_hot = [cell.facts.cell.load is Load.HOT for cell in cells]
        kinds = [(cell.kind, place.arm.name) for cell, place in zip(cells, seat.places, strict=True)]
        counts = enumerate(warmups(kinds, is_hot, plan.warmup))
        return [
            said
            for index, calls in counts
            if (said := _warm(plan, seat.worker, seat.places[index].cell, index, calls, backend))
        ]

    def warm_or_replace(seat: Seat) -> tuple[list[str], list[str]]:
        told: list[str] = []
        while True:
            try:
                return warm(seat), told
            except WorkerLostError as lost:
                if len(told) == WARMED_TRIES - 1:
                    raise
                told.append(f"{lost}; it was warming up, a fresh process took its place")
                seat.worker.restart()

    with ThreadPoolExecutor(WARMED_AT_ONCE) as pool:
        done = [job.result() for job in [pool.submit(warm_or_replace, seat) for seat in seats]]
    return [said for failures, _ in done for said in failures], [said for _, lost in done for said in lost]


def _warm(plan: BlockPlan, worker: WorkerProcess, number: int, index: int, calls: int, backend: BackendProcess) -> str:
    cell = plan.cells[number]
    failure = paid(plan, number, calls, partial(worker.warm, index, calls))
    if failure is None:
        return ""
    check_answers(backend)
    place = f"{worker.name}: {cell.facts.cell.cell_id}"
    again = paid(plan, number, calls, partial(worker.warm, index, calls))
    if again is not None:
        check_answers(backend)
        raise DataError(f"{place}: warm-up calls failed twice: {again}")
    return f"{place}: a warm-up call failed once: {failure}"
