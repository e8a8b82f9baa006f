"""Production calls, kept for ``harness import collected``: a LiteLLM logger, and a wrapper for any other client.

Standard library only. A call costs one append to a bounded queue; a thread of its own writes the lines. Where the disk
is slow or full, or the queue is, calls are dropped and counted, and nothing of it reaches the caller::

    collector = Collector("results/collected")
    collector.watch_litellm()
    answer = collector.call(client.chat.completions.create, provider="openai", model="gpt-5-mini", messages=...)
    for chunk in collector.stream(client.chat.completions.create, provider="openai", model="…", stream=True, …): ...
    answer = await collector.acall(aclient.chat.completions.create, provider="openai", model="…", messages=...)
    async for chunk in collector.astream(aclient.chat.completions.create, provider="openai", model="…", …): ...

Kept are times, model, provider, budgets, token counts, price and the kind of error. Prompts, answers, keys and users
are never looked at.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["Collector"]

T = TypeVar("T")

MOST_WAITING = 10_000
"""Calls that may wait to be written; about 5 MB."""

_EVERY_S = 1.0
_BUDGETS = ("max_tokens", "max_completion_tokens", "max_output_tokens")

Row = dict[str, Any]


class Collector:
    """Lines of calls in a folder, one file per process. Safe to share among threads; ``close`` writes what waits."""

    def __init__(
        self, folder: str | os.PathLike[str], *, most_waiting: int = MOST_WAITING, every_s: float = _EVERY_S
    ) -> None:
        self._folder = Path(folder)
        self._waiting: deque[Row] = deque()
        self._most, self._every_s = most_waiting, every_s
        self._writer: threading.Thread | None = None
        self._starting, self._closing = threading.Lock(), threading.Event()
        self._pid = 0
        self._path = self._folder
        self.dropped = 0
        self.written = 0

    def keep(self, row: Row) -> None:
        """Keep one call, or count it as dropped where too many wait. Never raises, never blocks."""
        if self._pid != os.getpid():
            self._begin()
        if len(self._waiting) >= self._most:
            self.dropped += 1
        else:
            self._waiting.append(row)

    def call(self, function: Callable[..., T], /, *args: Any, provider: str, model: str, **kwargs: Any) -> T:
        """Make one whole call of a client and keep how long it took, whatever becomes of it."""
        watched = _Watched(self, provider, model, kwargs)
        try:
            found = function(*args, model=model, **kwargs)
        except BaseException as problem:
            watched.failed(problem)
            raise
        watched.answered(found)
        return found

    def stream(
        self, function: Callable[..., Iterable[T]], /, *args: Any, provider: str, model: str, **kwargs: Any
    ) -> Iterator[T]:
        """Yield a stream's chunks, and keep when the first came, the longest silence, and the whole."""
        watched = _WatchedStream(self, provider, model, kwargs)
        try:
            for chunk in function(*args, model=model, **kwargs):
                watched.came(chunk)
                yield chunk
                watched.goes_on()
        except BaseException as problem:
            watched.failed(problem)
            raise
        watched.ended()

    async def acall(
        self, function: Callable[..., Awaitable[T]], /, *args: Any, provider: str, model: str, **kwargs: Any
    ) -> T:
        """Make one whole call of an async client and keep how long it took, whatever becomes of it."""
        watched = _Watched(self, provider, model, kwargs)
        try:
            found = await function(*args, model=model, **kwargs)
        except BaseException as problem:
            watched.failed(problem)
            raise
        watched.answered(found)
        return found

    async def astream(
        self,
        function: Callable[..., Awaitable[AsyncIterable[T]]],
        /,
        *args: Any,
        provider: str,
        model: str,
        **kwargs: Any,
    ) -> AsyncIterator[T]:
        """Yield an async stream's chunks, and keep when the first came, the longest silence, and the whole."""
        watched = _WatchedStream(self, provider, model, kwargs)
        try:
            async for chunk in await function(*args, model=model, **kwargs):
                watched.came(chunk)
                yield chunk
                watched.goes_on()
        except BaseException as problem:
            watched.failed(problem)
            raise
        watched.ended()

    def watch_litellm(self) -> None:
        """Have LiteLLM tell of every call from now on: put ``litellm_logger`` among its callbacks."""
        import litellm

        litellm.callbacks.append(self.litellm_logger())

    def litellm_logger(self) -> Any:
        """A ``CustomLogger`` to put into ``litellm.callbacks``. Imports LiteLLM."""
        from litellm.integrations.custom_logger import CustomLogger

        collector = self

        class Logger(CustomLogger):
            """Keeps every call that LiteLLM tells of."""

            def log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
                collector._keep_litellm(kwargs, response_obj, start_time, end_time, ok=True)

            def log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
                collector._keep_litellm(kwargs, response_obj, start_time, end_time, ok=False)

            async def async_log_success_event(
                self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
            ) -> None:
                collector._keep_litellm(kwargs, response_obj, start_time, end_time, ok=True)

            async def async_log_failure_event(
                self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
            ) -> None:
                collector._keep_litellm(kwargs, response_obj, start_time, end_time, ok=False)

        return Logger()

    def close(self, within_s: float = 5.0) -> None:
        """Write what waits and end the thread; what the disk does not take in time is dropped."""
        self._closing.set()
        if self._writer is not None:
            self._writer.join(within_s)

    def _keep_litellm(self, kwargs: Any, response: Any, start: Any, end: Any, *, ok: bool) -> None:
        try:
            self.keep(_of_litellm(kwargs, response, start, end, ok=ok))
        except Exception:  # noqa: BLE001  (a logger must not break the call that it watches)
            self.dropped += 1

    def _begin(self) -> None:
        """Start the writer of this process; a fork has its own file and begins with nothing waiting."""
        with self._starting:
            if self._pid == os.getpid():
                return
            self._waiting.clear()
            self._closing.clear()
            self._path = self._folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}-{uuid.uuid4().hex[:6]}.jsonl"
            self._writer = threading.Thread(target=self._write, name="collect", daemon=True)
            self._pid = os.getpid()
            self._writer.start()

    def _write(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._closing.wait(self._every_s)
            lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if not lines:
                continue
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                with self._path.open("a", encoding="utf-8") as file:
                    file.write("".join(json.dumps(line, ensure_ascii=True, default=str) + "\n" for line in lines))
                self.written += len(lines)
            except (OSError, ValueError):
                self.dropped += len(lines)


class _Watched:
    """One whole call while it is made; both colours tell it what they see."""

    __slots__ = ("_asked", "_began", "_collector", "_model", "_provider", "_started_at")

    def __init__(self, collector: Collector, provider: str, model: str, asked: Mapping[str, Any]) -> None:
        self._collector, self._provider, self._model, self._asked = collector, provider, model, asked
        self._started_at, self._began = time.time(), time.monotonic()

    def answered(self, found: Any) -> None:
        """It was answered."""
        self._keep({"duration": time.monotonic() - self._began, "ok": True} | _usage(found))

    def failed(self, problem: BaseException) -> None:
        """It failed."""
        self._keep(_failed(problem, time.monotonic() - self._began))

    def _keep(self, told: Row) -> None:
        self._collector.keep(_row(self._provider, self._model, self._asked, self._started_at) | told)


class _WatchedStream(_Watched):
    """One stream while it is read. What the reader takes over a chunk is no silence of the provider's.

    Usage is looked for when it is over, in the first chunk and the last two: providers tell it nowhere else.
    """

    __slots__ = ("_before", "_chunks", "_first", "_first_chunk", "_last", "_last_chunk", "_longest", "_used")

    def __init__(self, collector: Collector, provider: str, model: str, asked: Mapping[str, Any]) -> None:
        super().__init__(collector, provider, model, asked)
        self._first: float | None = None
        self._longest = 0.0
        self._last, self._used, self._chunks = self._began, 0.0, 0
        self._first_chunk: Any = None
        self._before: Any = None
        self._last_chunk: Any = None

    def came(self, chunk: Any) -> None:
        """A chunk arrived."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._first_chunk = now - self._last, chunk
        elif now - self._last > self._longest:
            self._longest = now - self._last
        self._last = now
        self._chunks += 1
        self._before, self._last_chunk = self._last_chunk, chunk

    def goes_on(self) -> None:
        """The reader wants the next one."""
        now = time.monotonic()
        self._used += now - self._last
        self._last = now

    def ended(self) -> None:
        """It ended by itself."""
        self._keep({"ok": True} | self._timed())

    def failed(self, problem: BaseException) -> None:
        """It broke off, or its reader left."""
        self._keep(_failed(problem, 0.0) | self._timed())

    def _timed(self) -> Row:
        found: Row = {}
        for chunk in (getattr(self._first_chunk, "message", None), self._first_chunk, self._before, self._last_chunk):
            found |= _usage(chunk)
        return found | {
            "duration": time.monotonic() - self._began - self._used,
            "first_chunk": self._first,
            "max_gap": self._longest if self._chunks > 1 else None,
            "chunks": self._chunks,
            "stream": True,
        }


def _row(provider: str, model: str, asked: Mapping[str, Any], started_at: float) -> Row:
    timeout = asked.get("timeout")
    return {
        "id": uuid.uuid4().hex,
        "started_at": started_at,
        "provider": provider,
        "model": model,
        "stream": False,
        "max_tokens": next((asked[name] for name in _BUDGETS if isinstance(asked.get(name), int)), None),
        "timeout": timeout if isinstance(timeout, int | float) and not isinstance(timeout, bool) else None,
    }


def _failed(problem: BaseException, duration: float) -> Row:
    """The kind of a failure: its class's name and its status, never its words; a caller who left has cancelled."""
    status = getattr(problem, "status_code", None)
    if isinstance(problem, GeneratorExit | asyncio.CancelledError):
        return {"ok": False, "duration": duration, "error": "cancelled"}
    return {
        "ok": False,
        "duration": duration,
        "error": type(problem).__name__,
        "status": status if isinstance(status, int) else None,
    }


def _usage(found: Any) -> Row:
    usage = getattr(found, "usage", None) or getattr(found, "usage_metadata", None)
    if usage is None:
        return {}
    names = {
        "input_tokens": ("prompt_tokens", "input_tokens", "prompt_token_count"),
        "output_tokens": ("completion_tokens", "output_tokens", "candidates_token_count"),
    }
    return {
        field: value
        for field, known in names.items()
        if (value := next((v for name in known if isinstance(v := getattr(usage, name, None), int)), None)) is not None
    }


def _of_litellm(kwargs: Any, response: Any, start: Any, end: Any, *, ok: bool) -> Row:
    """LiteLLM's keywords for one call; of a whole answer its completion start is its end, and says nothing."""
    params = kwargs.get("litellm_params") or {}
    optional = kwargs.get("optional_params") or {}
    stream = bool(kwargs.get("stream"))
    first = kwargs.get("completion_start_time") if stream else None
    row = _row(
        str(kwargs.get("custom_llm_provider") or "unknown"), str(kwargs.get("model")), optional, start.timestamp()
    )
    timeout = params.get("timeout")
    row |= {
        "id": str(kwargs.get("litellm_call_id") or row["id"]),
        "client": "litellm",
        "stream": stream,
        "duration": (end - start).total_seconds(),
        "first_chunk": (first - start).total_seconds() if first is not None else None,
        "cost_usd": kwargs.get("response_cost"),
        "timeout": timeout if isinstance(timeout, int | float) else None,
    }
    if not ok:
        problem = kwargs.get("exception")
        return row | (
            _failed(problem, row["duration"]) if isinstance(problem, BaseException) else {"ok": False, "error": "error"}
        )
    return row | {"ok": True} | _usage(response)
