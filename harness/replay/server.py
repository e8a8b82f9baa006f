"""Owns the listening socket and the life of one backend, from cassettes to the last connection.

Called by ``__main__``; everything it accepts belongs to ``connection``.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.cassette import Cassette
from harness.errors import BackendError
from harness.fault import Scenario
from harness.replay.address import Address
from harness.replay.arrival import ask_for_stamps
from harness.replay.connection import Connection
from harness.replay.journal import JournalWriter
from harness.replay.library import Library
from harness.replay.pacing import Pacer
from harness.replay.recorder import Recorder
from harness.replay.state import State
from harness.replay.tapping import Taps
from harness.replay.tls import TlsSocket
from harness.replay.upstream import Upstream

_BACKLOG = 1024
_ACCEPTS_PER_TURN = 64
_REFRESH_S = 1.0
_FULL_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Listening:
    """A bound socket and whether the kernel stamps what arrives on it."""

    sock: socket.socket
    port: int
    kernel_stamps: bool


def listen(host: str, port: int) -> Listening:
    """Bind and listen. Raises BackendError when the port is taken or not ours to take."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(_BACKLOG)
    except (OSError, OverflowError) as problem:
        sock.close()
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise BackendError(f"port: expected a free port, got {host}:{port} ({reason}); choose another, or 0") from None
    sock.setblocking(False)
    return Listening(sock, sock.getsockname()[1], ask_for_stamps(sock))


@dataclass(frozen=True, slots=True)
class Tapped:
    """What is to be passed on: providers by name, how their certificates are checked, who records."""

    addresses: Mapping[str, Address]
    context: ssl.SSLContext
    recorder: Recorder | None = None


class Server:
    """Accepts connections on the loop until closed; over TLS where it has a certificate (``secured``)."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listening: Listening,
        cassettes: Sequence[Cassette],
        journal: Path,
        tick: Callable[[], None] = lambda: None,
        scenarios: Mapping[str, Scenario] | None = None,
        tapped: Tapped | None = None,
        secured: ssl.SSLContext | None = None,
    ) -> None:
        """Raises DataError when the journal cannot be created. ``tick`` is called about every second."""
        self.state = State(loop, Library(cassettes, scenarios), JournalWriter(journal), Pacer(loop))
        if tapped is not None:
            self.state.taps = _taps(self.state, tapped)
        self._secured = secured
        self._listening = listening
        self._accepted = 0
        self._tick = tick
        self._timer = loop.call_later(_REFRESH_S, self._refresh)
        loop.add_reader(listening.sock.fileno(), self._accept)

    def close(self) -> None:
        """Stop listening and publish the journal; connections die with the process."""
        self._timer.cancel()
        self.state.loop.remove_reader(self._listening.sock.fileno())
        self._listening.sock.close()
        self.state.pacer.close()
        for upstream in self.state.taps.upstreams.values():
            upstream.close()
        if self.state.taps.recorder is not None:
            self.state.taps.recorder.close()
        self.state.journal.close()

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_PER_TURN):
            try:
                sock, _address = self._listening.sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._pause()
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._listening.kernel_stamps:
                ask_for_stamps(sock)
            self._accepted += 1
            Connection(self.state, sock if self._secured is None else TlsSocket(sock, self._secured), self._accepted)

    def _pause(self) -> None:
        """Out of descriptors: leave the others in the backlog for a moment."""
        loop, fd = self.state.loop, self._listening.sock.fileno()
        loop.remove_reader(fd)
        loop.call_later(_FULL_PAUSE_S, loop.add_reader, fd, self._accept)

    def _refresh(self) -> None:
        self.state.arrivals.refresh()
        self._timer = self.state.loop.call_later(_REFRESH_S, self._refresh)
        self._tick()


def _taps(state: State, tapped: Tapped) -> Taps:
    upstreams = {
        name.encode(): Upstream(
            state.loop, name, address, tapped.context if address.scheme == "https" else None, state.arrivals
        )
        for name, address in tapped.addresses.items()
    }
    return Taps(upstreams, tapped.recorder)
