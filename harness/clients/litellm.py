"""LiteLLM's ``completion`` and ``acompletion``: the wrapper under test. Its own client cache keeps the
connection, because every call passes the same base URL, key and constant timeout.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Iterable
from dataclasses import replace
from typing import Any, cast

from harness.clients import Answer, ClientFacts, Question, Target, openai
from harness.clients.chat_words import response_format, tool_shapes
from harness.clients.native_words import offered
from harness.vocabulary import CALL_ID_HEADER

FACTS = ClientFacts(
    "litellm",
    "litellm",
    ("httpx", "aiohttp"),
    ("openai", "anthropic", "gemini"),
    subjects=("litellm", "openai"),
    extras=("aiohttp",),
    install="litellm",
)

API_BASE = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta"}
"""What LiteLLM wants of a provider's URL; for Anthropic it appends the version itself."""


def load() -> None:
    """Import the library."""
    import litellm  # noqa: F401  (imported for its cost and for sys.modules)


def open_sync(target: Target) -> Any:
    """LiteLLM has no client object of its own: the handle is its function."""
    import litellm

    return litellm.completion


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """Keyword arguments of ``completion``."""
    return keywords(question, call_number) | destination(f"{question.provider}/{question.model}", target)


def destination(model: str, target: Target) -> dict[str, Any]:
    """The keyword arguments that say where a call goes; ``model`` is ``provider/model``."""
    provider, _, _ = model.partition("/")
    return {
        "model": model,
        "api_base": target.root_url + API_BASE[provider],
        "api_key": target.api_key,
        **target.knobs("timeout", "num_retries" if target.retries else "max_retries"),
    }


def keywords(question: Question, call_number: int) -> dict[str, Any]:
    """The keyword arguments that do not depend on where the call goes. Parameters that the provider's API does not
    have are dropped, which LiteLLM refuses to do unasked.
    """
    found: dict[str, Any] = {
        "messages": list(question.messages),
        "extra_headers": {CALL_ID_HEADER: str(call_number)},
        **question.parameters,
    }
    if question.parameters:
        found["drop_params"] = True
    if question.max_tokens is not None:
        found["max_completion_tokens"] = question.max_tokens
    if question.tools:
        found["tools"] = tool_shapes(offered(question.provider, question.tools))
    if question.structure is not None:
        found["response_format"] = response_format(question.structure)
    if question.stream:
        found |= {"stream": True, "stream_options": {"include_usage": True}}
    return found


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
