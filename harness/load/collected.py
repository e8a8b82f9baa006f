"""Owns the collector as an arm: a client whose every call ``harness.collect`` writes down, in a folder of its own.

Loaded by ``bridges`` when a spec names it, so that no other measured process holds the collector and its thread.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterable, Awaitable, Iterable
from typing import Any

from harness.clients import Client, Target
from harness.collect import Collector
from harness.load.bridges import Passing

MODEL = "collected"
"""What the rows call the model: the real one is in the client's arguments, which the wrapper hands over unread."""


class Collected(Passing):
    """Either colour under ``harness.collect``: LiteLLM through its own callbacks, any other client in the wrapper."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._tells_itself = client.FACTS.distribution == "litellm"
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def open_sync(self, target: Target) -> Any:
        """The client's own handle; LiteLLM is told once where to tell."""
        self._begin()
        return self.client.open_sync(target)

    def call(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """One whole call."""
        if self._tells_itself:
            return self.client.call(handle, arguments)
        return self._collector.call(self._call, handle, arguments, provider=self.client.FACTS.name, model=MODEL)

    def stream(self, handle: Any, arguments: dict[str, Any]) -> Iterable[Any]:
        """One streamed call."""
        if self._tells_itself:
            return self.client.stream(handle, arguments)
        return self._collector.stream(self._stream, handle, arguments, provider=self.client.FACTS.name, model=MODEL)

    def close_sync(self, handle: Any) -> None:
        """Close the client, and the collector with the folder it wrote."""
        self.client.close_sync(handle)
        self._end()

    async def open_async(self, target: Target) -> Any:
        """The client's own handle; LiteLLM is told once where to tell."""
        self._begin()
        return await self.client.open_async(target)

    def acall(self, handle: Any, arguments: dict[str, Any]) -> Awaitable[Any]:
        """One whole call."""
        if self._tells_itself:
            return self.client.acall(handle, arguments)
        return self._collector.acall(self._acall, handle, arguments, provider=self.client.FACTS.name, model=MODEL)

    async def astream(self, handle: Any, arguments: dict[str, Any]) -> AsyncIterable[Any]:
        """One streamed call."""
        if self._tells_itself:
            return await self.client.astream(handle, arguments)
        return self._collector.astream(self._astream, handle, arguments, provider=self.client.FACTS.name, model=MODEL)

    async def close_async(self, handle: Any) -> None:
        """Close the client, and the collector with the folder it wrote."""
        await self.client.close_async(handle)
        self._end()

    def _begin(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="llm-call-bench-collected-")
            self._collector = Collector(self._folder.name)
            if self._tells_itself:
                self._collector.watch_litellm()

    def _end(self) -> None:
        if self._folder is not None:
            self._collector.close()
            self._folder.cleanup()

    def _call(self, handle: Any, arguments: dict[str, Any], *, model: str) -> Any:
        return self.client.call(handle, arguments)

    def _stream(self, handle: Any, arguments: dict[str, Any], *, model: str) -> Iterable[Any]:
        return self.client.stream(handle, arguments)

    def _acall(self, handle: Any, arguments: dict[str, Any], *, model: str) -> Awaitable[Any]:
        return self.client.acall(handle, arguments)

    def _astream(self, handle: Any, arguments: dict[str, Any], *, model: str) -> Awaitable[AsyncIterable[Any]]:
        return self.client.astream(handle, arguments)
