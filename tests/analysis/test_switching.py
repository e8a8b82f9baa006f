"""Turning to another model: which first calls count, and what stands beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

import pandas as pd
import pytest

from harness.analysis.analyse import analyse
from harness.analysis.audits import Switch
from harness.analysis.beside import Beside
from harness.record import FirstCall
from tests.analysis.scripted import Condition, calls_frame, cold_frame, constant, manifest

MINI, FOUR = Condition(service_ns=0), Condition(model="gpt-4o-mini")
MINI_STREAM = Condition(stream=True)
ARMS = {"openai": constant(400), "litellm": constant(1_600)}
CALLS = calls_frame(ARMS, [MINI, FOUR, MINI_STREAM], blocks=1, calls=3)


def firsts(*rows: tuple[str, int, Condition, int, bool, float], run_id: str = "run-1") -> pd.DataFrame:
    """Rows of ``first_calls``: (arm, repeat, condition, position, shares, milliseconds)."""
    names = [field.name for field in fields(FirstCall)]
    found = [
        FirstCall(run_id, arm, cell.mode, repeat, cell.cell_id, position, shares, round(ms * 1e6))
        for arm, repeat, cell, position, shares, ms in rows
    ]
    return pd.DataFrame([[getattr(row, name) for name in names] for row in found], columns=names)


def found_in(
    first_calls: pd.DataFrame | None, calls: pd.DataFrame = CALLS, runs: Iterable[str] = ("run-1",)
) -> tuple[Switch, ...]:
    """The switches of a run with these first calls."""
    manifests = [manifest(run_id, blocks=1) for run_id in runs]
    return analyse(calls, cold_frame(), manifests, beside=Beside(first_calls=first_calls)).switches


PROCESSES = firsts(
    ("openai", 0, MINI, 0, False, 90.0),
    ("openai", 0, FOUR, 1, True, 2.0),
    ("openai", 1, MINI, 0, False, 80.0),
    ("openai", 1, FOUR, 1, True, 3.0),
    ("openai", 2, MINI, 0, False, 130.0),
    ("openai", 2, FOUR, 1, True, 7.0),
)


def test_the_first_call_to_the_second_model_stands_between_the_very_first_and_a_typical_one() -> None:
    """Median, minimum and maximum over processes; the typical call is the target cell's."""
    (switch,) = found_in(PROCESSES)
    assert (switch.run_id, switch.arm, switch.mode, switch.repeats) == ("run-1", "openai", "sync", 3)
    assert (switch.from_model, switch.to_model, switch.shares_client) == ("gpt-5-mini", "gpt-4o-mini", True)
    assert switch.process_first_s == pytest.approx((0.090, 0.080, 0.130))
    assert switch.model_first_s == pytest.approx((0.003, 0.002, 0.007))
    assert switch.typical_s == pytest.approx(400e-6)


def test_another_shape_of_the_same_model_is_no_switch() -> None:
    """Nor is a return to a model that the process has called."""
    rows = firsts(
        ("openai", 0, MINI, 0, False, 90.0),
        ("openai", 0, FOUR, 1, True, 2.0),
        ("openai", 0, MINI_STREAM, 2, True, 5.0),
    )
    assert [switch.to_model for switch in found_in(rows)] == ["gpt-4o-mini"]


def test_order_of_rows_does_not_matter() -> None:
    """Positions say what came first."""
    assert found_in(PROCESSES.sample(frac=1, random_state=3)) == found_in(PROCESSES)


def test_a_run_in_which_no_client_is_shared_has_no_switches() -> None:
    """There another model means another client, which is a cold start."""
    assert found_in(PROCESSES.assign(shares_client=False)) == ()


def test_an_arm_that_could_not_keep_its_client_is_shown_beside_those_that_did() -> None:
    """It paid for a new one, and says so; arms are in the order of the stack."""
    rows = firsts(("litellm", 0, MINI, 0, False, 500.0), ("litellm", 0, FOUR, 1, False, 20.0))
    both = pd.concat([rows, PROCESSES], ignore_index=True)
    assert [(switch.arm, switch.shares_client) for switch in found_in(both)] == [("openai", True), ("litellm", False)]


def test_directions_are_not_pooled() -> None:
    """Processes that began with the other model are repeats of the other switch."""
    turned = firsts(("openai", 3, FOUR, 0, False, 70.0), ("openai", 3, MINI, 1, True, 4.0))
    found = found_in(pd.concat([PROCESSES, turned], ignore_index=True))
    assert {(switch.from_model, switch.repeats) for switch in found} == {("gpt-5-mini", 3), ("gpt-4o-mini", 1)}


def test_runs_are_not_pooled() -> None:
    """Each has its own row."""
    calls = pd.concat([CALLS, CALLS.assign(run_id="run-2")], ignore_index=True)
    rows = pd.concat([PROCESSES, PROCESSES.assign(run_id="run-2")], ignore_index=True)
    assert [switch.run_id for switch in found_in(rows, calls, ("run-1", "run-2"))] == ["run-1", "run-2"]


def test_without_a_typical_call_there_is_no_switch() -> None:
    """No call of the target cell succeeded, so nothing says what was saved or paid."""
    calls = CALLS.astype({"error_type": "object"})
    calls.loc[calls["request_model"] == "gpt-4o-mini", ["outcome", "error_type"]] = ["error", "other"]
    assert found_in(PROCESSES, calls) == ()


@pytest.mark.parametrize("nothing", [None, PROCESSES.iloc[:0]])
def test_without_first_calls_there_are_no_switches(nothing: pd.DataFrame | None) -> None:
    """A run of an earlier harness."""
    assert found_in(nothing) == ()
