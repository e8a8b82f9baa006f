"""Owns reading decoded answers of every provider by hand, as a caller without an SDK would. Pure; for ``raw_http``.

Told apart by their own shape: chat completions have ``choices``, Responses ``object`` or dotted event types, Anthropic
``content`` blocks, Gemini ``candidates``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from harness.clients import Answer
from harness.vocabulary import Finish, finish_word

Json = dict[str, Any]


def read_whole(answer: Json) -> Answer:
    """Read a whole answer."""
    if "choices" in answer:
        return _chat(
            [choice["message"] | {"finish_reason": choice["finish_reason"]} for choice in answer["choices"]], answer
        )
    if "candidates" in answer:
        return _gemini([answer])
    return _responses(answer) if answer.get("object") == "response" else _anthropic(answer["content"], answer)


def read_events(events: list[Json]) -> Answer:
    """Read the events of a streamed answer."""
    first = events[0]
    if "choices" in first:
        choices = [
            choice["delta"] | {"finish_reason": choice["finish_reason"]} for e in events for choice in e["choices"]
        ]
        return _chat(choices, _merged(events))
    if "candidates" in first:
        return _gemini(events)
    if first["type"].startswith("response."):
        return _responses(events[-1]["response"])
    return _anthropic(_blocks(events), _message(events))


def has_content(event: Json) -> bool:
    """Whether this event carries answer text or tool arguments."""
    if "choices" in event:
        return any(c["delta"].get("content") or c["delta"].get("tool_calls") for c in event["choices"])
    if "candidates" in event:
        return any(part.get("text") or "functionCall" in part for part in _parts([event]))
    if event["type"] == "content_block_delta":
        return bool(event["delta"].get("text") or event["delta"].get("partial_json"))
    return event["type"] in (
        "response.output_text.delta",
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
    )


def _merged(events: Iterable[Json]) -> Json:
    merged: Json = {}
    for event in events:
        merged |= {key: value for key, value in event.items() if value is not None}
    return merged


def _chat(messages: list[Json], answer: Json) -> Answer:
    calls: dict[int, list[str]] = {}
    for message in messages:
        for position, call in enumerate(message.get("tool_calls") or ()):
            part = call.get("function") or {"name": call["custom"]["name"], "arguments": call["custom"]["input"]}
            whole = calls.setdefault(call.get("index", position), ["", ""])
            whole[0] += part.get("name") or ""
            whole[1] += part.get("arguments") or ""
    usage = answer.get("usage") or {}
    reasons = [message["finish_reason"] for message in messages if message.get("finish_reason")]
    return Answer(
        text="".join(message.get("content") or "" for message in messages),
        finish_reason=finish_word(reasons[-1] if reasons else None),
        model=answer.get("model"),
        input_tokens=usage.get("prompt_tokens"),
        output_tokens=usage.get("completion_tokens"),
        reasoning_tokens=(usage.get("completion_tokens_details") or {}).get("reasoning_tokens"),
        cached_tokens=(usage.get("prompt_tokens_details") or {}).get("cached_tokens"),
        tool_calls=tuple((name, arguments) for name, arguments in calls.values()),
    )


def _anthropic(blocks: Iterable[Json], message: Json) -> Answer:
    blocks, usage = list(blocks), message["usage"]
    read, written = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    return Answer(
        text="".join(block["text"] for block in blocks if block["type"] == "text"),
        finish_reason=finish_word(message["stop_reason"]),
        model=message["model"],
        input_tokens=usage["input_tokens"] + read + written,
        output_tokens=usage["output_tokens"],
        reasoning_tokens=None,
        cached_tokens=read,
        tool_calls=tuple(
            (block["name"], json.dumps(block["input"])) for block in blocks if block["type"] == "tool_use"
        ),
    )


def _blocks(events: Iterable[Json]) -> list[Json]:
    blocks: list[Json] = []
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append(dict(event["content_block"]))
        elif event["type"] == "content_block_delta":
            delta, block = event["delta"], blocks[event["index"]]
            if delta["type"] == "text_delta":
                block["text"] += delta["text"]
            elif delta["type"] == "input_json_delta":
                block["partial"] = block.get("partial", "") + delta["partial_json"]
    return [block | {"input": json.loads(block["partial"])} if block.get("partial") else block for block in blocks]


def _message(events: Iterable[Json]) -> Json:
    message: Json = {}
    for event in events:
        if event["type"] == "message_start":
            message = dict(event["message"])
        elif event["type"] == "message_delta":
            usage = {**message["usage"], **{k: v for k, v in event["usage"].items() if v is not None}}
            message |= {**event["delta"], "usage": usage}
    return message


def _parts(answers: Iterable[Json]) -> list[Json]:
    return [
        part
        for answer in answers
        for candidate in answer["candidates"]
        for part in (candidate.get("content") or {}).get("parts") or ()
    ]


def _gemini(answers: list[Json]) -> Answer:
    parts = _parts(answers)
    calls = tuple(
        (part["functionCall"]["name"], json.dumps(part["functionCall"]["args"]))
        for part in parts
        if "functionCall" in part
    )
    reasons = [c["finishReason"] for answer in answers for c in answer["candidates"] if c.get("finishReason")]
    usage = _merged(answers).get("usageMetadata") or {}
    thoughts = usage.get("thoughtsTokenCount") or 0
    return Answer(
        text="".join(part.get("text", "") for part in parts if not part.get("thought")),
        finish_reason=Finish.TOOL_CALLS.value if calls else finish_word(reasons[-1] if reasons else None),
        model=answers[-1].get("modelVersion"),
        input_tokens=usage.get("promptTokenCount"),
        output_tokens=(usage.get("candidatesTokenCount") or 0) + thoughts,
        reasoning_tokens=thoughts,
        cached_tokens=usage.get("cachedContentTokenCount") or 0,
        tool_calls=calls,
    )


def _responses(response: Json) -> Answer:
    output, usage = response["output"], response.get("usage") or {}
    calls = tuple(
        (item["name"], item["arguments"] if item["type"] == "function_call" else item["input"])
        for item in output
        if item["type"] in ("function_call", "custom_tool_call")
    )
    incomplete = (response.get("incomplete_details") or {}).get("reason")
    return Answer(
        text="".join(part["text"] for i in output if i["type"] == "message" for part in i["content"]),
        finish_reason=Finish.TOOL_CALLS.value if calls else finish_word(incomplete or response["status"]),
        model=response["model"],
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
        reasoning_tokens=(usage.get("output_tokens_details") or {}).get("reasoning_tokens"),
        cached_tokens=(usage.get("input_tokens_details") or {}).get("cached_tokens"),
        tool_calls=calls,
    )
