"""Limits on a call that hold whatever the client's own ``timeout=`` does: ``call``, ``stream``, ``acall``, ``astream``.

Standard library only, importing nothing of this project: use it as ``harness.guard``, or copy the file. Works over any
client, for it knows none::

    limits = Limits(total_s=30.0, first_chunk_s=8.0, inter_chunk_s=5.0)
    answer = call(limits, client.chat.completions.create, model=..., messages=...)
    for chunk in stream(limits, client.chat.completions.create, stream=True, ...): ...
    answer = await acall(limits, aclient.chat.completions.create, ...)
    async for chunk in astream(limits, aclient.chat.completions.create, stream=True, ...): ...

A limit that fires raises ``DeadlineExceeded``, which names the phase, and gives up the call beneath: async by
cancelling it; sync, which stays in your own thread, by shutting the socket that it waits on, or waking it out of its
queue, and raising in it what no client's ``except Exception`` holds. So turn the client's own retries off: a guard
bounds their sum, not their number, and a thread that sleeps (a client that honours ``Retry-After``) comes back when it
wakes up. Where that is too much, ``harness.apart`` leaves such a call behind in a thread of its own, and the process of
``harness.killable`` stops anything.
"""

import asyncio
import contextlib
import ctypes
import os
import socket
import sys
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Literal, ParamSpec, TypeVar

__all__ = ["DeadlineExceeded", "Limits", "acall", "astream", "call", "stream"]

T = TypeVar("T")
P = ParamSpec("P")
Phase = Literal["first_chunk", "inter_chunk", "total"]

CLOSING_S = 0.2
"""How long a given-up call may take to let go of its connection before control goes back without it."""

LOOK_AGAIN_S = 0.02

_SWALLOWED_S = 0.2
"""A thread that still runs so long after a limit struck has swallowed what was raised in it: it is raised again."""

_LONGEST_SLEEP_S = 3600.0

_NEVER = float("inf")


class DeadlineExceeded(TimeoutError):
    """A limit fired. ``phase`` says which (``first_chunk``, ``inter_chunk``, ``total``), ``limit_s`` what it was."""

    def __init__(self, phase: Phase, limit_s: float) -> None:
        super().__init__(phase, limit_s)
        self.phase: Phase = phase
        self.limit_s = limit_s

    def __str__(self) -> str:
        return f"{self.phase} limit of {self.limit_s:g} s exceeded"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of wall clock. ``first_chunk_s`` and ``inter_chunk_s`` apply to streams: silence before and inside.

    The time that you take over a chunk counts towards the total, not towards the silence.
    """

    total_s: float
    first_chunk_s: float | None = None
    inter_chunk_s: float | None = None

    def next(self, started_s: float, chunks: int) -> tuple[float, Phase, float]:
        """When the next chunk is due (monotonic seconds), and the limit that would then fire: its phase and value."""
        phase: Phase = "inter_chunk" if chunks else "first_chunk"
        patience_s = self.inter_chunk_s if chunks else self.first_chunk_s
        end_s, now_s = started_s + self.total_s, time.monotonic()
        if patience_s is None or now_s + patience_s >= end_s:
            return end_s, "total", self.total_s
        return now_s + patience_s, phase, patience_s


def call(limits: Limits, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Make one whole sync call in this thread. Raises DeadlineExceeded after ``limits.total_s``."""
    watch = _Watch()
    try:
        watch.begin(time.monotonic() + limits.total_s)
        try:
            result = function(*args, **kwargs)
        finally:
            watch.end()
    except BaseException:
        if not watch.end():
            raise
        raise DeadlineExceeded("total", limits.total_s) from None
    if watch.has_struck:
        raise DeadlineExceeded("total", limits.total_s)
    return result


def stream(limits: Limits, function: Callable[P, Iterable[T]], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
    """Yield a sync stream's chunks. Raises DeadlineExceeded when the first, the next or the last is late.

    Leaving the loop early closes the stream.
    """
    started_s, count, is_over = time.monotonic(), 0, False
    opened: Iterable[T] | None = None
    chunks: Iterator[T] | None = None
    watch = _Watch()
    try:
        while True:
            due_s, phase, limit_s = limits.next(started_s, count)
            try:
                watch.begin(due_s)
                try:
                    if chunks is None:
                        opened = function(*args, **kwargs)
                        chunks = iter(opened)
                    chunk = next(chunks)
                finally:
                    watch.end()
            except BaseException as problem:
                if watch.end():
                    raise DeadlineExceeded(phase, limit_s) from None
                is_over = True
                if isinstance(problem, StopIteration):
                    return
                raise
            if watch.has_struck:
                raise DeadlineExceeded(phase, limit_s)
            count += 1
            yield chunk
    finally:
        if not is_over:
            for stream_object in (chunks, opened):
                _close(stream_object)


async def acall(limits: Limits, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Make one whole async call. Raises DeadlineExceeded, the call cancelled, after ``limits.total_s``."""
    scope = asyncio.timeout(limits.total_s)
    try:
        async with scope:
            return await function(*args, **kwargs)
    except TimeoutError:
        if scope.expired():
            raise DeadlineExceeded("total", limits.total_s) from None
        raise


async def astream(
    limits: Limits, function: Callable[P, Awaitable[AsyncIterable[T]]], /, *args: P.args, **kwargs: P.kwargs
) -> AsyncIterator[T]:
    """Yield an async stream's chunks. Raises DeadlineExceeded when the first, the next or the last is late."""
    started_s, count, is_over = time.monotonic(), 0, False
    opened: AsyncIterable[T] | None = None
    chunks: AsyncIterator[T] | None = None
    loop = asyncio.get_running_loop()
    try:
        while True:
            due_s, phase, limit_s = limits.next(started_s, count)
            scope = asyncio.timeout_at(loop.time() + due_s - time.monotonic())
            try:
                async with scope:
                    if chunks is None:
                        opened = await function(*args, **kwargs)
                        chunks = aiter(opened)
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                is_over = True
                return
            except TimeoutError:
                if scope.expired():
                    raise DeadlineExceeded(phase, limit_s) from None
                raise
            count += 1
            yield chunk
    finally:
        if not is_over:
            for stream_object in (chunks, opened):
                await _let_go(stream_object)


async def _let_go(opened: Any) -> None:
    """Close a stream that was given up, in the words it knows, and wait no longer than a moment for it."""
    close = getattr(opened, "aclose", None) or getattr(opened, "close", None)
    if close is None:
        return
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSING_S):
            closing = close()
            if isinstance(closing, Awaitable):
                await closing


def _close(opened: Any) -> None:
    """Close a sync stream that was given up, if it can be, and wait no longer than a moment for it."""
    close = getattr(opened, "close", None)
    if close is not None:
        with contextlib.suppress(Exception):
            call(Limits(CLOSING_S), close)


class Abandoned(BaseException):
    """Raised inside a thread whose call was given up; no client's ``except Exception`` holds it."""


class _Watch:
    """One wait of one thread, for the watchman to end when it is overdue."""

    __slots__ = ("_ident", "_lock", "_raised_s", "_watchman", "due_s", "has_struck")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watchman: _Watchman | None = None
        self._ident = 0
        self.due_s = self._raised_s = _NEVER
        self.has_struck = False

    def begin(self, due_s: float) -> None:
        """Have this thread's wait ended at ``due_s`` (monotonic seconds)."""
        self._ident, self.due_s, self._watchman = threading.get_ident(), due_s, _the_watchman()
        self._watchman.begin(self)

    def end(self) -> bool:
        """The wait is over: nothing strikes it any more. Whether something had. Safe to call twice."""
        with self._lock:
            self.due_s = _NEVER
            if self.has_struck:
                raise_in(self._ident, None)
        if self._watchman is not None:
            self._watchman.end(self)
        return self.has_struck

    def strike(self, now_s: float) -> None:
        """End the wait if it is overdue: raise in its thread (anew where that was swallowed) and break its wait."""
        with self._lock:
            if self.due_s > now_s:
                return
            self.has_struck = True
            if self._raised_s > now_s or now_s > self._raised_s + _SWALLOWED_S:
                self._raised_s = now_s
                raise_in(self._ident, Abandoned)
            break_wait(self._ident)


class _Watchman:
    """The thread that looks after all guarded waits of this process, asleep until the earliest is due."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._watched: set[_Watch] = set()
        self._woken: SimpleQueue[None] = SimpleQueue()
        self._looks_at_s = _NEVER
        threading.Thread(target=self._serve, name="guard", daemon=True).start()

    def begin(self, watch: _Watch) -> None:
        """Look after one more."""
        self._watched.add(watch)
        if watch.due_s < self._looks_at_s:
            self._woken.put(None)

    def end(self, watch: _Watch) -> None:
        """Forget it. Safe to call twice."""
        self._watched.discard(watch)

    def _serve(self) -> None:
        while True:
            self._looks_at_s = _NEVER  # whoever comes while the earliest is sought wakes this thread once more
            now_s = time.monotonic()
            for watch in tuple(self._watched):
                watch.strike(now_s)
            earliest_s = min((watch.due_s for watch in tuple(self._watched)), default=_NEVER)
            self._looks_at_s = earliest_s if earliest_s > now_s else now_s + LOOK_AGAIN_S
            with contextlib.suppress(Empty):
                self._woken.get(timeout=min(self._looks_at_s - now_s, _LONGEST_SLEEP_S))


_watchmen: list[_Watchman] = []
"""The one of this process: threads do not survive a fork."""

_appointing = threading.Lock()


def _the_watchman() -> _Watchman:
    if not _watchmen or _watchmen[0].pid != os.getpid():
        with _appointing:
            if not _watchmen or _watchmen[0].pid != os.getpid():
                _watchmen[:] = [_Watchman()]
    return _watchmen[0]


_GUARDS = frozenset({call.__code__, stream.__code__})
"""Whose frames hold what the guarded call does, further in; further out is the caller's own business."""


def raise_in(ident: int, kind: type[BaseException] | None) -> None:
    """Have an exception raised in a thread as soon as it runs Python again, or None: no longer. CPython's own way,
    elsewhere nothing.
    """
    with contextlib.suppress(AttributeError):
        wanted = None if kind is None else ctypes.py_object(kind)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), wanted)


def break_wait(ident: int) -> None:
    """Shut the sockets down, and cancel the futures, that the innermost frame holding any waits on; where none does,
    wake the thread out of the queue or the event that it waits for, so that it comes to what was raised in it.
    """
    frame, conditions = sys._current_frames().get(ident), list[threading.Condition]()
    while frame is not None and frame.f_code not in _GUARDS:
        values = list(frame.f_locals.values())
        conditions += [value for value in values if isinstance(value, threading.Condition)]
        held = [inner for value in values for inner in _inside(value)]
        for each in held:
            if isinstance(each, Future):
                each.cancel()
            else:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(each, socket.SHUT_RDWR)
        if held:
            return
        frame = frame.f_back
    for condition in conditions[:1]:
        if condition.acquire(timeout=LOOK_AGAIN_S):
            condition.notify_all()
            condition.release()


def _inside(value: Any) -> Iterator[Any]:
    """The value, or what it keeps as its socket, where a call can wait on that; not a listening socket."""
    kept = getattr(value, "__dict__", {}) if hasattr(value, "__dict__") else {}
    for each in (value, kept.get("_sock"), kept.get("sock")):
        if isinstance(each, Future) or (isinstance(each, socket.socket) and not _listens(each)):
            yield each


def _listens(each: socket.socket) -> bool:
    try:
        return bool(each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return True  # closed: there is nothing to shut down
