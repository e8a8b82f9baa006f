"""Owns which answer a request gets: the loaded cassettes, the memo of requests already matched, and what did not match.

The memo is keyed by raw target and raw body, so a request is parsed and compared once. Called by ``connection``.
"""

from __future__ import annotations

import difflib
import json
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from harness.cassette import SUFFIX, Cassette, Pace, load_cassette
from harness.errors import DataError, UsageError
from harness.replay.exchange import Exchange, Framing, plain, prepare
from harness.replay.matching import difference, shown
from harness.replay.parsing import Request
from harness.replay.routes import parse_target

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
    """Cassettes by id, exchanges by request, and the mismatches so far."""

    def __init__(self, cassettes: Sequence[Cassette]) -> None:
        self.ids = [cassette.cassette_id for cassette in cassettes]
        self.mismatches: deque[str] = deque(maxlen=_KEPT_MISMATCHES)
        self.mismatch_count = 0
        self._by_id = {cassette.cassette_id: (index, cassette) for index, cassette in enumerate(cassettes)}
        self._memo: dict[tuple[Framing, str, bytes, bytes], Exchange] = {}
        self._prepared: dict[tuple[int, Pace, Framing], Exchange] = {}

    def exchange_for(self, request: Request) -> Exchange:
        """The prepared answer, or a prepared refusal that says what differed (422) or which cassettes exist (404)."""
        key = (request.framing, request.method, request.target, request.body)
        if (known := self._memo.get(key)) is not None:
            return known
        exchange = self._matched(request)
        if exchange.matched:
            if len(self._memo) >= _MEMO_SIZE:
                self._memo.clear()
            self._memo[key] = exchange
        return exchange

    def known(self, request: Request) -> Exchange | None:
        """The memo's answer, or None; decides nothing and keeps nothing."""
        return self._memo.get((request.framing, request.method, request.target, request.body))

    def refuse(self, status: int, message: str, request: Request) -> Exchange:
        """Keep the mismatch and answer it with an error in the provider's shape."""
        self.mismatch_count += 1
        self.mismatches.append(message)
        body = json.dumps({"error": {"message": message, "type": "harness_mismatch", "param": None, "code": None}})
        return plain(status, body.encode(), request.framing, bodiless=request.method == "HEAD")

    def _matched(self, request: Request) -> Exchange:
        try:
            route = parse_target(request.target.decode("ascii", "replace"))
        except UsageError as problem:
            return self.refuse(404, str(problem), request)
        if route.cassette_id not in self._by_id:
            near = _near(route.cassette_id, self.ids)
            return self.refuse(404, f"cassette: expected a known id, got {shown(route.cassette_id)}; {near}", request)
        index, cassette = self._by_id[route.cassette_id]
        differing = difference(cassette.head.request, request.method, route.path, request.body)
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


def _near(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(sorted(known)[:12])}"
