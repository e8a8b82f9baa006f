"""Sync calls in a child process that dies when one is late: ``KillableProcess``, the only hard stop there is.

What ``harness.guard`` cannot end, a call that neither waits on a socket nor comes back to Python, ends with it.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from harness.guard import DeadlineExceeded, Limits

T = TypeVar("T")


class KillableProcess:
    """A child process that makes sync calls and dies when one is late: the only hard stop there is for sync code.

    ``opening`` is called once in each child and gives what calls are made with (a client); the functions called get it
    first and must, like their results, be picklable: defined in a module, returning plain data. The child is started
    anew, its client built again, by the first call after a kill. Use as a context manager.
    """

    def __init__(self, opening: Callable[[], Any]) -> None:
        self._opening = opening
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Any = None

    def call(self, limits: Limits, function: Callable[..., T], /, *args: Any) -> T:
        """Call ``function(opened, *args)`` in the child. Raises DeadlineExceeded, the child killed, when it is late.

        The time to start a child is not counted against the call.
        """
        self.start()
        self._pipe.send((function, args))
        if not self._pipe.poll(limits.total_s):
            self.kill()
            raise DeadlineExceeded("total", limits.total_s)
        try:
            is_ok, found = self._pipe.recv()
        except EOFError:
            self.kill()
            raise ConnectionError("the child process ended during the call") from None
        if not is_ok:
            raise found
        return found  # type: ignore[no-any-return]  # what ``function`` returned

    def start(self) -> None:
        """Start the child and open what calls are made with, unless that is done."""
        if self._process is not None and self._process.is_alive():
            return
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._opening), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()

    def kill(self) -> None:
        """End the child at once. Safe to call twice."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._pipe.close()
        self._process = self._pipe = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def _serve(pipe: Any, opening: Callable[[], Any]) -> None:
    opened = opening()
    pipe.send(True)
    while True:
        try:
            function, args = pipe.recv()
        except EOFError:
            return
        try:
            reply = (True, function(opened, *args))
        except Exception as problem:  # noqa: BLE001  (handed to the caller)
            reply = (False, problem)
        try:
            pipe.send(reply)
        except Exception as problem:  # noqa: BLE001  (a result or an error that cannot be pickled)
            pipe.send((False, TypeError(f"cannot be sent back: {type(reply[1]).__name__}: {problem}")))
