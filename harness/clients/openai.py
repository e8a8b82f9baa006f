"""The openai SDK, its chat completions: the native call path. Retries off; one client per target."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Iterable
from typing import TYPE_CHECKING, Any, cast

from harness.clients import Answer, ClientFacts, Question, Target
from harness.vocabulary import CALL_ID_HEADER

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

FACTS = ClientFacts("openai", "openai", sync_http="httpx", async_http="httpx", label="openai SDK", below="raw_http")


def load() -> None:
    """Import the library."""
    import openai  # noqa: F401  (imported for its cost and for sys.modules)


def open_sync(target: Target) -> OpenAI:
    """One client, its pool kept."""
    from openai import OpenAI

    return OpenAI(base_url=target.base_url, api_key=target.api_key, timeout=target.timeout_s, max_retries=0)


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

    return AsyncOpenAI(base_url=target.base_url, api_key=target.api_key, timeout=target.timeout_s, max_retries=0)


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
    return _answer(choice.message.content or "", choice.finish_reason, response.model, response.usage)


def read_chunks(chunks: list[Any]) -> Answer:
    """Read a list of ``ChatCompletionChunk``."""
    choices = [choice for chunk in chunks for choice in chunk.choices]
    text = "".join(choice.delta.content or "" for choice in choices)
    reasons = [choice.finish_reason for choice in choices if choice.finish_reason]
    usages = [chunk.usage for chunk in chunks if getattr(chunk, "usage", None)]
    model = chunks[0].model if chunks else None
    return _answer(text, reasons[-1] if reasons else None, model, usages[-1] if usages else None)


def has_content(chunk: Any) -> bool:
    """Whether this chunk carries answer text."""
    return any(choice.delta.content for choice in chunk.choices)


def _answer(text: str, finish_reason: str | None, model: str | None, usage: Any) -> Answer:
    details = getattr(usage, "completion_tokens_details", None)
    return Answer(
        text=text,
        finish_reason=finish_reason,
        model=model,
        input_tokens=getattr(usage, "prompt_tokens", None),
        output_tokens=getattr(usage, "completion_tokens", None),
        reasoning_tokens=getattr(details, "reasoning_tokens", None),
    )
