"""A control: a client that does under faults what none should. OpenAI chat completions only.

No limit on anything; two more attempts than it was asked for; whatever has arrived by the end is passed off as a whole
answer; a refusal becomes the wrong exception; the connection is never closed. The fault matrix must find it out.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any
from urllib.parse import urlsplit

from harness.clients import Answer, ClientFacts, Question, Target, raw_http
from harness.clients.raw_http import Incoming

FACTS = ClientFacts("control_broken", None, ("httptools", "httptools"), ("openai",))

EXTRA_ATTEMPTS = 2
_kept: list[Any] = []


class BrokenError(Exception):
    """What it raises for every refusal, under the status of a bad key."""

    status_code = 401


def load() -> None:
    """Import the parser."""
    raw_http.load()


def open_sync(target: Target) -> Target:
    """Connects with each attempt."""
    return target


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """The request, as ``raw_http`` writes it."""
    return {**raw_http.arguments(question, target, call_number), "stream": question.stream}


def call(handle: Target, arguments: dict[str, Any]) -> Any:
    """One whole call, somehow."""
    return _made_up(_bodies_sync(handle, arguments))


def stream(handle: Target, arguments: dict[str, Any]) -> Iterator[Any]:
    """One streamed call, somehow; its chunks are handed on when all is over."""
    yield from _events(_bodies_sync(handle, arguments))


def _bodies_sync(target: Target, arguments: dict[str, Any]) -> bytes:
    for left in range((target.retries or 0) + EXTRA_ATTEMPTS, -1, -1):
        incoming = Incoming()
        try:
            url = urlsplit(target.root_url)
            connection = socket.create_connection((url.hostname or "", url.port or 80))
            _kept.append(connection)
            connection.sendall(raw_http.request(arguments))
            while not incoming.done:
                incoming.feed(connection.recv(65_536))
        except Exception:  # noqa: BLE001, S110  that is what is broken about it
            pass
        if _is_done(incoming, left):
            return bytes(incoming.body)
    raise BrokenError("refused")


def _is_done(incoming: Incoming, left: int) -> bool:
    """An answer, or the last attempt's remains."""
    return incoming.status == 200 or (not left and incoming.status == 0)


def close_sync(handle: Target) -> None:
    """Gives nothing back."""


async def open_async(target: Target) -> Target:
    """Connects with each attempt."""
    return target


async def acall(handle: Target, arguments: dict[str, Any]) -> Any:
    """One whole call, somehow."""
    return _made_up(await _bodies_async(handle, arguments))


def astream(handle: Target, arguments: dict[str, Any]) -> Awaitable[AsyncIterator[Any]]:
    """One streamed call, somehow; its chunks are handed on when all is over."""

    async def opened() -> AsyncIterator[Any]:
        body = await _bodies_async(handle, arguments)

        async def events() -> AsyncIterator[Any]:
            for event in _events(body):
                yield event

        return events()

    return opened()


async def _bodies_async(target: Target, arguments: dict[str, Any]) -> bytes:
    for left in range((target.retries or 0) + EXTRA_ATTEMPTS, -1, -1):
        incoming = Incoming()
        try:
            url = urlsplit(target.root_url)
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
            _kept.append(writer)
            writer.write(raw_http.request(arguments))
            while not incoming.done:
                incoming.feed(await reader.read(65_536))
        except Exception:  # noqa: BLE001, S110  that is what is broken about it
            pass
        if _is_done(incoming, left):
            return bytes(incoming.body)
    raise BrokenError("refused")


async def close_async(handle: Target) -> None:
    """Gives nothing back."""


def _made_up(body: bytes) -> dict[str, Any]:
    """The answer, or one that was never given."""
    try:
        found = json.loads(body)
        if found["choices"]:
            return dict(found)
    except (ValueError, LookupError, TypeError):
        pass
    message = {"role": "assistant", "content": body.decode("utf-8", "replace")}
    return {"model": "unknown", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": None}


def _events(body: bytes) -> Iterator[Any]:
    """The events that can be read, and an end that was never said."""
    for line in body.splitlines():
        try:
            found = json.loads(line.removeprefix(b"data: "))
            if found.get("choices"):
                yield found
        except (ValueError, AttributeError):
            continue
    yield {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def read_whole(response: Any) -> Answer:
    """Read a decoded answer."""
    return raw_http.read_whole(response)


def read_chunks(chunks: list[Any]) -> Answer:
    """Read the decoded events."""
    return raw_http.read_chunks(chunks)


def has_content(chunk: Any) -> bool:
    """Whether this chunk carries answer text or tool arguments."""
    return raw_http.has_content(chunk)
