"""Owns one run: its id and manifest, the backend's life, the loop over blocks, the checkpoint after each, resuming.

Called by ``commands`` and ``calibration``. A run killed at any moment keeps every block that was finished.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from harness import __version__
from harness.conductor.block import BlockPlan, BlockResult, run_block
from harness.conductor.cells import can_run
from harness.conductor.environments import check_available
from harness.conductor.prepare import Shelf, cassette_facts, load_shelf, prepare_cells
from harness.conductor.processes import WorkerLostError, worker_environment
from harness.conductor.progress import Progress
from harness.conductor.turnstile import only_measurement
from harness.dataset.fingerprint import fingerprint
from harness.dataset.schema import SCHEMA_VERSION, SEMANTIC_CONVENTIONS_VERSION
from harness.dataset.store import Store
from harness.errors import UsageError
from harness.plan import Arm, Cell, PlanFile
from harness.record import Manifest
from harness.replay.journal import JournalReader
from harness.replay.launch import BackendProcess, start_backend
from harness.vocabulary import Backend

LOST_WORKER = "lost_worker"
"""The manifest's doubt when a worker died or hung; a line for each of them stands after it."""

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
    def calls(self) -> int:
        """Measured calls of the whole run."""
        per_block = sum(cell.calls * sum(can_run(arm, cell) for arm in self.arms) for cell in self.cells)
        return self.plan.plan.blocks * per_block


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended."""

    manifest: Manifest
    failures: tuple[str, ...]


def new_run_id(now: datetime) -> str:
    """Sortable by start, unique between runs that start in the same second."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def run(campaign: Campaign, store: Store, progress: Progress, resume: Manifest | None = None) -> RunResult:
    """Measure a campaign into ``store``, block by block. Raises HarnessError; finished blocks stay."""
    for arm in campaign.arms:
        check_available(arm)
    shelf = load_shelf(campaign.benchmarks / "cassettes")
    cells = prepare_cells(campaign.cells, campaign.arms, shelf, campaign.benchmarks / "workloads")
    only = sorted({cell.cassette_id for cell in cells})
    with only_measurement(progress.say), _backend(shelf, only) as (backend, journal):
        manifest = resume or _manifest(campaign, cassette_facts(cells, shelf, campaign.benchmarks), backend)
        if resume is not None:
            _check_same_versions(manifest, backend)
        store.write_manifest(manifest)
        plan = BlockPlan(manifest.run_id, campaign.arms, cells, campaign.plan.plan.warmup, campaign.seed)
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
            manifest = _with_lost(_with_pressure(manifest, result), lost)
            manifest = _with_progress(manifest, len(store.blocks_done(manifest.run_id)))
            store.write_manifest(manifest)
            progress.block_done(block, manifest.blocks_planned)
        if not manifest.is_complete:  # killed between the last block and its manifest, then resumed
            manifest = _with_progress(manifest, len(store.blocks_done(manifest.run_id)))
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


@contextmanager
def _backend(shelf: Shelf, only: Sequence[str]) -> Iterator[tuple[BackendProcess, JournalReader]]:
    """A backend and its journal. The journal's file has no name once both sides hold it open, so that nothing of it
    outlives them, however they end.
    """
    memory = Path("/dev/shm")  # noqa: S108  a private folder is made in it
    with ExitStack() as stack:
        place = memory if os.access(memory, os.W_OK) else None
        with tempfile.TemporaryDirectory(prefix="llm-call-bench-", dir=place) as folder:
            path = Path(folder) / "journal"
            backend = stack.enter_context(start_backend(shelf.folder, path, only=only))
            journal = stack.enter_context(JournalReader(path))
        yield backend, journal


def _manifest(campaign: Campaign, cassettes: list[dict[str, object]], backend: BackendProcess) -> Manifest:
    now = datetime.now(UTC)
    facts = fingerprint(asdict(backend.info), worker_environment())
    return Manifest(
        run_id=new_run_id(now),
        schema_version=SCHEMA_VERSION,
        semantic_conventions_version=SEMANTIC_CONVENTIONS_VERSION,
        started_at=now,
        finished_at=None,
        plan_name=campaign.plan.plan.name,
        plan_text=campaign.plan.text,
        plan_sha256=campaign.plan.sha256,
        seed=campaign.seed,
        backend=str(Backend.RECORDED),
        blocks_planned=campaign.plan.plan.blocks,
        blocks_done=0,
        is_complete=False,
        git_commit=str(facts["git_commit"]) if facts.get("git_commit") else None,
        harness_version=__version__,
        fingerprint=json.dumps(facts, sort_keys=True),
        cassettes=json.dumps(cassettes, sort_keys=True),
        pressure="[]",
    )


def _with_pressure(manifest: Manifest, result: BlockResult) -> Manifest:
    pressure: list[object] = [*json.loads(manifest.pressure), asdict(result.pressure)]
    return replace(manifest, pressure=json.dumps(pressure))


def _with_lost(manifest: Manifest, lost: Sequence[str]) -> Manifest:
    """A client that dies or hangs for ever is a finding, though its block was measured without it in the end."""
    if not lost:
        return manifest
    words = manifest.doubts if LOST_WORKER in manifest.doubts else (*manifest.doubts, LOST_WORKER)
    return replace(manifest, doubts=(*words, *lost))


def _with_progress(manifest: Manifest, blocks_done: int) -> Manifest:
    is_complete = blocks_done == manifest.blocks_planned
    finished_at = datetime.now(UTC) if is_complete else None
    return replace(manifest, blocks_done=blocks_done, is_complete=is_complete, finished_at=finished_at)


def _check_same_versions(manifest: Manifest, backend: BackendProcess) -> None:
    """A run is one population: refuse to go on with it under other library versions."""
    then, now = (
        json.loads(manifest.fingerprint).get("versions"),
        fingerprint(asdict(backend.info), worker_environment()).get("versions"),
    )
    if then != now:
        raise UsageError(
            f"resume: {manifest.run_id}: expected the versions it was started with, got others; start a new run"
        )
