"""Owns the wall-clock guards: limits that hold whatever the SDK does with its own ``timeout=``.

The ``python`` export pastes these functions into its output, so what is tested here is what users run: standard
library only, no import of this project, and no ``from __future__``. Called by nobody inside the harness.
"""

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


async def within(total_timeout: float, call: Awaitable[T]) -> T:
    """Await one whole call; TimeoutError (and the request cancelled) after ``total_timeout`` seconds."""
    async with asyncio.timeout(total_timeout):
        return await call


async def chunks_within(
    first_chunk_timeout: float,
    inter_chunk_timeout: float,
    total_timeout: float,
    opening: Awaitable[AsyncIterable[T]],
) -> AsyncIterator[T]:
    """Yield a stream's chunks; TimeoutError when the first, the next or the last is late (seconds of wall clock).

    ``opening`` is the not yet awaited call. The time you take over a chunk counts towards the total, not the silence.
    """
    now = asyncio.get_running_loop().time
    end, patience = now() + total_timeout, first_chunk_timeout
    chunks: AsyncIterator[T] | None = None
    while True:
        async with asyncio.timeout_at(min(end, now() + patience)):
            try:
                chunks = chunks or aiter(await opening)
                chunk = await anext(chunks)
            except StopAsyncIteration:
                return
        yield chunk
        patience = inter_chunk_timeout


def call_within(total_timeout: float, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Make one sync call; TimeoutError after ``total_timeout`` seconds of wall clock.

    This hands control back, it does not stop the call: Python cannot cancel a thread, so the request goes on in a
    daemon thread (and is paid for) until its socket gives up; its result is dropped and it does not hold up the exit.
    Only a child process that you kill stops it for certain. For a stream pass a function that consumes it.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call(*args, **kwargs))
        except BaseException as problem:  # noqa: BLE001  (handed to the caller)
            outcome.set_exception(problem)

    threading.Thread(target=run, daemon=True).start()
    return outcome.result(timeout=total_timeout)
