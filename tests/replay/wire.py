"""A raw client and cassettes for the backend's tests: bytes in, bytes out, nothing between."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path

from harness.cassette import SUFFIX, Cassette, Head, RecordedRequest, RecordedResponse, dump_cassette
from harness.vocabulary import CALL_ID_HEADER, Origin

CASSETTES = Path(__file__).parents[2] / "benchmarks" / "cassettes"
MODEL = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
PATH = "/v1/chat/completions"


def cassette(
    cassette_id: str, chunks: tuple[bytes, ...], offsets_ns: tuple[int, ...], *, head_offset_ns: int, stream: bool
) -> Cassette:
    """A small exchange with the request ``MODEL``."""
    head = Head(
        cassette=1,
        origin=Origin.AUTHORED,
        provider="p",
        model="m",
        workload="w",
        stream=stream,
        head_offset_ns=head_offset_ns,
        request=RecordedRequest(method="POST", path=PATH, body=dict(MODEL)),
        response=RecordedResponse(
            status=200, headers=(("content-type", "text/plain"),), framing="chunked" if stream else "content-length"
        ),
    )
    return Cassette(cassette_id, head, offsets_ns, chunks)


def save(found: Cassette, directory: Path) -> None:
    """Write the cassette where a backend finds it."""
    (directory / f"{found.cassette_id}{SUFFIX}").write_text(dump_cassette(found), encoding="utf-8")


def request(
    target: str, body: object = MODEL, *, call_id: object = None, headers: Mapping[str, str] | None = None
) -> bytes:
    """A POST as one run of bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    extra = {} if call_id is None else {CALL_ID_HEADER: str(call_id)}
    fields = {"Host": "x", "Content-Length": str(len(content)), **extra, **(headers or {})}
    head = f"POST {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return head.encode() + b"\r\n" + content


class Wire:
    """One connection. ``answer`` reads exactly one response."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 10)
        self._buffer = b""

    def send(self, data: bytes) -> None:
        """Write all of it."""
        self.sock.sendall(data)

    def answer(self) -> tuple[int, bytes]:
        """Status and body of the next response, framing undone."""
        head = self._until(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        if fields.get(b"transfer-encoding") == b"chunked":
            return status, b"".join(self._chunks())
        if b"content-length" in fields:
            return status, self._exactly(int(fields[b"content-length"]))
        return status, b"" if status == 100 else self.rest()

    def rest(self) -> bytes:
        """Everything until the peer closes."""
        found, self._buffer = self._buffer, b""
        while piece := self.sock.recv(65_536):
            found += piece
        return found

    def close(self) -> None:
        """Leave."""
        self.sock.close()

    def _chunks(self) -> list[bytes]:
        chunks = []
        while size := int(self._until(b"\r\n"), 16):
            chunks.append(self._exactly(size))
            self._exactly(2)
        self._exactly(2)
        return chunks

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._more()
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _more(self) -> None:
        piece = self.sock.recv(65_536)
        if not piece:
            raise EOFError(f"the backend closed after {self._buffer[:80]!r}")
        self._buffer += piece
