"""Owns the proof of one configuration from start to end: read it, start the backend, try every limit, judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from harness.conductor.backends import backend_of_run
from harness.conductor.prepare import Shelf, load_shelf, question_of
from harness.conductor.reach import RESERVED_API_KEY
from harness.configs.reading import Configuration
from harness.configs.stated import Limit, Stated
from harness.guard import DeadlineExceeded, Limits
from harness.killable import KillableProcess
from harness.plan import Cell
from harness.replay.ledger import Ledger
from harness.replay.routes import base_url
from harness.verify import child
from harness.verify.trials import TRIED_S, Judged, Seen, Trial, chains, is_in_time, judge, scale_of, trials, window_s
from harness.vocabulary import Load, Mode
from harness.workload import load_workload

_WORKLOAD = "chat"
_WARMING_S = 60.0
_JOURNAL_S = 0.3
"""How long the journal is given to note the end of a call's last request."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a configuration came to: fields that nobody reads, and a line per limit."""

    unknown: tuple[str, ...]
    judged: tuple[Judged, ...]
    skipped: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every limit does what it says and no field is ignored."""
        return not self.unknown and all(each.holds is not False for each in self.judged)


def verify(configuration: Configuration, benchmarks: Path, say: Callable[[str], None]) -> Verified:
    """Try every limit of every model. Raises HarnessError where the backend cannot start."""
    shelf = load_shelf(benchmarks / "cassettes")
    known = {cassette.head.provider for cassette in shelf.cassettes}
    able = [each for each in configuration.stated if each.provider in known]
    skipped = [
        f"{each.name}: {each.provider} has no stand-in among the backend's dialects ({', '.join(sorted(known))}); "
        "its limits were not tried"
        for each in configuration.stated
        if each.provider not in known
    ]
    idle = [each.name for each in able if not each.is_guarded and configuration.litellm is None]
    skipped += [f"{name}: no total_timeout is stated, so there is nothing to prove" for name in idle]
    able = [each for each in able if each.name not in idle]
    unknown: tuple[str, ...] = ()
    if configuration.litellm is not None:
        with KillableProcess(partial(child.opened, configuration.litellm)) as process:
            unknown = tuple(process.call(Limits(120.0), child.unknown_fields))
    judged: list[Judged] = []
    if able:
        used = sorted({shelf.find(cell).cassette_id for each in able for cell in _cells(each, shelf)})
        with backend_of_run(benchmarks / "cassettes", used, benchmarks / "faults") as (backend, journal):
            proof = _Proof(configuration, shelf, benchmarks, backend.port, Ledger(journal))
            for each in able:
                say(f"{each.name}: trying its limits")
                judged += judge(each, list(proof.of(each)))
    return Verified(unknown, (*judged, *chains(able, judged)), tuple(skipped))


class _Proof:
    """Trials, one after the other, in a process that is killed when a call does not come back."""

    def __init__(self, configuration: Configuration, shelf: Shelf, benchmarks: Path, port: int, ledger: Ledger) -> None:
        self._configuration, self._shelf, self._benchmarks = configuration, shelf, benchmarks
        self._port, self._ledger, self._number = port, ledger, 0

    def of(self, stated: Stated) -> Iterator[tuple[Trial, Seen]]:
        """Every trial of one model's limits with what came of it."""
        opening = partial(child.opened, self._configuration.litellm)
        with KillableProcess(opening) as process:
            is_warm = False
            for trial in trials(stated):
                if not is_warm:
                    self._warm(process, stated)
                seen = self._seen(process, stated, trial)
                if seen.wall_s is not None and not is_in_time(stated, trial, seen):
                    seen = self._seen(process, stated, trial)  # a first failure imports what failing needs
                is_warm = seen.wall_s is not None  # else the process was killed, and the next one is a fresh one
                yield trial, seen

    def _warm(self, process: KillableProcess, stated: Stated) -> None:
        """A first call takes its time to import what it needs: a healthy one of each shape, not judged."""
        for stream in (False, True):
            trial = Trial(Limit.RETRIES, "", stream)
            self._made(process, replace(self._order(stated, trial), limits=Limits(_WARMING_S)), _WARMING_S)

    def _seen(self, process: KillableProcess, stated: Stated, trial: Trial) -> Seen:
        order = self._order(stated, trial)
        back = self._made(process, order, window_s(stated, trial))
        time.sleep(_JOURNAL_S)
        entries = self._ledger.take(order.number)
        waited = tuple((entry.ended_ns - entry.received_ns) / 1e9 for entry in entries)
        if trial.fault == "stall-mid-body":
            waited = tuple((entry.ended_ns - entry.last_byte_sent_ns) / 1e9 for entry in entries)
        if back is None:
            return Seen(None, None, len(entries), waited)
        return Seen(back.wall_s, back.error, len(entries), waited)

    def _made(self, process: KillableProcess, order: child.Order, window_s: float) -> child.Back | None:
        function = child.under_guard if self._configuration.litellm is None else child.through_router
        try:
            return process.call(Limits(window_s), function, order)
        except DeadlineExceeded:
            return None

    def _order(self, stated: Stated, trial: Trial) -> child.Order:
        self._number += 1
        cell = _cell(stated.provider, self._shelf, trial.stream)
        cassette = self._shelf.find(cell)
        workload = load_workload(self._benchmarks / "workloads" / f"{_WORKLOAD}.toml")
        scale = scale_of(stated, trial)
        return child.Order(
            group=stated.name,
            number=self._number,
            question=question_of(cell, cassette, workload),
            url=base_url(self._port, "none", cassette.cassette_id, trial.fault),
            api_key=RESERVED_API_KEY,
            scale=scale,
            limits=_limits(stated, trial, scale),
            timeout_s=None if stated.timeout_s is None else stated.timeout_s * scale * 2,
            retries=stated.retries if stated.retries is not None else 0,
        )


def _limits(stated: Stated, trial: Trial, scale: float) -> Limits | None:
    """The guard's limits; where the number of requests is the question, it must not end them."""
    if not stated.is_guarded:
        return None
    if trial.limit is Limit.RETRIES:
        return Limits(window_s(stated, trial))

    def scaled(seconds: float | None) -> float | None:
        return None if seconds is None else seconds * scale

    total = scaled(stated.total_s)
    return Limits(TRIED_S if total is None else total, scaled(stated.first_chunk_s), scaled(stated.inter_chunk_s))


def _cells(stated: Stated, shelf: Shelf) -> Iterator[Cell]:
    yield from (_cell(stated.provider, shelf, stream) for stream in (False, True))


def _cell(provider: str, shelf: Shelf, stream: bool) -> Cell:
    model = next(c.head.model for c in shelf.cassettes if c.head.provider == provider and c.head.workload == _WORKLOAD)
    return Cell("", provider, model, _WORKLOAD, Mode.SYNC, stream, Load.HOT, 1, "none")
