"""Owns the door of analysis: checks the frames that come in and turns their columns into numbers.

Vectorised only: no per-row Python here or behind it. Called by ``analyse``, ``blocks`` and ``summaries``.
"""

from __future__ import annotations

from dataclasses import fields
from typing import cast

import pandas as pd

from harness.analysis.metrics import METRICS, Metric
from harness.errors import DataError
from harness.record import Call
from harness.vocabulary import Operation, Outcome

NS_PER_S = 1e9
ARM_KEYS = ["run_id", "cell_id", "arm"]
FACTS = [
    "operation_name",
    "provider_name",
    "request_model",
    "workload",
    "mode",
    "request_stream",
    "load",
    "backend",
    "origin",
    "client",
    "client_version",
    "http_library",
    "http_library_version",
]


def check(calls: pd.DataFrame, *, may_be_empty: bool = False) -> None:
    """Raise DataError in one line when the frame lacks a column of ``record.Call``, or is empty and may not be."""
    missing = [f.name for f in fields(Call) if f.name not in calls.columns]
    if missing:
        raise DataError(
            f"calls: expected the column {missing[0]!r}, got none; was this dataset written by the harness?"
        )
    if calls.empty and not may_be_empty:
        raise DataError("calls: expected at least one row, got an empty table; run 'harness bench' first")


def usable(calls: pd.DataFrame) -> pd.DataFrame:
    """The calls that carry an overhead: succeeded, in one attempt, not cut short, joined with the backend's stamps.

    A background job never does: its requests belong to one call, and between them it waits.
    """
    keep = (
        (calls["outcome"] == Outcome.OK.value)
        & ~is_background(calls)
        & (calls["attempts"] == 1)
        & ~calls["is_censored"].astype(bool)
        & calls["overhead_ns"].notna()
    )
    return calls[keep]


def is_background(calls: pd.DataFrame) -> pd.Series[bool]:
    """Which calls are background jobs: many requests and every kind of ending are theirs by design (see ``jobs``)."""
    return calls["operation_name"] == Operation.BACKGROUND.value


def values(calls: pd.DataFrame, metric: Metric) -> pd.Series[float]:
    """One metric per call, float, in its unit (durations in seconds); NaN where it does not apply."""
    total = sum(
        sign * calls[column].astype("float64") for column, sign in zip(metric.columns, metric.signs, strict=True)
    )
    scaled = total / NS_PER_S if metric.unit == "s" else total
    return cast("pd.Series[float]", scaled)


def with_metrics(calls: pd.DataFrame) -> pd.DataFrame:
    """Keys and all metrics of these calls: one column per entry of ``METRICS``, in its unit."""
    keys = calls[[*ARM_KEYS, "block"]]
    return keys.assign(**{metric.name: values(calls, metric) for metric in METRICS})


def by_arm(calls: pd.DataFrame) -> dict[tuple[str, str, str], pd.DataFrame]:
    """These rows by run, cell and arm (``ArmBlocks.key``)."""
    grouped = calls.groupby(ARM_KEYS, observed=True, sort=False)
    return {(str(run), str(cell), str(arm)): group for (run, cell, arm), group in grouped}


def whole_ns(seconds: pd.Series[float]) -> pd.Series[float]:
    """Durations as whole nanoseconds again: sums of those are exact, so the order of rows cannot show in a mean."""
    return (seconds * NS_PER_S).round()


def arm_facts(calls: pd.DataFrame) -> pd.DataFrame:
    """One row per run, cell and arm with its descriptive columns as plain strings, sorted.

    Where rows disagree the alphabetically first word stands, so that one ``authored`` row marks its whole arm.
    """
    distinct = calls[[*ARM_KEYS, *FACTS]].drop_duplicates()
    words = distinct.astype({name: "str" for name in [*ARM_KEYS, *FACTS] if name != "request_stream"})
    return words.groupby(ARM_KEYS, sort=True).min().reset_index()
