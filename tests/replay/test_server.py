"""The backend over real sockets: what leaves, when, and what the journal says of it."""

from __future__ import annotations

import itertools
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.replay.conftest import MS, Running
from tests.replay.wire import MODEL, PATH, request

pytestmark = pytest.mark.real
_numbers = itertools.count(1_000)


def test_a_whole_answer_has_the_cassettes_bytes_in_one_write(running: Running) -> None:
    """Pace ``none`` joins the chunks of a whole answer, and the journal shows one chunk."""
    number, wire = next(_numbers), running.connect()
    wire.send(request(f"/none/whole{PATH}", call_id=number))
    assert wire.answer() == (200, b"hello you")
    wire.close()
    (entry,) = running.entries(number)
    assert (entry.status, entry.matched, entry.completed, len(entry.chunk_sent_ns)) == (200, True, True, 1)


def test_stamps_are_in_causal_order_on_the_clients_clock(running: Running) -> None:
    """t0 ≤ t1 ≤ read ≤ t2 ≤ t3, whether the request came down the slow path or the fast one."""
    wire, numbers, marks = running.connect(), [next(_numbers) for _ in range(20)], []
    for number in numbers:
        before = time.monotonic_ns()
        wire.send(request(f"/none/whole{PATH}", call_id=number))
        wire.answer()
        marks.append((before, time.monotonic_ns()))
    wire.close()
    for number, (before, after) in zip(numbers, marks, strict=True):
        (entry,) = running.entries(number)
        assert before <= entry.received_ns <= entry.read_ns <= entry.first_byte_sent_ns <= after


@pytest.mark.parametrize("pace", ["recorded", "scaled:2", "capped:0.003", "capped%3A0.003"])
def test_a_stream_keeps_its_schedule_and_is_never_early(running: Running, pace: str) -> None:
    """Each chunk leaves at its offset times the pace's factor after the request arrived, or later."""
    number, wire = next(_numbers), running.connect()
    wire.send(request(f"/{pace}/stream{PATH}", call_id=number))
    assert wire.answer() == (200, b"a" * 10 + b"bc")
    wire.close()
    (entry,) = running.entries(number)
    factor = {"recorded": 1, "scaled:2": 2}.get(pace, 1 / 3)
    due = [round(at * factor) for at in (4 * MS, 6 * MS, 9 * MS)]
    assert min(entry.pacing_error_ns) >= 0
    assert [s - entry.received_ns - e for s, e in zip(entry.chunk_sent_ns, entry.pacing_error_ns, strict=True)] == due
    assert entry.first_byte_sent_ns - entry.received_ns >= round(1 * MS * factor)
    assert entry.first_byte_sent_ns < entry.chunk_sent_ns[0]


def test_an_unpaced_stream_still_has_one_write_per_chunk(running: Running) -> None:
    """Pace ``none`` drops the waiting, not the shape."""
    number, wire = next(_numbers), running.connect()
    wire.send(request(f"/none/stream{PATH}", call_id=number))
    assert wire.answer()[1] == b"a" * 10 + b"bc"
    (entry,) = running.entries(number)
    assert len(entry.chunk_sent_ns) == 3
    assert entry.pacing_error_ns == (0, 0, 0)


def test_the_spelling_of_a_question_does_not_matter(running: Running) -> None:
    """Order, parameters, blocks and query may differ; the answer and the cassette in the journal are the same."""
    blocks = [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]
    numbers, wire = [next(_numbers) for _ in range(3)], running.connect()
    wire.send(request(f"/none/whole{PATH}", {**dict(reversed(MODEL.items())), "user": None}, call_id=numbers[0]))
    wire.send(request(f"/none/whole{PATH}", {**MODEL, "temperature": 0, "messages": blocks}, call_id=numbers[1]))
    wire.send(request(f"/none/whole{PATH}?beta=true", call_id=numbers[2]))
    assert [wire.answer() for _ in numbers] == [(200, b"hello you")] * 3
    found = [running.entries(number)[0] for number in numbers]
    assert {(entry.matched, entry.exchange_index) for entry in found} == {(True, 2)}
    assert len({entry.shape for entry in found}) == 3


def test_a_mismatch_says_what_differed_and_is_kept(running: Running) -> None:
    """A wrong body is a 422 with key, expected and got; it is journalled unmatched and listed."""
    number, wire = next(_numbers), running.connect()
    wire.send(request(f"/none/whole{PATH}", {**MODEL, "model": f"m{number}"}, call_id=number))
    status, body = wire.answer()
    error = json.loads(body)["error"]
    assert (status, error["type"]) == (422, "harness_mismatch")
    assert f"model: expected 'm', got 'm{number}'" in error["message"]
    assert error["message"] in running.backend.mismatches()
    (entry,) = running.entries(number)
    assert (entry.matched, entry.exchange_index, entry.status) == (False, -1, 422)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (f"/none/wole{PATH}", "did you mean whole"),
        (f"/none/zzz{PATH}", "known: long, stream, whole"),
        (f"/warp/whole{PATH}", "expected recorded, capped"),
        ("/", "expected /<pace>[~<fault>[~<outage>]]/<cassette id>"),
        ("*", "expected /<pace>[~<fault>[~<outage>]]/<cassette id>"),
    ],
)
def test_an_unknown_address_is_a_404_that_says_what_exists(running: Running, target: str, told: str) -> None:
    """A wrong cassette id, pace or target is answered, never dropped."""
    wire = running.connect()
    wire.send(request(target))
    status, body = wire.answer()
    assert status == 404
    assert told in json.loads(body)["error"]["message"]


def test_a_key_in_the_query_is_in_no_refusal(running: Running) -> None:
    """Whatever is wrong with the address."""
    wire = running.connect()
    for target in (
        "/?key=canary",
        "/none/whole?key=canary",
        f"/none/zzz{PATH}?key=canary",
        "/none/whole/v2?key=canary",
    ):
        wire.send(request(target))
        status, body = wire.answer()
        assert status in (404, 422)
        assert b"canary" not in body
    assert "canary" not in "".join(running.backend.mismatches())


def test_attempts_count_up_under_one_call_id_across_connections(running: Running) -> None:
    """A retry is the second attempt of the same call, and the journal knows whether its connection was reused."""
    number = next(_numbers)
    first, second = running.connect(), running.connect()
    for wire in (first, first, second):
        wire.send(request(f"/none/whole{PATH}", call_id=number))
        wire.answer()
    entries = running.entries(number)
    assert [entry.attempt for entry in entries] == [1, 2, 3]
    assert [entry.connection_reused for entry in entries] == [False, True, False]
    assert entries[0].connection_id == entries[1].connection_id != entries[2].connection_id


@pytest.mark.parametrize("value", ["abc", "-1", "1.5", "9" * 40, ""])
def test_a_call_id_that_is_no_number_counts_as_none(running: Running, value: str) -> None:
    """It is answered all the same."""
    wire = running.connect()
    for _ in range(4):
        wire.send(request(f"/none/whole{PATH}", call_id=value))
        assert wire.answer()[0] == 200


def test_the_fast_path_notices_every_change_outside_the_call_id(running: Running) -> None:
    """After identical requests, one that differs in its body, target or framing is judged anew."""
    wire = running.connect()
    for number in (next(_numbers) for _ in range(5)):
        wire.send(request(f"/none/whole{PATH}", call_id=number))
        assert wire.answer() == (200, b"hello you")
    wire.send(request(f"/none/whole{PATH}", {**MODEL, "model": "n"}, call_id=1))
    assert wire.answer()[0] == 422
    wire.send(request(f"/none/stream{PATH}", call_id=next(_numbers)))
    assert wire.answer()[1] == b"a" * 10 + b"bc"
    wire.send(request(f"/none/whole{PATH}", call_id=next(_numbers), headers={"Connection": "close"}))
    assert wire.answer() == (200, b"hello you")
    assert wire.rest() == b""


@pytest.mark.parametrize("pace", ["none", "recorded"])
def test_pipelined_requests_are_answered_in_order(running: Running, pace: str) -> None:
    """Several requests in one segment each get their answer, and their own size in the journal."""
    numbers, wire = [next(_numbers) for _ in range(6)], running.connect()
    names = ["whole", "stream"] * 3
    requests = [request(f"/{pace}/{name}{PATH}", call_id=n) for name, n in zip(names, numbers, strict=True)]
    wire.send(b"".join(requests))
    assert [wire.answer()[1] for _ in names] == [b"hello you", b"a" * 10 + b"bc"] * 3
    assert [running.entries(n)[0].request_bytes for n in numbers] == [len(r) for r in requests]


def test_a_request_sent_byte_by_byte_is_one_request(running: Running) -> None:
    """Segmentation never changes the answer."""
    number, wire = next(_numbers), running.connect()
    whole = request(f"/none/whole{PATH}", call_id=number)
    for position in range(len(whole)):
        wire.send(whole[position : position + 1])
    assert wire.answer() == (200, b"hello you")
    assert running.entries(number)[0].request_bytes == len(whole)


def test_a_half_written_request_is_forgotten_with_its_client(running: Running) -> None:
    """A client that leaves in mid-request leaves nothing behind."""
    number, wire = next(_numbers), running.connect()
    wire.send(request(f"/none/whole{PATH}", call_id=number)[:-5])
    wire.close()
    other = running.connect()
    other.send(request(f"/none/whole{PATH}"))
    assert other.answer()[0] == 200
    assert running.entries(number) == []


def test_a_chunked_request_and_expect_continue_are_understood(running: Running) -> None:
    """Both ways of delaying a body end in the same match."""
    body = json.dumps(MODEL).encode()
    wire = running.connect()
    head = f"POST /none/whole{PATH} HTTP/1.1\r\nHost: x\r\n"
    wire.send(f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")
    assert wire.answer() == (200, b"hello you")
    wire.send(f"{head}Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    assert wire.answer()[0] == 100
    wire.send(body)
    assert wire.answer() == (200, b"hello you")


def test_http_1_0_gets_an_unchunked_answer_and_a_closed_connection(running: Running) -> None:
    """An old client reads to the end of the connection."""
    wire = running.connect()
    wire.send(request(f"/none/stream{PATH}").replace(b"HTTP/1.1", b"HTTP/1.0"))
    _, _, body = wire.rest().partition(b"\r\n\r\n")
    assert body == b"a" * 10 + b"bc"


def test_a_client_that_vanishes_in_mid_stream_ends_its_schedule(running: Running) -> None:
    """The journal keeps what was sent, marked incomplete, and other clients are served."""
    number, wire = next(_numbers), running.connect()
    wire.send(request(f"/recorded/long{PATH}", call_id=number))
    wire.sock.recv(1)
    wire.close()
    deadline = time.monotonic() + 5
    while not (entries := running.entries(number)) and time.monotonic() < deadline:
        assert running.backend.alive()
    assert not entries[0].completed
    assert 1 <= len(entries[0].chunk_sent_ns) == len(entries[0].pacing_error_ns) < 40


def test_a_client_that_reads_slowly_gets_every_byte(running: Running) -> None:
    """Eight megabytes without a reader fill the socket; what waits is sent when it drains, still in order."""
    number, wire = next(_numbers), running.connect()
    wire.send(request(f"/none/long{PATH}", call_id=number))
    assert running.backend.status().connections_open >= 1
    status, body = wire.answer()
    assert status == 200
    assert body == b"".join(bytes([65 + i % 26]) * 200_000 for i in range(40))
    wire.send(request(f"/none/whole{PATH}"))
    assert wire.answer() == (200, b"hello you")
    (entry,) = running.entries(number)
    assert entry.completed
    assert len(entry.chunk_sent_ns) == 40
    assert sorted(entry.chunk_sent_ns) == list(entry.chunk_sent_ns)
    assert entry.response_bytes > len(body)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    noise=st.one_of(
        st.binary(max_size=300),
        st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=4)).map(
            lambda cut: (w := request(f"/none/whole{PATH}", call_id=3))[: cut[0]] + cut[1] + w[cut[0] + len(cut[1]) :]
        ),
    )
)
def test_no_bytes_from_a_client_stop_the_server(running: Running, noise: bytes) -> None:
    """Garbage is answered with 4xx or dropped; the next client is served."""
    wire = running.connect()
    wire.send(noise)
    wire.close()
    other = running.connect()
    other.send(request(f"/none/whole{PATH}"))
    assert other.answer() == (200, b"hello you")
    other.close()
    assert running.backend.alive()


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"\r\n\r\n\x00\xff"]
)
def test_what_is_not_http_is_a_400(running: Running, noise: bytes) -> None:
    """A TLS hello or broken request line gets an answer and a closed connection."""
    wire = running.connect()
    wire.send(noise)
    assert wire.answer()[0] == 400
    assert wire.rest() == b""


def test_upgrades_and_other_methods_are_answered(running: Running) -> None:
    """CONNECT, HEAD and Upgrade do not confuse the framing."""
    for text in ("CONNECT x:1 HTTP/1.1", f"HEAD /none/whole{PATH} HTTP/1.1", "GET /-/none HTTP/1.1"):
        wire = running.connect()
        wire.send(f"{text}\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n".encode())
        answer = wire.rest()
        assert answer.startswith(b"HTTP/1.1 4")
        wire.close()
