"""Owns the fault primitives: what a scenario turns a cassette's answer into, as messages, offsets and an ending.

Silence, drips, delays, cuts, truncations, error statuses and broken content; the faults of a whole port are in
``ports``. Pure: everything is decided before the first byte leaves. Called by ``library``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import assert_never

from harness.cassette import Cassette, Pace
from harness.fault import Act, Scenario
from harness.replay.edits import HTML, edited, error_body, halved
from harness.replay.exchange import Ending, Exchange, Framing, framed, head_bytes, prepare

_LONGEST_DRIP = 2_000
"""Bytes or comments of a drip; at any interval in use far longer than a call is waited for."""

_COMMENT = b": keep-alive\n\n"


def sent(scenario: Scenario, cassette: Cassette) -> Cassette:
    """What the answer says when the scenario has befallen it; the cassette itself where only its timing is touched."""
    act = scenario.act
    if act is None or act.primitive != "content":
        return cassette
    assert act.edit is not None
    return edited(cassette, act.edit)


def faulty(scenario: Scenario, cassette: Cassette, index: int, pace: Pace, framing: Framing) -> Exchange:
    """The exchange that acts the scenario out on this cassette."""
    act = scenario.act
    assert act is not None, "a healthy scenario befalls no attempt"
    healthy = prepare(sent(scenario, cassette), index, pace, framing)
    match act.primitive:
        case "silence":
            return _broken_off(healthy, act, Ending.HOLD)
        case "cut":
            return _broken_off(healthy, act, Ending.RESET if act.how == "reset" else Ending.FIN)
        case "drip":
            return _dripped(act, cassette, healthy)
        case "delay":
            return _delayed(act, healthy)
        case "truncate":
            return _truncated(act, cassette, healthy, pace, framing)
        case "status":
            return _refused(act, cassette, index, framing)
        case "content":
            return healthy
        case "port":
            raise AssertionError("a port fails before a request is read")
    assert_never(act.primitive)


def _apart(exchange: Exchange) -> tuple[bytes, tuple[bytes, ...]]:
    """The head and the body's writes of an exchange."""
    first, *rest = exchange.messages
    head, mark, body = first.partition(b"\r\n\r\n")
    return head + mark, (*((body,) if body else ()), *rest)


def _broken_off(exchange: Exchange, act: Act, ending: Ending) -> Exchange:
    """Nothing, the head, or the head and half of the body; then the ending."""
    head, writes = _apart(exchange)
    if act.after == "request":
        return replace(exchange, messages=(), offsets_ns=(), head_alone=False, ending=ending)
    if act.after == "head":
        kept: tuple[bytes, ...] = ()
    elif len(writes) > 1:
        kept = writes[: len(writes) // 2]
    else:
        kept = tuple(write[: len(write) // 2] for write in writes)
    return _scheduled(exchange, (head, *kept), ending)


def _scheduled(exchange: Exchange, messages: tuple[bytes, ...], ending: Ending) -> Exchange:
    """Messages with the head alone, on the exchange's own offsets as far as they go."""
    offsets = exchange.offsets_ns if exchange.head_alone else (exchange.offsets_ns[0], *exchange.offsets_ns)
    return replace(exchange, messages=messages, offsets_ns=offsets[: len(messages)], head_alone=True, ending=ending)


def _dripped(act: Act, cassette: Cassette, exchange: Exchange) -> Exchange:
    head, _ = _apart(exchange)
    chunked = b"transfer-encoding: chunked" in head
    if act.what == "comments":
        pieces = [_COMMENT] * _LONGEST_DRIP
    else:
        body = cassette.body[:_LONGEST_DRIP]
        pieces = [body[at : at + 1] for at in range(len(body))]
    assert act.interval_s is not None
    step = int(act.interval_s * 1e9)
    return replace(
        exchange,
        messages=(head, *framed(pieces, chunked)),
        offsets_ns=tuple(step * number for number in range(len(pieces) + 1)),
        head_alone=True,
        immediate=False,
    )


def _delayed(act: Act, exchange: Exchange) -> Exchange:
    assert act.delay_s is not None
    late = int(act.delay_s * 1e9)
    if act.before == "head":
        offsets = tuple(at + late for at in exchange.offsets_ns)
        return replace(exchange, offsets_ns=offsets, immediate=False)
    head, writes = _apart(exchange)
    apart = _scheduled(exchange, (head, *writes), exchange.ending)
    first, *rest = apart.offsets_ns
    return replace(apart, offsets_ns=(first, *(at + late for at in rest)), immediate=False)


def _truncated(act: Act, cassette: Cassette, healthy: Exchange, pace: Pace, framing: Framing) -> Exchange:
    """``clean``: half of it in flawless framing. ``length``: all of it, under a length of half."""
    if act.framing == "clean":
        return prepare(halved(cassette), healthy.index, pace, framing)
    response = cassette.head.response
    stated = (("content-length", str(len(cassette.body) // 2)),)
    head = head_bytes(response.status, response.headers, stated)
    return replace(
        healthy,
        messages=(head + cassette.body,),
        offsets_ns=healthy.offsets_ns[:1],
        head_alone=False,
        ending=Ending.FIN,
    )


def _refused(act: Act, cassette: Cassette, index: int, framing: Framing) -> Exchange:
    assert act.status is not None
    message = f"authored error {act.status}"
    bodies = {"json": error_body(cassette.head.provider, act.status, message), "html": HTML, "empty": b""}
    body = bodies[act.body or "json"]
    pairs = [("content-type", "text/html" if act.body == "html" else "application/json")]
    if act.retry_after is not None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=act.date_s), usegmt=True)
        pairs.append(("retry-after", act.retry_after.replace("{date}", date)))
    closing = () if framing is Framing.KEEP_ALIVE else (("connection", "close"),)
    head = head_bytes(act.status, tuple(pairs), (("content-length", str(len(body))), *closing))
    return Exchange(
        index=index,
        status=act.status,
        messages=(head + body,),
        offsets_ns=(0,),
        head_alone=False,
        immediate=True,
        closes=framing is not Framing.KEEP_ALIVE,
        matched=True,
    )
