"""A chain: the Router with a group per provider and ``fallbacks`` from one to the other, as its documentation has it.

Retries and cooldowns are the Router's own where the target leaves them. The handle holds one Router per model.
"""

from __future__ import annotations

from typing import Any

from harness.clients import ClientFacts, Target
from harness.clients.litellm import destination, has_content, load, read_chunks, read_whole
from harness.clients.litellm_router import (
    MODEL_GROUP,
    acall,
    arguments,
    astream,
    call,
    close_async,
    close_sync,
    stream,
    without_retries,
)
from harness.clients.on_demand import OnDemand

FACTS = ClientFacts(
    "litellm_router_fallbacks",
    "litellm",
    ("httpx", "aiohttp"),
    ("openai",),
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

BACKUP = "backup"


def open_sync(target: Target) -> OnDemand:
    """Routers of two groups, each built as soon as its model is called."""

    def build(model: str) -> Any:
        from litellm import Router  # type: ignore[attr-defined]

        alone = without_retries(target)
        entries = [
            {"model_name": MODEL_GROUP, "litellm_params": destination(model, alone)},
            {"model_name": BACKUP, "litellm_params": destination(target.fallback_model, alone.fallback)},
        ]
        return Router(model_list=entries, fallbacks=[{MODEL_GROUP: [BACKUP]}], **target.knobs("timeout", "num_retries"))

    return OnDemand(build)


async def open_async(target: Target) -> OnDemand:
    """Routers of two groups, each built on the running loop as soon as its model is called."""
    return open_sync(target)
