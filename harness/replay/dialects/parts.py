"""Owns what every dialect shares: an answer before it has a wire shape, the events of a stream, the truth in an answer.

Pure. Used by the dialects, by ``author`` (building) and by ``conductor`` (truth).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from harness.cassette import Cassette
from harness.errors import DataError
from harness.vocabulary import Finish, finish_word
from harness.workload import Workload

FREE_FORM_SCHEMA: Final = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""How a free-form tool is offered where an API knows only JSON input; ``object_arguments`` is its counterpart."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool by the model. ``arguments`` is JSON text, or free text where the tool is free-form."""

    name: str
    arguments: str
    is_free_form: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer before it has a wire shape. ``pieces`` are its chunks of text; joined they are the text.

    ``output_tokens`` includes ``reasoning_tokens``; ``input_tokens`` includes ``cached_tokens``. ``seed`` is text in
    hexadecimal, from which a dialect takes its ids.
    """

    seed: str
    created: int
    model: str
    pieces: tuple[str, ...]
    input_tokens: int
    output_tokens: int
    finish: Finish = Finish.STOP
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    tool_calls: tuple[ToolCall, ...] = ()
    system_fingerprint: str | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Events:
    """A streamed answer in three parts: events before the first content, one event per piece, events after the last."""

    opening: tuple[bytes, ...]
    content: tuple[bytes, ...]
    closing: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """What a client must hand its caller for this answer; a call is judged by it, never by the client's word.

    ``tool_calls`` are (name, arguments) with JSON arguments in canonical form. ``content_chunks`` are the positions of
    the cassette's chunks that carry text or tool arguments.
    """

    text: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    tool_calls: tuple[tuple[str, str], ...] = ()
    content_chunks: tuple[int, ...] = ()


class Dialect(Protocol):
    """The shape of every dialect module."""

    PROVIDER: str
    OPERATIONS: tuple[str, ...]

    def path(self, model: str, stream: bool) -> str:
        """Path of the request below the root URL, with its query where the API has one."""

    def request_body(self, model: str, workload: Workload, stream: bool, operation: str) -> dict[str, Any]:
        """The canonical JSON body of this workload."""

    def headers(self, completion: Completion, first_byte_ns: int, stream: bool) -> tuple[tuple[str, str], ...]:
        """Response headers as the API sends them, without cookies and with nobody's account in them."""

    def whole(self, completion: Completion) -> bytes:
        """The body of a whole answer."""

    def stream(self, completion: Completion) -> Events:
        """The events of a streamed answer."""

    def truth(self, cassette: Cassette) -> Truth:
        """Reassemble the answer from a cassette's bytes. Raises DataError when they are not this dialect's."""


def canonical_json(text: str) -> str:
    """JSON text with sorted members and no spaces; other text as it is (free-form tool input)."""
    try:
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except ValueError:
        return text


def events_of(body: bytes) -> Iterator[Any]:
    """The decoded ``data:`` payloads of a server-sent event stream, in order, without ``[DONE]``."""
    for event in body.split(b"\n\n"):
        for line in event.splitlines():
            if line.startswith(b"data: ") and line != b"data: [DONE]":
                yield json.loads(line.removeprefix(b"data: "))


def sse(payload: object, event: str | None = None) -> bytes:
    """One server-sent event with a compact JSON payload."""
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(payload, separators=(',', ':'), ensure_ascii=False)}\n\n".encode()


def finish_of(word: str | None) -> Finish:
    """A provider's word for why an answer ended. Raises ValueError for an unknown one."""
    return Finish(finish_word(word) or "")


def in_events(events: Iterable[tuple[bytes, bool]]) -> Events:
    """Events in order, each with whether it carries content; those between two contents leave with the second."""
    opening: tuple[bytes, ...] = ()
    content: list[bytes] = []
    waiting: list[bytes] = []
    for event, is_content in events:
        if is_content and not content:
            opening, waiting = tuple(waiting), []
        waiting.append(event)
        if is_content:
            content.append(b"".join(waiting))
            waiting = []
    return Events(opening, tuple(content), tuple(waiting))


def object_arguments(call: ToolCall) -> str:
    """A call's arguments as the text of a JSON object, free-form input as its member ``input``."""
    return json.dumps({"input": call.arguments}, ensure_ascii=False) if call.is_free_form else call.arguments


def checked(read: Callable[[Cassette], Truth], cassette: Cassette, what: str) -> Truth:
    """``read(cassette)``, a failure of it as one line. Raises DataError."""
    try:
        return read(cassette)
    except (ValueError, LookupError, TypeError, AttributeError) as problem:
        raise DataError(
            f"{cassette.cassette_id}: body: expected {what}, got something else "
            f"({type(problem).__name__}: {problem}); check the dialect"
        ) from None
