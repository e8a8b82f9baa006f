"""Owns the monotonic clock and the marks of one call. No I/O, no colour, and nothing allocated between the marks
beyond the integers themselves. Used by the drivers in ``load``; the backend stamps with the same clock.
"""

from __future__ import annotations

import time
from array import array
from pathlib import Path

now_ns = time.monotonic_ns
"""CLOCK_MONOTONIC in ns: one clock for every process of a boot, so client and backend stamps subtract."""


def clock_domain() -> str:
    """Identify the clock: boot id and time-namespace offsets. Two processes may subtract stamps only if equal.

    Empty where the system tells neither (not Linux); then all processes of one run share one kernel anyway.
    """
    parts = []
    for path in (Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/timens_offsets")):
        try:
            parts.append(" ".join(path.read_text().split()))
        except OSError:
            continue
    return " | ".join(parts)


class CallTimer:
    """The marks of one call, reused for every call of a worker: t0, each chunk's arrival, t3 (all ns)."""

    __slots__ = ("_arrivals", "chunk_count", "finished_ns", "started_ns")

    def __init__(self, max_chunks: int = 65_536) -> None:
        self._arrivals = array("q", bytes(8 * max_chunks))
        self.chunk_count = 0
        self.started_ns = 0
        self.finished_ns = 0

    def start(self) -> None:
        """Mark t0: the instant before the call."""
        self.chunk_count = 0
        self.finished_ns = 0
        self.started_ns = now_ns()

    def chunk(self) -> None:
        """Mark the arrival of one chunk at the caller. Raises IndexError past ``max_chunks``."""
        self._arrivals[self.chunk_count] = now_ns()
        self.chunk_count += 1

    def stop(self) -> None:
        """Mark t3: the call returned, or its last chunk was consumed."""
        self.finished_ns = now_ns()

    def arrivals_ns(self) -> list[int]:
        """Copy the chunk arrivals (ns, in order) out of the buffer; for after the timed region."""
        return self._arrivals[: self.chunk_count].tolist()
