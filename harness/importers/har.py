"""HTTP archives (HAR 1.2): requests to the interfaces of providers, by their paths. Milliseconds, as HAR has them.

Of a stream, what was waited for before the first byte (``wait``, with connecting and sending before it) is the first
chunk. Of the request's body only model, stream and the output budget are read; nothing of it is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.dataset.foreign.given import Reading
from harness.importers.documents import Row, at, documents, seconds
from harness.importers.mapping import Mapping as Told

SUMMARY = "HTTP archives (.har) with calls to providers"

_PATHS = ("/chat/completions", "/responses", "/completions", "/messages", ":generateContent", ":streamGenerateContent")
_HOSTS = {
    "anthropic": "anthropic",
    "googleapis": "gemini",
    "azure": "azure",
    "openrouter": "openrouter",
    "openai": "openai",
}
_BEFORE = ("blocked", "dns", "connect", "send", "wait")


def reading(path: Path, mapping: Told) -> Reading:
    """How the archive is read."""
    return documents(path, mapping, _rows)


def _rows(found: dict[str, Any]) -> Iterator[Row | str]:
    entries = at(found, "log.entries")
    if entries is None:
        yield "expected log.entries, as HAR has them"
        return
    for entry in entries:
        url = urlsplit(at(entry, "request.url") or "")
        if entry["request"].get("method") == "POST" and url.path.endswith(_PATHS):
            yield _row(entry, url.hostname or "", url.path)


def _row(entry: Mapping[str, Any], host: str, path: str) -> Row:
    body = _body(entry)
    stream = bool(body.get("stream")) or path.endswith(":streamGenerateContent")
    status = at(entry, "response.status") or 0
    return {
        "started_at": entry.get("startedDateTime"),
        "provider": next((name for word, name in _HOSTS.items() if word in host), host),
        "model": body.get("model") or (path.rpartition("/")[2].partition(":")[0] if ":" in path else None),
        "stream": stream,
        "max_tokens": at(
            body, "max_tokens", "max_completion_tokens", "max_output_tokens", "generationConfig.maxOutputTokens"
        ),
        "duration": seconds(entry.get("time"), "ms"),
        "first_chunk": _before(entry) if stream else None,
        "status": status or None,
        "ok": 200 <= status < 300,
        "error": None if status else "network",
    }


def _before(entry: Mapping[str, Any]) -> float | None:
    """Seconds before the first byte; −1 stands for a part that does not apply."""
    timings = entry.get("timings") or {}
    parts = [timings.get(name) for name in _BEFORE]
    known = [part for part in parts if isinstance(part, int | float) and part > 0]
    return sum(known) / 1e3 if known else None


def _body(entry: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = json.loads(at(entry, "request.postData.text") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
