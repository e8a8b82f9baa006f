"""Owns what all connections of one backend share: the loop, the pacer, the journal, the library, the shapes and the
counters.

Built by ``server``; used by ``connection``, ``answer`` and ``control``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import islice

from harness.clock import now_ns
from harness.replay.arrival import ArrivalClock
from harness.replay.journal import JournalWriter
from harness.replay.library import Library
from harness.replay.pacing import Pacer
from harness.replay.parsing import Request
from harness.replay.routes import below_cassette
from harness.replay.shapes import Shapes
from harness.replay.tapping import Taps

_REMEMBERED_CALLS = 1 << 20


@dataclass(slots=True, eq=False)
class State:
    """One backend. ``active`` counts answers in progress, ``requests`` all that were answered or are being answered."""

    loop: asyncio.AbstractEventLoop
    library: Library
    journal: JournalWriter
    pacer: Pacer
    arrivals: ArrivalClock = field(default_factory=ArrivalClock)
    shapes: Shapes = field(default_factory=Shapes)
    taps: Taps = field(default_factory=Taps)
    requests: int = 0
    active: int = 0
    connections_open: int = 0
    started_ns: int = field(default_factory=now_ns)
    attempts: dict[int, int] = field(default_factory=dict)

    def shape_of(self, request: Request) -> int:
        """The number of the request's shape; requests about different jobs have the same one."""
        target = self.library.jobs.without_id(below_cassette(request.target.decode("latin-1")))
        return self.shapes.number(request.method, target, request.headers, request.body)

    def attempt_of(self, call_number: int) -> int:
        """1 for the first request under a call id, 2 for the next, …; 1 for requests without one.

        The oldest half of the call ids is forgotten past a million: retries follow their call closely.
        """
        if not call_number:
            return 1
        attempts = self.attempts
        attempt = attempts.get(call_number, 0) + 1
        attempts[call_number] = attempt
        if len(attempts) > _REMEMBERED_CALLS:
            for call in list(islice(attempts, _REMEMBERED_CALLS // 2)):
                del attempts[call]
        return attempt
