"""Owns request shapes: which distinct requests were sent, exact enough to compare what two clients asked.

Two requests are of one shape when method, target below the cassette, headers and body bytes are equal, but for what
differs with every request or is secret. What is kept of a shape may be shown: no prompt, no key, nobody's name.
Called by ``connection`` (numbering) and ``control`` (listing).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import Any
from urllib.parse import unquote_plus

from harness.replay.scrub import is_secret_name, names_somebody, scrubbed_bytes
from harness.vocabulary import CALL_ID_HEADER

MOST_SHAPES = 4096
UNKNOWN = -1
"""The shape of a request that has none: control, malformed, or the registry was full."""

SECRET = "(secret)"  # noqa: S105  what is shown instead of one
VARIES = "(varies)"
LONGEST_SHOWN = 40
DEEPEST_SHOWN = 64
DEEPER = "(deeper)"

_MOST_NAMES = 1024
_NO_HEADER = b""
_VOLATILE = frozenset(
    {
        *("idempotency-key", "x-stainless-idempotency-key", "x-request-id", "x-client-request-id"),
        *("traceparent", "date", "content-length"),
    }
)
_TEXT_KEYS = frozenset(
    {
        *("content", "text", "input", "instructions", "system", "arguments"),
        *("systemInstruction", "system_instruction", "parts", "prompt"),
    }
)


@dataclass(frozen=True, slots=True)
class RequestShape:
    """One distinct request as it may be shown. ``target`` is the path and query below the cassette, ``body`` its JSON
    with every text cut to a fingerprint (None where it is no JSON), ``bytes`` the body's size.
    """

    shape: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: object | None
    bytes: int

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> RequestShape:
        """What ``/-/shapes`` lists, as a value again."""
        headers = tuple((str(name), str(value)) for name, value in raw["headers"])
        return cls(raw["shape"], raw["method"], raw["target"], headers, raw["body"], raw["bytes"])


class Shapes:
    """The shapes seen by one backend, numbered from 0 in order of arrival; at most ``MOST_SHAPES``."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        self._shapes: list[RequestShape] = []
        self._instead = _Instead()

    def number(self, method: str, target: str, headers: tuple[tuple[bytes, bytes], ...], body: bytes) -> int:
        """The shape's number, a new one where it is new; ``UNKNOWN`` when there is no room for it."""
        shown, pairs = _shown_target(target), self._instead.shown(headers)
        key = (method, shown, pairs, blake2b(body, digest_size=16).digest())
        found = self._numbers.get(key)
        if found is not None:
            return found
        found = len(self._shapes)
        if found >= MOST_SHAPES:
            return UNKNOWN
        texts = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs)
        self._numbers[key] = found
        self._shapes.append(RequestShape(found, method, shown, texts, _shown_body(body), len(body)))
        return found

    def listing(self, first: int = 0) -> list[dict[str, Any]]:
        """The shapes from a number on, ready for JSON."""
        names = [field.name for field in fields(RequestShape)]
        return [{name: getattr(shape, name) for name in names} for shape in self._shapes[first:]]


class _Instead(dict[bytes, bytes | None]):
    """What is shown for the value of a header of this name: None for the value itself, nothing for no header at all.

    Filled on demand, as a dict because a lookup per header of every request must cost next to nothing.
    """

    def __missing__(self, name: bytes) -> bytes | None:
        if len(self) >= _MOST_NAMES:
            self.clear()
        self[name] = found = _instead(name.decode("latin-1").lower())
        return found

    def shown(self, headers: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[bytes, bytes], ...]:
        """The headers as they may be shown."""
        kept = [
            pair if instead is None else (pair[0], instead)
            for pair in headers
            if (instead := self[pair[0]]) != _NO_HEADER
        ]
        return tuple(kept)


def _instead(lowered: str) -> bytes | None:
    if lowered == CALL_ID_HEADER:
        return _NO_HEADER
    if lowered in _VOLATILE:
        return VARIES.encode()
    return SECRET.encode() if is_secret_name(lowered) else None


@lru_cache(maxsize=1024)
def _shown_target(target: str) -> str:
    path, mark, query = target.partition("?")
    return path + mark + "&".join(map(_shown_parameter, query.split("&")))


def _shown_parameter(pair: str) -> str:
    name, mark, _ = pair.partition("=")
    return name + mark + SECRET if mark and is_secret_name(unquote_plus(name)) else pair


def _shown_body(body: bytes) -> object | None:
    try:
        return _shown_value("", json.loads(body))
    except (ValueError, RecursionError):
        return None


def _shown_value(name: str, value: object, depth: int = 0) -> object:
    if (is_secret_name(name) or names_somebody(name)) and value:
        return SECRET
    if isinstance(value, str):
        return _shown_text(name, value)
    if isinstance(value, list | dict) and depth >= DEEPEST_SHOWN:
        return DEEPER
    if isinstance(value, list):
        return [_shown_value(name, item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_cut(inner): _shown_value(inner, member, depth + 1) for inner, member in value.items()}
    return value


def _shown_text(name: str, text: str) -> str:
    return _fingerprint(text) if name in _TEXT_KEYS else _cut(text)


def _cut(text: str) -> str:
    if len(text) > LONGEST_SHOWN:
        return _fingerprint(text)
    encoded = text.encode("utf-8", "surrogatepass")
    return text if scrubbed_bytes(encoded, ()) == encoded else SECRET


def _fingerprint(text: str) -> str:
    return f"«{len(text)} characters, {sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}»"
