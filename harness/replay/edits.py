"""Owns what ``content`` faults do to an answer: the same cassette with a body that is broken, cut or says something
else, in each provider's own words. Pure; bytes in, bytes out.

Called by ``faults``; whoever judges a call asks it as well what was really sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.cassette import Cassette

HTML = (
    b"<html>\r\n<head><title>Service unavailable</title></head>\r\n<body>\r\n<center><h1>Service unavailable</h1>"
    b"</center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
OVERSIZE_BYTES = 1_000_000
"""Length of the padding in an oversized line; the readers of HTTP libraries stop at 64 kB or so by default."""

_GEMINI_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_ANTHROPIC_TYPE = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_OPENAI_TYPE = {400: "invalid_request_error", 401: "invalid_request_error", 404: "invalid_request_error"}
_FINISH = {
    "openai": {"length": "length", "content_filter": "content_filter"},
    "anthropic": {"length": "max_tokens", "content_filter": "refusal"},
    "gemini": {"length": "MAX_TOKENS", "content_filter": "SAFETY"},
}
_END = {"openai": b"[DONE]", "anthropic": b"message_stop"}
"""What the last event of a stream holds; Gemini's stream has no end marker."""

_PLAIN = ("content-type", "text/plain; charset=utf-8")


def error_body(provider: str, status: int, message: str) -> bytes:
    """A provider's JSON error."""
    return json.dumps(_error(provider, status, message)).encode()


def edited(cassette: Cassette, edit: str) -> Cassette:
    """The cassette as it is sent under that edit of ``harness.fault.EDITS``."""
    return _EDITS[edit](cassette)


def halved(cassette: Cassette) -> Cassette:
    """The first half: of a stream's events, of a whole answer's bytes."""
    if cassette.head.stream:
        return _with(cassette, list(cassette.chunks[: len(cassette.chunks) // 2]))
    body = cassette.body
    return _with(cassette, [body[: len(body) // 2]])


def _error(provider: str, status: int, message: str) -> dict[str, Any]:
    if provider == "anthropic":
        return {"type": "error", "error": {"type": _ANTHROPIC_TYPE.get(status, "api_error"), "message": message}}
    if provider == "gemini":
        word = _GEMINI_STATUS.get(status, "UNKNOWN")
        return {"error": {"code": status, "message": message, "status": word}}
    kind = _OPENAI_TYPE.get(status, "rate_limit_exceeded" if status == 429 else "server_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def _with(cassette: Cassette, chunks: list[bytes]) -> Cassette:
    """The cassette with other chunks: those past its own timeline leave with its last chunk."""
    ends = cassette.offsets_ns[-1] if cassette.offsets_ns else cassette.head.head_offset_ns
    offsets = [*cassette.offsets_ns[: len(chunks)], *[ends] * (len(chunks) - len(cassette.offsets_ns))]
    return replace(cassette, chunks=tuple(chunks), offsets_ns=tuple(offsets))


def _of_type(cassette: Cassette, content_type: tuple[str, str]) -> Cassette:
    response = cassette.head.response
    headers = tuple(content_type if name.lower() == "content-type" else (name, text) for name, text in response.headers)
    response = response.model_copy(update={"headers": headers})
    return replace(cassette, head=cassette.head.model_copy(update={"response": response}))


def _malformed_json(cassette: Cassette) -> Cassette:
    body = cassette.body.rstrip()
    return _with(cassette, [body[: body.rindex(b"}")].rstrip() + b',, "'])


def _html(cassette: Cassette) -> Cassette:
    return _with(_of_type(cassette, ("content-type", "text/html")), [HTML])


def _empty_body(cassette: Cassette) -> Cassette:
    return replace(cassette, chunks=(), offsets_ns=())


def _wrong_content_type(cassette: Cassette) -> Cassette:
    return _of_type(cassette, _PLAIN)


def _empty_choices(cassette: Cassette) -> Cassette:
    return _with(cassette, [_rewritten(chunk, _emptied) for chunk in cassette.chunks])


def _emptied(said: dict[str, Any]) -> dict[str, Any] | None:
    """An answer or event with nothing in it; None for an event that is nothing but content."""
    if said.get("type") in ("content_block_start", "content_block_delta", "content_block_stop"):
        return None
    return said | {name: [] for name in ("choices", "candidates", "content") if isinstance(said.get(name), list)}


def _error_event(cassette: Cassette) -> Cassette:
    provider = cassette.head.provider
    body = error_body(provider, 503, "The server is overloaded. Please try again later.")
    named = b"event: error\n" if provider == "anthropic" else b""
    return _with(cassette, [*cassette.chunks[: len(cassette.chunks) // 2], named + b"data: " + body + b"\n\n"])


def _malformed_event(cassette: Cassette) -> Cassette:
    chunks, middle = list(cassette.chunks), _middle(cassette)
    chunks[middle] = chunks[middle].replace(b'":', b'"', 1)
    return _with(cassette, chunks)


def _missing_end(cassette: Cassette) -> Cassette:
    marker = _END[cassette.head.provider]
    return _with(cassette, [chunk for chunk in cassette.chunks if marker not in chunk])


def _duplicate_events(cassette: Cassette) -> Cassette:
    chunks, middle = list(cassette.chunks), _middle(cassette)
    return _with(cassette, [*chunks[: middle + 1], *chunks[middle:]])


def _out_of_order_events(cassette: Cassette) -> Cassette:
    chunks, middle = list(cassette.chunks), _middle(cassette)
    chunks[middle], chunks[middle + 1] = chunks[middle + 1], chunks[middle]
    return _with(cassette, chunks)


def _oversized_line(cassette: Cassette) -> Cassette:
    chunks, middle = list(cassette.chunks), _middle(cassette)
    chunks[middle] = _rewritten(chunks[middle], lambda said: said | {"padding": "x" * OVERSIZE_BYTES})
    return _with(cassette, chunks)


def _invalid_utf8(cassette: Cassette) -> Cassette:
    """One byte of the text's middle becomes one that is never valid."""
    if cassette.head.stream:
        chunks, middle = list(cassette.chunks), _middle(cassette)
        chunks[middle] = _spoilt(chunks[middle])
        return _with(cassette, chunks)
    return _with(cassette, [_spoilt(cassette.body)])


def _spoilt(chunk: bytes) -> bytes:
    text = max((found for found in _texts(chunk) if found), key=len).encode()
    at = chunk.index(text) + len(text) // 2
    return chunk[:at] + b"\xff" + chunk[at + 1 :]


def _ended(cassette: Cassette, finish: str) -> Cassette:
    """Half of the text, and a finish reason that says so."""
    provider = cassette.head.provider
    word = _FINISH[provider][finish]
    if not cassette.head.stream:
        return _with(cassette, [_rewritten(cassette.body, lambda said: _shortened(provider, said, word))])
    content = _contents(cassette)
    dropped = set(content[len(content) // 2 :])
    kept = [chunk for number, chunk in enumerate(cassette.chunks) if number not in dropped]
    return _with(cassette, [_rewritten(chunk, lambda said: _finished(provider, said, word)) for chunk in kept])


def _shortened(provider: str, said: dict[str, Any], word: str) -> dict[str, Any]:
    if provider == "openai":
        holder, key = said["choices"][0]["message"], "content"
    elif provider == "anthropic":
        holder, key = said["content"][0], "text"
    else:
        holder, key = said["candidates"][0]["content"]["parts"][0], "text"
    holder[key] = holder[key][: len(holder[key]) // 2]
    return _finished(provider, said, word)


def _finished(provider: str, said: dict[str, Any], word: str) -> dict[str, Any]:
    """Replace the finish reason where one is said."""
    holders = {
        "openai": [(choice, "finish_reason") for choice in said.get("choices") or ()],
        "anthropic": [(said, "stop_reason"), (said.get("delta") or {}, "stop_reason")],
        "gemini": [(candidate, "finishReason") for candidate in said.get("candidates") or ()],
    }[provider]
    for holder, key in holders:
        if holder.get(key):
            holder[key] = word
    return said


def _contents(cassette: Cassette) -> list[int]:
    """Positions of a stream's events that carry text."""
    return [number for number, chunk in enumerate(cassette.chunks) if any(_texts(chunk))]


def _middle(cassette: Cassette) -> int:
    """The event in the middle of those that carry text; its successor carries text as well."""
    content = _contents(cassette)
    return content[len(content) // 2 - 1]


def _texts(chunk: bytes) -> list[str]:
    """The pieces of answer text in an event or a whole answer."""
    said = _said(chunk)
    if not isinstance(said, dict):
        return []
    found = [part.get("content") for choice in said.get("choices") or () for part in (_openai_part(choice),)]
    found += [part.get("text") for part in said.get("content") or () if isinstance(part, dict)]
    if said.get("type") == "content_block_delta":
        found.append(said["delta"].get("text"))
    found += [
        part.get("text")
        for candidate in said.get("candidates") or ()
        for part in (candidate.get("content") or {}).get("parts") or ()
    ]
    return [text for text in found if isinstance(text, str)]


def _openai_part(choice: dict[str, Any]) -> dict[str, Any]:
    return choice.get("delta") or choice.get("message") or {}


def _said(chunk: bytes) -> Any:
    start = chunk.find(b"data: ") + 6 if b"data: " in chunk else 0
    try:
        return json.loads(chunk[start:])
    except ValueError:
        return None


def _rewritten(chunk: bytes, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> bytes:
    """The event or answer with its JSON changed; as it is where it has none, empty where ``change`` gives None."""
    said = _said(chunk)
    if not isinstance(said, dict):
        return chunk
    changed = change(said)
    if changed is None:
        return b""
    body = json.dumps(changed, separators=(",", ":"), ensure_ascii=False).encode()
    if b"data: " not in chunk:
        return body
    return chunk[: chunk.find(b"data: ") + 6] + body + b"\n\n"


_EDITS: dict[str, Callable[[Cassette], Cassette]] = {
    "malformed_json": _malformed_json,
    "html": _html,
    "empty_body": _empty_body,
    "empty_choices": _empty_choices,
    "wrong_content_type": _wrong_content_type,
    "error_event": _error_event,
    "malformed_event": _malformed_event,
    "missing_end": _missing_end,
    "content_filter": lambda cassette: _ended(cassette, "content_filter"),
    "length": lambda cassette: _ended(cassette, "length"),
    "duplicate_events": _duplicate_events,
    "out_of_order_events": _out_of_order_events,
    "oversized_line": _oversized_line,
    "invalid_utf8": _invalid_utf8,
}
