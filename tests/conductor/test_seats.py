"""Warming a path: what fails once is told, what fails twice stops the run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.conductor.processes import Reply, WorkerLostError
from harness.conductor.seats import WARMED_TRIES, _warm, warm_all
from harness.errors import DataError
from harness.load.pipe import Used
from harness.vocabulary import Load

CELL = SimpleNamespace(kind="chat", facts=SimpleNamespace(cell=SimpleNamespace(cell_id="cell", load=Load.HOT)))
PLAN = cast(Any, SimpleNamespace(cells=(CELL,), warmup=30, reach=SimpleNamespace(is_live=False)))
BACKEND = cast(Any, SimpleNamespace(alive=lambda: True, mismatches=list))


class Worker:
    """Answers from a list, and keeps how many calls it was asked for."""

    name = "litellm (sync)"

    def __init__(self, *answers: str | WorkerLostError | None) -> None:
        self.answers = list(answers)
        self.asked: list[int] = []
        self.restarts = 0

    def warm(self, cell: int, calls: int) -> Reply:
        """The next answer."""
        self.asked.append(calls)
        answer = self.answers.pop(0)
        if isinstance(answer, WorkerLostError):
            raise answer
        return Reply(answer, Used(0, 0, is_known=True))

    def restart(self) -> None:
        """Count."""
        self.restarts += 1


def test_a_warm_path_is_warmed_once() -> None:
    """And nothing is said."""
    worker = Worker(None)
    assert _warm(PLAN, cast(Any, worker), 0, 0, 30, BACKEND) == ""
    assert worker.asked == [30]


def test_a_single_failure_is_told_and_the_path_is_warmed_again_in_full() -> None:
    """One odd call must not cost a run of half an hour."""
    worker = Worker("timed out", None)
    assert (
        _warm(PLAN, cast(Any, worker), 0, 0, 30, BACKEND)
        == "litellm (sync): cell: a warm-up call failed once: timed out"
    )
    assert worker.asked == [30, 30]


def test_a_path_that_fails_again_stops_the_run() -> None:
    """It would fail in every call."""
    with pytest.raises(DataError, match=r"litellm \(sync\): cell: warm-up calls failed twice: refused"):
        _warm(PLAN, cast(Any, Worker("timed out", "refused")), 0, 0, 30, BACKEND)


def warmed(worker: Worker) -> tuple[list[str], list[str]]:
    """Warm a block of one seat with one hot cell."""
    place = SimpleNamespace(cell=0, arm=SimpleNamespace(name="litellm"))
    return warm_all(cast(Any, [SimpleNamespace(worker=worker, places=(place,))]), PLAN, BACKEND)


def test_a_worker_that_hangs_while_warming_up_is_replaced_and_told() -> None:
    """Nothing was measured yet, so a fresh process may take its place; that it hung stays known."""
    worker = Worker(WorkerLostError("worker litellm (sync): no reply"), None)
    failures, lost = warmed(worker)
    assert (failures, worker.restarts, worker.asked) == ([], 1, [30, 30])
    assert lost == ["worker litellm (sync): no reply; it was warming up, a fresh process took its place"]


def test_a_worker_that_hangs_every_time_ends_the_block() -> None:
    """It is replaced a few times, not for ever; every hang on the way is told."""
    hangs = [WorkerLostError(f"hang {number}") for number in range(1, WARMED_TRIES + 1)]
    _, lost = warmed(Worker(*hangs[:-1], None))
    assert [line.partition(";")[0] for line in lost] == [f"hang {number}" for number in range(1, WARMED_TRIES)]
    with pytest.raises(WorkerLostError, match=f"hang {WARMED_TRIES}"):
        warmed(Worker(*hangs))
