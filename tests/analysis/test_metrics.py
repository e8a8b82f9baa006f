"""Metrics say what they are, and are computed as they say."""

from __future__ import annotations

from dataclasses import fields

import pytest

from harness.analysis.frames import usable, values, with_metrics
from harness.analysis.metrics import DEFINITIONS, DURATION, METRICS, OVERHEAD, SERVER, TAIL, Metric
from harness.record import Call
from tests.analysis.scripted import Condition, calls_frame, noisy


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_has_its_unit_formula_description_and_columns_of_a_call(metric: Metric) -> None:
    """Nothing is printed that cannot be explained."""
    assert set(metric.columns) <= {field.name for field in fields(Call)}
    assert len(metric.columns) == len(metric.signs) >= 1
    assert all((metric.unit, metric.formula, metric.description))
    assert (metric.unit == "s") == all(column.endswith("_ns") for column in metric.columns)


def test_metric_names_are_unique() -> None:
    """A name means one formula."""
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_the_words_that_tools_define_differently_are_defined() -> None:
    """Three words, each with a formula that subtracts."""
    assert [name for name, _ in DEFINITIONS] == ["TTFT", "ITL", "TPOT"]
    assert all("−" in formula or "between" in formula for _, formula in DEFINITIONS)


def test_overhead_and_server_time_make_up_the_duration() -> None:
    """In every call, in seconds."""
    frame = calls_frame({"openai": noisy(400)}, [Condition(load="paced", service_ns=20_000_000)])
    table = with_metrics(frame)
    whole = table[OVERHEAD.name] + table[SERVER.name]
    assert whole.tolist() == pytest.approx(table[DURATION.name].tolist(), abs=1e-12)


def test_a_metric_is_absent_where_one_of_its_columns_is_null() -> None:
    """A whole answer has no tail."""
    frame = calls_frame({"openai": noisy(400)}, [Condition(), Condition(stream=True)])
    has_tail = values(frame, TAIL).notna()
    assert has_tail.tolist() == frame["request_stream"].tolist()


@pytest.mark.parametrize(
    ("column", "value"), [("outcome", "timeout"), ("attempts", 2), ("is_censored", True), ("overhead_ns", None)]
)
def test_a_call_that_did_not_simply_succeed_is_not_usable(column: str, value: str | int | bool | None) -> None:
    """Failed, repeated, cut short, or never joined with the backend's stamps."""
    frame = calls_frame({"openai": noisy(400)}).astype({"overhead_ns": "float64"})
    frame.loc[3, column] = value
    assert usable(frame).index.tolist() == [index for index in frame.index if index != 3]
