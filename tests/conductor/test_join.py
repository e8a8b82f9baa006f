"""Marks and journal become rows whose parts sum to the whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.conductor.join import (
    ArmFacts,
    BlockClock,
    CellFacts,
    attempt_row,
    by_call,
    call_id,
    call_row,
    request_rows,
)
from harness.plan import Arm, Cell
from harness.record import Marks
from harness.replay.journal import JournalEntry
from harness.replay.shapes import RequestShape
from harness.vocabulary import Load, Mode

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CLOCK = BlockClock("run", 2, 1_000, START)
ARM = ArmFacts(Arm("openai-null", "openai"), "openai", "2.0", "httpx", "0.28")


def facts(*, stream: bool) -> CellFacts:
    """A cell of either shape."""
    cell = Cell("cell", "openai", "m", "chat", Mode.SYNC, stream, Load.HOT, 10, "none")
    return CellFacts(cell, "authored", 300, 30_000_000_000, content_chunks=(1, 2) if stream else ())


def marks(started: int, finished: int, arrivals: tuple[int, ...] = (), content: tuple[int, ...] = ()) -> Marks:
    """A call that was ok."""
    rest = (50, 4, "ok", None, None, None, 200, "m-1", 9, 8, 1, 2, 0.1, 6, None, None)
    return Marks(7, 0, 3, started, finished, arrivals, content, *rest)


def entry(received: int, sent: tuple[int, ...], *, number: int = 7, attempt: int = 1) -> JournalEntry:
    """A request as the backend saw it."""
    return JournalEntry(
        call_number=number,
        attempt=attempt,
        connection_id=5,
        connection_reused=True,
        exchange_index=0,
        matched=True,
        status=200,
        request_bytes=100,
        response_bytes=200,
        received_ns=received,
        read_ns=received + 1,
        first_byte_sent_ns=sent[0],
        last_byte_sent_ns=sent[-1],
        completed=True,
        chunk_sent_ns=sent,
        pacing_error_ns=(0,) * len(sent),
    )


def test_a_whole_call_splits_into_its_three_parts() -> None:
    """pre_send + server + post_receive = duration; overhead is the first plus the last."""
    row = call_row(CLOCK, facts(stream=False), ARM, marks(2_000, 2_100), [entry(2_030, (2_060,))])
    assert (row.pre_send_ns, row.server_ns, row.post_receive_ns) == (30, 30, 40)
    assert (row.duration_ns, row.overhead_ns, row.attempts) == (100, 70, 1)
    assert row.started_offset_ns == 1_000
    assert row.started_at == START + timedelta(microseconds=1)
    assert (row.time_to_first_chunk_ns, row.chunk_count, row.max_chunk_gap_ns) == (None, None, None)
    assert (row.arm, row.client, row.block, row.sequence) == ("openai-null", "openai", 2, 3)


def test_a_stream_is_timed_chunk_by_chunk() -> None:
    """First chunk, first content, largest gap, and delivery of content against the backend's own send stamps."""
    arrivals, sent = (2_110, 2_150, 2_300), (2_100, 2_120, 2_280, 2_290)
    row = call_row(CLOCK, facts(stream=True), ARM, marks(2_000, 2_400, arrivals, (1, 2)), [entry(2_050, sent)])
    assert (row.time_to_first_chunk_ns, row.time_to_first_content_ns, row.max_chunk_gap_ns) == (110, 150, 150)
    assert (row.chunk_count, row.first_chunk_delivery_ns, row.chunk_delivery_ns) == (3, 30, 20)
    assert (row.pre_send_ns, row.server_ns, row.post_receive_ns) == (50, 240, 110)


def test_a_client_that_merges_chunks_has_no_delivery_times() -> None:
    """Another number of content chunks than was sent: no pairing is right, so none is made."""
    arrivals, sent = (2_110, 2_150), (2_100, 2_120, 2_140, 2_160)
    row = call_row(CLOCK, facts(stream=True), ARM, marks(2_000, 2_400, arrivals, (1,)), [entry(2_050, sent)])
    assert (row.first_chunk_delivery_ns, row.chunk_delivery_ns) == (None, None)
    assert (row.time_to_first_content_ns, row.overhead_ns) == (150, 290)


def test_requests_are_counted_by_arm_cell_and_shape() -> None:
    """One row per distinct request of an arm in a cell; what no call sent is left out."""
    shape = RequestShape(3, "POST", "/v1/chat/completions", (("accept", "*/*"),), {"b": 1, "a": "x"}, 321)
    entries = [replace(entry(1, (2,), number=n), shape=3) for n in (7, 8, 9)] + [entry(1, (2,), number=7)]
    senders = {7: ("cell", "openai"), 8: ("cell", "openai"), 9: ("cell", "litellm")}
    rows = request_rows(CLOCK, senders, entries, {3: shape})
    assert [(row.arm, row.calls) for row in rows] == [("openai", 2), ("litellm", 1)]
    assert (rows[0].body, rows[0].headers, rows[0].request_bytes) == ('{"a": "x", "b": 1}', ("accept: */*",), 321)


def test_a_retried_call_has_no_single_overhead() -> None:
    """Two attempts leave the phases null and are counted."""
    entries = [entry(2_010, (2_020,)), entry(2_040, (2_050,), attempt=2)]
    row = call_row(CLOCK, facts(stream=False), ARM, marks(2_000, 2_100), entries)
    assert (row.attempts, row.overhead_ns, row.pre_send_ns, row.duration_ns) == (2, None, None, 100)


@pytest.mark.parametrize("sent", [0, 2_150])
def test_a_call_that_was_given_up_has_its_first_part_alone(sent: int) -> None:
    """The answer left after the client had gone, or never; of a call that is ok the same is a violation, and kept."""
    given_up = replace(marks(2_000, 2_100), outcome="timeout", error_type="timeout")
    row = call_row(CLOCK, facts(stream=False), ARM, given_up, [replace(entry(2_030, (2_060,)), last_byte_sent_ns=sent)])
    assert (row.pre_send_ns, row.server_ns, row.post_receive_ns, row.overhead_ns) == (30, None, None, None)
    taken = call_row(CLOCK, facts(stream=False), ARM, marks(2_000, 2_100), [entry(2_030, (2_150,))])
    assert taken.post_receive_ns == -50


def test_a_call_that_never_reached_the_wire_has_no_attempt() -> None:
    """Zero attempts is a fact, not an error."""
    row = call_row(CLOCK, facts(stream=False), ARM, marks(2_000, 2_100), [])
    assert (row.attempts, row.overhead_ns) == (0, None)


def test_warm_ups_are_left_out_and_attempts_keep_their_order() -> None:
    """Call number 0 belongs to no call."""
    entries = [entry(1, (2,), number=0), entry(3, (4,)), entry(5, (6,), attempt=2), entry(7, (8,), number=9)]
    grouped = by_call(entries)
    assert [e.attempt for e in grouped[7]] == [1, 2]
    assert set(grouped) == {7, 9}


def test_an_attempt_joins_its_call_by_id() -> None:
    """Both tables carry the same call id, unique over runs."""
    call = call_row(CLOCK, facts(stream=False), ARM, marks(2_000, 2_100), [entry(2_030, (2_060,))])
    assert attempt_row(CLOCK, entry(2_030, (2_060,))).call_id == call.call_id == call_id("run", 7)


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=3, max_size=3))
def test_the_parts_sum_to_the_duration_to_the_nanosecond(start: int, steps: list[int]) -> None:
    """Whatever the stamps."""
    received, sent, finished = start + steps[0], start + sum(steps[:2]), start + sum(steps)
    row = call_row(CLOCK, facts(stream=False), ARM, marks(start, finished), [entry(received, (sent,))])
    assert row.pre_send_ns is not None
    assert row.server_ns is not None
    assert row.post_receive_ns is not None
    assert row.pre_send_ns + row.server_ns + row.post_receive_ns == row.duration_ns
