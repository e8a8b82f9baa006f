"""A chain that is often recommended: LiteLLM first, and the provider's own SDK of a second provider when it fails.

Whatever LiteLLM raises, the second link is asked; a stream is begun anew there, also when its first part was handed on
already: that is what such code does. What comes back says by its shape which link it is from.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import replace
from typing import Any

from harness.clients import Answer, ClientFacts, Question, Target, anthropic, litellm

FACTS = ClientFacts(
    "hybrid_chain",
    "litellm",
    ("httpx", "aiohttp"),
    ("openai",),
    subjects=("litellm", "openai", "anthropic"),
    extras=("aiohttp",),
    needs=("anthropic",),
    install="litellm anthropic",
)


def load() -> None:
    """Import both libraries."""
    litellm.load()
    anthropic.load()


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """Keyword arguments of both links."""
    second = replace(question, provider="anthropic", model=target.fallback_model.partition("/")[2])
    return {
        "first": litellm.arguments(question, target, call_number),
        "second": anthropic.arguments(second, target.fallback, call_number),
    }


def open_sync(target: Target) -> tuple[Any, Any]:
    """Both clients."""
    return litellm.open_sync(target), anthropic.open_sync(target.fallback)


def call(handle: tuple[Any, Any], arguments: dict[str, Any]) -> Any:
    """One whole call of one link or the other."""
    try:
        return litellm.call(handle[0], arguments["first"])
    except Exception:  # noqa: BLE001  whatever the first link raises, the second is asked
        return anthropic.call(handle[1], arguments["second"])


def stream(handle: tuple[Any, Any], arguments: dict[str, Any]) -> Iterable[Any]:
    """One streamed call of one link, and then perhaps of the other."""

    def chunks() -> Iterator[Any]:
        try:
            yield from litellm.stream(handle[0], arguments["first"])
        except Exception:  # noqa: BLE001  whatever the first link raises, the second is asked
            yield from anthropic.stream(handle[1], arguments["second"])

    return chunks()


def close_sync(handle: tuple[Any, Any]) -> None:
    """Close both."""
    litellm.close_sync(handle[0])
    anthropic.close_sync(handle[1])


async def open_async(target: Target) -> tuple[Any, Any]:
    """Both clients."""
    return await litellm.open_async(target), await anthropic.open_async(target.fallback)


async def acall(handle: tuple[Any, Any], arguments: dict[str, Any]) -> Any:
    """One whole call of one link or the other."""
    try:
        return await litellm.acall(handle[0], arguments["first"])
    except Exception:  # noqa: BLE001  whatever the first link raises, the second is asked
        return await anthropic.acall(handle[1], arguments["second"])


async def astream(handle: tuple[Any, Any], arguments: dict[str, Any]) -> AsyncIterable[Any]:
    """One streamed call of one link, and then perhaps of the other."""

    async def chunks() -> AsyncIterator[Any]:
        try:
            async for chunk in await litellm.astream(handle[0], arguments["first"]):
                yield chunk
        except Exception:  # noqa: BLE001  whatever the first link raises, the second is asked
            async for chunk in await anthropic.astream(handle[1], arguments["second"]):
                yield chunk

    return chunks()


async def close_async(handle: tuple[Any, Any]) -> None:
    """Close both."""
    await litellm.close_async(handle[0])
    await anthropic.close_async(handle[1])


def _is_second(said: Any) -> bool:
    return type(said).__module__.startswith("anthropic.")


def read_whole(response: Any) -> Answer:
    """Read whichever link's answer it is."""
    return anthropic.read_whole(response) if _is_second(response) else litellm.read_whole(response)


def read_chunks(chunks: list[Any]) -> Answer:
    """Read a stream; one that changed links in the middle has both texts, as its reader would."""
    first = [chunk for chunk in chunks if not _is_second(chunk)]
    second = [chunk for chunk in chunks if _is_second(chunk)]
    if not second:
        return litellm.read_chunks(first)
    answer = anthropic.read_chunks(second)
    return replace(answer, text=litellm.read_chunks(first).text + answer.text) if first else answer


def has_content(chunk: Any) -> bool:
    """Whether this chunk carries answer text."""
    return anthropic.has_content(chunk) if _is_second(chunk) else litellm.has_content(chunk)
