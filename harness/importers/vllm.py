"""vLLM's ``bench serve --save-result --save-detailed``: seconds to the first token and between all others, per request.

A request's whole time is the sum of them where it is not written out; its longest silence is the largest of its gaps.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.dataset.foreign.given import Reading
from harness.importers.documents import Row, documents, moment
from harness.importers.mapping import Mapping as Told

SUMMARY = "vLLM bench serve results with --save-detailed (.json)"


def reading(path: Path, mapping: Told) -> Reading:
    """How the file is read."""
    return documents(path, mapping, _rows)


def _rows(found: dict[str, Any]) -> Iterator[Row | str]:
    firsts, gaps = found.get("ttfts"), found.get("itls")
    if firsts is None or gaps is None:
        yield "expected ttfts and itls of every request: save results with --save-detailed"
        return
    model = found.get("model_id") or found.get("model")
    for place, (first, between) in enumerate(zip(firsts, gaps, strict=True)):
        error = _at(found, "errors", place)
        ok = not error
        yield {
            "model": model,
            "stream": True,
            "started_at": moment(_at(found, "start_times", place)) if _is_wall(found, place) else None,
            "duration": (_at(found, "e2els", place) or first + sum(between)) if ok else None,
            "first_chunk": first if ok else None,
            "max_gap": max(between, default=None) if ok else None,
            "chunks": len(between) + 1 if ok else None,
            "input_tokens": _at(found, "input_lens", place),
            "output_tokens": _at(found, "output_lens", place),
            "ok": ok,
            "error": error or None,
        }


def _is_wall(found: dict[str, Any], place: int) -> bool:
    """Whether start times are wall clock; a performance counter's are small."""
    started = _at(found, "start_times", place)
    return isinstance(started, int | float) and started > 1e9


def _at(found: dict[str, Any], name: str, place: int) -> Any:
    values = found.get(name)
    return values[place] if isinstance(values, list) and place < len(values) else None
