"""Owns matching: whether the request that arrived asks what a cassette's request asks, however its client spells it.

Two requests ask the same when method, path, ``alt``, model, ``stream`` and their texts are equal; the texts are every
string below one of ``TEXT_KEYS``, as a multiset. Parameters, their names, the order of members and whether a text is a
string or a block do not matter here: ``shapes`` shows those. Knows no provider. Pure. Called by ``library`` when its
memo misses.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, unquote

from harness.cassette import RecordedRequest
from harness.replay.scrub import without_prompts

SHOWN = 48
"""A differing value is cut to this many characters: a message may name a prompt, never repeat it."""

TEXT_KEYS = frozenset(
    {
        "content",
        "text",
        "input",
        "instructions",
        "system",
        "systemInstruction",
        "system_instruction",
        "parts",
    }
)
"""Below a member of one of these names, strings are what is asked."""

NOT_TEXT = frozenset(
    {
        *("type", "role", "name", "id", "call_id", "callId", "tool_call_id", "tool_use_id", "item_id", "status"),
        *("format", "verbosity", "detail", "phase", "cache_control", "cacheControl"),
        *("mime_type", "mimeType", "media_type", "mediaType", "signature", "thought_signature", "thoughtSignature"),
        *("arguments", "tools", "functions", "properties"),
    }
)
"""… except below these: labels, settings, schemas, and arguments, which are JSON text with spaces or without."""


def difference(expected: RecordedRequest, method: str, path: str, body: bytes, *, replaced: bool = False) -> str | None:
    """The first difference as ``key: expected …, got …``, or None when the request asks the same.

    ``path`` may hold a query and percent-encoding. ``replaced``: of the recorded texts only the lengths are known.
    """
    if method != expected.method:
        return f"method: expected {expected.method}, got {shown(method)}"
    if text := _places_differ(expected.path, path):
        return text
    if not body and not expected.body:
        return None
    try:
        got = json.loads(body)
    except (ValueError, RecursionError):
        return f"body: expected JSON, got {len(body)} bytes that are not"
    if not isinstance(got, dict):
        return f"body: expected an object, got {_shown_safely(got)}"
    try:
        if replaced:
            got = without_prompts(got, TEXT_KEYS, NOT_TEXT)
        return _settings_differ(expected.body, got) or _texts_differ(expected.body, got)
    except RecursionError:
        return "body: expected JSON of sensible depth, got deeper"


def shown(value: object) -> str:
    """A value, short enough for one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=True)
    text = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    return repr(text) if isinstance(value, str) else text


def _places_differ(expected: str, got: str) -> str | None:
    mine, _, my_query = expected.partition("?")
    theirs, _, their_query = got.partition("?")
    if unquote(mine) != unquote(theirs):
        return f"path: expected {mine}, got {shown(theirs)}"
    alt, their_alt = parse_qs(my_query).get("alt"), parse_qs(their_query).get("alt")
    if alt != their_alt:
        return f"alt: expected {_shown_query(alt)}, got {_shown_query(their_alt)}"
    return None


def _settings_differ(expected: Mapping[str, object], got: Mapping[str, object]) -> str | None:
    model, their_model = expected.get("model"), got.get("model")
    if model is not None and their_model is not None and model != their_model:
        return f"model: expected {shown(model)}, got {shown(their_model)}"
    stream, their_stream = _absent_is_false(expected.get("stream")), _absent_is_false(got.get("stream"))
    if stream != their_stream or type(stream) is not type(their_stream):
        return f"stream: expected {shown(stream)}, got {shown(their_stream)}"
    return None


def _absent_is_false(value: object) -> object:
    return False if value is None else value


def _texts_differ(expected: Mapping[str, object], got: Mapping[str, object]) -> str | None:
    mine, theirs = list(_texts(expected)), list(_texts(got))
    missing, surplus = _first_without_equal(mine, theirs), _first_without_equal(theirs, mine)
    if missing is None and surplus is None:
        return None
    if missing is None:
        assert surplus is not None
        return f"{surplus[0][:80]}: expected no such text, got {shown(surplus[1])}"
    if surplus is None:
        return f"{missing[0]}: expected {shown(missing[1])}, got nothing"
    expected_text, got_text = _from_first_difference(missing[1], surplus[1])
    return f"{missing[0]}: expected {shown(expected_text)}, got {shown(got_text)}"


def _texts(value: object, key: str = "", *, below: bool = False) -> Iterator[tuple[str, str]]:
    """Each text with where it stands; an empty one says no more than an absent one."""
    if isinstance(value, str):
        if below and value:
            yield key, value
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _texts(item, f"{key}[{position}]", below=below)
    elif isinstance(value, dict):
        for name, member in value.items():
            if name not in NOT_TEXT:
                yield from _texts(member, f"{key}.{name}" if key else name, below=below or name in TEXT_KEYS)


def _first_without_equal(texts: list[tuple[str, str]], others: list[tuple[str, str]]) -> tuple[str, str] | None:
    left = Counter(text for _, text in others)
    for key, text in texts:
        if not left[text]:
            return key, text
        left[text] -= 1
    return None


def _from_first_difference(expected: str, got: str) -> tuple[str, str]:
    """Two long texts that begin alike, cut so that what differs is in sight."""
    same = next(
        (i for i, (a, b) in enumerate(zip(expected, got, strict=False)) if a != b), min(len(expected), len(got))
    )
    if same < SHOWN // 2:
        return expected, got
    start = same - SHOWN // 4
    return "…" + expected[start:], "…" + got[start:]


def _shown_query(values: list[str] | None) -> str:
    return "nothing" if values is None else shown(",".join(values))


def _shown_safely(value: object) -> str:
    try:
        return shown(value)
    except RecursionError:
        return "JSON of another kind, deeply nested"
