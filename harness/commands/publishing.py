"""Owns what ``bench``, ``report`` and ``recommend`` share: from runs in the dataset to settings and a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from harness.analysis.analyse import findings_from
from harness.analysis.findings import Findings
from harness.dataset.store import Store
from harness.fault_plan import PlanKind, plan_kind
from harness.recommend.exports import export
from harness.recommend.recommend import recommend, write_recommendations
from harness.recommend.setting import Setting
from harness.vocabulary import Backend


@dataclass(frozen=True, slots=True)
class Published:
    """A built page with what it says."""

    page: Path
    findings: Findings
    settings: tuple[Setting, ...]


def chosen_runs(store: Store, runs: list[str] | None) -> list[str]:
    """The named runs; or the latest of each kind, of calls, faults and outages, and every import. Raises DataError when
    there is none.
    """
    if runs:
        return [store.manifest(run).run_id for run in runs]
    store.latest()
    every = store.manifests()
    measured = [one for one in every if one.backend != Backend.PRODUCTION]
    latest = {plan_kind(one.plan_text, Path(one.run_id)): one.run_id for one in measured}
    imports = [one.run_id for one in every if one.backend == Backend.PRODUCTION and one.is_complete]
    return [*(latest[kind] for kind in get_args(PlanKind) if kind in latest), *imports]


def publish(store: Store, runs: list[str], out: Path) -> Published:
    """Analyse the runs and write the page and the recommendations into ``out``."""
    from harness.report.build import build_report

    findings = findings_from(store, runs)
    settings = recommend(findings)
    config = export("python", settings, runs, measured_on(store, runs))
    write_recommendations(settings, out, runs)
    return Published(build_report(findings, settings, config, out), findings, settings)


def measured_on(store: Store, runs: list[str]) -> str:
    """The day on which the newest of the runs was made, ISO."""
    return max(store.manifest(run).started_at for run in runs).date().isoformat()
