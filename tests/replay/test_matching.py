"""Matching by what is asked: spelling is free, the question is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette import RecordedRequest
from harness.replay.matching import SHOWN, difference

BODY: dict[str, Any] = {
    "model": "m",
    "max_tokens": 9,
    "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
}
GEMINI: dict[str, Any] = {
    "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
    "systemInstruction": {"parts": [{"text": "be brief"}]},
    "generationConfig": {"maxOutputTokens": 9},
}
GEMINI_PATH = "/v1beta/models/g-2.5:streamGenerateContent?alt=sse"
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("content"), inner, max_size=3),
    max_leaves=8,
)


def differs(body: object, method: str = "POST", path: str = "/v1/x", expected: dict[str, Any] = BODY) -> str | None:
    """The difference of a body given as an object."""
    recorded = RecordedRequest(method="POST", path="/v1/x", body=expected)
    return difference(recorded, method, path, json.dumps(body).encode())


def gemini_differs(path: str, body: object = GEMINI) -> str | None:
    """The difference from a streamed Gemini request."""
    recorded = RecordedRequest(method="POST", path=GEMINI_PATH, body=GEMINI)
    return difference(recorded, "POST", path, json.dumps(body).encode())


def message(content: object, role: str = "user") -> dict[str, object]:
    """One message."""
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.5},
        {"max_tokens": None, "max_completion_tokens": 9},
        {"max_tokens": 10},
        {"stream": False},
        {"stream": None},
        {"stream_options": {"include_usage": True}},
        {"model": None},
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "parameters": {"properties": {"text": {"x": "y"}}}}}
            ]
        },
        {"metadata": {"user": "u"}},
        {"messages": [message([{"type": "text", "text": "be brief"}], "system"), message("hi")]},
        {"messages": [message("be brief", "developer"), {**message("hi"), "name": "n"}]},
        {"messages": [message("hi")], "system": "be brief"},
        {"messages": [message("hi")], "system": [{"type": "text", "text": "be brief", "cache_control": {"ttl": "5m"}}]},
        {"messages": None, "input": "hi", "instructions": "be brief"},
        {"messages": None, "input": [message([{"type": "input_text", "text": "hi"}])], "instructions": "be brief"},
        {"messages": [*BODY["messages"], message("", "assistant")]},
        {"text": {"format": {"type": "json_schema", "schema": {"description": "d"}}, "verbosity": "low"}},
    ],
    ids=lambda change: json.dumps(change)[:40],
)
def test_another_spelling_of_the_same_question_matches(change: dict[str, Any]) -> None:
    """Parameters, their names, blocks or strings, where the system text stands: all up to the client."""
    body = {key: value for key, value in {**BODY, **change}.items() if value is not None or key in ("stream", "model")}
    assert differs(dict(reversed(body.items()))) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": "n"}, "model: expected 'm', got 'n'"),
        ({"model": ["m"]}, "model: expected 'm', got [\"m\"]"),
        ({"stream": True}, "stream: expected false, got true"),
        ({"stream": "false"}, "stream: expected false, got 'false'"),
        ({"stream": 0}, "stream: expected false, got 0"),
        ({"messages": []}, "messages[0].content: expected 'be brief', got nothing"),
        ({"messages": BODY["messages"][:1]}, "messages[1].content: expected 'hi', got nothing"),
        ({"messages": [BODY["messages"][0], message("ho")]}, "messages[1].content: expected 'hi', got 'ho'"),
        ({"messages": [*BODY["messages"], message("hi")]}, "messages[2].content: expected no such text, got 'hi'"),
        ({"instructions": "be long"}, "instructions: expected no such text, got 'be long'"),
        ({"messages": "hi"}, "messages[0].content: expected 'be brief', got nothing"),
    ],
)
def test_the_first_difference_is_named(change: dict[str, Any], told: str) -> None:
    """Key, expected, got."""
    assert differs({**BODY, **change}) == told


def test_a_stream_must_be_asked_for_where_the_cassette_holds_one() -> None:
    """Absent means false on both sides."""
    assert differs(BODY, expected={**BODY, "stream": True}) == "stream: expected true, got false"
    assert differs({**BODY, "stream": True}, expected={**BODY, "stream": True}) is None


def test_what_an_image_or_a_tool_said_is_part_of_the_question() -> None:
    """Strings below a content count wherever they stand."""

    def asking(url: str) -> dict[str, Any]:
        return {"messages": [message([{"type": "image_url", "image_url": {"url": url, "detail": "low"}}])]}

    assert differs(asking("data:a"), expected=asking("data:a")) is None
    told = differs(asking("data:b"), expected=asking("data:a"))
    assert told == "messages[0].content[0].image_url.url: expected 'data:a', got 'data:b'"


@pytest.mark.parametrize(
    "path",
    [
        GEMINI_PATH,
        "/v1beta/models/g-2.5%3AstreamGenerateContent?alt=sse",
        "/v1beta/models/g-2.5%3astreamGenerateContent?key=k&alt=sse",
        "/v1beta/models/g%2D2.5:streamGenerateContent?alt=sse&prettyPrint=false",
    ],
)
def test_encoding_and_query_of_a_path_do_not_matter(path: str) -> None:
    """But for ``alt``, which changes the answer's form."""
    assert gemini_differs(path) is None


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (GEMINI_PATH.partition("?")[0], "alt: expected 'sse', got nothing"),
        (GEMINI_PATH.replace("sse", "json"), "alt: expected 'sse', got 'json'"),
        (GEMINI_PATH.replace("v1beta", "v1"), f"path: expected {GEMINI_PATH[:-8]}, got "),
        (GEMINI_PATH.replace("g-2.5", "g-3"), f"path: expected {GEMINI_PATH[:-8]}, got "),
        (GEMINI_PATH.replace("stream", ""), f"path: expected {GEMINI_PATH[:-8]}, got "),
    ],
)
def test_another_path_or_form_is_refused(path: str, told: str) -> None:
    """Version, model and method are in the path: exact."""
    assert (gemini_differs(path) or "").startswith(told)


def test_snake_and_camel_case_mean_the_same() -> None:
    """The SDK and the gateway disagree about both names."""
    snake = {"contents": GEMINI["contents"], "system_instruction": "be brief", "generation_config": {}}
    assert gemini_differs(GEMINI_PATH, snake) is None
    assert gemini_differs(GEMINI_PATH, {"contents": GEMINI["contents"]}) is not None


def test_method_path_and_non_json_are_differences() -> None:
    """Each is named for what it is."""
    expected = RecordedRequest(method="POST", path="/v1/x", body=BODY)
    assert differs(BODY, method="GET") == "method: expected POST, got 'GET'"
    assert differs(BODY, path="/v2/x") == "path: expected /v1/x, got '/v2/x'"
    assert differs([1]) == "body: expected an object, got [1]"
    for body in (b"", b"{", b"\xff", b"[" * 100_000):
        assert difference(expected, "POST", "/v1/x", body) == f"body: expected JSON, got {len(body)} bytes that are not"


@pytest.mark.parametrize("depth", [*range(400, 1100, 7), 5_000, 100_000])
def test_depth_is_never_a_traceback(depth: int) -> None:
    """A body nested past any sense is a difference; where the limit lies depends on the stack."""
    body = json.dumps(BODY).encode()[:-1] + b', "extra": ' + b'{"content": ' * depth + b"1" + b"}" * depth + b"}"
    expected = RecordedRequest(method="POST", path="/v1/x", body=BODY)
    told = difference(expected, "POST", "/v1/x", body)
    assert told is None or told.startswith("body: expected JSON")
    assert told is None or depth > 400
    assert told is not None or depth < 1100


def test_a_long_prompt_is_never_repeated() -> None:
    """The message names the key, cuts the value, and shows where two long texts part."""
    told = differs({**BODY, "messages": [message("be brief"), message("secret " * 100)]})
    assert told is not None
    assert "secret" in told
    assert len(told) < 3 * SHOWN
    long = {**BODY, "messages": [message("x" * 500 + "one")]}
    assert "one" in (differs({**BODY, "messages": [message("x" * 500 + "two")]}, expected=long) or "")


@given(body=st.dictionaries(st.text() | st.sampled_from(["content", "input", "system"]), _json, max_size=4))
def test_every_body_matches_itself(body: dict[str, Any]) -> None:
    """Also after a trip through JSON with its members reversed."""
    assert differs(dict(reversed(body.items())), expected=body) is None


@given(texts=st.lists(st.text(min_size=1), min_size=1, max_size=5), data=st.data())
def test_any_changed_dropped_or_doubled_text_is_refused(texts: list[str], data: st.DataObject) -> None:
    """Whatever the texts are."""
    position = data.draw(st.integers(0, len(texts) - 1))
    before, this, after = texts[:position], texts[position], texts[position + 1 :]

    def asking(found: list[str]) -> dict[str, Any]:
        return {"messages": [message(text) for text in found]}

    assert differs(asking(texts[::-1]), expected=asking(texts)) is None
    for changed in ([*before, this + "!", *after], [*before, *after], [*before, this, this, *after]):
        assert differs(asking(changed), expected=asking(texts)) is not None
