"""Owns the audit of structured answers: our validator's word beside the client's own. Pure; called by ``analyse``."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from harness.analysis.audits import StructureAudit
from harness.analysis.blocks import ArmBlocks
from harness.analysis.frames import by_arm

ACCEPTED = "parsed"
"""The client's word on an answer that it took for a good one; any other word is a complaint, and so is raising."""


def audit_structures(calls: pd.DataFrame, arms: Sequence[ArmBlocks]) -> tuple[StructureAudit, ...]:
    """One audit per arm of every cell in which a structure was asked for, in the order of ``arms``.

    A cell asked for one where our validator judged any answer of any arm; calls without an answer are counted too.
    """
    judged = calls.loc[calls["is_valid_structure"].notna(), ["run_id", "cell_id"]].drop_duplicates()
    asking = {(str(run_id), str(cell_id)) for run_id, cell_id in judged.itertuples(index=False, name=None)}
    groups = by_arm(calls)
    return tuple(_audit(arm, groups[arm.key]) for arm in arms if arm.key[:2] in asking)


def _audit(arm: ArmBlocks, group: pd.DataFrame) -> StructureAudit:
    valid = group["is_valid_structure"].astype("boolean")
    verdict = group["client_verdict"].astype("object")
    silent = verdict.isna() | (verdict == ACCEPTED)
    return StructureAudit(
        cell=arm.cell,
        arm=arm.arm,
        calls=len(group),
        judged=int(valid.notna().sum()),
        valid=int(valid.fillna(False).sum()),
        unnoticed=int((~valid.fillna(True) & silent).sum()),
        outcomes=counted(group["outcome"]),
        verdicts=counted(verdict.dropna()),
    )


def counted(values: pd.Series[str]) -> tuple[tuple[str, int], ...]:
    """Each value with its count, the most frequent first, then by name."""
    counts = {str(value): int(count) for value, count in values.astype("object").value_counts().items()}
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
