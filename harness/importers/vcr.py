"""vcrpy's cassettes, in its own YAML (``body``, ``body.string``) and in pydantic-ai's (``parsed_body``).

They keep no times. What a provider says of itself in a header (``openai-processing-ms``, ``Server-Timing: …;dur=``,
``x-envoy-upstream-service-time``) becomes a latency: of a whole answer the call, of a stream only the time to its
headers. An exchange without such a header says nothing about time and is quarantined as such. ``cassettes_of`` turns
the bodies into cassettes of ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own

from harness.cassette import SUFFIX, Cassette, Head, RecordedRequest, RecordedResponse
from harness.dataset.foreign.given import OF_ROWS, Reading, Rows, Shape
from harness.door import read_text
from harness.errors import DataError
from harness.importers.documents import Row, at
from harness.importers.mapping import Mapping as Told
from harness.vocabulary import Origin

SUMMARY = "vcrpy cassettes (.yaml): providers' own time headers"

_HOSTS = {"anthropic": "anthropic", "googleapis": "gemini", "openrouter": "openrouter", "openai": "openai"}
_CALLS = re.compile(r"/(chat/completions|responses|messages)$|:(generateContent|streamGenerateContent)$")
_BUDGETS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "generationConfig.maxOutputTokens")
_KEPT = ("content-type",)
"""Response headers that a cassette needs; the others may name a caller or an organisation."""


def reading(path: Path, mapping: Told) -> Reading:
    """How the file is read."""
    return Reading(path, Shape.ROWS, mapping.over(iter(OF_ROWS)), mapping.text, Rows(_rows))


def _rows(path: Path) -> Iterator[Row | str]:
    for exchange in _exchanges(path):
        if not _is_call(exchange):
            continue
        seconds, stream = _provider_s(exchange), _is_stream(exchange)
        status = at(exchange, "response.status.code")
        if seconds is None and (status is None or status < 400):
            yield "no header tells how long the provider took, and vcrpy keeps no times"
            continue
        body = _body(exchange["request"])
        yield {
            "provider": _provider(exchange),
            "model": body.get("model") or _path(exchange).rpartition("/")[2].partition(":")[0],
            "stream": stream,
            "max_tokens": at(body, *_BUDGETS),
            "duration": None if stream else seconds,
            "first_chunk": seconds if stream else None,
            "status": status,
            "started_at": _date(exchange),
        }


def cassettes_of(path: Path) -> Iterator[Cassette]:
    """The answered exchanges as cassettes without times: all of a body leaves at once. Texts stay as they are."""
    for number, exchange in enumerate(_exchanges(path)):
        body, answer = _body(exchange["request"]), _answer(exchange)
        if not _is_call(exchange) or not body or answer is None:
            continue
        name = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")
        headers = tuple((key, value) for key, value in _headers(exchange["response"]).items() if key in _KEPT)
        yield Cassette(
            f"{name}-{number}",
            Head(
                cassette=1,
                origin=Origin.IMPORTED,
                provider=_provider(exchange),
                model=str(body.get("model") or "unknown"),
                workload="imported",
                stream=_is_stream(exchange),
                source=f"vcrpy cassette {path.name}",
                head_offset_ns=0,
                request=RecordedRequest(method="POST", path=_path(exchange), body=body),
                response=RecordedResponse(
                    status=int(at(exchange, "response.status.code") or 200), headers=headers, framing="content-length"
                ),
            ),
            (0,),
            (answer,),
        )


def file_name(cassette: Cassette) -> str:
    """What a cassette's file is called."""
    return cassette.cassette_id + SUFFIX


def _exchanges(path: Path) -> Iterator[dict[str, Any]]:
    try:
        found = yaml.load(read_text(path, "cassette", DataError), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        exchanges = found["interactions"]
        yield from (each for each in exchanges if isinstance(each, dict) and "request" in each and "response" in each)
    except (yaml.YAMLError, KeyError, TypeError):
        raise DataError(f"{path}: expected a cassette of vcrpy with interactions, got another file") from None


def _is_call(exchange: Mapping[str, Any]) -> bool:
    return exchange["request"].get("method") == "POST" and _CALLS.search(_path(exchange)) is not None


def _path(exchange: Mapping[str, Any]) -> str:
    return urlsplit(str(exchange["request"].get("uri") or "")).path


def _provider(exchange: Mapping[str, Any]) -> str:
    host = urlsplit(str(exchange["request"].get("uri") or "")).hostname or "unknown"
    return next((name for word, name in _HOSTS.items() if word in host), host)


def _is_stream(exchange: Mapping[str, Any]) -> bool:
    kind = _headers(exchange["response"]).get("content-type", "")
    return "event-stream" in kind or bool(_body(exchange["request"]).get("stream"))


def _headers(message: Mapping[str, Any]) -> dict[str, str]:
    """Names in lower case; of a repeated header the first."""
    found = message.get("headers") or {}
    return {
        str(name).lower(): str(value[0] if isinstance(value, list) and value else value)
        for name, value in found.items()
    }


def _provider_s(exchange: Mapping[str, Any]) -> float | None:
    headers = _headers(exchange["response"])
    for name in ("openai-processing-ms", "x-envoy-upstream-service-time"):
        if re.fullmatch(r"\d+(\.\d+)?", headers.get(name, "")):
            return float(headers[name]) / 1e3
    match = re.search(r"dur=(\d+(\.\d+)?)", headers.get("server-timing", ""))
    return float(match[1]) / 1e3 if match else None


def _date(exchange: Mapping[str, Any]) -> str | None:
    """The answer's date as ISO 8601 text."""
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(_headers(exchange["response"])["date"]).isoformat()
    except (KeyError, ValueError, TypeError):
        return None


def _body(request: Mapping[str, Any]) -> dict[str, Any]:
    found = request.get("parsed_body")
    if found is None:
        text = request.get("body")
        try:
            found = json.loads(text if isinstance(text, str | bytes) else "null")
        except ValueError:
            found = None
    return found if isinstance(found, dict) else {}


def _answer(exchange: Mapping[str, Any]) -> bytes | None:
    response = exchange["response"]
    if "parsed_body" in response:
        return json.dumps(response["parsed_body"], ensure_ascii=False).encode()
    text = at(response, "body.string")
    if isinstance(text, bytes):
        return text
    return text.encode() if isinstance(text, str) else None
