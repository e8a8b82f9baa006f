"""LiteLLM with its aiohttp transport switched off: what that transport contributes. Async only; sync is httpx."""

from __future__ import annotations

from harness.clients import ClientFacts
from harness.clients.litellm import (
    acall,
    arguments,
    astream,
    call,
    close_async,
    close_sync,
    has_content,
    open_async,
    open_sync,
    read_chunks,
    read_whole,
    stream,
)

FACTS = ClientFacts(
    "litellm_httpx",
    "litellm",
    ("httpx", "httpx"),
    ("openai", "anthropic", "gemini"),
    modes=("async",),
    subjects=("litellm", "openai"),
    extras=("aiohttp",),
    install="litellm",
)

__all__ = [
    "acall",
    "arguments",
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


def load() -> None:
    """Import the library and switch its transport, before it builds its first client."""
    import litellm

    litellm.disable_aiohttp_transport = True
