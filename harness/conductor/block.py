"""Owns one block: fresh processes for every (arm, colour), warm-up, the lock-step turns, the join.

Called by ``conductor.run``. Returns rows; writes nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from harness.clients import Question, Target, client_named
from harness.clock import clock_domain, now_ns
from harness.conductor.join import ArmFacts, BlockClock, CellFacts, attempt_row, by_call, call_row
from harness.conductor.processes import WorkerProcess
from harness.errors import BackendError, DataError
from harness.load.outcome import Truth
from harness.load.pipe import CellSpec, Dump, WorkerSpec
from harness.load.turns import turns, warmups
from harness.machine import PressureSnapshot, pressure_snapshot
from harness.plan import Arm, Cell
from harness.record import Attempt, BlockPressure, Call, Cold
from harness.replay.journal import JournalEntry, JournalReader
from harness.replay.launch import BackendProcess
from harness.replay.routes import base_url
from harness.vocabulary import Load, Mode

CALL_TIMEOUT_S = 30.0
"""The clients' own socket timeout while measuring: far above any cassette's service time, below the pipe's."""

WARMED_AT_ONCE = 2

WIRE_PATH = "/v1"
RESERVED_API_KEY = "sk-harness-no-secret"


@dataclass(frozen=True, slots=True)
class CellPlan:
    """One cell made concrete: its cassette, its question and the truth that its answers are held against."""

    facts: CellFacts
    cassette_id: str
    question: Question
    truth: Truth


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
    """The rows of one finished block."""

    calls: tuple[Call, ...]
    attempts: tuple[Attempt, ...]
    cold: tuple[Cold, ...]
    pressure: BlockPressure
    failures: tuple[str, ...]


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
        paths = [(arm, mode) for arm in plan.arms for mode in _modes(plan.cells)]
        workers: dict[tuple[Arm, Mode], WorkerProcess] = {}
        for arm, mode in rng.sample(paths, len(paths)):
            spec = WorkerSpec(arm.client, mode, _cell_specs(plan.cells, arm, mode, backend.port), arm.injected_ns)
            workers[arm, mode] = stack.enter_context(WorkerProcess(f"{arm.name} ({mode})", spec))
            _check_clock(workers[arm, mode])
            _warm(workers[arm, mode], _of_mode(plan.cells, mode)[0], 0, 1, backend)
        _warm_all(workers, plan, backend)
        before, clock = pressure_snapshot(backend.pid), BlockClock(plan.run_id, block, now_ns(), datetime.now(UTC))
        failures = _take_turns(plan, workers, rng, first_call_number(block), backend, on_call)
        after = pressure_snapshot(backend.pid)
        dumps = {path: worker.dump() for path, worker in workers.items()}
        colds = tuple(_cold(plan.run_id, block, arm, mode, workers[arm, mode], dumps[arm, mode]) for arm, mode in paths)
    _check_backend(backend)
    entries = journal.drain()
    return BlockResult(
        calls=tuple(_calls(plan, clock, dumps, by_call(entries))),
        attempts=tuple(attempt_row(clock, entry) for entry in entries if entry.call_number),
        cold=colds,
        pressure=_pressure(block, before, after, entries, backend.status().clock_steps),
        failures=tuple(failures),
    )


def _modes(cells: Sequence[CellPlan]) -> list[Mode]:
    return sorted({cell.facts.cell.mode for cell in cells})


def _of_mode(cells: Sequence[CellPlan], mode: Mode) -> list[CellPlan]:
    return [cell for cell in cells if cell.facts.cell.mode == mode]


def _cell_specs(cells: Sequence[CellPlan], arm: Arm, mode: Mode, port: int) -> tuple[CellSpec, ...]:
    return tuple(
        CellSpec(
            Target(
                base_url(port, _pace(arm, cell.facts.cell), cell.cassette_id) + WIRE_PATH,
                RESERVED_API_KEY,
                CALL_TIMEOUT_S,
            ),
            cell.question,
            cell.truth,
        )
        for cell in _of_mode(cells, mode)
    )


def _pace(arm: Arm, cell: Cell) -> str:
    return arm.pace if arm.pace and cell.load is Load.PACED else cell.pace


def _check_clock(worker: WorkerProcess) -> None:
    if worker.ready.clock_domain != clock_domain():
        raise BackendError(
            f"worker {worker.name}: expected the conductor's clock ({clock_domain()}), got {worker.ready.clock_domain}"
        )


def _warm_all(workers: Mapping[tuple[Arm, Mode], WorkerProcess], plan: BlockPlan, backend: BackendProcess) -> None:
    """Warm every path by the plan's count, two processes at a time (its time is not measured)."""

    def warm(mode: Mode, worker: WorkerProcess) -> None:
        cells = _of_mode(plan.cells, mode)
        is_hot = [cell.facts.cell.load is Load.HOT for cell in cells]
        for index, calls in enumerate(warmups([cell.facts.cell.stream for cell in cells], is_hot, plan.warmup)):
            _warm(worker, cells[index], index, calls, backend)

    with ThreadPoolExecutor(WARMED_AT_ONCE) as pool:
        for job in [pool.submit(warm, mode, worker) for (_, mode), worker in workers.items()]:
            job.result()


def _warm(worker: WorkerProcess, cell: CellPlan, index: int, calls: int, backend: BackendProcess) -> None:
    failure = worker.warm(index, calls)
    if failure is not None:
        _check_backend(backend)
        raise DataError(f"{worker.name}: {cell.facts.cell.cell_id}: the warm-up call failed: {failure}")


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
    workers: dict[tuple[Arm, Mode], WorkerProcess],
    rng: random.Random,
    number: int,
    backend: BackendProcess,
    on_call: Callable[[], None],
) -> list[str]:
    failures: list[str] = []
    local = _local_indices(plan.cells)
    for turn in turns([cell.facts.cell.calls for cell in plan.cells], len(plan.arms), rng):
        cell = plan.cells[turn.cell]
        worker = workers[plan.arms[turn.arm], cell.facts.cell.mode]
        failure = worker.call(local[turn.cell], number)
        if failure is not None:
            _check_backend(backend)
            failures.append(f"{worker.name}: {cell.facts.cell.cell_id}: {failure}")
        number += 1
        on_call()
    return failures


def _local_indices(cells: Sequence[CellPlan]) -> list[int]:
    """Index of each cell among the cells of its own colour: workers hold only theirs."""
    seen: dict[Mode, int] = {}
    indices = []
    for cell in cells:
        mode = cell.facts.cell.mode
        indices.append(seen.get(mode, 0))
        seen[mode] = indices[-1] + 1
    return indices


def _calls(
    plan: BlockPlan, clock: BlockClock, dumps: dict[tuple[Arm, Mode], Dump], journal: Mapping[int, list[JournalEntry]]
) -> list[Call]:
    rows = []
    for (arm, mode), dump in dumps.items():
        cells, facts = _of_mode(plan.cells, mode), arm_facts(arm, mode)
        rows += [
            call_row(clock, cells[marks.cell].facts, facts, marks, journal.get(marks.call_number, []))
            for marks in dump.marks
        ]
    return sorted(rows, key=lambda row: row.call_id)


def arm_facts(arm: Arm, mode: str) -> ArmFacts:
    """Versions of an arm's client and of the HTTP library under it in this colour."""
    facts = client_named(arm.client).FACTS
    library = facts.http_library(mode)
    return ArmFacts(arm, installed(facts.distribution or "llm-call-bench"), library, installed(library))


def installed(distribution: str) -> str:
    """The installed version of a distribution, or ``not installed``."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _cold(run_id: str, block: int, arm: Arm, mode: Mode, worker: WorkerProcess, dump: Dump) -> Cold:
    if dump.foreign_modules:
        raise DataError(
            f"worker {worker.name}: expected only its own client loaded, got {', '.join(dump.foreign_modules)}"
        )
    ready = worker.ready
    return Cold(
        run_id,
        arm.name,
        str(mode),
        block,
        ready.import_ns,
        ready.modules_loaded,
        ready.rss_import_bytes,
        dump.first_call_ns,
        dump.rss_after_bytes,
    )


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
