"""Owns reading requests off a byte stream: httptools' callbacks in, finished ``Request`` values out.

The slow path of ``connection``: the fast one recognises whole requests it has seen and never comes here.
Must not know cassettes or sockets.
"""

from __future__ import annotations

from dataclasses import dataclass

import httptools

from harness.replay.exchange import Framing
from harness.vocabulary import CALL_ID_HEADER

MAX_REQUEST_BYTES = 64 << 20
_CALL_ID = CALL_ID_HEADER.encode()
_LARGEST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Request:
    """One whole request. ``call_number`` is 0 where the header is absent or not a number; ``headers`` are as sent."""

    method: str
    target: bytes
    body: bytes
    call_number: int
    wire_bytes: int
    framing: Framing
    headers: tuple[tuple[bytes, bytes], ...]


class MalformedRequest(Exception):
    """These bytes are not HTTP; the text says why."""


def call_number(value: bytes) -> int:
    """The call id header's value as a number; 0 where it is none, or too large for the journal."""
    value = value.strip()
    return int(value) if value.isdigit() and len(value) <= _LARGEST_DIGITS else 0


class RequestParser:
    """Feed it bytes, take finished requests. ``pending`` says that a request has begun and is not whole."""

    def __init__(self) -> None:
        self._raw = bytearray()
        self._finished: list[Request] = []
        self._upgraded = False
        self.wants_continue = False
        self._reset()
        self._parser = httptools.HttpRequestParser(self)

    @property
    def pending(self) -> bool:
        """Whether bytes of an unfinished request are held."""
        return bool(self._raw)

    def feed(self, data: bytes) -> list[Request]:
        """Consume bytes; return the requests they completed. Raises MalformedRequest."""
        self._raw += data
        self.wants_continue = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._upgraded = True
        except httptools.HttpParserError as problem:
            raise MalformedRequest(str(problem) or type(problem).__name__) from None
        if len(self._raw) > MAX_REQUEST_BYTES:
            raise MalformedRequest(f"more than {MAX_REQUEST_BYTES} bytes")
        finished, self._finished = self._finished, []
        return finished

    def _reset(self) -> None:
        self._target = b""
        self._body: list[bytes] = []
        self._headers: list[tuple[bytes, bytes]] = []
        self._call_number = 0
        self._chunked = False
        self._expects = False

    def on_message_begin(self) -> None:
        self._reset()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))
        lowered = name.lower()
        if lowered == _CALL_ID:
            self._call_number = call_number(value)
        elif lowered == b"transfer-encoding":
            self._chunked = True
        elif lowered == b"expect" and value.lower() == b"100-continue":
            self._expects = True

    def on_headers_complete(self) -> None:
        self.wants_continue = self._expects

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self.wants_continue = False
        body = b"".join(self._body)
        size = self._wire_size(body)
        self._finished.append(
            Request(
                method=self._parser.get_method().decode("ascii", "replace"),
                target=self._target,
                body=body,
                call_number=self._call_number,
                wire_bytes=size,
                framing=self._framing(),
                headers=tuple(self._headers),
            )
        )
        del self._raw[:size]

    def _wire_size(self, body: bytes) -> int:
        head_end = self._raw.find(b"\r\n\r\n")
        if self._chunked or head_end < 0:
            return len(self._raw)
        return min(head_end + 4 + len(body), len(self._raw))

    def _framing(self) -> Framing:
        if self._parser.get_http_version() == "1.0":
            return Framing.HTTP_1_0
        return Framing.KEEP_ALIVE if self._parser.should_keep_alive() and not self._upgraded else Framing.CLOSE
