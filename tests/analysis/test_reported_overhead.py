"""LiteLLM's own figure beside the measured one: medians of the same calls."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from harness.analysis.analyse import analyse
from harness.analysis.audits import OverheadAudit
from tests.analysis.scripted import Condition, Draw, calls_frame, cold_frame, constant, manifest


def rising(draw: Draw) -> NDArray[np.float64]:
    """1 ms, 2 ms, 3 ms, …"""
    return np.linspace(1e6, draw.calls * 1e6, draw.calls)


def audited(calls: pd.DataFrame) -> tuple[OverheadAudit, ...]:
    """The audits of a run."""
    return analyse(calls, cold_frame(), [manifest(blocks=1)]).overheads


def test_medians_of_both_figures_stand_side_by_side() -> None:
    """The scripted LiteLLM reports a third of what it costs."""
    (audit,) = audited(calls_frame({"openai": constant(400), "litellm": rising}, blocks=1, calls=5))
    assert (audit.arm, audit.calls, audit.cell.mode) == ("litellm", 5, "sync")
    assert audit.measured_p50_s == pytest.approx(3e-3)
    assert audit.reported_p50_s == pytest.approx(1e-3)


def test_a_call_without_the_figure_takes_no_part_on_either_side() -> None:
    """Both medians are over the same calls."""
    calls = calls_frame({"litellm": rising}, blocks=1, calls=5)
    calls.loc[calls["sequence"] >= 3, "litellm_reported_overhead_ns"] = pd.NA
    (audit,) = audited(calls)
    assert audit.calls == 3
    assert audit.measured_p50_s == pytest.approx(2e-3)


def test_a_failed_call_takes_no_part() -> None:
    """It has no overhead to hold the figure against."""
    calls = calls_frame({"litellm": rising}, blocks=1, calls=3)
    calls.loc[calls["sequence"] == 2, ["outcome", "error_type"]] = ["error", "other"]
    assert [audit.calls for audit in audited(calls)] == [2]


def test_an_arm_that_reports_nothing_has_no_audit() -> None:
    """The figure is LiteLLM's alone, and its streams have none."""
    calls = calls_frame({"openai": constant(400), "litellm": constant(900)}, [Condition(), Condition(stream=True)])
    calls.loc[calls["request_stream"], "litellm_reported_overhead_ns"] = pd.NA
    assert [(audit.arm, audit.cell.stream) for audit in audited(calls)] == [("litellm", False)]
