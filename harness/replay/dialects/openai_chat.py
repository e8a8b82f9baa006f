"""Owns OpenAI chat completions on the wire: the request body, whole and streamed answers byte for byte as the API
shapes them, and the truth inside an answer. One server-sent event is one chunk.

Called by ``author`` (building), ``conductor`` and ``load``'s workers through it (truth). Pure.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from harness.cassette import Cassette
from harness.replay.dialects.parts import Completion, Events, ToolCall, Truth, canonical_json, checked, events_of, sse
from harness.vocabulary import Finish, Operation
from harness.workload import Structure, Tool, Workload

PROVIDER: Final = "openai"
OPERATIONS: Final = (Operation.CHAT.value,)
_DONE = b"data: [DONE]\n\n"


def path(model: str, stream: bool) -> str:
    """The same for every model and shape."""
    return "/v1/chat/completions"


def request_body(model: str, workload: Workload, stream: bool, operation: str) -> dict[str, Any]:
    """The canonical JSON body of this workload. Parameters have the field-wide names already."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in workload.conversation],
        **workload.parameters,
    }
    if workload.max_tokens is not None:
        body["max_completion_tokens"] = workload.max_tokens
    if workload.offered_tools:
        body["tools"] = [tool_shape(tool) for tool in workload.offered_tools]
    if workload.structure is not None:
        body["response_format"] = response_format(workload.structure)
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def tool_shape(tool: Tool) -> dict[str, Any]:
    """A tool as chat completions name it: a function, or a custom tool where its input is free-form."""
    if tool.parameters is None:
        return {"type": "custom", "custom": {"name": tool.name, "description": tool.description}}
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters, "strict": True}
    return {"type": "function", "function": function}


def response_format(structure: Structure) -> dict[str, Any]:
    """``json_object``, or ``json_schema`` with ``strict``."""
    if structure.kind == "json":
        return {"type": "json_object"}
    schema = {"name": structure.name, "schema": structure.json_schema, "strict": True}
    return {"type": "json_schema", "json_schema": schema}


def headers(completion: Completion, first_byte_ns: int, stream: bool) -> tuple[tuple[str, str], ...]:
    """What the API sends, without cookies and with nobody's account in it."""
    return (
        ("date", "Sat, 01 Nov 2025 12:26:40 GMT"),
        ("content-type", "text/event-stream; charset=utf-8" if stream else "application/json"),
        ("access-control-expose-headers", "X-Request-ID"),
        ("openai-organization", "authored"),
        ("openai-processing-ms", str(first_byte_ns // 1_000_000)),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "30000"),
        ("x-ratelimit-limit-tokens", "150000000"),
        ("x-ratelimit-remaining-requests", "29999"),
        ("x-ratelimit-remaining-tokens", "149999964"),
        ("x-ratelimit-reset-requests", "2ms"),
        ("x-ratelimit-reset-tokens", "0s"),
        ("x-request-id", f"req_{hashlib.sha256(completion.seed.encode()).hexdigest()[:32]}"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
        ("x-content-type-options", "nosniff"),
        ("server", "cloudflare"),
        ("cf-cache-status", "DYNAMIC"),
    )


def whole(completion: Completion) -> bytes:
    """The body of a non-streamed answer, indented as the API does."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": completion.text or (None if completion.tool_calls else ""),
        "refusal": None,
        "annotations": [],
    }
    if completion.tool_calls:
        message["tool_calls"] = [
            _tool_call(completion, number, call) for number, call in enumerate(completion.tool_calls)
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": completion.finish.value}
    body = {
        "id": _response_id(completion),
        "object": "chat.completion",
        "created": completion.created,
        "model": completion.model,
        "choices": [choice],
        "usage": _usage(completion),
        "service_tier": "default",
        "system_fingerprint": completion.system_fingerprint,
    }
    return (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()


def stream(completion: Completion) -> Events:
    """Role; one event per piece and per tool call; finish reason, usage, ``[DONE]``."""
    opening: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
    content: list[dict[str, Any]] = [{"content": piece} for piece in completion.pieces]
    content += [
        {"tool_calls": [{"index": number, **_tool_call(completion, number, call)}]}
        for number, call in enumerate(completion.tool_calls)
    ]
    deltas = [*opening, *content]
    events = [_delta(completion, delta, None, number) for number, delta in enumerate(deltas)]
    last = _delta(completion, {}, completion.finish.value, len(deltas))
    usage = _event(completion, [], _usage(completion), len(deltas) + 1)
    return Events((events[0],), tuple(events[1:]), (last, usage, _DONE))


def truth(cassette: Cassette) -> Truth:
    """Reassemble the answer from the cassette's bytes. Raises DataError when they are not this dialect's."""
    return checked(_streamed_truth if cassette.head.stream else _whole_truth, cassette, "an OpenAI chat completion")


def _whole_truth(cassette: Cassette) -> Truth:
    answer = json.loads(cassette.body)
    choice = answer["choices"][0]
    message = choice["message"]
    calls = tuple(_called(call) for call in message.get("tool_calls") or ())
    return _truth(message["content"] or "", choice["finish_reason"], answer["usage"], calls, ())


def _streamed_truth(cassette: Cassette) -> Truth:
    text, reason, usage, with_content = "", None, None, []
    calls: dict[int, list[str]] = {}
    for number, chunk in enumerate(cassette.chunks):
        for event in events_of(chunk):
            for choice in event["choices"]:
                delta = choice["delta"]
                text += delta.get("content") or ""
                for call in delta.get("tool_calls") or ():
                    name, arguments = _called(call)
                    part = calls.setdefault(call["index"], ["", ""])
                    part[0] += name
                    part[1] += arguments
                if delta.get("content") or delta.get("tool_calls"):
                    with_content.append(number)
                reason = choice["finish_reason"] or reason
            usage = event.get("usage") or usage
    if reason is None or usage is None:
        raise ValueError("no finish_reason or no usage in the stream")
    found = tuple((name, arguments) for name, arguments in (calls[index] for index in sorted(calls)))
    return _truth(text, reason, usage, found, tuple(dict.fromkeys(with_content)))


def _truth(
    text: str, reason: str, usage: dict[str, Any], calls: tuple[tuple[str, str], ...], content_chunks: tuple[int, ...]
) -> Truth:
    return Truth(
        text=text,
        finish_reason=Finish(reason).value,
        input_tokens=usage["prompt_tokens"],
        output_tokens=usage["completion_tokens"],
        reasoning_tokens=(usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0,
        cached_tokens=(usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0,
        tool_calls=tuple((name, canonical_json(arguments)) for name, arguments in calls),
        content_chunks=content_chunks,
    )


def _called(call: dict[str, Any]) -> tuple[str, str]:
    if call.get("type") == "custom":
        return call["custom"]["name"], call["custom"]["input"]
    function = call["function"]
    return function.get("name") or "", function.get("arguments") or ""


def _tool_call(completion: Completion, number: int, call: ToolCall) -> dict[str, Any]:
    identity = f"call_{hashlib.sha256(f'{completion.seed}:{number}'.encode()).hexdigest()[:24]}"
    if call.is_free_form:
        return {"id": identity, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": identity, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _delta(completion: Completion, delta: dict[str, Any], reason: str | None, number: int) -> bytes:
    return _event(completion, [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}], None, number)


def _event(completion: Completion, choices: list[dict[str, Any]], usage: dict[str, Any] | None, number: int) -> bytes:
    return sse(
        {
            "id": _response_id(completion),
            "object": "chat.completion.chunk",
            "created": completion.created,
            "model": completion.model,
            "service_tier": "default",
            "system_fingerprint": completion.system_fingerprint,
            "choices": choices,
            "usage": usage,
            "obfuscation": _obfuscation(completion.seed, number),
        }
    )


def _response_id(completion: Completion) -> str:
    return f"chatcmpl-{completion.seed[:29]}"


def _obfuscation(seed: str, number: int) -> str:
    """The API pads every event with 1 to 16 random characters; here they follow from the seed."""
    digest = hashlib.sha256(f"{seed}:{number}".encode()).hexdigest()
    return digest[: 1 + int(digest[-1], 16)]


def _usage(completion: Completion) -> dict[str, Any]:
    return {
        "prompt_tokens": completion.input_tokens,
        "completion_tokens": completion.output_tokens,
        "total_tokens": completion.input_tokens + completion.output_tokens,
        "prompt_tokens_details": {"cached_tokens": completion.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": completion.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
