"""NVIDIA AIPerf's ``profile_export.jsonl``: one line per request, every metric with its unit beside it.

The longest silence is the largest of ``inter_chunk_latency``, where the run kept chunks. The lines do not name the
model: say it with a mapping (``[constants] model = "…"``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.dataset.foreign.given import Reading
from harness.importers.documents import Row, at, documents, moment, seconds
from harness.importers.mapping import Mapping as Told

SUMMARY = "NVIDIA AIPerf profile_export.jsonl; name the model in a mapping"


def reading(path: Path, mapping: Told) -> Reading:
    """How the file is read."""
    return documents(path, mapping, _rows)


def _rows(found: dict[str, Any]) -> Iterator[Row | str]:
    told, metrics = found.get("metadata"), found.get("metrics") or {}
    if told is None:
        yield "expected a record with metadata and metrics"
        return
    started, ended = told["request_start_ns"], told.get("request_end_ns")
    error = found.get("error")
    first = _seconds(metrics, "time_to_first_token")
    gaps = at(metrics, "inter_chunk_latency.value")
    unit = at(metrics, "inter_chunk_latency.unit")
    elapsed = (ended - started) / 1e9 if ended is not None else None
    yield {
        "id": told.get("x_request_id"),
        "started_at": moment(started / 1e9),
        "model": found.get("model"),
        "stream": first is not None or told.get("request_ack_ns") is not None,
        "duration": _seconds(metrics, "request_latency") or elapsed,
        "first_chunk": first,
        "max_gap": seconds(max(gaps), unit) if isinstance(gaps, list) and gaps else None,
        "chunks": len(gaps) + 1 if isinstance(gaps, list) else None,
        "input_tokens": at(metrics, "input_sequence_length.value", "error_isl.value"),
        "output_tokens": at(metrics, "output_sequence_length.value"),
        "reasoning_tokens": at(metrics, "reasoning_token_count.value"),
        "ok": error is None,
        "status": _status(error),
        "error": None if error is None else str(error.get("type") or "error"),
    }


def _status(error: Mapping[str, Any] | None) -> int | None:
    """The HTTP status of a failure; 499 is AIPerf's own for a request that it cancelled."""
    code = None if error is None else error.get("code")
    return code if isinstance(code, int) and 400 <= code <= 599 and code != 499 else None


def _seconds(metrics: Mapping[str, Any], name: str) -> float | None:
    found = metrics.get(name)
    return None if found is None else seconds(found["value"], found["unit"])
