"""What passes through the tap: every byte as it was, both sides stamped, and each way in which a provider can fail."""

from __future__ import annotations

import contextlib
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from harness.errors import HarnessError, UsageError
from harness.replay.address import parse_upstream
from harness.replay.certificates import make_certificate
from harness.replay.failure import Failure
from harness.replay.journal import JournalEntry, JournalReader
from harness.replay.launch import BackendProcess, Passing, Secured, start_backend
from harness.replay.tap import told_ns
from harness.replay.tapping import parse_named, tap_url
from tests.replay.providers import Scripted, scripted
from tests.replay.wire import MODEL, Wire, request

TARGET = "/live/p/v1/chat/completions?x=1"
WHOLE = b"HTTP/1.1 200 OK\r\nX-Odd:  two  spaces\r\nContent-Length: 5\r\nopenai-processing-ms: 12\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n"


class Tapped:
    """A backend that passes on to one provider, and its journal."""

    def __init__(self, backend: BackendProcess, journal: Path) -> None:
        self.backend, self.journal = backend, journal

    def raw(self, body: object = MODEL, **more: object) -> bytes:
        """Everything that the client is sent in answer to one request on a connection of its own."""
        wire = Wire(self.backend.port)
        wire.sock.settimeout(10)
        wire.send(request(TARGET, body, headers={"Connection": "close"}, call_id=7))
        found = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := wire.sock.recv(65_536):
                found += piece
        wire.close()
        return found

    def entries(self, wanted: int = 1) -> list[JournalEntry]:
        """What was journalled, once there is so much of it."""
        end_s = time.monotonic() + 5
        while True:
            with JournalReader(self.journal) as reader:
                found = reader.drain()
            if len(found) >= wanted or time.monotonic() > end_s:
                return found
            time.sleep(0.02)


@contextmanager
def tapped(folder: Path, url: str, authorities: Path | None = None, secured: Secured | None = None) -> Iterator[Tapped]:
    """A tap to this URL."""
    passing = Passing({"p": url}, authorities)
    with start_backend(None, folder / "journal", passing=passing, secured=secured) as backend:
        yield Tapped(backend, folder / "journal")


@contextmanager
def between(folder: Path, *steps: bytes | float | str) -> Iterator[tuple[Tapped, Scripted]]:
    """A scripted provider and a tap in front of it."""
    with scripted(*steps) as provider, tapped(folder, provider.url) as tap:
        yield tap, provider


pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    "steps",
    [
        (WHOLE,),
        (CHUNKED, b"5\r\nhello\r\n", 0.03, b"3\r\nyou\r\n0\r\nx-sum: 8\r\n\r\n"),
        (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", 0.02, WHOLE),
        (b"HTTP/1.1 200 OK\r\nserver: old\r\n\r\nuntil the end", "close"),
        (b"HTTP/1.1 204 No Content\r\nx-a: b\r\n\r\n",),
        (b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",),
        (b"HTTP/1.1 500 Oops\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>",),
    ],
    ids=["length", "chunked, trailers", "1xx first", "until it closes", "204", "429", "HTML"],
)
def test_an_answer_passes_byte_for_byte(tmp_path: Path, steps: tuple[bytes | float | str, ...]) -> None:
    """Head, framing, trailers and all."""
    with between(tmp_path, *steps) as (tap, _):
        assert tap.raw() == b"".join(step for step in steps if isinstance(step, bytes))
        (entry,) = tap.entries()
        kind = Failure.HTML if b"text/html" in b"".join(s for s in steps if isinstance(s, bytes)) else Failure.NONE
        assert (entry.completed, entry.failure, entry.call_number) == (True, kind, 7)


def test_a_request_keeps_its_body_and_loses_what_is_ours(tmp_path: Path) -> None:
    """Target and host are the provider's; the call id is nobody's business there."""
    with between(tmp_path, WHOLE) as (tap, provider):
        body = json.dumps({"é": " spaced "}, ensure_ascii=False).encode()
        tap.raw(body)
        head, _, sent = provider.requests[0].partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert sent == body
        assert lines[0] == b"POST /base/v1/chat/completions?x=1 HTTP/1.1"
        assert b"host: 127.0.0.1:%d" % provider.port in lines
        assert b"x-harness" not in head.lower()
        assert b"connection" not in head.lower()


def test_both_sides_are_stamped_and_a_connection_is_kept(tmp_path: Path) -> None:
    """Received, passed on, first and last byte from there, every piece to here, and what the provider says it took."""
    pieces = (CHUNKED.replace(b"\r\n\r\n", b"\r\nserver-timing: a;dur=3, all;dur=4.5\r\n\r\n"), 0.03)
    with between(tmp_path, *pieces, b"1\r\na\r\n", 0.03, b"0\r\n\r\n") as (tap, provider):
        wire = Wire(tap.backend.port)
        for _ in range(2):
            wire.send(request(TARGET))
            assert wire.answer() == (200, b"a")
        wire.close()
        first, second = tap.entries(2)
        assert provider.connections == 1
        assert (first.upstream_reused, second.upstream_reused) == (False, True)
        for entry in (first, second):
            came = [sent - late for sent, late in zip(entry.chunk_sent_ns, entry.pacing_error_ns, strict=True)]
            assert entry.received_ns <= entry.upstream_sent_ns <= came[0] == entry.upstream_first_byte_ns
            assert came[-1] == entry.upstream_last_byte_ns
            assert all(0 <= late < 20e6 for late in entry.pacing_error_ns)
            assert [15e6 < b - a < 60e6 for a, b in pairwise(came)] == [True, True]
            assert entry.told_ns == (-1, -1, 4_500_000, -1)


def test_a_client_that_leaves_ends_the_providers_side(tmp_path: Path) -> None:
    """At once, and what was passed is journalled as incomplete."""
    with between(tmp_path, CHUNKED, b"1\r\na\r\n", "hold") as (tap, provider):
        wire = Wire(tap.backend.port)
        wire.send(request(TARGET))
        wire.sock.recv(10)
        assert not provider.closed.is_set()
        wire.close()
        assert provider.closed.wait(2)
        (entry,) = tap.entries()
        assert not entry.completed


@pytest.mark.parametrize(
    ("steps", "failure", "seen"),
    [
        (("close",), Failure.CLOSED, b"502"),
        (("reset",), Failure.RESET, b"502"),
        ((b"SSH-2.0-OpenSSH\r\n",), Failure.MALFORMED, b"502"),
        ((CHUNKED, b"1\r\na\r\n", 0.05, "close"), Failure.CLOSED, CHUNKED + b"1\r\na\r\n"),
        ((CHUNKED, b"1\r\na\r\n", 0.05, "reset"), Failure.RESET, CHUNKED + b"1\r\na\r\n"),
    ],
    ids=["closes at once", "resets at once", "speaks no HTTP", "closes in the middle", "resets in the middle"],
)
def test_a_provider_that_fails_is_told_as_that(
    tmp_path: Path, steps: tuple[bytes | float | str, ...], failure: Failure, seen: bytes
) -> None:
    """Before an answer in a 502 with a reason; after, the client sees what the tap saw."""
    with between(tmp_path, *steps) as (tap, _):
        found = tap.raw()
        assert seen in found[:12] if seen == b"502" else found == seen
        (entry,) = tap.entries()
        assert (entry.failure, entry.completed) == (failure, False)


def test_nobody_there_and_no_such_name_are_told(tmp_path: Path) -> None:
    """With what was tried."""
    with scripted() as provider:
        port = provider.port
    with tapped(tmp_path, f"http://127.0.0.1:{port}") as tap:
        assert b"upstream p: it refuses connections" in tap.raw()
        assert tap.entries()[0].failure == Failure.REFUSED
    with tapped(tmp_path, "http://name.invalid") as tap:
        assert b"does not resolve" in tap.raw()
        assert tap.entries()[0].failure == Failure.NAME


def test_a_slow_client_holds_the_provider_back(tmp_path: Path) -> None:
    """200 MB pass in bounded memory, and arrive whole."""
    size, piece = 200 << 20, b"x" * (1 << 20)
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size
    with between(tmp_path, head, *[piece] * 200) as (tap, _):
        process = psutil.Process(tap.backend.pid)
        wire = Wire(tap.backend.port)
        wire.send(request(TARGET))
        time.sleep(0.5)  # nothing is read meanwhile
        before, most, read = process.memory_info().rss, 0, 0
        while read < len(head) + size:
            read += len(wire.sock.recv(1 << 20))
            most = max(most, process.memory_info().rss)
        wire.close()
        assert read == len(head) + size
        assert most - before < 20 << 20


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_certificate_counts_on_either_side(tmp_path: Path, is_trusted: bool) -> None:
    """A client that trusts the tap's authority, a tap that trusts the provider's; a stranger's is told as that."""
    from benchmarks.provider import question, running

    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    here, there = make_certificate(tmp_path / "here"), make_certificate(tmp_path / "there")
    trusted = there.authority if is_trusted else here.authority
    with (
        running(certificate=there.certificate) as provider,
        tapped(tmp_path, provider.url, trusted, here) as tap,
    ):
        context = ssl.create_default_context(cafile=str(here.authority))
        wire = Wire(tap.backend.port)
        wire.sock = context.wrap_socket(wire.sock, server_hostname="127.0.0.1")
        for number in range(2):
            wire.send(request(TARGET, question(number, size=200_000)))
            status, body = wire.answer()
            if not is_trusted:
                assert (status, b"its certificate is not trusted" in body) == (502, True)
                break
            assert (status, len(body) > 200_000) == (200, True)
        wire.close()
        assert tap.entries()[0].failure == (Failure.NONE if is_trusted else Failure.CERTIFICATE)
        with pytest.raises(ssl.SSLCertVerificationError):
            ssl.create_default_context(cafile=str(there.authority)).wrap_socket(
                Wire(tap.backend.port).sock, server_hostname="127.0.0.1"
            )


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "https://",
        "https://user:pw@host",
        "https://host/?key=1",
        "http://[::1",
        "http://host:99999",
        "nothing",
    ],
)
def test_a_url_that_is_none_is_refused_without_its_secrets(url: str) -> None:
    """One line."""
    with pytest.raises(UsageError) as told:
        parse_upstream(url)
    assert "pw" not in str(told.value)


def test_addresses_of_providers() -> None:
    """Azure's and OpenRouter's shapes are paths before what the client asks for."""
    azure = parse_upstream("https://me.openai.azure.com/openai/deployments/four-o/")
    assert (azure.authority, azure.port, azure.path) == ("me.openai.azure.com", 443, "/openai/deployments/four-o")
    assert parse_upstream("http://[::1]:8080/api").authority == "[::1]:8080"
    assert tap_url(80, "a b", "chat") == "http://127.0.0.1:80/live/a%20b~chat"
    assert parse_named("openai=https://api.openai.com") == ("openai", "https://api.openai.com")
    with pytest.raises(HarnessError):
        parse_named("https://api.openai.com")


@pytest.mark.parametrize(
    ("name", "value", "ns"),
    [
        (b"openai-processing-ms", "512", 512_000_000),
        (b"x-envoy-upstream-service-time", " 7 ", 7_000_000),
        (b"server-timing", 'db;dur=53.2, app;desc="x";dur=47', 53_200_000),
        (b"server-timing", "cache;desc=hit", -1),
        (b"openai-processing-ms", "soon", -1),
        (b"openai-processing-ms", "-3", -1),
        (b"openai-processing-ms", "nan", -1),
        (b"retry-after", "2", 2_000_000_000),
        (b"retry-after", "Wed, 21 Oct 2015 07:28:00 GMT", 0),
    ],
)
def test_what_providers_say_they_took(name: bytes, value: str, ns: int) -> None:
    """In ns, -1 where it cannot be read."""
    assert told_ns(name, value) == ns
