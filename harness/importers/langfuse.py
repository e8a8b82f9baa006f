"""Langfuse's observations as exported (JSON, JSON lines, or CSV): those of type GENERATION. Inputs and outputs are not
looked at; ``latency`` and ``timeToFirstToken`` are seconds, as Langfuse has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.dataset.foreign.given import Reading, named
from harness.importers.documents import Row, at, moment, table_or_documents
from harness.importers.mapping import Mapping as Told

SUMMARY = "Langfuse observations (.json, .jsonl or .csv)"

_OF_CSV = (
    named("id", "id"),
    named("started_at", "startTime"),
    named("ended_at", "endTime"),
    named("first_chunk_at", "completionStartTime"),
    named("model", "model"),
    named("duration", "latency", "s"),
    named("first_chunk", "timeToFirstToken", "s"),
    named("input_tokens", "inputUsage"),
    named("output_tokens", "outputUsage"),
    named("cost_usd", "totalCost"),
)


def reading(path: Path, mapping: Told) -> Reading:
    """How the export is read."""
    return table_or_documents(path, mapping, _OF_CSV, _rows)


def _rows(found: dict[str, Any]) -> Iterator[Row | str]:
    kind = found.get("type")
    if kind is None:
        yield "expected an observation with its type"
    elif kind == "GENERATION":
        yield _row(found)


def _row(found: dict[str, Any]) -> Row:
    failed = found.get("level") == "ERROR"
    return {
        "id": found.get("id"),
        "started_at": moment(at(found, "startTime", "start_time")),
        "ended_at": moment(at(found, "endTime", "end_time")),
        "first_chunk_at": moment(at(found, "completionStartTime", "completion_start_time")),
        "model": at(found, "model", "providedModelName"),
        "max_tokens": at(found, "modelParameters.max_tokens", "modelParameters.max_completion_tokens"),
        "input_tokens": at(found, "usageDetails.input", "usage.input", "promptTokens"),
        "output_tokens": at(found, "usageDetails.output", "usage.output", "completionTokens"),
        "cost_usd": at(found, "costDetails.total", "calculatedTotalCost", "totalCost"),
        "ok": not failed,
        "error": (at(found, "statusMessage") or "error") if failed else None,
    }
