"""Owns the way from frames to ``Findings``: the table of contents of analysis. Pure but for ``findings_from``.

Called by ``report``, ``recommend`` and ``commands`` (through ``findings_from``) and by ``calibration``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pandas as pd

from harness import arms as arm_names
from harness.analysis.blocks import ArmBlocks, arm_blocks
from harness.analysis.comparisons import Compared, compare
from harness.analysis.findings import Findings, SelfTest
from harness.analysis.frames import check, usable, with_metrics
from harness.analysis.headline import headline
from harness.analysis.layers import layers
from harness.analysis.pressure import pressures
from harness.analysis.provenance import cell_order, latency_models, run_summary
from harness.analysis.run_doubts import causality_violations, failed_calls, run_doubts
from harness.analysis.summaries import summarise, summarise_cold
from harness.dataset.self_tests import SelfTestRecord
from harness.errors import DataError
from harness.record import Manifest


class Source(Protocol):
    """Where rows come from; ``harness.dataset.store.Store`` is one."""

    def calls(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Rows of ``calls`` of these runs."""

    def cold(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Rows of ``cold`` of these runs."""

    def manifests(self) -> Sequence[Manifest]:
        """All runs."""

    def self_tests(self) -> Sequence[SelfTestRecord]:
        """The newest lines of the instrument's test of itself."""


def findings_from(store: Source, run_ids: Sequence[str]) -> Findings:
    """Analyse these runs of a dataset. Raises DataError for a run that is unknown or has no rows."""
    manifests = {manifest.run_id: manifest for manifest in store.manifests()}
    for run_id in run_ids:
        if run_id not in manifests:
            raise DataError(f"run {run_id}: expected a run of this dataset, got none; see 'harness list runs'")
    chosen = [manifests[run_id] for run_id in dict.fromkeys(run_ids)]
    return analyse(store.calls(run_ids), store.cold(run_ids), chosen, [_self_test(one) for one in store.self_tests()])


def _self_test(record: SelfTestRecord) -> SelfTest:
    return SelfTest(record.name, record.found, record.required, record.passed, record.measured_at)


def analyse(
    calls: pd.DataFrame, cold: pd.DataFrame, manifests: Sequence[Manifest], self_tests: Sequence[SelfTest] = ()
) -> Findings:
    """Interpret rows of ``record.Call`` and ``record.Cold``; the order of rows does not matter.

    Every (run, cell) is analysed by itself and runs are never pooled. Raises DataError in one line: an empty frame,
    a missing column, a manifest without rows, rows without a manifest, damaged JSON in a manifest.
    """
    check(calls)
    _check_runs(calls, manifests)
    ordered = sorted(manifests, key=lambda manifest: (manifest.started_at, manifest.run_id))
    measured = with_metrics(usable(calls))
    arms = _in_plan_order(arm_blocks(calls, measured), ordered)
    runs = tuple(run_summary(manifest) for manifest in ordered)
    compared = [_compare_run(arms, manifest) for manifest in ordered]
    comparisons = tuple(comparison for run in compared for comparison in run.arms)
    return Findings(
        runs=runs,
        headline=headline(comparisons, runs),
        comparisons=comparisons,
        modes=tuple(comparison for run in compared for comparison in run.modes),
        summaries=summarise(arms, measured),
        layers=layers(arms, comparisons),
        cold=summarise_cold(cold),
        latencies=latency_models(ordered),
        doubts=run_doubts(calls, ordered, comparisons),
        calls_total=len(calls),
        calls_failed=failed_calls(calls),
        causality_violations=causality_violations(calls),
        self_tests=tuple(self_tests),
    )


def _compare_run(arms: Sequence[ArmBlocks], manifest: Manifest) -> Compared:
    return compare([arm for arm in arms if arm.cell.run_id == manifest.run_id], pressures(manifest))


def _check_runs(calls: pd.DataFrame, manifests: Sequence[Manifest]) -> None:
    with_rows = {str(run_id) for run_id in calls["run_id"].unique()}
    known = {manifest.run_id for manifest in manifests}
    for run_id in sorted(known - with_rows):
        raise DataError(f"run {run_id}: expected calls of at least one finished block, got none; resume or repeat it")
    for run_id in sorted(with_rows - known):
        raise DataError(f"run {run_id}: expected its manifest beside its calls, got none; restore results/runs")


def _in_plan_order(arms: Sequence[ArmBlocks], manifests: Sequence[Manifest]) -> tuple[ArmBlocks, ...]:
    """Runs oldest first, cells as the plan lists them (others after, by name), arms by their place in the stack."""
    runs = {manifest.run_id: (position, cell_order(manifest)) for position, manifest in enumerate(manifests)}

    def place(arm: ArmBlocks) -> tuple[int, int, str, tuple[int, str]]:
        position, cells = runs[arm.cell.run_id]
        cell_id = arm.cell.cell_id
        return position, cells.get(cell_id, len(cells)), cell_id, arm_names.place(arm.arm)

    return tuple(sorted(arms, key=place))
