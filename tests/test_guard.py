"""The guard, run for real with limits of milliseconds: results and errors pass, each limit fires and names its phase,
and what it gives up lets go of its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from harness import apart, guard
from harness.guard import DeadlineExceeded, Limits, acall, astream
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


SYNC = {"sync": guard, "apart": apart}
"""The sync guards: in the caller's thread, and in one that can be left behind."""


def calling_threads() -> int:
    """How many threads there are beside the guard's one watchman."""
    return sum(thread.name != "guard" for thread in threading.enumerate())


def collected(mode: str, limits: Limits, count: int, gap_s: float = 0.0, pause_s: float = 0.0) -> list[int]:
    """All chunks of such a stream under the guard of a colour, the reader pausing after each."""
    if mode in SYNC:
        found = []
        for chunk in SYNC[mode].stream(limits, count_to, count, gap_s):
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
    if mode in SYNC:
        return SYNC[mode].call(limits, function, *args)

    async def afunction(*args: Any) -> Any:
        return function(*args)

    return asyncio.run(acall(limits, afunction, *args))


every = pytest.mark.parametrize("mode", ["sync", "apart", "async"])
sync = pytest.mark.parametrize("mode", SYNC)


@every
def test_an_answer_in_time_passes(mode: str) -> None:
    """Whole and streamed, the result is the call's own; zero is a chunk, no chunk is an end."""
    assert made(mode, EASY, divmod, 7, 2) == (3, 1)
    assert collected(mode, EASY, 3) == [0, 1, 2]
    assert collected(mode, EASY, 0) == []


@every
@pytest.mark.parametrize("problem", [KeyError("own"), TimeoutError("the SDK's"), SystemExit(3)], ids=repr)
def test_a_calls_own_error_reaches_the_caller(mode: str, problem: BaseException) -> None:
    """Nothing is swallowed or renamed on the way out, not even another TimeoutError."""

    def fail() -> None:
        raise problem

    with pytest.raises(type(problem)) as caught:
        made(mode, EASY, fail)
    assert caught.value is problem


@every
def test_a_whole_call_ends_at_its_total_limit(mode: str) -> None:
    """The error says which limit it was; it is a TimeoutError for whoever catches those."""

    async def sleep() -> None:
        await asyncio.sleep(LONG)

    def late() -> Any:
        return (
            SYNC[mode].call(Limits(0.02), threading.Event().wait, 1.0)
            if mode in SYNC
            else asyncio.run(acall(Limits(0.02), sleep))
        )

    with pytest.raises(DeadlineExceeded, match=r"^total limit of 0.02 s exceeded$") as caught:
        late()
    assert (caught.value.phase, caught.value.limit_s) == ("total", 0.02)
    assert isinstance(caught.value, TimeoutError)


@every
def test_a_stream_that_never_begins_ends_at_the_first_chunk_limit(mode: str) -> None:
    """The opening is inside the guard."""
    with pytest.raises(DeadlineExceeded, match="first_chunk"):
        collected(mode, Limits(LONG, first_chunk_s=0.03, inter_chunk_s=LONG), 1, gap_s=0.5)


@every
def test_a_stream_that_stalls_ends_at_the_inter_chunk_limit(mode: str) -> None:
    """The silence after a chunk is another limit than the silence before the first."""
    with pytest.raises(DeadlineExceeded, match="inter_chunk"):
        collected(mode, Limits(LONG, first_chunk_s=LONG, inter_chunk_s=0.03), 2, gap_s=0.3)


@every
def test_a_dripping_stream_ends_at_the_total_limit(mode: str) -> None:
    """Each gap is lawful, the whole is not: what no per-read timeout notices."""
    with pytest.raises(DeadlineExceeded, match="total"):
        collected(mode, Limits(0.1, LONG, LONG), 100_000, gap_s=0.002)


@every
def test_a_slow_reader_is_not_a_silent_provider(mode: str) -> None:
    """The time that the reader takes over a chunk does not count as silence."""
    assert collected(mode, Limits(LONG, 0.2, 0.2), 2, pause_s=0.3) == [0, 1]


@sync
def test_the_callers_context_holds_in_the_call(mode: str) -> None:
    """Context variables (tracing) are the caller's, though the call is made in another thread."""
    from contextvars import ContextVar

    span = ContextVar("span", default="none")
    span.set("mine")
    assert SYNC[mode].call(EASY, span.get) == "mine"


def test_calls_share_their_threads() -> None:
    """Apart, one after the other needs one thread; guarded, calls stay in the caller's. All others are daemons."""
    idents = {apart.call(EASY, threading.get_ident) for _ in range(20)}
    assert len(idents) == 1
    assert idents != {threading.get_ident()}
    assert {guard.call(EASY, threading.get_ident) for _ in range(20)} == {threading.get_ident()}
    kept = {thread for thread in threading.enumerate() if thread.name in ("guard", "apart")}
    assert all(thread.daemon for thread in kept)
    assert {guard.call(EASY, int) for _ in range(20)} == {0}
    assert {thread for thread in threading.enumerate() if thread.name in ("guard", "apart")} == kept


@sync
def test_a_fork_does_not_inherit_threads_that_are_gone(mode: str) -> None:
    """A child whose parent had made guarded calls can make its own, and its limits fire."""
    SYNC[mode].call(EASY, int)
    pid = os.fork()
    if pid == 0:
        try:
            SYNC[mode].call(Limits(0.05), threading.Event().wait, 5.0)
        except DeadlineExceeded:
            os._exit(SYNC[mode].call(Limits(5.0), int, "7"))
        os._exit(1)
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


@sync
@pytest.mark.skipif(sys.platform != "linux", reason="shutting a socket down under its reader is Linux's behaviour")
def test_a_given_up_call_closes_its_connection_and_ends_its_thread(deaf: socket.socket, mode: str) -> None:
    """The peer sees the end at once, the retry loop does not start another request, and no thread stays behind."""
    before = calling_threads()
    with pytest.raises(DeadlineExceeded):
        SYNC[mode].call(Limits(0.1), ask, deaf)
    peer, _ = deaf.accept()
    with peer:
        peer.settimeout(2.0)
        assert peer.recv(5) == b"hello"
        assert peer.recv(1) == b""
    deaf.settimeout(0.2)
    with pytest.raises(TimeoutError):
        deaf.accept()
    assert calling_threads() <= before


@sync
def test_a_given_up_call_wakes_out_of_a_queue_that_nobody_fills(mode: str) -> None:
    """As clients wait that run a loop in a thread of their own: what they do on their way out is done."""
    cleaned = threading.Event()

    def wait() -> Iterator[int]:
        try:
            yield queue.Queue[int]().get()
        finally:
            cleaned.set()

    with pytest.raises(DeadlineExceeded, match="first_chunk"):
        list(SYNC[mode].stream(Limits(LONG, 0.05), wait))
    assert cleaned.wait(1.0)


@sync
def test_leaving_a_stream_early_gives_it_up(mode: str) -> None:
    """A reader that has enough does not leave a pump behind."""
    before = calling_threads()
    for _ in SYNC[mode].stream(EASY, count_to, 100_000, 0.001):
        break
    time.sleep(0.3)
    assert calling_threads() <= before


@sync
def test_an_abandoned_sync_stream_of_a_client_is_closed(deaf: socket.socket, mode: str) -> None:
    """Also a stream that stalls lets go of its connection."""

    def chunks() -> Iterator[bytes]:
        with socket.create_connection(deaf.getsockname()) as connection:
            yield b"first"
            yield connection.recv(1)

    with pytest.raises(DeadlineExceeded, match="inter_chunk"):
        list(SYNC[mode].stream(Limits(LONG, LONG, 0.05), chunks))
    peer, _ = deaf.accept()
    with peer:
        peer.settimeout(2.0)
        assert peer.recv(1) == b""


def test_a_sleeping_call_is_left_behind_only_apart() -> None:
    """A sleep ends a guarded call late, as the module says; apart, control comes back at the limit."""
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        apart.call(Limits(0.05), time.sleep, 1.0)
    assert time.monotonic() - began < 0.9
    with pytest.raises(DeadlineExceeded):
        guard.call(Limits(0.05), time.sleep, 0.2)


def test_a_limit_does_not_strike_the_code_after_the_call() -> None:
    """A call that ends just as its limit fires, many times over: the caller's own code is never struck."""
    fired = 0
    for _ in range(300):
        try:
            guard.call(Limits(0.001), time.sleep, 0.001)
        except DeadlineExceeded:
            fired += 1
        for _ in range(2000):
            pass
    assert 0 < fired <= 300


def test_a_struck_call_that_swallows_is_struck_again() -> None:
    """Not even ``except BaseException`` in a loop holds a call for ever."""

    def stubborn() -> None:
        for _ in range(2):
            with contextlib.suppress(BaseException):
                threading.Event().wait(LONG)
        threading.Event().wait(LONG)

    with pytest.raises(DeadlineExceeded, match="total"):
        guard.call(Limits(0.05), stubborn)


def test_a_callers_own_sockets_stay_open(deaf: socket.socket) -> None:
    """What the code round a guarded call holds is not what the call waits on."""
    with socket.create_connection(deaf.getsockname()) as mine:
        peer, _ = deaf.accept()
        with peer:
            with pytest.raises(DeadlineExceeded):
                guard.call(Limits(0.05), threading.Event().wait, LONG)
            mine.sendall(b"still")
            assert peer.recv(5) == b"still"


def test_threads_are_guarded_side_by_side() -> None:
    """One watchman, many waits: each ends at its own limit."""

    def wait(limit_s: float) -> float:
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            guard.call(Limits(limit_s), threading.Event().wait, LONG)
        return time.monotonic() - began - limit_s

    with ThreadPoolExecutor(20) as pool:
        late = list(pool.map(wait, [0.05 + 0.01 * number for number in range(20)]))
    assert min(late) >= 0
    assert max(late) < 0.25


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
