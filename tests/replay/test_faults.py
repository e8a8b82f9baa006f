"""Every shipped scenario acted out over real sockets, on the shipped cassettes of three providers: what a raw client
then sees is what the scenario says, in the attempts that it names.
"""

from __future__ import annotations

import errno
import itertools
import json
import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from harness.cassette import SUFFIX, Cassette, load_cassette
from harness.errors import UsageError
from harness.fault import EDITS, PORTS, Scenario, load_scenario, load_scenarios
from harness.places import benchmarks_dir
from harness.replay.dialects import dialect_for
from harness.replay.faults import sent
from harness.replay.launch import start_backend
from tests.replay.conftest import Running
from tests.replay.wire import CASSETTES, Wire, request

SCENARIOS = load_scenarios(benchmarks_dir() / "faults")
CHATS = {
    ("openai", False): "openai-gpt-5-mini-chat",
    ("openai", True): "openai-gpt-5-mini-chat-stream",
    ("anthropic", False): "anthropic-claude-haiku-4-5-chat",
    ("anthropic", True): "anthropic-claude-haiku-4-5-chat-stream",
    ("gemini", False): "gemini-gemini-2.5-flash-chat",
    ("gemini", True): "gemini-gemini-2.5-flash-chat-stream",
}
_numbers = itertools.count(1)


def chat(provider: str, stream: bool) -> Cassette:
    """A shipped chat."""
    return load_cassette(CASSETTES / f"{CHATS[provider, stream]}{SUFFIX}")


@pytest.fixture(scope="module")
def shared_faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A backend with the shipped chats and scenarios."""
    journal = tmp_path_factory.mktemp("faults") / "journal"
    only = list(CHATS.values())
    with start_backend(CASSETTES, journal, only=only, faults=benchmarks_dir() / "faults") as backend:
        yield Running(backend, journal)


@pytest.fixture
def faulty(shared_faulty: Running) -> Iterator[Running]:
    """The module's backend; connections are closed after each test."""
    yield shared_faulty
    shared_faulty.hang_up()


def ask(running: Running, fault: str, provider: str = "openai", stream: bool = False, number: int = 0) -> Wire:
    """Send the recorded request under a fault, on a connection of its own."""
    recorded = chat(provider, stream).head.request
    wire = running.connect()
    target = f"/none~{fault}/{CHATS[provider, stream]}{recorded.path}"
    wire.send(request(target, recorded.body, call_id=number or next(_numbers)))
    wire.sock.settimeout(0.3)
    return wire


def silence(wire: Wire) -> bytes:
    """What arrives before 0.3 s of silence; fails if the connection ends instead."""
    found = b""
    while True:
        try:
            piece = wire.sock.recv(1 << 20)
        except TimeoutError:
            return found
        assert piece, f"closed after {found[-80:]!r}"
        found += piece


real = pytest.mark.real
shapes = pytest.mark.parametrize(("provider", "stream"), list(CHATS), ids=lambda value: str(value))


def test_the_shipped_scenarios_cover_every_primitive_port_and_edit() -> None:
    """A primitive that nothing uses is one that nothing tests."""
    acts = [scenario.act for scenario in SCENARIOS.values() if scenario.act is not None]
    assert {act.port for act in acts} - {None} == set(PORTS)
    assert {act.edit for act in acts} - {None} == set(EDITS)
    assert len({act.primitive for act in acts}) == 8
    assert "healthy" in SCENARIOS


@real
@shapes
def test_a_scenario_that_says_nothing_answers_as_ever(faulty: Running, provider: str, stream: bool) -> None:
    """``healthy`` is the answer of the cassette, byte for byte."""
    wire = ask(faulty, "healthy", provider, stream)
    assert wire.answer() == (200, chat(provider, stream).body)


@real
@shapes
def test_silences_hold_the_connection_until_the_client_leaves(faulty: Running, provider: str, stream: bool) -> None:
    """Nothing, the head, or half of the body; the journal says when the client was gone."""
    body = chat(provider, stream).body
    assert silence(ask(faulty, "silence-after-request", provider, stream)) == b""
    head = silence(ask(faulty, "silence-after-head", provider, stream))
    assert head.startswith(b"HTTP/1.1 200 ")
    assert head.endswith(b"\r\n\r\n")
    number = next(_numbers)
    wire = ask(faulty, "stall-mid-body", provider, stream, number)
    seen = silence(wire)
    assert head in seen
    assert 0.2 * len(body) < len(seen) - len(head) < 0.9 * len(body)
    before = time.monotonic_ns()
    wire.close()
    time.sleep(0.05)
    (entry,) = faulty.entries(number)
    assert not entry.completed
    assert before <= entry.ended_ns <= time.monotonic_ns()


@real
@shapes
@pytest.mark.parametrize(("fault", "error"), [("reset-before-head", errno.ECONNRESET), ("closed-before-head", 0)])
def test_cuts_before_the_head(faulty: Running, provider: str, stream: bool, fault: str, error: int) -> None:
    """A reset is a reset, a close an end of file."""
    wire = ask(faulty, fault.replace("closed", "fin"), provider, stream)
    if error:
        with pytest.raises(ConnectionResetError):
            wire.sock.recv(1)
    else:
        assert wire.sock.recv(1) == b""


@real
@shapes
def test_a_connection_closed_in_the_middle_has_sent_half(faulty: Running, provider: str, stream: bool) -> None:
    """The head promises more than comes."""
    wire = ask(faulty, "fin-mid-body", provider, stream)
    wire.sock.settimeout(5)
    with pytest.raises(EOFError):
        wire.answer()


@real
@pytest.mark.parametrize("stream", [False, True])
def test_a_connection_reset_in_the_middle_has_sent_half(faulty: Running, stream: bool) -> None:
    """What had been sent may or may not be read before the reset is seen; the end is the reset."""
    wire = ask(faulty, "reset-mid-body", stream=stream)
    with pytest.raises(ConnectionResetError):
        wire.rest()


@real
def test_drips_keep_coming(faulty: Running) -> None:
    """A byte, or a comment, every 0.3 s: never silent for a read timeout, never an answer."""
    for fault, unit in (("drip", b"1\r\nd\r\n"), ("drip-of-comments", b"e\r\n: keep-alive\n\n\r\n")):
        wire = ask(faulty, fault, stream=True)
        wire.sock.settimeout(2)
        seen, end = b"", time.monotonic() + 0.75
        while time.monotonic() < end:
            seen += wire.sock.recv(65_536)
        body = seen.partition(b"\r\n\r\n")[2]
        assert body.startswith(unit), body[:60]
        assert 2 * len(unit) <= len(body) <= 4 * len(unit)


@real
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("fault", "is_head_late"), [("late-head", True), ("slow-first-chunk", False)])
def test_delays_come_before_the_head_or_after_it(faulty: Running, fault: str, is_head_late: bool, stream: bool) -> None:
    """Then all is well."""
    wire = ask(faulty, fault, stream=stream)
    seen = silence(wire)
    assert (seen == b"") is is_head_late
    wire.sock.settimeout(5)
    wire._buffer = seen
    assert wire.answer() == (200, chat("openai", stream).body)


@real
@shapes
def test_truncations_are_clean_or_wrong(faulty: Running, provider: str, stream: bool) -> None:
    """Cleanly: half in flawless framing. By length: the stated length is not the body's."""
    body = chat(provider, stream).body
    status, half = ask(faulty, "truncated-cleanly", provider, stream).answer()
    assert (status, body.startswith(half)) == (200, True)
    assert len(half) < len(body)
    wire = ask(faulty, "truncated-by-length", provider, stream)
    status, half = wire.answer()
    assert (status, half) == (200, body[: len(body) // 2])
    assert wire.rest() == body[len(body) // 2 :]


@real
@shapes
@pytest.mark.parametrize(
    "scenario", [s for s in SCENARIOS.values() if s.act and s.act.primitive == "status"], ids=lambda s: s.name
)
def test_statuses_have_the_providers_body_and_the_header(
    faulty: Running, scenario: Scenario, provider: str, stream: bool
) -> None:
    """The attempts that the scenario names are refused, the next one is answered."""
    assert scenario.act is not None
    number = next(_numbers)
    for _ in range(scenario.befallen or 3):
        wire = ask(faulty, scenario.name, provider, stream, number)
        wire.sock.settimeout(5)
        raw = wire._until(b"\r\n\r\n")
        assert int(raw.split(b" ", 2)[1]) == scenario.act.status
        stated = [line for line in raw.split(b"\r\n") if line.lower().startswith(b"retry-after: ")]
        assert bool(stated) == (scenario.act.retry_after is not None)
        if scenario.act.date_s:
            at = parsedate_to_datetime(stated[0].split(b": ", 1)[1].decode())
            assert abs(at.timestamp() - time.time() - scenario.act.date_s) < 3
        wire.sock.settimeout(0.05)
        body = wire._buffer + silence(wire)
        assert (b"<html>" in body) == (scenario.act.body == "html")
        if scenario.act.body == "json":
            assert "authored error" in str(json.loads(body)["error"])
    if scenario.befallen is not None:
        last = ask(faulty, scenario.name, provider, stream, number)
        last.sock.settimeout(5)
        assert last.answer() == (200, chat(provider, stream).body)
    assert [entry.attempt for entry in faulty.entries(number)][: scenario.befallen or 3]


@real
@shapes
@pytest.mark.parametrize(
    "scenario", [s for s in SCENARIOS.values() if s.act and s.act.primitive == "content"], ids=lambda s: s.name
)
def test_broken_content_arrives_in_flawless_framing(
    faulty: Running, scenario: Scenario, provider: str, stream: bool
) -> None:
    """The body on the wire is the edited one, and differs from the true one unless only its head was touched."""
    if stream not in scenario.streams or provider not in scenario.providers:
        pytest.skip("the scenario has no such shape")
    whole = chat(provider, stream)
    status, body = ask(faulty, scenario.name, provider, stream).answer()
    said = sent(scenario, whole)
    assert (status, body) == (200, said.body)
    assert (body == whole.body) is (scenario.name == "wrong-content-type")


@shapes
def test_what_can_be_handed_on_as_sent_is_read_by_the_dialect(provider: str, stream: bool) -> None:
    """Half an answer has another text and says why; doubled and swapped events have another text and say nothing."""
    whole = chat(provider, stream)
    truth = dialect_for(provider, "chat").truth
    for scenario in SCENARIOS.values():
        if scenario.expected.answer == "as_sent" and stream in scenario.streams:
            found = truth(sent(scenario, whole))
            assert found.text != truth(whole).text, scenario.name
            expected = {"length": "length", "content-filter": "content_filter"}.get(scenario.name, "stop")
            assert found.finish_reason == expected, scenario.name


@real
def test_ports_fail_before_a_request_is_read(faulty: Running) -> None:
    """Refused at once, never connected, accepted in silence, closed at once; and the backend itself goes on."""
    ports = faulty.backend.info.failing_ports
    assert set(ports) == set(PORTS)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", ports["refuse"]), 5)
    with pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", ports["unreachable"]), 0.3)
    with socket.create_connection(("127.0.0.1", ports["silent"]), 5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    with socket.create_connection(("127.0.0.1", ports["closing"]), 5) as connection:
        assert connection.recv(1) == b""
    assert faulty.backend.alive()


@real
def test_an_outage_ends_by_itself_and_is_shared_by_its_name(faulty: Running) -> None:
    """Every request fails for a second from the first on, whatever its call; another name begins its own."""

    def status(name: str) -> int:
        return ask(faulty, f"status-503~1.{name}").answer()[0]

    assert [status("one"), status("one")] == [503, 503]
    time.sleep(1.05)
    assert [status("one"), status("two")] == [200, 503]


@real
def test_an_unknown_fault_is_a_404_that_says_what_exists(faulty: Running) -> None:
    """As an unknown cassette is."""
    status, body = ask(faulty, "stall-mid-bodi").answer()
    assert status == 404
    assert "did you mean stall-mid-body" in json.loads(body)["error"]["message"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('name = "other"', "name: expected 'x' as the file is called, got 'other'"),
        ('attempts = "sometimes"', "expected attempts as 'every', 'first' or '1-2', got 'sometimes'"),
        ('act = { primitive = "silence" }', "expected after for silence, got none"),
        ('act = { primitive = "silence", after = "head", status = 500 }', "expected no status for silence"),
        ('act = { primitive = "port", port = "left" }', "expected port among refuse, unreachable"),
        ('act = { primitive = "content", edit = "shout" }', "expected edit among malformed_json"),
        ("expected = {}", "expected kinds of error where the call cannot end well"),
        ('expected = { kinds = ["tired"] }', "kinds"),
        ('family = "healthy"', "expected an act in every family but 'healthy'"),
        ('colour = "red"', "colour"),
    ],
)
def test_a_mistake_in_a_scenario_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    """File, key, expected, got."""
    fields = {
        "name": '"x"',
        "description": '"d"',
        "family": '"silence"',
        "act": '{ primitive = "silence", after = "head" }',
        "expected": '{ kinds = ["network"] }',
    }
    key, _, value = text.partition(" = ")
    path = tmp_path / "x.toml"
    path.write_text("".join(f"{name} = {given}\n" for name, given in {**fields, key: value}.items()))
    with pytest.raises(UsageError) as caught:
        load_scenario(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert told in str(caught.value)
