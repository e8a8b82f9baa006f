"""Which comparisons the first screen shows."""

from __future__ import annotations

import pandas as pd
import pytest

from harness.analysis.analyse import analyse
from harness.analysis.findings import Verdict
from tests.analysis.example import example_findings
from tests.analysis.scripted import Condition, calls_frame, cold_frame, constant, manifest

ARMS = {"openai": constant(400), "openai-null": constant(400), "litellm": constant(1_600)}
PACED = Condition(load="paced", service_ns=20_000_000)
PLAN = """
name = "two"
description = "two models, the second of the alphabet first"
blocks = 6
warmup = 50
arms = ["openai", "openai-null", "litellm"]
[[cells]]
provider = "openai"
models = ["zeta", "alpha"]
workload = "chat"
modes = ["async", "sync"]
streams = [false]
load = "hot"
calls = 10
"""


def test_the_headline_is_litellm_minus_the_sdk_paced_in_every_shape_and_mode() -> None:
    """Whole and stream, sync and async, in the plan's order, each with its null beside it."""
    found = example_findings(12).headline
    assert found.load == "paced"
    assert {(c.base, c.arm, c.cell.load) for c in found.comparisons} == {("openai", "litellm", "paced")}
    order = [(c.cell.stream, c.cell.mode) for c in found.comparisons]
    assert order == [(False, "sync"), (False, "async"), (True, "sync"), (True, "async")]
    assert [c.cell for c in found.null_comparisons] == [c.cell for c in found.comparisons]
    assert {c.verdict for c in found.comparisons} == {Verdict.SLOWER}


@pytest.mark.parametrize(("conditions", "load"), [([Condition()], "hot"), ([Condition(), PACED], "paced")])
def test_hot_cells_speak_only_where_none_is_paced(conditions: list[Condition], load: str) -> None:
    """Real calls are paced."""
    found = analyse(calls_frame(ARMS, conditions), cold_frame(), [manifest()]).headline
    assert (found.load, {c.cell.load for c in found.comparisons}) == (load, {load})


def test_the_model_that_the_plan_names_first_speaks() -> None:
    """Not the alphabet, and not the order of the rows."""
    cells = [Condition(model, mode) for model in ("alpha", "zeta") for mode in ("sync", "async")]
    found = analyse(calls_frame(ARMS, cells), cold_frame(), [manifest(plan_text=PLAN)]).headline
    assert [(c.cell.model, c.cell.mode) for c in found.comparisons] == [("zeta", "async"), ("zeta", "sync")]


@pytest.mark.parametrize(("newest_is_complete", "speaker"), [(True, "newer"), (False, "older")])
def test_of_several_runs_the_newest_complete_one_speaks(newest_is_complete: bool, speaker: str) -> None:
    """Runs are never mixed in one headline."""
    frame = pd.concat([calls_frame(ARMS, run_id=run_id) for run_id in ("older", "newer")], ignore_index=True)
    runs = [manifest("newer", day=1, is_complete=newest_is_complete), manifest("older")]
    found = analyse(frame, cold_frame(), runs).headline
    assert {c.cell.run_id for c in (*found.comparisons, *found.null_comparisons)} == {speaker}


def test_without_litellm_there_is_no_headline() -> None:
    """Empty, not an error: the rest of the findings stand."""
    arms = {name: cost for name, cost in ARMS.items() if name != "litellm"}
    found = analyse(calls_frame(arms), cold_frame(), [manifest()])
    assert (found.headline.comparisons, found.headline.null_comparisons) == ((), ())
    assert len(found.comparisons) == 1
