"""Owns our own validator of structured answers: JSON text against the part of JSON Schema that providers accept.

One judge for all clients, whose own verdicts stand beside it. Written here because a measured process may not load a
schema library that its subject does not bring. Pure; called by ``load.bench``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
    "integer": (int,),
}


def problem_with(text: str, structure: Mapping[str, Any]) -> str | None:
    """The first thing wrong with the text as ``path: expected …, got …``, or None when it is valid."""
    try:
        value = json.loads(text)
    except ValueError:
        return f"$: expected JSON, got {text[:40]!r}"
    if structure["kind"] == "json":
        return None if isinstance(value, dict) else f"$: expected an object, got {type(value).__name__}"
    return next(_problems(value, structure["json_schema"], "$"), None)


def _problems(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if "anyOf" in schema:
        if not any(next(_problems(value, option, path), None) is None for option in schema["anyOf"]):
            yield f"{path}: expected one of {len(schema['anyOf'])} forms, got none of them"
        return
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield f"{path}: expected {' or '.join(kinds)}, got {type(value).__name__}"
        return
    if "enum" in schema and not any(_equal(value, allowed) for allowed in schema["enum"]):
        yield f"{path}: expected one of {schema['enum']}, got {value!r}"
    if "const" in schema and not _equal(value, schema["const"]):
        yield f"{path}: expected {schema['const']!r}, got {value!r}"
    if isinstance(value, dict):
        yield from _in_object(value, schema, path)
    elif isinstance(value, list):
        yield from _in_array(value, schema, path)
    elif isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{path}: expected text matching {schema['pattern']}, got {value!r}"
    elif isinstance(value, int | float) and not isinstance(value, bool) and not _within_bounds(value, schema):
        yield f"{path}: expected a number within its bounds, got {value}"


def _equal(value: Any, allowed: Any) -> bool:
    """JSON's equality of scalars: true is not 1, as it is in Python."""
    return isinstance(value, bool) == isinstance(allowed, bool) and value == allowed


def _within_bounds(value: float, schema: Any) -> bool:
    return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind])


def _in_object(value: dict[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{path}.{name}: expected a value, got nothing"
    for name, inner in value.items():
        if name in properties:
            yield from _problems(inner, properties[name], f"{path}.{name}")
        elif schema.get("additionalProperties", True) is False:
            yield f"{path}.{name}: expected no such member, got one"


def _in_array(value: list[Any], schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if len(value) < schema.get("minItems", 0) or len(value) > schema.get("maxItems", len(value)):
        yield f"{path}: expected a number of items within its bounds, got {len(value)}"
    for index, inner in enumerate(value):
        yield from _problems(inner, schema.get("items", {}), f"{path}[{index}]")
