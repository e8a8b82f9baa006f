"""LiteLLM's spend logs (``LiteLLM_SpendLogs``), exported as CSV, Parquet or JSON lines, or in their database.

``completionStartTime`` is the first chunk of a stream and equals ``endTime`` for whole answers: that tells the two
apart. ``startTime`` is before the proxy's own work; what it added is in the wait, as it is for the caller. Messages,
answers, keys, users and addresses are never read.
"""

from __future__ import annotations

from pathlib import Path

from harness.dataset.foreign.fields import BY_NAME
from harness.dataset.foreign.given import Given, Reading, Shape, named
from harness.importers.mapping import Mapping, table

SUMMARY = "LiteLLM's table LiteLLM_SpendLogs as .csv, .parquet or .jsonl, or a postgresql:// address"

_SHAPES = {".parquet": Shape.PARQUET, ".jsonl": Shape.JSONL, ".ndjson": Shape.JSONL}

_FIXED = (
    named("id", "request_id"),
    named("started_at", "startTime"),
    named("ended_at", "endTime"),
    named("first_chunk_at", "completionStartTime"),
    named("provider", "custom_llm_provider"),
    named("model", "model"),
    named("input_tokens", "prompt_tokens"),
    named("output_tokens", "completion_tokens"),
    named("cost_usd", "spend"),
    named("ok", "status"),
    named("from_cache", "cache_hit"),
    Given(BY_NAME["client"], constant="litellm"),
)

COLUMNS = tuple(each.column for each in _FIXED if each.column is not None)
"""What is read of the table, and nothing else."""


def reading(path: Path, mapping: Mapping) -> Reading:
    """How the export is read."""
    return table(path, _SHAPES.get(path.suffix.lower(), Shape.CSV), mapping, *_FIXED)
