"""Owns a run's manifest while it is measured: made at the start, told of every block, checked when the run is resumed.

Called by ``run`` and ``fault_run``, which write it. Pure but for the fingerprint of the machine.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from harness import __version__
from harness.conductor.processes import worker_environment
from harness.dataset.fingerprint import fingerprint
from harness.dataset.schema import SCHEMA_VERSION, SEMANTIC_CONVENTIONS_VERSION
from harness.errors import UsageError
from harness.record import BlockPressure, Manifest
from harness.replay.launch import BackendProcess
from harness.vocabulary import Backend

THROTTLED = "throttled"
"""The manifest's doubt when a live provider refused calls because there were too many."""

LOST_WORKER = "lost_worker"
"""The manifest's doubt when a worker died or hung; a line for each of them stands after it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a manifest keeps of a plan, whichever kind it is."""

    name: str
    text: str
    sha256: str
    seed: int
    blocks: int


def new_run_id(now: datetime) -> str:
    """Sortable by start, unique between runs that start in the same second."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def new_manifest(
    planned: Planned,
    cassettes: Sequence[dict[str, object]],
    backend: BackendProcess,
    kind: Backend = Backend.RECORDED,
) -> Manifest:
    """The manifest of a run that begins now."""
    now = datetime.now(UTC)
    facts = fingerprint(asdict(backend.info), worker_environment())
    return Manifest(
        run_id=new_run_id(now),
        schema_version=SCHEMA_VERSION,
        semantic_conventions_version=SEMANTIC_CONVENTIONS_VERSION,
        started_at=now,
        finished_at=None,
        plan_name=planned.name,
        plan_text=planned.text,
        plan_sha256=planned.sha256,
        seed=planned.seed,
        backend=str(kind),
        blocks_planned=planned.blocks,
        blocks_done=0,
        is_complete=False,
        git_commit=str(facts["git_commit"]) if facts.get("git_commit") else None,
        harness_version=__version__,
        fingerprint=json.dumps(facts, sort_keys=True),
        cassettes=json.dumps(cassettes, sort_keys=True),
        pressure="[]",
    )


def with_pressure(manifest: Manifest, pressure: BlockPressure) -> Manifest:
    """One block's pressure more."""
    seen: list[object] = [*json.loads(manifest.pressure), asdict(pressure)]
    return replace(manifest, pressure=json.dumps(seen))


def with_lost(manifest: Manifest, lost: Sequence[str]) -> Manifest:
    """A client that dies or hangs for ever is a finding, though its block was measured without it in the end."""
    if not lost:
        return manifest
    words = manifest.doubts if LOST_WORKER in manifest.doubts else (*manifest.doubts, LOST_WORKER)
    return replace(manifest, doubts=(*words, *lost))


def with_throttled(manifest: Manifest, times: int) -> Manifest:
    """A provider answered 429 so often: what was measured meanwhile is not its usual pace."""
    if not times:
        return manifest
    others = tuple(line for line in manifest.doubts if line != THROTTLED and not line.startswith(f"{THROTTLED}:"))
    return replace(manifest, doubts=(*others, THROTTLED, f"{THROTTLED}: 429 was answered to {times} calls"))


def with_progress(manifest: Manifest, blocks_done: int) -> Manifest:
    """So many blocks are on disk; with the last one the run is complete."""
    is_complete = blocks_done == manifest.blocks_planned
    finished_at = datetime.now(UTC) if is_complete else None
    return replace(manifest, blocks_done=blocks_done, is_complete=is_complete, finished_at=finished_at)


def check_same_versions(manifest: Manifest, backend: BackendProcess) -> None:
    """A run is one population: raise UsageError rather than go on with it under other library versions."""
    then, now = (
        json.loads(manifest.fingerprint).get("versions"),
        fingerprint(asdict(backend.info), worker_environment()).get("versions"),
    )
    if then != now:
        raise UsageError(
            f"resume: {manifest.run_id}: expected the versions it was started with, got others; start a new run"
        )
