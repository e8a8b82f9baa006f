"""Owns one answer on its way out: each message sent when due with one write, stamped just before, then journalled.

A client that reads too slowly gets the rest when its socket takes more; one that leaves ends the answer there.
Created by ``connection``; driven by ``pacing``.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from harness.clock import now_ns
from harness.replay.exchange import Ending, Exchange
from harness.replay.state import State


class Line(Protocol):
    """What an answer needs of its connection."""

    def send(self, message: bytes, /) -> int:
        """Write without blocking; return how many bytes the kernel took (0: none now). Raises OSError when lost."""

    def await_writable(self) -> None:
        """Call ``flush`` of the current answer whenever the socket takes more."""

    def ends(self, ending: Ending, /) -> None:
        """Have the connection end like this after the current answer, whatever the request allowed."""

    def answered(self) -> None:
        """The current answer is complete."""

    def drop(self) -> None:
        """The client is gone."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """The request behind an answer, as the journal wants it."""

    call_number: int
    attempt: int
    connection_id: int
    reused: bool
    request_bytes: int
    received_ns: int
    read_ns: int
    shape: int


class Answer:
    """One exchange being sent. ``send_due`` is called at each deadline, ``flush`` when a full socket drains."""

    __slots__ = ("_arrived", "_backlog", "_exchange", "_line", "_next", "_over", "_sent_bytes", "_stamps", "_state")

    def __init__(self, line: Line, state: State, exchange: Exchange, arrived: Arrived) -> None:
        self._line = line
        self._state = state
        self._exchange = exchange
        self._arrived = arrived
        self._next = 0
        self._sent_bytes = 0
        self._stamps: list[int] = []
        self._backlog: deque[bytes] = deque()
        self._over = False
        state.active += 1

    def begin(self) -> None:
        """Send everything (no pace), or what is due already, and schedule the rest."""
        if not self._exchange.messages:
            self._end()
            return
        if self._exchange.immediate:
            while self._next < len(self._exchange.messages) and not self._over:
                self.send_due()
            return
        deadline = self._arrived.received_ns + self._exchange.offsets_ns[0]
        if deadline <= now_ns():
            deadline = self.send_due()
        if deadline:
            self._state.pacer.schedule(deadline, self)

    def resume(self, stamp_ns: int, taken: int) -> None:
        """Go on after the connection itself wrote the first ``taken`` bytes of the only message at ``stamp_ns``."""
        self._next = 1
        self._stamps.append(stamp_ns)
        self._sent_bytes = taken
        self._keep(self._exchange.messages[0][taken:])

    def send_due(self) -> int:
        """Send the next message; return the deadline (ns) of the one after it, 0 when that was the last."""
        if self._over:
            return 0
        exchange, position = self._exchange, self._next
        self._next = following = position + 1
        message = exchange.messages[position]
        if self._backlog:
            self._backlog.append(message)
        else:
            self._stamps.append(now_ns())
            self._write(message)
        return self._deadline_ns(following)

    def _deadline_ns(self, following: int) -> int:
        """When the message after the one just sent is due; 0 where there is none or the client went away."""
        if self._over:
            return 0
        exchange = self._exchange
        if following < len(exchange.messages):
            return self._arrived.received_ns + exchange.offsets_ns[following]
        if not self._backlog:
            self._end()
        return 0

    def flush(self) -> bool:
        """Send what waited for the socket; True when nothing waits any more."""
        backlog = self._backlog
        while backlog:
            message = backlog[0]
            try:
                taken = self._line.send(message)
            except OSError:
                self._line.drop()
                return True
            self._sent_bytes += taken
            if taken < len(message):
                backlog[0] = message[taken:]
                return False
            backlog.popleft()
            if backlog:
                self._stamps.append(now_ns())
        if self._next == len(self._exchange.messages):
            self._end()
        return True

    def abandon(self) -> None:
        """The client went away: journal what was sent, drop the rest of the schedule."""
        if not self._over:
            self._close(completed=False)

    def _write(self, message: bytes) -> None:
        try:
            taken = self._line.send(message)
        except OSError:
            self._line.drop()
            return
        self._sent_bytes += taken
        if taken < len(message):
            self._keep(message[taken:])

    def _keep(self, rest: bytes) -> None:
        self._backlog.append(rest)
        self._line.await_writable()

    def _end(self) -> None:
        """Everything was sent: done, unless the client is to be kept waiting until it leaves."""
        if self._exchange.ending is not Ending.HOLD:
            self._close(completed=True)
            self._line.answered()

    def _close(self, *, completed: bool) -> None:
        self._over = True
        self._backlog.clear()
        state = self._state
        state.active -= 1
        if self._exchange.journalled:
            self._journal(completed)
        if not state.active:
            state.arrivals.refresh_if_stale()

    def _journal(self, completed: bool) -> None:
        exchange, arrived, stamps = self._exchange, self._arrived, self._stamps
        skipped = 1 if exchange.head_alone else 0
        chunks = stamps[skipped:]
        due = exchange.offsets_ns[skipped:]
        received = arrived.received_ns
        errors = (
            [0] * len(chunks) if exchange.immediate else [s - received - at for s, at in zip(chunks, due, strict=False)]
        )
        self._state.journal.append(
            (
                arrived.call_number,
                arrived.attempt,
                arrived.connection_id,
                arrived.reused,
                exchange.index,
                exchange.matched,
                exchange.status,
                arrived.request_bytes,
                self._sent_bytes,
                received,
                arrived.read_ns,
                stamps[0] if stamps else 0,
                stamps[-1] if stamps else 0,
                completed,
                arrived.shape,
                now_ns(),
            ),
            chunks,
            errors,
        )
