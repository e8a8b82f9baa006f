"""A control: a client that does under faults what every client should. OpenAI chat completions only.

One deadline over everything, retries inside it, an answer taken only when it is whole and well-formed, one family of
exceptions, and the connection closed whatever happens. Its column in the fault matrix must be ``held`` throughout.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any
from urllib.parse import urlsplit

from harness.clients import Answer, ClientFacts, Question, Target, raw_http
from harness.clients.raw_http import ConnectionLostError, Incoming

FACTS = ClientFacts("control_sound", None, ("httptools", "httptools"), ("openai",))

DEFAULT_TIMEOUT_S = 2.0
_PAUSE_S = 0.05


class SoundError(Exception):
    """Whatever this client raises."""


class SoundTimeout(SoundError):
    """The deadline passed; ``phase`` says what was waited for."""

    def __init__(self, phase: str) -> None:
        super().__init__(phase)
        self.phase = phase


class SoundConnectionError(SoundError):
    """The connection failed, or ended before the answer was whole."""


class SoundStatusError(SoundError):
    """The provider said no."""

    def __init__(self, status_code: int) -> None:
        super().__init__(f"status {status_code}")
        self.status_code = status_code


class SoundValidationError(SoundError):
    """The answer is not what the API promises."""


def load() -> None:
    """Import the parser."""
    raw_http.load()


class _Reading:
    """One answer as it arrives; colourless."""

    def __init__(self, is_stream: bool) -> None:
        self.incoming = Incoming()
        self.has_begun = self.has_finished = self.has_ended = False
        self._is_stream = is_stream
        self._rest = b""

    def feed(self, data: bytes) -> list[Any]:
        """The events that these bytes complete. Raises SoundError."""
        import httptools

        try:
            self.incoming.feed(data)
        except ConnectionLostError as problem:
            raise SoundConnectionError(str(problem)) from None
        except httptools.HttpParserError as problem:
            raise SoundValidationError(str(problem)) from None
        if not self._is_stream or self.incoming.status != 200:
            return []
        *complete, self._rest = (self._rest + bytes(self.incoming.body)).split(b"\n\n")
        self.incoming.body.clear()
        return [found for event in complete for found in self._read(event)]

    def _read(self, event: bytes) -> Iterator[Any]:
        for line in event.splitlines():
            if line == b"data: [DONE]":
                self.has_ended = True
            elif line.startswith(b"data: "):
                found = _decoded(line.removeprefix(b"data: "))
                if "error" in found:
                    raise SoundStatusError(503)
                self.has_begun = True
                self.has_finished |= any(choice.get("finish_reason") for choice in found.get("choices") or ())
                yield found

    def answer(self) -> Any:
        """The whole answer, after its last byte. Raises SoundError unless it is one."""
        if self.incoming.status != 200:
            raise SoundStatusError(self.incoming.status)
        if self._is_stream:
            if self._rest.strip() or not self.has_begun:
                raise SoundValidationError("no stream of events")
            if not self.has_finished:
                raise SoundConnectionError("the stream ended before its finish reason")
            return None
        found = _decoded(bytes(self.incoming.body))
        if not found.get("choices"):
            raise SoundValidationError("no choices")
        return found


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body.decode("utf-8"))
    except ValueError as problem:
        raise SoundValidationError(str(problem)) from None
    if not isinstance(found, dict):
        raise SoundValidationError("no JSON object")
    return found


def _worth_another(error: SoundError) -> bool:
    if isinstance(error, SoundStatusError):
        return error.status_code >= 500 or error.status_code in (408, 409, 429)
    return isinstance(error, SoundConnectionError)


def _timeout_s(target: Target) -> float:
    return DEFAULT_TIMEOUT_S if target.timeout_s is None else target.timeout_s


def open_sync(target: Target) -> Target:
    """Nothing is kept between calls."""
    return target


def arguments(question: Question, target: Target, call_number: int) -> dict[str, Any]:
    """The request, as ``raw_http`` writes it."""
    return {**raw_http.arguments(question, target, call_number), "stream": question.stream}


def call(handle: Target, arguments: dict[str, Any]) -> Any:
    """One whole call."""
    return next(_again_sync(handle, arguments))


def stream(handle: Target, arguments: dict[str, Any]) -> Iterator[Any]:
    """One streamed call."""
    return _again_sync(handle, arguments)


def _again_sync(target: Target, arguments: dict[str, Any]) -> Iterator[Any]:
    """A whole answer, or events; a failed attempt is made again while nothing was handed on."""
    for left in range(target.retries or 0, -1, -1):
        has_begun = False
        try:
            for found in _attempt_sync(target, arguments, time.monotonic() + _timeout_s(target)):
                has_begun = True
                yield found
        except SoundError as problem:
            if not left or has_begun or not _worth_another(problem):
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def _attempt_sync(target: Target, arguments: dict[str, Any], end_s: float) -> Iterator[Any]:
    url, reading = urlsplit(target.root_url), _Reading(arguments["stream"])
    phase = "first_chunk"
    try:
        with socket.create_connection((url.hostname or "", url.port or 80), _left_s(end_s)) as connection:
            connection.sendall(raw_http.request(arguments))
            while not reading.incoming.done:
                connection.settimeout(_left_s(end_s))
                yield from reading.feed(connection.recv(65_536))
                phase = "inter_chunk"
    except TimeoutError:
        raise SoundTimeout(phase) from None
    except OSError as problem:
        raise SoundConnectionError(str(problem)) from problem
    answer = reading.answer()
    if answer is not None:
        yield answer


def _left_s(end_s: float) -> float:
    return max(end_s - time.monotonic(), 0.001)


def close_sync(handle: Target) -> None:
    """Nothing to give back."""


async def open_async(target: Target) -> Target:
    """Nothing is kept between calls."""
    return target


async def acall(handle: Target, arguments: dict[str, Any]) -> Any:
    """One whole call."""
    async for answer in _again_async(handle, arguments):
        return answer
    raise AssertionError("unreachable: a whole call gives an answer or raises")


def astream(handle: Target, arguments: dict[str, Any]) -> Awaitable[AsyncIterator[Any]]:
    """One streamed call."""

    async def opened() -> AsyncIterator[Any]:
        return _again_async(handle, arguments)

    return opened()


async def _again_async(target: Target, arguments: dict[str, Any]) -> AsyncIterator[Any]:
    for left in range(target.retries or 0, -1, -1):
        has_begun = False
        try:
            async for found in _attempt_async(target, arguments, time.monotonic() + _timeout_s(target)):
                has_begun = True
                yield found
        except SoundError as problem:
            if not left or has_begun or not _worth_another(problem):
                raise
            await asyncio.sleep(_PAUSE_S)
        else:
            return


async def _attempt_async(target: Target, arguments: dict[str, Any], end_s: float) -> AsyncIterator[Any]:
    url, reading = urlsplit(target.root_url), _Reading(arguments["stream"])
    phase, writer = "first_chunk", None
    try:
        async with asyncio.timeout(_left_s(end_s)):
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
            writer.write(raw_http.request(arguments))
        while not reading.incoming.done:
            async with asyncio.timeout(_left_s(end_s)):
                data = await reader.read(65_536)
            for found in reading.feed(data):
                yield found
            phase = "inter_chunk"
    except TimeoutError:
        raise SoundTimeout(phase) from None
    except OSError as problem:
        raise SoundConnectionError(str(problem)) from problem
    finally:
        if writer is not None:
            writer.close()
    answer = reading.answer()
    if answer is not None:
        yield answer


async def close_async(handle: Target) -> None:
    """Nothing to give back."""


def read_whole(response: Any) -> Answer:
    """Read a decoded answer."""
    return raw_http.read_whole(response)


def read_chunks(chunks: list[Any]) -> Answer:
    """Read the decoded events."""
    return raw_http.read_chunks(chunks)


def has_content(chunk: Any) -> bool:
    """Whether this chunk carries answer text or tool arguments."""
    return raw_http.has_content(chunk)
