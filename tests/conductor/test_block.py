"""Warming a path: what fails once is told, what fails twice stops the run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.conductor.block import _warm
from harness.errors import DataError

CELL = cast(Any, SimpleNamespace(facts=SimpleNamespace(cell=SimpleNamespace(cell_id="cell"))))
BACKEND = cast(Any, SimpleNamespace(alive=lambda: True, mismatches=list))


class Worker:
    """Answers from a list, and keeps how many calls it was asked for."""

    name = "litellm (sync)"

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.asked: list[int] = []

    def warm(self, cell: int, calls: int) -> str | None:
        """The next answer."""
        self.asked.append(calls)
        return self.answers.pop(0)


def test_a_warm_path_is_warmed_once() -> None:
    """And nothing is said."""
    worker = Worker(None)
    assert _warm(cast(Any, worker), CELL, 0, 30, BACKEND) == ""
    assert worker.asked == [30]


def test_a_single_failure_is_told_and_the_path_is_warmed_again_in_full() -> None:
    """One odd call must not cost a run of half an hour."""
    worker = Worker("timed out", None)
    assert (
        _warm(cast(Any, worker), CELL, 0, 30, BACKEND) == "litellm (sync): cell: a warm-up call failed once: timed out"
    )
    assert worker.asked == [30, 30]


def test_a_path_that_fails_again_stops_the_run() -> None:
    """It would fail in every call."""
    with pytest.raises(DataError, match=r"litellm \(sync\): cell: warm-up calls failed twice: refused"):
        _warm(cast(Any, Worker("timed out", "refused")), CELL, 0, 30, BACKEND)
