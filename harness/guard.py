"""Limits on a call that hold whatever the client's own ``timeout=`` does: ``call``, ``stream``, ``acall``, ``astream``.

Standard library only, importing nothing of this project: use it as ``harness.guard``, or copy the file. Works over any
client, for it knows none::

    limits = Limits(total_s=30.0, first_chunk_s=8.0, inter_chunk_s=5.0)
    answer = call(limits, client.chat.completions.create, model=..., messages=...)
    for chunk in stream(limits, client.chat.completions.create, stream=True, ...): ...
    answer = await acall(limits, aclient.chat.completions.create, ...)
    async for chunk in astream(limits, aclient.chat.completions.create, stream=True, ...): ...

A limit that fires raises ``DeadlineExceeded``, which names the phase, and gives up the call beneath: async by
cancelling it, sync by closing the socket that its thread waits on. Turn the client's own retries off: a guard bounds
their sum, not their number. A sync call that sleeps (a client that honours ``Retry-After``) or that waits for another
library's thread gives control back all the same and ends when it wakes up; where even that is too much, the process of
``harness.killable`` stops anything.
"""

import asyncio
import contextlib
import contextvars
import ctypes
import os
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Literal, ParamSpec, TypeVar

__all__ = ["DeadlineExceeded", "Limits", "acall", "astream", "call", "stream"]

T = TypeVar("T")
P = ParamSpec("P")
Phase = Literal["first_chunk", "inter_chunk", "total"]

_CLOSING_S = 0.2
"""How long a given-up call may take to let go of its connection before control goes back without it."""

_LOOK_AGAIN_S = 0.02


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
    """Make one whole sync call in a kept thread. Raises DeadlineExceeded after ``limits.total_s``."""
    hand = _free_hand()
    hand.begin(lambda: function(*args, **kwargs))
    if not hand.is_done(limits.total_s):
        hand.abandon()
        raise DeadlineExceeded("total", limits.total_s)
    result, error = hand.take()
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]  # what ``function`` returned


def stream(limits: Limits, function: Callable[P, Iterable[T]], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
    """Yield a sync stream's chunks. Raises DeadlineExceeded when the first, the next or the last is late.

    Leaving the loop early gives the call up. Chunks wait in a queue when you are slower than the stream.
    """
    started_s = time.monotonic()
    arrived: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def pump() -> None:
        for chunk in function(*args, **kwargs):
            arrived.put((True, chunk))

    hand, chunks, is_over = _free_hand(), 0, False
    hand.begin(pump, lambda error: arrived.put((False, error)))
    try:
        while True:
            due_s, phase, limit_s = limits.next(started_s, chunks)
            try:
                is_chunk, found = arrived.get(timeout=max(due_s - time.monotonic(), 0))
            except Empty:
                raise DeadlineExceeded(phase, limit_s) from None
            if not is_chunk:
                is_over = True
                if found is not None:
                    raise found
                return
            chunks += 1
            yield found
    finally:
        if is_over:
            hand.is_done(_CLOSING_S)
            hand.take()
        else:
            hand.abandon()


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
        async with asyncio.timeout(_CLOSING_S):
            closing = close()
            if isinstance(closing, Awaitable):
                await closing


class _Abandoned(BaseException):
    """Raised inside a thread whose call was given up; no client's ``except Exception`` holds it."""


class _Hand:
    """A daemon thread that makes one call at a time for somebody who can stop waiting. Kept for the next call."""

    __slots__ = ("_done", "_error", "_ident", "_is_given_up", "_job", "_on_end", "_result", "_wake")

    def __init__(self) -> None:
        self._wake, self._done = threading.Lock(), threading.Lock()
        self._wake.acquire()
        self._done.acquire()
        self._is_given_up = False
        self._result: Any = None
        self._error: BaseException | None = None
        self._job: Callable[[], Any] | None = None
        self._on_end: Callable[[BaseException | None], None] | None = None
        thread = threading.Thread(target=self._serve, name="guard", daemon=True)
        thread.start()
        self._ident = thread.ident

    def begin(self, job: Callable[[], Any], on_end: Callable[[BaseException | None], None] | None = None) -> None:
        """Start a job, in the caller's context."""
        context = contextvars.copy_context()
        self._job, self._on_end = lambda: context.run(job), on_end
        self._wake.release()

    def is_done(self, within_s: float) -> bool:
        """Wait for the job's end; False when it takes longer."""
        return self._done.acquire(timeout=max(within_s, 0))

    def take(self) -> tuple[Any, BaseException | None]:
        """The finished job's result or error; the hand is free again."""
        result, error = self._result, self._error
        self._result = self._error = self._job = self._on_end = None
        _free.append(self)
        return result, error

    def abandon(self) -> None:
        """Give the job up: close what it waits on, and wait a moment for it to let go."""
        self._is_given_up = True
        end_s = time.monotonic() + _CLOSING_S
        _raise_in(self._ident)
        while time.monotonic() < end_s:
            _break_wait(self._ident)
            if self._done.acquire(timeout=_LOOK_AGAIN_S):
                return

    def _serve(self) -> None:
        with contextlib.suppress(_Abandoned):
            while not self._is_given_up:
                self._wake.acquire()
                self._work()
                self._done.release()
            return
        self._done.release()

    def _work(self) -> None:
        assert self._job is not None
        on_end = self._on_end
        try:
            self._result = self._job()
        except _Abandoned:
            raise
        except BaseException as problem:  # noqa: BLE001  (handed to the caller)
            self._error = problem
        if on_end is not None:
            on_end(self._error)


_free: deque[_Hand] = deque()
_owner = [0]
"""The process that the free hands belong to: threads do not survive a fork."""


def _free_hand() -> _Hand:
    if _owner[0] != os.getpid():
        _free.clear()
        _owner[0] = os.getpid()
    try:
        return _free.pop()
    except IndexError:
        return _Hand()


def _raise_in(ident: int | None) -> None:
    """Have ``_Abandoned`` raised in a thread as soon as it runs Python again; CPython's own way, elsewhere nothing."""
    with contextlib.suppress(AttributeError):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident or 0), ctypes.py_object(_Abandoned))


def _break_wait(ident: int | None) -> None:
    """Shut the sockets down, and cancel the futures, that the innermost frame holding any waits on; where none does,
    wake the thread out of the queue or the event that it waits for, so that it comes to what was raised in it.
    """
    frame, conditions = sys._current_frames().get(ident or 0), list[threading.Condition]()
    while frame is not None:
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
        if condition.acquire(timeout=_LOOK_AGAIN_S):
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
