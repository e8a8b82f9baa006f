"""The guards, run for real with limits of milliseconds: results and errors pass, and each limit fires."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from harness.recommend.guards import call_within, chunks_within, within

LONG = 30.0
"""A limit that is not the one under test."""


async def answered(value: int) -> int:
    """A call that is answered at once."""
    return value


async def hanging() -> AsyncIterator[int]:
    """A call whose headers never come."""
    await asyncio.Event().wait()
    raise AssertionError("nothing sets the event")


async def opened(count: int, gap_s: float = 0.0) -> AsyncIterator[int]:
    """A call that opens a stream of ``count`` chunks, each ``gap_s`` after the one before."""

    async def chunks() -> AsyncIterator[int]:
        for number in range(count):
            await asyncio.sleep(gap_s)
            yield number

    return chunks()


async def collected(chunks: AsyncIterator[int]) -> list[int]:
    """All chunks."""
    return [chunk async for chunk in chunks]


def test_an_answer_in_time_passes_the_guards() -> None:
    """Async, sync and streamed, the result is the call's own; zero is a chunk, no chunk is an end."""
    assert asyncio.run(within(LONG, answered(1))) == 1
    assert call_within(LONG, divmod, 7, 2) == (3, 1)
    assert asyncio.run(collected(chunks_within(LONG, LONG, LONG, opened(3)))) == [0, 1, 2]
    assert asyncio.run(collected(chunks_within(LONG, LONG, LONG, opened(0)))) == []


def test_a_sync_calls_keywords_arrive() -> None:
    """The guard takes the call's arguments as they are."""
    assert call_within(LONG, int, "ff", base=16) == 255


@pytest.mark.parametrize("problem", [KeyError("own"), KeyboardInterrupt(), TimeoutError("the SDK's")], ids=repr)
def test_a_calls_own_error_reaches_the_caller(problem: BaseException) -> None:
    """Nothing is swallowed on the way out of the thread."""

    def fail() -> None:
        raise problem

    with pytest.raises(type(problem)) as caught:
        call_within(LONG, fail)
    assert caught.value is problem


def test_a_stream_whose_headers_never_come_ends_at_the_first_chunk_limit() -> None:
    """The opening is inside the guard."""
    with pytest.raises(TimeoutError):
        asyncio.run(collected(chunks_within(0.01, LONG, LONG, hanging())))


def test_a_dripping_stream_ends_at_the_total_limit() -> None:
    """Each gap is lawful, the whole is not: what no per-read timeout notices."""
    with pytest.raises(TimeoutError):
        asyncio.run(collected(chunks_within(LONG, LONG, 0.05, opened(100_000, gap_s=0.001))))


def test_a_slow_consumer_is_not_a_silent_provider() -> None:
    """The time between two requests for a chunk does not count as silence."""

    async def consume() -> int:
        count = 0
        async for _ in chunks_within(LONG, 0.2, LONG, opened(2)):
            await asyncio.sleep(0.3)
            count += 1
        return count

    assert asyncio.run(consume()) == 2


def test_a_blocked_sync_call_gives_control_back() -> None:
    """The caller goes on; the call's late result is dropped without harm."""
    release, done = threading.Event(), threading.Event()

    def block() -> None:
        release.wait(LONG)
        done.set()

    with pytest.raises(TimeoutError):
        call_within(0.01, block)
    assert not done.is_set()
    release.set()
    assert done.wait(LONG)
