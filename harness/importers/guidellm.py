"""GuideLLM's ``benchmarks.json``: requests that succeeded, failed or were left incomplete, in every benchmark of it.

``request_latency`` is seconds, ``time_to_first_token_ms`` what it says, and ``inter_token_latency_ms`` a mean, which
says nothing about silences.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.dataset.foreign.given import Reading
from harness.importers.documents import Row, at, documents, moment, seconds
from harness.importers.mapping import Mapping as Told

SUMMARY = "GuideLLM benchmarks.json"

_OUTCOMES = (("successful", True, None), ("errored", False, "error"), ("incomplete", False, "cancelled"))


def reading(path: Path, mapping: Told) -> Reading:
    """How the file is read."""
    return documents(path, mapping, _rows)


def _rows(found: dict[str, Any]) -> Iterator[Row | str]:
    benchmarks = found.get("benchmarks")
    if benchmarks is None:
        yield "expected benchmarks, as GuideLLM writes them"
        return
    for benchmark in benchmarks:
        model = at(benchmark, "worker.backend_model", "config.backend.model", "args.model", "benchmarker.backend.model")
        requests = benchmark.get("requests") or benchmark.get("request_samples") or {}
        for outcome, ok, error in _OUTCOMES:
            for each in requests.get(outcome) or ():
                yield _row(each, model, ok=ok, error=error)


def _row(each: dict[str, Any], model: str | None, *, ok: bool, error: str | None) -> Row:
    started = at(each, "start_time", "request_start_time", "info.timings.request_start", "scheduler_info.worker_start")
    ended = at(each, "end_time", "request_end_time", "info.timings.request_end", "scheduler_info.worker_end")
    elapsed = ended - started if isinstance(started, int | float) and isinstance(ended, int | float) else None
    first = seconds(at(each, "time_to_first_token_ms"), "ms")
    return {
        "id": at(each, "request_id"),
        "started_at": moment(started),
        "model": at(each, "model") or model,
        "stream": first is not None,
        "duration": seconds(at(each, "request_latency"), "s") or elapsed,
        "first_chunk": first,
        "input_tokens": at(each, "prompt_tokens", "input_metrics.text_tokens"),
        "output_tokens": at(each, "output_tokens", "output_metrics.text_tokens"),
        "ok": ok,
        "error": None if ok else str(at(each, "error") or error),
    }
