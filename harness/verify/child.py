"""Owns one call as a configuration would have it made: through LiteLLM's Router, or a native client under the guard.

Runs in a process of its own, which ``run`` kills when a call does not come back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness import guard
from harness.clients import Client, Question, Target, client_named, litellm_config
from harness.vocabulary import CALL_ID_HEADER


@dataclass(frozen=True, slots=True)
class Order:
    """One call to make: of which group, at which URL, everything in the file multiplied by ``scale``."""

    group: str
    number: int
    question: Question
    url: str
    api_key: str
    scale: float
    limits: guard.Limits | None = None
    timeout_s: float | None = None
    retries: int | None = None


@dataclass(frozen=True, slots=True)
class Back:
    """Control is back: after how long, with which error."""

    wall_s: float
    error: str | None


def opened(config: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What calls are made with. LiteLLM asks nobody for prices and logs nothing: what goes wrong is the finding."""
    logging.disable(logging.CRITICAL)
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = os.environ["LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"] = "True"
    return config


def unknown_fields(config: Mapping[str, Any]) -> list[str]:
    """Fields of a LiteLLM configuration that the installed LiteLLM ignores."""
    return litellm_config.unknown_fields(config)


def through_router(config: Mapping[str, Any], order: Order) -> Back:
    """One call as the proxy makes it: the Router, async."""
    question = order.question
    model = f"{question.provider}/{question.model}"
    router = litellm_config.router_over(config, model, order.url, order.api_key, order.scale)
    keywords = {
        "model": order.group,
        "messages": list(question.messages),
        "extra_headers": {CALL_ID_HEADER: str(order.number)},
        "stream": question.stream,
    }
    if question.max_tokens is not None:
        keywords["max_completion_tokens"] = question.max_tokens

    async def made() -> None:
        answer = await router.acompletion(**keywords)
        if question.stream:
            async for _ in answer:
                pass

    return _timed(lambda: asyncio.run(made()))


def under_guard(_: None, order: Order) -> Back:
    """One sync call of the provider's own client under the guard."""
    assert order.limits is not None
    client: Client = client_named(_CLIENTS[order.question.provider])
    client.load()
    target = Target(order.url, order.api_key, order.timeout_s, retries=order.retries)
    handle = client.open_sync(target)
    arguments = client.arguments(order.question, target, order.number)
    limits = order.limits

    def made() -> None:
        if order.question.stream:
            for _ in guard.stream(limits, client.stream, handle, arguments):
                pass
        else:
            guard.call(limits, client.call, handle, arguments)

    return _timed(made)


_CLIENTS = {"openai": "openai", "anthropic": "anthropic", "gemini": "google_genai"}


def _timed(made: Any) -> Back:
    began = time.monotonic()
    error = None
    try:
        made()
    except Exception as problem:  # noqa: BLE001  (what it was is the finding)
        error = f"{type(problem).__module__}.{type(problem).__qualname__}"
    return Back(time.monotonic() - began, error)
