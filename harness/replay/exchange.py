"""Owns the prepared exchange: each message of an answer as the bytes to send and the offset to send them at.

Everything that can be computed before a request arrives is computed here, so that answering is one lookup and one
write per message. Pure. Called by ``library`` and ``control``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

from harness.cassette import Cassette, Pace, RecordedResponse

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_BODILESS = frozenset({204, 304})
UNMATCHED = -1


class Ending(Enum):
    """What becomes of the connection after the last message: it is kept, closed, reset, or held in silence until the
    client leaves.
    """

    KEEP = "keep"
    FIN = "fin"
    RESET = "reset"
    HOLD = "hold"


class Framing(Enum):
    """What the client allows: a connection that stays, one that closes, or HTTP/1.0 (closes, knows no chunks)."""

    KEEP_ALIVE = "keep-alive"
    CLOSE = "close"
    HTTP_1_0 = "http/1.0"


_ENDINGS = {"complete": Ending.KEEP, "closed": Ending.FIN, "reset": Ending.RESET}


@dataclass(frozen=True, slots=True)
class Exchange:
    """An answer ready to leave. ``messages[i]`` is one write, due ``offsets_ns[i]`` after the request arrived.

    ``head_alone`` says that message 0 carries no body; ``immediate`` that there is no schedule (pace ``none``). Only a
    fault has another ``ending`` than ``KEEP``, or no message at all.
    """

    index: int
    status: int
    messages: tuple[bytes, ...]
    offsets_ns: tuple[int, ...]
    head_alone: bool
    immediate: bool
    closes: bool
    matched: bool
    journalled: bool = True
    ending: Ending = Ending.KEEP


def prepare(cassette: Cassette, index: int, pace: Pace, framing: Framing) -> Exchange:
    """Turn a cassette into writes at one pace. Empty chunks are dropped: chunked framing cannot carry them."""
    head, response = cassette.head, cassette.head.response
    bodiless = response.status in _BODILESS
    chunked = response.framing == "chunked" and framing is not Framing.HTTP_1_0 and not bodiless
    events = [(at, chunk) for at, chunk in zip(cassette.offsets_ns, cassette.chunks, strict=True) if chunk]
    events = [] if bodiless else events
    if pace.kind == "none" and not chunked and events:
        events = [(0, b"".join(chunk for _, chunk in events))]
    last = events[-1][0] if events else head.head_offset_ns
    factor = pace.factor(max(last, head.head_offset_ns))
    bodies = [chunk for _, chunk in events]
    size = sum(map(len, bodies))
    prefix = head_bytes(response.status, response.headers, _framing_of(response, chunked, size, framing))
    joined = pace.kind == "none" or not events or head.head_offset_ns == events[0][0]
    is_whole = response.ending == "complete"
    writes = framed(bodies, chunked, _last_chunk(response.trailers) if is_whole else b"")
    offsets = [round(at * factor) for at, _ in events]
    if joined:
        messages = (prefix + (writes[0] if writes else b""), *writes[1:])
        offsets = offsets or [round(head.head_offset_ns * factor)]
    else:
        messages = (prefix, *writes)
        offsets = [round(head.head_offset_ns * factor), *offsets]
    return Exchange(
        index=index,
        status=response.status,
        messages=messages,
        offsets_ns=tuple(offsets),
        head_alone=not joined,
        immediate=pace.kind == "none",
        closes=framing is not Framing.KEEP_ALIVE,
        matched=True,
        ending=_ENDINGS[response.ending] if response.framing != "close" else Ending.FIN,
    )


def plain(status: int, body: bytes, framing: Framing, *, journalled: bool = True, bodiless: bool = False) -> Exchange:
    """A JSON answer of the backend's own (errors, control), sent at once in one write."""
    pairs = (("content-type", "application/json"),)
    head = head_bytes(status, pairs, _framing_headers(status, False, len(body), framing))
    return Exchange(
        index=UNMATCHED,
        status=status,
        messages=(head if bodiless else head + body,),
        offsets_ns=(0,),
        head_alone=False,
        immediate=True,
        closes=framing is not Framing.KEEP_ALIVE,
        matched=False,
        journalled=journalled,
    )


def framed(bodies: list[bytes], chunked: bool, last: bytes = b"0\r\n\r\n") -> list[bytes]:
    """The writes of a body: each as one chunk, the final one with ``last``, where it is chunked; else as they are."""
    if not chunked:
        return bodies
    framed = [b"%x\r\n%b\r\n" % (len(body), body) for body in bodies] or [b""]
    framed[-1] += last
    return framed


def _last_chunk(trailers: tuple[tuple[str, str], ...]) -> bytes:
    return b"0\r\n%b\r\n" % "".join(f"{name}: {value}\r\n" for name, value in trailers).encode("ascii")


def _framing_of(response: RecordedResponse, chunked: bool, size: int, framing: Framing) -> tuple[tuple[str, str], ...]:
    if response.framing == "close":
        return (("connection", "close"),)
    declared = size if response.declared_bytes is None else response.declared_bytes
    return _framing_headers(response.status, chunked, declared, framing)


def _framing_headers(status: int, chunked: bool, size: int, framing: Framing) -> tuple[tuple[str, str], ...]:
    length = (("transfer-encoding", "chunked"),) if chunked else (("content-length", str(size)),)
    closing = () if framing is Framing.KEEP_ALIVE else (("connection", "close"),)
    return (*(() if status in _BODILESS else length), *closing)


def head_bytes(status: int, headers: tuple[tuple[str, str], ...], framing: tuple[tuple[str, str], ...]) -> bytes:
    """Status line and headers, hop-by-hop ones replaced by ``framing``, with the empty line that ends them."""
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = ""
    kept = [pair for pair in headers if pair[0].lower() not in _HOP_BY_HOP]
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in [*kept, *framing])]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
