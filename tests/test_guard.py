"""The guard, run for real with limits of milliseconds: results and errors pass, each limit fires and names its phase,
and what it gives up lets go of its connection.
"""

from __future__ import annotations

import asyncio
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from harness.guard import DeadlineExceeded, Limits, acall, astream, call, stream
from harness.killable import KillableProcess

LONG = 30.0
"""A limit that is not the one under test."""

EASY = Limits(LONG, LONG, LONG)


def count_to(count: int, gap_s: float = 0.0) -> Iterator[int]:
    """A sync stream of ``count`` chunks, each ``gap_s`` after the one before."""
    for number in range(count):
        time.sleep(gap_s)
        yield number


async def acount_to(count: int, gap_s: float = 0.0) -> AsyncIterator[int]:
    """The same stream, opened asynchronously."""

    async def chunks() -> AsyncIterator[int]:
        for number in range(count):
            await asyncio.sleep(gap_s)
            yield number

    return chunks()


def collected(mode: str, limits: Limits, count: int, gap_s: float = 0.0, pause_s: float = 0.0) -> list[int]:
    """All chunks of such a stream under the guard of a colour, the reader pausing after each."""
    if mode == "sync":
        found = []
        for chunk in stream(limits, count_to, count, gap_s):
            found.append(chunk)
            time.sleep(pause_s)
        return found

    async def collect() -> list[int]:
        found = []
        async for chunk in astream(limits, acount_to, count, gap_s):
            found.append(chunk)
            await asyncio.sleep(pause_s)
        return found

    return asyncio.run(collect())


def made(mode: str, limits: Limits, function: Callable[..., Any], *args: Any) -> Any:
    """One whole call of a sync function under the guard of a colour."""
    if mode == "sync":
        return call(limits, function, *args)

    async def afunction(*args: Any) -> Any:
        return function(*args)

    return asyncio.run(acall(limits, afunction, *args))


both = pytest.mark.parametrize("mode", ["sync", "async"])


@both
def test_an_answer_in_time_passes(mode: str) -> None:
    """Whole and streamed, the result is the call's own; zero is a chunk, no chunk is an end."""
    assert made(mode, EASY, divmod, 7, 2) == (3, 1)
    assert collected(mode, EASY, 3) == [0, 1, 2]
    assert collected(mode, EASY, 0) == []


@both
@pytest.mark.parametrize("problem", [KeyError("own"), TimeoutError("the SDK's"), SystemExit(3)], ids=repr)
def test_a_calls_own_error_reaches_the_caller(mode: str, problem: BaseException) -> None:
    """Nothing is swallowed or renamed on the way out, not even another TimeoutError."""

    def fail() -> None:
        raise problem

    with pytest.raises(type(problem)) as caught:
        made(mode, EASY, fail)
    assert caught.value is problem


@both
def test_a_whole_call_ends_at_its_total_limit(mode: str) -> None:
    """The error says which limit it was; it is a TimeoutError for whoever catches those."""

    async def sleep() -> None:
        await asyncio.sleep(LONG)

    def late() -> Any:
        return (
            call(Limits(0.02), threading.Event().wait, 1.0)
            if mode == "sync"
            else asyncio.run(acall(Limits(0.02), sleep))
        )

    with pytest.raises(DeadlineExceeded, match=r"^total limit of 0.02 s exceeded$") as caught:
        late()
    assert (caught.value.phase, caught.value.limit_s) == ("total", 0.02)
    assert isinstance(caught.value, TimeoutError)


@both
def test_a_stream_that_never_begins_ends_at_the_first_chunk_limit(mode: str) -> None:
    """The opening is inside the guard."""
    with pytest.raises(DeadlineExceeded, match="first_chunk"):
        collected(mode, Limits(LONG, first_chunk_s=0.03, inter_chunk_s=LONG), 1, gap_s=0.5)


@both
def test_a_stream_that_stalls_ends_at_the_inter_chunk_limit(mode: str) -> None:
    """The silence after a chunk is another limit than the silence before the first."""
    with pytest.raises(DeadlineExceeded, match="inter_chunk"):
        collected(mode, Limits(LONG, first_chunk_s=LONG, inter_chunk_s=0.03), 2, gap_s=0.3)


@both
def test_a_dripping_stream_ends_at_the_total_limit(mode: str) -> None:
    """Each gap is lawful, the whole is not: what no per-read timeout notices."""
    with pytest.raises(DeadlineExceeded, match="total"):
        collected(mode, Limits(0.1, LONG, LONG), 100_000, gap_s=0.002)


@both
def test_a_slow_reader_is_not_a_silent_provider(mode: str) -> None:
    """The time that the reader takes over a chunk does not count as silence."""
    assert collected(mode, Limits(LONG, 0.2, 0.2), 2, pause_s=0.3) == [0, 1]


def test_the_callers_context_holds_in_the_call() -> None:
    """Context variables (tracing) are the caller's, though the call is made in another thread."""
    from contextvars import ContextVar

    span = ContextVar("span", default="none")
    span.set("mine")
    assert call(EASY, span.get) == "mine"


def test_calls_share_their_threads() -> None:
    """One after the other needs one thread; it is a daemon and holds up no exit."""
    idents = {call(EASY, threading.get_ident) for _ in range(20)}
    assert len(idents) == 1
    assert idents != {threading.get_ident()}
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "guard")


def test_a_fork_does_not_inherit_hands_that_are_gone() -> None:
    """A child whose parent had made guarded calls can make its own."""
    call(EASY, int)
    pid = os.fork()
    if pid == 0:
        os._exit(call(Limits(5.0), int, "7"))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


@pytest.fixture
def deaf() -> Iterator[socket.socket]:
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def ask(server: socket.socket) -> bytes:
    """What a blocking client does: connect, send, wait; and again on any failure, as SDKs do."""
    for _ in range(3):
        try:
            with socket.create_connection(server.getsockname()) as connection:
                connection.sendall(b"hello")
                if answer := connection.recv(1):
                    return answer
        except Exception:  # noqa: BLE001  (that is how retry loops are)
            pass
    return b""


@pytest.mark.skipif(sys.platform != "linux", reason="shutting a socket down under its reader is Linux's behaviour")
def test_a_given_up_call_closes_its_connection_and_ends_its_thread(deaf: socket.socket) -> None:
    """The peer sees the end at once, the retry loop does not start another request, and no thread stays behind."""
    before = threading.active_count()
    with pytest.raises(DeadlineExceeded):
        call(Limits(0.1), ask, deaf)
    peer, _ = deaf.accept()
    with peer:
        peer.settimeout(2.0)
        assert peer.recv(5) == b"hello"
        assert peer.recv(1) == b""
    deaf.settimeout(0.2)
    with pytest.raises(TimeoutError):
        deaf.accept()
    assert threading.active_count() <= before


def test_a_given_up_call_wakes_out_of_a_queue_that_nobody_fills() -> None:
    """As clients wait that run a loop in a thread of their own: what they do on their way out is done."""
    cleaned = threading.Event()

    def wait() -> Iterator[int]:
        try:
            yield queue.Queue[int]().get()
        finally:
            cleaned.set()

    with pytest.raises(DeadlineExceeded, match="first_chunk"):
        list(stream(Limits(LONG, 0.05), wait))
    assert cleaned.wait(1.0)


def test_leaving_a_stream_early_gives_it_up() -> None:
    """A reader that has enough does not leave a pump behind."""
    before = threading.active_count()
    for _ in stream(EASY, count_to, 100_000, 0.001):
        break
    time.sleep(0.3)
    assert threading.active_count() <= before


def test_an_abandoned_sync_stream_of_a_client_is_closed(deaf: socket.socket) -> None:
    """Also a stream that stalls lets go of its connection."""

    def chunks() -> Iterator[bytes]:
        with socket.create_connection(deaf.getsockname()) as connection:
            yield b"first"
            yield connection.recv(1)

    with pytest.raises(DeadlineExceeded, match="inter_chunk"):
        list(stream(Limits(LONG, LONG, 0.05), chunks))
    peer, _ = deaf.accept()
    with peer:
        peer.settimeout(2.0)
        assert peer.recv(1) == b""


def opened() -> int:
    """What calls in a child are made with."""
    return os.getpid()


def added(pid: int, number: int) -> tuple[int, int]:
    """A call that tells which child made it."""
    return pid, number + 1


def stuck(pid: int) -> None:
    """A call that nothing inside Python could end."""
    while True:
        time.sleep(LONG)


def failing(pid: int) -> None:
    """A call whose error comes back."""
    raise KeyError(pid)


def gone(pid: int) -> None:
    """A call that takes its process with it."""
    os._exit(9)


def test_a_killable_process_ends_what_nothing_else_ends() -> None:
    """It answers, hands errors on, is killed when late, told when it died, and started again for the next call."""
    with KillableProcess(opened) as process:
        first, result = process.call(EASY, added, 1)
        assert (first != os.getpid(), result) == (True, 2)
        with pytest.raises(KeyError):
            process.call(EASY, failing)
        assert process.call(EASY, added, 2) == (first, 3)
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded, match="total"):
            process.call(Limits(0.1), stuck)
        assert time.monotonic() - began < 0.6
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
        second, _ = process.call(EASY, added, 1)
        assert second != first
        with pytest.raises(ConnectionError, match="ended during the call"):
            process.call(EASY, gone)
