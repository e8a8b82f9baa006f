"""Owns one run: its id and manifest, the backend's life, the loop over blocks, the checkpoint after each, resuming.

Called by ``commands`` and ``calibration``. A run killed at any moment keeps every block that was finished.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.conductor.backends import backend_of_run
from harness.conductor.block import BlockResult, run_block
from harness.conductor.cells import can_run
from harness.conductor.environments import check_available
from harness.conductor.manifests import (
    Planned,
    check_same_versions,
    new_manifest,
    with_lost,
    with_pressure,
    with_progress,
)
from harness.conductor.prepare import cassette_facts, load_shelf, prepare_cells
from harness.conductor.processes import WorkerLostError
from harness.conductor.progress import Progress
from harness.conductor.seats import BlockPlan
from harness.conductor.turnstile import only_measurement
from harness.dataset.store import Store
from harness.plan import Arm, Cell, PlanFile
from harness.record import Manifest
from harness.replay.journal import JournalReader
from harness.replay.launch import BackendProcess

TRIES_PER_BLOCK = 2
"""A block whose worker was lost is measured once more, in fresh processes, before the run gives up."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What to measure and from which files; ``arms`` may carry planted effects that no plan file can express."""

    plan: PlanFile
    arms: tuple[Arm, ...]
    cells: tuple[Cell, ...]
    seed: int
    benchmarks: Path

    @property
    def planned(self) -> Planned:
        """What the manifest keeps of the plan."""
        plan = self.plan.plan
        return Planned(plan.name, self.plan.text, self.plan.sha256, self.seed, plan.blocks)

    @property
    def calls(self) -> int:
        """Measured calls of the whole run."""
        per_block = sum(cell.calls * sum(can_run(arm, cell) for arm in self.arms) for cell in self.cells)
        return self.plan.plan.blocks * per_block


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended."""

    manifest: Manifest
    failures: tuple[str, ...]


def run(campaign: Campaign, store: Store, progress: Progress, resume: Manifest | None = None) -> RunResult:
    """Measure a campaign into ``store``, block by block. Raises HarnessError; finished blocks stay."""
    for arm in campaign.arms:
        check_available(arm)
    shelf = load_shelf(campaign.benchmarks / "cassettes")
    cells = prepare_cells(campaign.cells, campaign.arms, shelf, campaign.benchmarks / "workloads")
    only = sorted({cell.cassette_id for cell in cells})
    with only_measurement(progress.say), backend_of_run(shelf.folder, only) as (backend, journal):
        manifest = resume or new_manifest(campaign.planned, cassette_facts(cells, shelf, campaign.benchmarks), backend)
        if resume is not None:
            check_same_versions(manifest, backend)
        store.write_manifest(manifest)
        plan = BlockPlan(
            manifest.run_id, campaign.arms, cells, campaign.plan.plan.warmup, campaign.seed, campaign.plan.plan.together
        )
        failures: list[str] = []
        for block in sorted(set(range(manifest.blocks_planned)) - store.blocks_done(manifest.run_id)):
            result, lost = _measure(plan, block, backend, journal, progress)
            failures += result.failures
            store.write_block(
                manifest.run_id,
                block,
                result.calls,
                result.attempts,
                result.cold,
                result.first_calls,
                result.requests,
            )
            manifest = with_lost(with_pressure(manifest, result.pressure), lost)
            manifest = with_progress(manifest, len(store.blocks_done(manifest.run_id)))
            store.write_manifest(manifest)
            progress.block_done(block, manifest.blocks_planned)
        if not manifest.is_complete:  # killed between the last block and its manifest, then resumed
            manifest = with_progress(manifest, len(store.blocks_done(manifest.run_id)))
            store.write_manifest(manifest)
    return RunResult(manifest, tuple(failures))


def _measure(
    plan: BlockPlan, block: int, backend: BackendProcess, journal: JournalReader, progress: Progress
) -> tuple[BlockResult, list[str]]:
    """The block, and what is to be told of workers that were lost on the way to it."""
    told: list[str] = []
    for attempt in range(1, TRIES_PER_BLOCK + 1):
        try:
            result = run_block(plan, block, backend, journal, progress.call_done)
        except WorkerLostError as lost:
            if attempt == TRIES_PER_BLOCK:
                raise
            told.append(f"block {block + 1}: {lost}; its calls are discarded and the block is measured again")
            progress.say(told[-1])
        else:
            replaced = [f"block {block + 1}: {line}" for line in result.lost]
            for line in replaced:
                progress.say(line)
            return result, told + replaced
    raise AssertionError("unreachable: the loop returns or raises")
