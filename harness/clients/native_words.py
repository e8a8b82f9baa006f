"""Owns what Anthropic's and Gemini's APIs both want otherwise than OpenAI's: system apart, only functions. Pure.

Called by the clients of their SDKs, and by the wrappers that reach them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

TEXT_INPUT: dict[str, Any] = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""Schema of a free-form tool's input, for the APIs that only know functions."""


def said_by_system(messages: Iterable[Mapping[str, str]]) -> str:
    """All system messages as one text, for the APIs that take it apart from the conversation; empty without any."""
    return "\n\n".join(message["content"] for message in messages if message["role"] == "system")


def offered(provider: str, tools: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The tools as this provider can be offered them: free-form ones as functions, but for OpenAI's."""
    if provider == "openai":
        return list(tools)
    return [{**tool, "parameters": tool["parameters"] or TEXT_INPUT} for tool in tools]
