"""The Gemini dialect."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette import Cassette
from harness.errors import DataError
from harness.replay.dialects import gemini_generate as dialect
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
)
WORKLOAD = Workload(
    name="w",
    description="d",
    messages=(
        Message(role="system", content="brief"),
        Message(role="user", content="hi"),
        Message(role="assistant", content="yo"),
    ),
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


def asked(model: str = "m", **changes: Any) -> dict[str, Any]:
    """The request of the workload with these members changed."""
    return dialect.request_body(model, WORKLOAD.model_copy(update=changes), stream=False, operation="chat")


def test_the_path_names_model_and_method() -> None:
    """A stream asks for server-sent events."""
    assert dialect.path("m", stream=False) == "/v1beta/models/m:generateContent"
    assert dialect.path("m", stream=True) == "/v1beta/models/m:streamGenerateContent?alt=sse"


def test_a_request_body_carries_the_workload() -> None:
    """The assistant is the model; nothing empty is sent; the body does not say whether it streams."""
    body = asked()
    assert body == {
        "systemInstruction": {"parts": [{"text": "brief"}], "role": "user"},
        "contents": [{"parts": [{"text": "hi"}], "role": "user"}, {"parts": [{"text": "yo"}], "role": "model"}],
    }
    assert dialect.request_body("m", WORKLOAD, stream=True, operation="chat") == body
    assert list(asked(messages=(Message(role="user", content="hi"),))) == ["contents"]


def test_a_request_body_carries_parameters() -> None:
    """In camel case, without those that the API lacks."""
    given_ = {"temperature": 0.5, "top_p": 0.9, "seed": 3, "stop": "x", "verbosity": "low"}
    assert asked(max_tokens=9, parameters=given_)["generationConfig"] == {
        "temperature": 0.5,
        "topP": 0.9,
        "seed": 3,
        "stopSequences": ["x"],
        "maxOutputTokens": 9,
    }


def test_effort_is_a_level_or_a_budget() -> None:
    """Generation 2.5 knows budgets only."""
    for model, effort, expected in (
        ("gemini-2.5-flash", "low", {"thinkingBudget": 1024}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-3.5-flash", "low", {"thinkingLevel": "LOW"}),
        ("gemini-3.5-flash", "none", {"thinkingLevel": "MINIMAL"}),
    ):
        assert asked(model, parameters={"reasoning_effort": effort})["generationConfig"]["thinkingConfig"] == expected


def test_a_request_body_carries_tools_and_structure() -> None:
    """JSON schemas go as they are; a free-form tool takes one string."""
    tools = (Tool(name="f", description="F", parameters=SCHEMA), Tool(name="g", description="G"))
    body = asked(tools=tools, structure=Structure(kind="schema", json_schema=SCHEMA))
    declared = body["tools"][0]["functionDeclarations"]
    assert declared[0] == {"name": "f", "description": "F", "parametersJsonSchema": SCHEMA}
    assert list(declared[1]["parametersJsonSchema"]["properties"]) == ["input"]
    assert body["generationConfig"] == {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    assert asked(structure=Structure(kind="json"))["generationConfig"] == {"responseMimeType": "application/json"}


def test_the_sdk_takes_every_member_of_a_request() -> None:
    """Its typed models, by their names on the wire."""
    from google.genai import types

    tools = (Tool(name="f", description="F", parameters=SCHEMA), Tool(name="g", description="G"))
    given_ = {"temperature": 0.5, "top_p": 0.9, "seed": 3, "stop": ["x"], "reasoning_effort": "low"}
    body = asked(tools=tools, structure=Structure(kind="schema", json_schema=SCHEMA), parameters=given_, max_tokens=9)
    types.GenerationConfig.model_validate(body["generationConfig"])
    for content in (*body["contents"], body["systemInstruction"]):
        types.Content.model_validate(content)
    for tool in body["tools"]:
        types.Tool.model_validate(tool)


def test_a_stream_is_pieces_then_the_reason() -> None:
    """No event before the first piece; the usage grows; lines end as in HTTP."""
    events = dialect.stream(THOUGHT)
    assert events.opening == ()
    assert [len(events.content), len(events.closing)] == [3, 1]
    assert all(chunk.startswith(b"data: {") and chunk.endswith(b"}\r\n\r\n") for chunk in chunks_of(THOUGHT))
    decoded = [event for chunk in chunks_of(THOUGHT) for event in events_of(chunk)]
    assert [event["candidates"][0].get("finishReason") for event in decoded] == [None, None, None, "STOP"]
    assert [event["usageMetadata"]["candidatesTokenCount"] for event in decoded] == [1, 2, 3, 3]
    assert list(events_of(b"".join(chunks_of(THOUGHT)))) == decoded


@pytest.mark.parametrize("completion", COMPLETIONS)
def test_a_stream_and_a_whole_answer_hold_the_same_truth(completion: Completion) -> None:
    """Text, finish, usage and tool calls; only a stream has chunks of content."""
    found = dialect.truth(streamed(completion))
    assert found.content_chunks == tuple(range(len(completion.pieces) + len(completion.tool_calls)))
    assert replace(found, content_chunks=()) == dialect.truth(whole(completion))
    assert (found.text, found.finish_reason) == (completion.text, completion.finish)
    assert (found.input_tokens, found.cached_tokens) == (completion.input_tokens, completion.cached_tokens)
    assert (found.output_tokens, found.reasoning_tokens) == (completion.output_tokens, completion.reasoning_tokens)


def test_the_wire_counts_thoughts_apart() -> None:
    """As Gemini bills them."""
    usage = json.loads(dialect.whole(THOUGHT))["usageMetadata"]
    counts = {key: usage[key] for key in usage if key.endswith("Count")}
    assert counts == {
        "promptTokenCount": 12,
        "candidatesTokenCount": 3,
        "totalTokenCount": 52,
        "cachedContentTokenCount": 8,
        "thoughtsTokenCount": 37,
    }


def test_a_tool_call_ends_with_stop_and_is_told_as_a_tool_call() -> None:
    """What the API says, and what clients can agree on."""
    assert json.loads(dialect.whole(CALLING))["candidates"][0]["finishReason"] == "STOP"
    assert dialect.truth(whole(CALLING)).finish_reason == "tool_calls"
    cut = replace(CALLING, finish=Finish.LENGTH)
    assert dialect.truth(streamed(cut)).finish_reason == "length"


def test_tool_calls_are_in_canonical_form() -> None:
    """Free-form input is the one string of an object."""
    expected = (("f", '{"a":"é","b":1}'), ("g", '{"input":"free text"}'), ("h", "{}"))
    assert dialect.truth(streamed(CALLING)).tool_calls == expected


def test_a_shown_thought_is_no_text() -> None:
    """Recordings may hold some."""
    body = json.loads(dialect.whole(COMPLETION))
    body["candidates"][0]["content"]["parts"].insert(0, {"text": "hm", "thought": True})
    found = cassette("w", (json.dumps(body).encode(),), (0,), head_offset_ns=0, stream=False)
    assert dialect.truth(found).text == "Hi there."


@given(pieces=st.lists(st.text(min_size=1), min_size=1).map(tuple))
def test_truth_is_recovered_from_the_bytes(pieces: tuple[str, ...]) -> None:
    """Whatever the text, streamed or whole."""
    completion = replace(COMPLETION, pieces=pieces)
    expected = Truth("".join(pieces), "stop", 12, 3)
    assert dialect.truth(whole(completion)) == expected
    numbers = tuple(range(len(pieces)))
    assert dialect.truth(streamed(completion)) == replace(expected, content_chunks=numbers)


@pytest.mark.parametrize("completion", COMPLETIONS)
def test_the_sdk_reads_every_body_and_event(completion: Completion) -> None:
    """Its models refuse unknown members."""
    from google.genai import types

    events = [event for chunk in chunks_of(completion) for event in events_of(chunk)]
    for payload in (json.loads(dialect.whole(completion)), *events):
        read = types.GenerateContentResponse.model_validate(payload)
        read.model_dump(warnings="error")
        assert read.candidates is not None
        assert read.candidates[0].finish_reason in (None, *types.FinishReason)


@pytest.mark.parametrize("completion", COMPLETIONS)
def test_the_sdk_reads_a_stream_to_its_end(completion: Completion) -> None:
    """Its own reader of server-sent events: every piece, every call, the usage."""
    import httpx2
    from google import genai

    def reply(request: httpx2.Request) -> httpx2.Response:
        kind = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=kind, content=b"".join(chunks_of(completion)))

    transport = httpx2.Client(transport=httpx2.MockTransport(reply))
    options = genai.types.HttpOptions(base_url="http://x", httpx_client=transport)
    client = genai.Client(api_key="k", http_options=options)
    answers = list(client.models.generate_content_stream(model="m", contents="hi"))
    parts = [part for answer in answers for part in (answer.parts or ())]
    assert "".join(part.text or "" for part in parts) == completion.text
    called = [part.function_call.name for part in parts if part.function_call]
    assert called == [call.name for call in completion.tool_calls]
    usage = answers[-1].usage_metadata
    assert usage is not None
    assert usage.total_token_count == completion.input_tokens + completion.output_tokens


@pytest.mark.parametrize("stream", [False, True])
def test_headers_carry_no_account(stream: bool) -> None:
    """Nor a cookie."""
    found = dict(dialect.headers(COMPLETION, 9_000_000, stream))
    assert found["server-timing"] == "gfet4t7; dur=9"
    assert found["date"] == "Sat, 01 Nov 2025 12:26:40 GMT"
    assert "set-cookie" not in found


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"data: {}\n\n", b"data: 1\n\n", b'{"candidates": []}', b"\xff"])
@pytest.mark.parametrize("stream", [False, True])
def test_another_dialects_bytes_are_a_data_error(body: bytes, stream: bool) -> None:
    """Never a traceback."""
    with pytest.raises(DataError, match="expected a Gemini answer"):
        dialect.truth(cassette("c", (body,), (0,), head_offset_ns=0, stream=stream))
