"""Owns following a background job: create, ask again every so often, perhaps cancel, until it has ended.

Neither SDK polls, so the caller's code must; this is that code, the same for every client. It wraps a client module
and looks like one: its ``call`` returns the job's last state. Used by ``load.worker`` for cells of background jobs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.clients import JobClient

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
    """A client whose call is a whole job."""

    def __init__(self, client: JobClient, polling: Polling) -> None:
        self._client = client
        self._polling = polling

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def call(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """Create a job and follow it to its end."""
        client = self._client
        response = client.call(handle, arguments)
        identity, status = client.job(response)
        for question in questions(self._polling):
            if status in ENDED:
                break
            time.sleep(self._polling.poll_s)
            ask = client.cancel if question == "cancel" else client.retrieve
            response = ask(handle, identity, arguments)
            _, status = client.job(response)
        return response

    async def acall(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """Create a job and follow it to its end."""
        client = self._client
        response = await client.acall(handle, arguments)
        identity, status = client.job(response)
        for question in questions(self._polling):
            if status in ENDED:
                break
            await asyncio.sleep(self._polling.poll_s)
            ask = client.acancel if question == "cancel" else client.aretrieve
            response = await ask(handle, identity, arguments)
            _, status = client.job(response)
        return response
