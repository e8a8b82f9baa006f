"""Owns what became of background jobs: how they ended, in how many requests, after how long. Pure.

Creating, asking and cancelling are HTTP requests of one call, so a job has no overhead and takes part in no comparison.
Called by ``analyse``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from harness.analysis.audits import JobEnding
from harness.analysis.blocks import ArmBlocks
from harness.analysis.frames import NS_PER_S, by_arm, is_background


def job_endings(calls: pd.DataFrame, arms: Sequence[ArmBlocks]) -> tuple[JobEnding, ...]:
    """One entry per arm and cell of background jobs, in the order of ``arms``; all calls, however they ended."""
    groups = by_arm(calls[is_background(calls)])
    found = ((arm, groups.get(arm.key)) for arm in arms)
    return tuple(_ending(arm, group) for arm, group in found if group is not None)


def _ending(arm: ArmBlocks, group: pd.DataFrame) -> JobEnding:
    return JobEnding(
        cell=arm.cell,
        arm=arm.arm,
        calls=len(group),
        endings=_endings(group),
        requests_per_call=float(group["attempts"].mean()),
        duration_p50_s=float(group["duration_ns"].median() / NS_PER_S),
    )


def _endings(group: pd.DataFrame) -> tuple[tuple[str, str | None, int], ...]:
    """(outcome, error type, how many), the most frequent first, then by name."""
    pairs = group[["outcome", "error_type"]].astype("object").itertuples(index=False, name=None)
    counts = Counter((str(outcome), None if pd.isna(kind) else str(kind)) for outcome, kind in pairs)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or ""))
    return tuple((outcome, kind, count) for (outcome, kind), count in ordered)
