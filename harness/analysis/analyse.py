"""Owns the way from frames to ``Findings``: the table of contents of analysis. Pure but for ``findings_from``.

Called by ``report``, ``recommend`` and ``commands`` (through ``findings_from``) and by ``calibration``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pandas as pd

from harness import arms as arm_names
from harness.analysis.beside import Beside
from harness.analysis.blocks import ArmBlocks, arm_blocks
from harness.analysis.comparisons import Compared, Differing, compare
from harness.analysis.costs import audit_costs
from harness.analysis.faults import fault_outcomes, retry_facts, unclassified
from harness.analysis.findings import Findings, SelfTest
from harness.analysis.frames import check, usable, with_metrics
from harness.analysis.growth import growth, is_grown
from harness.analysis.headline import headline
from harness.analysis.jobs import job_endings
from harness.analysis.layers import layers
from harness.analysis.limits.curves import limit_curves
from harness.analysis.observed import observed
from harness.analysis.outages import outage_facts
from harness.analysis.pressure import pressures
from harness.analysis.provenance import cell_order, latency_models, run_summary
from harness.analysis.providers import provider_latencies
from harness.analysis.reported_overhead import audit_overheads
from harness.analysis.run_doubts import causality_violations, failed_calls, run_doubts
from harness.analysis.sameness import asked_differently, sameness, wire_parameters
from harness.analysis.structures import audit_structures
from harness.analysis.summaries import summarise, summarise_cold
from harness.analysis.switching import switches
from harness.analysis.traffic import traffic
from harness.dataset.self_tests import SelfTestRecord
from harness.errors import DataError
from harness.record import Manifest
from harness.vocabulary import Backend


class Source(Protocol):
    """Where rows come from; ``harness.dataset.store.Store`` is one."""

    def calls(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Rows of ``calls`` of these runs."""

    def cold(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Rows of ``cold`` of these runs."""

    def requests(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Rows of ``requests`` of these runs."""

    def traffic(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Bytes and connections per run, cell and arm (``Store.traffic``)."""

    def first_calls(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Rows of ``first_calls`` of these runs."""

    def faults(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Rows of ``faults`` of these runs."""

    def outages(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Rows of ``outages`` of these runs."""

    def waits(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """What real calls of these runs say about latency (``Store.waits``)."""

    def attempts(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Rows of ``attempts`` of these runs."""

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
    tests = [_self_test(one) for one in store.self_tests()]
    measured = [each.run_id for each in chosen if each.backend != Backend.PRODUCTION]
    live = [each.run_id for each in chosen if each.backend == Backend.LIVE]
    real = [each.run_id for each in chosen if each.backend != Backend.RECORDED]
    beside = Beside(
        store.requests(measured),
        store.traffic(measured),
        store.first_calls(measured),
        store.faults(measured),
        store.outages(measured),
        store.waits(real) if real else None,
        store.attempts(live) if live else None,
    )
    return analyse(store.calls(measured), store.cold(measured), chosen, tests, beside)


def _self_test(record: SelfTestRecord) -> SelfTest:
    return SelfTest(record.name, record.found, record.required, record.passed, record.measured_at)


def analyse(
    calls: pd.DataFrame,
    cold: pd.DataFrame,
    manifests: Sequence[Manifest],
    self_tests: Sequence[SelfTest] = (),
    beside: Beside | None = None,
) -> Findings:
    """Interpret rows of ``record.Call`` and ``record.Cold``; the order of rows does not matter.

    ``beside`` adds what other frames say; a frame that it lacks leaves its findings empty.

    Every (run, cell) is analysed by itself and runs are never pooled; cells along an axis of size are in ``growth``
    alone, though every count and doubt of the run includes them. Raises DataError in one line: an empty frame, a
    missing column, a manifest without rows, rows without a manifest, damaged JSON in a manifest.
    """
    beside = beside or Beside()
    check(calls, may_be_empty=bool(beside.befallen))
    _check_runs(calls, manifests, beside.befallen)
    ordered = sorted(manifests, key=lambda manifest: (manifest.started_at, manifest.run_id))
    measured = with_metrics(usable(calls))
    everything = _in_plan_order(arm_blocks(calls, measured), ordered)
    arms = _without_grown(everything, ordered)
    runs = tuple(run_summary(manifest) for manifest in ordered)
    requests = beside.requests
    outcomes = fault_outcomes(beside.faults)
    differing = frozenset() if requests is None else asked_differently(requests, arms)
    compared = [_compare_run(arms, manifest, differing) for manifest in ordered]
    summaries = summarise(arms, measured)
    seen = () if beside.waits is None else observed(beside.waits)
    comparisons = tuple(comparison for run in compared for comparison in run.arms)
    return Findings(
        runs=runs,
        headline=headline(comparisons, runs),
        comparisons=comparisons,
        modes=tuple(comparison for run in compared for comparison in run.modes),
        summaries=summaries,
        layers=layers(arms, comparisons),
        cold=summarise_cold(cold),
        latencies=latency_models(ordered),
        doubts=run_doubts(calls, ordered, comparisons),
        calls_total=len(calls),
        calls_failed=failed_calls(calls),
        causality_violations=causality_violations(calls),
        self_tests=tuple(self_tests),
        sameness=() if requests is None else sameness(requests, arms),
        parameters=() if requests is None else wire_parameters(requests, arms),
        traffic=() if beside.traffic is None else traffic(beside.traffic, arms),
        growth=growth(everything, ordered),
        costs=audit_costs(calls, arms, ordered),
        overheads=audit_overheads(measured, arms),
        structures=audit_structures(calls, arms),
        jobs=job_endings(calls, arms),
        switches=switches(beside.first_calls, calls, everything),
        faults=outcomes,
        retries=retry_facts(outcomes),
        outages=outage_facts(beside.outages),
        unclassified=unclassified(outcomes, summaries),
        providers=() if beside.passed_on is None else provider_latencies(beside.passed_on, calls, ordered),
        observed=seen,
        curves=limit_curves(seen),
    )


def _without_grown(arms: Sequence[ArmBlocks], manifests: Sequence[Manifest]) -> tuple[ArmBlocks, ...]:
    grown = {cell for cell in {arm.cell for arm in arms} if is_grown(cell, manifests)}
    return tuple(arm for arm in arms if arm.cell not in grown)


def _compare_run(arms: Sequence[ArmBlocks], manifest: Manifest, differing: Differing) -> Compared:
    return compare([arm for arm in arms if arm.cell.run_id == manifest.run_id], pressures(manifest), differing)


def _check_runs(calls: pd.DataFrame, manifests: Sequence[Manifest], befallen: frozenset[str]) -> None:
    with_rows = {str(run_id) for run_id in calls["run_id"].unique()} | befallen
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
