"""Owns one run of a fault matrix: the backend with its faults, the groups a few at a time (around an outage, where they
mostly sleep, all at once), the checkpoint after each.

Called by ``commands``. As with any run, what was finished stays, however it ends, and ``--resume`` goes on with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from harness.cassette import Cassette
from harness.conductor.backends import backend_of_run
from harness.conductor.environments import DEFAULT, check_available
from harness.conductor.group_run import Floor, GroupRows, GroupRun
from harness.conductor.manifests import Planned, check_same_versions, new_manifest, with_lost, with_progress
from harness.conductor.matrix import HEALTHY, Cassetted, Group, Matrix
from harness.conductor.prepare import Shelf, load_shelf, question_of
from harness.conductor.processes import WorkerLostError
from harness.conductor.progress import Progress
from harness.conductor.run import TRIES_PER_BLOCK, RunResult
from harness.conductor.turnstile import only_measurement
from harness.dataset.store import Store
from harness.errors import UsageError
from harness.fault import Scenario, load_scenarios
from harness.fault_plan import FaultPlan, FaultPlanFile
from harness.load.outcome import Truth
from harness.plan import Arm, Cell
from harness.record import Manifest
from harness.replay.dialects import dialect_for
from harness.replay.faults import sent
from harness.replay.journal import JournalReader
from harness.replay.launch import BackendProcess
from harness.replay.ledger import Ledger
from harness.vocabulary import Load, Mode, Operation
from harness.workload import load_workload

GROUPS_AT_ONCE = 4


@dataclass(frozen=True)
class FaultCampaign:
    """A fault matrix to measure, and from which files; what is read from them is kept."""

    plan: FaultPlanFile
    seed: int
    benchmarks: Path

    @cached_property
    def scenarios(self) -> dict[str, Scenario]:
        """The plan's scenarios by name; a healthy one is always among them.

        Raises UsageError for an unknown name, and where an outage is to end a fault that is a port's own.
        """
        chosen = self._chosen()
        if self.plan.plan.outage is not None:
            for scenario in chosen.values():
                if scenario.port is not None:
                    raise UsageError(
                        f"plan: faults: expected faults that an outage can end, got {scenario.name!r}, a port's own"
                    )
        return chosen

    def _chosen(self) -> dict[str, Scenario]:
        known, wanted = load_scenarios(self.benchmarks / "faults"), self.plan.plan.faults
        if wanted == "all":
            return known
        if wanted == "representative":
            return {name: scenario for name, scenario in known.items() if scenario.is_representative}
        for name in wanted:
            if name not in known:
                raise UsageError(f"plan: faults: expected one of {', '.join(known)}, got {name!r}")
        return {name: known[name] for name in sorted({*wanted, HEALTHY})}

    @cached_property
    def matrix(self) -> Matrix:
        """Everything concrete but the run's id. Raises UsageError or DataError."""
        shelf = load_shelf(self.benchmarks / "cassettes")
        cassetted = dict(_cassetted(self.plan.plan, shelf, self.benchmarks / "workloads"))
        return Matrix("", self.plan.plan, self.scenarios, cassetted, self.seed)

    @property
    def planned(self) -> Planned:
        """What the manifest keeps of the plan."""
        groups = len(self.matrix.groups())
        return Planned(self.plan.plan.name, self.plan.text, self.plan.sha256, self.seed, groups)

    @property
    def cases(self) -> int:
        """Cases of the whole run."""
        matrix = self.matrix
        return sum(len(matrix.cases(block, group)) for block, group in enumerate(matrix.groups()))


def run_faults(campaign: FaultCampaign, store: Store, progress: Progress, resume: Manifest | None = None) -> RunResult:
    """Measure a fault matrix into ``store``, group by group. Raises HarnessError; finished groups stay."""
    matrix = campaign.matrix
    groups = matrix.groups()
    for group in groups:
        check_available(Arm(group.arm, group.path, environment=group.name.environment or DEFAULT))
    if not groups:
        raise UsageError("plan: arms: expected an arm that speaks to a provider of models in some mode, got none")
    cassettes = campaign.benchmarks / "cassettes"
    used = sorted({cassetted.cassette_id for cassetted in matrix.cassetted.values()})
    with (
        only_measurement(progress.say),
        backend_of_run(cassettes, used, campaign.benchmarks / "faults") as (backend, journal),
    ):
        manifest = resume or new_manifest(campaign.planned, _facts(load_shelf(cassettes), used), backend)
        if resume is not None:
            check_same_versions(manifest, backend)
        store.write_manifest(manifest)
        left = sorted(set(range(len(groups))) - store.blocks_done(manifest.run_id))
        named = replace(matrix, run_id=manifest.run_id)
        for block, rows, lost in _measured(named, {block: groups[block] for block in left}, backend, journal, progress):
            store.write_block(manifest.run_id, block, (), (), (), faults=rows.faults, outages=rows.outages)
            manifest = with_lost(with_progress(manifest, len(store.blocks_done(manifest.run_id))), lost)
            store.write_manifest(manifest)
            progress.block_done(block, manifest.blocks_planned)
        if not manifest.is_complete:
            manifest = with_progress(manifest, len(store.blocks_done(manifest.run_id)))
            store.write_manifest(manifest)
    return RunResult(manifest, ())


def _measured(
    matrix: Matrix, groups: dict[int, Group], backend: BackendProcess, journal: JournalReader, progress: Progress
) -> Iterator[tuple[int, GroupRows, list[str]]]:
    """Groups as they are finished: their block, their rows, and what is to be told of processes that were lost."""
    ledger, floor = Ledger(journal), Floor()

    def measure(block: int, group: Group) -> tuple[GroupRows, list[str]]:
        lost: list[str] = []
        while True:
            try:
                return GroupRun(matrix, block, group, backend, ledger, floor).rows(progress.call_done), lost
            except WorkerLostError as problem:
                lost.append(f"group {group}: {problem}; its cases are measured again")
                if len(lost) == TRIES_PER_BLOCK:
                    raise

    with ThreadPoolExecutor(len(groups) if matrix.plan.outage else GROUPS_AT_ONCE) as pool:
        jobs: dict[Future[tuple[GroupRows, list[str]]], int] = {
            pool.submit(measure, block, group): block for block, group in groups.items()
        }
        try:
            for job in as_completed(jobs):
                rows, lost = job.result()
                yield jobs[job], rows, lost
        finally:
            floor.is_closing.set()
            for job in jobs:
                job.cancel()


def _cassetted(plan: FaultPlan, shelf: Shelf, workloads: Path) -> Iterator[tuple[tuple[str, bool], Cassetted]]:
    workload = load_workload(workloads / f"{plan.workload}.toml")
    for provider, model in plan.models.items():
        for stream in plan.streams:
            cell = Cell("", provider, model, plan.workload, Mode.SYNC, stream, Load.HOT, 1, "none")
            cassette = shelf.find(cell)
            question = question_of(cell, cassette, workload)
            yield (provider, stream), Cassetted(question, cassette.cassette_id, _truth_of(cassette, provider))


def _truth_of(cassette: Cassette, provider: str) -> Callable[[Scenario], Truth]:
    """What a client must hand on under a scenario: the answer as the wire carries it, or the whole one."""

    def truth(scenario: Scenario) -> Truth:
        said = sent(scenario, cassette) if scenario.expected.answer == "as_sent" else cassette
        known = dialect_for(provider, Operation.CHAT).truth(said)
        return Truth(known.text, known.finish_reason, known.tool_calls)

    return truth


def _facts(shelf: Shelf, used: list[str]) -> list[dict[str, object]]:
    return [
        {
            "cassette_id": cassette.cassette_id,
            "sha256": hashlib.sha256(cassette.body).hexdigest(),
            **cassette.head.model_dump(mode="json", include={"provider", "model", "workload", "stream", "origin"}),
            "latency": None,
        }
        for cassette in shelf.cassettes
        if cassette.cassette_id in used
    ]
