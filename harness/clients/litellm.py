"""LiteLLM's ``completion`` and ``acompletion``: the wrapper under test. Retries off; its own client cache keeps the
connection, because every call passes the same base URL, key and constant timeout.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Iterable
from dataclasses import replace
from typing import Any, cast

from harness.clients import Answer, ClientFacts, Question, Target, openai
from harness.vocabulary import CALL_ID_HEADER

FACTS = ClientFacts("litellm", "litellm", sync_http="httpx", async_http="aiohttp", label="LiteLLM", below="openai")


def load() -> None:
    """Import the library."""
    import litellm  # noqa: F401  (imported for its cost and for sys.modules)


def open_sync(target: Target) -> Any:
    """LiteLLM has no client object of its own: the handle is its function."""
    import litellm

    return litellm.completion


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """Keyword arguments of ``completion``."""
    keywords: dict[str, Any] = {
        "model": f"{question.provider}/{question.model}",
        "messages": list(question.messages),
        "api_base": target.base_url,
        "api_key": target.api_key,
        "timeout": target.timeout_s,
        "max_retries": 0,
        "extra_headers": {CALL_ID_HEADER: str(call_number)},
        **question.parameters,
    }
    if question.max_tokens is not None:
        keywords["max_completion_tokens"] = question.max_tokens
    if question.stream:
        keywords |= {"stream": True, "stream_options": {"include_usage": True}}
    return keywords


def call(handle: Any, arguments: dict[str, Any]) -> Any:
    """One whole call."""
    return handle(**arguments)


def stream(handle: Any, arguments: dict[str, Any]) -> Iterable[Any]:
    """One streamed call."""
    return cast(Iterable[Any], handle(**arguments))


def close_sync(handle: Any) -> None:
    """Nothing to give back: LiteLLM's cache owns the pool."""


async def open_async(target: Target) -> Any:
    """LiteLLM has no client object of its own: the handle is its function."""
    import litellm

    return litellm.acompletion


def acall(handle: Any, arguments: dict[str, Any]) -> Awaitable[Any]:
    """One whole call."""
    return cast(Awaitable[Any], handle(**arguments))


def astream(handle: Any, arguments: dict[str, Any]) -> Awaitable[AsyncIterable[Any]]:
    """One streamed call."""
    return cast(Awaitable[AsyncIterable[Any]], handle(**arguments))


async def close_async(handle: Any) -> None:
    """Close what LiteLLM opened on this loop."""
    import litellm

    await litellm.close_litellm_async_clients()  # type: ignore[attr-defined, no-untyped-call]


def read_whole(response: Any) -> Answer:
    """Read a ``ModelResponse`` and what LiteLLM says of cost and of its own overhead."""
    hidden = getattr(response, "_hidden_params", None) or {}
    return replace(
        openai.read_whole(response),
        cost_usd=hidden.get("response_cost"),
        reported_overhead_ms=hidden.get("litellm_overhead_time_ms"),
    )


def read_chunks(chunks: list[Any]) -> Answer:
    """Read a list of ``ModelResponseStream``; the cost is in the usage chunk, where there is one."""
    answer = openai.read_chunks(chunks)
    usages = [chunk.usage for chunk in chunks if getattr(chunk, "usage", None)]
    return replace(answer, cost_usd=getattr(usages[-1], "cost", None) if usages else None)


def has_content(chunk: Any) -> bool:
    """Whether this chunk carries answer text."""
    return openai.has_content(chunk)
