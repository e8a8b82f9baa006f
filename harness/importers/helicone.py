"""Helicone's requests as exported (CSV, JSON or JSON lines). ``latency``, ``delay_ms`` and ``time_to_first_token`` are
milliseconds, as Helicone has them. Bodies and users are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.dataset.foreign.given import Reading, named
from harness.importers.documents import Row, at, moment, seconds, table_or_documents
from harness.importers.mapping import Mapping as Told

SUMMARY = "Helicone requests (.csv, .json or .jsonl)"

_OF_CSV = (
    named("id", "request_id"),
    named("started_at", "request_created_at"),
    named("provider", "provider"),
    named("model", "request_model"),
    named("response_model", "response_model"),
    named("duration", "latency", "ms"),
    named("duration", "delay_ms", "ms"),
    named("first_chunk", "time_to_first_token", "ms"),
    named("input_tokens", "prompt_tokens"),
    named("output_tokens", "completion_tokens"),
    named("status", "response_status"),
    named("cost_usd", "cost_usd"),
)


def reading(path: Path, mapping: Told) -> Reading:
    """How the export is read."""
    return table_or_documents(path, mapping, _OF_CSV, _rows)


def _rows(found: dict[str, Any]) -> Iterator[Row | str]:
    if "request_id" not in found and "request_created_at" not in found:
        yield "expected a request with request_id and request_created_at"
        return
    yield {
        "id": found.get("request_id"),
        "started_at": moment(found.get("request_created_at")),
        "provider": at(found, "provider"),
        "model": at(found, "request_model", "model", "model_override"),
        "response_model": at(found, "response_model"),
        "duration": seconds(at(found, "delay_ms", "latency"), "ms"),
        "first_chunk": seconds(at(found, "time_to_first_token"), "ms"),
        "max_tokens": at(found, "request_body.max_tokens", "request_body.max_completion_tokens"),
        "stream": at(found, "request_body.stream"),
        "input_tokens": at(found, "prompt_tokens"),
        "output_tokens": at(found, "completion_tokens"),
        "status": at(found, "response_status"),
        "cost_usd": at(found, "cost_usd", "costUSD"),
    }
