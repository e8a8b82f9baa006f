"""The anthropic SDK, its Messages API: the native call path to Claude. One client per target.

The SDK's ``create`` has no ``temperature`` and no ``top_p`` any more, the API still has: they go in ``extra_body``. A
plain JSON mode and free-form tools the API has not: the first is left out, the second becomes one text argument.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Awaitable, Iterable
from typing import TYPE_CHECKING, Any, cast

from harness.clients import Answer, ClientFacts, Question, Target
from harness.clients.native_words import TEXT_INPUT, said_by_system
from harness.vocabulary import CALL_ID_HEADER, finish_word

if TYPE_CHECKING:
    from anthropic import Anthropic, AsyncAnthropic

FACTS = ClientFacts(
    "anthropic", "anthropic", ("httpx2", "httpx2"), ("anthropic",), subjects=("anthropic",), install="anthropic"
)

_MAX_TOKENS = 1024
"""The API demands a limit; where the workload has none."""

_IN_BODY = ("temperature", "top_p", "top_k")


def load() -> None:
    """Import the library."""
    import anthropic  # noqa: F401  (imported for its cost and for sys.modules)


def open_sync(target: Target) -> Anthropic:
    """One client, its pool kept."""
    from anthropic import Anthropic

    return Anthropic(base_url=target.root_url, api_key=target.api_key, **target.knobs("timeout", "max_retries"))


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """Keyword arguments of ``messages.create``."""
    keywords: dict[str, Any] = {
        "model": question.model,
        "max_tokens": question.max_tokens or _MAX_TOKENS,
        "messages": [message for message in question.messages if message["role"] != "system"],
        "extra_headers": {CALL_ID_HEADER: str(call_number)},
        **_parameters(question),
    }
    if system := said_by_system(question.messages):
        keywords["system"] = system
    if question.tools:
        keywords["tools"] = [_tool_shape(tool) for tool in question.tools]
    if question.stream:
        keywords["stream"] = True
    return keywords


def _parameters(question: Question) -> dict[str, Any]:
    """The parameters that the API has; effort and structure share one keyword."""
    asked, found = question.parameters, dict[str, Any]()
    if body := {name: asked[name] for name in _IN_BODY if name in asked}:
        found["extra_body"] = body
    if "stop" in asked:
        found["stop_sequences"] = [asked["stop"]] if isinstance(asked["stop"], str) else list(asked["stop"])
    config: dict[str, Any] = {}
    if "reasoning_effort" in asked:
        config["effort"] = "low" if asked["reasoning_effort"] == "minimal" else asked["reasoning_effort"]
    if question.structure is not None and question.structure["kind"] == "schema":
        config["format"] = {"type": "json_schema", "schema": question.structure["json_schema"]}
    return found | {"output_config": config} if config else found


def _tool_shape(tool: Any) -> dict[str, Any]:
    schema = tool["parameters"] or TEXT_INPUT
    return {"name": tool["name"], "description": tool["description"], "input_schema": schema}


def call(handle: Anthropic, arguments: dict[str, Any]) -> Any:
    """One whole call."""
    return handle.messages.create(**arguments)


def stream(handle: Anthropic, arguments: dict[str, Any]) -> Iterable[Any]:
    """One streamed call."""
    return cast(Iterable[Any], handle.messages.create(**arguments))


def close_sync(handle: Anthropic) -> None:
    """Close the pool."""
    handle.close()


async def open_async(target: Target) -> AsyncAnthropic:
    """One client, its pool kept."""
    from anthropic import AsyncAnthropic

    return AsyncAnthropic(base_url=target.root_url, api_key=target.api_key, **target.knobs("timeout", "max_retries"))


def acall(handle: AsyncAnthropic, arguments: dict[str, Any]) -> Awaitable[Any]:
    """One whole call."""
    return cast(Awaitable[Any], handle.messages.create(**arguments))


def astream(handle: AsyncAnthropic, arguments: dict[str, Any]) -> Awaitable[AsyncIterable[Any]]:
    """One streamed call."""
    return cast(Awaitable[AsyncIterable[Any]], handle.messages.create(**arguments))


async def close_async(handle: AsyncAnthropic) -> None:
    """Close the pool."""
    await handle.close()


def read_whole(response: Any) -> Answer:
    """Read a ``Message``."""
    text = "".join(block.text for block in response.content if block.type == "text")
    calls = tuple((block.name, json.dumps(block.input)) for block in response.content if block.type == "tool_use")
    return _answer(text, response.stop_reason, response.model, [response.usage], calls)


def read_chunks(chunks: list[Any]) -> Answer:
    """Read a list of raw stream events."""
    starts = [event.message for event in chunks if event.type == "message_start"]
    ends = [event for event in chunks if event.type == "message_delta"]
    deltas = [event for event in chunks if event.type == "content_block_delta"]
    return _answer(
        "".join(event.delta.text for event in deltas if event.delta.type == "text_delta"),
        ends[-1].delta.stop_reason if ends else None,
        starts[0].model if starts else None,
        [message.usage for message in starts] + [event.usage for event in ends],
        _gathered(chunks, deltas),
    )


def has_content(chunk: Any) -> bool:
    """Whether this chunk carries answer text or tool arguments."""
    if chunk.type != "content_block_delta":
        return False
    return bool(getattr(chunk.delta, "text", "") or getattr(chunk.delta, "partial_json", ""))


def _gathered(chunks: list[Any], deltas: list[Any]) -> tuple[tuple[str, str], ...]:
    names = {
        event.index: event.content_block.name
        for event in chunks
        if event.type == "content_block_start" and event.content_block.type == "tool_use"
    }
    pieces: dict[int, str] = dict.fromkeys(names, "")
    for event in deltas:
        if event.delta.type == "input_json_delta":
            pieces[event.index] += event.delta.partial_json
    return tuple((name, pieces[index] or "{}") for index, name in names.items())


def _answer(
    text: str, stop_reason: str | None, model: str | None, usages: list[Any], calls: tuple[tuple[str, str], ...]
) -> Answer:
    fresh, written = _last(usages, "input_tokens"), _last(usages, "cache_creation_input_tokens")
    cached = _last(usages, "cache_read_input_tokens")
    return Answer(
        text=text,
        finish_reason=finish_word(stop_reason),
        model=model,
        input_tokens=None if fresh is None else fresh + (written or 0) + (cached or 0),
        output_tokens=_last(usages, "output_tokens"),
        reasoning_tokens=getattr(_last(usages, "output_tokens_details"), "thinking_tokens", None),
        cached_tokens=cached,
        tool_calls=calls,
    )


def _last(usages: list[Any], name: str) -> Any:
    """The last figure of that name that was said: later usages are cumulative and may leave figures out."""
    return next((found for usage in reversed(usages) if (found := getattr(usage, name, None)) is not None), None)
