"""Owns OpenAI chat completions on the wire: the request body, whole and streamed answers byte for byte as the API
shapes them, and the truth inside an answer. One server-sent event is one chunk.

Called by ``author`` (building), ``conductor`` and ``load``'s workers through it (truth). Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from harness.cassette import Cassette
from harness.errors import DataError
from harness.workload import Workload

METHOD: Final = "POST"
PATH = "/v1/chat/completions"
_DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer before it has a wire shape. ``pieces`` are its tokens; joined they are the text."""

    response_id: str
    created: int
    model: str
    pieces: tuple[str, ...]
    input_tokens: int
    finish_reason: str = "stop"
    system_fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """What a client must hand its caller for this answer; a call is judged by it, never by the client's word."""

    text: str
    finish_reason: str
    output_tokens: int


def request_body(model: str, workload: Workload, stream: bool) -> dict[str, Any]:
    """The JSON body that every client must send, in canonical form, for this workload."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in workload.messages],
        **workload.parameters,
    }
    if workload.max_tokens is not None:
        body["max_completion_tokens"] = workload.max_tokens
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def whole(completion: Completion) -> bytes:
    """The body of a non-streamed answer, indented as the API does."""
    text = "".join(completion.pieces)
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    body = {
        "id": completion.response_id,
        "object": "chat.completion",
        "created": completion.created,
        "model": completion.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": completion.finish_reason}],
        "usage": _usage(completion),
        "service_tier": "default",
        "system_fingerprint": completion.system_fingerprint,
    }
    return (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()


def stream(completion: Completion) -> tuple[bytes, ...]:
    """The events of a streamed answer: role, one per piece, finish reason, usage, ``[DONE]``."""
    deltas: list[tuple[dict[str, Any], str | None]] = [({"role": "assistant", "content": "", "refusal": None}, None)]
    deltas += [({"content": piece}, None) for piece in completion.pieces]
    deltas += [({}, completion.finish_reason)]
    events = [
        _event(completion, [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}], None, number)
        for number, (delta, reason) in enumerate(deltas)
    ]
    return (*events, _event(completion, [], _usage(completion), len(deltas)), _DONE)


def truth(cassette: Cassette) -> Truth:
    """Reassemble the answer from the cassette's bytes. Raises DataError when they are not this dialect's."""
    try:
        return _streamed_truth(cassette.body) if cassette.head.stream else _whole_truth(cassette.body)
    except (ValueError, LookupError, TypeError, AttributeError) as problem:
        raise DataError(
            f"{cassette.cassette_id}: body: expected an OpenAI chat completion, got something else "
            f"({type(problem).__name__}: {problem}); check the dialect"
        ) from None


def _whole_truth(body: bytes) -> Truth:
    answer = json.loads(body)
    choice = answer["choices"][0]
    return Truth(choice["message"]["content"] or "", choice["finish_reason"], answer["usage"]["completion_tokens"])


def _streamed_truth(body: bytes) -> Truth:
    text, reason, tokens = "", None, None
    for event in _events(body):
        for choice in event["choices"]:
            text += choice["delta"].get("content") or ""
            reason = choice["finish_reason"] or reason
        if event.get("usage"):
            tokens = event["usage"]["completion_tokens"]
    if reason is None or tokens is None:
        raise ValueError("no finish_reason or no usage in the stream")
    return Truth(text, reason, tokens)


def _events(body: bytes) -> Iterator[dict[str, Any]]:
    for event in body.split(b"\n\n"):
        if event.startswith(b"data: ") and event != _DONE.strip():
            yield json.loads(event.removeprefix(b"data: "))


def _event(completion: Completion, choices: list[dict[str, Any]], usage: dict[str, Any] | None, number: int) -> bytes:
    payload = {
        "id": completion.response_id,
        "object": "chat.completion.chunk",
        "created": completion.created,
        "model": completion.model,
        "service_tier": "default",
        "system_fingerprint": completion.system_fingerprint,
        "choices": choices,
        "usage": usage,
        "obfuscation": _obfuscation(completion.response_id, number),
    }
    return f"data: {json.dumps(payload, separators=(',', ':'), ensure_ascii=False)}\n\n".encode()


def _obfuscation(response_id: str, number: int) -> str:
    """The API pads every event with 1 to 16 random characters; here they follow from the id."""
    digest = hashlib.sha256(f"{response_id}:{number}".encode()).hexdigest()
    return digest[: 1 + int(digest[-1], 16)]


def _usage(completion: Completion) -> dict[str, Any]:
    produced = len(completion.pieces)
    return {
        "prompt_tokens": completion.input_tokens,
        "completion_tokens": produced,
        "total_tokens": completion.input_tokens + produced,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
