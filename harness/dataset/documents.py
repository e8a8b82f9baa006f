"""Owns JSON documents of one dataclass each: to text and back, every way the text can be wrong as one line. Pure.

Used by ``manifest`` and ``self_tests``; must not know their fields.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from harness.errors import DataError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def to_text(value: DataclassInstance) -> str:
    """Render a dataclass as an indented JSON object; times in ISO 8601."""
    fields = {key: each.isoformat() if isinstance(each, datetime) else each for key, each in asdict(value).items()}
    return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"


def parse(text: str, path: Path, remedy: str) -> dict[str, Any]:
    """Return the text's JSON object. Raises DataError naming ``path``."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise DataError(f"{path}: expected a JSON object, got a syntax error: {problem}; {remedy}") from None
    if not isinstance(document, dict):
        raise DataError(f"{path}: expected a JSON object, got {type(document).__name__}; {remedy}")
    return document


def from_text(kind: type[T], text: str, path: Path, remedy: str) -> T:
    """Read a dataclass back: exactly its fields, exactly their types. Raises DataError naming ``path`` and the key."""
    parse(text, path, remedy)
    try:
        return TypeAdapter(kind).validate_json(text, strict=True, extra="forbid")
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "(top level)"
        raise DataError(f"{path}: {key}: {_mismatch(first['type'], first['msg'], first['input'])}; {remedy}") from None


def _mismatch(kind: str, message: str, found: object) -> str:
    if kind.startswith("missing"):
        return "expected a value, got none"
    if kind == "unexpected_keyword_argument":
        return "expected no such key, got one"
    expectation = message[:1].lower() + message[1:]
    shown = repr(found)
    if len(shown) > 60:
        shown = shown[:57] + "…"
    return f"expected {expectation.removeprefix('input should be ')}, got {shown}"
