"""Owns recording: what passed through the tap becomes cassettes, scrubbed before anything is written.

A thread of its own reads the answer apart, scrubs and writes, so that no stream waits for the disk. What cannot be
recorded (no call of a known dialect, a secret that cannot be taken out, too large, a full disk) is counted with its
reason. A cassette's name ends in a digest of its content: two recorders in one folder do not meet.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

import httptools

from harness import atomic
from harness.cassette import SUFFIX, Cassette, Head, RecordedRequest, RecordedResponse, dump_cassette
from harness.errors import HarnessError
from harness.replay.failure import Failure
from harness.replay.matching import NOT_TEXT, TEXT_KEYS
from harness.replay.parsing import Request
from harness.replay.scrub import (
    NotScrubbable,
    scrubbed_headers,
    scrubbed_pieces,
    scrubbed_request,
    scrubbed_target,
    secrets_of,
    without_prompts,
)
from harness.vocabulary import Operation, Origin

MOST_BYTES = 64 << 20
"""A larger answer is not kept: it would have to be held whole."""

_CLOSE_S = 10.0
_MOST_REASONS = 64


@dataclass(frozen=True, slots=True)
class Passed:
    """One exchange that passed: the request, the target below the provider's URL, and the answer's bytes piece by
    piece, with when each arrived (ns after the request had left for the provider).
    """

    request: Request
    target: str
    workload: str
    pieces: tuple[bytes, ...]
    offsets_ns: tuple[int, ...]
    failure: Failure


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a target says of its call: whose dialect, which operation; model and stream where the target names them."""

    provider: str
    operation: Operation
    model: str | None = None
    stream: bool | None = None


class Recorder:
    """Writes cassettes into ``folder``. ``written`` counts them, ``refused`` what was not kept, by reason."""

    def __init__(self, folder: Path, workload: str = "recorded", *, keeps_prompts: bool = True) -> None:
        self._folder, self._workload, self._keeps_prompts = folder, workload, keeps_prompts
        self._waiting: SimpleQueue[Passed | None] = SimpleQueue()
        self.kept = self.written = 0
        self.refused: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._serve, name="recorder", daemon=True)
        self._thread.start()

    def keep(self, passed: Passed) -> None:
        """Have it written, soon."""
        self.kept += 1
        self._waiting.put(passed)

    @property
    def waiting(self) -> int:
        """Exchanges that are not written or refused yet."""
        return self.kept - self.written - self.refused.total()

    def close(self) -> None:
        """Write what waits, and end."""
        self._waiting.put(None)
        self._thread.join(_CLOSE_S)

    def _serve(self) -> None:
        while (passed := self._waiting.get()) is not None:
            try:
                cassette = recorded(passed, passed.workload or self._workload, keeps_prompts=self._keeps_prompts)
                text = dump_cassette(cassette).encode("utf-8", "surrogatepass")
                name = f"{cassette.cassette_id}-{hashlib.sha256(text).hexdigest()[:8]}{SUFFIX}"
                atomic.write_file(self._folder / name, text, self._folder)
            except (NotScrubbable, HarnessError, ValueError, RecursionError) as problem:
                self._refuse(problem)
            else:
                self.written += 1

    def _refuse(self, problem: Exception) -> None:
        known = isinstance(problem, NotScrubbable | HarnessError)
        reason = str(problem) if known else f"it cannot be read: {type(problem).__name__}"
        is_new = reason not in self.refused and len(self.refused) >= _MOST_REASONS
        self.refused["other reasons" if is_new else reason] += 1


def recorded(passed: Passed, workload: str, *, keeps_prompts: bool) -> Cassette:
    """A cassette of what passed, without secrets. Raises NotScrubbable with the reason where there can be none."""
    spoken = spoken_at(passed.target)
    if spoken is None or passed.request.method != "POST":
        raise NotScrubbable("it is no call of a dialect known here")
    if sum(map(len, passed.pieces)) > MOST_BYTES:
        raise NotScrubbable(f"its answer is larger than {MOST_BYTES >> 20} MB")
    asked = _json_object(passed.request.body)
    answer = _Answer(passed)
    if answer.status == 0:
        raise NotScrubbable("it broke off before its head was whole")
    secrets = secrets_of(passed.request.headers, passed.target, asked)
    encoding = next((value for name, value in answer.headers if name.lower() == "content-encoding"), "")
    bodies = scrubbed_pieces(answer.bodies, encoding, secrets)
    events = [(at, body) for at, body in zip(passed.offsets_ns, bodies, strict=True) if body]
    body = scrubbed_request(asked, secrets)
    model = scrubbed_request({"model": str(asked.get("model") or spoken.model or "unknown")}, secrets)["model"]
    stream = bool(asked.get("stream")) if spoken.stream is None else spoken.stream
    head = Head(
        cassette=2,
        origin=Origin.RECORDED,
        provider=spoken.provider,
        model=model,
        workload=workload,
        operation=spoken.operation,
        stream=stream,
        source="recorded through the tap",
        recorded_at=datetime.now(UTC).isoformat(timespec="seconds"),
        prompts="kept" if keeps_prompts else "replaced",
        head_offset_ns=answer.head_at_ns,
        request=RecordedRequest(
            method="POST",
            path=scrubbed_target(passed.target, secrets),
            body=body if keeps_prompts else without_prompts(body, TEXT_KEYS, NOT_TEXT),
        ),
        response=RecordedResponse(
            status=answer.status,
            headers=scrubbed_headers(answer.headers, secrets),
            framing=answer.framing,
            trailers=scrubbed_headers(answer.trailers, secrets),
            ending=_ending(passed.failure),
            declared_bytes=answer.declared_bytes if passed.failure is not Failure.NONE else None,
        ),
    )
    operation = () if spoken.operation is Operation.CHAT else (str(spoken.operation),)
    words = (spoken.provider, model, *operation, workload, *(("stream",) if stream else ()))
    name = re.sub(r"[^a-z0-9.]+", "-", "-".join(words).lower()).strip("-.")
    return Cassette(name, head, tuple(at for at, _ in events), tuple(body for _, body in events))


def spoken_at(target: str) -> Spoken | None:
    """Which dialect is spoken at this target; None where it is no call of one. Azure's paths are OpenAI's."""
    path = target.partition("?")[0]
    if path.endswith("/chat/completions"):
        return Spoken("openai", Operation.CHAT, _deployment(path))
    if path.endswith("/responses"):
        return Spoken("openai", Operation.RESPONSES, _deployment(path))
    if path.endswith("/messages"):
        return Spoken("anthropic", Operation.CHAT)
    found = re.search(r"/models/([^/:]+):(streamG|g)enerateContent$", path)
    return Spoken("gemini", Operation.CHAT, found[1], found[2] == "streamG") if found else None


def _deployment(path: str) -> str | None:
    found = re.search(r"/deployments/([^/]+)/", path)
    return found[1] if found else None


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotScrubbable("its request is no JSON object")
    return found


def _ending(failure: Failure) -> Literal["complete", "closed", "reset"]:
    if failure is Failure.NONE:
        return "complete"
    return "reset" if failure is Failure.RESET else "closed"


class _Answer:
    """An answer read apart: its head, and what every piece carried of the body, framing taken off."""

    def __init__(self, passed: Passed) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.trailers: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []
        self.head_at_ns = 0
        self._has_head = False
        self._body = bytearray()
        parser = httptools.HttpResponseParser(self)
        for piece, at_ns in zip(passed.pieces, passed.offsets_ns, strict=True):
            had_head = self._has_head
            try:
                parser.feed_data(piece)
            except httptools.HttpParserError:
                if not self._has_head:
                    raise NotScrubbable("its answer is no HTTP") from None
            if self._has_head and not had_head:
                self.head_at_ns, self.status = at_ns, parser.get_status_code()
            self.bodies.append(bytes(self._body))
            self._body.clear()

    @property
    def framing(self) -> Literal["content-length", "chunked", "close"]:
        """How the body's end is told."""
        names = {name.lower() for name, _ in self.headers}
        if "transfer-encoding" in names:
            return "chunked"
        return "content-length" if "content-length" in names or self.status in (204, 304) else "close"

    @property
    def declared_bytes(self) -> int | None:
        """What the head says of the body's length."""
        found = next((value for name, value in self.headers if name.lower() == "content-length"), "")
        return int(found) if found.isdigit() else None

    def on_message_begin(self) -> None:
        """httptools: an answer begins; one below 200 was not yet it."""
        self.headers.clear()
        self._has_head = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: a header, or after the body a trailer."""
        pair = (_ascii(name), _ascii(value))
        (self.trailers if self._has_head else self.headers).append(pair)

    def on_headers_complete(self) -> None:
        """httptools: the head is whole."""
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        """httptools: a part of the body."""
        self._body += body


def _ascii(text: bytes) -> str:
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text.decode("latin-1"))


def reasons(recorder: Recorder) -> Iterator[str]:
    """What was not recorded, a line each, commonest first."""
    for reason, count in recorder.refused.most_common():
        yield f"{count} not recorded: {reason}"
