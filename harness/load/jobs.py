"""Owns following a background job: create, ask again every so often, perhaps cancel, until it has ended.

Neither SDK polls, so the caller's code must; this is that code, the same for every client. It wraps a client module
and looks like one: its ``call`` returns the job's last state. Used by ``load.worker`` where a cell is a background job.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Awaitable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.clients import JobClient, Question, Target

ENDED = frozenset({"completed", "failed", "incomplete", "cancelled"})


@dataclass(frozen=True, slots=True)
class Polling:
    """Seconds between two questions, and after how many of them to cancel (None: never)."""

    poll_s: float
    cancel_after: int | None


def questions(polling: Polling) -> Iterator[str]:
    """What to do after each wait: ``retrieve``, and ``cancel`` once when its turn has come."""
    asked = 0
    while True:
        asked += 1
        yield "cancel" if asked == polling.cancel_after else "retrieve"


class Following:
    """A client whose call is a whole job, where the question is one."""

    def __init__(self, client: JobClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def arguments(self, question: Question, target: Target, call_number: int) -> dict[str, Any]:
        """The client's own keyword arguments, and how to follow the job."""
        job = question.job
        polling = None if job is None else Polling(job["poll_s"], job["cancel_after"])
        return {"keywords": self._client.arguments(question, target, call_number), "polling": polling}

    def call(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """Create a job and follow it to its end."""
        client, keywords, polling = self._client, arguments["keywords"], arguments["polling"]
        response = client.call(handle, keywords)
        if polling is None:
            return response
        identity, status = client.job(response)
        for question in questions(polling):
            if status in ENDED:
                break
            time.sleep(polling.poll_s)
            ask = client.cancel if question == "cancel" else client.retrieve
            response = ask(handle, identity, keywords)
            _, status = client.job(response)
        return response

    def stream(self, handle: Any, arguments: dict[str, Any]) -> Iterable[Any]:
        """A stream is no job."""
        return self._client.stream(handle, arguments["keywords"])

    async def acall(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """Create a job and follow it to its end."""
        client, keywords, polling = self._client, arguments["keywords"], arguments["polling"]
        response = await client.acall(handle, keywords)
        if polling is None:
            return response
        identity, status = client.job(response)
        for question in questions(polling):
            if status in ENDED:
                break
            await asyncio.sleep(polling.poll_s)
            ask = client.acancel if question == "cancel" else client.aretrieve
            response = await ask(handle, identity, keywords)
            _, status = client.job(response)
        return response

    def astream(self, handle: Any, arguments: dict[str, Any]) -> Awaitable[AsyncIterable[Any]]:
        """A stream is no job."""
        return self._client.astream(handle, arguments["keywords"])
