"""Spans in OTLP's JSON (one request, or a line each, as the collector's file exporter writes them), with the GenAI
conventions' attributes under their present and their former names.

A span's end minus its start is the call. When the first chunk came is told by an attribute where there is one, else by
the span's first event that says so. Content (messages, prompts, completions) is never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.dataset.foreign.given import Reading
from harness.importers.documents import Row, documents, moment
from harness.importers.mapping import Mapping as Told

SUMMARY = "OpenTelemetry spans in OTLP JSON, GenAI attributes old and new"

_CALLS = ("chat", "text_completion", "completion", "generate_content", "responses")
_NAMES = {
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.vendor"),
    "model": ("gen_ai.request.model", "llm.request.model", "llm.model_name"),
    "response_model": ("gen_ai.response.model", "llm.response.model"),
    "max_tokens": ("gen_ai.request.max_tokens", "llm.request.max_tokens"),
    "stream": ("gen_ai.request.stream", "gen_ai.request.is_stream", "llm.is_streaming", "llm.request.streaming"),
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.usage.completion_tokens"),
    "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
    "cached_tokens": ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cached_tokens"),
    "status": ("http.response.status_code", "http.status_code"),
    "error": ("error.type", "exception.type"),
    "first_chunk": (
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.client.inference.time_to_first_chunk",
        "gen_ai.server.time_to_first_token",
        "gen_ai.response.time_to_first_token",
    ),
}
"""Field → attributes that state it, the present name first. Durations are seconds, as the conventions have them."""

_FIRST_EVENTS = (
    "gen_ai.content.first_chunk",
    "first_token",
    "first token",
    "gen_ai.first_token",
    "First Token Stream Event",
)


def reading(path: Path, mapping: Told) -> Reading:
    """How the file is read."""
    return documents(path, mapping, _rows)


def _rows(found: dict[str, Any]) -> Iterator[Row | str]:
    batches = found.get("resourceSpans")
    if batches is None:
        yield "expected resourceSpans, as OTLP has them"
        return
    for batch in batches:
        for scope in batch.get("scopeSpans") or batch.get("instrumentationLibrarySpans") or ():
            for span in scope.get("spans") or ():
                told = {each["key"]: _value(each.get("value") or {}) for each in span.get("attributes") or ()}
                if _is_call(told):
                    yield _row(span, told)


def _is_call(told: Mapping[str, Any]) -> bool:
    operation = told.get("gen_ai.operation.name") or told.get("llm.request.type")
    if operation is not None:
        return str(operation) in _CALLS
    return any(name in told for name in _NAMES["model"])


def _row(span: Mapping[str, Any], told: Mapping[str, Any]) -> Row:
    started, ended = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
    row: Row = {field: next((told[name] for name in names if name in told), None) for field, names in _NAMES.items()}
    if row["first_chunk"] is None:
        row["first_chunk"] = _first_event(span, started)
    failed = (span.get("status") or {}).get("code") in (2, "STATUS_CODE_ERROR")
    if failed and row["error"] is None:
        row["error"] = "error"
    return row | {
        "id": f"{span.get('traceId', '')}{span.get('spanId', '')}" or None,
        "started_at": moment(started / 1e9),
        "duration": (ended - started) / 1e9,
        "ok": False if failed else None,
    }


def _first_event(span: Mapping[str, Any], started: int) -> float | None:
    for event in span.get("events") or ():
        if event.get("name") in _FIRST_EVENTS:
            return (int(event["timeUnixNano"]) - started) / 1e9
    return None


def _value(value: Mapping[str, Any]) -> str | int | float | bool | None:
    for kind, found in value.items():
        if kind == "intValue":
            return int(found)
        if kind in ("stringValue", "boolValue", "doubleValue"):
            plain: str | int | float | bool = found
            return plain
    return None
