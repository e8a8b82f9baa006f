"""Owns the policy of ``sameness``: which spellings mean the same, which defaults say nothing, which headers ask.

Literal tables over generalised paths of a request body: ``tools[].function.name``, every list index as ``[]``, every
key in snake_case (``generationConfig.topP`` is ``generation_config.top_p``). What no table names matters: a parameter
that is added, dropped or changed asks the provider for something else. An entry needs the provider's own documentation:
two keys that it calls aliases, or a value that it documents as what holds when the key is absent. The names below the
keys of ``OWN_NAMES`` are the caller's, not the API's, and are never respelled. No logic; read by ``sameness`` alone.
"""

from __future__ import annotations

SYNONYMS: dict[str, str] = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "stop_sequences": "stop",
    "tools[].function_declarations[].parameters": "parameters_json_schema",
    "tools[].function_declarations[].response": "response_json_schema",
    "generation_config.response_schema": "response_json_schema",
}
"""Path of a key → the key it stands for, at the same place."""

HOISTED: dict[str, str] = {"output_config.format": "output_format"}
"""Path of a key → the top-level key it stands for."""

OWN_NAMES = frozenset({"properties", "$defs", "definitions", "metadata", "labels"})
"""Keys whose members are named by the caller."""

TEXT_HOLDERS = frozenset({"content", "system"})
"""Keys whose value may be a text, or a list of one text block that says the same."""

TEXT_BLOCKS = frozenset({"text", "input_text"})
"""The ``type`` of a block that holds nothing but a text."""

TEXT_OR_LIST = frozenset({"stop"})
"""Paths whose value may be one text, or a list of it."""

LONE_INPUT = "input"
"""Path of the Responses API's input, which may be a text instead of a list with one message of the user's."""

UNORDERED = frozenset({"required", "type"})
"""Keys whose value, where it is a list, is a set: JSON Schema gives the order no meaning."""

SCHEMA_ROOTS = frozenset(
    {"parameters", "parameters_json_schema", "input_schema", "schema", "response_json_schema", "response_schema"}
)
"""Keys that hold a JSON schema; ``type`` below them is a word whose case says nothing (Gemini writes ``OBJECT``)."""

EMPTY_IS_ABSENT = frozenset(
    {
        *("generation_config", "tools", "stop", "safety_settings", "metadata", "labels", "system"),
        *("properties", "required", "$defs"),
    }
)
"""Keys whose empty object or list says what their absence says. Not so everywhere: Gemini's ``google_search: {}``."""

NO_OPS: dict[str, frozenset[str]] = {
    "stream": frozenset({"false"}),
    "n": frozenset({"1"}),
    "logprobs": frozenset({"false"}),
    "presence_penalty": frozenset({"0"}),
    "frequency_penalty": frozenset({"0"}),
    "background": frozenset({"false"}),
    "service_tier": frozenset({"auto"}),
    "tool_choice": frozenset({"auto"}),
    "tool_choice.type": frozenset({"auto"}),
    "parallel_tool_calls": frozenset({"true"}),
    "truncation": frozenset({"disabled"}),
    "thinking.type": frozenset({"disabled"}),
    "generation_config.candidate_count": frozenset({"1"}),
    "tool_config.function_calling_config.mode": frozenset({"AUTO"}),
    "system_instruction.role": frozenset({"user"}),
    "input[].type": frozenset({"message"}),
    "tools[].type": frozenset({"custom"}),
    "tools[].function.strict": frozenset({"false"}),
}
"""Path → the values that it has, by the provider's documentation, when it is absent. ``tools[].type`` is Anthropic's;
OpenAI's tools always have one, so that there it is never absent."""

SAYS_NOTHING = frozenset({"messages[].tool_calls[].index"})
"""Paths that a provider ignores whatever their value."""

EMPTY_TEXT_SAYS_NOTHING = frozenset({"description", "title"})
"""Keys whose empty text says what their absence says."""

ASKING_HEADERS = frozenset({"anthropic-version", "anthropic-beta", "openai-beta"})
"""The headers that change what is asked; every other one says who asks, over which connection, with which key."""

LIST_HEADERS = frozenset({"anthropic-beta", "openai-beta"})
"""Headers whose value is a comma-separated set."""

CREDENTIALS = frozenset({"key", "api_key"})
"""Query parameters that say who asks."""
