"""Owns sending on time: one heap of absolute deadlines for all streams and one timer.

It wakes 300 µs early (the core leaves its idle state), again 60 µs early, and spins the rest; a burst of due sends is
bounded to 200 µs before the loop may read sockets again. Never early; how late is journalled with every chunk.
Called by ``answer``; must not know HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush, heapreplace
from typing import Protocol

from harness.clock import now_ns
from harness.replay.timer import Timer, open_timer

EARLY_NS = 300_000
SPIN_NS = 60_000
BURST_NS = 200_000


class Scheduled(Protocol):
    """Something with sends that are due one after the other."""

    def send_due(self) -> int:
        """Send what is due now; return the next deadline (ns), or 0 when nothing is left or the client is gone."""


class Pacer:
    """The deadlines of all streams; ``timer_kind`` says what wakes it."""

    __slots__ = ("_heap", "_now", "_sequence", "_timer")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        opened: Callable[[asyncio.AbstractEventLoop, Callable[[], None]], Timer] = open_timer,
        now: Callable[[], int] = now_ns,
    ) -> None:
        self._heap: list[tuple[int, int, Scheduled]] = []
        self._sequence = 0
        self._now = now
        self._timer = opened(loop, self._wake)

    @property
    def timer_kind(self) -> str:
        """``timerfd`` or ``asyncio``."""
        return self._timer.kind

    def schedule(self, deadline_ns: int, scheduled: Scheduled) -> None:
        """Call ``scheduled.send_due`` at the deadline, and at each deadline it returns."""
        self._sequence += 1
        heappush(self._heap, (deadline_ns, self._sequence, scheduled))
        if self._heap[0][2] is scheduled:
            self._arm(deadline_ns, self._now())

    def close(self) -> None:
        """Forget all deadlines and give the timer back."""
        self._heap.clear()
        self._timer.close()

    def _arm(self, deadline_ns: int, now: int) -> None:
        early = EARLY_NS if deadline_ns - now > EARLY_NS else SPIN_NS
        self._timer.arm(deadline_ns - early)

    def _wake(self) -> None:
        heap, clock = self._heap, self._now
        started = now = clock()
        while heap:
            deadline, sequence, scheduled = heap[0]
            if deadline - now > SPIN_NS:
                self._arm(deadline, now)
                return
            if now - started > BURST_NS:
                self._timer.arm(now)
                return
            while now < deadline:
                now = clock()
            following = scheduled.send_due()
            if heap[0][1] != sequence:
                self._remove(sequence, following, scheduled)
            elif following:
                heapreplace(heap, (following, sequence, scheduled))
            else:
                heappop(heap)
            now = clock()
        self._timer.disarm()

    def _remove(self, sequence: int, following: int, scheduled: Scheduled) -> None:
        """Sending put an earlier deadline on the heap (a queued request was answered): replace ours where it is now."""
        heap = self._heap
        kept = [item for item in heap if item[1] != sequence]
        heap.clear()
        for item in kept:
            heappush(heap, item)
        if following:
            heappush(heap, (following, sequence, scheduled))
