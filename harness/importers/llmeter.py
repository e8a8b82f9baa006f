"""LLMeter's ``responses.jsonl``: seconds to the first and to the last token, a line per request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.dataset.foreign.given import Reading
from harness.importers.documents import Row, at, documents, moment, seconds
from harness.importers.mapping import Mapping as Told

SUMMARY = "LLMeter responses.jsonl; name the model in a mapping"


def reading(path: Path, mapping: Told) -> Reading:
    """How the file is read."""
    return documents(path, mapping, _rows)


def _rows(found: dict[str, Any]) -> Iterator[Row | str]:
    if "time_to_last_token" not in found:
        yield "expected a response of LLMeter's, with time_to_last_token"
        return
    error = found.get("error")
    first = seconds(found.get("time_to_first_token"), "s")
    yield {
        "id": found.get("id"),
        "started_at": moment(at(found, "request_time")),
        "model": at(found, "model_id", "model"),
        "stream": first is not None,
        "duration": seconds(found["time_to_last_token"], "s"),
        "first_chunk": first,
        "input_tokens": at(found, "num_tokens_input"),
        "output_tokens": at(found, "num_tokens_output"),
        "ok": not error,
        "error": str(error) if error else None,
    }
