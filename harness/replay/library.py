"""Owns which answer a request gets: the loaded cassettes, the memo of requests already matched, the background jobs,
and what did not match.

The memo is keyed by raw target and raw body, so a request is parsed and compared once; requests about jobs and those
that a fault may befall are never in it, for their answers change. Called by ``connection``.
"""

from __future__ import annotations

import difflib
import json
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.cassette import SUFFIX, Cassette, Pace, load_cassette
from harness.errors import DataError, UsageError
from harness.fault import Scenario
from harness.replay.exchange import Exchange, Framing, plain, prepare
from harness.replay.faults import faulty
from harness.replay.jobs import Jobs, Script, asked_about, not_found
from harness.replay.matching import difference, shown
from harness.replay.parsing import Request
from harness.replay.routes import ANY, Outage, Route, parse_target
from harness.vocabulary import Operation

_MEMO_SIZE = 4096
_KEPT_MISMATCHES = 100


def load_cassettes(directory: Path, only: Sequence[str] = ()) -> tuple[Cassette, ...]:
    """The cassettes of a directory in order of id, or those named. Raises DataError."""
    found = {path.name.removesuffix(SUFFIX): path for path in sorted(directory.glob(f"*{SUFFIX}"))}
    if not found:
        raise DataError(f"{directory}: expected at least one *{SUFFIX} file, got none; check the directory")
    for name in only:
        if name not in found:
            raise DataError(f"{directory}: expected a cassette {name!r}, got none; {_near(name, list(found))}")
    return tuple(load_cassette(found[name]) for name in sorted(set(only) or found))


class Library:
    """Cassettes by id, fault scenarios by name, exchanges by request, the jobs under way, and the mismatches so far."""

    def __init__(self, cassettes: Sequence[Cassette], scenarios: Mapping[str, Scenario] | None = None) -> None:
        """Raises DataError when a background cassette does not hold a job."""
        self._scenarios = dict(scenarios or {})
        self.ids = [cassette.cassette_id for cassette in cassettes]
        self.mismatches: deque[str] = deque(maxlen=_KEPT_MISMATCHES)
        self.mismatch_count = 0
        self.jobs = Jobs()
        self._outages: dict[Outage, int] = {}
        self._by_id = {cassette.cassette_id: (index, cassette) for index, cassette in enumerate(cassettes)}
        self._memo: dict[tuple[Framing, str, bytes, bytes], Exchange] = {}
        self._prepared: dict[tuple[int, Pace, Framing], Exchange] = {}
        self._scripts: dict[tuple[int, Pace], Script] = {}
        for index, cassette in self._by_id.values():
            if cassette.head.operation is Operation.BACKGROUND:
                self._script(index, cassette, Pace("none"))

    def exchange_for(self, request: Request, received_ns: int, attempt: int = 1) -> Exchange:
        """The prepared answer, or a prepared refusal that says what differed (422) or which cassettes exist (404).

        What a job answers depends on when it was asked, ``received_ns``, and so does whether an outage is over; whether
        a fault befalls a request depends on which ``attempt`` of its call it is.
        """
        key = (request.framing, request.method, request.target, request.body)
        if (known := self._memo.get(key)) is not None:
            return known
        try:
            route = parse_target(request.target.decode("ascii", "replace"))
        except UsageError as problem:
            return self.refuse(404, str(problem), request)
        cassette_id = route.cassette_id if route.cassette_id != ANY else self._holder(route, request)
        if cassette_id not in self._by_id:
            near = _near(cassette_id, self.ids)
            return self.refuse(404, f"cassette: expected a known id, got {shown(cassette_id)}; {near}", request)
        index, cassette = self._by_id[cassette_id]
        if cassette.head.operation is Operation.BACKGROUND:
            return self._about_job(index, cassette, route, request, received_ns)
        exchange = self._matched(index, cassette, route, request)
        if route.fault and exchange.matched:
            return self._befallen(index, cassette, route, request, attempt, exchange, received_ns)
        if exchange.matched:
            if len(self._memo) >= _MEMO_SIZE:
                self._memo.clear()
            self._memo[key] = exchange
        return exchange

    def known(self, request: Request) -> Exchange | None:
        """The memo's answer, or None; decides nothing and keeps nothing."""
        return self._memo.get((request.framing, request.method, request.target, request.body))

    def refuse(self, status: int, message: str, request: Request, body: bytes | None = None) -> Exchange:
        """Keep the mismatch and answer it with an error in the provider's shape, or with the body given."""
        self.mismatch_count += 1
        self.mismatches.append(message)
        error = {"error": {"message": message, "type": "harness_mismatch", "param": None, "code": None}}
        body = json.dumps(error).encode() if body is None else body
        return plain(status, body, request.framing, bodiless=request.method == "HEAD")

    def _holder(self, route: Route, request: Request) -> str:
        """The first cassette that holds this request; ``any`` itself where none does. Jobs need a URL of their own."""
        for cassette_id, (_, cassette) in self._by_id.items():
            is_job = cassette.head.operation is Operation.BACKGROUND
            if not is_job and _difference(cassette, route, request) is None:
                return cassette_id
        return route.cassette_id

    def _about_job(self, index: int, cassette: Cassette, route: Route, request: Request, received_ns: int) -> Exchange:
        asked = asked_about(cassette.head.request.path, request.method, route.path)
        if asked is None:
            differing = _difference(cassette, route, request)
            if differing is not None:
                return self.refuse(422, f"{route.cassette_id}: {differing}", request)
            created = self.jobs.create(self._script(index, cassette, route.pace), received_ns)
            return created.creation(request.framing)
        job_id, cancels = asked
        job = self.jobs.find(job_id, index)
        if job is None:
            message = f"{route.cassette_id}: job: expected the id of a job created here, got {shown(job_id)}"
            return self.refuse(404, message, request, not_found(job_id))
        if cancels:
            job.cancel(received_ns)
        else:
            job.retrieve(received_ns)
        return job.answer(request.framing)

    def _befallen(
        self,
        index: int,
        cassette: Cassette,
        route: Route,
        request: Request,
        attempt: int,
        healthy: Exchange,
        received_ns: int,
    ) -> Exchange:
        scenario = self._scenarios.get(route.fault)
        if scenario is None:
            near = _near(route.fault, list(self._scenarios))
            return self.refuse(404, f"fault: expected a known scenario, got {shown(route.fault)}; {near}", request)
        is_over = route.outage is not None and not self._is_on(route.outage, received_ns)
        if is_over or not scenario.befalls(attempt):
            return healthy
        return faulty(scenario, cassette, index, route.pace, request.framing)

    def _is_on(self, outage: Outage, received_ns: int) -> bool:
        began_ns = self._outages.setdefault(outage, received_ns)
        return received_ns - began_ns < outage.lasting_s * 1_000_000_000

    def _script(self, index: int, cassette: Cassette, pace: Pace) -> Script:
        key = (index, pace)
        if key not in self._scripts:
            if len(self._scripts) >= _MEMO_SIZE:
                self._scripts.clear()
            self._scripts[key] = Script(cassette, index, pace)
        return self._scripts[key]

    def _matched(self, index: int, cassette: Cassette, route: Route, request: Request) -> Exchange:
        differing = _difference(cassette, route, request)
        if differing is not None:
            return self.refuse(422, f"{route.cassette_id}: {differing}", request)
        return self._prepare(index, cassette, route.pace, request.framing)

    def _prepare(self, index: int, cassette: Cassette, pace: Pace, framing: Framing) -> Exchange:
        key = (index, pace, framing)
        if key not in self._prepared:
            if len(self._prepared) >= _MEMO_SIZE:
                self._prepared.clear()
            self._prepared[key] = prepare(cassette, index, pace, framing)
        return self._prepared[key]


def _difference(cassette: Cassette, route: Route, request: Request) -> str | None:
    head = cassette.head
    return difference(head.request, request.method, route.path, request.body, replaced=head.prompts == "replaced")


def _near(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(sorted(known)[:12])}"
