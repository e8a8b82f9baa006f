"""One file per call path, each with the same few functions, sync and async side by side.

Owns ``CLIENTS``, the literal tuple of names (``arms.MATRIX_ONLY`` has those of a fault matrix), and the shape that
every file has. A client file turns a question into
its library's own keyword arguments, makes the call, and reads the answer; it must not time, retry, sleep or decide.
Loaded on demand by ``load.worker``, in a process of its own: importing this package imports no SDK.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterable, Awaitable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

from harness.arms import MATRIX_ONLY
from harness.errors import UsageError

CLIENTS = (
    "raw_http",
    "openai",
    "openai_responses",
    "anthropic",
    "google_genai",
    "openai_aiohttp",
    "litellm",
    "litellm_responses",
    "litellm_httpx",
    "litellm_router",
    "litellm_router_many",
    "litellm_proxy",
    "any_llm",
)

BOTH = ("sync", "async")

OPTIONAL = ("aiohttp", "httpx_aiohttp")
"""Modules of optional extras that an SDK imports where it finds them: it costs more because another path needs them."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to call: the root URL (no version segment; a client appends what its library wants), a key, a timeout.

    ``gateway_url`` and ``gateway_model`` are where a gateway listens and what it calls this cell; empty without one.
    ``timeout_s`` and ``retries`` are what the client's own knobs are set to; None leaves the client's default.
    ``fallback_url`` and ``fallback_model`` (``provider/model``) are where a chain turns to when the first fails.
    """

    root_url: str
    api_key: str
    timeout_s: float | None
    gateway_url: str = ""
    gateway_model: str = ""
    retries: int | None = 0
    fallback_url: str = ""
    fallback_model: str = ""

    @property
    def fallback(self) -> Target:
        """The target of a chain's second link, under the same limits."""
        return replace(self, root_url=self.fallback_url, fallback_url="", fallback_model="")

    def knobs(self, timeout: str, retries: str) -> dict[str, Any]:
        """The client's two keywords with their values, without those that are left at its default."""
        named = {timeout: self.timeout_s, retries: self.retries}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask: the workload's content and the cell's model and stream flag, free of any library's names.

    ``tools`` are mappings with name, description and parameters (a JSON schema, or None for free-form input);
    ``structure`` has kind (json or schema), name and json_schema; ``job`` has poll_s and cancel_after. ``path`` and
    ``body`` are the request on the wire as the provider documents it, for the one client that writes it itself.
    """

    provider: str
    model: str
    messages: tuple[Mapping[str, str], ...]
    max_tokens: int | None
    parameters: Mapping[str, Any]
    stream: bool
    operation: str = "chat"
    tools: tuple[Mapping[str, Any], ...] = ()
    structure: Mapping[str, Any] | None = None
    job: Mapping[str, Any] | None = None
    path: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as the client reports it; None where it does not say.

    ``finish_reason`` is in the words of ``vocabulary.Finish``; a job's may be ``failed`` or ``cancelled``.
    ``tool_calls`` are (name, arguments). ``verdict`` is the client's own word on a structured answer.
    """

    text: str
    finish_reason: str | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None = None
    tool_calls: tuple[tuple[str, str], ...] = ()
    verdict: str | None = None
    cost_usd: float | None = None
    reported_overhead_ms: float | None = None


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """What a call path needs and can: distributions, what it speaks, and the HTTP library under each colour.

    ``subjects`` are the SDK modules that its process may hold, ``extras`` the optional modules that it is meant to find
    (``OPTIONAL`` ones are hidden from every other process). ``http`` has (sync, async) distributions;
    ``http_of_provider`` where a provider has its own, ``http_of_release`` where a major version has. ``install`` is the
    line that brings it.
    """

    name: str
    distribution: str | None
    http: tuple[str, str]
    providers: tuple[str, ...]
    operations: tuple[str, ...] = ("chat",)
    modes: tuple[str, ...] = BOTH
    subjects: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    install: str = ""
    http_of_provider: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    http_of_release: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def http_library(self, mode: str, provider: str = "", version: str = "") -> str:
        """The distribution that carries the bytes in this colour, of this version of the library."""
        http = self.http_of_release.get(version.partition(".")[0], self.http)
        return self.http_of_provider.get(provider, http)[BOTH.index(mode)]

    @property
    def http_libraries(self) -> frozenset[str]:
        """Every distribution that may carry the bytes."""
        pairs = (self.http, *self.http_of_provider.values(), *self.http_of_release.values())
        return frozenset(library for pair in pairs for library in pair)

    def can(self, provider: str, operation: str, mode: str) -> bool:
        """Whether this path speaks to this provider for this operation in this colour."""
        return provider in self.providers and operation in self.operations and mode in self.modes


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
        """Whether this chunk carries answer text or tool arguments."""


class JobClient(Client, Protocol):
    """A client of background jobs: ``call`` creates one, these follow it. Neither SDK polls by itself."""

    def job(self, response: Any) -> tuple[str, str]:
        """(id, status) of a job."""

    def retrieve(self, handle: Any, job_id: str, arguments: dict[str, Any]) -> Any:
        """Ask for the job's present state."""

    def cancel(self, handle: Any, job_id: str, arguments: dict[str, Any]) -> Any:
        """Ask for the job to be given up."""

    def aretrieve(self, handle: Any, job_id: str, arguments: dict[str, Any]) -> Awaitable[Any]:
        """Ask for the job's present state."""

    def acancel(self, handle: Any, job_id: str, arguments: dict[str, Any]) -> Awaitable[Any]:
        """Ask for the job to be given up."""


def client_named(name: str) -> Client:
    """Return the client module called ``name`` (without importing its library). Raises UsageError."""
    if name not in CLIENTS and name not in MATRIX_ONLY:
        raise UsageError(f"arms: expected one of {', '.join(CLIENTS)}, got {name!r}; see 'harness list arms'")
    return cast(Client, importlib.import_module(f"harness.clients.{name}"))
