"""Owns the self-test from start to end: measure the campaigns into a dataset of their own, judge, return the records.

Called by ``harness self``. The rows are temporary; the records are what is kept.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from harness.analysis.blocks import ArmBlocks, arm_blocks
from harness.analysis.frames import usable, with_metrics
from harness.calibration.campaigns import Sizes, copies_campaign, planted_campaigns
from harness.calibration.judge import false_positives, invariants, pacing, planted_effects
from harness.conductor.progress import Progress
from harness.conductor.run import Campaign, run
from harness.dataset.self_tests import SelfTestRecord
from harness.dataset.store import Store

Shown = Callable[[int], AbstractContextManager[Progress]]


def self_tests(sizes: Sizes, benchmarks: Path, shown: Shown) -> list[SelfTestRecord]:
    """Measure and judge everything. Takes minutes (``QUICK``) or hours (``FULL``). Raises HarnessError."""
    records: list[SelfTestRecord] = []
    every_call = []
    for copies in sizes.copies:
        calls, _ = _measure(copies_campaign(copies, benchmarks), shown)
        records.append(false_positives(_blocks(calls), copies, _now()))
        every_call.append(calls)
    hot, paced = planted_campaigns(sizes, benchmarks)
    hot_calls, _ = _measure(hot, shown)
    paced_calls, attempts = _measure(paced, shown)
    records += planted_effects([*_blocks(hot_calls), *_blocks(paced_calls)], _now())
    records += invariants(pd.concat([*every_call, hot_calls, paced_calls]), _now())
    records.append(pacing(attempts, _now()))
    return records


def _measure(campaign: Campaign, shown: Shown) -> tuple[pd.DataFrame, pd.DataFrame]:
    with tempfile.TemporaryDirectory(prefix="llm-call-bench-") as folder, shown(campaign.calls) as progress:
        store = Store(Path(folder))
        run_id = run(campaign, store, progress).manifest.run_id
        return store.calls([run_id]), store.attempts([run_id])


def _blocks(calls: pd.DataFrame) -> tuple[ArmBlocks, ...]:
    return arm_blocks(calls, with_metrics(usable(calls)))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
