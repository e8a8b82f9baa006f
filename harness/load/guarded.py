"""Owns the guards as arms: a client under ``harness.guard``, under ``harness.apart``, in a process that can be killed.

Loaded by ``bridges`` when a spec names one, so that no other measured process holds what a guard needs.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from harness import apart, guard
from harness.clients import Answer, Client, Target, client_named
from harness.killable import KillableProcess
from harness.load.bridges import Passing

GUARD = guard.Limits(total_s=60.0, first_chunk_s=30.0, inter_chunk_s=30.0)
"""Limits that a healthy call never meets: what is measured is their watching."""


class Guarded(Passing):
    """Either colour under ``harness.guard``."""

    def call(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """One whole call."""
        return guard.call(GUARD, self.client.call, handle, arguments)

    def stream(self, handle: Any, arguments: dict[str, Any]) -> Iterable[Any]:
        """One streamed call."""
        return guard.stream(GUARD, self.client.stream, handle, arguments)

    def acall(self, handle: Any, arguments: dict[str, Any]) -> Awaitable[Any]:
        """One whole call."""
        return guard.acall(GUARD, self.client.acall, handle, arguments)

    async def astream(self, handle: Any, arguments: dict[str, Any]) -> AsyncIterable[Any]:
        """One streamed call."""
        return guard.astream(GUARD, self.client.astream, handle, arguments)


class Apart(Passing):
    """Sync calls under ``harness.apart``."""

    def call(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """One whole call."""
        return apart.call(GUARD, self.client.call, handle, arguments)

    def stream(self, handle: Any, arguments: dict[str, Any]) -> Iterable[Any]:
        """One streamed call."""
        return apart.stream(GUARD, self.client.stream, handle, arguments)


class InProcess(Passing):
    """Sync calls in a child that can be killed. The answer is read there: what crosses must be plain."""

    def open_sync(self, target: Target) -> KillableProcess:
        """A child with a client of its own."""
        process = KillableProcess(partial(_open_in_child, self.client.FACTS.name, target))
        process.start()
        return process

    def call(self, handle: KillableProcess, arguments: dict[str, Any]) -> Any:
        """One whole call, there and back."""
        return handle.call(GUARD, _call_in_child, arguments)

    def close_sync(self, handle: KillableProcess) -> None:
        """End the child."""
        handle.kill()

    def read_whole(self, response: Answer) -> Answer:
        """It was read in the child."""
        return response


def _open_in_child(name: str, target: Target) -> tuple[Client, Any]:
    client = client_named(name)
    client.load()
    return client, client.open_sync(target)


def _call_in_child(opened: tuple[Client, Any], arguments: dict[str, Any]) -> Answer:
    client, handle = opened
    return client.read_whole(client.call(handle, arguments))


GUARDS: dict[str, Callable[[Client], Any]] = {"guarded": Guarded, "apart": Apart, "in-process": InProcess}
