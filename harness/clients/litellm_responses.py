"""LiteLLM's ``responses`` and ``aresponses``, in the foreground and as background jobs; over its own HTTP handlers.

Retries off. The handle is the module: creating, retrieving and cancelling are three of its functions. The id of a job
is LiteLLM's own (it wraps the provider's) and is only good for LiteLLM.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Iterable
from dataclasses import replace
from typing import Any, cast

from harness.clients import Answer, ClientFacts, Question, Target, openai_responses
from harness.clients.litellm import close_async, close_sync, destination
from harness.clients.openai_responses import has_content, job
from harness.clients.responses_words import keywords

FACTS = ClientFacts(
    "litellm_responses",
    "litellm",
    ("httpx", "aiohttp"),
    ("openai",),
    operations=("responses", "background"),
    subjects=("litellm", "openai"),
    extras=("aiohttp",),
    needs=("mcp",),
    install="litellm 'mcp>=2.2,<3'",
)

__all__ = ["close_async", "close_sync", "has_content", "job"]

_WHERE = ("extra_headers", "api_base", "api_key", "timeout")


def load() -> None:
    """Import the library."""
    import litellm  # noqa: F401  (imported for its cost and for sys.modules)


def open_sync(target: Target) -> Any:
    """LiteLLM has no client object of its own: the handle is the module."""
    import litellm

    return litellm


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """Keyword arguments of ``responses``. Parameters that LiteLLM thinks the model refuses are dropped."""
    found = keywords(question, call_number) | destination(f"{question.provider}/{question.model}", target)
    return found | {"drop_params": True} if question.parameters else found


def call(handle: Any, arguments: dict[str, Any]) -> Any:
    """One whole call."""
    return handle.responses(**arguments)


def stream(handle: Any, arguments: dict[str, Any]) -> Iterable[Any]:
    """One streamed call."""
    return cast(Iterable[Any], handle.responses(**arguments))


async def open_async(target: Target) -> Any:
    """LiteLLM has no client object of its own: the handle is the module."""
    return open_sync(target)


def acall(handle: Any, arguments: dict[str, Any]) -> Awaitable[Any]:
    """One whole call."""
    return cast(Awaitable[Any], handle.aresponses(**arguments))


def astream(handle: Any, arguments: dict[str, Any]) -> Awaitable[AsyncIterable[Any]]:
    """One streamed call."""
    return cast(Awaitable[AsyncIterable[Any]], handle.aresponses(**arguments))


def read_whole(response: Any) -> Answer:
    """Read a ``ResponsesAPIResponse`` and what LiteLLM says of cost and of its own overhead."""
    hidden = getattr(response, "_hidden_params", None) or {}
    return replace(
        openai_responses.read_whole(response),
        cost_usd=hidden.get("response_cost"),
        reported_overhead_ms=hidden.get("litellm_overhead_time_ms"),
    )


def read_chunks(chunks: list[Any]) -> Answer:
    """Read a list of stream events."""
    return openai_responses.read_chunks(chunks)


def retrieve(handle: Any, job_id: str, arguments: dict[str, Any]) -> Any:
    """Ask for the job's present state."""
    return handle.get_responses(job_id, **_where(arguments))


def cancel(handle: Any, job_id: str, arguments: dict[str, Any]) -> Any:
    """Ask for the job to be given up."""
    return handle.cancel_responses(job_id, **_where(arguments))


def aretrieve(handle: Any, job_id: str, arguments: dict[str, Any]) -> Awaitable[Any]:
    """Ask for the job's present state."""
    return cast(Awaitable[Any], handle.aget_responses(job_id, **_where(arguments)))


def acancel(handle: Any, job_id: str, arguments: dict[str, Any]) -> Awaitable[Any]:
    """Ask for the job to be given up."""
    return cast(Awaitable[Any], handle.acancel_responses(job_id, **_where(arguments)))


def _where(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: arguments[name] for name in _WHERE} | {"custom_llm_provider": "openai"}
