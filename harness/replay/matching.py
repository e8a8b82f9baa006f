"""Owns strict matching: what differs between the request that arrived and the one a cassette holds.

Canonical means: object members in any order, null members as if absent, numbers by value, everything else exact.
Pure. Called by ``library`` when its memo misses.
"""

from __future__ import annotations

import json

from harness.cassette import RecordedRequest

SHOWN = 48
"""A differing value is cut to this many characters: a message may name a prompt, never repeat it."""


def difference(expected: RecordedRequest, method: str, path: str, body: bytes) -> str | None:
    """The first difference as ``key: expected …, got …``, or None when the request matches."""
    if method != expected.method:
        return f"method: expected {expected.method}, got {shown(method)}"
    if path != expected.path:
        return f"path: expected {expected.path}, got {shown(path)}"
    if not body and not expected.body:
        return None
    try:
        got = json.loads(body)
    except (ValueError, RecursionError):
        return f"body: expected JSON, got {len(body)} bytes that are not"
    try:
        return _differs("", dict(expected.body), got)
    except RecursionError:
        return "body: expected JSON of sensible depth, got deeper"


def shown(value: object) -> str:
    """A value, short enough for one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=True)
    text = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    return repr(text) if isinstance(value, str) else text


def _differs(key: str, expected: object, got: object) -> str | None:
    if isinstance(expected, dict) and isinstance(got, dict):
        return _members_differ(key, expected, got)
    if isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            return f"{key}: expected {len(expected)} items, got {len(got)}"
        pairs = enumerate(zip(expected, got, strict=True))
        return next((text for i, (a, b) in pairs if (text := _differs(f"{key}[{i}]", a, b))), None)
    if _scalar_kind(expected) == _scalar_kind(got) and expected == got:
        return None
    if isinstance(expected, str) and isinstance(got, str):
        expected, got = _from_first_difference(expected, got)
    return f"{key or 'body'}: expected {shown(expected)}, got {shown(got)}"


def _from_first_difference(expected: str, got: str) -> tuple[str, str]:
    """Two long texts that begin alike, cut so that what differs is in sight."""
    same = next(
        (i for i, (a, b) in enumerate(zip(expected, got, strict=False)) if a != b), min(len(expected), len(got))
    )
    if same < SHOWN // 2:
        return expected, got
    start = same - SHOWN // 4
    return "…" + expected[start:], "…" + got[start:]


def _members_differ(key: str, expected: dict[str, object], got: dict[str, object]) -> str | None:
    for name in [*expected, *(name for name in got if name not in expected)]:
        mine, theirs = expected.get(name), got.get(name)
        if mine is None and theirs is None:
            continue
        inner = f"{key}.{name}" if key else name
        if mine is None:
            return f"{inner[:80]}: expected no such key, got {shown(theirs)}"
        if theirs is None:
            return f"{inner}: expected {shown(mine)}, got nothing"
        if text := _differs(inner, mine, theirs):
            return text
    return None


def _scalar_kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__
