"""Kernel stamps on the monotonic clock."""

from __future__ import annotations

import struct
import time

import pytest

from harness.clock import now_ns
from harness.replay import arrival
from harness.replay.arrival import ArrivalClock


def stamp(real_ns: int) -> list[tuple[int, int, bytes]]:
    """Ancillary data as the kernel gives it."""
    return [(1, arrival.SO_TIMESTAMPNS, struct.pack("=qq", *divmod(real_ns, 1_000_000_000)))]


def test_a_stamp_lies_between_its_bracket() -> None:
    """Converted CLOCK_REALTIME agrees with the monotonic readings round it."""
    clock = ArrivalClock()
    before = now_ns()
    real = time.time_ns()
    after = now_ns()
    converted = clock.received_ns(stamp(real), now_ns())
    assert before - arrival.STEP_NS <= converted <= after + arrival.STEP_NS


def test_a_stamp_is_never_later_than_the_read_and_missing_ones_are_the_read() -> None:
    """Causality holds however the clocks disagree."""
    clock = ArrivalClock()
    read = now_ns()
    assert clock.received_ns(stamp(time.time_ns() + 20_000), read) <= read
    assert clock.received_ns([], read) == read


def test_a_step_of_the_real_time_clock_is_counted_and_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stamp taken after a step is converted with the new offset."""
    clock = ArrivalClock()
    clock.refresh()
    assert clock.steps == 0
    stepped = 3_600 * 1_000_000_000
    true_time_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: true_time_ns() + stepped)
    read = now_ns()
    converted = clock.received_ns(stamp(true_time_ns() + stepped), read)
    assert clock.steps == 1
    assert abs(converted - read) < 1_000_000_000
