"""The OpenAI chat dialect."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DataError
from harness.replay import dialects
from harness.replay.dialects import openai_chat
from harness.workload import Message, Workload
from tests.replay.wire import cassette

COMPLETION = openai_chat.Completion("id", 1, "m-1", ("Hi", " there", "."), 5)
WORKLOAD = Workload(
    name="w", description="d", messages=(Message(role="user", content="hi"),), max_tokens=9, parameters={"seed": 1}
)


def test_every_listed_dialect_exists() -> None:
    """The tuple is the list of modules."""
    for name in dialects.DIALECTS:
        assert import_module(f"harness.replay.dialects.{name}").PATH.startswith("/")


def test_a_request_body_carries_the_workload() -> None:
    """Streams ask for their usage."""
    body = openai_chat.request_body("m", WORKLOAD, stream=False)
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "max_completion_tokens": 9,
        "seed": 1,
    }
    streamed = openai_chat.request_body("m", WORKLOAD, stream=True)
    assert streamed == {**body, "stream": True, "stream_options": {"include_usage": True}}


def test_a_stream_is_role_pieces_reason_usage_done() -> None:
    """One event a chunk, in the API's order."""
    events = openai_chat.stream(COMPLETION)
    assert all(event.startswith(b"data: ") and event.endswith(b"\n\n") for event in events)
    assert events[-1] == b"data: [DONE]\n\n"
    decoded = [json.loads(event[6:]) for event in events[:-1]]
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


@given(pieces=st.lists(st.text(min_size=1), min_size=1).map(tuple))
def test_truth_is_recovered_from_the_bytes(pieces: tuple[str, ...]) -> None:
    """Whatever the text, streamed or whole."""
    if not "".join(pieces).isprintable():
        pieces = ("line one\n\n", "data: x", "é中")
    completion = replace(COMPLETION, pieces=pieces)
    chunks = openai_chat.stream(completion)
    streamed = cassette("s", chunks, tuple(range(len(chunks))), head_offset_ns=0, stream=True)
    whole = cassette("w", (openai_chat.whole(completion),), (0,), head_offset_ns=0, stream=False)
    expected = openai_chat.Truth("".join(pieces), "stop", len(pieces))
    assert openai_chat.truth(streamed) == openai_chat.truth(whole) == expected


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"data: {}\n\n", b"data: 1\n\n", b'{"choices": []}', b"\xff"])
@pytest.mark.parametrize("stream", [False, True])
def test_another_dialects_bytes_are_a_data_error(body: bytes, stream: bool) -> None:
    """Never a traceback."""
    with pytest.raises(DataError, match="expected an OpenAI chat completion"):
        openai_chat.truth(cassette("c", (body,), (0,), head_offset_ns=0, stream=stream))
