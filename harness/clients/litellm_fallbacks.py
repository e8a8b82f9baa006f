"""A chain: LiteLLM's own ``fallbacks=``, one model of another provider after the first, with its own URL and key."""

from __future__ import annotations

from typing import Any

from harness.clients import ClientFacts, Question, Target
from harness.clients.litellm import (
    acall,
    astream,
    call,
    close_async,
    close_sync,
    destination,
    has_content,
    keywords,
    load,
    open_async,
    open_sync,
    read_chunks,
    read_whole,
    stream,
)

FACTS = ClientFacts(
    "litellm_fallbacks",
    "litellm",
    ("httpx", "aiohttp"),
    ("openai",),
    subjects=("litellm", "openai"),
    extras=("aiohttp",),
    install="litellm",
)

__all__ = [
    "acall",
    "astream",
    "call",
    "close_async",
    "close_sync",
    "has_content",
    "load",
    "open_async",
    "open_sync",
    "read_chunks",
    "read_whole",
    "stream",
]


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """Keyword arguments of ``completion``."""
    first = destination(f"{question.provider}/{question.model}", target)
    return (
        keywords(question, call_number) | first | {"fallbacks": [destination(target.fallback_model, target.fallback)]}
    )
