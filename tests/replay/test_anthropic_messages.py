"""The Anthropic messages dialect."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette import Cassette
from harness.errors import DataError
from harness.replay.dialects import anthropic_messages as dialect
from harness.replay.dialects.parts import Completion, ToolCall, Truth, events_of
from harness.vocabulary import Finish
from harness.workload import Message, Structure, Tool, Workload
from tests.replay.wire import cassette

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
COMPLETION = Completion("5eed" * 16, 1_762_000_000, "m-1", ("Hi", " there", "."), input_tokens=12, output_tokens=3)
THOUGHT = replace(COMPLETION, output_tokens=40, reasoning_tokens=37, cached_tokens=8)
CALLING = replace(
    COMPLETION,
    pieces=(),
    finish=Finish.TOOL_CALLS,
    tool_calls=(
        ToolCall("f", '{"b": 1, "a": "é"}'),
        ToolCall("g", "free text", is_free_form=True),
        ToolCall("h", "{}"),
    ),
)
TALKING = replace(CALLING, pieces=("I", " look."), reasoning_tokens=1)
COMPLETIONS = (
    COMPLETION,
    THOUGHT,
    CALLING,
    TALKING,
    replace(COMPLETION, finish=Finish.LENGTH),
    replace(COMPLETION, finish=Finish.CONTENT_FILTER),
    replace(COMPLETION, pieces=()),
    replace(THOUGHT, pieces=()),
)
WORKLOAD = Workload(
    name="w",
    description="d",
    messages=(
        Message(role="system", content="brief"),
        Message(role="user", content="hi"),
        Message(role="assistant", content="yo"),
        Message(role="user", content="more"),
    ),
    parameters={"temperature": 0.5, "top_p": 0.9, "stop": "x", "seed": 1, "verbosity": "low"},
)


def chunks_of(completion: Completion) -> tuple[bytes, ...]:
    """A stream's chunks in order."""
    events = dialect.stream(completion)
    return (*events.opening, *events.content, *events.closing)


def whole(completion: Completion) -> Cassette:
    """A whole answer as a cassette."""
    return cassette("w", (dialect.whole(completion),), (0,), head_offset_ns=0, stream=False)


def streamed(completion: Completion) -> Cassette:
    """A streamed answer as a cassette."""
    chunks = chunks_of(completion)
    return cassette("s", chunks, tuple(range(len(chunks))), head_offset_ns=0, stream=True)


def kinds(chunks: tuple[bytes, ...]) -> list[str]:
    """The type of every event."""
    return [event["type"] for chunk in chunks for event in events_of(chunk)]


def asked(**changes: Any) -> dict[str, Any]:
    """The request of the workload with these members changed."""
    return dialect.request_body("m", WORKLOAD.model_copy(update=changes), stream=False, operation="chat")


def sdk(answer: bytes, sent: list[dict[str, Any]]) -> Any:
    """The SDK's client, given ``answer`` without a network; what it asked is added to ``sent``."""
    import anthropic
    import httpx2

    def reply(request: httpx2.Request) -> httpx2.Response:
        sent.append(json.loads(request.content))
        kind = "text/event-stream" if answer.startswith(b"event") else "application/json"
        return httpx2.Response(200, headers={"content-type": kind}, content=answer)

    transport = httpx2.Client(transport=httpx2.MockTransport(reply))
    return anthropic.Anthropic(api_key="k", base_url="http://x", http_client=transport).with_options(max_retries=0)


def test_a_request_body_carries_the_workload() -> None:
    """System messages apart, a limit always, no parameter that the API lacks."""
    body = asked()
    assert body == {
        "model": "m",
        "max_tokens": 1024,
        "system": "brief",
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "yo"},
            {"role": "user", "content": "more"},
        ],
        "temperature": 0.5,
        "top_p": 0.9,
        "stop_sequences": ["x"],
    }
    assert dialect.request_body("m", WORKLOAD, stream=True, operation="chat") == {**body, "stream": True}
    assert asked(max_tokens=7)["max_tokens"] == 7


def test_several_system_messages_are_blocks() -> None:
    """None of them is joined to another."""
    system = [Message(role="system", content=text) for text in ("one", "two")]
    body = asked(messages=(*system, Message(role="user", content="hi")))
    assert body["system"] == [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert "system" not in asked(messages=(Message(role="user", content="hi"),))


def test_a_request_body_carries_tools_structure_and_effort() -> None:
    """A free-form tool takes one string; any JSON object cannot be asked for."""
    tools = (Tool(name="f", description="F", parameters=SCHEMA), Tool(name="g", description="G"))
    strict = Structure(kind="schema", json_schema=SCHEMA)
    body = asked(tools=tools, structure=strict, parameters={"reasoning_effort": "minimal"})
    assert body["tools"][0] == {"name": "f", "description": "F", "input_schema": SCHEMA}
    assert list(body["tools"][1]["input_schema"]["properties"]) == ["input"]
    assert body["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}
    assert "output_config" not in asked(structure=Structure(kind="json"))
    assert "output_config" not in asked(parameters={"reasoning_effort": "none"})


def test_the_sdk_sends_the_request_body() -> None:
    """All of it from typed arguments, but for the sampling that it no longer types and the API still takes."""
    tools = (Tool(name="f", description="F", parameters=SCHEMA), Tool(name="g", description="G"))
    strict = Structure(kind="schema", json_schema=SCHEMA)
    body = asked(tools=tools, structure=strict, parameters={"reasoning_effort": "high", "stop": ["x"]})
    sampling = {"temperature": 0.5, "top_p": 0.9}
    sent: list[dict[str, Any]] = []
    sdk(dialect.whole(COMPLETION), sent).messages.create(**body, extra_body=sampling)
    assert sent == [body | sampling]


def test_a_stream_is_start_blocks_reason_stop() -> None:
    """In the API's order, with its event names."""
    events = dialect.stream(COMPLETION)
    assert kinds(events.opening) == ["message_start", "content_block_start", "ping"]
    assert kinds(events.content) == ["content_block_delta"] * 3
    assert kinds(events.closing) == ["content_block_stop", "message_delta", "message_stop"]
    for chunk in chunks_of(COMPLETION):
        found = re.fullmatch(rb'event: (\w+)\ndata: \{"type": ?"(\w+)".*\}\n\n', chunk)
        assert found is not None
        assert found[1] == found[2]


def test_a_tool_calls_events_travel_in_one_chunk() -> None:
    """With the end of the block before it; its JSON comes in parts."""
    events = dialect.stream(TALKING)
    assert len(events.content) == len(TALKING.pieces) + len(TALKING.tool_calls)
    assert kinds(events.opening)[-3:] == ["content_block_delta", "content_block_stop", "content_block_start"]
    assert kinds((events.content[2],)) == ["content_block_stop", "content_block_start", *["content_block_delta"] * 3]
    parts = [event["delta"]["partial_json"] for event in list(events_of(events.content[2]))[2:]]
    assert parts[0] == ""
    assert "".join(parts) == TALKING.tool_calls[0].arguments


@pytest.mark.parametrize("completion", COMPLETIONS)
def test_a_stream_and_a_whole_answer_hold_the_same_truth(completion: Completion) -> None:
    """Text, finish, usage and tool calls; only a stream has chunks of content."""
    found = dialect.truth(streamed(completion))
    assert len(found.content_chunks) == len(completion.pieces) + len(completion.tool_calls)
    assert replace(found, content_chunks=()) == dialect.truth(whole(completion))
    assert (found.text, found.finish_reason) == (completion.text, completion.finish)
    assert (found.input_tokens, found.cached_tokens) == (completion.input_tokens, completion.cached_tokens)
    assert (found.output_tokens, found.reasoning_tokens) == (completion.output_tokens, completion.reasoning_tokens)


def test_the_wire_counts_cached_tokens_apart() -> None:
    """As Anthropic bills them."""
    usage = json.loads(dialect.whole(THOUGHT))["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"]) == (4, 8)
    assert usage["output_tokens_details"] == {"thinking_tokens": 37}


def test_tool_calls_are_in_canonical_form() -> None:
    """Free-form input is the one string of an object."""
    expected = (("f", '{"a":"é","b":1}'), ("g", '{"input":"free text"}'), ("h", "{}"))
    assert dialect.truth(streamed(CALLING)).tool_calls == expected


@given(pieces=st.lists(st.text(min_size=1), min_size=1).map(tuple))
def test_truth_is_recovered_from_the_bytes(pieces: tuple[str, ...]) -> None:
    """Whatever the text, streamed or whole."""
    completion = replace(COMPLETION, pieces=pieces)
    expected = Truth("".join(pieces), "stop", 12, 3)
    assert dialect.truth(whole(completion)) == expected
    numbers = tuple(range(3, 3 + len(pieces)))
    assert dialect.truth(streamed(completion)) == replace(expected, content_chunks=numbers)


@pytest.mark.parametrize("completion", COMPLETIONS)
def test_the_sdk_reads_every_body_and_event(completion: Completion) -> None:
    """Without an unknown member; it knows pings by their name only."""
    from anthropic.types import Message as SdkMessage
    from anthropic.types import RawMessageStreamEvent

    read = SdkMessage.model_validate_json(dialect.whole(completion))
    read.model_dump(warnings="error")
    assert not read.model_extra
    assert not read.usage.model_extra
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(RawMessageStreamEvent)
    for chunk in chunks_of(completion):
        for payload in events_of(chunk):
            if payload["type"] != "ping":
                event = adapter.validate_python(payload)
                adapter.dump_python(event, warnings="error")
                assert (event.type, event.model_extra) == (payload["type"], {})


@pytest.mark.parametrize("completion", COMPLETIONS)
def test_the_sdk_puts_a_stream_together_as_the_whole(completion: Completion) -> None:
    """Ids, blocks, reason and usage."""
    client = sdk(b"".join(chunks_of(completion)), [])
    with client.messages.stream(**asked(parameters={})) as events:
        found = events.get_final_message().model_dump()
    for block in found["content"]:
        block.pop("parsed_output", None)
    expected = sdk(dialect.whole(completion), []).messages.create(**asked(parameters={})).model_dump()
    assert found == expected


@pytest.mark.parametrize("stream", [False, True])
def test_headers_carry_no_account(stream: bool) -> None:
    """Nor a cookie."""
    found = dict(dialect.headers(COMPLETION, 9_000_000, stream))
    assert found["x-envoy-upstream-service-time"] == "9"
    assert found["date"] == "Sat, 01 Nov 2025 12:26:40 GMT"
    assert set(found["anthropic-organization-id"]) == {"0", "-"}
    assert not {"set-cookie", "cf-ray"} & set(found)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"data: {}\n\n", b"data: 1\n\n", b'{"content": []}', b"\xff"])
@pytest.mark.parametrize("stream", [False, True])
def test_another_dialects_bytes_are_a_data_error(body: bytes, stream: bool) -> None:
    """Never a traceback."""
    with pytest.raises(DataError, match="expected an Anthropic message"):
        dialect.truth(cassette("c", (body,), (0,), head_offset_ns=0, stream=stream))
