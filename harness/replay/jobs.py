"""Owns background jobs: what a cassette of the operation ``background`` answers to creating, retrieving and cancelling.

A job passes through the cassette's chunks as states on the cassette's timeline, scaled by the pace it was created at;
without a pace each retrieval moves it on by one. Every creation makes a job of its own, also a retried one: that is a
thing to be seen. No clock and no socket: callers pass arrival times. Called by ``library``.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import Any

from harness.cassette import Cassette, Pace
from harness.errors import DataError
from harness.replay.exchange import Exchange, Framing, prepare

MOST_JOBS = 100_000
ID_MARK = "{id}"
"""Stands for a job's id where requests about different jobs are to be compared."""

_ID = re.compile(r"(.*_)([0-9a-z]{8,})")
_UNDERWAY = frozenset({"queued", "in_progress"})


class Script:
    """One cassette at one pace: the states every job of it passes through, and when."""

    def __init__(self, cassette: Cassette, index: int, pace: Pace) -> None:
        """Raises DataError when the chunks are not the states of one job."""
        self.index = index
        self.recorded_id = _recorded_id(cassette)
        self.paced = pace.kind != "none"
        head, recorded = cassette.head, cassette.offsets_ns
        factor = pace.factor(recorded[-1])
        self.offsets_ns = tuple(round(at * factor) for at in recorded)
        response = head.response.model_copy(update={"framing": "content-length"})
        head = head.model_copy(update={"response": response, "head_offset_ns": round(head.head_offset_ns * factor)})
        self._cassette = replace(cassette, head=head)
        self._created: dict[Framing, Exchange] = {}
        self._retrieved: dict[tuple[int, bool, Framing], Exchange] = {}
        self._pace = Pace("recorded") if self.paced else pace

    @property
    def last(self) -> int:
        """The position of the last state."""
        return len(self.offsets_ns) - 1

    def under_way(self, state: int) -> bool:
        """Whether a job in this state can still be cancelled."""
        return json.loads(self._cassette.chunks[state])["status"] in _UNDERWAY

    def created(self, framing: Framing) -> Exchange:
        """The answer to a creation, late where the cassette has it late; the recorded id is still in it."""
        if framing not in self._created:
            first = replace(self._cassette, offsets_ns=self.offsets_ns[:1], chunks=self._cassette.chunks[:1])
            self._created[framing] = prepare(first, self.index, self._pace, framing)
        return self._created[framing]

    def retrieved(self, state: int, cancelled: bool, framing: Framing) -> Exchange:
        """The answer to a retrieval or a cancellation, at once; the recorded id is still in it."""
        key = (state, cancelled, framing)
        if key not in self._retrieved:
            body = self._cassette.chunks[state]
            chunks = (_cancelled(body) if cancelled else body,)
            whole = replace(self._cassette, offsets_ns=(0,), chunks=chunks)
            self._retrieved[key] = prepare(whole, self.index, Pace("none"), framing)
        return self._retrieved[key]


@dataclass(slots=True)
class Job:
    """One created job. ``state`` is the position it was last seen in; it never goes back."""

    job_id: str
    script: Script
    created_ns: int
    state: int = 0
    cancelled: bool = False

    def retrieve(self, now_ns: int) -> None:
        """Move on to where a retrieval arriving now finds it."""
        if self.cancelled:
            return
        if self.script.paced:
            self._pass_to(now_ns)
        else:
            self.state = min(self.state + 1, self.script.last)

    def cancel(self, now_ns: int) -> None:
        """Stop it where it is; one that has ended stays as it ended."""
        if self.cancelled:
            return
        if self.script.paced:
            self._pass_to(now_ns)
        self.cancelled = self.script.under_way(self.state)

    def answer(self, framing: Framing) -> Exchange:
        """What it is now, under its own id."""
        return self._own(self.script.retrieved(self.state, self.cancelled, framing))

    def creation(self, framing: Framing) -> Exchange:
        """The answer to the request that created it."""
        return self._own(self.script.created(framing))

    def _pass_to(self, now_ns: int) -> None:
        passed = bisect_right(self.script.offsets_ns, now_ns - self.created_ns) - 1
        self.state = max(self.state, passed)

    def _own(self, exchange: Exchange) -> Exchange:
        recorded, own = self.script.recorded_id.encode(), self.job_id.encode()
        return replace(exchange, messages=tuple(message.replace(recorded, own) for message in exchange.messages))


class Jobs:
    """The jobs of one backend by id; past ``most`` the oldest are forgotten."""

    def __init__(self, most: int = MOST_JOBS) -> None:
        self._most = most
        self._created = 0
        self._jobs: dict[str, Job] = {}

    def create(self, script: Script, now_ns: int) -> Job:
        """A new job with an id of its own, as long as the recorded one."""
        self._created += 1
        job = Job(_numbered_id(script.recorded_id, self._created), script, now_ns)
        self._jobs[job.job_id] = job
        if len(self._jobs) > self._most:
            del self._jobs[next(iter(self._jobs))]
        return job

    def find(self, job_id: str, index: int) -> Job | None:
        """The job of this id that the cassette of this index made."""
        job = self._jobs.get(job_id)
        return job if job is not None and job.script.index == index else None

    def without_id(self, target: str) -> str:
        """The target with ``ID_MARK`` for the id of a known job, so that polls of different jobs look alike."""
        if not self._jobs:
            return target
        path, mark, query = target.partition("?")
        parts = [ID_MARK if part in self._jobs else part for part in path.split("/")]
        return "/".join(parts) + mark + query


def asked_about(create_path: str, method: str, path: str) -> tuple[str, bool] | None:
    """The id in a request to retrieve or cancel (True) a job, given the path that creates one; None for any other."""
    parent, _, _ = create_path.partition("?")
    own, _, _ = path.partition("?")
    if not own.startswith(parent + "/"):
        return None
    job_id, slash, action = own.removeprefix(parent + "/").partition("/")
    if method == "GET" and job_id and not slash:
        return job_id, False
    return (job_id, True) if method == "POST" and job_id and action == "cancel" else None


def not_found(job_id: str) -> bytes:
    """The body of a 404 as OpenAI words it."""
    message = f"Response with id '{job_id[:80]}' not found."
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return json.dumps({"error": error}).encode()


def _recorded_id(cassette: Cassette) -> str:
    states = [_state(cassette.cassette_id, number, chunk) for number, chunk in enumerate(cassette.chunks)]
    ids = {str(state["id"]) for state in states}
    if len(ids) != 1:
        raise DataError(
            f"{cassette.cassette_id}: chunks: expected the states of one job, got {len(ids)} ids; record it again"
        )
    return ids.pop()


def _state(cassette_id: str, number: int, chunk: bytes) -> dict[str, Any]:
    try:
        state = json.loads(chunk)
    except (ValueError, RecursionError):
        state = None
    if (
        not isinstance(state, dict)
        or not isinstance(state.get("status"), str)
        or not isinstance(state.get("id"), str)
        or not _ID.fullmatch(state["id"])
    ):
        raise DataError(
            f"{cassette_id}: chunk {number}: expected a job's JSON with its status and an id like resp_0123456789ab, "
            "got something else; record it again"
        )
    return state


def _numbered_id(recorded: str, number: int) -> str:
    found = _ID.fullmatch(recorded)
    assert found is not None
    prefix, digits = found.groups()
    return prefix + f"{number:0{len(digits)}x}"[-len(digits) :]


def _cancelled(body: bytes) -> bytes:
    state = {**json.loads(body), "status": "cancelled"}
    return json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode()
