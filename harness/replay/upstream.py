"""Owns the tap's side towards a provider: its kept-alive connections, and one exchange at a time on each.

asyncio and ``ssl`` carry the bytes and httptools finds where an answer ends; no HTTP client stands between, for every
one of them re-frames, decodes or merges what passes, swallows trailers, and loses the kernel's arrival stamps. Called
by ``tap``; knows no cassettes and no journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import Protocol

import httptools

from harness.clock import now_ns
from harness.replay.address import Address
from harness.replay.arrival import ANCILLARY_BYTES, ArrivalClock, ask_for_stamps
from harness.replay.failure import CONNECT_S, Failure, failure_of
from harness.replay.tls import TlsSocket

KEPT_S = 4.0
"""An idle connection is let go after this long, before servers do (uvicorn after 5 s): none is used as it closes."""

_READ_BYTES = 65_536
_BODILESS = frozenset({204, 304})


class Receiver(Protocol):
    """Whoever an answer is for."""

    def connected(self, connection: UpstreamConnection, /) -> None:
        """A connection is yours: send the request on it."""

    def received(self, data: bytes, at_ns: int, /) -> None:
        """Bytes of the answer arrived, at this instant."""

    def finished(self) -> None:
        """The answer is complete."""

    def failed(self, why: Failure, /) -> None:
        """There is no connection, or no more of the answer will come."""


class Upstream:
    """One provider and the connections kept open to it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        name: str,
        address: Address,
        context: ssl.SSLContext | None,
        arrivals: ArrivalClock,
    ) -> None:
        self.name, self.address, self.arrivals = name, address, arrivals
        self.loop = loop
        self._context = context
        self._idle: deque[UpstreamConnection] = deque()
        self._dialling: set[asyncio.Task[None]] = set()

    def lend(self, receiver: Receiver) -> Callable[[], object]:
        """Have ``receiver`` connected, at once where a connection is idle. Returns what calls the wish off."""
        if self._idle:
            receiver.connected(self._idle.pop().borrowed(receiver))
            return _nothing
        task = self.loop.create_task(self._dial_for(receiver))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)
        return lambda: bool(task.cancel())

    def keep(self, connection: UpstreamConnection) -> None:
        """Keep an idle connection for the next request, for a while."""
        self._idle.append(connection)

    def forget(self, connection: UpstreamConnection) -> None:
        """It is no longer one to lend."""
        with contextlib.suppress(ValueError):
            self._idle.remove(connection)

    def close(self) -> None:
        """Close what is idle, and stop dialling."""
        for task in self._dialling:
            task.cancel()
        while self._idle:
            self._idle.pop().close()

    async def _dial_for(self, receiver: Receiver) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                sock = await self._dial()
        except Exception as problem:  # noqa: BLE001  (whatever goes wrong is told to whoever waits)
            receiver.failed(failure_of(problem))
            return
        receiver.connected(UpstreamConnection(self, sock).borrowed(receiver))

    async def _dial(self) -> socket.socket | TlsSocket:
        address = self.address
        found = await self.loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        problem: OSError = OSError("no address")
        for family, kind, protocol, _, where in found:
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                ask_for_stamps(sock)
                await self.loop.sock_connect(sock, where)
                if self._context is None:
                    return sock
                tls = TlsSocket(sock, self._context, address.host)
                await tls.connect(self.loop)
            except ssl.SSLError:
                sock.close()
                raise
            except OSError as said:
                sock.close()
                problem = said
            except BaseException:
                sock.close()
                raise
            else:
                return tls
        raise problem


class UpstreamConnection:
    """One connection to a provider; ``reused`` says whether it carried a request before."""

    __slots__ = (
        "_ends_with_connection",
        "_is_complete",
        "_is_kept",
        "_is_open",
        "_is_paused",
        "_parser",
        "_receiver",
        "_sock",
        "_timer",
        "_upstream",
        "_waiting",
        "reused",
        "status",
    )

    def __init__(self, upstream: Upstream, sock: socket.socket | TlsSocket) -> None:
        self._upstream, self._sock = upstream, sock
        self._receiver: Receiver | None = None
        self._waiting: memoryview | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_open, self._is_paused, self._is_complete, self._ends_with_connection = True, False, False, False
        self._is_kept = False
        self.reused = False
        self.status = 0
        self._parser = httptools.HttpResponseParser(self)
        upstream.loop.add_reader(sock.fileno(), self._on_readable)

    def borrowed(self, receiver: Receiver) -> UpstreamConnection:
        """For one exchange."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._receiver = receiver
        self._is_complete = self._ends_with_connection = False
        self.status = 0
        return self

    def send(self, request: bytes) -> int:
        """Send a whole request. Returns when its first byte left, on the monotonic clock."""
        sent_ns = now_ns()
        self._waiting = memoryview(request)
        if not self._write():
            self._upstream.loop.add_writer(self._sock.fileno(), self._on_writable)
        return sent_ns

    def pause(self) -> None:
        """Read no more until resumed: whoever reads behind us is slower than the provider."""
        if not self._is_paused and self._is_open:
            self._is_paused = True
            self._upstream.loop.remove_reader(self._sock.fileno())

    def resume(self) -> None:
        """Read again."""
        if self._is_paused and self._is_open:
            self._is_paused = False
            self._upstream.loop.add_reader(self._sock.fileno(), self._on_readable)

    def close(self) -> None:
        """Close now. Safe to call twice."""
        self._receiver = None
        if not self._is_open:
            return
        self._is_open = False
        loop, number = self._upstream.loop, self._sock.fileno()
        loop.remove_reader(number)
        loop.remove_writer(number)
        if self._timer is not None:
            self._timer.cancel()
        self._sock.close()
        self._upstream.forget(self)

    def on_headers_complete(self) -> None:
        """httptools: the head is whole. An answer with neither length nor chunks ends with its connection."""
        self.status = self._parser.get_status_code()

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: one header."""
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._ends_with_connection = False

    def on_message_begin(self) -> None:
        """httptools: an answer begins."""
        self._ends_with_connection = True

    def on_message_complete(self) -> None:
        """httptools: it is whole. One below 200 only announces the answer."""
        if self.status >= 200:
            self._is_complete, self._is_kept = True, self._parser.should_keep_alive()

    def _write(self) -> bool:
        """Go on sending; True when all was taken, or no more can be."""
        while self._waiting:
            try:
                taken = self._sock.send(self._waiting)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                self._break_off(Failure.RESET)
                return True
            self._waiting = self._waiting[taken:]
        return True

    def _on_writable(self) -> None:
        if self._write() and self._is_open:
            self._upstream.loop.remove_writer(self._sock.fileno())

    def _on_readable(self) -> None:
        try:
            data, ancillary, _, _ = self._sock.recvmsg(_READ_BYTES, ANCILLARY_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except ssl.SSLError:
            self._break_off(Failure.TLS)
            return
        except OSError:
            self._break_off(Failure.RESET)
            return
        receiver = self._receiver
        if receiver is None:
            self.close()
            return
        if not data:
            self._ended(receiver)
            return
        at_ns = self._upstream.arrivals.received_ns(ancillary, now_ns())
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._ends_with_connection = True
        except httptools.HttpParserError:
            self._break_off(Failure.MALFORMED)
            return
        receiver.received(data, at_ns)
        if self._is_complete and self._receiver is receiver:
            self._give_back(receiver)

    def _give_back(self, receiver: Receiver) -> None:
        self._receiver = None
        if self._is_kept:
            self.reused = True
            self.resume()
            self._timer = self._upstream.loop.call_later(KEPT_S, self.close)
            self._upstream.keep(self)
        else:
            self.close()
        receiver.finished()

    def _ended(self, receiver: Receiver) -> None:
        """The provider closed. That ends an answer which has no other end, and breaks any other off."""
        if self.status >= 200 and self._ends_with_connection and self.status not in _BODILESS:
            self.close()
            receiver.finished()
        else:
            self._break_off(Failure.CLOSED)

    def _break_off(self, why: Failure) -> None:
        receiver = self._receiver
        self.close()
        if receiver is not None:
            receiver.failed(why)


def _nothing() -> None:
    """There is nothing to call off."""
