"""The openai SDK, its Responses API, in the foreground and as background jobs. Retries off; one client per target.

``background`` creates a stored job and returns at once; ``retrieve`` and ``cancel`` follow it under the same call id.
Parameters that this API does not have (``stop``, ``seed``) are left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from harness.clients import Answer, ClientFacts, Question, Target
from harness.clients.openai import close_async, close_sync, open_async, open_sync
from harness.clients.responses_words import keywords
from harness.vocabulary import Finish, finish_word

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

FACTS = ClientFacts(
    "openai_responses",
    "openai",
    ("httpx", "httpx"),
    ("openai",),
    operations=("responses", "background"),
    subjects=("openai",),
    install="openai",
)

__all__ = ["close_async", "close_sync", "open_async", "open_sync"]


def load() -> None:
    """Import the library."""
    import openai  # noqa: F401  (imported for its cost and for sys.modules)


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """Keyword arguments of ``responses.create``."""
    return keywords(question, call_number) | {"model": question.model}


def call(handle: OpenAI, arguments: dict[str, Any]) -> Any:
    """One whole call."""
    return handle.responses.create(**arguments)


def stream(handle: OpenAI, arguments: dict[str, Any]) -> Iterable[Any]:
    """One streamed call."""
    return cast(Iterable[Any], handle.responses.create(**arguments))


def acall(handle: AsyncOpenAI, arguments: dict[str, Any]) -> Awaitable[Any]:
    """One whole call."""
    return cast(Awaitable[Any], handle.responses.create(**arguments))


def astream(handle: AsyncOpenAI, arguments: dict[str, Any]) -> Awaitable[AsyncIterable[Any]]:
    """One streamed call."""
    return cast(Awaitable[AsyncIterable[Any]], handle.responses.create(**arguments))


def read_whole(response: Any) -> Answer:
    """Read a ``Response``, a job's too, whatever its state."""
    calls = tuple(_called(item) for item in response.output if item.type in ("function_call", "custom_tool_call"))
    reason = getattr(response.incomplete_details, "reason", None) or response.status
    usage = response.usage
    return Answer(
        text="".join(_text(item) for item in response.output if item.type == "message"),
        finish_reason=Finish.TOOL_CALLS.value if calls else finish_word(reason),
        model=response.model,
        input_tokens=getattr(usage, "input_tokens", None),
        output_tokens=getattr(usage, "output_tokens", None),
        reasoning_tokens=getattr(getattr(usage, "output_tokens_details", None), "reasoning_tokens", None),
        cached_tokens=getattr(getattr(usage, "input_tokens_details", None), "cached_tokens", None),
        tool_calls=calls,
    )


def read_chunks(chunks: list[Any]) -> Answer:
    """Read a list of stream events: the text as it was streamed, the rest from the event that ended the stream."""
    text = "".join(event.delta for event in chunks if event.type == "response.output_text.delta")
    ended = [event for event in chunks if event.type in _ENDINGS]
    if not ended:
        return Answer(text, None, None, None, None, None)
    return replace(read_whole(ended[-1].response), text=text)


_ENDINGS = ("response.completed", "response.incomplete", "response.failed")

_CONTENT = (
    "response.output_text.delta",
    "response.function_call_arguments.delta",
    "response.custom_tool_call_input.delta",
)


def has_content(chunk: Any) -> bool:
    """Whether this chunk carries answer text or tool arguments."""
    return chunk.type in _CONTENT


def job(response: Any) -> tuple[str, str]:
    """(id, status) of a job."""
    return response.id, response.status


def retrieve(handle: OpenAI, job_id: str, arguments: dict[str, Any]) -> Any:
    """Ask for the job's present state."""
    return handle.responses.retrieve(job_id, extra_headers=arguments["extra_headers"])


def cancel(handle: OpenAI, job_id: str, arguments: dict[str, Any]) -> Any:
    """Ask for the job to be given up."""
    return handle.responses.cancel(job_id, extra_headers=arguments["extra_headers"])


def aretrieve(handle: AsyncOpenAI, job_id: str, arguments: dict[str, Any]) -> Awaitable[Any]:
    """Ask for the job's present state."""
    return cast(Awaitable[Any], handle.responses.retrieve(job_id, extra_headers=arguments["extra_headers"]))


def acancel(handle: AsyncOpenAI, job_id: str, arguments: dict[str, Any]) -> Awaitable[Any]:
    """Ask for the job to be given up."""
    return handle.responses.cancel(job_id, extra_headers=arguments["extra_headers"])


def _called(item: Any) -> tuple[str, str]:
    return item.name, item.arguments if item.type == "function_call" else item.input


def _text(item: Any) -> str:
    return "".join(part.text for part in item.content if part.type == "output_text")
