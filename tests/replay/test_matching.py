"""Strict matching on canonical requests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette import RecordedRequest
from harness.replay.matching import SHOWN, difference

BODY: dict[str, Any] = {"model": "m", "n": 1, "flag": True, "messages": [{"role": "user", "content": "hi"}]}
EXPECTED = RecordedRequest(method="POST", path="/v1/x", body=BODY)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def differs(body: object, method: str = "POST", path: str = "/v1/x") -> str | None:
    """The difference of a body given as an object."""
    return difference(EXPECTED, method, path, json.dumps(body).encode())


def test_order_nulls_and_number_notation_do_not_matter() -> None:
    """They carry no meaning on the wire."""
    assert differs({**dict(reversed(BODY.items())), "user": None, "n": 1.0}) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": "n"}, "model: expected 'm', got 'n'"),
        ({"model": None}, "model: expected 'm', got nothing"),
        ({"n": True}, "n: expected 1, got true"),
        ({"flag": 1}, "flag: expected true, got 1"),
        ({"extra": [1]}, "extra: expected no such key, got [1]"),
        ({"messages": []}, "messages: expected 1 items, got 0"),
        ({"messages": [{"role": "user", "content": "ho"}]}, "messages[0].content: expected 'hi', got 'ho'"),
        ({"messages": "hi"}, 'messages: expected [{"role": "user", "content": "hi"}], got \'hi\''),
    ],
)
def test_the_first_difference_is_named(change: dict[str, Any], told: str) -> None:
    """Key, expected, got."""
    assert differs({**BODY, **change}) == told


def test_method_path_and_non_json_are_differences() -> None:
    """Each is named for what it is."""
    assert differs(BODY, method="GET") == "method: expected POST, got 'GET'"
    assert differs(BODY, path="/v2/x") == "path: expected /v1/x, got '/v2/x'"
    for body in (b"", b"{", b"\xff", b"[" * 100_000):
        assert difference(EXPECTED, "POST", "/v1/x", body) == f"body: expected JSON, got {len(body)} bytes that are not"


def test_a_long_prompt_is_never_repeated() -> None:
    """The message names the key and cuts the value."""
    told = differs({**BODY, "messages": [{"role": "user", "content": "secret " * 100}]})
    assert told is not None
    assert "secret" in told
    assert len(told) < 3 * SHOWN


@given(body=st.dictionaries(st.text(), _json, max_size=4))
def test_every_body_matches_itself(body: dict[str, Any]) -> None:
    """Also after a trip through JSON with its members reversed."""
    expected = RecordedRequest(method="POST", path="/", body=body)
    assert difference(expected, "POST", "/", json.dumps(dict(reversed(body.items()))).encode()) is None
