"""The OpenAI chat dialect, and the shape that all dialects share."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette import Cassette
from harness.errors import DataError, UsageError
from harness.replay import dialects
from harness.replay.dialects import openai_chat
from harness.replay.dialects.parts import Completion, Events, ToolCall, Truth, in_events
from harness.vocabulary import Finish
from harness.workload import Message, Structure, Tool, Workload
from tests.replay.wire import cassette

COMPLETION = Completion("5eed" * 16, 1_762_000_000, "m-1", ("Hi", " there", "."), input_tokens=12, output_tokens=3)
THOUGHT = replace(COMPLETION, output_tokens=40, reasoning_tokens=37, cached_tokens=8)
CALLING = replace(
    COMPLETION,
    pieces=(),
    finish=Finish.TOOL_CALLS,
    tool_calls=(ToolCall("f", '{"b": 1, "a": "é"}'), ToolCall("g", "free text", is_free_form=True)),
)
WORKLOAD = Workload(
    name="w", description="d", messages=(Message(role="user", content="hi"),), max_tokens=9, parameters={"seed": 1}
)


def chunks_of(events: Events) -> tuple[bytes, ...]:
    """A stream's chunks in order."""
    return (*events.opening, *events.content, *events.closing)


def whole(completion: Completion) -> Cassette:
    """A whole answer as a cassette."""
    return cassette("w", (openai_chat.whole(completion),), (0,), head_offset_ns=0, stream=False)


def streamed(completion: Completion) -> Cassette:
    """A streamed answer as a cassette."""
    chunks = chunks_of(openai_chat.stream(completion))
    return cassette("s", chunks, tuple(range(len(chunks))), head_offset_ns=0, stream=True)


@pytest.mark.parametrize("name", dialects.DIALECTS)
def test_every_listed_dialect_exists(name: str) -> None:
    """The tuple is the list of modules, and each is found by what it speaks."""
    module = import_module(f"harness.replay.dialects.{name}")
    for operation in module.OPERATIONS:
        assert dialects.dialect_for(module.PROVIDER, operation) is module
    assert module.path("m", True).startswith("/")
    assert all(callable(getattr(module, each)) for each in ("request_body", "headers", "whole", "stream", "truth"))


def test_an_unknown_dialect_is_a_users_mistake() -> None:
    """With the pairs that exist."""
    with pytest.raises(UsageError, match=r"expected one of openai chat, .*, got anthropic background"):
        dialects.dialect_for("anthropic", "background")


def test_what_stands_between_two_contents_leaves_with_the_second() -> None:
    """Before the first and after the last each event is a chunk of its own."""
    marked = [(b"a", False), (b"b", False), (b"1", True), (b"c", False), (b"2", True), (b"d", False), (b"e", False)]
    assert in_events(marked) == Events((b"a", b"b"), (b"1", b"c2"), (b"d", b"e"))


def test_a_request_body_carries_the_workload() -> None:
    """Streams ask for their usage."""
    body = openai_chat.request_body("m", WORKLOAD, stream=False, operation="chat")
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "max_completion_tokens": 9,
        "seed": 1,
    }
    streaming = openai_chat.request_body("m", WORKLOAD, stream=True, operation="chat")
    assert streaming == {**body, "stream": True, "stream_options": {"include_usage": True}}


def test_a_request_body_carries_tools_and_structure() -> None:
    """A tool without a schema is a custom one."""
    tools = (Tool(name="f", description="F", parameters={"type": "object"}), Tool(name="g", description="G"))
    asked = WORKLOAD.model_copy(update={"tools": tools, "structure": Structure(kind="json")})
    body = openai_chat.request_body("m", asked, stream=False, operation="chat")
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "f", "description": "F", "parameters": {"type": "object"}, "strict": True},
        },
        {"type": "custom", "custom": {"name": "g", "description": "G"}},
    ]
    assert body["response_format"] == {"type": "json_object"}
    strict = openai_chat.response_format(Structure(kind="schema", json_schema={"type": "object"}))
    assert strict["json_schema"] == {"name": "answer", "schema": {"type": "object"}, "strict": True}


def test_a_stream_is_role_pieces_reason_usage_done() -> None:
    """One event a chunk, in the API's order."""
    events = openai_chat.stream(COMPLETION)
    chunks = chunks_of(events)
    assert [len(events.opening), len(events.content), len(events.closing)] == [1, 3, 3]
    assert all(chunk.startswith(b"data: ") and chunk.endswith(b"\n\n") for chunk in chunks)
    assert chunks[-1] == b"data: [DONE]\n\n"
    decoded = [json.loads(chunk[6:]) for chunk in chunks[:-1]]
    assert [event["choices"][0]["delta"] for event in decoded[:-1]] == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "Hi"},
        {"content": " there"},
        {"content": "."},
        {},
    ]
    assert decoded[-2]["choices"][0]["finish_reason"] == "stop"
    assert decoded[-1]["choices"] == []
    assert decoded[-1]["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize("completion", [COMPLETION, THOUGHT, CALLING, replace(COMPLETION, finish=Finish.LENGTH)])
def test_a_stream_and_a_whole_answer_hold_the_same_truth(completion: Completion) -> None:
    """Text, finish, usage and tool calls; only a stream has chunks of content."""
    found = openai_chat.truth(streamed(completion))
    assert len(found.content_chunks) == len(completion.pieces) + len(completion.tool_calls)
    assert replace(found, content_chunks=()) == openai_chat.truth(whole(completion))
    assert found.finish_reason == completion.finish
    assert (found.input_tokens, found.cached_tokens) == (completion.input_tokens, completion.cached_tokens)
    assert (found.output_tokens, found.reasoning_tokens) == (completion.output_tokens, completion.reasoning_tokens)


def test_tool_calls_are_in_canonical_form() -> None:
    """JSON arguments sorted, free-form input as it is."""
    assert openai_chat.truth(streamed(CALLING)).tool_calls == (("f", '{"a":"é","b":1}'), ("g", "free text"))


@given(pieces=st.lists(st.text(min_size=1), min_size=1).map(tuple))
def test_truth_is_recovered_from_the_bytes(pieces: tuple[str, ...]) -> None:
    """Whatever the text, streamed or whole."""
    completion = replace(COMPLETION, pieces=pieces)
    expected = Truth("".join(pieces), "stop", 12, 3)
    assert openai_chat.truth(whole(completion)) == expected
    numbers = tuple(range(1, len(pieces) + 1))
    assert openai_chat.truth(streamed(completion)) == replace(expected, content_chunks=numbers)


def test_the_sdk_reads_every_body_and_event() -> None:
    """Without an unknown member other than the padding."""
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

    for completion in (COMPLETION, THOUGHT, CALLING):
        read = ChatCompletion.model_validate_json(openai_chat.whole(completion))
        read.model_dump(warnings="error")
        assert not read.model_extra
    for completion in (COMPLETION, THOUGHT):
        for chunk in chunks_of(openai_chat.stream(completion))[:-1]:
            event = ChatCompletionChunk.model_validate_json(chunk[6:])
            event.model_dump(warnings="error")
            assert set(event.model_extra or {}) == {"obfuscation"}


@pytest.mark.parametrize("stream", [False, True])
def test_headers_carry_no_account(stream: bool) -> None:
    """Nor a cookie."""
    found: dict[str, Any] = dict(openai_chat.headers(COMPLETION, 9_000_000, stream))
    assert found["openai-processing-ms"] == "9"
    assert not {"set-cookie", "openai-project", "cf-ray"} & set(found)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"data: {}\n\n", b"data: 1\n\n", b'{"choices": []}', b"\xff"])
@pytest.mark.parametrize("stream", [False, True])
def test_another_dialects_bytes_are_a_data_error(body: bytes, stream: bool) -> None:
    """Never a traceback."""
    with pytest.raises(DataError, match="expected an OpenAI chat completion"):
        openai_chat.truth(cassette("c", (body,), (0,), head_offset_ns=0, stream=stream))
