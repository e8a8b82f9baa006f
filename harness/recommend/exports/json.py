"""The settings as the published JSON document (``recommendations.json``), valid against ``schema()``.

Sorted and without the day of export: the same runs give the same bytes. Called through ``exports`` and by
``recommend.write_recommendations``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib import resources
from typing import Any

from harness.recommend.setting import Setting

SCHEMA_VERSION = 1


def export(settings: Iterable[Setting], run_ids: Sequence[str], date: str = "") -> str:
    """The document as text, ``date`` unused. Lone surrogates in foreign names come out as JSON escapes."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "generated_from": sorted(set(run_ids)),
        "settings": sorted((asdict(setting) for setting in settings), key=_order),
    }
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every document satisfies."""
    text = resources.files("harness.recommend").joinpath("recommendations.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _order(setting: dict[str, Any]) -> str:
    return json.dumps([setting["setting"], *setting["applies_to"].values(), setting])
