"""The OpenAI Responses dialect, and the life of a background job."""

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
from harness.errors import DataError, UsageError
from harness.replay.dialects import openai_responses as dialect
from harness.replay.dialects.parts import Completion, ToolCall, Truth, events_of
from harness.vocabulary import Finish, Operation
from harness.workload import Message, Structure, Tool, Workload
from tests.replay.wire import cassette

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
COMPLETION = Completion("5eed" * 16, 1_762_000_000, "m-1", ("Hi", " there", ".", "!"), input_tokens=12, output_tokens=4)
THOUGHT = replace(COMPLETION, output_tokens=40, reasoning_tokens=36, cached_tokens=8)
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
    messages=(Message(role="system", content="brief"), Message(role="user", content="hi")),
)
UNTYPED = {"frequency_penalty", "presence_penalty", "store"}
"""Members of a response that the API sends and the SDK does not name."""


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


def job(states: tuple[bytes, ...]) -> Cassette:
    """A job as a cassette."""
    found = cassette("j", states, tuple(range(len(states))), head_offset_ns=0, stream=False)
    return replace(found, head=found.head.model_copy(update={"operation": Operation.BACKGROUND}))


def kinds(chunks: tuple[bytes, ...]) -> list[str]:
    """The type of every event, without the prefix that all have."""
    return [event["type"].removeprefix("response.") for chunk in chunks for event in events_of(chunk)]


def asked(operation: str = "responses", **changes: Any) -> dict[str, Any]:
    """The request of the workload with these members changed."""
    return dialect.request_body("m", WORKLOAD.model_copy(update=changes), stream=False, operation=operation)


def sdk(answer: bytes, sent: list[dict[str, Any]]) -> Any:
    """The SDK's client, given ``answer`` without a network; what it asked is added to ``sent``."""
    import httpx
    import openai

    def reply(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        kind = "text/event-stream" if answer.startswith(b"event") else "application/json"
        return httpx.Response(200, headers={"content-type": kind}, content=answer)

    transport = httpx.Client(transport=httpx.MockTransport(reply))
    return openai.OpenAI(api_key="k", base_url="http://x", http_client=transport, max_retries=0)


def test_a_request_body_carries_the_workload() -> None:
    """System messages stay in the input; a job is stored."""
    body = asked()
    assert body == {
        "model": "m",
        "input": [{"role": "system", "content": "brief"}, {"role": "user", "content": "hi"}],
    }
    assert dialect.request_body("m", WORKLOAD, stream=True, operation="responses") == {**body, "stream": True}
    assert asked("background") == {**body, "background": True, "store": True}


def test_a_request_body_carries_parameters() -> None:
    """Under their names here, without those that the API lacks."""
    given_ = {"temperature": 0.5, "top_p": 0.9, "seed": 3, "stop": "x", "verbosity": "low", "reasoning_effort": "low"}
    body = asked(max_tokens=9, parameters=given_, structure=Structure(kind="json"))
    assert {key: body[key] for key in body if key not in ("model", "input")} == {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 9,
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
    }


def test_a_request_body_carries_tools_and_structure() -> None:
    """Flat, and strict."""
    tools = (Tool(name="f", description="F", parameters=SCHEMA), Tool(name="g", description="G"))
    body = asked(tools=tools, structure=Structure(kind="schema", json_schema=SCHEMA))
    assert body["tools"] == [
        {"type": "function", "name": "f", "description": "F", "parameters": SCHEMA, "strict": True},
        {"type": "custom", "name": "g", "description": "G"},
    ]
    assert body["text"]["format"] == {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}


def test_the_sdk_sends_the_request_body() -> None:
    """All of it from typed arguments."""
    tools = (Tool(name="f", description="F", parameters=SCHEMA), Tool(name="g", description="G"))
    given_ = {"temperature": 0.5, "top_p": 0.9, "verbosity": "low", "reasoning_effort": "low"}
    strict = Structure(kind="schema", json_schema=SCHEMA)
    body = asked("background", tools=tools, structure=strict, parameters=given_, max_tokens=9)
    sent: list[dict[str, Any]] = []
    sdk(dialect.whole(COMPLETION), sent).responses.create(**body)
    assert sent == [body]


def test_a_stream_is_created_items_completed() -> None:
    """In the API's order, with its event names, numbered; deltas are padded."""
    events = dialect.stream(COMPLETION)
    assert kinds(events.opening) == ["created", "in_progress", "output_item.added", "content_part.added"]
    assert kinds(events.content) == ["output_text.delta"] * 4
    assert kinds(events.closing) == ["output_text.done", "content_part.done", "output_item.done", "completed"]
    decoded = [event for chunk in chunks_of(COMPLETION) for event in events_of(chunk)]
    assert [event["sequence_number"] for event in decoded] == list(range(12))
    assert ["obfuscation" in event for event in decoded] == [False] * 4 + [True] * 4 + [False] * 4
    for chunk in chunks_of(COMPLETION):
        found = re.fullmatch(rb'event: ([\w.]+)\ndata: \{"type":"([\w.]+)",.*\}\n\n', chunk)
        assert found is not None
        assert found[1] == found[2]


def test_a_tool_calls_events_travel_in_one_chunk() -> None:
    """With the end of the message before it; its arguments come in parts."""
    events = dialect.stream(TALKING)
    assert len(events.content) == len(TALKING.pieces) + len(TALKING.tool_calls)
    assert kinds((events.content[2],)) == [
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert kinds((events.content[3],))[1] == "custom_tool_call_input.delta"
    decoded = [event for chunk in chunks_of(TALKING) for event in events_of(chunk)]
    assert [event["sequence_number"] for event in decoded] == list(range(len(decoded)))


def test_the_last_event_is_the_whole_answer() -> None:
    """Byte for byte the same members, but for the spaces."""
    for completion in COMPLETIONS:
        (last,) = events_of(chunks_of(completion)[-1])
        assert last["response"] == json.loads(dialect.whole(completion))


@pytest.mark.parametrize("completion", COMPLETIONS)
def test_a_stream_and_a_whole_answer_hold_the_same_truth(completion: Completion) -> None:
    """Text, finish, usage and tool calls; only a stream has chunks of content."""
    found = dialect.truth(streamed(completion))
    assert len(found.content_chunks) == len(completion.pieces) + len(completion.tool_calls)
    assert replace(found, content_chunks=()) == dialect.truth(whole(completion))
    assert (found.text, found.finish_reason) == (completion.text, completion.finish)
    assert (found.input_tokens, found.cached_tokens) == (completion.input_tokens, completion.cached_tokens)
    assert (found.output_tokens, found.reasoning_tokens) == (completion.output_tokens, completion.reasoning_tokens)


def test_tool_calls_are_in_canonical_form() -> None:
    """JSON arguments sorted, free-form input as it is."""
    expected = (("f", '{"a":"é","b":1}'), ("g", "free text"), ("h", "{}"))
    assert dialect.truth(streamed(CALLING)).tool_calls == expected


@given(pieces=st.lists(st.text(min_size=1), min_size=1).map(tuple))
def test_truth_is_recovered_from_the_bytes(pieces: tuple[str, ...]) -> None:
    """Whatever the text, streamed or whole."""
    completion = replace(COMPLETION, pieces=pieces)
    expected = Truth("".join(pieces), "stop", 12, 4)
    assert dialect.truth(whole(completion)) == expected
    numbers = tuple(range(4, 4 + len(pieces)))
    assert dialect.truth(streamed(completion)) == replace(expected, content_chunks=numbers)


@pytest.mark.parametrize(
    ("ending", "statuses", "text", "finish", "output_tokens"),
    [
        ("completed", ["queued", "in_progress", "completed"], "Hi there.!", "stop", 40),
        ("incomplete", ["queued", "in_progress", "incomplete"], "Hi there", "length", 38),
        ("failed", ["queued", "in_progress", "failed"], "", "failed", 0),
        ("cancelled", ["queued", "in_progress", "cancelled"], "", "cancelled", 0),
    ],
)
def test_a_jobs_truth_is_its_last_state(
    ending: str, statuses: list[str], text: str, finish: str, output_tokens: int
) -> None:
    """Whatever it ends in."""
    states = dialect.job_states(THOUGHT, ending)
    assert [json.loads(state)["status"] for state in states] == statuses
    assert all(json.loads(state)["background"] for state in states)
    found = dialect.truth(job(states))
    assert (found.text, found.finish_reason, found.output_tokens) == (text, finish, output_tokens)


def test_a_jobs_end_says_why() -> None:
    """An error only where it failed, details only where it is incomplete."""
    ends = {ending: json.loads(dialect.job_states(COMPLETION, ending)[-1]) for ending in dialect.ENDINGS}
    assert {ending: (end["error"] or {}).get("code") for ending, end in ends.items() if end["error"]} == {
        "failed": "server_error"
    }
    assert {ending: end["incomplete_details"] for ending, end in ends.items() if end["incomplete_details"]} == {
        "incomplete": {"reason": "max_output_tokens"}
    }
    assert [ending for ending, end in ends.items() if end["completed_at"]] == ["completed"]


def test_every_state_has_the_jobs_id() -> None:
    """Of fixed length, so that another of that length can take its place; once in a body."""
    found = {dialect.job_id(state) for ending in dialect.ENDINGS for state in dialect.job_states(TALKING, ending)}
    assert len(found) == 1
    (identity,) = found
    assert re.fullmatch("resp_[0-9a-f]{48}", identity)
    assert all(state.count(identity.encode()) == 1 for state in dialect.job_states(TALKING, "completed"))
    assert dialect.job_id(dialect.whole(replace(COMPLETION, seed="0"))) != identity


def test_an_unknown_ending_and_a_body_without_id_are_refused() -> None:
    """In one line each."""
    with pytest.raises(UsageError, match=r"ending: expected one of completed, .* got 'expired'"):
        dialect.job_states(COMPLETION, "expired")
    with pytest.raises(DataError, match="expected an id of resp_ and 48 hexadecimal digits"):
        dialect.job_id(b"{}")


def test_a_job_that_has_not_ended_has_no_truth() -> None:
    """A cassette of it is damaged."""
    with pytest.raises(DataError, match="'in_progress' is no end"):
        dialect.truth(job(dialect.job_states(COMPLETION, "completed")[:2]))


@pytest.mark.parametrize("completion", COMPLETIONS)
def test_the_sdk_reads_every_body_and_event(completion: Completion) -> None:
    """Without an unknown member other than the padding and what the SDK leaves untyped."""
    from openai.types.responses import Response, ResponseStreamEvent

    states = [state for ending in dialect.ENDINGS for state in dialect.job_states(completion, ending)]
    for body in (dialect.whole(completion), *states):
        read = Response.model_validate_json(body)
        read.model_dump(warnings="error")
        assert set(read.model_extra or {}) == UNTYPED
    assert Response.model_validate_json(dialect.whole(completion)).output_text == completion.text
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ResponseStreamEvent)
    for chunk in chunks_of(completion):
        for payload in events_of(chunk):
            event = adapter.validate_python(payload)
            adapter.dump_python(event, warnings="error")
            assert event.type == payload["type"]
            assert set(event.model_extra or {}) <= {"obfuscation"}


@pytest.mark.parametrize("completion", COMPLETIONS)
def test_the_sdk_puts_a_stream_together_as_the_whole(completion: Completion) -> None:
    """Its own accumulation, checked against its last event."""
    client = sdk(b"".join(chunks_of(completion)), [])
    with client.responses.stream(model="m", input="hi") as events:
        deltas = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert deltas == completion.text
    expected = sdk(dialect.whole(completion), []).responses.create(model="m", input="hi")
    assert json.loads(dialect.whole(completion)) == expected.model_dump(exclude_unset=True)


@pytest.mark.parametrize("stream", [False, True])
def test_headers_carry_no_account(stream: bool) -> None:
    """Nor a cookie."""
    found = dict(dialect.headers(COMPLETION, 9_000_000, stream))
    assert found["openai-processing-ms"] == "9"
    assert not {"set-cookie", "openai-project", "cf-ray"} & set(found)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"data: {}\n\n", b"data: 1\n\n", b'{"output": []}', b"\xff"])
@pytest.mark.parametrize("stream", [False, True])
def test_another_dialects_bytes_are_a_data_error(body: bytes, stream: bool) -> None:
    """Never a traceback."""
    with pytest.raises(DataError, match="expected an OpenAI response"):
        dialect.truth(cassette("c", (body,), (0,), head_offset_ns=0, stream=stream))
