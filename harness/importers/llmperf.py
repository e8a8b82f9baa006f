"""LLMPerf's results: ``…_individual_responses.json``, a list with one object per request, in seconds.

``error_code`` −100 means that fewer tokens came than were asked for: an answer all the same. Of a failed request
LLMPerf writes latency 0, which is no measurement. It keeps the mean time between tokens, not the longest silence, so
nothing here says anything about gaps. Times of day are not kept at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.dataset.foreign.given import OF_ROWS, Constant, Reading, Rows, Shape
from harness.errors import DataError
from harness.importers.mapping import Mapping, table

SUMMARY = "LLMPerf's individual responses (.json), or a table of them (.csv) such as its leaderboard's"

_TOO_FEW_TOKENS = -100


def reading(path: Path, mapping: Mapping) -> Reading:
    """How the results are read: JSON as LLMPerf writes it, else a table."""
    if re.search(r"\.json$", path.name.lower()) is None:
        return table(path, Shape.CSV, mapping)
    return Reading(path, Shape.ROWS, mapping.over(iter(OF_ROWS)), mapping.text, Rows(_rows))


def _rows(path: Path) -> Iterator[dict[str, Constant | None] | str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise DataError(f"{path}: expected LLMPerf's individual responses, got no JSON") from None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise DataError(f"{path}: expected a list of LLMPerf's responses, got other JSON")
    yield from map(_row, found)


def _row(each: dict[str, Any]) -> dict[str, Constant | None] | str:
    if "end_to_end_latency_s" not in each:
        return "expected a response of LLMPerf's, with end_to_end_latency_s"
    code = each.get("error_code")
    is_ok = code in (None, "", _TOO_FEW_TOKENS)
    spans = {"duration": each["end_to_end_latency_s"], "first_chunk": each.get("ttft_s")} if is_ok else {}
    return {
        "model": each.get("model"),
        "stream": True,
        "ok": is_ok,
        "error": None if is_ok else f"{code}: {each.get('error_msg') or ''}",
        "input_tokens": each.get("number_input_tokens"),
        "output_tokens": each.get("number_output_tokens"),
        **spans,
    }
