"""The gateway path: the openai SDK calls a LiteLLM proxy, which calls the provider. Retries off; one client per target.

This process holds no LiteLLM: the proxy is a process of its own (``conductor.gateway``), and its version is measured.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.clients import ClientFacts, Question, Target, openai
from harness.clients.native_words import offered
from harness.clients.openai import (
    acall,
    astream,
    call,
    close_async,
    close_sync,
    has_content,
    load,
    read_chunks,
    read_whole,
    stream,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

FACTS = ClientFacts(
    "litellm_proxy",
    "litellm",
    ("httpx", "httpx"),
    ("openai", "anthropic", "gemini"),
    subjects=("openai",),
    needs=("fastapi",),
    install="'litellm[proxy]' openai",
)

__all__ = [
    "acall",
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


def open_sync(target: Target) -> OpenAI:
    """One client of the gateway, its pool kept."""
    return openai.open_sync(replace(target, root_url=target.gateway_url))


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """Keyword arguments of ``chat.completions.create``, with the gateway's name for the model."""
    asked = replace(question, tools=tuple(offered(question.provider, question.tools)))
    return openai.arguments(asked, target, call_number) | {"model": target.gateway_model}


async def open_async(target: Target) -> AsyncOpenAI:
    """One client of the gateway, its pool kept."""
    return await openai.open_async(replace(target, root_url=target.gateway_url))
