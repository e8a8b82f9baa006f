"""LiteLLM's Router with one deployment, the usual way to configure it. The handle holds one Router per model.

The target's limits hold for the Router and its deployment, which never retries itself; all else is the Router's own:
simple shuffle, in-memory cache, cooldowns (which spare a lone deployment), no fallbacks, no health checks. Its
defaults start no thread.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Iterable
from dataclasses import replace
from typing import Any, cast

from harness.clients import ClientFacts, Question, Target, litellm
from harness.clients.litellm import destination, has_content, keywords, load, read_chunks, read_whole
from harness.clients.on_demand import OnDemand

FACTS = ClientFacts(
    "litellm_router",
    "litellm",
    ("httpx", "aiohttp"),
    ("openai", "anthropic", "gemini"),
    subjects=("litellm", "openai"),
    extras=("aiohttp",),
    install="litellm",
)

__all__ = ["has_content", "load", "read_chunks", "read_whole"]

MODEL_GROUP = "cell"
"""What the deployments are called together; a caller names this instead of a model."""


def routers(target: Target, deployments: int) -> OnDemand:
    """Routers over that many equal deployments each, by ``provider/model``."""

    def build(model: str) -> Any:
        from litellm import Router  # type: ignore[attr-defined]

        alone = without_retries(target)
        entries = [{"model_name": MODEL_GROUP, "litellm_params": destination(model, alone)} for _ in range(deployments)]
        return Router(model_list=entries, **target.knobs("timeout", "num_retries"))

    return OnDemand(build)


def without_retries(target: Target) -> Target:
    """The target as a deployment is given it: where retries are asked for, the Router makes them and not the client."""
    return replace(target, retries=0) if target.retries else target


def open_sync(target: Target) -> OnDemand:
    """Routers of one deployment, each built as soon as its model is called."""
    return routers(target, 1)


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """Which Router, and the keyword arguments of its ``completion``."""
    return {
        "router": f"{question.provider}/{question.model}",
        "keywords": keywords(question, call_number) | {"model": MODEL_GROUP},
    }


def call(handle: OnDemand, arguments: dict[str, Any]) -> Any:
    """One whole call."""
    return handle[arguments["router"]].completion(**arguments["keywords"])


def stream(handle: OnDemand, arguments: dict[str, Any]) -> Iterable[Any]:
    """One streamed call."""
    return cast(Iterable[Any], handle[arguments["router"]].completion(**arguments["keywords"]))


def close_sync(handle: OnDemand) -> None:
    """Unhook the Routers from LiteLLM's callbacks; LiteLLM's cache owns the pool."""
    for router in handle.values():
        router.discard()


async def open_async(target: Target) -> OnDemand:
    """Routers of one deployment, each built on the running loop as soon as its model is called."""
    return routers(target, 1)


def acall(handle: OnDemand, arguments: dict[str, Any]) -> Awaitable[Any]:
    """One whole call."""
    return cast(Awaitable[Any], handle[arguments["router"]].acompletion(**arguments["keywords"]))


def astream(handle: OnDemand, arguments: dict[str, Any]) -> Awaitable[AsyncIterable[Any]]:
    """One streamed call."""
    return cast(Awaitable[AsyncIterable[Any]], handle[arguments["router"]].acompletion(**arguments["keywords"]))


async def close_async(handle: OnDemand) -> None:
    """Unhook the Routers, and close what LiteLLM opened on this loop."""
    close_sync(handle)
    await litellm.close_async(handle)
