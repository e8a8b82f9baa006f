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
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic
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


class Waits:
    """A call's waits against its limits, from now on: when each is due, and which limit it is that then fires."""

    __slots__ = ("_chunks", "_end_s", "_inter_chunk_s", "_last_due_s", "_limits", "_patience_s")

    def __init__(self, limits: Limits, *, whole: bool = False) -> None:
        self._limits = limits
        self._last_due_s = self._end_s = monotonic() + limits.total_s
        first_s, inter_s = limits.first_chunk_s, limits.inter_chunk_s
        self._patience_s = _NEVER if whole or first_s is None else first_s
        self._inter_chunk_s = _NEVER if inter_s is None else inter_s
        self._chunks = 0

    def next_due_s(self) -> float:
        """When a wait that begins now is due, in monotonic seconds."""
        due_s = monotonic() + self._patience_s
        if due_s > self._end_s:
            due_s = self._end_s
        self._last_due_s = due_s
        return due_s

    def came(self) -> None:
        """A chunk came; all waits but the first are for a next one."""
        self._patience_s = self._inter_chunk_s
        self._chunks += 1

    def exceeded(self) -> DeadlineExceeded:
        """What the caller is told when the present wait is overdue."""
        if self._last_due_s >= self._end_s:
            return DeadlineExceeded("total", self._limits.total_s)
        return DeadlineExceeded("inter_chunk" if self._chunks else "first_chunk", self._patience_s)


def call(limits: Limits, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Make one whole sync call in this thread. Raises DeadlineExceeded after ``limits.total_s``."""
    with _Watch(limits, whole=True) as watch:
        try:
            try:
                watch.begin()
                result = function(*args, **kwargs)
            finally:
                watch.end()
        except BaseException:
            if watch.end():
                raise watch.exceeded() from None
            raise
        if watch.has_struck:
            raise watch.exceeded()
        return result


def stream(limits: Limits, function: Callable[P, Iterable[T]], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
    """Yield a sync stream's chunks. Raises DeadlineExceeded when the first, the next or the last is late.

    Leaving the loop early closes the stream.
    """
    opened: Iterable[T] | None = None
    chunks: Iterator[T] | None = None
    is_over = False
    with _Watch(limits) as watch:
        try:
            while True:
                try:
                    try:
                        watch.begin()
                        if chunks is None:
                            opened = function(*args, **kwargs)
                            chunks = iter(opened)
                        chunk = next(chunks)
                    finally:
                        watch.end()
                except BaseException as problem:
                    if watch.end():
                        raise watch.exceeded() from None
                    is_over = True
                    if isinstance(problem, StopIteration):
                        return
                    raise
                if watch.has_struck:
                    raise watch.exceeded()
                watch.came()
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
    """Yield an async stream's chunks. Raises DeadlineExceeded when the first, the next or the last is late.

    Leaving the loop early closes the stream.
    """
    opened: AsyncIterable[T] | None = None
    chunks: AsyncIterator[T] | None = None
    is_over = False
    with _TaskWatch(limits) as watch:
        try:
            while True:
                watch.begin()
                try:
                    if chunks is None:
                        opened = await function(*args, **kwargs)
                        chunks = aiter(opened)
                    chunk = await chunks.__anext__()
                except (Exception, asyncio.CancelledError) as problem:
                    if watch.end(problem):
                        raise watch.exceeded() from None
                    if isinstance(problem, StopAsyncIteration):
                        is_over = True
                        return
                    raise
                if watch.end():
                    raise watch.exceeded()
                watch.came()
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


class _TaskWatch(Waits):
    """A stream's waits in a task, which is cancelled when one of them is overdue.

    One timer serves all waits: a chunk only moves what is due, and the timer looks again where that lies further on.
    """

    __slots__ = ("_cancelling", "_due_s", "_looks_at_s", "_task", "_timer", "has_struck")

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cancelling = 0
        self._due_s = self._looks_at_s = _NEVER
        self.has_struck = False

    def __enter__(self) -> "_TaskWatch":
        return self

    def __exit__(self, *_: object) -> None:
        self._due_s = _NEVER
        if self._timer is not None:
            self._timer.cancel()

    def begin(self) -> None:
        """Have this task's wait ended when it is due."""
        self._task = task = asyncio.current_task()
        if task is None:
            raise RuntimeError("expected a task to watch, got none; call this from a task")
        self._cancelling = task.cancelling()
        self._due_s = due_s = self.next_due_s()
        if due_s < self._looks_at_s:
            self._look_at(due_s)

    def end(self, problem: BaseException | None = None) -> bool:
        """The wait is over, with this problem. Whether it was struck, and nobody else cancelled the task meanwhile."""
        self._due_s = _NEVER
        if not self.has_struck or self._task is None:
            return False
        is_ours_alone = self._task.uncancel() <= self._cancelling
        return is_ours_alone or not isinstance(problem, asyncio.CancelledError)

    def _look_at(self, due_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._looks_at_s = due_s
        self._timer = asyncio.get_running_loop().call_later(max(due_s - monotonic(), 0), self._look)

    def _look(self) -> None:
        self._looks_at_s, self._timer = _NEVER, None
        if self._due_s > monotonic():
            if self._due_s < _NEVER:
                self._look_at(self._due_s)
        elif self._task is not None:
            self.has_struck = True
            self._task.cancel()


class _Watch(Waits):
    """One call's waits in a thread, for the watchman to end the one that is overdue; between two, nothing strikes."""

    __slots__ = ("_ident", "_is_striking", "_lock", "_raised_s", "_watchman", "due_s", "has_struck")

    def __init__(self, limits: Limits, *, whole: bool = False) -> None:
        super().__init__(limits, whole=whole)
        self._watchman = _the_watchman()
        self._lock = threading.Lock()
        self._ident = 0
        self._is_striking = self.has_struck = False
        self.due_s = self._raised_s = _NEVER

    def __enter__(self) -> "_Watch":
        self._watchman.watched.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._watchman.watched.discard(self)

    def begin(self) -> None:
        """Have this thread's wait ended when it is due."""
        self._ident = threading.get_ident()
        self.due_s = due_s = self.next_due_s()
        if due_s < self._watchman.looks_at_s:
            self._watchman.wake()

    def end(self) -> bool:
        """The wait is over: nothing strikes it any more. Whether something had. Safe to call twice.

        Written and read in the opposite order by ``strike``: one of the two sees the other, without a lock per chunk.
        """
        self.due_s = _NEVER
        if self._is_striking or self.has_struck:
            with self._lock:
                if self.has_struck:
                    raise_in(self._ident, None)
        return self.has_struck

    def strike(self, now_s: float) -> None:
        """End the wait if it is overdue: raise in its thread (anew where that was swallowed) and break its wait."""
        with self._lock:
            self._is_striking = True
            if self.due_s <= now_s:
                self.has_struck = True
                if self._raised_s > now_s or now_s > self._raised_s + _SWALLOWED_S:
                    self._raised_s = now_s
                    raise_in(self._ident, Abandoned)
                break_wait(self._ident)
            self._is_striking = False


class _Watchman:
    """The thread that looks after all guarded waits of this process, asleep until the earliest is due."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.watched: set[_Watch] = set()
        self.looks_at_s = _NEVER
        self._woken: SimpleQueue[None] = SimpleQueue()
        threading.Thread(target=self._serve, name="guard", daemon=True).start()

    def wake(self) -> None:
        """A wait is due before this thread would look again."""
        self._woken.put(None)

    def _serve(self) -> None:
        while True:
            self.looks_at_s = _NEVER  # whoever comes while the earliest is sought wakes this thread once more
            now_s = monotonic()
            for watch in tuple(self.watched):
                if watch.due_s <= now_s:
                    watch.strike(now_s)
            earliest_s = min((watch.due_s for watch in tuple(self.watched)), default=_NEVER)
            self.looks_at_s = earliest_s if earliest_s > now_s else now_s + LOOK_AGAIN_S
            with contextlib.suppress(Empty):
                self._woken.get(timeout=min(self.looks_at_s - now_s, _LONGEST_SLEEP_S))


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
