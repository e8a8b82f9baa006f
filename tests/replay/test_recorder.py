"""From a provider into a cassette and back: the same bytes at the same times, and no secret on the way."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.provider import Provider, question, running
from harness.cassette import SUFFIX, Cassette, dump_cassette, load_cassette
from harness.replay.certificates import make_certificate
from harness.replay.exchange import Framing
from harness.replay.failure import Failure
from harness.replay.journal import JournalReader
from harness.replay.launch import BackendProcess, Passing, start_backend
from harness.replay.parsing import Request
from harness.replay.recorder import Passed, recorded, spoken_at
from harness.replay.routes import base_url
from harness.replay.scrub import NotScrubbable, is_secret_name, scrubbed_bytes, scrubbed_pieces
from tests.replay.providers import scripted
from tests.replay.wire import PATH, Wire, request

real = pytest.mark.real


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Provider, Path]]:
    """uvicorn over TLS, and the authority to trust."""
    made = make_certificate(tmp_path_factory.mktemp("certificate"))
    with running(certificate=made.certificate) as found:
        yield found, made.authority


@contextmanager
def recording(folder: Path, url: str, authority: Path | None = None, **more: Any) -> Iterator[BackendProcess]:
    """A tap that writes cassettes into ``folder/cassettes``."""
    passing = Passing({"p": url}, authority, folder / "cassettes", **more)
    with start_backend(None, folder / "live", passing=passing) as backend:
        yield backend


def asked(backend: BackendProcess, body: bytes, headers: dict[str, str] | None = None, path: str = PATH) -> bytes:
    """One request through the tap; everything that came back, until the connection was closed."""
    wire = Wire(backend.port)
    wire.send(request(f"/live/p{path}", body, headers={"Connection": "close", **(headers or {})}, call_id=1))
    found = wire.rest()
    wire.close()
    return found


def written(folder: Path, wanted: int = 1) -> list[Cassette]:
    """The cassettes, once there are so many."""
    end_s = time.monotonic() + 5
    while True:
        paths = sorted((folder / "cassettes").glob(f"*{SUFFIX}"))
        if len(paths) >= wanted or time.monotonic() > end_s:
            return [load_cassette(path) for path in paths]
        time.sleep(0.02)


def body_of(raw: bytes) -> bytes:
    """What an answer carried, framing taken off."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head.lower():
        return rest
    found = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if not size or not int(size, 16):
            break
        found, rest = found + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return found


SHAPES = {
    "JSON": question(1, size=5000),
    "JSON in chunks": question(1, size=5000, chunked=True),
    "gzip": question(1, size=5000, encoding="gzip"),
    "br": question(1, size=5000, encoding="br"),
    "SSE": question(1, stream=True, shape="sse", chunks=40, gap_s=0.01),
    "an error": question(1, shape="limited"),
    "HTML": question(1, shape="html", status=502),
    "dies in the middle": question(1, stream=True, shape="sse", chunks=40, gap_s=0.01, dies_after=20),
}


@real
@pytest.mark.parametrize("shape", list(SHAPES))
def test_what_was_recorded_replays_the_same(tmp_path: Path, provider: tuple[Provider, Path], shape: str) -> None:
    """Status, body and what ends it; every chunk within a millisecond of when it came."""
    body = SHAPES[shape]
    with recording(tmp_path, provider[0].url, provider[1]) as tap:
        live = asked(tap, body)
    (cassette,) = written(tmp_path)
    journal = tmp_path / "recorded"
    with start_backend(tmp_path / "cassettes", journal) as backend:
        wire = Wire(backend.port)
        target = base_url(backend.port, "recorded", cassette.cassette_id).partition(str(backend.port))[2] + PATH
        wire.send(request(target, body, headers={"Connection": "close"}, call_id=1))
        again = wire.rest()
        wire.close()
        with JournalReader(journal) as reader:
            (entry,) = reader.drain()
    assert again.split(b" ")[1] == live.split(b" ")[1]
    assert body_of(again) == body_of(live)
    assert again.endswith(b"0\r\n\r\n") == live.endswith(b"0\r\n\r\n")
    offsets = [sent - entry.received_ns for sent in entry.chunk_sent_ns]
    errors = sorted(abs(a - b) for a, b in zip(offsets, cassette.offsets_ns, strict=True))
    assert quantiles([*errors, *errors], n=100)[98] < 1e6


@real
def test_trailers_and_a_declared_length_that_was_not_kept(tmp_path: Path) -> None:
    """Replayed as they were: trailers after the last chunk, a length promised and broken."""
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\netag: abc\r\n\r\n"
    short = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nten bytes."
    for name, script in (("trailers", (chunked,)), ("short", (short, 0.05, "close"))):
        folder = tmp_path / name
        folder.mkdir()
        with scripted(*script) as provider, recording(folder, provider.url) as tap:
            live = asked(tap, question(1))
        (cassette,) = written(folder)
        with start_backend(folder / "cassettes", folder / "journal") as backend:
            wire = Wire(backend.port)
            wire.send(request(f"/none/{cassette.cassette_id}{PATH}", question(1)))
            wire.sock.settimeout(1)
            again = wire.rest() if name == "short" else wire.sock.recv(65_536)
            wire.close()
        assert again.partition(b"\r\n\r\n")[2] == live.partition(b"\r\n\r\n")[2]
        assert (b"content-length: 50" in again) == (name == "short")


@real
def test_prompts_can_stay_at_home(tmp_path: Path, provider: tuple[Provider, Path]) -> None:
    """Placeholders as long as they were, and a replay still knows the question by its lengths."""
    body = question(1, secret_plan="take over the world")
    with recording(tmp_path, provider[0].url, provider[1], keeps_prompts=False) as tap:
        asked(tap, body)
    (cassette,) = written(tmp_path)
    assert b"world" not in dump_cassette(cassette).encode()
    assert len(cassette.head.request.body["messages"][0]["content"]) == len(json.loads(body)["messages"][0]["content"])
    with start_backend(tmp_path / "cassettes", tmp_path / "journal") as backend:
        for text, status in ((body, 200), (question(10, secret_plan="take over"), 422)):
            wire = Wire(backend.port)
            wire.send(request(f"/none/{cassette.cassette_id}{PATH}", text))
            assert wire.answer()[0] == status
            wire.close()


CANARIES = [f"canary{number:02d}q7Zk9Wv3" for number in range(50)]


def planted() -> tuple[dict[str, str], str, dict[str, Any]]:
    """Fifty secrets in every place where a client can put one: headers, query, body."""
    names = (
        *("Authorization", "x-api-key", "api-key", "x-goog-api-key", "Cookie", "Proxy-Authorization", "x-auth-token"),
        *("Ocp-Apim-Subscription-Key", "X-Amz-Security-Token", "X-Vault-Token", "x-session-token", "X-Secret"),
        *("OpenAI-Api-Key", "X-Client-Secret", "x-jwt", "X-Signature"),
    )
    left = iter(CANARIES)
    headers = {name: next(left) for name in names}
    headers["Authorization"] = f"Bearer {headers['Authorization']}"
    headers["Cookie"] = f"a=1; session={headers['Cookie']}; b={next(left)}"
    queries = ("key", "api_key", "api-key", "access_token", "sig", "token", "apiKey", "subscription-key")
    target = PATH + "?" + "&".join(f"{name}={next(left)}" for name in queries)
    members = (
        *("api_key", "apiKey", "token", "password", "secret", "authorization", "user", "safety_identifier"),
        *("user_id", "prompt_cache_key", "organization", "project", "client_secret", "access_token", "session_id"),
    )
    body: dict[str, Any] = {name: next(left) for name in members}
    body["metadata"] = {"who": next(left), "deep": [{"er": next(left)}]}
    body["extra"] = {"headers": {"Authorization": next(left)}, "list": [{"apikey": next(left)}]}
    body["model"], body["stream"] = "gpt-5-mini", False
    looks = [
        *(f"sk-{next(left)}", f"sk-ant-api03-{next(left)}", f"sk-proj-{next(left)}"),
        *(f"org-{next(left)}", f"req_{next(left)}", f"Bearer {next(left)}"),
    ]
    body["messages"] = [{"role": "user", "content": "my keys are " + " and ".join(looks)}]
    assert next(left, None) is None
    return headers, target, body


@real
def test_fifty_secrets_are_nowhere(tmp_path: Path) -> None:
    """Neither in the cassette, nor in the journal, nor in what the backend tells of requests; also not echoed back, cut
    in two by a chunk.
    """
    headers, target, body = planted()
    everything = " ".join(CANARIES[:44]) + " " + json.dumps(body) + " " + target  # the last six go by their look alone
    data = json.dumps({"error": {"message": everything}}).encode()
    half = len(data) // 2 - 7
    head = (
        b"HTTP/1.1 401 No\r\nset-cookie: s=" + CANARIES[0].encode() + b"\r\nx-request-id: req_" + CANARIES[1].encode()
        + b"\r\nopenai-organization: " + CANARIES[2].encode() + b"\r\nx-debug: " + CANARIES[3].encode()
        + b"\r\ncontent-length: %d\r\n\r\n" % len(data)
    )  # fmt: skip
    with scripted(head, data[:half], 0.02, data[half:]) as provider, recording(tmp_path, provider.url) as tap:
        wire = Wire(tap.port)
        wire.send(request(f"/live/p{target}", body, headers=headers, call_id=1))
        status, found = wire.answer()
        wire.close()
        told = json.dumps([repr(shape) for shape in tap.shapes()])
        assert (status, found) == (401, data)
        assert all(canary.encode() in provider.requests[0] for canary in CANARIES)
        (cassette,) = written(tmp_path)
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()) + told.encode()
    assert [canary for canary in CANARIES if canary.encode() in files] == []
    assert len(cassette.body) == len(data)
    assert len(cassette.chunks) == 2


@real
def test_a_secret_inside_a_compressed_answer_is_not_written(tmp_path: Path) -> None:
    """It cannot be taken out without changing the bytes: nothing is written, and the reason is told."""
    data = gzip.compress(b'{"error": "wrong key sk-canary0123456789"}')
    head = b"HTTP/1.1 401 No\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(data)
    with scripted(head + data) as provider, recording(tmp_path, provider.url) as tap:
        asked(tap, question(1))
        end_s = time.monotonic() + 5
        while not (told := tap.status().not_recorded) and time.monotonic() < end_s:
            time.sleep(0.02)
    assert told == ("1 not recorded: its body holds a secret inside gzip: ask for it without compression",)
    assert not list(tmp_path.rglob(f"*{SUFFIX}"))


KEYS = st.text("ABCDEFabcdef0123456789_-", min_size=20, max_size=60)


@given(KEYS, st.sampled_from(["sk-", "sk-ant-", "AIza", "gsk_", "ghp_", "xai-", "hf_"]), st.integers(0, 40))
def test_whatever_looks_like_a_key_is_gone(key: str, prefix: str, cut: int) -> None:
    """Wherever a chunk cuts it, and every chunk stays as long as it was."""
    secret = prefix + key.replace("_", "A").replace("-", "B")
    body = f'data: {{"text": "{secret}"}}\n\n'.encode()
    pieces = (body[:cut], body[cut:])
    found = scrubbed_pieces(pieces, "", ())
    assert secret.encode() not in b"".join(found)
    assert [len(piece) for piece in found] == [len(piece) for piece in pieces]


@given(st.binary(min_size=6, max_size=40), st.binary(max_size=200))
def test_a_known_secret_is_gone_from_anything(secret: bytes, around: bytes) -> None:
    """Whatever its look, and whatever stands around it."""
    if set(secret) == {ord("x")}:
        return
    found = scrubbed_bytes(around + secret + around, [secret])
    assert secret not in found
    assert len(found) == 2 * len(around) + len(secret)


def test_plain_text_stays() -> None:
    """What looks like no secret is nobody's."""
    text = b'{"content": "The task-force said: basic training, bearer of news. ask-me"}'
    assert scrubbed_bytes(text, []) == text
    assert not is_secret_name("max_tokens")
    assert not is_secret_name("monkey")
    assert is_secret_name("X-Api-Key")
    assert is_secret_name("accessToken")


@pytest.mark.parametrize(
    ("target", "provider", "operation", "model", "stream"),
    [
        ("/v1/chat/completions", "openai", "chat", None, None),
        ("/openai/deployments/four-o/chat/completions?api-version=1", "openai", "chat", "four-o", None),
        ("/v1/responses", "openai", "responses", None, None),
        ("/v1/messages", "anthropic", "chat", None, None),
        ("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", "gemini", "chat", "gemini-2.5-flash", True),
        ("/v1beta/models/gemini-2.5-flash:generateContent", "gemini", "chat", "gemini-2.5-flash", False),
    ],
)
def test_targets_tell_whose_dialect_is_spoken(
    target: str, provider: str, operation: str, model: str | None, stream: bool | None
) -> None:
    """Azure's deployments speak OpenAI's."""
    found = spoken_at(target)
    assert found is not None
    assert (found.provider, found.operation, found.model, found.stream) == (provider, operation, model, stream)


def test_what_is_no_call_is_not_recorded() -> None:
    """A list of models, say."""
    asked = Request("GET", b"/v1/models", b"", 0, 0, Framing.KEEP_ALIVE, ())
    with pytest.raises(NotScrubbable, match="no call of a dialect"):
        recorded(Passed(asked, "/v1/models", "", (b"",), (0,), Failure.NONE), "w", keeps_prompts=True)
