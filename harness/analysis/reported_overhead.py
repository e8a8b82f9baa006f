"""Owns the audit of LiteLLM's own figure for its overhead against the measured one. Pure; called by ``analyse``."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from harness.analysis import metrics
from harness.analysis.audits import OverheadAudit
from harness.analysis.blocks import ArmBlocks
from harness.analysis.frames import by_arm


def audit_overheads(measured: pd.DataFrame, arms: Sequence[ArmBlocks]) -> tuple[OverheadAudit, ...]:
    """Medians over the same calls of both figures, per arm and cell that has any, in the order of ``arms``.

    ``measured`` are the usable calls (``frames.with_metrics``); a call without LiteLLM's figure takes no part.
    """
    reported, overhead = metrics.REPORTED_OVERHEAD.name, metrics.OVERHEAD.name
    both = measured[measured[reported].notna()]
    groups = by_arm(both)
    found = ((arm, groups.get(arm.key)) for arm in arms)
    return tuple(
        OverheadAudit(arm.cell, arm.arm, len(group), float(group[reported].median()), float(group[overhead].median()))
        for arm, group in found
        if group is not None
    )
