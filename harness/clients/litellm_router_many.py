"""LiteLLM's Router over three equal deployments of one URL: what choosing costs. Otherwise as ``litellm_router``."""

from __future__ import annotations

from harness.clients import ClientFacts, Target
from harness.clients.litellm_router import (
    acall,
    arguments,
    astream,
    call,
    close_async,
    close_sync,
    has_content,
    load,
    read_chunks,
    read_whole,
    routers,
    stream,
)
from harness.clients.on_demand import OnDemand

FACTS = ClientFacts(
    "litellm_router_many",
    "litellm",
    ("httpx", "aiohttp"),
    ("openai", "anthropic", "gemini"),
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
    "read_chunks",
    "read_whole",
    "stream",
]


def open_sync(target: Target) -> OnDemand:
    """Routers of three deployments, each built as soon as its model is called."""
    return routers(target, 3)


async def open_async(target: Target) -> OnDemand:
    """Routers of three deployments, each built on the running loop as soon as its model is called."""
    return routers(target, 3)
