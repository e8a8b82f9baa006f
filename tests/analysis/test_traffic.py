"""Traffic: aggregated rows become values in the order of the arms."""

from __future__ import annotations

import math

import pandas as pd

from harness.analysis.audits import Traffic
from harness.analysis.blocks import arm_blocks
from harness.analysis.frames import usable, with_metrics
from harness.analysis.traffic import traffic
from tests.analysis.scripted import Condition, calls_frame, constant

CALLS = calls_frame({"litellm": constant(900), "openai": constant(300)}, [Condition()])
ARMS = arm_blocks(CALLS, with_metrics(usable(CALLS)))
COLUMNS = ["run_id", "cell_id", "arm", "calls", "request_bytes_p50", "response_bytes_p50", "connections", "reuse"]


def rows(*listed: tuple[object, ...]) -> pd.DataFrame:
    """What the store aggregated, for the one cell."""
    return pd.DataFrame([("run-1", Condition().cell_id, *row) for row in listed], columns=COLUMNS)


def test_each_arm_gets_its_row() -> None:
    """Numbers go through as they are."""
    frame = rows(("openai", 60, 412.0, 873.5, 6, 0.9), ("litellm", 60, 500.0, 873.0, 7, 0.8))
    found = {one.arm: one for one in traffic(frame, ARMS)}
    assert list(found) == [arm.arm for arm in ARMS]
    assert found["openai"] == Traffic(ARMS[0].cell, "openai", 60, 412.0, 873.5, 6, 0.9)


def test_an_arm_that_never_reached_the_wire_has_no_traffic() -> None:
    """NaN must not reach the findings, which are JSON."""
    frame = rows(("openai", 60, math.nan, math.nan, 0, math.nan))
    assert traffic(frame, ARMS) == ()
