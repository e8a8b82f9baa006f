"""any-llm, the other wrapper: it calls the providers' own SDKs. The handle holds one ``AnyLLM`` per provider.

The limits go to those SDKs in their own words. The call id goes with ``extra_headers`` (openai, anthropic) or
``http_options`` (gemini). any-llm has no sync path: ``completion`` submits ``acompletion`` to a loop in a thread of
its own and blocks, and a sync stream comes out of that thread through a queue. Measured as it is.

any-llm passes on to a provider's SDK what that SDK no longer takes (anthropic's ``temperature``) and refuses or drops
what the API does not have, so what is left out by the native path is left out here as well.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Iterable
from typing import Any, cast

from harness.clients import Answer, ClientFacts, Question, Target, google_genai, openai
from harness.clients.chat_words import response_format, tool_shapes
from harness.clients.native_words import offered
from harness.clients.on_demand import OnDemand
from harness.vocabulary import CALL_ID_HEADER

FACTS = ClientFacts(
    "any_llm",
    "any-llm-sdk",
    ("httpx", "httpx"),
    ("openai", "anthropic", "gemini"),
    subjects=("any_llm", "openai", "anthropic", "google.genai"),
    extras=("aiohttp",),
    needs=("openai", "anthropic", "google-genai"),
    install="'any-llm-sdk[anthropic,gemini,openai]'",
    http_of_provider={"anthropic": ("httpx2", "httpx2"), "gemini": ("aiohttp", "aiohttp")},
)


def load() -> None:
    """Import the library; it imports a provider's SDK when that provider is first called."""
    import any_llm  # noqa: F401  (imported for its cost and for sys.modules)


def open_sync(target: Target) -> OnDemand:
    """One client per provider, its pool kept."""

    def build(provider: str) -> Any:
        from any_llm import AnyLLM

        return AnyLLM.create(provider, target.api_key, _api_base(provider, target), **_client_args(provider, target))

    return OnDemand(build)


def _api_base(provider: str, target: Target) -> str:
    return target.root_url + ("/v1" if provider == "openai" else "")


def _client_args(provider: str, target: Target) -> dict[str, Any]:
    if provider != "gemini":
        return openai.knobs(target)
    return {"http_options": {"api_version": "v1beta", **google_genai.knobs(target)}}


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """Which provider, and the keyword arguments of ``AnyLLM.completion``."""
    headers = {CALL_ID_HEADER: str(call_number)}
    keywords: dict[str, Any] = {
        "model": question.model,
        "messages": list(question.messages),
        **({"http_options": {"headers": headers}} if question.provider == "gemini" else {"extra_headers": headers}),
        **_parameters(question),
    }
    if question.max_tokens is not None:
        keywords["max_tokens"] = question.max_tokens
    if question.tools:
        keywords["tools"] = tool_shapes(offered(question.provider, question.tools))
    if question.structure is not None and (question.provider, question.structure["kind"]) != ("anthropic", "json"):
        keywords["response_format"] = response_format(question.structure)
    if question.stream:
        keywords |= {"stream": True, "stream_options": {"include_usage": True}}
    return {"provider": question.provider, "keywords": keywords}


def _parameters(question: Question) -> dict[str, Any]:
    """As they are; for anthropic those that its SDK takes, and in ``extra_body`` those that only its API does."""
    asked = question.parameters
    if question.provider != "anthropic":
        return {name: asked[name] for name in asked if name != "verbosity" or question.provider == "openai"}
    found = {name: asked[name] for name in ("stop", "reasoning_effort") if name in asked}
    body = {name: asked[name] for name in ("temperature", "top_p") if name in asked}
    return found | {"extra_body": body} if body else found


def call(handle: OnDemand, arguments: dict[str, Any]) -> Any:
    """One whole call."""
    return handle[arguments["provider"]].completion(**arguments["keywords"])


def stream(handle: OnDemand, arguments: dict[str, Any]) -> Iterable[Any]:
    """One streamed call."""
    return cast(Iterable[Any], handle[arguments["provider"]].completion(**arguments["keywords"]))


def close_sync(handle: OnDemand) -> None:
    """Nothing to give back by a public way: the pools belong to any-llm's own loop, which ends with the process."""


async def open_async(target: Target) -> OnDemand:
    """One client per provider, its pool kept."""
    return open_sync(target)


def acall(handle: OnDemand, arguments: dict[str, Any]) -> Awaitable[Any]:
    """One whole call."""
    return cast(Awaitable[Any], handle[arguments["provider"]].acompletion(**arguments["keywords"]))


def astream(handle: OnDemand, arguments: dict[str, Any]) -> Awaitable[AsyncIterable[Any]]:
    """One streamed call."""
    return cast(Awaitable[AsyncIterable[Any]], handle[arguments["provider"]].acompletion(**arguments["keywords"]))


async def close_async(handle: OnDemand) -> None:
    """Close the SDKs' pools, which any-llm itself has no way to do."""
    for library in handle.values():
        client = getattr(library.client, "aio", library.client)
        await (client.aclose if hasattr(client, "aclose") else client.close)()


def read_whole(response: Any) -> Answer:
    """Read any-llm's ``ChatCompletion``."""
    return openai.read_whole(response)


def read_chunks(chunks: list[Any]) -> Answer:
    """Read a list of its ``ChatCompletionChunk``."""
    return openai.read_chunks(chunks)


def has_content(chunk: Any) -> bool:
    """Whether this chunk carries answer text or tool arguments."""
    return openai.has_content(chunk)
