"""Owns one run: its id and manifest, the backend's life, the loop over blocks, the checkpoint after each, resuming.

Called by ``commands`` and ``calibration``. A run killed at any moment keeps every block that was finished.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.conductor.backends import backend_of_run
from harness.conductor.block import BlockResult, run_block
from harness.conductor.budget import Budget, worst_cases
from harness.conductor.cells import CellPlan, can_run
from harness.conductor.environments import check_available
from harness.conductor.live import CALL_TIMEOUT_S, Live, Throttle, look_at
from harness.conductor.manifests import (
    Planned,
    check_same_versions,
    new_manifest,
    with_lost,
    with_pressure,
    with_progress,
    with_throttled,
)
from harness.conductor.prepare import Shelf, cassette_facts, live_cells, load_shelf, prepare_cells
from harness.conductor.processes import WorkerLostError
from harness.conductor.progress import Progress
from harness.conductor.reach import Reach
from harness.conductor.seats import BlockPlan
from harness.conductor.turnstile import only_measurement
from harness.dataset.store import Store
from harness.plan import Arm, Cell, PlanFile
from harness.prices import load_prices
from harness.record import Manifest
from harness.replay.certificates import make_certificate
from harness.replay.journal import JournalReader
from harness.replay.launch import BackendProcess
from harness.vocabulary import Backend

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
    live: Live | None = None

    @property
    def backend(self) -> Backend:
        """Who answers."""
        return Backend.RECORDED if self.live is None else Backend.LIVE

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
    live = campaign.live
    shelf = load_shelf(campaign.benchmarks / "cassettes")
    cells = prepare_cells(campaign.cells, campaign.arms, shelf, campaign.benchmarks / "workloads")
    facts = cassette_facts(cells, shelf, campaign.benchmarks)
    worst = () if live is None else worst_cases(cells, load_prices(campaign.benchmarks / "prices.toml"), live)
    with only_measurement(progress.say), _backend(campaign, shelf, cells) as (backend, journal, authority):
        if live is not None:
            look_at(live, backend)
            cells = live_cells(cells, CALL_TIMEOUT_S)
        manifest = resume or new_manifest(campaign.planned, facts, backend, campaign.backend)
        if resume is not None:
            check_same_versions(manifest, backend)
        store.write_manifest(manifest)
        plan = BlockPlan(
            run_id=manifest.run_id,
            arms=campaign.arms,
            cells=cells,
            warmup=campaign.plan.plan.warmup,
            seed=campaign.seed,
            reach=Reach.of(backend, None if live is None else live.keys),
            together=campaign.plan.plan.together,
            authority=authority,
            budget=Budget(None if live is None else live.max_cost_usd),
            throttle=Throttle(None if live is None else live.per_minute),
            stop_after_failures=campaign.plan.plan.stop_after_failures,
            worst=worst,
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
            manifest = with_throttled(manifest, plan.throttle.throttled)
            manifest = with_progress(manifest, len(store.blocks_done(manifest.run_id)))
            store.write_manifest(manifest)
            progress.block_done(block, manifest.blocks_planned)
        if not manifest.is_complete:  # killed between the last block and its manifest, then resumed
            manifest = with_progress(manifest, len(store.blocks_done(manifest.run_id)))
            store.write_manifest(manifest)
        if live is not None:
            progress.say(f"{plan.budget.spent_usd:.4f} USD spent, by list prices and the usage that answers tell")
            for line in backend.status().not_recorded if live.record else ():
                progress.say(line)
    return RunResult(manifest, tuple(failures))


@contextmanager
def _backend(
    campaign: Campaign, shelf: Shelf, cells: Sequence[CellPlan]
) -> Iterator[tuple[BackendProcess, JournalReader, Path | None]]:
    """The campaign's backend and its journal, and the authority that clients are to trust where it serves TLS."""
    only, live = sorted({cell.cassette_id for cell in cells}), campaign.live
    with ExitStack() as stack:
        secured = None
        if campaign.plan.plan.tls:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="llm-call-bench-"))
            secured = make_certificate(Path(folder))
        passing = None if live is None else live.passing
        backend, journal = stack.enter_context(backend_of_run(shelf.folder, only, passing=passing, secured=secured))
        yield backend, journal, None if secured is None else secured.authority


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
