"""Owns arrival stamps: when the last byte of a request reached this machine, on the monotonic clock.

The kernel stamps what it delivers (SO_TIMESTAMPNS) in CLOCK_REALTIME, which may be stepped; the difference to
CLOCK_MONOTONIC is measured between two readings of the latter, again about every second, and steps are counted.
Only ``recvmsg`` hands the stamps out, which is why the server reads its sockets itself. Called by ``connection``.
"""

from __future__ import annotations

import socket
import sys
import time
from struct import Struct

from harness.clock import now_ns

SO_TIMESTAMPNS = 35
"""asm-generic's number, the same on x86, ARM and RISC-V; Python's socket module does not name it."""

ANCILLARY_BYTES = socket.CMSG_SPACE(16) if hasattr(socket, "CMSG_SPACE") else 0
STEP_NS = 50_000
_IMPLAUSIBLE_NS = 5_000_000
_STALE_NS = 10_000_000
_BRACKETS = 5
_timespec = Struct("=qq").unpack


def ask_for_stamps(sock: socket.socket) -> bool:
    """Ask the kernel to stamp what this socket receives; False where it cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def monotonic_minus_realtime_ns() -> int:
    """The offset to add to CLOCK_REALTIME: the tightest of a few brackets, good to a fraction of a microsecond."""
    best_width, best = 1 << 62, 0
    for _ in range(_BRACKETS):
        before = now_ns()
        real = time.time_ns()
        after = now_ns()
        if after - before < best_width:
            best_width, best = after - before, (before + after) // 2 - real
    return best


class ArrivalClock:
    """Converts the kernel's stamps; ``steps`` counts how often CLOCK_REALTIME was found moved by more than 50 µs."""

    __slots__ = ("_offset_ns", "refreshed_ns", "steps")

    def __init__(self) -> None:
        self.steps = 0
        self.refreshed_ns = now_ns()
        self._offset_ns = monotonic_minus_realtime_ns()

    def refresh(self) -> None:
        """Measure the offset again and count a step."""
        offset = monotonic_minus_realtime_ns()
        if abs(offset - self._offset_ns) > STEP_NS:
            self.steps += 1
        self._offset_ns = offset
        self.refreshed_ns = now_ns()

    def refresh_if_stale(self) -> None:
        """Refresh unless that was done within the last 10 ms; for moments when nothing is being answered."""
        if now_ns() - self.refreshed_ns > _STALE_NS:
            self.refresh()

    def received_ns(self, ancillary: list[tuple[int, int, bytes]], read_ns: int) -> int:
        """When the bytes just read arrived: the kernel's stamp where there is one, and never later than the read."""
        if not ancillary or len(ancillary[0][2]) != 16:
            return read_ns
        seconds, nanoseconds = _timespec(ancillary[0][2])
        stamp: int = seconds * 1_000_000_000 + nanoseconds + self._offset_ns
        if not -STEP_NS < read_ns - stamp < _IMPLAUSIBLE_NS:
            self.refresh()
            stamp = seconds * 1_000_000_000 + nanoseconds + self._offset_ns
        return stamp if stamp < read_ns else read_ns
