"""Owns the backend's own addresses: ``/-/health``, ``/-/status``, ``/-/mismatches`` and ``/-/shapes``.

Requests to them are never journalled. Called by ``connection``; asked by ``launch`` and by people with curl.
"""

from __future__ import annotations

import json

from harness.clock import now_ns
from harness.replay.exchange import Exchange, plain
from harness.replay.parsing import Request
from harness.replay.recorder import reasons
from harness.replay.state import State

_LARGEST_DIGITS = 9


def answer(state: State, request: Request) -> Exchange:
    """The answer to a request below ``/-/``; 404 lists what there is."""
    code, body = _page(state, request.target)
    bodiless = request.method == "HEAD"
    return plain(code, json.dumps(body).encode(), request.framing, journalled=False, bodiless=bodiless)


def health(state: State) -> object:
    """Alive, and which cassettes are served, in the order of the journal's exchange index."""
    return {"healthy": True, "cassettes": state.library.ids}


def status(state: State) -> object:
    """Counters since the start."""
    recorder = state.taps.recorder
    return {
        "requests": state.requests,
        "mismatches": state.library.mismatch_count,
        "clock_steps": state.arrivals.steps,
        "connections_open": state.connections_open,
        "journal_records": state.journal.records,
        "uptime_ns": now_ns() - state.started_ns,
        "recorded": recorder.written if recorder else 0,
        "to_record": recorder.waiting if recorder else 0,
        "not_recorded": list(reasons(recorder)) if recorder else [],
    }


def mismatches(state: State) -> object:
    """What did not match, oldest first; the last hundred."""
    return {"mismatches": list(state.library.mismatches), "count": state.library.mismatch_count}


def shapes(state: State, first: int) -> object:
    """The distinct requests seen, from a number on; without prompts and keys."""
    return {"shapes": state.shapes.listing(first)}


def _page(state: State, target: bytes) -> tuple[int, object]:
    path, _, query = target.partition(b"?")
    if path == b"/-/shapes":
        first = _first(query)
        if first is None:
            return 400, _error("from: expected ?from=<a shape's number>, got something else", "bad_request")
        return 200, shapes(state, first)
    page = {b"/-/health": health, b"/-/status": status, b"/-/mismatches": mismatches}.get(path)
    if page is None:
        return 404, _error("expected /-/health, /-/status, /-/mismatches or /-/shapes", "not_found")
    return 200, page(state)


def _first(query: bytes) -> int | None:
    """The number in ``from=<number>``, 0 without a query, None where it is something else."""
    number = query.removeprefix(b"from=") if query else b"0"
    return int(number) if number.isdigit() and len(number) <= _LARGEST_DIGITS else None


def _error(message: str, kind: str) -> object:
    return {"error": {"message": message, "type": kind}}
