"""Owns the keyword shapes of OpenAI's Responses API, which LiteLLM took over: input, tools, text format. Pure.

Called by the clients that speak it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.clients import Question
from harness.vocabulary import CALL_ID_HEADER, Operation

_SAME_NAME = ("temperature", "top_p")


def keywords(question: Question, call_number: int) -> dict[str, Any]:
    """Everything but the model and where the call goes. A background job is stored: else nobody could ask for it."""
    found: dict[str, Any] = {
        "input": list(question.messages),
        "extra_headers": {CALL_ID_HEADER: str(call_number)},
        **{name: question.parameters[name] for name in _SAME_NAME if name in question.parameters},
    }
    if "reasoning_effort" in question.parameters:
        found["reasoning"] = {"effort": question.parameters["reasoning_effort"]}
    if question.max_tokens is not None:
        found["max_output_tokens"] = question.max_tokens
    if question.tools:
        found["tools"] = [_tool_shape(tool) for tool in question.tools]
    if question.structure is not None:
        found["text"] = {"format": _text_format(question.structure)}
    if question.operation == Operation.BACKGROUND:
        found |= {"background": True, "store": True}
    if question.stream:
        found["stream"] = True
    return found


def _tool_shape(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool["parameters"] is None:
        return {"type": "custom", "name": tool["name"], "description": tool["description"]}
    return {"type": "function", **tool, "strict": True}


def _text_format(structure: Mapping[str, Any]) -> dict[str, Any]:
    if structure["kind"] == "json":
        return {"type": "json_object"}
    return {"type": "json_schema", "name": structure["name"], "schema": structure["json_schema"], "strict": True}
