"""Owns the cassette format: one recorded (or authored) HTTP exchange per file, exact bytes, human-readable, versioned.

A cassette is UTF-8 JSON lines, in the manner of asciinema's casts (a head, then timed events, then an end):

    {"cassette": 1, "origin": …, "provider": …, "model": …, "workload": …, "request": {…}, "response": {…}, …}
    [840000000, "data: {…}\\n\\n"]              offset in ns from the last request byte, then the exact body bytes
    [857500000, {"base64": "…"}]              … in base64 where they are not UTF-8
    {"end": {"chunks": 2, "bytes": 1234, "sha256": "…"}}   a file without this line is truncated

A cassette of the operation ``background`` holds a job: its request creates it, chunk 0 answers the creation, and
chunk k is the body that a retrieval is given from ``offset k`` after the creation on.

The response's head (status line and headers) leaves at ``head_offset_ns``; when that equals the first chunk's offset
the two leave in one write. Framing (chunked transfer-encoding, content-length, or the connection's end) is applied by
the backend, so the chunks hold body bytes only. What only a recording has (trailers, an answer that broke off, prompts
replaced) makes it a file of version 2. Read by ``replay`` and ``conductor``; written by the authoring tool and the
recorder.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator

from harness.door import Strict, read_text, validate
from harness.errors import DataError, UsageError
from harness.vocabulary import Operation, Origin

VERSIONS = (1, 2)
SUFFIX = ".cassette.jsonl"


class LatencyFigures(Strict):
    """Published latency of the real service, kept beside an authored timeline so that advice can cite it.

    ``total = base_s + per_output_token_s × tokens`` at the median; ``log_sigma`` is the spread of like calls;
    ``p95_s`` the measured 95th percentile of ``n`` calls.
    """

    base_s: float = Field(ge=0)
    per_output_token_s: float = Field(ge=0)
    log_sigma: float = Field(gt=0)
    tail_factor: float = Field(ge=1, description="measured p99 over the lognormal's")
    p95_s: float | None = Field(default=None, gt=0)
    n: int | None = Field(default=None, ge=1)
    source: str = Field(min_length=1)


class RecordedRequest(Strict):
    """What must arrive: method, path (below the cassette's base URL) and the JSON body."""

    method: Literal["GET", "POST"]
    path: str = Field(pattern=r"^/")
    body: dict[str, Any]


class RecordedResponse(Strict):
    """Status and headers of the answer, and how its body was framed."""

    status: int = Field(ge=200, le=599)
    headers: tuple[tuple[str, str], ...] = Field(strict=False)
    framing: Literal["content-length", "chunked", "close"]
    trailers: tuple[tuple[str, str], ...] = Field(default=(), strict=False)
    ending: Literal["complete", "closed", "reset"] = "complete"
    declared_bytes: int | None = Field(default=None, ge=0, description="content-length of a body that broke off")

    @field_validator("headers", "trailers", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        return (
            tuple(tuple(pair) if isinstance(pair, list) else pair for pair in value)
            if isinstance(value, list)
            else value
        )

    @field_validator("headers", "trailers")
    @classmethod
    def _headers_fit_a_head(cls, value: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        for name, text in value:
            if (
                not name
                or not (name + text).isascii()
                or any(c in name + text for c in "\r\n\0")
                or ":" in name
                or " " in name
            ):
                raise ValueError(f"expected ASCII header names and values without line breaks, got {name!r}: {text!r}")
        return value


class Head(Strict):
    """The first line of a cassette."""

    cassette: Literal[1, 2]
    origin: Origin = Field(strict=False)
    provider: str
    model: str
    workload: str
    operation: Operation = Field(default=Operation.CHAT, strict=False)
    stream: bool
    source: str = ""
    recorded_at: str | None = None
    latency: LatencyFigures | None = None
    prompts: Literal["kept", "replaced"] = "kept"
    head_offset_ns: int = Field(ge=0)
    request: RecordedRequest
    response: RecordedResponse


@dataclass(frozen=True, slots=True)
class Cassette:
    """One exchange. ``offsets_ns[i]`` is when ``chunks[i]`` leaves, from the arrival of the last request byte."""

    cassette_id: str
    head: Head
    offsets_ns: tuple[int, ...]
    chunks: tuple[bytes, ...]

    @property
    def body(self) -> bytes:
        """The whole response body."""
        return b"".join(self.chunks)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a recorded timeline is replayed: ``recorded``, ``capped:<s>``, ``scaled:<x>`` or ``none``."""

    kind: Literal["recorded", "capped", "scaled", "none"]
    value: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the notation. Raises UsageError."""
        kind, _, number = text.partition(":")
        if kind in ("recorded", "none") and not number:
            return cls("recorded" if kind == "recorded" else "none")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if kind in ("capped", "scaled") and 0 < value < 1e6:
            return cls("capped" if kind == "capped" else "scaled", value)
        raise UsageError(f"pace: expected recorded, capped:<seconds>, scaled:<factor> or none, got {text!r}")

    def factor(self, last_offset_ns: int) -> float:
        """The multiplier of every offset: a capped timeline shrinks until its end is at the cap, and never grows."""
        match self.kind:
            case "recorded":
                return 1.0
            case "none":
                return 0.0
            case "scaled":
                return self.value
            case "capped":
                return min(1.0, self.value * 1e9 / last_offset_ns) if last_offset_ns else 1.0


def dump_cassette(cassette: Cassette) -> str:
    """The file's text; deterministic, so that re-recording the same exchange gives the same file."""
    digest = hashlib.sha256(cassette.body).hexdigest()
    end = {"end": {"chunks": len(cassette.chunks), "bytes": len(cassette.body), "sha256": digest}}
    lines: list[object] = [_dump_head(cassette.head)]
    lines += [[at, _encode(chunk)] for at, chunk in zip(cassette.offsets_ns, cassette.chunks, strict=True)]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [*lines, end])


def _dump_head(head: Head) -> dict[str, Any]:
    """The head as JSON; of version 1 as long as it says nothing that only version 2 can."""
    raw = head.model_dump(mode="json", exclude_defaults=False)
    raw["cassette"] = 1
    for part, model in ((raw, Head), (raw["response"], RecordedResponse)):
        for name in _OF_VERSION_2 & set(part):
            if part[name] in (model.model_fields[name].default, []):
                del part[name]
            else:
                raw["cassette"] = 2
    if raw["response"]["framing"] == "close":
        raw["cassette"] = 2
    return raw


_OF_VERSION_2 = frozenset({"prompts", "trailers", "ending", "declared_bytes"})


def load_cassette(path: Path) -> Cassette:
    """Read and check one cassette. Raises DataError when it is missing, damaged, truncated or of another version."""
    lines = read_text(path, "cassette", DataError).split("\n")
    if lines[-1] == "":
        lines.pop()
    head = _head(lines[0] if lines else "", path)
    end = _json(lines[-1], path, len(lines))
    if len(lines) < 2 or not isinstance(end, dict) or set(end) != {"end"} or not isinstance(end["end"], dict):
        raise DataError(
            f'{path}: line {len(lines)}: expected the closing {{"end": …}} line, got something else; '
            "the cassette is truncated: record it again"
        )
    offsets, chunks = _events(lines[1:-1], path)
    body = b"".join(chunks)
    seen = {"chunks": len(chunks), "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    for key, value in seen.items():
        if end["end"].get(key) != value:
            raise DataError(
                f"{path}: end.{key}: expected {end['end'].get(key)!r} as written at its end, got {value!r}; "
                "the cassette is corrupt: record it again"
            )
    if offsets and head.head_offset_ns > offsets[0]:
        raise DataError(
            f"{path}: head_offset_ns: expected at most the first chunk's offset {offsets[0]}, got {head.head_offset_ns}"
        )
    return Cassette(path.name.removesuffix(SUFFIX), head, offsets, chunks)


def _head(line: str, path: Path) -> Head:
    raw = _json(line, path, 1)
    if not isinstance(raw, dict) or "cassette" not in raw:
        raise DataError(
            f'{path}: line 1: expected a head {{"cassette": {VERSIONS[-1]}, …}}, got another; is this a cassette?'
        )
    if raw["cassette"] not in VERSIONS or isinstance(raw["cassette"], bool):
        raise DataError(
            f"{path}: cassette: expected format version {' or '.join(map(str, VERSIONS))}, got {raw['cassette']!r}; "
            "use the harness version that wrote it"
        )
    return validate(Head, raw, str(path), DataError)


def _events(lines: list[str], path: Path) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
    offsets: list[int] = []
    chunks: list[bytes] = []
    for number, line in enumerate(lines, start=2):
        event = _json(line, path, number)
        if not isinstance(event, list) or len(event) != 2 or type(event[0]) is not int or not 0 <= event[0] < 2**62:
            raise DataError(f"{path}: line {number}: expected [offset in ns, bytes], got {line[:40]!r}")
        if offsets and event[0] < offsets[-1]:
            raise DataError(f"{path}: line {number}: expected an offset of at least {offsets[-1]} ns, got {event[0]}")
        offsets.append(event[0])
        chunks.append(_decode(event[1], path, number))
    return tuple(offsets), tuple(chunks)


def _encode(chunk: bytes) -> str | dict[str, str]:
    try:
        return chunk.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(chunk).decode()}


def _decode(value: object, path: Path, number: int) -> bytes:
    try:
        if isinstance(value, str):
            return value.encode("utf-8")
        if isinstance(value, dict) and set(value) == {"base64"} and isinstance(value["base64"], str):
            return base64.b64decode(value["base64"], validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        pass
    raise DataError(f'{path}: line {number}: expected text or {{"base64": …}}, got {str(value)[:40]!r}')


def _json(line: str, path: Path, number: int) -> Any:
    try:
        return json.loads(line)
    except (json.JSONDecodeError, RecursionError, ValueError):
        raise DataError(
            f"{path}: line {number}: expected JSON, got {line[:40]!r}; the cassette is damaged or truncated"
        ) from None
