"""Owns one block: fresh processes for every (arm, colour), warm-up, the lock-step turns, the join.

Called by ``conductor.run``. Returns rows; writes nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from harness import arms as arm_names
from harness.clients import client_named
from harness.clock import clock_domain, now_ns
from harness.conductor.cells import RESERVED_API_KEY, CellPlan, alias, cells_for, root_url, worker_spec
from harness.conductor.environments import interpreter
from harness.conductor.gateway import Deployment, Gateway
from harness.conductor.join import ArmFacts, BlockClock, attempt_row, by_call, call_row, request_rows
from harness.conductor.processes import WorkerLostError, WorkerProcess
from harness.errors import BackendError, DataError
from harness.load.pipe import Dump
from harness.load.turns import turns, warmups
from harness.machine import PressureSnapshot, pressure_snapshot
from harness.plan import Arm
from harness.record import Attempt, BlockPressure, Call, Cold, FirstCall, Request
from harness.replay.journal import JournalEntry, JournalReader
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


@dataclass(frozen=True, slots=True)
class BlockResult:
    """The rows of one finished block. ``lost`` tells of workers that died or hung warming up and were replaced."""

    calls: tuple[Call, ...]
    attempts: tuple[Attempt, ...]
    cold: tuple[Cold, ...]
    first_calls: tuple[FirstCall, ...]
    requests: tuple[Request, ...]
    pressure: BlockPressure
    failures: tuple[str, ...]
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seat:
    """One worker of a block: an arm in a colour, the cells it serves (plan positions, its own order), its process."""

    arm: Arm
    mode: Mode
    cells: tuple[int, ...]
    worker: WorkerProcess

    def facts(self, provider: str) -> ArmFacts:
        """Versions of the arm's client and of the HTTP library under it, as its own process has them."""
        facts, versions = client_named(self.arm.path).FACTS, self.worker.ready.versions
        bridge = arm_names.BRIDGES.get(self.arm.bridge)
        callee = (bridge and bridge.callee) or self.mode
        version = versions[facts.distribution] if facts.distribution else versions.get("llm-call-bench", "built in")
        library = facts.http_library(callee, provider, version)
        return ArmFacts(
            self.arm, arm_names.path_named(self.arm.path).client, version, library, versions.get(library, "unknown")
        )


def first_call_number(block: int) -> int:
    """Call numbers are unique within a run and the same when a block is run again."""
    return block * 10_000_000 + 1


def run_block(
    plan: BlockPlan, block: int, backend: BackendProcess, journal: JournalReader, on_call: Callable[[], None]
) -> BlockResult:
    """Measure one block. Raises WorkerLostError, BackendError, or DataError when a request matches no cassette."""
    rng = random.Random(f"{plan.seed}/{block}")
    journal.drain()
    with ExitStack() as stack:
        seats = _seat_all(plan, rng, backend, stack)
        failures, lost = _warm_all(seats, plan, backend)
        before, clock = pressure_snapshot(backend.pid), BlockClock(plan.run_id, block, now_ns(), datetime.now(UTC))
        failures += _take_turns(plan, seats, rng, first_call_number(block), backend, on_call)
        after = pressure_snapshot(backend.pid)
        dumped = [(seat, seat.worker.dump()) for seat in seats]
    _check_backend(backend)
    entries = journal.drain()
    shapes = {shape.shape: shape for shape in backend.shapes()}
    return BlockResult(
        calls=tuple(_calls(plan, clock, dumped, by_call(entries))),
        attempts=tuple(attempt_row(clock, entry) for entry in entries if entry.call_number),
        cold=tuple(_cold(plan.run_id, block, seat, dump) for seat, dump in dumped if not seat.worker.restarts),
        first_calls=tuple(
            row for seat, dump in dumped if not seat.worker.restarts for row in _first_calls(plan, block, seat, dump)
        ),
        requests=tuple(request_rows(clock, _senders(plan, dumped), entries, shapes)),
        pressure=_pressure(block, before, after, entries, backend.status().clock_steps),
        failures=tuple(failures),
        lost=tuple(lost),
    )


def _seat_all(plan: BlockPlan, rng: random.Random, backend: BackendProcess, stack: ExitStack) -> list[Seat]:
    """Start the gateway where an arm needs one, then every worker in random order; each makes its first call alone."""
    gateway_url = _gateway_url(plan, backend.port, stack)
    wanted = [
        (arm, mode, numbers)
        for index, arm in enumerate(plan.arms)
        for mode in _modes(plan.cells)
        if (numbers := cells_for(plan.cells, index, mode))
    ]
    seats = []
    for arm, mode, numbers in rng.sample(wanted, len(wanted)):
        spec = worker_spec(plan.cells, arm, numbers, mode, backend.port, gateway_url if _is_gateway(arm) else "")
        worker = WorkerProcess(f"{arm.name} ({mode})", spec, python=interpreter(arm.environment))
        seats.append(Seat(arm, mode, numbers, stack.enter_context(worker)))
        _check_clock(worker)
        _warm(worker, plan.cells[numbers[0]], 0, 1, backend)
    return seats


def _is_gateway(arm: Arm) -> bool:
    return arm_names.path_named(arm.path).role == "gateway"


def _gateway_url(plan: BlockPlan, port: int, stack: ExitStack) -> str:
    """Where the block's own gateway listens, with a deployment for every cell that an arm reaches through it."""
    behind = {index for index, arm in enumerate(plan.arms) if _is_gateway(arm)}
    deployments = [
        Deployment(
            alias(number),
            cell.question.provider,
            cell.question.model,
            root_url(cell, port),
            RESERVED_API_KEY,
            cell.timeout_s,
        )
        for number, cell in enumerate(plan.cells)
        if behind & set(cell.arms)
    ]
    return stack.enter_context(Gateway(deployments)).url if deployments else ""


def _modes(cells: Sequence[CellPlan]) -> list[Mode]:
    return sorted({cell.facts.cell.mode for cell in cells})


def _check_clock(worker: WorkerProcess) -> None:
    if worker.ready.clock_domain != clock_domain():
        raise BackendError(
            f"worker {worker.name}: expected the conductor's clock ({clock_domain()}), got {worker.ready.clock_domain}"
        )


def _warm_all(seats: Sequence[Seat], plan: BlockPlan, backend: BackendProcess) -> tuple[list[str], list[str]]:
    """Warm every path by the plan's count, four processes at a time: paced calls mostly wait, nothing is measured yet.

    A worker that dies or hangs is replaced by a fresh one, a few times; what it would have told of a cold start is then
    left out. Returns what failed once and not again, and the workers lost. Raises DataError for what failed twice: it
    would fail in every call.
    """

    def warm(seat: Seat) -> list[str]:
        cells = [plan.cells[number] for number in seat.cells]
        is_hot = [cell.facts.cell.load is Load.HOT for cell in cells]
        counts = enumerate(warmups([cell.kind for cell in cells], is_hot, plan.warmup))
        return [said for index, calls in counts if (said := _warm(seat.worker, cells[index], index, calls, backend))]

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


def _warm(worker: WorkerProcess, cell: CellPlan, index: int, calls: int, backend: BackendProcess) -> str:
    failure = worker.warm(index, calls)
    if failure is None:
        return ""
    _check_backend(backend)
    place = f"{worker.name}: {cell.facts.cell.cell_id}"
    again = worker.warm(index, calls)
    if again is not None:
        _check_backend(backend)
        raise DataError(f"{place}: warm-up calls failed twice: {again}")
    return f"{place}: a warm-up call failed once: {failure}"


def _check_backend(backend: BackendProcess) -> None:
    """Raise DataError when a request matched no cassette, BackendError when the backend is gone."""
    if not backend.alive():
        raise BackendError("the backend process died while measuring; what was measured before is kept: resume the run")
    mismatches = backend.mismatches()
    if mismatches:
        raise DataError(
            f"a request matched no cassette: {mismatches[0]}"
            + (f" (and {len(mismatches) - 1} more)" if mismatches[1:] else "")
        )


def _take_turns(
    plan: BlockPlan,
    seats: Sequence[Seat],
    rng: random.Random,
    number: int,
    backend: BackendProcess,
    on_call: Callable[[], None],
) -> list[str]:
    failures: list[str] = []
    places = {(seat.arm.name, cell): (seat, local) for seat in seats for local, cell in enumerate(seat.cells)}
    calls = [cell.facts.cell.calls for cell in plan.cells]
    for turn in turns(calls, [cell.arms for cell in plan.cells], rng):
        seat, local = places[plan.arms[turn.arm].name, turn.cell]
        failure = seat.worker.call(local, number)
        if failure is not None:
            _check_backend(backend)
            failures.append(f"{seat.worker.name}: {plan.cells[turn.cell].facts.cell.cell_id}: {failure}")
        number += 1
        on_call()
    return failures


def _calls(
    plan: BlockPlan, clock: BlockClock, dumped: Sequence[tuple[Seat, Dump]], journal: Mapping[int, list[JournalEntry]]
) -> list[Call]:
    rows = []
    for seat, dump in dumped:
        facts = [plan.cells[number].facts for number in seat.cells]
        arms = [seat.facts(cell.cell.provider) for cell in facts]
        rows += [
            call_row(clock, facts[marks.cell], arms[marks.cell], marks, journal.get(marks.call_number, []))
            for marks in dump.marks
        ]
    return sorted(rows, key=lambda row: row.call_id)


def _senders(plan: BlockPlan, dumped: Sequence[tuple[Seat, Dump]]) -> dict[int, tuple[str, str]]:
    return {
        marks.call_number: (plan.cells[seat.cells[marks.cell]].facts.cell.cell_id, seat.arm.name)
        for seat, dump in dumped
        for marks in dump.marks
    }


def _cold(run_id: str, block: int, seat: Seat, dump: Dump) -> Cold:
    if dump.foreign_modules:
        raise DataError(
            f"worker {seat.worker.name}: expected only its own client loaded, got {', '.join(dump.foreign_modules)}"
        )
    ready = seat.worker.ready
    return Cold(
        run_id,
        seat.arm.name,
        str(seat.mode),
        block,
        ready.import_ns,
        ready.modules_loaded,
        ready.rss_import_bytes,
        dump.first_calls[0][2],
        dump.rss_after_bytes,
    )


def _first_calls(plan: BlockPlan, block: int, seat: Seat, dump: Dump) -> Iterator[FirstCall]:
    for position, (cell, shares, took_ns) in enumerate(dump.first_calls):
        cell_id = plan.cells[seat.cells[cell]].facts.cell.cell_id
        yield FirstCall(plan.run_id, seat.arm.name, str(seat.mode), block, cell_id, position, shares, took_ns)


def _pressure(
    block: int, before: PressureSnapshot, after: PressureSnapshot, entries: Sequence[JournalEntry], steps: int
) -> BlockPressure:
    seen = after.since(before)
    errors = sorted(error for entry in entries for error in entry.pacing_error_ns)
    return BlockPressure(
        block=block,
        cpu_some_avg10_percent=seen.cpu_some_avg10_percent,
        steal_percent=seen.steal_percent,
        backend_run_delay_ns=seen.run_delay_ns,
        pacing_error_p99_ns=errors[len(errors) * 99 // 100] if errors else None,
        clock_steps=steps,
    )
