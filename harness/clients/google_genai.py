"""The google-genai SDK, ``generate_content``: the native call path to Gemini. One client per target.

Arguments are plain dicts, so that turning them into the SDK's own types is inside the call, as it is for other SDKs.
``attempts=1`` also turns off the async client's own second attempt after a lost connection. ``verdict`` is said of
every whole answer; it means something only where a schema was asked for.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Awaitable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from harness.clients import Answer, ClientFacts, Question, Target
from harness.clients.native_words import TEXT_INPUT, said_by_system
from harness.vocabulary import CALL_ID_HEADER, Finish, finish_word

if TYPE_CHECKING:
    from google.genai import Client

FACTS = ClientFacts(
    "google_genai",
    "google-genai",
    ("httpx2", "aiohttp"),
    ("gemini",),
    subjects=("google.genai",),
    extras=("aiohttp",),
    install="'google-genai[aiohttp]'",
)

_SAME_NAME = ("temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty")

_THINKING_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""Google's own table for ``reasoning_effort`` on 2.5 models, which have no levels."""


def load() -> None:
    """Import the library."""
    import google.genai  # noqa: F401  (imported for its cost and for sys.modules)


def open_sync(target: Target) -> Client:
    """One client, its pool kept."""
    from google.genai import Client

    return Client(api_key=target.api_key, http_options=cast(Any, _http_options(target)))


def _http_options(target: Target) -> dict[str, Any]:
    return {"base_url": target.root_url, "api_version": "v1beta", **knobs(target)}


def knobs(target: Target) -> dict[str, Any]:
    """The limits that the SDK is given, in its own words: milliseconds, and attempts where others count retries."""
    found: dict[str, Any] = {}
    if target.timeout_s is not None:
        found["timeout"] = int(target.timeout_s * 1000)
    if target.retries is not None:
        found["retry_options"] = {"attempts": target.retries + 1}
    return found


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """Keyword arguments of ``generate_content``."""
    config: dict[str, Any] = {
        "http_options": {"headers": {CALL_ID_HEADER: str(call_number)}},
        **_parameters(question.parameters, question.model),
    }
    if system := said_by_system(question.messages):
        config["system_instruction"] = system
    if question.max_tokens is not None:
        config["max_output_tokens"] = question.max_tokens
    if question.tools:
        declarations = [_declaration(tool) for tool in question.tools]
        config["tools"] = [{"function_declarations": declarations}]
        config["automatic_function_calling"] = {"disable": True}
    if question.structure is not None:
        config["response_mime_type"] = "application/json"
        if question.structure["kind"] == "schema":
            config["response_json_schema"] = question.structure["json_schema"]
    contents = [_content(message) for message in question.messages if message["role"] != "system"]
    return {"model": question.model, "contents": contents, "config": config}


def _parameters(asked: Mapping[str, Any], model: str) -> dict[str, Any]:
    found: dict[str, Any] = {name: asked[name] for name in _SAME_NAME if name in asked}
    if "stop" in asked:
        found["stop_sequences"] = [asked["stop"]] if isinstance(asked["stop"], str) else list(asked["stop"])
    if effort := asked.get("reasoning_effort"):
        has_budget = model.startswith("gemini-2.5")
        found["thinking_config"] = (
            {"thinking_budget": _THINKING_BUDGETS[effort]} if has_budget else {"thinking_level": effort}
        )
    return found


def _declaration(tool: Mapping[str, Any]) -> dict[str, Any]:
    schema = tool["parameters"] or TEXT_INPUT
    return {"name": tool["name"], "description": tool["description"], "parameters_json_schema": schema}


def _content(message: Mapping[str, str]) -> dict[str, Any]:
    role = "model" if message["role"] == "assistant" else "user"
    return {"role": role, "parts": [{"text": message["content"]}]}


def call(handle: Client, arguments: dict[str, Any]) -> Any:
    """One whole call."""
    return handle.models.generate_content(**arguments)


def stream(handle: Client, arguments: dict[str, Any]) -> Iterable[Any]:
    """One streamed call."""
    return handle.models.generate_content_stream(**arguments)


def close_sync(handle: Client) -> None:
    """Close the pool."""
    handle.close()


async def open_async(target: Target) -> Client:
    """One client, its pool kept; aiohttp carries the bytes wherever it is installed."""
    return open_sync(target)


def acall(handle: Client, arguments: dict[str, Any]) -> Awaitable[Any]:
    """One whole call."""
    return handle.aio.models.generate_content(**arguments)


def astream(handle: Client, arguments: dict[str, Any]) -> Awaitable[AsyncIterable[Any]]:
    """One streamed call."""
    return handle.aio.models.generate_content_stream(**arguments)


async def close_async(handle: Client) -> None:
    """Close both pools: the client has a sync one in any case."""
    await handle.aio.aclose()
    handle.close()


def read_whole(response: Any) -> Answer:
    """Read a ``GenerateContentResponse``."""
    return _answer([response], "parsed is None" if response.parsed is None else "parsed")


def read_chunks(chunks: list[Any]) -> Answer:
    """Read a list of them; the SDK does not parse a stream."""
    return _answer(chunks, None)


def has_content(chunk: Any) -> bool:
    """Whether this chunk carries answer text or tool arguments."""
    return any(part.function_call or (part.text and not part.thought) for part in _parts([chunk]))


def _candidates(responses: list[Any]) -> list[Any]:
    return [response.candidates[0] for response in responses if response.candidates]


def _parts(responses: list[Any]) -> list[Any]:
    contents = [candidate.content for candidate in _candidates(responses) if candidate.content]
    return [part for content in contents for part in content.parts or ()]


def _answer(responses: list[Any], verdict: str | None) -> Answer:
    parts = _parts(responses)
    calls = tuple(
        (part.function_call.name, json.dumps(part.function_call.args or {})) for part in parts if part.function_call
    )
    reasons = [candidate.finish_reason.name for candidate in _candidates(responses) if candidate.finish_reason]
    usages = [response.usage_metadata for response in responses if response.usage_metadata]
    usage = usages[-1] if usages else None
    answered, thoughts = getattr(usage, "candidates_token_count", None), getattr(usage, "thoughts_token_count", None)
    return Answer(
        text="".join(part.text for part in parts if part.text and not part.thought),
        finish_reason=Finish.TOOL_CALLS.value if calls else finish_word(reasons[-1] if reasons else None),
        model=responses[-1].model_version if responses else None,
        input_tokens=getattr(usage, "prompt_token_count", None),
        output_tokens=None if usage is None else (answered or 0) + (thoughts or 0),
        reasoning_tokens=thoughts,
        cached_tokens=getattr(usage, "cached_content_token_count", None),
        tool_calls=calls,
        verdict=verdict,
    )
