"""The floor: what a careful engineer writes by hand, with no SDK. One kept-alive socket, httptools, ``json``.

JSON is dumped and loaded inside the timed region, because a caller without an SDK would have to; nothing else is. An
exchange that is broken off closes its connection: what might still come on it belongs to no later call.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, cast
from urllib.parse import urlsplit

from harness.clients import Answer, ClientFacts, Question, Target, raw_answers
from harness.vocabulary import CALL_ID_HEADER

FACTS = ClientFacts(
    "raw_http", None, ("httptools", "httptools"), ("openai", "anthropic", "gemini"), operations=("chat", "responses")
)


class ServerError(Exception):
    """The answer's status was not 200."""

    def __init__(self, status_code: int, body: bytes) -> None:
        super().__init__(f"HTTP {status_code}: {body[:500].decode('utf-8', 'replace')}")
        self.status_code = status_code


class ConnectionLostError(Exception):
    """The server closed the connection before the answer was complete."""


def load() -> None:
    """Import the parser."""
    import httptools  # noqa: F401  (imported for its cost and for sys.modules)


class Incoming:
    """One response under construction: httptools' callbacks collect the body; sync and async share it."""

    __slots__ = ("_parser", "body", "done", "status")

    def __init__(self) -> None:
        import httptools

        self._parser = httptools.HttpResponseParser(self)
        self.body = bytearray()
        self.done = False
        self.status = 0

    def feed(self, data: bytes) -> None:
        """Take bytes from the socket. Raises ConnectionLostError at an end of file before the end of the answer."""
        if not data:
            raise ConnectionLostError("the server closed the connection before the answer was complete")
        self._parser.feed_data(data)

    def on_headers_complete(self) -> None:
        """Called by httptools: the status is known."""
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """Called by httptools for each piece of the body, unframed."""
        self.body += data

    def on_message_complete(self) -> None:
        """Called by httptools at the end of the answer."""
        self.done = True

    def whole(self) -> Any:
        """The decoded JSON body. Raises ServerError unless the status is 200."""
        if self.status != 200:
            raise ServerError(self.status, bytes(self.body))
        return json.loads(self.body)

    def events(self) -> Iterator[Any]:
        """Take the complete server-sent events out of the body, each decoded, without the ``[DONE]`` marker."""
        *complete, rest = self.body.replace(b"\r\n", b"\n").split(b"\n\n")
        self.body = rest
        for event in complete:
            data = event[event.find(b"data: ") + 6 :]
            if data != b"[DONE]":
                yield json.loads(data)


def open_sync(target: Target) -> socket.socket:
    """One connected socket, kept."""
    url = urlsplit(target.root_url)
    connection = socket.create_connection((url.hostname or "", url.port or 80), timeout=target.timeout_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if url.scheme == "https":
        return ssl.create_default_context().wrap_socket(connection, server_hostname=url.hostname)
    return connection


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """The request: where, which headers, and the JSON body still as a dict (it is dumped in the timed region)."""
    url = urlsplit(target.root_url)
    authorization = "".join(f"{name}: {value}\r\n" for name, value in key_headers(question.provider, target.api_key))
    head = (
        f"POST {url.path}{question.path} HTTP/1.1\r\nHost: {url.netloc}\r\n{authorization}"
        f"Content-Type: application/json\r\n{CALL_ID_HEADER}: {call_number}\r\nContent-Length: "
    )
    return {"head": head.encode(), "body": dict(question.body)}


def key_headers(provider: str, api_key: str) -> tuple[tuple[str, str], ...]:
    """How a provider wants to be given its key, and the version header where it has one."""
    if provider == "anthropic":
        return (("x-api-key", api_key), ("anthropic-version", "2023-06-01"))
    return (("x-goog-api-key", api_key),) if provider == "gemini" else (("Authorization", f"Bearer {api_key}"),)


def request(arguments: dict[str, Any]) -> bytes:
    body = json.dumps(arguments["body"]).encode()
    return b"%b%d\r\n\r\n%b" % (arguments["head"], len(body), body)


def call(handle: socket.socket, arguments: dict[str, Any]) -> Any:
    """One whole call."""
    incoming = Incoming()
    try:
        handle.sendall(request(arguments))
        while not incoming.done:
            incoming.feed(handle.recv(65536))
    except BaseException:
        handle.close()
        raise
    return incoming.whole()


def stream(handle: socket.socket, arguments: dict[str, Any]) -> Iterator[Any]:
    """One streamed call."""
    incoming = Incoming()
    try:
        handle.sendall(request(arguments))
        while not incoming.done:
            incoming.feed(handle.recv(65536))
            if incoming.status == 200:
                yield from incoming.events()
    except BaseException:
        handle.close()
        raise
    if incoming.status != 200:
        raise ServerError(incoming.status, bytes(incoming.body))


def close_sync(handle: socket.socket) -> None:
    """Close the socket."""
    handle.close()


class AsyncConnection(asyncio.Protocol):
    """One kept-alive connection on the loop; hands each piece of data to whoever awaits ``received``."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._pending = bytearray()
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._pending += data
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def send(self, data: bytes) -> None:
        """Write one request. Raises ConnectionLostError."""
        if self.transport is None or self._closed:
            raise ConnectionLostError("the server closed the connection")
        self.transport.write(data)

    def close(self) -> None:
        """Let go of the connection."""
        if self.transport is not None:
            self.transport.close()

    async def received(self) -> bytes:
        """The bytes that arrived since last asked; empty at an end of file."""
        if not self._pending and not self._closed:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        data = bytes(self._pending)
        self._pending.clear()
        return data


async def open_async(target: Target) -> AsyncConnection:
    """One connection, kept (asyncio sets TCP_NODELAY itself)."""
    url = urlsplit(target.root_url)
    _, protocol = await asyncio.get_running_loop().create_connection(
        AsyncConnection,
        url.hostname or "",
        url.port or 80,
        ssl=ssl.create_default_context() if url.scheme == "https" else None,
    )
    return protocol


async def acall(handle: AsyncConnection, arguments: dict[str, Any]) -> Any:
    """One whole call."""
    incoming = Incoming()
    try:
        handle.send(request(arguments))
        while not incoming.done:
            incoming.feed(await handle.received())
    except BaseException:
        handle.close()
        raise
    return incoming.whole()


def astream(handle: AsyncConnection, arguments: dict[str, Any]) -> Awaitable[AsyncIterator[Any]]:
    """One streamed call."""
    return _ready(_aevents(handle, arguments))


async def _ready(events: AsyncIterator[Any]) -> AsyncIterator[Any]:
    return events


async def _aevents(handle: AsyncConnection, arguments: dict[str, Any]) -> AsyncIterator[Any]:
    incoming = Incoming()
    try:
        handle.send(request(arguments))
        while not incoming.done:
            incoming.feed(await handle.received())
            if incoming.status == 200:
                for event in incoming.events():
                    yield event
    except BaseException:
        handle.close()
        raise
    if incoming.status != 200:
        raise ServerError(incoming.status, bytes(incoming.body))


async def close_async(handle: AsyncConnection) -> None:
    """Close the connection."""
    handle.close()


def read_whole(response: Any) -> Answer:
    """Read a decoded answer of any provider."""
    return raw_answers.read_whole(response)


def read_chunks(chunks: list[Any]) -> Answer:
    """Read the decoded events of any provider."""
    return raw_answers.read_events(chunks)


def has_content(chunk: Any) -> bool:
    """Whether this chunk carries answer text or tool arguments."""
    return raw_answers.has_content(chunk)
