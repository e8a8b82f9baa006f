"""Owns Anthropic messages on the wire: the request body, whole and streamed answers byte for byte as the API shapes
them, and the truth inside an answer. One delta of text is one chunk; a tool call's events travel in one chunk.

``input_tokens`` on this wire are the tokens not read from the cache; ``Completion`` and ``Truth`` count them all.
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
    Truth,
    canonical_json,
    checked,
    events_of,
    finish_of,
    in_events,
    object_arguments,
)
from harness.vocabulary import Finish, Operation
from harness.workload import Structure, Tool, Workload

PROVIDER: Final = "anthropic"
OPERATIONS: Final = (Operation.CHAT.value,)
DEFAULT_MAX_TOKENS: Final = 1024
"""The API demands a limit; this one is sent where the workload has none."""

_PING = b'event: ping\ndata: {"type": "ping"}\n\n'
_STOP_REASONS = {
    Finish.STOP: "end_turn",
    Finish.LENGTH: "max_tokens",
    Finish.TOOL_CALLS: "tool_use",
    Finish.CONTENT_FILTER: "refusal",
}
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}


def path(model: str, stream: bool) -> str:
    """The same for every model and shape."""
    return "/v1/messages"


def request_body(model: str, workload: Workload, stream: bool, operation: str) -> dict[str, Any]:
    """The canonical JSON body of this workload. ``seed`` and ``verbosity`` are left out: the API has neither."""
    turns = [message for message in workload.conversation if message.role != "system"]
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": workload.max_tokens or DEFAULT_MAX_TOKENS,
        "messages": [{"role": message.role, "content": message.content} for message in turns],
        **_parameters(workload.parameters),
    }
    if system := _system([message.content for message in workload.conversation if message.role == "system"]):
        body["system"] = system
    if workload.offered_tools:
        body["tools"] = [tool_shape(tool) for tool in workload.offered_tools]
    if output := _output_config(workload):
        body["output_config"] = output
    if stream:
        body["stream"] = True
    return body


def tool_shape(tool: Tool) -> dict[str, Any]:
    """A tool as Messages name it; a free-form one takes an object with the one string ``input``."""
    schema = FREE_FORM_SCHEMA if tool.parameters is None else tool.parameters
    return {"name": tool.name, "description": tool.description, "input_schema": schema}


def output_format(structure: Structure) -> dict[str, Any] | None:
    """``json_schema``; None for any JSON object, which the API cannot be asked for: only the prompt asks."""
    return {"type": "json_schema", "schema": structure.json_schema} if structure.kind == "schema" else None


def headers(completion: Completion, first_byte_ns: int, stream: bool) -> tuple[tuple[str, str], ...]:
    """What the API sends, without cookies and with nobody's account in it."""
    limits = (("requests", 4_000), ("input-tokens", 2_000_000), ("output-tokens", 400_000), ("tokens", 2_400_000))
    rates = [(f"anthropic-ratelimit-{kind}-{key}", str(n)) for kind, n in limits for key in ("limit", "remaining")]
    return (
        ("date", formatdate(completion.created, usegmt=True)),
        ("content-type", "text/event-stream; charset=utf-8" if stream else "application/json"),
        *([("cache-control", "no-cache")] if stream else []),
        *rates,
        ("request-id", f"req_011C{_digest(completion, 'request')[:20]}"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
        ("anthropic-organization-id", "00000000-0000-0000-0000-000000000000"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("x-robots-tag", "none"),
        ("x-envoy-upstream-service-time", str(first_byte_ns // 1_000_000)),
        ("vary", "Accept-Encoding"),
        ("server", "cloudflare"),
        ("cf-cache-status", "DYNAMIC"),
    )


def whole(completion: Completion) -> bytes:
    """The body of a non-streamed answer, on one line as the API writes it."""
    body = _message(completion, _blocks(completion), _STOP_REASONS[completion.finish], completion.output_tokens)
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def stream(completion: Completion) -> Events:
    """Message start; per block its start, deltas and stop; stop reason with usage, message stop."""
    return in_events(_events(completion))


def truth(cassette: Cassette) -> Truth:
    """Reassemble the answer from the cassette's bytes. Raises DataError when they are not this dialect's."""
    return checked(_streamed_truth if cassette.head.stream else _whole_truth, cassette, "an Anthropic message")


def _parameters(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {name: given[name] for name in ("temperature", "top_p") if name in given}
    if stop := given.get("stop"):
        found["stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
    return found


def _system(texts: list[str]) -> str | list[dict[str, str]] | None:
    if len(texts) > 1:
        return [{"type": "text", "text": text} for text in texts]
    return texts[0] if texts else None


def _output_config(workload: Workload) -> dict[str, Any]:
    effort = _EFFORTS.get(workload.parameters.get("reasoning_effort", ""))
    structure = None if workload.structure is None else output_format(workload.structure)
    return {key: value for key, value in (("effort", effort), ("format", structure)) if value is not None}


def _whole_truth(cassette: Cassette) -> Truth:
    answer = json.loads(cassette.body)
    blocks = answer["content"]
    calls = tuple((block["name"], json.dumps(block["input"])) for block in blocks if block["type"] == "tool_use")
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    return _truth(text, answer["stop_reason"], answer["usage"], calls, ())


def _streamed_truth(cassette: Cassette) -> Truth:
    text, reason, usage, with_content = "", None, None, []
    calls: dict[int, list[str]] = {}
    for number, chunk in enumerate(cassette.chunks):
        for event in events_of(chunk):
            if event["type"] == "content_block_start" and event["content_block"]["type"] == "tool_use":
                calls[event["index"]] = [event["content_block"]["name"], ""]
            elif event["type"] == "content_block_delta":
                words, arguments = event["delta"].get("text", ""), event["delta"].get("partial_json", "")
                text += words
                if arguments:
                    calls[event["index"]][1] += arguments
                if words or arguments:
                    with_content.append(number)
            elif event["type"] == "message_delta":
                reason, usage = event["delta"]["stop_reason"], event["usage"]
    if reason is None or usage is None:
        raise ValueError("no message_delta in the stream")
    found = tuple((name, arguments or "{}") for name, arguments in (calls[index] for index in sorted(calls)))
    return _truth(text, reason, usage, found, tuple(dict.fromkeys(with_content)))


def _truth(
    text: str, reason: str, usage: dict[str, Any], calls: tuple[tuple[str, str], ...], content_chunks: tuple[int, ...]
) -> Truth:
    read, written = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    return Truth(
        text=text,
        finish_reason=finish_of(reason).value,
        input_tokens=usage["input_tokens"] + read + written,
        output_tokens=usage["output_tokens"],
        reasoning_tokens=(usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
        cached_tokens=read,
        tool_calls=tuple((name, canonical_json(arguments)) for name, arguments in calls),
        content_chunks=content_chunks,
    )


def _blocks(completion: Completion) -> list[dict[str, Any]]:
    """The content of the message. Thought the API does not show is a block without text, only signed."""
    blocks: list[dict[str, Any]] = []
    if completion.reasoning_tokens:
        blocks.append({"type": "thinking", "thinking": "", "signature": _signature(completion)})
    if completion.text:
        blocks.append({"type": "text", "text": completion.text})
    for number, call in enumerate(completion.tool_calls):
        identity = f"toolu_01{_digest(completion, f'call {number}')[:22]}"
        arguments = json.loads(object_arguments(call))
        blocks.append({"type": "tool_use", "id": identity, "name": call.name, "input": arguments})
    return blocks


def _events(completion: Completion) -> Iterator[tuple[bytes, bool]]:
    opening = {"type": "message_start", "message": _message(completion, [], None, 1)}
    yield _event(completion, opening), False
    inputs = iter([object_arguments(call) for call in completion.tool_calls])
    for index, block in enumerate(_blocks(completion)):
        yield (
            _event(completion, {"type": "content_block_start", "index": index, "content_block": _emptied(block)}),
            False,
        )
        if index == 0:
            yield _PING, False
        if block["type"] == "thinking":
            yield _delta(completion, index, "signature_delta", "signature", block["signature"]), False
        elif block["type"] == "text":
            for piece in completion.pieces:
                yield _delta(completion, index, "text_delta", "text", piece), True
        else:
            yield _input_deltas(completion, index, next(inputs)), True
        yield _event(completion, {"type": "content_block_stop", "index": index}), False
    yield _message_delta(completion), False
    yield _event(completion, {"type": "message_stop"}), False


def _emptied(block: dict[str, Any]) -> dict[str, Any]:
    """A block as its start announces it."""
    empty: dict[str, Any] = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {key: empty.get(key, value) if key != "type" else value for key, value in block.items()}


def _input_deltas(completion: Completion, index: int, arguments: str) -> bytes:
    """The API opens with an empty delta; the JSON follows in parts that are no JSON by themselves."""
    half = len(arguments) // 2
    parts = ("", arguments[:half], arguments[half:])
    return b"".join(_delta(completion, index, "input_json_delta", "partial_json", part) for part in parts)


def _delta(completion: Completion, index: int, kind: str, key: str, value: str) -> bytes:
    return _event(completion, {"type": "content_block_delta", "index": index, "delta": {"type": kind, key: value}})


def _message_delta(completion: Completion) -> bytes:
    delta = {"stop_reason": _STOP_REASONS[completion.finish], "stop_sequence": None, "stop_details": None}
    usage = _counts(completion) | {"output_tokens": completion.output_tokens} | _thinking(completion)
    return _event(completion, {"type": "message_delta", "delta": delta, "usage": usage})


def _event(completion: Completion, payload: dict[str, Any]) -> bytes:
    """The API pads every event with 0 to 15 spaces before its last brace; here they follow from the seed."""
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    padding = " " * int(_digest(completion, text)[-1], 16)
    return f"event: {payload['type']}\ndata: {text[:-1]}{padding}}}\n\n".encode()


def _message(
    completion: Completion, content: list[dict[str, Any]], reason: str | None, output_tokens: int
) -> dict[str, Any]:
    return {
        "model": completion.model,
        "id": f"msg_01{_digest(completion, 'message')[:22]}",
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "stop_details": None,
        "usage": {
            **_counts(completion),
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": output_tokens,
            **({} if reason is None else _thinking(completion)),
            "service_tier": "standard",
            "inference_geo": "not_available",
        },
    }


def _counts(completion: Completion) -> dict[str, int]:
    return {
        "input_tokens": completion.input_tokens - completion.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": completion.cached_tokens,
    }


def _thinking(completion: Completion) -> dict[str, Any]:
    tokens = completion.reasoning_tokens
    return {"output_tokens_details": {"thinking_tokens": tokens}} if tokens else {}


def _signature(completion: Completion) -> str:
    return base64.b64encode(hashlib.sha256(f"{completion.seed}:signature".encode()).digest() * 4).decode()


def _digest(completion: Completion, what: str) -> str:
    return hashlib.sha256(f"{completion.seed}:{what}".encode()).hexdigest()
