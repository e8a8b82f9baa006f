"""Owns one exchange through the tap: a client's request passed on to a provider, its answer passed back as it comes.

The answer's bytes are relayed unmodified, head, framing and trailers included; of the request the target and the Host
header are rewritten, hop-by-hop headers and the call id are left out, and the body is the client's own. Every piece is
stamped when it arrived from the provider and when it left for the client. A client that leaves ends the provider's side
at once; one that reads slowly holds the provider back once ``MOST_HELD`` bytes wait for it.

Created by ``connection``, in place of an ``Answer``.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from harness.clock import now_ns
from harness.replay.address import Address
from harness.replay.answer import Arrived, Line
from harness.replay.exchange import UNMATCHED, Ending, Framing, plain
from harness.replay.failure import WORDS, Failure
from harness.replay.parsing import Request
from harness.replay.recorder import Passed
from harness.replay.state import State
from harness.replay.tapping import Tapping
from harness.replay.upstream import UpstreamConnection
from harness.vocabulary import CALL_ID_HEADER

MOST_HELD = 1 << 20
"""Bytes that may wait for a slow client before the provider is no longer read."""

_NOT_PASSED_ON = frozenset(
    {
        *(b"host", b"connection", b"keep-alive", b"proxy-connection", b"te", b"upgrade", b"expect"),
        *(b"transfer-encoding", b"content-length", CALL_ID_HEADER.encode()),
    }
)
_TIMES = {
    b"openai-processing-ms": 0,
    b"x-envoy-upstream-service-time": 1,
    b"server-timing": 2,
    b"retry-after": 3,
}
"""Headers in which providers tell times, and where each stands in the journal's ``told_ns``."""


class Relay:
    """One exchange. ``begin`` asks for a connection; from then on the connection drives it."""

    __slots__ = (
        "_arrived",
        "_arrived_ns",
        "_backlog",
        "_call_off",
        "_connection",
        "_failure",
        "_head",
        "_held",
        "_is_over",
        "_is_page",
        "_is_whole",
        "_line",
        "_pieces",
        "_request",
        "_sent_bytes",
        "_sent_ns",
        "_state",
        "_status",
        "_tapping",
        "_told_ns",
        "_upstream_reused",
        "_upstream_sent_ns",
    )

    def __init__(self, line: Line, state: State, tapping: Tapping, request: Request, arrived: Arrived) -> None:
        self._line, self._state, self._tapping = line, state, tapping
        self._request, self._arrived = request, arrived
        self._connection: UpstreamConnection | None = None
        self._call_off: Callable[[], object] | None = None
        self._backlog: deque[tuple[bytes, bool]] = deque()
        self._held = self._sent_bytes = self._status = 0
        self._sent_ns: list[int] = []
        self._arrived_ns: list[int] = []
        self._head: bytes | None = b""
        self._told_ns = [-1, -1, -1, -1]
        self._upstream_sent_ns = 0
        self._upstream_reused = False
        self._is_whole = self._is_over = self._is_page = False
        self._failure = Failure.NONE
        self._pieces: list[bytes] | None = [] if state.taps.recorder is not None else None
        state.active += 1

    def begin(self) -> None:
        """Ask for a connection."""
        self._call_off = self._tapping.upstream.lend(self)

    def connected(self, connection: UpstreamConnection) -> None:
        """See ``Receiver.connected``."""
        if self._is_over:
            connection.close()
            return
        self._connection, self._upstream_reused = connection, connection.reused
        self._upstream_sent_ns = connection.send(
            request_bytes(self._tapping.upstream.address, self._tapping.target, self._request)
        )

    def received(self, data: bytes, at_ns: int) -> None:
        """See ``Receiver.received``."""
        self._arrived_ns.append(at_ns)
        if self._pieces is not None:
            self._pieces.append(data)
        if self._head is not None:
            self._read_head(data)
        if self._backlog:
            self._hold(data, is_new=True)
            return
        self._sent_ns.append(now_ns())
        try:
            taken = self._line.send(data)
        except OSError:
            self._line.drop()
            return
        self._sent_bytes += taken
        if taken < len(data):
            self._hold(data[taken:], is_new=False)
            self._line.await_writable()

    def finished(self) -> None:
        """See ``Receiver.finished``."""
        if self._connection is not None:
            self._status = self._connection.status
        self._connection = None
        self._is_whole = True
        if not self._backlog:
            self._end()

    def failed(self, why: Failure) -> None:
        """See ``Receiver.failed``. Before an answer began, the client is told in one; after, it sees what we saw."""
        self._connection, self._failure = None, why
        if not self._arrived_ns:
            self._refuse(why)
            return
        self._line.ends(Ending.RESET if why is Failure.RESET else Ending.FIN)
        self._is_whole = True
        if not self._backlog:
            self._end()

    def flush(self) -> bool:
        """Send what waited for the client; True when nothing waits any more."""
        backlog = self._backlog
        while backlog:
            piece, is_new = backlog[0]
            if is_new:
                self._sent_ns.append(now_ns())
            try:
                taken = self._line.send(piece)
            except OSError:
                self._line.drop()
                return True
            self._sent_bytes += taken
            self._held -= taken
            if taken < len(piece):
                backlog[0] = (piece[taken:], False)
                return False
            backlog.popleft()
        if self._connection is not None:
            self._connection.resume()
        if self._is_whole:
            self._end()
        return True

    def abandon(self) -> None:
        """The client went away: so do we."""
        if not self._is_over:
            self._close(completed=False)

    def _hold(self, piece: bytes, *, is_new: bool) -> None:
        self._backlog.append((piece, is_new))
        self._held += len(piece)
        if self._held > MOST_HELD and self._connection is not None:
            self._connection.pause()

    def _read_head(self, data: bytes) -> None:
        """Keep the answer's head until it is whole; what comes after it is nobody's business here."""
        assert self._head is not None
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            return
        for line in self._head[:end].split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-type" and value.strip().lower().startswith(b"text/html"):
                self._is_page = True
            place = _TIMES.get(name.strip().lower())
            if place is not None:
                self._told_ns[place] = told_ns(name.strip().lower(), value.decode("latin-1"))
        self._head = None

    def _refuse(self, why: Failure) -> None:
        """No byte of an answer came: say why in one, as a gateway does."""
        message = f"upstream {self._tapping.upstream.name}: {WORDS[why]}"
        error = {"error": {"message": message, "type": "upstream_failure", "param": None, "code": why.name.lower()}}
        exchange = plain(HTTPStatus.BAD_GATEWAY, json.dumps(error).encode(), Framing.CLOSE)
        self._status = exchange.status
        self._line.ends(Ending.FIN)
        self._sent_ns.append(now_ns())
        try:
            self._sent_bytes += self._line.send(exchange.messages[0])
        except OSError:
            self._line.drop()
            return
        self._end()

    def _end(self) -> None:
        self._close(completed=self._failure is Failure.NONE)
        self._line.answered()

    def _close(self, *, completed: bool) -> None:
        self._is_over = True
        self._backlog.clear()
        if self._call_off is not None:
            self._call_off()
        if self._connection is not None:
            self._status = self._connection.status
            self._connection.close()
        self._state.active -= 1
        self._journal(completed)
        self._record(completed)
        if not self._state.active:
            self._state.arrivals.refresh_if_stale()

    def _record(self, completed: bool) -> None:
        """Hand over what passed, unless it was the client that broke it off: that is no answer of the provider's."""
        recorder, pieces = self._state.taps.recorder, self._pieces
        if (
            recorder is not None
            and pieces
            and self._request.method != "GET"
            and (completed or self._failure is not Failure.NONE)
        ):
            recorder.keep(
                Passed(
                    self._request,
                    self._tapping.target.decode("latin-1"),
                    self._tapping.workload,
                    tuple(pieces),
                    tuple(at - self._upstream_sent_ns for at in self._arrived_ns),
                    self._failure,
                )
            )

    def _journal(self, completed: bool) -> None:
        arrived, sent, came = self._arrived, self._sent_ns, self._arrived_ns
        self._state.journal.append(
            (
                arrived.call_number,
                arrived.attempt,
                arrived.connection_id,
                arrived.reused,
                UNMATCHED,
                True,
                self._status,
                arrived.request_bytes,
                self._sent_bytes,
                arrived.received_ns,
                arrived.read_ns,
                sent[0] if sent else 0,
                sent[-1] if sent else 0,
                completed,
                arrived.shape,
                now_ns(),
            ),
            sent,
            [left - at for left, at in zip(sent, came, strict=False)] if came else [0] * len(sent),
            (
                self._upstream_sent_ns,
                came[0] if came else 0,
                came[-1] if came else 0,
                self._upstream_reused,
                Failure.HTML if self._is_page and self._failure is Failure.NONE else self._failure,
                *self._told_ns,
            ),
        )


def request_bytes(address: Address, target: bytes, request: Request) -> bytes:
    """The request as the provider is to see it."""
    kept = [name + b": " + value for name, value in request.headers if name.lower() not in _NOT_PASSED_ON]
    length = [b"content-length: %d" % len(request.body)] if request.body or request.method != "GET" else []
    lines = [
        b"%b %b%b HTTP/1.1" % (request.method.encode("ascii"), address.path.encode("ascii"), target),
        b"host: " + address.authority.encode("ascii"),
        *kept,
        *length,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + request.body


def told_ns(name: bytes, value: str) -> int:
    """A time that a provider tells in a header, in ns; -1 where it cannot be read.

    ``Retry-After`` is in seconds, or a date, from which now is subtracted; the others are in ms. Of
    ``Server-Timing`` (W3C, 2023, durations in ms) the longest of its metrics counts: parts lie within the whole.
    """
    if name == b"server-timing":
        found = [part for metric in value.split(",") for part in metric.split(";") if part.strip().startswith("dur=")]
        times = [_ms(part.strip().removeprefix("dur=")) for part in found]
        return max(times, default=-1)
    if name == b"retry-after":
        seconds = _ms(value)
        return seconds * 1000 if seconds >= 0 else _until(value)
    return _ms(value)


def _until(date: str) -> int:
    try:
        left_s = parsedate_to_datetime(date.strip()).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return -1
    return max(round(left_s * 1e9), 0)


def _ms(text: str) -> int:
    try:
        value = float(text.strip().strip('"'))
    except ValueError:
        return -1
    return round(value * 1e6) if 0 <= value < 1e9 else -1
