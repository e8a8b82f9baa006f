"""Owns the join of the client's marks with the journal's stamps into rows. Pure; called by ``conductor.block``.

For a call with one attempt: ``pre_send = received − started``, ``server = last send − received``,
``post_receive = finished − last send``; the three sum to the duration to the nanosecond, and overhead is the first
plus the last. With more attempts than one no single subtraction is right, so those columns stay null.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median_low
from typing import Any

from harness.plan import Arm, Cell
from harness.record import Attempt, Call, Marks, Request
from harness.replay.failure import Failure
from harness.replay.journal import JournalEntry
from harness.replay.shapes import RequestShape
from harness.vocabulary import Backend, Outcome


@dataclass(frozen=True, slots=True)
class CellFacts:
    """What a row needs to know of its cell beyond the plan. ``content_chunks``: which of the answer's chunks carry
    text or tool arguments.
    """

    cell: Cell
    origin: str
    max_tokens: int | None
    timeout_ns: int
    content_chunks: tuple[int, ...] = ()
    backend: str = str(Backend.RECORDED)


@dataclass(frozen=True, slots=True)
class ArmFacts:
    """What a row needs to know of its arm: what it measures, versions and the HTTP library, of one colour."""

    arm: Arm
    client: str
    client_version: str
    http_library: str
    http_library_version: str


@dataclass(frozen=True, slots=True)
class BlockClock:
    """Where a block's monotonic stamps lie: its start in ns, and the wall-clock time of that instant."""

    run_id: str
    block: int
    started_ns: int
    started_at: datetime

    def wall(self, at_ns: int) -> datetime:
        """Wall-clock time of a monotonic stamp."""
        return self.started_at + timedelta(microseconds=(at_ns - self.started_ns) // 1000)


def call_id(run_id: str, call_number: int) -> str:
    """The call's id in the tables; its number is what the header carries."""
    return f"{run_id}-{call_number:08d}"


def by_call(entries: Iterable[JournalEntry]) -> Mapping[int, list[JournalEntry]]:
    """Group the journal by call number, warm-ups (number 0) left out, attempts in order."""
    grouped: defaultdict[int, list[JournalEntry]] = defaultdict(list)
    for entry in entries:
        if entry.call_number:
            grouped[entry.call_number].append(entry)
    return grouped


def attempt_row(clock: BlockClock, entry: JournalEntry) -> Attempt:
    """One journal entry as a row of ``attempts``."""
    return Attempt(
        run_id=clock.run_id,
        call_id=call_id(clock.run_id, entry.call_number),
        attempt=entry.attempt,
        received_ns=entry.received_ns,
        first_byte_sent_ns=entry.first_byte_sent_ns,
        last_byte_sent_ns=entry.last_byte_sent_ns,
        request_bytes=entry.request_bytes,
        response_bytes=entry.response_bytes,
        chunk_sent_ns=entry.chunk_sent_ns,
        connection_id=entry.connection_id,
        connection_reused=entry.connection_reused,
        status=entry.status,
        fault=None,
        pacing_error_ns=entry.pacing_error_ns,
        **_passed_on(entry),
    )


def _passed_on(entry: JournalEntry) -> dict[str, Any]:
    """What is known of a request that the tap passed on; of one that never left, why."""
    if not entry.upstream_sent_ns and not entry.failure:
        return {}
    processing, envoy, timing, _ = entry.told_ns
    return {
        "upstream_sent_ns": entry.upstream_sent_ns or None,
        "upstream_first_byte_ns": entry.upstream_first_byte_ns or None,
        "upstream_last_byte_ns": entry.upstream_last_byte_ns or None,
        "upstream_connection_reused": entry.upstream_reused if entry.upstream_sent_ns else None,
        "upstream_failure": Failure(entry.failure).name.lower() if entry.failure else None,
        "openai_processing_ns": _told(processing),
        "envoy_upstream_service_ns": _told(envoy),
        "server_timing_ns": _told(timing),
    }


def _told(ns: int) -> int | None:
    return None if ns < 0 else ns


def call_row(clock: BlockClock, facts: CellFacts, arm: ArmFacts, marks: Marks, entries: Sequence[JournalEntry]) -> Call:
    """One call's marks and its attempts as a row of ``calls``."""
    cell, arrivals = facts.cell, marks.arrivals_ns
    phases = _phases(marks, entries[0]) if len(entries) == 1 else _Phases()
    content = [arrivals[position] for position in marks.content_chunks if position < len(arrivals)]
    delivery = _delivery(content, facts.content_chunks, entries[0].chunk_sent_ns) if len(entries) == 1 else ()
    gaps = [later - earlier for earlier, later in pairwise(arrivals)]
    return Call(
        run_id=clock.run_id,
        cell_id=cell.cell_id,
        block=clock.block,
        arm=arm.arm.name,
        call_id=call_id(clock.run_id, marks.call_number),
        sequence=marks.sequence,
        started_at=clock.wall(marks.started_ns),
        scheduled_offset_ns=None,
        started_offset_ns=marks.started_ns - clock.started_ns,
        client=arm.client,
        client_version=arm.client_version,
        http_library=arm.http_library,
        http_library_version=arm.http_library_version,
        mode=str(cell.mode),
        backend=facts.backend,
        origin=facts.origin,
        workload=cell.workload,
        load=str(cell.load),
        concurrency=1,
        fault=None,
        operation_name=str(cell.operation),
        provider_name=cell.provider,
        request_model=cell.model,
        response_model=marks.response_model,
        request_stream=cell.stream,
        request_max_tokens=facts.max_tokens,
        duration_ns=marks.finished_ns - marks.started_ns,
        time_to_first_chunk_ns=arrivals[0] - marks.started_ns if arrivals else None,
        time_to_first_content_ns=content[0] - marks.started_ns if content else None,
        max_chunk_gap_ns=max(gaps, default=None),
        chunk_count=len(arrivals) if cell.stream else None,
        first_chunk_delivery_ns=delivery[0] if delivery else None,
        chunk_delivery_ns=median_low(delivery) if delivery else None,
        pre_send_ns=phases.pre_send_ns,
        server_ns=phases.server_ns,
        post_receive_ns=phases.post_receive_ns,
        overhead_ns=phases.overhead_ns,
        cpu_ns=marks.cpu_ns,
        gc_ns=marks.gc_ns,
        attempts=len(entries),
        connection_reused=entries[0].connection_reused if entries else None,
        usage_input_tokens=marks.input_tokens,
        usage_output_tokens=marks.output_tokens,
        usage_reasoning_output_tokens=marks.reasoning_tokens,
        usage_cache_read_input_tokens=marks.cached_tokens,
        cost_usd=marks.cost_usd,
        litellm_reported_overhead_ns=marks.reported_overhead_ns,
        is_valid_structure=marks.is_valid_structure,
        client_verdict=marks.client_verdict,
        outcome=marks.outcome,
        error_type=marks.error_type,
        error_class=marks.error_class,
        http_response_status_code=marks.status_code or (entries[-1].status if entries else None),
        timeout_ns=facts.timeout_ns,
        is_censored=marks.outcome == Outcome.TIMEOUT,
    )


@dataclass(frozen=True, slots=True)
class _Phases:
    pre_send_ns: int | None = None
    server_ns: int | None = None
    post_receive_ns: int | None = None
    overhead_ns: int | None = None


def _phases(marks: Marks, entry: JournalEntry) -> _Phases:
    """The parts of a call; of one that was given up before its answer had left, the first part alone.

    An ``ok`` call whose answer left after it was taken keeps its negative part: causality is violated, and counted.
    """
    pre_send_ns = entry.received_ns - marks.started_ns
    if marks.outcome != Outcome.OK and not 0 < entry.last_byte_sent_ns <= marks.finished_ns:
        return _Phases(pre_send_ns)
    post_receive_ns = marks.finished_ns - entry.last_byte_sent_ns
    return _Phases(
        pre_send_ns, entry.last_byte_sent_ns - entry.received_ns, post_receive_ns, pre_send_ns + post_receive_ns
    )


def _delivery(arrived: Sequence[int], carriers: Sequence[int], sent: Sequence[int]) -> list[int]:
    """Arrival at the caller minus send, content chunk by content chunk.

    Libraries add and swallow chunks without content, so only those with it are paired; a client that hands out another
    number of them (it merged or split some) gets no delivery times rather than wrong ones.
    """
    if len(arrived) != len(carriers) or any(position >= len(sent) for position in carriers):
        return []
    return [at - sent[position] for at, position in zip(arrived, carriers, strict=True)]


def request_rows(
    clock: BlockClock,
    senders: Mapping[int, tuple[str, str]],
    entries: Iterable[JournalEntry],
    shapes: Mapping[int, RequestShape],
) -> list[Request]:
    """What every arm sent in every cell: ``senders`` are (cell id, arm) by call number; a row per distinct request."""
    counts: Counter[tuple[str, str, int]] = Counter()
    for entry in entries:
        if entry.call_number in senders and entry.shape in shapes:
            counts[*senders[entry.call_number], entry.shape] += 1
    return [_request_row(clock, cell_id, arm, calls, shapes[shape]) for (cell_id, arm, shape), calls in counts.items()]


def _request_row(clock: BlockClock, cell_id: str, arm: str, calls: int, shape: RequestShape) -> Request:
    return Request(
        run_id=clock.run_id,
        cell_id=cell_id,
        block=clock.block,
        arm=arm,
        calls=calls,
        method=shape.method,
        target=shape.target,
        headers=tuple(f"{name}: {value}" for name, value in shape.headers),
        body=None if shape.body is None else json.dumps(shape.body, ensure_ascii=False, sort_keys=True),
        request_bytes=shape.bytes,
    )
