"""Owns one client connection: reads requests, recognises them, and starts their answers in order.

Sockets are read with ``recvmsg`` from ``loop.add_reader``, because the kernel's arrival stamps come as ancillary data
that an ``asyncio.Protocol`` never sees. A request whose bytes equal the connection's last one in all but the digits of
the call id needs no parser: that is the fast path, and it decides nothing that the slow one would decide differently.
Created by ``server``.
"""

from __future__ import annotations

import re
import socket
import struct
from collections import deque

from harness.clock import now_ns
from harness.replay import control
from harness.replay.answer import Answer, Arrived
from harness.replay.arrival import ANCILLARY_BYTES
from harness.replay.exchange import Ending, Exchange, Framing
from harness.replay.parsing import MalformedRequest, Request, RequestParser
from harness.replay.routes import CONTROL_PREFIX
from harness.replay.shapes import UNKNOWN
from harness.replay.state import State
from harness.replay.tap import Relay
from harness.replay.tls import TlsSocket
from harness.vocabulary import CALL_ID_HEADER

_READ_BYTES = 65_536
_LINGER_S = 1.0
_MAX_QUEUED = 10_000
_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing discards what is unsent and resets the connection."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CONTROL = CONTROL_PREFIX.encode()
_CALL_ID = re.compile(rb"\r\n" + CALL_ID_HEADER.encode() + rb":[ \t]*([0-9]{1,18})[ \t]*(?=\r\n)", re.IGNORECASE)
_CALL_ID_NAME = re.compile(rb"\r\n" + CALL_ID_HEADER.encode() + rb"[ \t]*:", re.IGNORECASE)


class Connection:
    """One accepted socket. At most one answer is under way; pipelined requests wait their turn."""

    __slots__ = (
        "_answer",
        "_closes",
        "_draining",
        "_ending",
        "_exchange",
        "_has_call_id",
        "_number",
        "_open",
        "_parser",
        "_partial",
        "_prefix",
        "_queue",
        "_recvmsg",
        "_send",
        "_served",
        "_serving",
        "_shape",
        "_single",
        "_sock",
        "_state",
        "_suffix",
    )

    def __init__(self, state: State, sock: socket.socket | TlsSocket, number: int) -> None:
        self._state = state
        self._sock = sock
        self._number = number
        self._recvmsg = sock.recvmsg
        self._send = sock.send
        self._parser = RequestParser()
        self._queue: deque[tuple[Request, int, int, int]] = deque()
        self._answer: Answer | Relay | None = None
        self._partial = self._serving = self._draining = self._served = False
        self._open = True
        self._prefix: bytes | None = None
        self._suffix = b""
        self._single = b""
        self._has_call_id = self._closes = False
        self._ending = Ending.KEEP
        self._exchange: Exchange | None = None
        self._shape = UNKNOWN
        state.connections_open += 1
        state.loop.add_reader(sock.fileno(), self.on_readable)

    def on_readable(self) -> None:
        """Read once and act on it; the loop calls again while bytes remain."""
        try:
            data, ancillary, _, _ = self._recvmsg(_READ_BYTES, ANCILLARY_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.drop()
            return
        read_ns = now_ns()
        if not data:
            self.drop()
            return
        received_ns = self._state.arrivals.received_ns(ancillary, read_ns)
        prefix = self._prefix
        if (
            prefix is not None
            and data.startswith(prefix)
            and data.endswith(self._suffix)
            and not self._partial
            and self._answer is None
        ):
            digits = data[len(prefix) : len(data) - len(self._suffix)]
            if digits.isdigit() and len(digits) <= 18 if self._has_call_id else not digits:
                self._answer_known(int(digits) if digits else 0, len(data), received_ns, read_ns)
                return
        if not self._draining:
            self._parse(data, received_ns, read_ns)

    def _answer_known(self, call: int, request_bytes: int, received_ns: int, read_ns: int) -> None:
        state, exchange, message = self._state, self._exchange, self._single
        assert exchange is not None
        state.requests += 1
        attempt = state.attempt_of(call) if call else 1
        if not message:
            self._begin(
                exchange, Arrived(call, attempt, self._number, True, request_bytes, received_ns, read_ns, self._shape)
            )
            return
        sent_ns = now_ns()
        try:
            taken = self._send(message)
        except (BlockingIOError, InterruptedError):
            taken = 0
        except OSError:
            taken = -1
        if taken == len(message):
            state.journal.append(
                (
                    call,
                    attempt,
                    self._number,
                    1,
                    exchange.index,
                    1,
                    exchange.status,
                    request_bytes,
                    taken,
                    received_ns,
                    read_ns,
                    sent_ns,
                    sent_ns,
                    1,
                    self._shape,
                    sent_ns,
                ),
                (sent_ns,),
                _NO_ERROR,
            )
            return
        arrived = Arrived(call, attempt, self._number, True, request_bytes, received_ns, read_ns, self._shape)
        self._answer = Answer(self, state, exchange, arrived)
        self._answer.resume(sent_ns, max(taken, 0))
        if taken < 0:
            self.drop()

    def _parse(self, data: bytes, received_ns: int, read_ns: int) -> None:
        alone = not self._partial
        try:
            requests = self._parser.feed(data)
        except MalformedRequest as problem:
            self._refuse_malformed(str(problem), len(data))
            return
        self._partial = self._parser.pending
        if self._parser.wants_continue and self._answer is None and not self._queue and not requests:
            self._send_continue()
        shapes = [UNKNOWN if r.target.startswith(_CONTROL) else self._state.shape_of(r) for r in requests]
        self._queue.extend((r, shape, received_ns, read_ns) for r, shape in zip(requests, shapes, strict=True))
        if len(self._queue) > _MAX_QUEUED:
            self.drop()
            return
        self._serve()
        if alone and len(requests) == 1 and not self._partial and self._open and not self._draining:
            self._learn(data, requests[0], shapes[0])

    def _learn(self, data: bytes, request: Request, shape: int) -> None:
        """Remember this request's bytes around the call id, for the fast path."""
        self._prefix = None
        if request.wire_bytes != len(data) or request.framing is not Framing.KEEP_ALIVE:
            return
        head = data[: data.find(b"\r\n\r\n") + 2]
        names, values = len(_CALL_ID_NAME.findall(head)), list(_CALL_ID.finditer(head))
        if names != len(values) or names > 1 or b"100-continue" in head.lower():
            return
        exchange = self._state.library.known(request)
        if exchange is None:
            return
        self._shape = shape
        self._has_call_id = bool(values)
        start, end = values[0].span(1) if values else (len(data), len(data))
        self._exchange, self._prefix, self._suffix = exchange, data[:start], data[end:]
        self._single = exchange.messages[0] if exchange.immediate and len(exchange.messages) == 1 else b""

    def _serve(self) -> None:
        if self._serving:
            return
        self._serving = True
        while self._queue and self._answer is None and self._open and not self._draining:
            self._start(*self._queue.popleft())
        self._serving = False

    def _start(self, request: Request, shape: int, received_ns: int, read_ns: int) -> None:
        state = self._state
        tapping = state.taps.tapping(request.target)
        if tapping is not None:
            state.requests += 1
            call, attempt = request.call_number, state.attempt_of(request.call_number)
            arrived = Arrived(
                call, attempt, self._number, self._served, request.wire_bytes, received_ns, read_ns, shape
            )
            self._served = True
            self._closes, self._ending = request.framing is not Framing.KEEP_ALIVE, Ending.KEEP
            self._answer = relay = Relay(self, state, tapping, request, arrived)
            relay.begin()
            return
        if request.target.startswith(_CONTROL):
            exchange = control.answer(state, request)
            call, attempt = 0, 1
        else:
            call = request.call_number
            attempt = state.attempt_of(call)
            exchange = state.library.exchange_for(request, received_ns, attempt)
            state.requests += 1
        arrived = Arrived(call, attempt, self._number, self._served, request.wire_bytes, received_ns, read_ns, shape)
        self._begin(exchange, arrived)

    def _begin(self, exchange: Exchange, arrived: Arrived) -> None:
        self._served = True
        self._closes, self._ending = exchange.closes, exchange.ending
        self._answer = answer = Answer(self, self._state, exchange, arrived)
        answer.begin()

    def send(self, message: bytes, /) -> int:
        """See ``Line.send``."""
        try:
            return self._send(message)
        except (BlockingIOError, InterruptedError):
            return 0

    def await_writable(self) -> None:
        """See ``Line.await_writable``."""
        self._state.loop.add_writer(self._sock.fileno(), self._on_writable)

    def _on_writable(self) -> None:
        if (self._answer is None or self._answer.flush()) and self._open:
            self._state.loop.remove_writer(self._sock.fileno())

    def ends(self, ending: Ending, /) -> None:
        """See ``Line.ends``."""
        self._ending = ending

    def answered(self) -> None:
        """See ``Line.answered``."""
        self._answer = None
        if self._ending is not Ending.KEEP:
            if self._ending is Ending.RESET:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self.drop()
        elif self._closes:
            self._linger()
        elif self._queue:
            self._serve()

    def drop(self) -> None:
        """Close now; what was being answered is journalled as incomplete."""
        if not self._open:
            return
        self._open = False
        loop, fd = self._state.loop, self._sock.fileno()
        loop.remove_reader(fd)
        loop.remove_writer(fd)
        self._sock.close()
        self._state.connections_open -= 1
        self._queue.clear()
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.abandon()

    def _linger(self) -> None:
        """Say that no more will come, and give the client a moment to read before the socket is gone."""
        self._draining = True
        self._prefix = None
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.drop()
            return
        self._state.loop.call_later(_LINGER_S, self.drop)

    def _refuse_malformed(self, why: str, size: int) -> None:
        if self._answer is not None or self._queue:
            self.drop()
            return
        request = Request("POST", b"", b"", 0, size, Framing.CLOSE, ())
        exchange = self._state.library.refuse(400, f"request: expected HTTP/1.1, got {why[:80]}", request)
        now = now_ns()
        self._begin(exchange, Arrived(0, 1, self._number, self._served, size, now, now, UNKNOWN))

    def _send_continue(self) -> None:
        try:
            self._send(_CONTINUE)
        except OSError:
            self.drop()


_NO_ERROR = (0,)
