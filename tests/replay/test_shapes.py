"""Shapes: equal requests share a number, what differs is seen, and nothing secret is ever shown."""

from __future__ import annotations

import http.client
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.replay import shapes
from harness.replay.launch import BackendProcess, start_backend
from harness.replay.shapes import DEEPER, LONGEST_SHOWN, SECRET, UNKNOWN, VARIES, RequestShape, Shapes
from harness.vocabulary import CALL_ID_HEADER
from tests.replay.conftest import Running
from tests.replay.wire import MODEL, PATH, cassette, request, save

_numbers = itertools.count(1)


def number(
    found: Shapes,
    body: object = MODEL,
    *,
    method: str = "POST",
    target: str = PATH,
    headers: Mapping[str, str] | None = None,
) -> int:
    """The number of one request's shape."""
    pairs = tuple((name.encode(), value.encode()) for name, value in (headers or {}).items())
    return found.number(method, target, pairs, body if isinstance(body, bytes) else json.dumps(body).encode())


def shown(body: object) -> object:
    """What is kept of a body."""
    found = Shapes()
    number(found, body)
    return found.listing()[0]["body"]


def test_equal_requests_share_a_number_and_every_difference_makes_another() -> None:
    """Method, target, headers (names, values, order, case) and the body's bytes."""
    found = Shapes()
    two = {"a": "1", "b": "2"}
    kinds = [
        number(found),
        number(found, method="PUT"),
        number(found, target="/v1/x"),
        number(found, target="/v1/x?a=1"),
        number(found, headers=two),
        number(found, headers=dict(reversed(two.items()))),
        number(found, headers={"A": "1", "b": "2"}),
        number(found, headers={"a": "1", "b": "3"}),
        number(found, json.dumps(MODEL, indent=1).encode()),
        number(found, {**MODEL, "temperature": 0}),
    ]
    assert kinds == list(range(len(kinds)))
    assert number(found) == 0
    assert number(found, headers=two) == 4


def test_what_varies_with_every_request_makes_no_new_shape() -> None:
    """The call id is dropped, the others are kept by name: sending one or not is a difference, its value is none."""
    found, names = Shapes(), ["Idempotency-Key", "x-stainless-idempotency-key", "X-Request-Id", "traceparent", "date"]
    numbers = {
        number(found, headers={"a": "1", CALL_ID_HEADER.title(): str(n)} | dict.fromkeys(names, f"v{n}"))
        for n in range(3)
    }
    assert numbers == {0}
    assert found.listing()[0]["headers"] == (("a", "1"), *((name, VARIES) for name in names))
    assert number(found, headers={"a": "1"}) == 1


def test_texts_become_fingerprints_and_all_else_stays() -> None:
    """Equal texts have equal fingerprints, so two clients can still be compared."""
    body = {
        "model": "m",
        "n": [1, 2.5, True, None],
        "content": "short",
        "input": ["one", {"type": "t", "note": "plain", "long": "x" * (LONGEST_SHOWN + 1)}],
        "arguments": "{}",
        "k" * (LONGEST_SHOWN + 1): 1,
        "edge": "y" * LONGEST_SHOWN,
    }
    found = shown(body)
    assert isinstance(found, dict)
    assert (found["model"], found["n"], found["edge"]) == ("m", [1, 2.5, True, None], "y" * LONGEST_SHOWN)
    assert found["content"] == "«5 characters, f9b0078b»"
    assert found["input"][0] == "«3 characters, 7692c3ad»"
    assert found["input"][1]["note"] == "plain"
    assert found["input"][1]["long"].startswith(f"«{LONGEST_SHOWN + 1} characters, ")
    assert found["arguments"].startswith("«2 characters, ")
    assert any(name.startswith(f"«{LONGEST_SHOWN + 1} characters, ") for name in found)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 5000])
def test_a_body_that_is_no_json_is_none(body: bytes) -> None:
    """Its size is kept."""
    found = Shapes()
    assert number(found, body) == 0
    assert (found.listing()[0]["body"], found.listing()[0]["bytes"]) == (None, len(body))


def test_a_deep_body_is_cut() -> None:
    """What is kept can always be sent."""
    text = json.dumps(shown(b'{"a":' * 300 + b"1" + b"}" * 300))
    assert DEEPER in text


def test_there_is_an_end_to_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past it a known shape keeps its number, a new one has none."""
    monkeypatch.setattr(shapes, "MOST_SHAPES", 3)
    found = Shapes()
    assert [number(found, target=f"/{n}") for n in range(5)] == [0, 1, 2, UNKNOWN, UNKNOWN]
    assert number(found, target="/1") == 1
    assert [shape["shape"] for shape in found.listing(1)] == [1, 2]


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("key=canary", f"key={SECRET}"),
        ("alt=sse&KEY=canary&x=1", f"alt=sse&KEY={SECRET}&x=1"),
        ("api%5Fkey=canary", f"api%5Fkey={SECRET}"),
        ("a=b&token=ca/na/ry?x", f"a=b&token={SECRET}"),
        ("monkey=1", "monkey=1"),
        ("", ""),
    ],
)
def test_a_secret_parameter_keeps_its_name_only(query: str, kept: str) -> None:
    """Encoded or not, in any case; two keys are one shape."""
    found = Shapes()
    number(found, target=f"/v1?{query}")
    assert found.listing()[0]["target"] == f"/v1?{kept}"
    assert number(found, target=f"/v1?{query.replace('canary', 'other')}") == 0


_SECRET_HEADERS = (
    *("Authorization", "x-api-key", "X-Goog-Api-Key", "api-key", "Cookie", "Proxy-Authorization"),
    *("openai-api-key", "x-auth-token", "cf-aig-authorization"),
)
_SECRET_BODY = {
    "model": "m",
    "api_key": "canary",
    "messages": [{"role": "user", "content": "canary"}, {"role": "user", "content": [{"text": "canary"}]}],
    "input": ["canary"],
    "instructions": "canary",
    "system": "canary",
    "systemInstruction": {"parts": [{"text": "canary"}, "canary"]},
    "tool_calls": [{"function": {"name": "f", "arguments": '{"x": "canary"}'}}],
    "anything": "long enough to be a prompt, so hidden: canary",
    "a name long enough to be a prompt, so hidden: canary": 1,
}


def test_no_planted_secret_is_kept() -> None:
    """In headers, in the query, in texts and arguments of the body: a canary is nowhere in what may be shown."""
    found = Shapes()
    headers = dict.fromkeys(_SECRET_HEADERS, "Bearer canary")
    number(
        found, _SECRET_BODY, target="/v1?key=canary&api_key=canary&token=canary&access_token=canary", headers=headers
    )
    text = json.dumps(found.listing())
    assert "canary" not in text
    assert text.count(SECRET) == len(headers) + 4 + 1
    for name in headers:
        assert name in text


@given(text=st.text(), key=st.sampled_from(["content", "text", "input"]))
def test_no_text_of_a_question_is_kept(text: str, key: str) -> None:
    """Whatever it holds, its length and fingerprint are all that is left."""
    (found,) = _lists(shown([{key: [text, {key: text}]}]))
    kept, inner = found[key]
    assert re.fullmatch(rf"«{len(text)} characters, [0-9a-f]{{8}}»", kept)
    assert inner == {key: kept}


def _lists(value: object) -> list[Any]:
    assert isinstance(value, list)
    return value


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A backend with one cassette."""
    folder = tmp_path_factory.mktemp("shapes")
    save(cassette("whole", (b"hello",), (0,), head_offset_ns=0, stream=False), folder)
    save(cassette("other", (b"hello",), (0,), head_offset_ns=0, stream=True), folder)
    with start_backend(folder, folder / "journal") as backend:
        running = Running(backend, folder / "journal")
        yield running
        running.hang_up()


def shape_of(running: Running, call_number: int) -> RequestShape:
    """The shape that the journal names for a call's only request."""
    (entry,) = running.entries(call_number)
    (found,) = [shape for shape in running.backend.shapes() if shape.shape == entry.shape]
    return found


@pytest.mark.real
def test_the_journal_names_the_shape_on_both_paths(asked: Running) -> None:
    """The fast path knows it as well as the slow one, on every connection, at every pace and for every cassette."""
    targets = [f"/none/whole{PATH}"] * 4 + [
        f"/recorded/whole{PATH}",
        f"/scaled:2/other{PATH}",
        f"/none/other{PATH}",
    ] * 3
    numbers = []
    for wire in (asked.connect(), asked.connect()):
        for target in targets:
            numbers.append(next(_numbers))
            wire.send(request(target, call_id=f"{numbers[-1]:09}"))
            assert wire.answer() == (200, b"hello")
    assert len({asked.entries(number)[0].shape for number in numbers}) == 1
    found = shape_of(asked, numbers[0])
    assert (found.method, found.target, found.bytes) == ("POST", PATH, len(json.dumps(MODEL)))
    assert found.headers == (("Host", "x"), ("Content-Length", VARIES))
    assert isinstance(found.body, dict)
    assert found.body["model"] == "m"


@pytest.mark.real
def test_a_change_on_the_same_connection_is_another_shape(asked: Running) -> None:
    """One header more, one parameter more, then the first again."""
    kinds: list[tuple[object, dict[str, str]]] = [(MODEL, {}), (MODEL, {"x": "1"}), ({**MODEL, "n": 1}, {})]
    wire, numbers = asked.connect(), []
    for body, headers in [kind for kind in (*kinds, kinds[0]) for _ in range(3)]:
        numbers.append(next(_numbers))
        wire.send(request(f"/none/whole{PATH}", body, call_id=numbers[-1], headers=headers))
        assert wire.answer()[0] == 200
    found = [asked.entries(number)[0].shape for number in numbers]
    assert found[:3] == found[9:]
    assert len(set(found)) == 3
    assert all(len(set(found[at : at + 3])) == 1 for at in range(0, 12, 3))


@pytest.mark.real
def test_what_did_not_match_has_a_shape_and_what_is_malformed_has_none(asked: Running) -> None:
    """A refused request is still a request that some client sent."""
    number, wire = next(_numbers), asked.connect()
    wire.send(request(f"/none/whole{PATH}", {"model": "other"}, call_id=number))
    assert wire.answer()[0] == 422
    assert shape_of(asked, number).body == {"model": "other"}
    before = len(asked.backend.shapes())
    wire.send(b"\x16\x03\x01\r\n\r\n")
    assert wire.answer()[0] == 400
    assert asked.entries(0)[-1].shape == UNKNOWN
    assert len(asked.backend.shapes()) == before


@pytest.mark.real
def test_later_shapes_can_be_asked_for_alone(asked: Running) -> None:
    """From a number on; past the end there are none."""
    wire = asked.connect()
    for n in range(3):
        wire.send(request(f"/none/whole{PATH}", {**MODEL, "seed": next(_numbers) * 1000 + n}))
        wire.answer()
    everything = asked.backend.shapes()
    assert [shape.shape for shape in everything] == list(range(len(everything)))
    assert asked.backend.shapes(len(everything) - 2) == everything[-2:]
    assert asked.backend.shapes(len(everything)) == []


@pytest.mark.real
@pytest.mark.parametrize("query", ["from=x", "from=-1", "from=", "to=1", "from=" + "9" * 30])
def test_a_wrong_question_about_shapes_is_a_400(asked: Running, query: str) -> None:
    """Never a traceback in the backend."""
    assert get(asked.backend, f"/-/shapes?{query}")[0] == 400


@pytest.mark.real
def test_no_planted_secret_leaves_the_backend(asked: Running) -> None:
    """The canary again, over the wire: sent everywhere it may be, found on no page of the backend's own."""
    wire = asked.connect()
    headers = dict.fromkeys(_SECRET_HEADERS, "Bearer canary")
    for target in (f"/none/whole{PATH}?key=canary", "/none/whole?key=a/b/canary", "/none?api_key=canary"):
        wire.send(request(target, _SECRET_BODY, headers=headers))
        assert wire.answer()[0] >= 400
    status, page = get(asked.backend, "/-/shapes")
    assert (status, b"canary" in page) == (200, False)
    for name in headers:
        assert name.encode() in page


def get(backend: BackendProcess, path: str) -> tuple[int, bytes]:
    """One page of the backend's own."""
    connection = http.client.HTTPConnection("127.0.0.1", backend.port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_a_listed_shape_reads_back_as_it_was() -> None:
    """Through JSON and out again."""
    found = Shapes()
    number(found, headers={"a": "1"})
    (raw,) = json.loads(json.dumps(found.listing()))
    assert RequestShape.from_json(raw) == RequestShape(
        0, "POST", PATH, (("a", "1"),), raw["body"], len(json.dumps(MODEL))
    )
