"""A client that answers from a script, for tests of what is around a client; not a mock: it does what clients do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from harness.clients import Answer, ClientFacts, Question, Target


class ScriptedClient:
    """Answers every call with ``pieces``; raises ``error`` after the first piece where one is given."""

    FACTS = ClientFacts("scripted", None, ("none", "none"), ("openai",))

    def __init__(self, pieces: list[str], error: Exception | None = None) -> None:
        self.pieces = pieces
        self.error = error
        self.closed = 0

    def load(self) -> None:
        """Nothing to import."""

    def arguments(self, question: Question, target: Target, call_number: int) -> dict[str, Any]:
        """The call number, so that a test can see it."""
        return {"number": call_number}

    def open_sync(self, target: Target) -> Any:
        """A handle."""
        return object()

    def call(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """The whole answer, or the error."""
        if self.error:
            raise self.error
        return "".join(self.pieces)

    def stream(self, handle: Any, arguments: dict[str, Any]) -> Iterator[Any]:
        """Piece by piece."""
        for piece in self.pieces:
            yield piece
            if self.error:
                raise self.error

    def close_sync(self, handle: Any) -> None:
        """Counted."""
        self.closed += 1

    async def open_async(self, target: Target) -> Any:
        """A handle."""
        return object()

    async def acall(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """The whole answer, or the error."""
        return self.call(handle, arguments)

    async def astream(self, handle: Any, arguments: dict[str, Any]) -> AsyncIterator[Any]:
        """Piece by piece."""
        return self._pieces()

    async def _pieces(self) -> AsyncIterator[Any]:
        for piece in self.pieces:
            yield piece
            if self.error:
                raise self.error

    async def close_async(self, handle: Any) -> None:
        """Counted."""
        self.closed += 1

    def read_whole(self, response: Any) -> Answer:
        """The text."""
        return Answer(response, "stop", "scripted-1", 3, 2, 0)

    def read_chunks(self, chunks: list[Any]) -> Answer:
        """The text."""
        return Answer("".join(chunks), "stop", "scripted-1", 3, 2, 0)

    def has_content(self, chunk: Any) -> bool:
        """Empty pieces carry none."""
        return bool(chunk)
