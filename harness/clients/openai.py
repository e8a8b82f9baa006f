"""The openai SDK, its chat completions: the native call path. One client per target."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Iterable
from typing import TYPE_CHECKING, Any, cast

from harness.clients import Answer, ClientFacts, Question, Target
from harness.clients.chat_words import reasoning_and_cached, response_format, tool_shapes
from harness.vocabulary import CALL_ID_HEADER, finish_word

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

FACTS = ClientFacts(
    "openai",
    "openai",
    ("httpx", "httpx"),
    ("openai",),
    subjects=("openai",),
    install="openai",
    http_of_release={"3": ("httpx2", "httpx2")},
)


def load() -> None:
    """Import the library."""
    import openai  # noqa: F401  (imported for its cost and for sys.modules)


def open_sync(target: Target) -> OpenAI:
    """One client, its pool kept."""
    from openai import OpenAI

    return OpenAI(base_url=target.root_url + "/v1", api_key=target.api_key, **knobs(target))


def knobs(target: Target) -> dict[str, Any]:
    """The limits that the SDK is given, in its own words."""
    return target.knobs("timeout", "max_retries")


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """Keyword arguments of ``chat.completions.create``."""
    keywords: dict[str, Any] = {
        "model": question.model,
        "messages": list(question.messages),
        "extra_headers": {CALL_ID_HEADER: str(call_number)},
        **question.parameters,
    }
    if question.max_tokens is not None:
        keywords["max_completion_tokens"] = question.max_tokens
    if question.tools:
        keywords["tools"] = tool_shapes(question.tools)
    if question.structure is not None:
        keywords["response_format"] = response_format(question.structure)
    if question.stream:
        keywords |= {"stream": True, "stream_options": {"include_usage": True}}
    return keywords


def call(handle: OpenAI, arguments: dict[str, Any]) -> Any:
    """One whole call."""
    return handle.chat.completions.create(**arguments)


def stream(handle: OpenAI, arguments: dict[str, Any]) -> Iterable[Any]:
    """One streamed call."""
    return cast(Iterable[Any], handle.chat.completions.create(**arguments))


def close_sync(handle: OpenAI) -> None:
    """Close the pool."""
    handle.close()


async def open_async(target: Target) -> AsyncOpenAI:
    """One client, its pool kept."""
    from openai import AsyncOpenAI

    return AsyncOpenAI(base_url=target.root_url + "/v1", api_key=target.api_key, **knobs(target))


def acall(handle: AsyncOpenAI, arguments: dict[str, Any]) -> Awaitable[Any]:
    """One whole call."""
    return cast(Awaitable[Any], handle.chat.completions.create(**arguments))


def astream(handle: AsyncOpenAI, arguments: dict[str, Any]) -> Awaitable[AsyncIterable[Any]]:
    """One streamed call."""
    return cast(Awaitable[AsyncIterable[Any]], handle.chat.completions.create(**arguments))


async def close_async(handle: AsyncOpenAI) -> None:
    """Close the pool."""
    await handle.close()


def read_whole(response: Any) -> Answer:
    """Read a ``ChatCompletion``."""
    choice = response.choices[0]
    calls = tuple(_called(call) for call in choice.message.tool_calls or ())
    return _answer(choice.message.content or "", choice.finish_reason, response.model, response.usage, calls)


def read_chunks(chunks: list[Any]) -> Answer:
    """Read a list of ``ChatCompletionChunk``."""
    choices = [choice for chunk in chunks for choice in chunk.choices]
    text = "".join(choice.delta.content or "" for choice in choices)
    reasons = [choice.finish_reason for choice in choices if choice.finish_reason]
    usages = [chunk.usage for chunk in chunks if getattr(chunk, "usage", None)]
    model = chunks[0].model if chunks else None
    return _answer(text, reasons[-1] if reasons else None, model, usages[-1] if usages else None, _gathered(choices))


def has_content(chunk: Any) -> bool:
    """Whether this chunk carries answer text or tool arguments."""
    return any(choice.delta.content or choice.delta.tool_calls for choice in chunk.choices)


def _gathered(choices: list[Any]) -> tuple[tuple[str, str], ...]:
    found: dict[int, list[str]] = {}
    for choice in choices:
        for part in choice.delta.tool_calls or ():
            name, arguments = _called(part)
            whole = found.setdefault(part.index, ["", ""])
            whole[0] += name
            whole[1] += arguments
    return tuple((name, arguments) for name, arguments in found.values())


def _called(call: Any) -> tuple[str, str]:
    if call.type == "custom":
        custom = call.custom
        return custom["name"] if isinstance(custom, dict) else custom.name, (
            custom["input"] if isinstance(custom, dict) else custom.input
        )
    return call.function.name or "", call.function.arguments or ""


def _answer(
    text: str, finish_reason: str | None, model: str | None, usage: Any, calls: tuple[tuple[str, str], ...]
) -> Answer:
    reasoning, cached = reasoning_and_cached(usage)
    return Answer(
        text=text,
        finish_reason=finish_word(finish_reason),
        model=model,
        input_tokens=getattr(usage, "prompt_tokens", None),
        output_tokens=getattr(usage, "completion_tokens", None),
        reasoning_tokens=reasoning,
        cached_tokens=cached,
        tool_calls=calls,
    )
