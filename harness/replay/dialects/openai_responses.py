"""Owns OpenAI's Responses on the wire: the request body, whole and streamed answers byte for byte as the API shapes
them, the states of a background job, and the truth inside an answer. One delta of text is one chunk; a tool call's
events travel in one chunk.

What an answer repeats of its request (tools, format, sampling) has the API's defaults here. A job that ended without an
answer has the finish reason ``failed`` or ``cancelled``, which no other answer has.
Called by ``author`` (building), ``conductor`` and ``load``'s workers through it (truth), the backend (job ids). Pure.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any, Final

from harness.cassette import Cassette
from harness.errors import DataError, UsageError
from harness.replay.dialects import openai_chat
from harness.replay.dialects.parts import (
    Completion,
    Events,
    ToolCall,
    Truth,
    canonical_json,
    checked,
    events_of,
    finish_of,
    in_events,
    sse,
)
from harness.vocabulary import Finish, Operation
from harness.workload import Structure, Tool, Workload

PROVIDER: Final = "openai"
OPERATIONS: Final = (Operation.RESPONSES.value, Operation.BACKGROUND.value)
ENDINGS: Final = ("completed", "failed", "incomplete", "cancelled")
"""How a background job can end."""

_ID_DIGITS = 48
_JOB_ID = re.compile(rb'"id": ?"(resp_[0-9a-f]{%d})"' % _ID_DIGITS)
_STATUSES = {
    Finish.STOP: "completed",
    Finish.LENGTH: "incomplete",
    Finish.TOOL_CALLS: "completed",
    Finish.CONTENT_FILTER: "incomplete",
}
_INCOMPLETE_REASONS = {Finish.LENGTH: "max_output_tokens", Finish.CONTENT_FILTER: "content_filter"}
_SERVER_ERROR = {
    "code": "server_error",
    "message": "An error occurred while processing your request. You can retry your request.",
}


def path(model: str, stream: bool) -> str:
    """The same for every model and shape."""
    return "/v1/responses"


def request_body(model: str, workload: Workload, stream: bool, operation: str) -> dict[str, Any]:
    """The canonical JSON body of this workload. ``seed`` and ``stop`` are left out: the API has neither."""
    given = workload.parameters
    body: dict[str, Any] = {
        "model": model,
        "input": [{"role": message.role, "content": message.content} for message in workload.conversation],
        **{name: given[name] for name in ("temperature", "top_p") if name in given},
    }
    if workload.max_tokens is not None:
        body["max_output_tokens"] = workload.max_tokens
    if effort := given.get("reasoning_effort"):
        body["reasoning"] = {"effort": effort}
    if text := _text(workload):
        body["text"] = text
    if workload.offered_tools:
        body["tools"] = [tool_shape(tool) for tool in workload.offered_tools]
    if operation == Operation.BACKGROUND:
        body |= {"background": True, "store": True}
    if stream:
        body["stream"] = True
    return body


def tool_shape(tool: Tool) -> dict[str, Any]:
    """A tool as Responses name it: flat, a function, or a custom tool where its input is free-form."""
    named = {"name": tool.name, "description": tool.description}
    if tool.parameters is None:
        return {"type": "custom", **named}
    return {"type": "function", **named, "parameters": tool.parameters, "strict": True}


def text_format(structure: Structure) -> dict[str, Any]:
    """``json_object``, or ``json_schema`` with ``strict``."""
    if structure.kind == "json":
        return {"type": "json_object"}
    return {"type": "json_schema", "name": structure.name, "schema": structure.json_schema, "strict": True}


def headers(completion: Completion, first_byte_ns: int, stream: bool) -> tuple[tuple[str, str], ...]:
    """The same as for chat completions."""
    return openai_chat.headers(completion, first_byte_ns, stream)


def whole(completion: Completion) -> bytes:
    """The body of a non-streamed answer, indented as the API does."""
    return _dump(_ended(completion))


def stream(completion: Completion) -> Events:
    """Created, in progress; per item its added, delta and done events; the whole response as it ended."""
    numbers = count()
    return in_events(
        (b"".join(_event(completion, payload, next(numbers)) for payload in payloads), is_content)
        for payloads, is_content in _payloads(completion)
    )


def truth(cassette: Cassette) -> Truth:
    """Reassemble the answer from the cassette's bytes; a job's from its last state. Raises DataError when they are not
    this dialect's.
    """
    streams = cassette.head.stream and cassette.head.operation is not Operation.BACKGROUND
    return checked(_streamed_truth if streams else _whole_truth, cassette, "an OpenAI response")


def job_states(completion: Completion, ending: str) -> tuple[bytes, ...]:
    """The bodies of a background job's life: queued, in progress, and one of ``ENDINGS``. Raises UsageError."""
    if ending not in ENDINGS:
        raise UsageError(f"ending: expected one of {', '.join(ENDINGS)}, got {ending!r}")
    running = [_response(completion, status) for status in ("queued", "in_progress")]
    return tuple(_dump(state | {"background": True}) for state in (*running, _last_state(completion, ending)))


def job_id(body: bytes) -> str:
    """The response id in a body, of the same length for every job. Raises DataError."""
    found = _JOB_ID.search(body)
    if found is None:
        raise DataError(
            f"body: expected an id of resp_ and {_ID_DIGITS} hexadecimal digits, got none; check the dialect"
        )
    return found[1].decode()


def _text(workload: Workload) -> dict[str, Any]:
    text: dict[str, Any] = {} if workload.structure is None else {"format": text_format(workload.structure)}
    verbosity = workload.parameters.get("verbosity")
    return text if verbosity is None else text | {"verbosity": verbosity}


def _last_state(completion: Completion, ending: str) -> dict[str, Any]:
    match ending:
        case "completed":
            return _ended(completion)
        case "incomplete":
            return _ended(_cut(completion))
        case "failed":
            return _response(completion, "failed") | {"error": _SERVER_ERROR}
    return _response(completion, "cancelled")


def _cut(completion: Completion) -> Completion:
    """The first half of an answer, which ran into its limit."""
    kept = (len(completion.pieces) + 1) // 2
    visible = completion.output_tokens - completion.reasoning_tokens
    return replace(
        completion,
        pieces=completion.pieces[:kept],
        output_tokens=completion.reasoning_tokens + visible * kept // max(1, len(completion.pieces)),
        finish=Finish.LENGTH,
        tool_calls=(),
    )


def _whole_truth(cassette: Cassette) -> Truth:
    is_job = cassette.head.operation is Operation.BACKGROUND
    answer = json.loads(cassette.chunks[-1] if is_job else cassette.body)
    messages = [item for item in answer["output"] if item["type"] == "message"]
    text = "".join(part["text"] for item in messages for part in item["content"])
    calls = [_called(item) for item in answer["output"] if item["type"] in ("function_call", "custom_tool_call")]
    return _truth(answer, text, calls, ())


def _streamed_truth(cassette: Cassette) -> Truth:
    text, answer, with_content = "", None, []
    calls: dict[int, list[str]] = {}
    for number, chunk in enumerate(cassette.chunks):
        for event in events_of(chunk):
            match event["type"]:
                case "response.output_item.added" if "name" in event["item"]:
                    calls[event["output_index"]] = [event["item"]["name"], ""]
                case "response.output_text.delta":
                    text += event["delta"]
                    with_content += [number] if event["delta"] else []
                case "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta":
                    calls[event["output_index"]][1] += event["delta"]
                    with_content.append(number)
                case "response.completed" | "response.incomplete" | "response.failed":
                    answer = event["response"]
    if answer is None:
        raise ValueError("no event ends the stream")
    found = [(name, arguments) for name, arguments in (calls[index] for index in sorted(calls))]
    return _truth(answer, text, found, tuple(dict.fromkeys(with_content)))


def _truth(answer: dict[str, Any], text: str, calls: list[tuple[str, str]], content_chunks: tuple[int, ...]) -> Truth:
    usage = answer["usage"] or {}
    return Truth(
        text=text,
        finish_reason=_finish(answer, has_calls=bool(calls)),
        input_tokens=usage.get("input_tokens", 0),
        output_tokens=usage.get("output_tokens", 0),
        reasoning_tokens=(usage.get("output_tokens_details") or {}).get("reasoning_tokens") or 0,
        cached_tokens=(usage.get("input_tokens_details") or {}).get("cached_tokens") or 0,
        tool_calls=tuple((name, canonical_json(arguments)) for name, arguments in calls),
        content_chunks=content_chunks,
    )


def _finish(answer: dict[str, Any], *, has_calls: bool) -> str:
    match answer["status"]:
        case "completed":
            return Finish.TOOL_CALLS.value if has_calls else Finish.STOP.value
        case "incomplete":
            return finish_of(answer["incomplete_details"]["reason"]).value
        case "failed" | "cancelled" as status:
            return str(status)
    raise ValueError(f"status {answer['status']!r} is no end")


def _called(item: dict[str, Any]) -> tuple[str, str]:
    return item["name"], item["input"] if item["type"] == "custom_tool_call" else item["arguments"]


def _payloads(completion: Completion) -> Iterator[tuple[list[dict[str, Any]], bool]]:
    """The events that leave together, and whether they carry content."""
    for kind in ("created", "in_progress"):
        yield [{"type": f"response.{kind}", "response": _response(completion, "in_progress")}], False
    for index, item in enumerate(_items(completion)):
        match item["type"]:
            case "message":
                yield from _message_payloads(completion, item, index)
            case "reasoning":
                yield [_item_event("added", item, index)], False
                yield [_item_event("done", item, index)], False
            case _:
                yield _call_payloads(item, index), True
    ended = _ended(completion)
    yield [{"type": f"response.{ended['status']}", "response": ended}], False


def _message_payloads(
    completion: Completion, item: dict[str, Any], index: int
) -> Iterator[tuple[list[dict[str, Any]], bool]]:
    at = {"item_id": item["id"], "output_index": index, "content_index": 0}
    yield [_item_event("added", item | {"status": "in_progress", "content": []}, index)], False
    yield [{"type": "response.content_part.added", **at, "part": _part("")}], False
    for piece in completion.pieces:
        yield [{"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}], True
    yield [{"type": "response.output_text.done", **at, "text": completion.text, "logprobs": []}], False
    yield [{"type": "response.content_part.done", **at, "part": _part(completion.text)}], False
    yield [_item_event("done", item, index)], False


def _call_payloads(item: dict[str, Any], index: int) -> list[dict[str, Any]]:
    is_custom = item["type"] == "custom_tool_call"
    kind, key = ("custom_tool_call_input", "input") if is_custom else ("function_call_arguments", "arguments")
    at = {"item_id": item["id"], "output_index": index}
    text = item[key]
    halves = [half for half in (text[: len(text) // 2], text[len(text) // 2 :]) if half]
    named = {} if is_custom else {"name": item["name"]}
    return [
        _item_event("added", item | {"status": "in_progress", key: ""}, index),
        *({"type": f"response.{kind}.delta", **at, "delta": half} for half in halves),
        {"type": f"response.{kind}.done", **at, key: text, **named},
        _item_event("done", item, index),
    ]


def _item_event(kind: str, item: dict[str, Any], index: int) -> dict[str, Any]:
    return {"type": f"response.output_item.{kind}", "item": item, "output_index": index}


def _event(completion: Completion, payload: dict[str, Any], number: int) -> bytes:
    """The API sorts what follows the type, and pads deltas with 1 to 16 characters, which here follow from the seed."""
    members = payload | {"sequence_number": number}
    if payload["type"].endswith(".delta"):
        digest = _digest(completion, f"padding {number}")
        members["obfuscation"] = digest[: 1 + int(digest[-1], 16)]
    return sse({"type": payload["type"]} | dict(sorted(members.items())), event=payload["type"])


def _items(completion: Completion) -> list[dict[str, Any]]:
    """What the model put out: its reasoning, unseen; its message; its tool calls."""
    items: list[dict[str, Any]] = []
    if completion.reasoning_tokens:
        items.append({"id": _identity(completion, "rs"), "type": "reasoning", "summary": []})
    if completion.text or not completion.tool_calls:
        items.append(_message(completion))
    items += [_call(completion, number, call) for number, call in enumerate(completion.tool_calls)]
    return items


def _message(completion: Completion) -> dict[str, Any]:
    return {
        "id": _identity(completion, "msg"),
        "type": "message",
        "status": _STATUSES[completion.finish],
        "content": [_part(completion.text)],
        "role": "assistant",
    }


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _call(completion: Completion, number: int, call: ToolCall) -> dict[str, Any]:
    called = {"call_id": f"call_{_digest(completion, f'call {number}')[:24]}", "name": call.name}
    if call.is_free_form:
        item = {"id": _identity(completion, "ctc", number), "type": "custom_tool_call", "input": call.arguments}
    else:
        item = {"id": _identity(completion, "fc", number), "type": "function_call", "arguments": call.arguments}
    return {**item, "status": "completed", **called}


def _ended(completion: Completion) -> dict[str, Any]:
    """The response that ends as the completion does."""
    status = _STATUSES[completion.finish]
    reason = _INCOMPLETE_REASONS.get(completion.finish)
    return _response(completion, status) | {
        "completed_at": completion.created + 1 if status == "completed" else None,
        "incomplete_details": None if reason is None else {"reason": reason},
        "output": _items(completion),
        "service_tier": "default",
        "usage": _usage(completion),
    }


def _response(completion: Completion, status: str) -> dict[str, Any]:
    """A response without output."""
    return {
        "id": _identity(completion, "resp"),
        "object": "response",
        "created_at": completion.created,
        "status": status,
        "background": False,
        "completed_at": None,
        "error": None,
        "frequency_penalty": 0.0,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "model": completion.model,
        "output": [],
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "prompt_cache_retention": "in_memory",
        "reasoning": {"effort": "medium" if completion.reasoning_tokens else None, "summary": None},
        "safety_identifier": None,
        "service_tier": "auto",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "user": None,
        "metadata": {},
    }


def _usage(completion: Completion) -> dict[str, Any]:
    return {
        "input_tokens": completion.input_tokens,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": completion.cached_tokens},
        "output_tokens": completion.output_tokens,
        "output_tokens_details": {"reasoning_tokens": completion.reasoning_tokens},
        "total_tokens": completion.input_tokens + completion.output_tokens,
    }


def _dump(body: dict[str, Any]) -> bytes:
    return json.dumps(body, indent=2, ensure_ascii=False).encode()


def _identity(completion: Completion, kind: str, number: int = 0) -> str:
    return f"{kind}_{_digest(completion, f'{kind} {number}')[:_ID_DIGITS]}"


def _digest(completion: Completion, what: str) -> str:
    return hashlib.sha256(f"{completion.seed}:{what}".encode()).hexdigest()
