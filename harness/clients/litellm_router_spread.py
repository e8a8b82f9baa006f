"""A chain: the Router with two deployments in one group, the failing one and a sound one of another provider.

The Router chooses one at random; what fails is to be tried on the other, by its retries and cooldowns. The handle holds
one Router per model.
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
    "litellm_router_spread",
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


def open_sync(target: Target) -> OnDemand:
    """Routers of two deployments, each built as soon as its model is called. The failing one has all the weight, and so
    is chosen until it cools down.
    """

    def build(model: str) -> Any:
        from litellm import Router  # type: ignore[attr-defined]

        alone = without_retries(target)
        first, second = destination(model, alone), destination(target.fallback_model, alone.fallback)
        entries = [
            {"model_name": MODEL_GROUP, "litellm_params": first | {"weight": 1_000_000}},
            {"model_name": MODEL_GROUP, "litellm_params": second | {"weight": 1}},
        ]
        return Router(model_list=entries, **target.knobs("timeout", "num_retries"))

    return OnDemand(build)


async def open_async(target: Target) -> OnDemand:
    """Routers of two deployments, each built on the running loop as soon as its model is called."""
    return open_sync(target)
