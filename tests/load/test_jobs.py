"""A background job is followed to its end, the same in both colours."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from harness.clients import JobClient, Question, Target
from harness.load.jobs import Following

TARGET = Target("http://x", "k", 1.0)


class Jobs:
    """Answers every question about a job with the next of its states, and keeps what it was asked."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.asked: list[str] = []

    def _next(self, what: str) -> dict[str, str]:
        self.asked.append(what)
        return {"id": "job-1", "status": self.states.pop(0)}

    def arguments(self, question: Question, target: Target, call_number: int) -> dict[str, Any]:
        """Nothing."""
        return {}

    def job(self, response: dict[str, str]) -> tuple[str, str]:
        """Id and status."""
        return response["id"], response["status"]

    def call(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """Create."""
        return self._next("create")

    def retrieve(self, handle: Any, job_id: str, arguments: dict[str, Any]) -> Any:
        """Ask."""
        return self._next(f"retrieve {job_id}")

    def cancel(self, handle: Any, job_id: str, arguments: dict[str, Any]) -> Any:
        """Give up."""
        return self._next(f"cancel {job_id}")

    async def acall(self, handle: Any, arguments: dict[str, Any]) -> Any:
        """Create."""
        return self._next("create")

    async def aretrieve(self, handle: Any, job_id: str, arguments: dict[str, Any]) -> Any:
        """Ask."""
        return self._next(f"retrieve {job_id}")

    async def acancel(self, handle: Any, job_id: str, arguments: dict[str, Any]) -> Any:
        """Give up."""
        return self._next(f"cancel {job_id}")


def follow(client: Jobs, mode: str, cancel_after: int | None = None, *, is_job: bool = True) -> Any:
    """Make one call in this colour."""
    job = {"poll_s": 0.001, "cancel_after": cancel_after} if is_job else None
    question = Question("openai", "m", (), None, {}, stream=False, job=job)
    following = Following(cast(JobClient, client))
    arguments = following.arguments(question, TARGET, 1)
    if mode == "sync":
        return following.call(None, arguments)
    return asyncio.run(following.acall(None, arguments))


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("ending", ["completed", "failed", "incomplete", "cancelled"])
def test_a_job_is_asked_about_until_it_has_ended(mode: str, ending: str) -> None:
    """In whichever way it ends; the last state is the answer."""
    client = Jobs("queued", "in_progress", ending, "never reached")
    assert follow(client, mode)["status"] == ending
    assert client.asked == ["create", "retrieve job-1", "retrieve job-1"]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_job_is_cancelled_once_when_its_turn_has_come(mode: str) -> None:
    """And asked about afterwards, because a cancellation takes effect when the provider says so."""
    client = Jobs("queued", "in_progress", "in_progress", "cancelled")
    assert follow(client, mode, cancel_after=2)["status"] == "cancelled"
    assert client.asked == ["create", "retrieve job-1", "cancel job-1", "retrieve job-1"]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_what_has_ended_at_once_is_not_asked_about(mode: str) -> None:
    """And a question that is no job is one call, whatever its answer says."""
    client = Jobs("completed")
    assert follow(client, mode)["status"] == "completed"
    assert client.asked == ["create"]
    client = Jobs("queued")
    assert follow(client, mode, is_job=False)["status"] == "queued"
    assert client.asked == ["create"]
