"""Owns the planted effect: a client that busy-waits a known time inside the timed region, to see if it is found.

Used by ``load.worker`` when a spec asks for it; only the instrument's tests of itself do.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Iterable
from typing import Any

from harness.clients import Client
from harness.clock import now_ns


class Injected:
    """Wraps a client module; everything but the four timed functions passes through."""

    def __init__(self, client: Client, busy_wait_ns: int) -> None:
        self._client = client
        self._busy_wait_ns = busy_wait_ns

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def _spin(self) -> None:
        until = now_ns() + self._busy_wait_ns
        while now_ns() < until:
            pass

    def call(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """Spin, then call."""
        self._spin()
        return self._client.call(handle, arguments)

    def stream(self, handle: Any, arguments: dict[str, Any]) -> Iterable[Any]:
        """Spin, then stream."""
        self._spin()
        return self._client.stream(handle, arguments)

    def acall(self, handle: Any, arguments: dict[str, Any]) -> Awaitable[Any]:
        """Spin, then call."""
        self._spin()
        return self._client.acall(handle, arguments)

    def astream(self, handle: Any, arguments: dict[str, Any]) -> Awaitable[AsyncIterable[Any]]:
        """Spin, then stream."""
        self._spin()
        return self._client.astream(handle, arguments)
