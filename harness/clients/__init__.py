"""One file per call path, each with the same few functions, sync and async side by side.

Owns ``CLIENTS``, the literal tuple of names, and the shape that every file has. A client file turns a question into
its library's own keyword arguments, makes the call, and reads the answer; it must not time, retry, sleep or decide.
Loaded on demand by ``load.worker``, in a process of its own: importing this package imports no SDK.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterable, Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from harness.errors import UsageError

CLIENTS = ("raw_http", "openai", "litellm")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to call: the base URL as the provider's documentation gives it (with ``/v1``), a key, a socket timeout."""

    base_url: str
    api_key: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask: the workload's content and the cell's model and stream flag, free of any library's names."""

    provider: str
    model: str
    messages: tuple[Mapping[str, str], ...]
    max_tokens: int | None
    parameters: Mapping[str, Any]
    stream: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as the client reports it; None where it does not say."""

    text: str
    finish_reason: str | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None = None
    reported_overhead_ms: float | None = None


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """What a client is: its distribution, the HTTP library under each colour, and its place in the stack."""

    name: str
    distribution: str | None
    sync_http: str
    async_http: str
    label: str
    below: str | None

    def http_library(self, mode: str) -> str:
        """The distribution that carries the bytes in this colour."""
        return self.sync_http if mode == "sync" else self.async_http


class Client(Protocol):
    """The shape of every client module. ``handle`` is the library's own client object, built once per target.

    The timed functions are ``call``, ``stream``, ``acall`` and ``astream``: nothing in them but the library's call.
    """

    FACTS: ClientFacts

    def load(self) -> None:
        """Import the library (this is what ``import_ns`` measures)."""

    def open_sync(self, target: Target) -> Any:
        """Build the sync handle; outside the timed region."""

    def arguments(self, question: Question, target: Target, call_number: int) -> dict[str, Any]:
        """The library's keyword arguments for one call; outside the timed region."""

    def call(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """Make one whole call."""

    def stream(self, handle: Any, arguments: dict[str, Any]) -> Iterable[Any]:
        """Start one streamed call; iterating it delivers the chunks."""

    def close_sync(self, handle: Any) -> None:
        """Give back what ``open_sync`` took."""

    async def open_async(self, target: Target) -> Any:
        """Build the async handle on the running loop."""

    def acall(self, handle: Any, arguments: dict[str, Any]) -> Awaitable[Any]:
        """Make one whole call."""

    def astream(self, handle: Any, arguments: dict[str, Any]) -> Awaitable[AsyncIterable[Any]]:
        """Start one streamed call."""

    async def close_async(self, handle: Any) -> None:
        """Give back what ``open_async`` took."""

    def read_whole(self, response: Any) -> Answer:
        """Read a whole response; outside the timed region."""

    def read_chunks(self, chunks: list[Any]) -> Answer:
        """Read the chunks of a stream, in order; outside the timed region."""

    def has_content(self, chunk: Any) -> bool:
        """Whether this chunk carries answer text."""


def client_named(name: str) -> Client:
    """Return the client module called ``name`` (without importing its library). Raises UsageError."""
    if name not in CLIENTS:
        raise UsageError(
            f"arms: expected one of {', '.join(CLIENTS)} (or with -null), got {name!r}; see 'harness list arms'"
        )
    return cast(Client, importlib.import_module(f"harness.clients.{name}"))
