"""Owns the bridges between the colours, as arms: a client called from the other colour, in the ways people do it.

Each wraps a client module and looks like one; the crossing happens inside the timed functions, because it is what is
measured. Used by ``load.worker`` when a spec names a bridge; nothing else in measured code crosses colours.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from harness.clients import Client, Target

THREADS = 8
"""Threads of the pool of ``in-thread``; one call is in flight at a time, so any number above one is the same."""

BUSY_S = 0.02
"""How long each job holds the only thread of the executor that ``full-pool`` keeps busy."""

_END = object()


class Passing:
    """Everything that a bridge does not change goes to the client."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


@dataclass(frozen=True, slots=True)
class Threaded:
    """A sync handle and the executor it is used from; None is the loop's default one."""

    handle: Any
    pool: ThreadPoolExecutor | None

    def run(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        """The function's result, from a thread."""
        return asyncio.get_running_loop().run_in_executor(self.pool, function, *arguments)


class InThread(Passing):
    """Async code that calls the sync client in a thread pool of its own."""

    async def open_async(self, target: Target) -> Threaded:
        """The sync client and a pool."""
        return Threaded(self.client.open_sync(target), ThreadPoolExecutor(THREADS))

    def acall(self, handle: Threaded, arguments: dict[str, Any]) -> Awaitable[Any]:
        """One whole call in a thread."""
        return handle.run(self.client.call, handle.handle, arguments)

    async def astream(self, handle: Threaded, arguments: dict[str, Any]) -> AsyncIterator[Any]:
        """One streamed call; every chunk is fetched in a thread, as web frameworks do it."""
        chunks = iter(await handle.run(self.client.stream, handle.handle, arguments))
        return _fetched(handle, chunks)

    async def close_async(self, handle: Threaded) -> None:
        """Close the client and the pool."""
        self.client.close_sync(handle.handle)
        if handle.pool is not None:
            handle.pool.shutdown(wait=False)


async def _fetched(handle: Threaded, chunks: Any) -> AsyncIterator[Any]:
    while (chunk := await handle.run(next, chunks, _END)) is not _END:
        yield chunk


class ToThread(InThread):
    """Async code that calls the sync client through ``asyncio.to_thread``, hence the loop's default executor."""

    async def open_async(self, target: Target) -> Threaded:
        """The sync client."""
        return Threaded(self.client.open_sync(target), None)

    def acall(self, handle: Threaded, arguments: dict[str, Any]) -> Awaitable[Any]:
        """One whole call in a thread."""
        return asyncio.to_thread(self.client.call, handle.handle, arguments)


class AsyncioRun(Passing):
    """Sync code that starts a loop for every call: ``asyncio.run`` round an async client, which must be new each time
    because its pool belongs to a loop. Whole answers only.
    """

    def open_sync(self, target: Target) -> Target:
        """Nothing can be kept but where to call."""
        return target

    def call(self, handle: Target, arguments: dict[str, Any]) -> Any:
        """A loop, a client, one call, and all of it given back."""
        return asyncio.run(self._once(handle, arguments))

    async def _once(self, target: Target, arguments: dict[str, Any]) -> Any:
        handle = await self.client.open_async(target)
        try:
            return await self.client.acall(handle, arguments)
        finally:
            await self.client.close_async(handle)

    def close_sync(self, handle: Target) -> None:
        """Nothing is open."""


class FullPool(Passing):
    """The async client while the loop's default executor has one thread, held in turns of 20 ms by somebody else."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._holder: asyncio.Task[None] | None = None

    async def open_async(self, target: Target) -> Any:
        """The async client, and the busy executor where it is not there yet."""
        if self._holder is None:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
            self._holder = _started(_hold())
        return await self.client.open_async(target)

    async def close_async(self, handle: Any) -> None:
        """Let the executor go."""
        if self._holder is not None:
            self._holder.cancel()
        await self.client.close_async(handle)


def _started(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work)


async def _hold() -> None:
    while True:
        await asyncio.to_thread(time.sleep, BUSY_S)


_BRIDGES: dict[str, Callable[[Client], Any]] = {
    "in-thread": InThread,
    "to-thread": ToThread,
    "asyncio-run": AsyncioRun,
    "full-pool": FullPool,
}


def bridged(client: Client, bridge: str) -> Any:
    """The client behind this bridge; the client itself where ``bridge`` is empty."""
    if not bridge:
        return client
    if bridge in _BRIDGES:
        return _BRIDGES[bridge](client)
    if bridge == "collected":
        from harness.load.collected import Collected  # what these load no other process should hold

        return Collected(client)
    from harness.load.guarded import GUARDS

    return GUARDS[bridge](client)
