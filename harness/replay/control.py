"""Owns the backend's own addresses: ``/-/health``, ``/-/status`` and ``/-/mismatches``. Never journalled.

Called by ``connection``; asked by ``launch`` and by people with curl.
"""

from __future__ import annotations

import json

from harness.clock import now_ns
from harness.replay.exchange import Exchange, plain
from harness.replay.parsing import Request
from harness.replay.state import State


def answer(state: State, request: Request) -> Exchange:
    """The answer to a request below ``/-/``; 404 lists what there is."""
    pages = {b"/-/health": health, b"/-/status": status, b"/-/mismatches": mismatches}
    page = pages.get(request.target.partition(b"?")[0])
    if page is None:
        body: object = {"error": {"message": "expected /-/health, /-/status or /-/mismatches", "type": "not_found"}}
    else:
        body = page(state)
    encoded = json.dumps(body).encode()
    bodiless = request.method == "HEAD"
    return plain(404 if page is None else 200, encoded, request.framing, journalled=False, bodiless=bodiless)


def health(state: State) -> object:
    """Alive, and which cassettes are served, in the order of the journal's exchange index."""
    return {"healthy": True, "cassettes": state.library.ids}


def status(state: State) -> object:
    """Counters since the start."""
    return {
        "requests": state.requests,
        "mismatches": state.library.mismatch_count,
        "clock_steps": state.arrivals.steps,
        "connections_open": state.connections_open,
        "journal_records": state.journal.records,
        "uptime_ns": now_ns() - state.started_ns,
    }


def mismatches(state: State) -> object:
    """What did not match, oldest first; the last hundred."""
    return {"mismatches": list(state.library.mismatches), "count": state.library.mismatch_count}
