"""Production calls, kept for ``harness import collected``: a LiteLLM logger, and a wrapper for any other client.

Standard library only. A call costs one append to a bounded queue; a thread of its own writes the lines. Where the disk
is slow or full, or the queue is, calls are dropped and counted, and nothing of it reaches the caller::

    collector = Collector("results/collected")
    litellm.callbacks = [collector.litellm_logger()]
    answer = collector.call(client.chat.completions.create, provider="openai", model="gpt-5-mini", messages=...)
    for chunk in collector.stream(client.chat.completions.create, provider="openai", model="…", stream=True, …): ...

Kept are times, model, provider, budgets, token counts, price and the kind of error. Prompts, answers, keys and users
are never looked at.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
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
        started_at, began = time.time(), time.monotonic()
        try:
            found = function(*args, model=model, **kwargs)
        except BaseException as problem:
            self.keep(_row(provider, model, kwargs, started_at) | _failed(problem, time.monotonic() - began))
            raise
        duration = time.monotonic() - began
        self.keep(_row(provider, model, kwargs, started_at) | {"duration": duration, "ok": True} | _usage(found))
        return found

    def stream(
        self, function: Callable[..., Iterable[T]], /, *args: Any, provider: str, model: str, **kwargs: Any
    ) -> Iterator[T]:
        """Yield a stream's chunks, and keep when the first came, the longest silence, and the whole."""
        started_at, began = time.time(), time.monotonic()
        first = longest = None
        last, chunks, used = began, 0, 0.0
        told: Row = {"ok": True}
        try:
            for chunk in function(*args, model=model, **kwargs):
                now = time.monotonic()
                if first is None:
                    first = now - began
                else:
                    longest = max(longest or 0.0, now - last)
                chunks += 1
                told |= _usage(chunk)
                yield chunk
                last = time.monotonic()
                used += last - now
        except GeneratorExit:
            told = {"ok": False, "error": "cancelled"}
            raise
        except BaseException as problem:
            told = _failed(problem, 0.0)
            raise
        finally:
            timed = {
                "duration": time.monotonic() - began - used,
                "first_chunk": first,
                "max_gap": longest,
                "chunks": chunks,
            }
            self.keep(_row(provider, model, kwargs, started_at) | told | timed | {"stream": True})

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
    """The kind of a failure: its class's name and its status, never its words."""
    status = getattr(problem, "status_code", None)
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
