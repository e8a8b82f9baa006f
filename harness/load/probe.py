"""Owns calls under faults, as the process sees them that makes them: when control came back, with what, and what was
left behind a moment later. The wire's side of it is in the backend's journal.

A sound call comes first, so that no case pays for what is paid only once; then one case after the other. Runs in a
child that ``zygote`` forked and that nobody misses when it is killed. Loads no SDK but the client's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness import guard
from harness.clients import Client, Question, Target
from harness.clock import now_ns
from harness.load.kinds import told
from harness.load.outcome import Truth, full_name, judge_answer
from harness.vocabulary import ErrorKind, Outcome

GRACE_S = 0.3
"""How long after the call's end what is left behind is counted: a connection may take a moment to close."""

_BEAT_S = 0.02


@dataclass(frozen=True, slots=True)
class CaseSpec:
    """One case as the child sees it. ``truth`` is what the wire carries; ``guard`` the limits outside the client.

    ``sound`` is where nothing goes wrong, for the call that comes first.
    """

    number: int
    target: Target
    sound: Target
    question: Question
    truth: Truth
    window_s: float
    guard: guard.Limits | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What the child says of its call; instants are CLOCK_MONOTONIC ns, ``*_left`` counts beyond those before it.

    ``is_unreadable``: the call returned, and the error is what a caller meets who reads the answer.
    """

    number: int
    started_ns: int
    finished_ns: int
    reported_ns: int
    chunks: int
    is_unreadable: bool
    error_kind: str | None
    error_class: str | None
    error_is_own: bool | None
    status_code: int | None
    finish_reason: str | None
    is_true_answer: bool | None
    response_model: str | None
    connects: int
    threads_left: int
    descriptors_left: int
    tasks_left: int | None
    loop_lag_ns: int | None


Begin = Callable[[CaseSpec], None]
Tell = Callable[[Report], None]


class Dialled:
    """Counts the connections that this process dials, through the interpreter's audit events."""

    def __init__(self) -> None:
        self.count = 0
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            self.count += 1


class Observed:
    """What is known of the call while it is made; both colours fill it."""

    def __init__(self, client: Client, spec: CaseSpec, dialled: Dialled) -> None:
        self.client, self.spec = client, spec
        self.families = (*{name.partition(".")[0] for name in client.FACTS.subjects}, "harness")
        self.dialled, self.dialled_before = dialled, dialled.count
        self.chunks: list[Any] = []
        self.result: Any = None
        self.error: BaseException | None = None
        self.started_ns = now_ns()
        self.finished_ns = 0
        self.before = _held()

    def begin(self) -> dict[str, Any]:
        """Count what there is before the call, and start its clock. Returns the client's arguments."""
        arguments = self.client.arguments(self.spec.question, self.spec.target, self.spec.number)
        self.before = _held()
        self.started_ns = now_ns()
        return arguments

    def fail(self, problem: Exception) -> None:
        """It failed before it could be made."""
        self.error, self.finished_ns = problem, now_ns()

    def report(self, tasks_left: int | None, lag_ns: int | None) -> Report:
        """Judge what came back. The answer is read here, after the clock was stopped."""
        kind, error_class, is_own, status = None, None, None, None
        finish_reason, is_true, model = None, None, None
        if self.error is not None:
            said = told(self.error, chunks=len(self.chunks), families=self.families)
            kind, error_class, is_own, status = said.kind, said.error_class, said.is_own, said.status_code
        else:
            try:
                stream = self.spec.question.stream
                answer = self.client.read_chunks(self.chunks) if stream else self.client.read_whole(self.result)
                finish_reason, model = answer.finish_reason, answer.model
                is_true = judge_answer(answer, self.spec.truth).outcome is Outcome.OK
            except Exception as problem:  # noqa: BLE001  a caller who reads such an answer notices
                kind, error_class, is_own = ErrorKind.MALFORMED, full_name(problem), False
        threads, descriptors = _held()
        return Report(
            number=self.spec.number,
            started_ns=self.started_ns,
            finished_ns=self.finished_ns,
            reported_ns=now_ns(),
            chunks=len(self.chunks),
            is_unreadable=self.error is None and kind is not None,
            error_kind=None if kind is None else str(kind),
            error_class=error_class,
            error_is_own=is_own,
            status_code=status,
            finish_reason=finish_reason,
            is_true_answer=is_true,
            response_model=model,
            connects=self.dialled.count - self.dialled_before,
            threads_left=threads - self.before[0],
            descriptors_left=descriptors - self.before[1],
            tasks_left=tasks_left,
            loop_lag_ns=lag_ns,
        )


def warm_sync(client: Client, first: CaseSpec) -> None:
    """The sound call that comes first. A client that fails even at that is told of by its healthy case."""
    with contextlib.suppress(Exception):
        handle = client.open_sync(first.sound)
        arguments = client.arguments(first.question, first.sound, 0)
        if first.question.stream:
            list(client.stream(handle, arguments))
        else:
            client.call(handle, arguments)


async def warm_async(client: Client, first: CaseSpec) -> None:
    """The sound call that comes first. A client that fails even at that is told of by its healthy case."""
    with contextlib.suppress(Exception):
        handle = await client.open_async(first.sound)
        arguments = client.arguments(first.question, first.sound, 0)
        if first.question.stream:
            async for _ in await client.astream(handle, arguments):
                pass
        else:
            await client.acall(handle, arguments)


def make_sync(call: Observed, handle: Any, arguments: dict[str, Any]) -> None:
    """Make the call in this thread, and keep what came of it."""
    client, limits = call.client, call.spec.guard
    try:
        if call.spec.question.stream:
            chunks = (
                guard.stream(limits, client.stream, handle, arguments) if limits else client.stream(handle, arguments)
            )
            for chunk in chunks:
                call.chunks.append(chunk)
        elif limits:
            call.result = guard.call(limits, client.call, handle, arguments)
        else:
            call.result = client.call(handle, arguments)
    except Exception as problem:  # noqa: BLE001  a failed call is data
        call.error = problem
    call.finished_ns = now_ns()


async def make_async(call: Observed, handle: Any, arguments: dict[str, Any]) -> None:
    """Make the call in this task, and keep what came of it."""
    client, limits = call.client, call.spec.guard
    try:
        if call.spec.question.stream:
            chunks = (
                guard.astream(limits, client.astream, handle, arguments)
                if limits
                else await client.astream(handle, arguments)
            )
            async for chunk in chunks:
                call.chunks.append(chunk)
        elif limits:
            call.result = await guard.acall(limits, client.acall, handle, arguments)
        else:
            call.result = await client.acall(handle, arguments)
    except (Exception, asyncio.CancelledError) as problem:  # noqa: BLE001  a failed call is data
        call.error = problem
    call.finished_ns = now_ns()


def probe_sync(client: Client, specs: Sequence[CaseSpec], begin: Begin, tell: Tell) -> None:
    """Make a sound call, then each case's in this thread: ``begin`` says which one, ``tell`` takes what came of it."""
    dialled = Dialled()
    warm_sync(client, specs[0])
    for spec in specs:
        begin(spec)
        tell(_probe_sync(client, spec, dialled))


def _probe_sync(client: Client, spec: CaseSpec, dialled: Dialled) -> Report:
    call, handle = Observed(client, spec, dialled), None
    try:
        opening = client.open_sync
        handle = guard.call(spec.guard, opening, spec.target) if spec.guard else opening(spec.target)
    except Exception as problem:  # noqa: BLE001  a failed call is data
        call.fail(problem)
    else:
        make_sync(call, handle, call.begin())
    time.sleep(GRACE_S)
    report = call.report(None, None)
    with contextlib.suppress(Exception):
        client.close_sync(handle)
    return report


async def probe_async(client: Client, specs: Sequence[CaseSpec], begin: Begin, tell: Tell) -> None:
    """Make a sound call, then each case's in this task: ``begin`` says which one, ``tell`` takes what came of it."""
    dialled = Dialled()
    await warm_async(client, specs[0])
    for spec in specs:
        begin(spec)
        tell(await _probe_async(client, spec, dialled))


async def _probe_async(client: Client, spec: CaseSpec, dialled: Dialled) -> Report:
    call, handle, lag = Observed(client, spec, dialled), None, _Lag()
    beating = asyncio.create_task(lag.watch())
    tasks = len(asyncio.all_tasks())
    try:
        opening = client.open_async
        handle = await (guard.acall(spec.guard, opening, spec.target) if spec.guard else opening(spec.target))
    except Exception as problem:  # noqa: BLE001  a failed call is data
        call.fail(problem)
    else:
        tasks, arguments = len(asyncio.all_tasks()), call.begin()
        lag.worst_ns = 0
        await make_async(call, handle, arguments)
    worst_ns = lag.worst_ns
    await asyncio.sleep(GRACE_S)
    beating.cancel()
    report = call.report(len(asyncio.all_tasks()) - tasks, worst_ns)
    with contextlib.suppress(Exception):
        await client.close_async(handle)
    return report


class _Lag:
    """How late the event loop comes back to a task that sleeps a few milliseconds."""

    def __init__(self) -> None:
        self.worst_ns = 0

    async def watch(self) -> None:
        """Beat until cancelled."""
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                before_ns = now_ns()
                await asyncio.sleep(_BEAT_S)
                self.worst_ns = max(self.worst_ns, now_ns() - before_ns - int(_BEAT_S * 1e9))


def _held() -> tuple[int, int]:
    """Busy threads and file descriptors of this process. A pool's thread that waits for work is no burden."""
    busy = [frame for frame in sys._current_frames().values() if frame.f_code.co_name not in _IDLE]
    return len(busy), len(os.listdir("/proc/self/fd"))  # noqa: PTH208  faster, and enough


_IDLE = ("_worker", "_serve")
"""Where threads of ``concurrent.futures`` and of the guard wait for work."""

PROBES: dict[str, Callable[[Client, Sequence[CaseSpec], Begin, Tell], None]] = {
    "sync": probe_sync,
    "async": lambda client, specs, begin, tell: asyncio.run(probe_async(client, specs, begin, tell)),
}
