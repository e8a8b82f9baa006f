"""The guard's sync calls in threads of their own, which can be left behind: ``call`` and ``stream``.

They raise what ``harness.guard`` raises, and control comes back at the limit whatever the call waits on, even a sleep
between a client's own retries or a lock: such a call goes on in its thread until it wakes up. The price is two
hand-overs between threads per call, each as long as a thread takes to wake up; the arms ``-guarded`` and ``-apart``
measure what either costs.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from harness.guard import CLOSING_S, LOOK_AGAIN_S, Abandoned, DeadlineExceeded, Limits, Waits, break_wait, raise_in

__all__ = ["call", "stream"]

T = TypeVar("T")
P = ParamSpec("P")


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
    arrived: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def pump() -> None:
        for chunk in function(*args, **kwargs):
            arrived.put((True, chunk))

    hand, waits, is_over = _free_hand(), Waits(limits), False
    hand.begin(pump, lambda error: arrived.put((False, error)))
    try:
        while True:
            due_s = waits.next_due_s()
            try:
                is_chunk, found = arrived.get(timeout=max(due_s - time.monotonic(), 0))
            except Empty:
                raise waits.exceeded() from None
            if not is_chunk:
                is_over = True
                if found is not None:
                    raise found
                return
            waits.came()
            yield found
    finally:
        if is_over:
            hand.is_done(CLOSING_S)
            hand.take()
        else:
            hand.abandon()


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
        thread = threading.Thread(target=self._serve, name="apart", daemon=True)
        thread.start()
        self._ident = thread.ident or 0

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
        end_s = time.monotonic() + CLOSING_S
        raise_in(self._ident, Abandoned)
        while time.monotonic() < end_s:
            break_wait(self._ident)
            if self._done.acquire(timeout=LOOK_AGAIN_S):
                return

    def _serve(self) -> None:
        with contextlib.suppress(Abandoned):
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
        except Abandoned:
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
