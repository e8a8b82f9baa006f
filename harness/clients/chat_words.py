"""Owns the keyword shapes of OpenAI's chat completions, which several libraries took over: tools, response format,
usage details. Pure. Called by the clients that speak them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def tool_shapes(tools: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Tools as functions with ``strict``; a free-form tool as a custom one."""
    return [_tool_shape(tool) for tool in tools]


def _tool_shape(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool["parameters"] is None:
        return {"type": "custom", "custom": {"name": tool["name"], "description": tool["description"]}}
    return {"type": "function", "function": {**tool, "strict": True}}


def response_format(structure: Mapping[str, Any]) -> dict[str, Any]:
    """``json_object``, or ``json_schema`` with ``strict``."""
    if structure["kind"] == "json":
        return {"type": "json_object"}
    schema = {"name": structure["name"], "schema": structure["json_schema"], "strict": True}
    return {"type": "json_schema", "json_schema": schema}


def reasoning_and_cached(usage: Any) -> tuple[int | None, int | None]:
    """(reasoning, cached) tokens of a usage object with OpenAI's details; None where it does not say."""
    produced = getattr(usage, "completion_tokens_details", None)
    read = getattr(usage, "prompt_tokens_details", None)
    return getattr(produced, "reasoning_tokens", None), getattr(read, "cached_tokens", None)
