"""The openai SDK on aiohttp instead of httpx's own transport: what the HTTP library contributes. Async only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.clients import ClientFacts, Target
from harness.clients.openai import (
    acall,
    arguments,
    astream,
    call,
    close_async,
    close_sync,
    has_content,
    knobs,
    open_sync,
    read_chunks,
    read_whole,
    stream,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI

FACTS = ClientFacts(
    "openai_aiohttp",
    "openai",
    ("httpx", "aiohttp"),
    ("openai",),
    modes=("async",),
    subjects=("openai",),
    extras=("aiohttp", "httpx_aiohttp"),
    needs=("httpx-aiohttp",),
    install="'openai[aiohttp]'",
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
    """Import the library and its aiohttp transport."""
    import httpx_aiohttp  # noqa: F401  (imported for its cost)
    import openai  # noqa: F401  (imported for its cost and for sys.modules)


async def open_async(target: Target) -> AsyncOpenAI:
    """One client over aiohttp, its pool kept."""
    from openai import AsyncOpenAI, DefaultAioHttpClient

    return AsyncOpenAI(
        base_url=target.root_url + "/v1",
        api_key=target.api_key,
        **knobs(target),
        http_client=DefaultAioHttpClient(),
    )
