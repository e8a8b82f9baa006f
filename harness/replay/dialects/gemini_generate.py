"""Owns Gemini's generateContent on the wire: the request body, whole and streamed answers byte for byte as the API
shapes them, and the truth inside an answer. One server-sent event is one chunk; every event carries the usage so far.

The API ends a tool call with ``STOP``, as it ends a text; its libraries differ in what they make of that. The truth is
``tool_calls`` whenever an answer that ended so holds a tool call. ``candidatesTokenCount`` on this wire is without the
thoughts; ``Completion`` and ``Truth`` count them as output.
Called by ``author`` (building), ``conductor`` and ``load``'s workers through it (truth). Pure.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any, Final

from harness.cassette import Cassette
from harness.replay.dialects.parts import (
    FREE_FORM_SCHEMA,
    Completion,
    Events,
    ToolCall,
    Truth,
    canonical_json,
    checked,
    events_of,
    finish_of,
    object_arguments,
)
from harness.vocabulary import Finish, Operation
from harness.workload import Message, Structure, Tool, Workload

PROVIDER: Final = "gemini"
OPERATIONS: Final = (Operation.CHAT.value,)

_FINISH_REASONS = {
    Finish.STOP: "STOP",
    Finish.LENGTH: "MAX_TOKENS",
    Finish.TOOL_CALLS: "STOP",
    Finish.CONTENT_FILTER: "SAFETY",
}
_PARAMETERS = {"temperature": "temperature", "top_p": "topP", "seed": "seed"}
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""Thinking tokens per effort as Google's OpenAI-compatible endpoint sets them for the models without levels."""


def path(model: str, stream: bool) -> str:
    """Model and method are in the path; a stream is asked for as server-sent events."""
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/{model}:{method}"


def request_body(model: str, workload: Workload, stream: bool, operation: str) -> dict[str, Any]:
    """The canonical JSON body of this workload. ``verbosity`` is left out: the API has none."""
    systems = [message for message in workload.conversation if message.role == "system"]
    body: dict[str, Any] = {"contents": [_turn(message) for message in workload.conversation if message not in systems]}
    if systems:
        body["systemInstruction"] = {"parts": [{"text": message.content} for message in systems], "role": "user"}
    if workload.offered_tools:
        body["tools"] = [{"functionDeclarations": [tool_shape(tool) for tool in workload.offered_tools]}]
    if config := generation_config(model, workload):
        body["generationConfig"] = config
    return body


def tool_shape(tool: Tool) -> dict[str, Any]:
    """A function declaration with its JSON schema as it is; a free-form tool takes the one string ``input``."""
    schema = FREE_FORM_SCHEMA if tool.parameters is None else tool.parameters
    return {"name": tool.name, "description": tool.description, "parametersJsonSchema": schema}


def generation_config(model: str, workload: Workload) -> dict[str, Any]:
    """Sampling, length, thinking and the shape of the answer; empty where the workload says none of them."""
    given = workload.parameters
    config = {key: given[name] for name, key in _PARAMETERS.items() if name in given}
    if stop := given.get("stop"):
        config["stopSequences"] = [stop] if isinstance(stop, str) else list(stop)
    if workload.max_tokens is not None:
        config["maxOutputTokens"] = workload.max_tokens
    if effort := given.get("reasoning_effort"):
        config["thinkingConfig"] = thinking_config(model, effort)
    return config if workload.structure is None else config | _response_shape(workload.structure)


def thinking_config(model: str, effort: str) -> dict[str, Any]:
    """A level, or for generation 2.5, which knows none, a budget in tokens."""
    if model.startswith("gemini-2.5-"):
        return {"thinkingBudget": _BUDGETS.get(effort, _BUDGETS["high"])}
    return {"thinkingLevel": "MINIMAL" if effort == "none" else effort.upper()}


def headers(completion: Completion, first_byte_ns: int, stream: bool) -> tuple[tuple[str, str], ...]:
    """What the API sends; it has neither cookies nor a request id."""
    return (
        ("content-type", "text/event-stream" if stream else "application/json; charset=UTF-8"),
        ("vary", "Origin"),
        ("vary", "X-Origin"),
        ("vary", "Referer"),
        ("date", formatdate(completion.created, usegmt=True)),
        ("server", "scaffolding on HTTPServer2"),
        ("x-xss-protection", "0"),
        ("x-frame-options", "SAMEORIGIN"),
        ("x-content-type-options", "nosniff"),
        ("server-timing", f"gfet4t7; dur={first_byte_ns // 1_000_000}"),
    )


def whole(completion: Completion) -> bytes:
    """The body of a non-streamed answer, indented as the API does."""
    texts = [{"text": completion.text}] if completion.text or not completion.tool_calls else []
    candidate = _candidate([*texts, *_calls(completion)], _FINISH_REASONS[completion.finish])
    body = _response(completion, candidate, _visible_tokens(completion))
    return (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()


def stream(completion: Completion) -> Events:
    """One event per piece and per tool call, nothing before them; an event without text ends it."""
    parts = [*({"text": piece} for piece in completion.pieces), *_calls(completion)]
    visible = _visible_tokens(completion)
    content = [
        _event(_response(completion, _candidate([part], None), visible * number // len(parts)))
        for number, part in enumerate(parts, start=1)
    ]
    last = _response(completion, _candidate([{"text": ""}], _FINISH_REASONS[completion.finish]), visible)
    return Events((), tuple(content), (_event(last),))


def truth(cassette: Cassette) -> Truth:
    """Reassemble the answer from the cassette's bytes. Raises DataError when they are not this dialect's."""
    return checked(_truth, cassette, "a Gemini answer")


def _turn(message: Message) -> dict[str, Any]:
    return {"parts": [{"text": message.content}], "role": "model" if message.role == "assistant" else "user"}


def _response_shape(structure: Structure) -> dict[str, Any]:
    json_only: dict[str, Any] = {"responseMimeType": "application/json"}
    return json_only if structure.kind == "json" else json_only | {"responseJsonSchema": structure.json_schema}


def _truth(cassette: Cassette) -> Truth:
    text, reason, usage = "", None, None
    calls: list[tuple[str, str]] = []
    with_content: list[int] = []
    for number, event in _answers(cassette):
        for candidate in event.get("candidates") or ():
            for part in (candidate.get("content") or {}).get("parts") or ():
                words = "" if part.get("thought") else part.get("text") or ""
                called = part.get("functionCall")
                text += words
                if called:
                    calls.append((called["name"], canonical_json(json.dumps(called.get("args") or {}))))
                if words or called:
                    with_content.append(number)
            reason = candidate.get("finishReason") or reason
        usage = event.get("usageMetadata") or usage
    if reason is None or usage is None:
        raise ValueError("no finishReason or no usageMetadata")
    finish = finish_of(reason)
    thoughts = usage.get("thoughtsTokenCount") or 0
    return Truth(
        text=text,
        finish_reason=(Finish.TOOL_CALLS if calls and finish is Finish.STOP else finish).value,
        input_tokens=usage["promptTokenCount"],
        output_tokens=(usage.get("candidatesTokenCount") or 0) + thoughts,
        reasoning_tokens=thoughts,
        cached_tokens=usage.get("cachedContentTokenCount") or 0,
        tool_calls=tuple(calls),
        content_chunks=tuple(dict.fromkeys(with_content)) if cassette.head.stream else (),
    )


def _answers(cassette: Cassette) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each decoded answer with the position of its chunk; a whole answer is the only one."""
    if not cassette.head.stream:
        yield 0, json.loads(cassette.body)
        return
    for number, chunk in enumerate(cassette.chunks):
        for event in events_of(chunk):
            yield number, event


def _calls(completion: Completion) -> list[dict[str, Any]]:
    parts = [{"functionCall": _call(completion, number, call)} for number, call in enumerate(completion.tool_calls)]
    if parts and completion.reasoning_tokens:
        parts[0]["thoughtSignature"] = base64.b64encode(_digest(completion, "thought") * 4).decode()
    return parts


def _call(completion: Completion, number: int, call: ToolCall) -> Any:
    identity = _digest(completion, f"call {number}").hex()[:8]
    return {"name": call.name, "args": json.loads(object_arguments(call)), "id": identity}


def _candidate(parts: list[dict[str, Any]], reason: str | None) -> dict[str, Any]:
    finish = {} if reason is None else {"finishReason": reason}
    return {"content": {"parts": parts, "role": "model"}, **finish, "index": 0}


def _response(completion: Completion, candidate: dict[str, Any], visible_tokens: int) -> dict[str, Any]:
    return {
        "candidates": [candidate],
        "usageMetadata": _usage(completion, visible_tokens),
        "modelVersion": completion.model,
        "responseId": base64.urlsafe_b64encode(_digest(completion, "response"))[:23].decode(),
    }


def _event(payload: dict[str, Any]) -> bytes:
    """The API writes a space after a colon, none after a comma, and ends lines as HTTP does."""
    return f"data: {json.dumps(payload, separators=(',', ': '), ensure_ascii=False)}\r\n\r\n".encode()


def _usage(completion: Completion, visible_tokens: int) -> dict[str, Any]:
    cached, thoughts = completion.cached_tokens, completion.reasoning_tokens
    return {
        "promptTokenCount": completion.input_tokens,
        "candidatesTokenCount": visible_tokens,
        "totalTokenCount": completion.input_tokens + visible_tokens + thoughts,
        **({"cachedContentTokenCount": cached} if cached else {}),
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": completion.input_tokens}],
        **({"cacheTokensDetails": [{"modality": "TEXT", "tokenCount": cached}]} if cached else {}),
        **({"thoughtsTokenCount": thoughts} if thoughts else {}),
    }


def _visible_tokens(completion: Completion) -> int:
    return completion.output_tokens - completion.reasoning_tokens


def _digest(completion: Completion, what: str) -> bytes:
    return hashlib.sha256(f"{completion.seed}:{what}".encode()).digest()
