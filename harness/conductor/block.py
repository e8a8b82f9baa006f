"""Owns one block: warm processes for every (arm, colour) from ``seats``, the lock-step turns, the join.

Called by ``conductor.run``. Returns rows; writes nothing.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

from harness.clock import now_ns
from harness.conductor.backends import check_answers
from harness.conductor.join import BlockClock, attempt_row, by_call, call_row, request_rows
from harness.conductor.live import Throttle
from harness.conductor.seats import BlockPlan, Seat, paid, seat_all, warm_all
from harness.errors import BackendError, DataError
from harness.load.pipe import Dump
from harness.load.turns import turns
from harness.machine import PressureSnapshot, pressure_snapshot
from harness.record import Attempt, BlockPressure, Call, Cold, FirstCall, Request
from harness.replay.journal import JournalEntry, JournalReader
from harness.replay.launch import BackendProcess


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


def first_call_number(block: int) -> int:
    """Call numbers are unique within a run and the same when a block is run again."""
    return block * 10_000_000 + 1


def run_block(
    plan: BlockPlan, block: int, backend: BackendProcess, reader: JournalReader, on_call: Callable[[], None]
) -> BlockResult:
    """Measure one block. Raises WorkerLostError, BackendError, or DataError when a request matches no cassette."""
    rng = random.Random(f"{plan.seed}/{block}")
    reader.drain()
    journal = _Watched(reader)
    with ExitStack() as stack:
        seats = seat_all(plan, rng, backend, stack)
        failures, lost = warm_all(seats, plan, backend)
        before, clock = pressure_snapshot(backend.pid), BlockClock(plan.run_id, block, now_ns(), datetime.now(UTC))
        failures += _take_turns(plan, seats, rng, first_call_number(block), backend, journal, on_call)
        after = pressure_snapshot(backend.pid)
        dumped = [(seat, seat.worker.dump()) for seat in seats]
    check_answers(backend)
    entries = journal.all()
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


def _take_turns(
    plan: BlockPlan,
    seats: Sequence[Seat],
    rng: random.Random,
    number: int,
    backend: BackendProcess,
    journal: _Watched,
    on_call: Callable[[], None],
) -> list[str]:
    failures: list[str] = []
    in_a_row: dict[str, int] = {}
    places = {(place.arm.name, place.cell): (seat, local) for seat in seats for local, place in enumerate(seat.places)}
    calls = [cell.facts.cell.calls for cell in plan.cells]
    for turn in turns(calls, [cell.arms for cell in plan.cells], rng):
        seat, local = places[plan.arms[turn.arm].name, turn.cell]
        failure = paid(plan, turn.cell, 1, partial(seat.worker.call, local, number))
        if plan.reach.is_live:
            provider = plan.cells[turn.cell].facts.cell.provider
            journal.watch(number, provider, plan.throttle, failed=failure is not None)
            in_a_row[provider] = in_a_row.get(provider, 0) + 1 if failure is not None else 0
            if in_a_row[provider] == plan.stop_after_failures:
                raise BackendError(
                    f"{provider}: {in_a_row[provider]} calls in a row failed, the last with {failure}; "
                    "the run stops here, as its plan says, and can be resumed"
                )
        if failure is not None:
            check_answers(backend)
            failures.append(f"{seat.worker.name}: {plan.cells[turn.cell].facts.cell.cell_id}: {failure}")
        number += 1
        on_call()
    return failures


class _Watched:
    """The journal of a block, looked into after every live call: a provider that is asked too often says so there."""

    def __init__(self, reader: JournalReader) -> None:
        self._reader = reader
        self._entries: list[JournalEntry] = []

    def all(self) -> list[JournalEntry]:
        """Everything since the block began."""
        self._entries += self._reader.drain()
        return self._entries

    def watch(self, number: int, provider: str, throttle: Throttle, *, failed: bool) -> None:
        """Tell the throttle how a call was answered."""
        if not failed:
            throttle.answered(provider)
            return
        mine = [entry for entry in self.all() if entry.call_number == number]
        if mine and mine[-1].status == HTTPStatus.TOO_MANY_REQUESTS:
            told_ns = mine[-1].told_ns[3]
            throttle.refused(provider, told_ns / 1e9 if told_ns >= 0 else None, time.monotonic())


def _calls(
    plan: BlockPlan, clock: BlockClock, dumped: Sequence[tuple[Seat, Dump]], journal: Mapping[int, list[JournalEntry]]
) -> list[Call]:
    rows = []
    for seat, dump in dumped:
        facts = [plan.cells[place.cell].facts for place in seat.places]
        arms = [seat.facts(place.arm, cell.cell.provider) for place, cell in zip(seat.places, facts, strict=True)]
        rows += [
            call_row(clock, facts[marks.cell], arms[marks.cell], marks, journal.get(marks.call_number, []))
            for marks in dump.marks
        ]
    return sorted(rows, key=lambda row: row.call_id)


def _senders(plan: BlockPlan, dumped: Sequence[tuple[Seat, Dump]]) -> dict[int, tuple[str, str]]:
    return {
        marks.call_number: (plan.cells[place.cell].facts.cell.cell_id, place.arm.name)
        for seat, dump in dumped
        for marks in dump.marks
        for place in (seat.places[marks.cell],)
    }


def _cold(run_id: str, block: int, seat: Seat, dump: Dump) -> Cold:
    if dump.foreign_modules:
        raise DataError(
            f"worker {seat.worker.name}: expected only its own client loaded, got {', '.join(dump.foreign_modules)}"
        )
    ready = seat.worker.ready
    return Cold(
        run_id,
        seat.arms[0].name,
        str(seat.mode),
        block,
        ready.import_ns,
        ready.modules_loaded,
        ready.rss_import_bytes,
        dump.first_calls[0][2],
        dump.rss_after_bytes,
    )


def _first_calls(plan: BlockPlan, block: int, seat: Seat, dump: Dump) -> Iterator[FirstCall]:
    """Of the arm that came first into the process alone: whoever shares it finds it warm."""
    for position, (cell, shares, took_ns) in enumerate(dump.first_calls):
        place = seat.places[cell]
        if place.arm != seat.arms[0]:
            continue
        cell_id = plan.cells[place.cell].facts.cell.cell_id
        yield FirstCall(plan.run_id, place.arm.name, str(seat.mode), block, cell_id, position, shares, took_ns)


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
